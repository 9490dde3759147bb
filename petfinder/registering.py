"""Registering a stream of pets: read, skip what is there, decode, encode, write, report; memory stays flat.

Knows the opened index and the way from photos to embeddings.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic

from tqdm import tqdm

from petfinder.bulk import BulkCount, OnConflict, already_there
from petfinder.documents import PetT, distinct_photos, to_pet
from petfinder.embedding import Reading, embedded, in_parallel, read_one
from petfinder.errors import IndexMismatch, InvalidPet, PetfinderError, PhotoError, StoreError
from petfinder.opened import OpenedIndex, brings_embedding
from petfinder.pets import Owner, Pet, Photo
from petfinder.photos import PhotoLimits, is_bare, photo_id_of
from petfinder.progress import progress_bar
from petfinder.reports import BulkReport, Failure, Ignored
from petfinder.repository import PetRepository
from petfinder.stores.port import Document

Incoming = Iterable["PetT | Failure | Ignored"]
LOOK_UP = 256  # pets whose ids are looked up in one request


def now() -> datetime:
    """The moment, to the second, in UTC."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def owner_with_picture(owner: Owner | None, *, limits: PhotoLimits) -> Owner | None:
    """The owner with the picture read to an EXIF-free thumbnail, its place and date dropped; raises PhotoError."""
    if owner is None or owner.picture is None:
        return owner
    picture = owner.picture
    if picture.thumbnail is None or not is_bare(picture.thumbnail):
        read = read_one(picture.model_copy(update={"thumbnail": None, "embedding": None}), limits=limits)
        if read.error:
            raise read.error
        picture = read.photo
    return owner.model_copy(update={"picture": picture.model_copy(update={"place": None, "taken_at": None})})


def read_pet(pet: PetT, *, limits: PhotoLimits) -> Reading[PetT]:
    """Read all photos of a pet, and its owner's picture; what could not be read stands in the reading."""
    reading = Reading(pet, [read_one(photo, limits=limits) for photo in pet.photos])
    try:
        owner = owner_with_picture(pet.owner, limits=limits)
    except PhotoError as error:
        owner = pet.owner.model_copy(update={"picture": None}) if pet.owner else None
        reading.owner_error = error
    reading.subject = pet.model_copy(update={"owner": owner, "registered_at": pet.registered_at or now()})
    return reading


def finished(reading: Reading[PetT]) -> PetT:
    """The pet with the photos that could be read, each once."""
    photos = distinct_photos(tuple(read.photo for read in reading.photos if not read.error))
    return reading.subject.model_copy(update={"photos": photos})


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
            if len(registered) == len(ids) and all(_gone(photo, relative=relative) for photo in registered):
                self._skip(reading.subject.pet_id)
                return True
        return False


def hash_of(photo: Photo, *, limits: PhotoLimits) -> str | None:
    """The photo's id, its file hashed if need be; None where it cannot be read."""
    try:
        return photo.photo_id or photo_id_of(photo, limits=limits)
    except PhotoError:
        return None


def keeping_embeddings(pet: PetT, registered: PetT, repository: PetRepository[PetT], *, limits: PhotoLimits) -> PetT:
    """A pet that replaces a registered one: photos that are the same keep embedding, thumbnail and what EXIF said.

    So does the owner's picture its thumbnail.
    """
    known = {photo.photo_id: photo for photo in registered.photos if photo.embedding is not None}
    photos = []
    for photo in pet.photos:
        same = known.get(hash_of(photo, limits=limits))
        photos.append(_same_photo(pet.pet_id, photo, same, repository) if same else photo)
    registered_at = pet.registered_at or registered.registered_at
    owner = _keeping_picture(pet.owner, registered.owner)
    return pet.model_copy(update={"photos": tuple(photos), "registered_at": registered_at, "owner": owner})


def _keeping_picture(owner: Owner | None, registered: Owner | None) -> Owner | None:
    known, picture = registered and registered.picture, owner and owner.picture
    if owner and picture and known and picture.photo_id and picture.photo_id == known.photo_id:
        return owner.model_copy(update={"picture": known})
    return owner


def _same_photo(pet_id: str, photo: Photo, registered: Photo, repository: PetRepository[PetT]) -> Photo:
    thumbnail = repository.thumbnails([(pet_id, registered.photo_id or "")])[0]
    kept = {"uri": photo.uri or registered.uri, "thumbnail": thumbnail}
    own = {name: getattr(photo, name) for name in ("taken_at", "place") if getattr(photo, name) is not None}
    return registered.model_copy(update=kept | own)


def _gone(photo: Photo, *, relative: bool) -> bool:
    """Whether the original is no longer there; of a relative path only a caller who uses such paths too can tell."""
    if photo.uri is None or "://" in photo.uri or (not Path(photo.uri).is_absolute() and not relative):
        return False
    return not Path(photo.uri).exists()
