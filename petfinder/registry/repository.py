"""PetRepository: pets in and out of one index; insert in bulk, find the nearest."""

from __future__ import annotations

import math
import os
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any, Generic, Literal
from weakref import WeakValueDictionary

import numpy as np

from petfinder.domain.errors import (
    DuplicatePet,
    EditConflict,
    IndexExists,
    IndexMismatch,
    IndexNotFound,
    InvalidEmbedding,
    InvalidPet,
    InvalidQuery,
    PetfinderError,
    PetNotFound,
    StoreError,
)
from petfinder.domain.filters import LATEST, NEVER, AnyFilter, Cells, PetFilter, Restriction, Span, own_words
from petfinder.domain.matches import Match, Matches, PetRef, Pets, id_of, ids_of
from petfinder.domain.pets import Cat, Dog, Pet, PetT, as_found, species_of
from petfinder.domain.reports import BulkReport, Failure, Ignored, OddPhoto
from petfinder.domain.text import words
from petfinder.domain.values import check_choice, check_kind, check_similarity, epoch_seconds
from petfinder.domain.vectors import unit
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import Encoder, EncoderIdentity
from petfinder.registry.documents import TELLING, Embeddings, lacking, remembered_by, to_document, to_pet, waiting
from petfinder.registry.encoder_choice import check_is_store, new_spec
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, Nearest, Outcome, Query, WriteMode

OnConflict = Literal["error", "replace", "skip"]
EDIT_TRIES = 5
_FIRST_PAUSE = 0.05  # seconds, at most; three times as long before each further try
_LONGEST_TURN = 10.0  # seconds that a thread waits for those before it; then it tries all the same
_TURNS: WeakValueDictionary[tuple[str, ...], Any] = WeakValueDictionary()
MOST_NEIGHBOURS = 10_000  # what Elasticsearch allows for num_candidates, and so k, in one search
Missing = Literal["error", "ignore"]
_ALL = Restriction()
_NOT_EMBEDDED = (
    "a photo has no embedding: register the pet with a service, or say pending=True and embed_pending() later"
)


class PetRepository(Generic[PetT]):
    """The pets of one species in one index of a store.

    A class that fixes no species (plain `Pet`) takes the index's. With create=True a missing index is made, for
    `encoder` or the one that is set. Raises IndexNotFound, and IndexMismatch where the index holds another species.
    """

    pet_class: type[PetT]
    all_of_today = False  # whether it is known that no pet here lacks what filters ask for

    def __init__(
        self,
        store: Store,
        index: str,
        *,
        pet_class: type[PetT] | None = None,
        create: bool = False,
        encoder: str | Encoder | None = None,
    ) -> None:
        check_is_store(store)
        check_kind(index, str, "an index is named by its name")
        self.store = store
        self.index = index
        if pet_class is not None:
            self.pet_class = pet_class
        try:
            self.spec = store.spec(index)
        except IndexNotFound:
            if not create:
                raise
            with suppress(IndexExists):  # by another process, in this moment
                store.create_index(index, new_spec(index, self.pet_class, encoder=encoder))
            self.spec = store.spec(index)
        self.species = self.spec.species
        if self.pet_class is not Pet and species_of(self.pet_class) != self.species:
            raise IndexMismatch(f"index {index!r} is of species {self.species!r}, not for a {self.pet_class.__name__}")

    @property
    def encoder_identity(self) -> EncoderIdentity:
        """The encoder that filled this index."""
        return remembered_by(self.spec)

    @property
    def store_key(self) -> str:
        """What tells this store from others: where it is, or which memory."""
        return f"{self.store.location} {id(self.store)}" if self.store.location == ":memory:" else self.store.location

    @property
    def thresholds(self) -> Thresholds | None:
        """The thresholds that were calibrated for this index; None where its encoder's own hold."""
        return Thresholds(**self.spec.thresholds) if self.spec.thresholds else None

    def keep_thresholds(self, thresholds: Thresholds | None) -> None:
        """Remember thresholds with the index (None: its encoder's own hold again)."""
        check_kind(thresholds, Thresholds | None, "thresholds are a petfinder.Thresholds")
        self.store.change_thresholds(self.index, thresholds.model_dump(mode="json") if thresholds else None)
        self.spec = self.store.spec(self.index)

    def check_unchanged(self) -> None:
        """Raise IndexMismatch if the index was rebuilt with another encoder since this repository was opened.

        Where vectors are read, searched or written the store looks at this itself, at that very moment.
        """
        self.store.spec(self.index).check_is(self.spec, name=self.index)

    def to_document(self, pet: PetT, *, mark: str = TELLING) -> Document:
        """Make the document that this index keeps of a pet; raises InvalidPet (another class), InvalidEmbedding."""
        if pet.species != self.species:
            raise InvalidPet(f"{pet.pet_id!r} is a {pet.species}; index {self.index!r} holds pets of {self.species!r}")
        own = type(pet)
        unknown = set() if own is self.pet_class else own.model_fields.keys() - self.pet_class.model_fields.keys()
        if unknown:
            fields, name = ", ".join(sorted(unknown)), type(pet).__name__
            raise InvalidPet(f"{pet.pet_id!r} has {fields}, unlike the pets here; use registry.of({name})")
        return to_document(pet, dims=self.spec.dims, mark=mark)

    def write(
        self, pets: Iterable[PetT | Document], *, on_conflict: OnConflict, mark: str = TELLING
    ) -> Iterator[Outcome]:
        """Write a stream of pets with their embeddings: the one way in. One outcome each, once it is durable.

        `mark`: whether reports that meet are told, or matched quietly. What this index cannot keep comes last, as
        failed. Raises StoreError, and what has no outcome is not written.
        """
        check_choice(on_conflict, OnConflict, what="on_conflict")
        refused: list[Outcome] = []

        def documents() -> Iterator[Document]:
            for pet in pets:
                if isinstance(pet, Document):
                    yield pet
                    continue
                try:
                    yield self.to_document(pet, mark=mark)
                except PetfinderError as error:
                    refused.append(Outcome(pet.pet_id, "failed", error))

        mode: WriteMode = "index" if on_conflict == "replace" else "create"
        try:
            for outcome in self.store.write(self.index, documents(), mode=mode, expected=self.spec):
                there = outcome.result == "exists" and on_conflict == "error"
                yield Outcome(outcome.id, "failed", already_there(outcome.id)) if there else outcome
        except StoreError:
            yield from refused
            raise
        yield from refused

    def insert(self, pet: PetT, *, on_conflict: OnConflict = "error", pending: bool = False) -> None:
        """Put one pet, with its embeddings, into the index; raises DuplicatePet, InvalidPet, InvalidEmbedding.

        A photo without an embedding, which no search finds, is refused; with pending=True embed_pending() embeds it.
        """
        for failure in self.bulk_insert([pet], on_conflict=on_conflict, pending=pending).failures:
            raise failure.error

    def bulk_insert(
        self, pets: Iterable[PetT], *, on_conflict: OnConflict = "skip", pending: bool = False
    ) -> BulkReport:
        """Put a stream of pets, with their embeddings, into the index; every one is in the report, come what may.

        `pending` as in insert. Raises InvalidPet for what is no stream of pets.
        """
        check_stream(pets, "bulk_insert takes a list or stream of pets; insert takes one")
        tally, stream, sent = Tally(), iter(pets), Counter[str]()

        def counted() -> Iterator[PetT]:
            for pet in stream:
                if not isinstance(pet, Pet):
                    tally.failures.append(no_pet(pet))
                elif not pending and any(photo.embedding is None for photo in pet.photos):
                    tally.failures.append(Failure(pet.pet_id, InvalidEmbedding(_NOT_EMBEDDED)))
                else:
                    sent[pet.pet_id] += 1
                    yield pet

        try:
            for outcome in self.write(counted(), on_conflict=on_conflict):
                sent[outcome.id] -= 1
                tally.add(outcome)
        except StoreError as error:
            tally.failures += [Failure(pet_id, error) for pet_id in sent.elements()]
            tally.failures += [Failure(pet.pet_id, error) for pet in stream if isinstance(pet, Pet)]
        return tally.report()

    def search(
        self,
        embedding: Any,
        k: int = 5,
        where: AnyFilter | None = None,
        *,
        min_similarity: float | None = None,
        exact: bool = False,
    ) -> Matches:
        """Find the k pets nearest to one embedding (dims,), without verdict; raises InvalidEmbedding, InvalidQuery."""
        return self.search_many(embedding, k, where, min_similarity=min_similarity, exact=exact)[0]

    def search_many(
        self,
        embeddings: Any,
        k: int = 5,
        where: AnyFilter | None = None,
        *,
        min_similarity: float | None = None,
        exact: bool = False,
        cells: Cells | None = None,
    ) -> Sequence[Matches]:
        """Find for each embedding (m, dims) the k nearest pets, as `search` does, in one request.

        With `cells`, beside them the k nearest of those with a place in these.
        """
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MOST_NEIGHBOURS:
            raise InvalidQuery(f"k must be a number from 1 to {MOST_NEIGHBOURS}; list pages through all pets")
        check_similarity(min_similarity)
        restriction = self._answerable(restriction_of(where))
        vectors = np.atleast_2d(unit(embeddings, dims=self.spec.dims))
        query = Query(vectors, k, restriction, min_similarity, exact, cells)
        return [self._matches(answer) for answer in self.store.nearest(self.index, query, expected=self.spec)]

    def _matches(self, answer: Nearest) -> Matches:
        found = []
        for hit in answer.hits:
            pet = as_found(to_pet(hit.document, self.pet_class))
            photo = next(photo for photo in pet.photos if photo.photo_id == hit.photo_id)
            found.append(Match(pet=pet, photo=photo, similarity=hit.similarity, index=self.index, store=self.store_key))
        return Matches(found=tuple(found), pets_searched=answer.searched, photos_searched=answer.photos)

    def count_pending(self) -> int:
        """Count the pets that wait for an embedding, which no search finds by their photos."""
        return self.store.count(self.index, waiting())

    def get(self, pet_id: PetRef) -> PetT:
        """Read the whole pet, with owner and embeddings; raises PetNotFound."""
        return to_pet(self._document(id_of(pet_id), expected=None), self.pet_class)

    def get_document(self, pet_id: str) -> Document:
        """Read the pet's document with vectors; raises PetNotFound."""
        return self._document(pet_id, expected=self.spec)

    def _document(self, pet_id: str, *, expected: IndexSpec | None) -> Document:
        document = self.store.get(self.index, [pet_id], vectors=True, expected=expected)[0]
        if document is None:
            raise PetNotFound(f"no pet {pet_id!r} in index {self.index!r}; list shows which there are")
        return document

    def update(self, pet_id: PetRef, change: Callable[[PetT], PetT], *, mark: str = TELLING) -> PetT:
        """Change one pet and keep what others change meanwhile: read, change, write back if nobody was faster.

        `change` may be called again on what the others left; where nothing is to be done it returns the very pet it was
        given. Threads take turns, other processes get time between tries. Raises PetNotFound, EditConflict (5 tries).
        """
        pet_id = id_of(pet_id)
        turn = _TURNS.setdefault((self.store_key, self.index, pet_id), RLock())
        mine = turn.acquire(timeout=_LONGEST_TURN)
        try:
            return self._update(pet_id, change, mark=mark)
        finally:
            if mine:
                turn.release()

    def _update(self, pet_id: str, change: Callable[[PetT], PetT], *, mark: str) -> PetT:
        conflict: EditConflict | None = None
        for tried in range(EDIT_TRIES):
            if tried:
                time.sleep(random.uniform(0, _FIRST_PAUSE * 3 ** (tried - 1)))
            document = self.get_document(pet_id)
            kept = to_pet(document, self.pet_class)
            changed = change(kept)
            if changed is kept:
                return kept
            new, fields = self.to_document(changed, mark=mark), self.pet_class.model_fields
            unknown = {name: value for name, value in document.body.items() if name not in fields}  # of a richer class
            body = {**unknown, **new.body}
            terms = {**new.terms, "own": own_words(body)} if unknown else new.terms
            new = replace(new, version=document.version, body=body, terms=terms)
            try:
                self.store.replace(self.index, new, expected=self.spec)
            except EditConflict as error:
                conflict = error
            else:
                return changed
        raise EditConflict(f"pet {pet_id!r} was changed by others {EDIT_TRIES} times; try again") from conflict

    def remove(self, pet_ids: PetRef | Iterable[PetRef], *, missing: Missing = "error") -> tuple[str, ...]:
        """Erase pets with owner, photos and thumbnails and return the ids that were there.

        With missing="error" an unknown id raises PetNotFound and nothing is removed.
        """
        check_choice(missing, Missing, what="missing")
        ids = ids_of(pet_ids)
        if missing == "error":
            there = self.store.get(self.index, ids)
            unknown = [pet_id for pet_id, document in zip(ids, there, strict=True) if document is None]
            if unknown:
                raise PetNotFound(f"nothing removed: no pet {', '.join(map(repr, unknown[:5]))} in {self.index!r}")
        removed = self.store.delete(self.index, ids)
        return tuple(pet_id for pet_id in ids if pet_id in removed)

    def scan(self, restriction: Restriction = _ALL, *, after: str | None = None) -> Iterator[PetT]:
        """Stream the pets that pass, in the order of their ids, those behind `after`; without embeddings."""
        for document in self.store.scan(self.index, self._answerable(restriction), after=after or ""):
            yield to_pet(document, self.pet_class)

    def list(
        self,
        where: AnyFilter | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> Pets[PetT]:
        """List the pets that pass, by id, or `newest` (registered) first; a page of `limit` behind the id `after`."""
        restriction = restriction_of(where)
        pets = self._newest(restriction, after, limit) if newest else self.scan(restriction, after=after)
        return Pets(pets if limit is None else islice(pets, limit), self.thumbnails)

    def _newest(self, restriction: Restriction, after: str | None, limit: int | None) -> Iterator[PetT]:
        """Sort what may be on the page: all since the latest moment that leaves enough, found by halving."""
        behind = _age(self.get(after)) if after else (-math.inf, "")
        last = LATEST if after is None else NEVER if behind[0] == math.inf else -int(behind[0])

        def since(first: int, last: int) -> Restriction:
            return replace(restriction, spans=(*restriction.spans, Span("registered", first, last)))

        def too_few(first: int) -> bool:
            return limit is None or self.store.count(self.index, since(first, last - 1)) < limit

        first = NEVER + max(0, bisect_left(range(NEVER, last), True, key=too_few) - 1)
        left = (pet for pet in self.scan(since(first, last)) if _age(pet) > behind)
        return iter(sorted(left, key=_age))

    def count(self, where: AnyFilter | None = None) -> int:
        """Count the pets that pass."""
        return self.store.count(self.index, self._answerable(restriction_of(where)))

    def _answerable(self, restriction: Restriction) -> Restriction:
        """The restriction; raises InvalidQuery where pets of an earlier version lack what it asks for."""
        asked = [field for field, _ in restriction.terms if field in ("name", "own")]
        asked += [span.what for span in restriction.spans if span.what != "taken"]
        if asked and not self.all_of_today:
            if earlier := lacking(self.store, self.index):
                problem = f"{earlier} of the pets in {self.index!r} were written before one could ask for {asked[0]}"
                raise InvalidQuery(f"{problem}; `petfinder index rebuild {self.index}` makes them ready")
            self.all_of_today = True
        return restriction

    def with_words(self, text: str, where: AnyFilter | None = None) -> Iterator[PetT]:
        """Stream pets with all words of the text in name, breed, colour, tags or note; raises InvalidQuery for none."""
        wanted = words(text) if isinstance(text, str) else ()
        if not wanted:
            raise InvalidQuery("a text search needs at least one word")
        return self.scan(restriction_of(where).also(tuple(("words", (word,)) for word in wanted)))

    def pets_of_photos(self, photo_ids: Sequence[str]) -> Iterator[PetT]:
        """Stream pets that have one of these photos, whatever their id."""
        return self.scan(_ALL.also((("photo", tuple(photo_ids)),))) if photo_ids else iter(())

    def pending(self) -> Iterator[PetT]:
        """Stream pets with photos that have no embedding yet, with the embeddings that they have."""
        for document in self.store.scan(self.index, waiting(), vectors=True, expected=self.spec):
            yield to_pet(document, self.pet_class)

    def embeddings(self, pet_ids: PetRef | Iterable[PetRef] | None = None) -> Embeddings:
        """Read the photo embeddings of all pets, or of those named; raises PetNotFound."""
        if pet_ids is None:
            documents = [*self.store.scan(self.index, _ALL, vectors=True, expected=self.spec)]
        else:
            documents = [self.get_document(pet_id) for pet_id in ids_of(pet_ids)]
        owners = [(document.id, photo_id) for document in documents for photo_id in document.photo_ids]
        matrix = np.concatenate([np.zeros((0, self.spec.dims), np.float32), *(d.vectors for d in documents)])
        return Embeddings(tuple(pet for pet, _ in owners), tuple(photo for _, photo in owners), matrix)

    def thumbnails(self, photos: Sequence[tuple[str, str]]) -> Sequence[bytes | None]:
        """Read the EXIF-free JPEGs of photos, each named by (pet_id, photo_id); None where there is none."""
        return self.store.thumbnails(self.index, photos)


class DogRepository(PetRepository[Dog]):
    """Dogs in and out of one index."""

    pet_class = Dog


class CatRepository(PetRepository[Cat]):
    """Cats in and out of one index."""

    pet_class = Cat


def restriction_of(where: AnyFilter | None) -> Restriction:
    """Give what a store checks for a filter, a mapping of its fields, or None: all pets."""
    return wanted.restriction() if (wanted := PetFilter.of(where)) else _ALL


def check_stream(pets: object, sentence: str) -> None:
    """Raise InvalidPet for what is no stream of pets: one pet, a path, a mapping."""
    if isinstance(pets, (Pet, str, os.PathLike, Mapping)) or not isinstance(pets, Iterable):
        raise InvalidPet(sentence)


def no_pet(item: object) -> Failure:
    """The failure of what came where a pet should; it is not repeated, for it may hold contact."""
    refused = InvalidPet(f"this is no pet but a {type(item).__name__}; read_folder makes pets of photos")
    return Failure(str(item)[:80] if isinstance(item, (str, Path)) else f"a {type(item).__name__}", refused)


def _age(pet: Pet) -> tuple[float, str]:
    return -epoch_seconds(pet.registered_at) if pet.registered_at else math.inf, pet.pet_id


def already_there(pet_id: str) -> DuplicatePet:
    """The error for a pet that is registered already."""
    return DuplicatePet(f'pet {pet_id!r} is registered already: another id, update it, or on_conflict="replace"')


@dataclass
class Tally:
    """What became of the pets of one call so far: a BulkReport in the making."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    odd: list[OddPhoto] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    pending: int = 0

    def add(self, outcome: Outcome) -> None:
        """Take in what became of one pet."""
        if outcome.result == "failed":
            self.failures.append(Failure(outcome.id, outcome.error or StoreError("the store did not say why")))
        else:
            getattr(self, "skipped" if outcome.result == "exists" else outcome.result).append(outcome.id)

    def report(self) -> BulkReport:
        """The record as a report."""
        lists: dict[str, Any] = {name: tuple(items) for name, items in vars(self).items() if name != "pending"}
        return BulkReport(**lists, pending=self.pending)
