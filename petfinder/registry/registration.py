"""Registration: a stream of pets goes into one index, chunk by chunk: look up, read and encode, write, record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby, islice
from operator import length_hint
from pathlib import Path
from typing import Any, Generic, TypeAlias

import numpy as np
from tqdm import tqdm

from petfinder.domain.animals import several_animals
from petfinder.domain.errors import EditConflict, IndexMismatch, PetfinderError, PetNotFound, StoreError
from petfinder.domain.pets import Pet, PetT
from petfinder.domain.reports import BulkReport, Failure, Ignored, OddPhoto
from petfinder.domain.values import check_choice, now
from petfinder.encoders.base import species_shown
from petfinder.registry.documents import QUIETLY, TELLING, distinct_photos, like_document, to_pet
from petfinder.registry.embed import Reading, embedded, finished, in_parallel, read_again, read_pet
from petfinder.registry.known_photos import gone, hash_of, keeping_embeddings
from petfinder.registry.opened_index import MOVED, OpenedIndex, brings_embedding
from petfinder.registry.progress import progress_bar
from petfinder.registry.repository import OnConflict, PetRepository, Tally, already_there, no_pet
from petfinder.stores.documents import Document, in_chunks
from petfinder.tables.arrays import ArrayPets, PlainPet

Incoming = Iterable["PetT | Failure | Ignored"]
Incomer: TypeAlias = PetT | PlainPet[PetT]
_STRANGERS = 10
_LOOKED_AT = 100  # pets at once
_LOOKED_UP = 8  # pets at once, whose decoded photos wait for it
IN_MEMORY = "a photo given in memory"


class Registration(Generic[PetT]):
    """One run of a registration, and the record of what went in and what did not, item by item.

    `embed=False` leaves the encoder's work to embed_pending(); `strict`: one photo that cannot be used refuses the pet.
    """

    def __init__(
        self, service: OpenedIndex[PetT], *, on_conflict: OnConflict, embed: bool = True, strict: bool = False
    ) -> None:
        check_choice(on_conflict, OnConflict, what="on_conflict")
        self.service, self.on_conflict, self.embed, self.strict = service, on_conflict, embed, strict
        self.index = service.pinned()
        self.tally = Tally()
        self.mark = TELLING if strict else QUIETLY
        self.coming: Iterator[Incomer[PetT]] = iter(())
        self.ended = False
        self.waiting: Incomer[PetT] | None = None  # until its namesake before it is settled
        self.left: dict[str, Incomer[PetT]] = {}  # pets that came, of which nothing is settled yet
        self.likes: dict[int, tuple[int, Document]] = {}  # of plain pets: the second when it was made, and one of them
        self.left_out: dict[str, list[Failure]] = {}  # their photos that cannot be used
        self.several: dict[str, list[OddPhoto]] = {}  # their photos that show more than one
        self.broken: BaseException | None = None  # what the stream raised
        self.rebuilt: IndexMismatch | None = None  # the index was rebuilt meanwhile, with another encoder
        self.bar: tqdm[Any] = tqdm(disable=True)

    def run(self, incoming: Incoming[PetT], *, progress: bool | None) -> BulkReport:
        """Take in the whole stream. A store that fails half way ends the writing; all that is left is reported.

        Where the stream itself raises, what it gave before goes in first, and then its error is raised.
        """
        self.coming = self._pets(incoming.plain if isinstance(incoming, ArrayPets) else iter(incoming))
        with progress_bar(progress, what="registering", total=length_hint(incoming) or None) as self.bar:
            try:
                while self.left or not self.ended:
                    self._put_in()
            except StoreError as lost:
                for pet in chain([*self.left.values()], self._new()):
                    self._fail(pet.pet_id, lost)
        if self.broken is not None:
            raise self.broken
        return self.tally.report()

    def _pets(self, incoming: Iterator[Incomer[PetT] | Failure | Ignored]) -> Iterator[Incomer[PetT]]:
        """The pets of a stream; what is no pet is recorded."""
        while True:
            try:
                item = next(incoming)
            except StopIteration:
                return
            except BaseException as error:  # kept until what came before is written: Ctrl-C too loses nothing
                self.broken = error
                return
            if isinstance(item, (Pet, PlainPet)):
                yield item
                continue
            if isinstance(item, Ignored):
                self.tally.ignored.append(item)
            else:
                self.tally.failures.append(item if isinstance(item, Failure) else no_pet(item))
            self.bar.update()

    def _new(self) -> Iterator[Incomer[PetT]]:
        """The pets to come; one whose namesake is still under way waits until that is settled."""
        while pet := self.waiting or next(self.coming, None):
            self.waiting = pet if pet.pet_id in self.left else None
            if self.waiting:
                return
            self.left[pet.pet_id] = pet
            yield pet
        self.ended = True

    def _put_in(self) -> None:
        """Put in what is left and what comes; where the index was rebuilt meanwhile, take it as it is now."""
        self.left_out, self.several = {}, {}
        coming = in_chunks(chain([*self.left.values()], self._new()))
        ready = self._ready(pet for pets in coming for pet in self._wanted(pets))
        sent: dict[str, Incomer[PetT]] = {}
        taken_in: list[Incomer[PetT]] = []

        def pets() -> Iterator[PetT | Document]:
            for pet in ready:
                sent[pet.pet_id] = pet
                yield self._like_others(pet) if isinstance(pet, PlainPet) else pet

        try:
            for outcome in self.index.repository.write(pets(), on_conflict=self.on_conflict, mark=self.mark):
                self._settle(outcome.id)
                self.tally.add(outcome)
                pet = sent.pop(outcome.id)
                if outcome.result in ("added", "replaced"):
                    taken_in.append(pet)
                if len(taken_in) >= _LOOKED_AT:
                    self._look_at(taken_in)
        except IndexMismatch as error:
            self._look_at(taken_in)  # by the encoder that embedded them
            if not self.service.open_anew(self.index):
                raise
            self.index, self.rebuilt = self.service.pinned(), error
        finally:
            self._look_at(taken_in)

    def _ready(self, pets: Iterable[Incomer[PetT]]) -> Iterator[Incomer[PetT]]:
        """Pets with their photos read and embedded; those that bring all their embeddings need no threads for it."""
        read = partial(read_pet, limits=self.service.limits)
        for way, some in groupby(pets, _way_of):
            if way == "plain":
                yield from some
                continue
            read_all: Any = in_parallel if way == "to read" else map
            new = self._unmoved(read_all(read, some))
            done = embedded(new, self.index.encoder) if self.embed else new
            yield from (finished(reading) for reading in done if self._usable(reading))

    def _like_others(self, pet: PlainPet[PetT]) -> PetT | Document:
        """The document of a plain pet; where none can be made, the pet, to be refused."""
        second, repository = int(time.time()), self.index.repository
        made_at, like = self.likes.get(id(pet.like), (0, None))
        try:
            if like is None or made_at != second:
                whole = pet.whole()
                whole = whole.model_copy(update={"registered_at": whole.registered_at or now()})
                self.likes[id(pet.like)] = (second, like := repository.to_document(whole, mark=self.mark))
            return like_document(pet, like)
        except PetfinderError:
            return pet.whole()

    def _look_at(self, pets: list[Incomer[PetT]]) -> None:
        """Note what waits for its embedding, and what is odd; empties the list."""
        embedded = [
            [pet] if isinstance(pet, PlainPet) else [photo for photo in pet.photos if photo.embedding is not None]
            for pet in pets
        ]
        shown = iter(species_shown(self.index.encoder, [photo.embedding for photos in embedded for photo in photos]))
        for pet, photos in zip(pets, embedded, strict=True):
            species = [*islice(shown, len(photos))]
            if isinstance(pet, PlainPet):
                if species[0] not in (None, pet.like.species):
                    self.tally.odd.append(OddPhoto(pet.pet_id, IN_MEMORY, _looks_like(species[0])))
                continue
            self.tally.pending += len(pet.photos) - len(photos)
            self.tally.odd += [*self.several.pop(pet.pet_id, []), *self._odd(pet, species)]
        pets.clear()

    def _odd(self, pet: PetT, shown: Sequence[str | None]) -> list[OddPhoto]:
        """What is odd about its photos: another species, or unlike all the others of the pet.

        Of 700 photos of pets with several none was less like the others than the best of ten strangers is in 30 %.
        """
        photos = [photo for photo in pet.photos if photo.embedding is not None]
        reasons = [_looks_like(species) if species and species != pet.species else "" for species in shown]
        own = [row for row, reason in enumerate(reasons) if not reason]
        if len(own) > 1:
            rows = np.array([photos[row].embedding for row in own])
            alike = rows @ rows.T - 3 * np.eye(len(own))  # no photo is its own likeness
            least = self.index.thresholds.at(_STRANGERS).possible
            for place in np.flatnonzero(alike.max(axis=1) < least):
                reasons[own[place]] = "looks like no other photo of this pet"
        both = zip(photos, reasons, strict=True)
        return [OddPhoto(pet.pet_id, photo.uri or IN_MEMORY, reason) for photo, reason in both if reason]

    def _settle(self, pet_id: str) -> None:
        del self.left[pet_id]
        self.bar.update()
        self.tally.failures += self.left_out.pop(pet_id, [])

    def _fail(self, pet_id: str, error: PetfinderError) -> None:
        self._settle(pet_id)
        self.tally.failures.append(Failure(pet_id, error))

    def _skip(self, pet_id: str) -> None:
        self._settle(pet_id)
        self.tally.skipped.append(pet_id)

    def _wanted(self, pets: Sequence[Incomer[PetT]]) -> Iterator[Incomer[PetT]]:
        """Those that are to be read and written; the others are settled."""
        repository, ids = self.index.repository, [pet.pet_id for pet in pets]
        replaces = self.on_conflict == "replace"
        there = repository.store.get(repository.index, ids, vectors=replaces, expected=repository.spec)
        for pet, document in zip(pets, there, strict=True):
            if document is None and self.rebuilt is None:
                yield pet
                continue
            pet = pet.whole() if isinstance(pet, PlainPet) else pet
            if self.rebuilt is not None and brings_embedding(pet):
                self._fail(pet.pet_id, self.rebuilt)
            elif document is None:
                yield pet
            elif replaces:
                registered = to_pet(document, repository.pet_class)
                yield keeping_embeddings(pet, registered, repository, limits=self.service.limits)
            elif self.on_conflict == "error":
                self._fail(pet.pet_id, already_there(pet.pet_id))
            else:
                self._note_changed(pet, document)
                self._skip(pet.pet_id)

    def _note_changed(self, pet: PetT, document: Document) -> None:
        known = set(document.terms.get("photo", ()))
        there = {hash_of(photo, limits=self.service.limits) for photo in distinct_photos(pet.photos)}
        if there - known - {None} or (None not in there and len(there) < len(known)):  # None: it cannot be read today
            self.tally.changed.append(pet.pet_id)

    def _unmoved(self, readings: Iterable[Reading[PetT]]) -> Iterator[Reading[PetT]]:
        """Skip pets all of whose photos are registered under another id, from files that are no longer there."""
        if self.strict or self.on_conflict != "skip":
            yield from readings
            return
        for some in in_chunks(readings, most=_LOOKED_UP):
            ids = {read.photo.photo_id for reading in some for read in reading.photos if read.picture is not None}
            there = [*self.index.repository.pets_of_photos(sorted(filter(None, ids)))]
            for reading in some:
                if any(_is_moved(reading, pet) for pet in there):
                    self._skip(reading.subject.pet_id)
                else:
                    yield reading

    def _usable(self, reading: Reading[PetT]) -> bool:
        """Note photos that cannot be used, or show several animals; False, and a failure, where the pet is refused."""
        pet_id = reading.subject.pet_id
        unusable = [(read.photo, read.error) for read in reading.photos if read.error]
        none_left = bool(unusable) and len(unusable) == len(reading.photos)
        refusal = unusable[0][1] if none_left else None
        if self.strict:
            refusal = [*reading.picture_errors.values(), *(error for _, error in unusable), None][0]
        left_out = self.left_out.setdefault(pet_id, [])
        for photo, error in unusable[1:] if none_left else unusable:
            left_out.append(Failure(pet_id, error, photo.uri or IN_MEMORY))
        left_out += [Failure(pet_id, error, f"the {who}'s picture") for who, error in reading.picture_errors.items()]
        self.several[pet_id] = [
            OddPhoto(pet_id, read.photo.uri or IN_MEMORY, several)
            for read in reading.photos
            if (several := several_animals(read.animals or ()))
        ]
        if refusal:
            self._fail(pet_id, refusal)
        return refusal is None


def _is_moved(reading: Reading[PetT], pet: PetT) -> bool:
    ids = {read.photo.photo_id for read in reading.photos if read.picture is not None}
    registered = [photo for photo in pet.photos if photo.photo_id in ids]
    relative = all(photo.uri and not Path(photo.uri).is_absolute() for photo in reading.subject.photos)
    whole = len(reading.photos) == len(ids) == len(registered) > 0
    return whole and all(gone(photo, relative=relative) for photo in registered)


def _looks_like(species: str) -> str:
    return f"looks like a {species}"


def _way_of(pet: Pet | PlainPet[Any]) -> str:
    if isinstance(pet, PlainPet):
        return "plain"
    return "to read" if any(photo.embedding is None for photo in pet.photos) else "embedded"


class Completion(Generic[PetT]):
    """One run of embed_pending: the pets that it completed, and what did not come to it, item by item."""

    def __init__(self, service: OpenedIndex[PetT]) -> None:
        self.service = service
        self.index = service.pinned()
        self.complete: list[str] = []
        self.failures: dict[tuple[str, str | None], Failure] = {}

    def run(self, *, progress: bool | None) -> BulkReport:
        """Embed all that waits; where the index is rebuilt meanwhile, the rest by its new encoder."""
        with progress_bar(progress, what="embedding", total=self.index.repository.count_pending()) as bar:
            while True:
                read = in_parallel(self._read, self.index.repository.pending())
                keep = partial(self._keep, self.index.repository)  # that of the encoder, also where it is late
                try:
                    for _ in in_parallel(keep, embedded(read, self.index.encoder)):
                        bar.update()
                except MOVED:
                    if not self.service.open_anew(self.index):
                        raise
                    self.index = self.service.pinned()
                else:
                    return BulkReport(replaced=tuple(sorted(self.complete)), failures=tuple(self.failures.values()))

    def _read(self, pet: PetT) -> Reading[PetT]:
        thumbnails, limits = self.index.repository.thumbnails, self.index.limits
        return Reading(pet, [read_again(pet.pet_id, photo, thumbnails, limits=limits) for photo in pet.photos])

    def _keep(self, repository: PetRepository[PetT], reading: Reading[PetT]) -> None:
        pet_id = reading.subject.pet_id
        before = reading.subject.photos  # one that a repository took in has no id yet
        new = {was.photo_id or was.uri: read.photo for was, read in zip(before, reading.photos, strict=True)}
        errors = [(read.photo, read.error) for read in reading.photos if read.error]
        for named in (None, *new):
            self.failures.pop((pet_id, named), None)
        for photo, error in errors:
            self.failures[pet_id, photo.photo_id or photo.uri] = Failure(pet_id, error, photo.uri or photo.photo_id)

        def with_embeddings(pet: PetT) -> PetT:
            done = (new.get(photo.photo_id or photo.uri, photo) for photo in pet.photos)
            photos = (
                read if not photo.photo_id else photo.model_copy(update={"embedding": read.embedding})
                for photo, read in zip(pet.photos, done, strict=True)
            )
            return pet.model_copy(update={"photos": distinct_photos(tuple(photos))})

        try:
            repository.update(pet_id, with_embeddings, mark=QUIETLY)
        except (PetNotFound, EditConflict) as error:
            self.failures[pet_id, None] = Failure(pet_id, error)
            return
        self.complete += [] if errors else [pet_id]
