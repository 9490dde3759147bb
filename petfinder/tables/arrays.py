"""Embeddings that were computed elsewhere become a stream of pets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any, Generic, NamedTuple

import numpy as np

from petfinder.domain.errors import ConfigError, InvalidEmbedding, PetfinderError
from petfinder.domain.pets import Dog, Photo, is_usable_id, species_of
from petfinder.domain.reports import Failure
from petfinder.domain.values import check_kind
from petfinder.domain.vectors import Matrix, Vector, unit
from petfinder.tables.rows import PetT, as_text, pet_from_row

_MOST_LIKES = 1000
_BLOCK = 64  # rows that are brought to unit length at once
_DOG: Any = Dog  # as a default of type[PetT], which Python 3.11 has no words for (PEP 696)


class PlainPet(NamedTuple, Generic[PetT]):
    """A pet with one photo, of which nothing is there but the embedding (dims,); all else it has like another pet.

    `direction` is the embedding brought to unit length.
    """

    pet_id: str
    like: PetT
    photo_id: str
    embedding: Vector
    direction: Vector

    def whole(self) -> PetT:
        """The pet itself."""
        photo = Photo(photo_id=self.photo_id, embedding=self.embedding)
        return self.like.model_copy(update={"pet_id": self.pet_id, "photos": (photo,)})


class ArrayPets(Iterator["PetT | Failure"], Generic[PetT]):
    """The pets of arrays, one by one; `plain` gives those that are alike without making a Pet of each."""

    def __init__(
        self,
        rows_of: Mapping[str, Sequence[int]],
        matrix: Matrix,
        photo_ids: Sequence[str] | None,
        pet_class: type[PetT],
        fields: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._rows_of, self._matrix, self._photo_ids = rows_of, matrix, photo_ids
        self._pet_class, self._fields = pet_class, fields
        self._likes: dict[tuple[Any, ...], PetT] = {}
        self._block, self._directions = -1, list[Vector | None]()
        self.plain = self._made()

    def __next__(self) -> PetT | Failure:
        one = next(self.plain)
        return one.whole() if isinstance(one, PlainPet) else one

    def __length_hint__(self) -> int:
        return len(self._rows_of)

    def _made(self) -> Iterator[PlainPet[PetT] | PetT | Failure]:
        for pet_id, rows in self._rows_of.items():
            plain = self._plain(pet_id, rows[0]) if len(rows) == 1 else None
            yield from [plain] if plain else self._whole(pet_id, rows)

    def _plain(self, pet_id: str, row: int) -> PlainPet[PetT] | None:
        direction, like, photo_id = self._direction(row), self._like(pet_id), self._photo_id(row)
        if direction is None or like is None or not is_usable_id(pet_id):
            return None
        if self._photo_ids is not None and not is_usable_id(photo_id):
            return None
        return PlainPet(pet_id, like, photo_id, self._matrix[row], direction)

    def _direction(self, row: int) -> Vector | None:
        """The row brought to unit length, with its neighbours; None where it has no direction."""
        block, place = divmod(row, _BLOCK)
        if block != self._block:
            self._block, self._directions = block, _directions(self._matrix[row - place : row - place + _BLOCK])
        return self._directions[place]

    def _photo_id(self, row: int) -> str:
        given = self._photo_ids
        return str(given[row]) if given is not None else hashlib.sha256(self._matrix[row].tobytes()).hexdigest()

    def _like(self, pet_id: str) -> PetT | None:
        """A pet with the same fields; None where they cannot be compared, are wrong, or are each pet's own."""
        given = self._fields.get(pet_id, {})
        try:
            key = (*given.items(), *map(type, given.values()))
            if key not in self._likes and len(self._likes) < _MOST_LIKES:
                self._likes[key] = pet_from_row({**given, "pet_id": pet_id, "photos": []}, self._pet_class)
            return self._likes.get(key)
        except (TypeError, PetfinderError):
            return None

    def _whole(self, pet_id: str, rows: Sequence[int]) -> Iterator[PetT | Failure]:
        photos: dict[str, Photo] = {}
        for row in rows:
            photo_id = self._photo_id(row)
            try:
                unit(self._matrix[row])
                photos.setdefault(photo_id, Photo(photo_id=photo_id, embedding=self._matrix[row]))
            except PetfinderError as error:
                yield Failure(pet_id, error, photo=photo_id)
        if photos:
            known = {**self._fields.get(pet_id, {}), "pet_id": pet_id, "photos": list(photos.values())}
            try:
                yield pet_from_row(known, self._pet_class)
            except PetfinderError as error:
                yield Failure(pet_id, error)


def _directions(rows: Matrix) -> list[Vector | None]:
    try:
        return [*unit(rows)]
    except InvalidEmbedding:
        return [None if len(rows) == 1 else _directions(row[np.newaxis])[0] for row in rows]


def from_arrays(
    pet_ids: Sequence[str],
    embeddings: Any,
    *,
    photo_ids: Sequence[str] | None = None,
    pet_class: type[PetT] = _DOG,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
) -> ArrayPets[PetT]:
    """Make pets of embeddings that were computed elsewhere, one photo a row; several rows may name one pet.

    `embeddings`: (n, dims) numbers, `pet_ids` and `photo_ids`: n each; a photo's id is by default the sha256 of its row
    as float32. `fields` gives more of a pet, by pet_id. Raises, at the call, InvalidEmbedding for what is no such
    matrix and ConfigError for lengths that differ; a row of zeros or with NaN is a Failure.
    """
    species_of(pet_class)
    check_kind(pet_ids, Sized, "pet_ids names the pet of each row", refusal=ConfigError)
    try:
        matrix = np.asarray(embeddings, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidEmbedding("embeddings must be a matrix of numbers, one row a photo") from error
    if matrix.ndim != 2:
        raise InvalidEmbedding(f"embeddings must have two dimensions, photos and dims; these have {matrix.ndim}")
    if len(pet_ids) != len(matrix) or (photo_ids is not None and len(photo_ids) != len(matrix)):
        raise ConfigError("pet_ids, embeddings and photo_ids must be of one length")
    rows_of: dict[str, list[int]] = {}
    for row, pet_id in enumerate(pet_ids):
        rows_of.setdefault(str(as_text(pet_id)), []).append(row)
    strangers = [pet_id for pet_id in fields or () if pet_id not in rows_of]
    if strangers:
        raise ConfigError(f"fields names pets without an embedding: {', '.join(map(str, strangers[:5]))}")
    return ArrayPets(rows_of, matrix, photo_ids, pet_class, fields or {})
