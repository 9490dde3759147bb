"""Registering a stream of pets: read, skip what is there, decode, encode, write, report; memory stays flat."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic

from tqdm import tqdm

from petfinder.domain.errors import (
    EditConflict,
    IndexMismatch,
    InvalidPet,
    PetfinderError,
    PetNotFound,
    StoreError,
)
from petfinder.domain.pets import Pet, PetT, Photo
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.domain.vectors import Vector
from petfinder.registry.documents import distinct_photos, to_pet
from petfinder.registry.embed import Reading, ReadPhoto, embedded, finished, in_parallel, read_again, read_pet
from petfinder.registry.known_photos import gone, hash_of, keeping_embeddings
from petfinder.registry.opened_index import OpenedIndex, brings_embedding
from petfinder.registry.progress import progress_bar
from petfinder.registry.repository import BulkCount, OnConflict, already_there
from petfinder.stores.documents import Document

Incoming = Iterable["PetT | Failure | Ignored"]
LOOK_UP = 256  # pets whose ids are looked up in one request


class Registration(Generic[PetT]):
    """One run of register_many: keeps the count of what went in and what did not, item by item."""

    def __init__(self, service: OpenedIndex[PetT], *, on_conflict: OnConflict, embed: bool) -> None:
        self.service = service
        self.opened = service.pinned()
        self.limits = service.limits
        self.on_conflict = on_conflict
        self.embed = embed
        self.rebuilt: IndexMismatch | None = None
        self.failures: list[Failure] = []
        self.ignored: list[Ignored] = []
        self.skipped: list[str] = []
        self.changed: list[str] = []
        self.pending: dict[str, int] = {}
        self.count = BulkCount(on_conflict)
        self.on_the_way: dict[str, list[PetT]] = {}
        self.left_out: dict[str, list[Failure]] = {}
        self.broken: BaseException | None = None

    def run(self, incoming: Incoming[PetT], *, progress: bool | None) -> BulkReport:
        """Take in the whole stream. A store that fails half way ends the writing; all that is left is reported.

        Where the stream itself raises, what it gave before goes in first, and then its error is raised.
        """
        pets = self._pets(iter(incoming))
        with progress_bar(progress, what="registering") as bar:
            try:
                while (again := self._take_in(pets, bar)) is not None:
                    pets = again
            except StoreError as error:
                self.failures.extend(Failure(pet.pet_id, error) for pet in self._come_back())
                self.failures.extend(Failure(pet.pet_id, error) for pet in pets)
        if self.broken is not None:
            raise self.broken
        return self.report()

    def report(self) -> BulkReport:
        """What went in so far and what did not."""
        report = self.count.report(self.failures)
        return replace(
            report,
            skipped=(*self.skipped, *report.skipped),
            ignored=tuple(self.ignored),
            changed=tuple(self.changed),
            pending=sum(self.pending.get(pet_id, 0) for pet_id in {*report.added, *report.replaced}),
        )

    def _take_in(self, pets: Iterator[PetT], bar: tqdm[Any]) -> Iterator[PetT] | None:
        """Write the stream to its end; where the index is rebuilt meanwhile, gives back the pets that are not in it."""
        documents = self._documents(pets)
        try:
            for outcome in self.opened.repository.write(documents, on_conflict=self.on_conflict):
                self._arrived(outcome.id)
                self.count.add(outcome)
                bar.update()
        except IndexMismatch as error:
            if not self.service.open_anew(self.opened):
                raise
            documents.close()
            self.opened, self.rebuilt = self.service.pinned(), error
            return chain(self._come_back(), pets)
        return None

    def _come_back(self) -> list[PetT]:
        """The pets on the way, which are so no more; what was said of their photos is forgotten."""
        pets = [pet for same_id in self.on_the_way.values() for pet in same_id]
        self.on_the_way, self.left_out = {}, {}
        return pets

    def _pets(self, incoming: Iterator[PetT | Failure | Ignored]) -> Iterator[PetT]:
        while (item := self._next(incoming)) is not None:
            if isinstance(item, Failure):
                self.failures.append(item)
            elif isinstance(item, Ignored):
                self.ignored.append(item)
            elif isinstance(item, Pet):
                yield item
            else:
                refused = InvalidPet(f"this is no pet but a {type(item).__name__}; read_folder makes pets of photos")
                self.failures.append(Failure(str(item)[:80], refused))

    def _next(self, incoming: Iterator[PetT | Failure | Ignored]) -> PetT | Failure | Ignored | None:
        try:
            return next(incoming, None)
        except BaseException as error:  # kept until what came before is written: Ctrl-C too loses nothing
            self.broken = error
            return None

    def _documents(self, pets: Iterator[PetT]) -> Generator[Document, None, None]:
        readings = in_parallel(lambda pet: read_pet(pet, limits=self.limits), self._wanted(pets))
        new = (reading for reading in readings if not self._moved(reading))
        for reading in embedded(new, self.opened.encoder) if self.embed else new:
            if not self._usable(reading):
                continue
            pet = finished(reading)
            try:
                document = self.opened.repository.to_document(pet)
            except PetfinderError as error:
                self._fail(pet.pet_id, error)
                continue
            self.pending[pet.pet_id] = document.pending
            yield document

    def _fail(self, pet_id: str, error: PetfinderError) -> None:
        self._arrived(pet_id)
        self.failures.append(Failure(pet_id, error))

    def _leave_out(self, pet_id: str, error: PetfinderError, photo: str) -> None:
        self.left_out.setdefault(pet_id, []).append(Failure(pet_id, error, photo))

    def _arrived(self, pet_id: str) -> None:
        """It is settled what became of a pet, the first of this id that is on the way."""
        same_id = self.on_the_way[pet_id]
        del same_id[0]
        if not same_id:
            del self.on_the_way[pet_id]
        self.failures += self.left_out.pop(pet_id, [])

    def _wanted(self, pets: Iterator[PetT]) -> Iterator[PetT]:
        while chunk := [*islice(pets, LOOK_UP)]:
            for pet in chunk:
                self.on_the_way.setdefault(pet.pet_id, []).append(pet)
            for pet, document in zip(chunk, self._there(chunk), strict=True):
                if self.rebuilt is not None and brings_embedding(pet):
                    self._fail(pet.pet_id, self.rebuilt)
                    continue
                if document is not None and self.on_conflict == "replace":
                    registered = to_pet(document, self.opened.repository.pet_class)
                    pet = keeping_embeddings(pet, registered, self.opened.repository, limits=self.limits)
                elif document is not None:
                    self._already_there(pet, document)
                    continue
                yield pet

    def _there(self, pets: Sequence[PetT]) -> Sequence[Document | None]:
        repository, ids = self.opened.repository, [pet.pet_id for pet in pets]
        vectors = self.on_conflict == "replace"
        return repository.store.get(repository.index, ids, vectors=vectors, expected=repository.spec)

    def _already_there(self, pet: PetT, document: Document) -> None:
        if self.on_conflict == "error":
            self._fail(pet.pet_id, already_there(pet.pet_id))
            return
        self._skip(pet.pet_id)
        known = set(document.terms.get("photo", ()))
        there = {hash_of(photo, limits=self.limits) for photo in distinct_photos(pet.photos)} - {None}
        if there - known or (None not in there and len(there) < len(known)):
            self.changed.append(pet.pet_id)

    def _usable(self, reading: Reading[PetT]) -> bool:
        """Report the photos that cannot be used; False where that leaves none of the pet's."""
        pet_id = reading.subject.pet_id
        unusable = [(read.photo, read.error) for read in reading.photos if read.error]
        for photo, error in unusable[1:] if len(unusable) == len(reading.photos) else unusable:
            self._leave_out(pet_id, error, photo.uri or "a photo given in memory")
        if reading.owner_error:
            self._leave_out(pet_id, reading.owner_error, "the owner's picture")
        if unusable and len(unusable) == len(reading.photos):
            self._fail(pet_id, unusable[0][1])
            return False
        return True

    def _skip(self, pet_id: str) -> None:
        self.skipped.append(pet_id)
        self._arrived(pet_id)

    def _moved(self, reading: Reading[PetT]) -> bool:
        """Skip a pet all of whose photos are registered under another id, from files that are no longer there."""
        if self.on_conflict != "skip":
            return False
        ids = {read.photo.photo_id for read in reading.photos if read.picture is not None}
        if not ids or len(ids) < len(reading.photos):
            return False
        for pet in self.opened.repository.pets_of_photos([photo_id for photo_id in ids if photo_id]):
            registered = [photo for photo in pet.photos if photo.photo_id in ids]
            relative = all(photo.uri and not Path(photo.uri).is_absolute() for photo in reading.subject.photos)
            if len(registered) == len(ids) and all(gone(photo, relative=relative) for photo in registered):
                self._skip(reading.subject.pet_id)
                return True
        return False


class Completion(Generic[PetT]):
    """One run of embed_pending: the pets that it completed, and what did not come to it, item by item."""

    def __init__(self, service: OpenedIndex[PetT]) -> None:
        self.service = service
        self.opened = service.pinned()
        self.complete: list[str] = []
        self.failures: dict[tuple[str, str | None], Failure] = {}

    def run(self) -> BulkReport:
        """Embed all that waits; where the index is rebuilt meanwhile, the rest by its new encoder."""
        while True:
            try:
                for whole in embedded(in_parallel(self._read, self.opened.repository.pending()), self.opened.encoder):
                    self._keep(whole)
            except IndexMismatch:
                if not self.service.open_anew(self.opened):
                    raise
                self.opened = self.service.pinned()
            else:
                return BulkReport(replaced=tuple(self.complete), failures=tuple(self.failures.values()))

    def _read(self, pet: PetT) -> Reading[PetT]:
        return Reading(pet, [self._read_again(pet, photo) for photo in pet.photos])

    def _read_again(self, pet: PetT, photo: Photo) -> ReadPhoto:
        if photo.embedding is not None:
            return ReadPhoto(photo)
        repository, names = self.opened.repository, [(pet.pet_id, photo.photo_id or "")]
        return read_again(photo, lambda: repository.thumbnails(names)[0], limits=self.opened.limits)[0]

    def _keep(self, reading: Reading[PetT]) -> None:
        pet_id = reading.subject.pet_id
        new = {
            read.photo.photo_id: read.photo.embedding
            for read in reading.photos
            if read.photo.photo_id and read.photo.embedding is not None
        }
        errors = [(read.photo, read.error) for read in reading.photos if read.error]
        for photo_id in (None, *(read.photo.photo_id for read in reading.photos)):
            self.failures.pop((pet_id, photo_id), None)
        for photo, error in errors:
            self.failures[pet_id, photo.photo_id] = Failure(pet_id, error, photo.uri or photo.photo_id)
        try:
            self.opened.repository.update(pet_id, partial(_with_embeddings, new))
        except (PetNotFound, EditConflict) as error:
            self.failures[pet_id, None] = Failure(pet_id, error)
            return
        self.complete += [] if errors else [pet_id]


def _with_embeddings(vectors: Mapping[str, Vector], pet: PetT) -> PetT:
    photos = tuple(
        photo.model_copy(update={"embedding": vectors[photo.photo_id]})
        if photo.embedding is None and photo.photo_id and photo.photo_id in vectors
        else photo
        for photo in pet.photos
    )
    return pet.model_copy(update={"photos": photos})
