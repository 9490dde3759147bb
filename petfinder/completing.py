"""Embedding what waits: the photos that were taken in without an embedding, decoded and encoded as in registering.

Knows the opened index and the way from photos to embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Generic

from petfinder.documents import PetT
from petfinder.embedding import Reading, ReadPhoto, embedded, in_parallel, read_again
from petfinder.errors import EditConflict, IndexMismatch, PetNotFound
from petfinder.opened import OpenedIndex
from petfinder.pets import Photo
from petfinder.reports import BulkReport, Failure
from petfinder.vectors import Vector


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
