"""FieldNames: where an index that petfinder did not make keeps what is known of a pet; ready for three makers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from petfinder.domain.errors import ConfigError, PetfinderError
from petfinder.domain.values import Value


class FieldNames(Value):
    """The fields of an index whose documents are photos, by petfinder's words; a dot leads into an object.

    Documents that share a `pet_id` (a keyword, a text with one beneath it, or a whole number) are photos of one pet.
    `embedding` is their dense_vector, `taken_at` a date, `place` a geo_point; `owner` is the owner's name. What is left
    out is not read. Raises ConfigError.
    """

    refusal: ClassVar[type[PetfinderError]] = ConfigError

    embedding: str = Field(min_length=1)
    pet_id: str = Field(min_length=1)
    photo_id: str | None = None
    uri: str | None = None
    taken_at: str | None = None
    place: str | None = None
    name: str | None = None
    breed: str | None = None
    colour: str | None = None
    sex: str | None = None
    microchip: str | None = None
    tags: str | None = None
    note: str | None = None
    owner: str | None = None

    def paths(self) -> dict[str, str]:
        """Return the words that have a field, each with its path."""
        return self.model_dump(exclude_none=True)


_OF_A_PICTURE = {"embedding": "image_embedding", "place": "exif.location", "taken_at": "exif.date"}
# The index of the notebook "Finding your puppy with image search".
PUPPIES = FieldNames(**_OF_A_PICTURE, pet_id="dog_id", uri="image_path", breed="breed", owner="owner_name")
# The index of the image search in Flask; there each picture is a pet of its own.
FLASK_IMAGE_SEARCH = FieldNames(**_OF_A_PICTURE, pet_id="image_id", uri="relative_path", name="image_name")
# A similarity index of FiftyOne: a sample is a pet, its patches are its photos.
FIFTYONE = FieldNames(embedding="vector", pet_id="sample_id")
