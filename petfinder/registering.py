"""Registering a stream of pets: read, skip what is there, decode, encode, write, report; memory stays flat.

Knows the repository and the way from photos to embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Generic

from petfinder.bulk import BulkCount, OnConflict, already_there
from petfinder.documents import PetT, distinct_photos, to_pet
from petfinder.embedding import Reading, embedded, in_parallel, read_one
from petfinder.encoders.port import Encoder
from petfinder.errors import PetfinderError, PhotoError, StoreError
from petfinder.pets import Owner, Photo
from petfinder.photos import PhotoLimits, photo_id_of
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
    if owner is None or owner.picture is None or owner.picture.thumbnail is not None:
        return owner
    read = read_one(owner.picture, limits=limits)
    if read.error:
        raise read.error
    return owner.model_copy(update={"picture": read.photo.model_copy(update={"place": None, "taken_at": None})})


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

    def __init__(
        self,
        repository: PetRepository[PetT],
        encoder: Encoder,
        *,
        limits: PhotoLimits,
        on_conflict: OnConflict,
        embed: bool,
    ) -> None:
        self.repository = repository
        self.encoder = encoder
        self.limits = limits
        self.on_conflict = on_conflict
        self.embed = embed
        self.failures: list[Failure] = []
        self.ignored: list[Ignored] = []
        self.skipped: list[str] = []
        self.changed: list[str] = []
        self.pending = 0
        self.count = BulkCount(on_conflict)
        self.on_the_way: dict[str, None] = {}

    def run(self, incoming: Incoming[PetT], *, progress: bool | None) -> BulkReport:
        """Take in the whole stream. A store that fails half way ends the writing; all that is left is reported."""
        pets = self._pets(iter(incoming))
        with progress_bar(progress, what="registering") as bar:
            try:
                for outcome in self.repository.write(self._documents(pets), on_conflict=self.on_conflict):
                    self.on_the_way.pop(outcome.id, None)
                    self.count.add(outcome)
                    bar.update()
            except StoreError as error:
                self.failures.extend(Failure(pet_id, error) for pet_id in self.on_the_way)
                self.failures.extend(Failure(pet.pet_id, error) for pet in pets)
        report = self.count.report(self.failures)
        return replace(
            report,
            skipped=(*self.skipped, *report.skipped),
            ignored=tuple(self.ignored),
            changed=tuple(self.changed),
            pending=self.pending,
        )

    def _pets(self, incoming: Iterator[PetT | Failure | Ignored]) -> Iterator[PetT]:
        for item in incoming:
            if isinstance(item, Failure):
                self.failures.append(item)
            elif isinstance(item, Ignored):
                self.ignored.append(item)
            else:
                yield item

    def _documents(self, pets: Iterator[PetT]) -> Iterator[Document]:
        readings = in_parallel(lambda pet: read_pet(pet, limits=self.limits), self._wanted(pets))
        new = (reading for reading in readings if not self._moved(reading))
        for reading in embedded(new, self.encoder) if self.embed else new:
            if not self._usable(reading):
                continue
            pet = finished(reading)
            try:
                document = self.repository.to_document(pet)
            except PetfinderError as error:
                self._fail(pet.pet_id, error)
                continue
            self.pending += document.pending
            yield document

    def _fail(self, pet_id: str, error: PetfinderError, photo: str | None = None) -> None:
        self.failures.append(Failure(pet_id, error, photo))
        if photo is None:
            self.on_the_way.pop(pet_id, None)

    def _wanted(self, pets: Iterator[PetT]) -> Iterator[PetT]:
        while chunk := [*islice(pets, LOOK_UP)]:
            ids = [pet.pet_id for pet in chunk]
            self.on_the_way.update(dict.fromkeys(ids))
            there = self.repository.store.get(self.repository.index, ids, vectors=self.on_conflict == "replace")
            for pet, document in zip(chunk, there, strict=True):
                if document is not None and self.on_conflict == "replace":
                    pet = self._keeping_embeddings(pet, to_pet(document, self.repository.pet_class))
                elif document is not None:
                    self._already_there(pet, document)
                    continue
                yield pet

    def _already_there(self, pet: PetT, document: Document) -> None:
        if self.on_conflict == "error":
            self._fail(pet.pet_id, already_there(pet.pet_id))
            return
        self._skip(pet.pet_id)
        known = set(document.terms.get("photo", ()))
        if any(self._hash(photo) not in known for photo in pet.photos):
            self.changed.append(pet.pet_id)

    def _hash(self, photo: Photo) -> str | None:
        try:
            return photo.photo_id or (None if photo.embedding is not None else photo_id_of(photo, limits=self.limits))
        except PhotoError:
            return None

    def _keeping_embeddings(self, pet: PetT, registered: PetT) -> PetT:
        known = {photo.photo_id: photo for photo in registered.photos if photo.embedding is not None}
        photos = []
        for photo in pet.photos:
            same = known.get(self._hash(photo))
            photos.append(self._same_photo(pet.pet_id, photo, same) if same else photo)
        registered_at = pet.registered_at or registered.registered_at
        return pet.model_copy(update={"photos": tuple(photos), "registered_at": registered_at})

    def _same_photo(self, pet_id: str, photo: Photo, registered: Photo) -> Photo:
        thumbnail = self.repository.thumbnails([(pet_id, registered.photo_id or "")])[0]
        kept = {"uri": photo.uri or registered.uri, "thumbnail": photo.thumbnail or thumbnail}
        own = {name: getattr(photo, name) for name in ("taken_at", "place") if getattr(photo, name) is not None}
        return registered.model_copy(update=kept | own)

    def _usable(self, reading: Reading[PetT]) -> bool:
        """Report the photos that cannot be used; False where that leaves none of the pet's."""
        pet_id = reading.subject.pet_id
        unusable = [(read.photo, read.error) for read in reading.photos if read.error]
        if unusable and len(unusable) == len(reading.photos):
            self._fail(pet_id, unusable[0][1])
            return False
        for photo, error in unusable:
            self._fail(pet_id, error, photo.uri or "a photo given in memory")
        if reading.owner_error:
            self._fail(pet_id, reading.owner_error, "the owner's picture")
        return True

    def _skip(self, pet_id: str) -> None:
        self.skipped.append(pet_id)
        self.on_the_way.pop(pet_id, None)

    def _moved(self, reading: Reading[PetT]) -> bool:
        """Skip a pet all of whose photos are registered under another id, from files that are no longer there."""
        if self.on_conflict != "skip":
            return False
        ids = {read.photo.photo_id for read in reading.photos if read.picture is not None}
        if not ids or len(ids) < len(reading.photos):
            return False
        for pet in self.repository.pets_of_photos([photo_id for photo_id in ids if photo_id]):
            registered = [photo for photo in pet.photos if photo.photo_id in ids]
            if len(registered) == len(ids) and all(_gone(photo) for photo in registered):
                self._skip(reading.subject.pet_id)
                return True
        return False


def _gone(photo: Photo) -> bool:
    return photo.uri is not None and "://" not in photo.uri and not Path(photo.uri).exists()
