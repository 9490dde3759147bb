"""The port of encoders: what every encoder offers, and how an index recognises the one that filled it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from petfinder.domain.animals import Animals
from petfinder.domain.errors import EncoderError, InvalidEmbedding, PetfinderError, TextNotSupported
from petfinder.domain.text import is_path
from petfinder.domain.vectors import Matrix, unit
from petfinder.domain.verdicts import AnyThresholds


@runtime_checkable
class Encoder(Protocol):
    """Turns pictures into embeddings of `dims` numbers, unit length.

    `name` carries a version. An encoder may also have a `fingerprint`: a hash of weights and preprocessing, and
    `encode_with_animals(pictures)`, which gives the rows of `encode_images` and, from the same pass, the animals in
    each picture (boxes, largest first; None where it cannot tell), and `species_shown(embeddings)`: for each row the
    species that the picture surely shows ("cat"), None where it is not sure.
    """

    @property
    def name(self) -> str:
        """What an index remembers it by."""
        ...

    @property
    def dims(self) -> int:
        """Numbers in an embedding."""
        ...

    @property
    def supports_text(self) -> bool:
        """Whether it encodes texts into the same space."""
        ...

    @property
    def thresholds(self) -> AnyThresholds:
        """What it was calibrated to: for all species, for each, or (None) not at all."""
        ...

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Encode upright RGB pictures: (n, dims), unit length, float32; the same alone and in any batch."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Encode texts into the same space: (n, dims); raises TextNotSupported where the encoder reads none."""
        ...


@dataclass(frozen=True)
class EncoderIdentity:
    """What an index remembers of its encoder: name, length of an embedding, hash of weights and preprocessing."""

    name: str
    dims: int
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"{self.name!r} ({self.dims} dims, weights {self.fingerprint[:8] or 'not named'})"

    def is_same(self, other: EncoderIdentity) -> bool:
        """Tell whether embeddings of both may be compared; a model folder goes by its hash, its path is a hint."""
        moved = self.fingerprint and (is_path(self.name) or is_path(other.name))
        return (replace(other, name=self.name) if moved else other) == self


def identity_of(encoder: Encoder) -> EncoderIdentity:
    """Take an encoder's name, dims and fingerprint (empty where an encoder of one's own offers none)."""
    return EncoderIdentity(encoder.name, encoder.dims, str(getattr(encoder, "fingerprint", "")))


def encode(encoder: Encoder, pictures: Sequence[Image.Image]) -> Matrix:
    """Encode pictures: (n, dims), checked and brought to unit length; raises EncoderError, InvalidEmbedding."""
    return encode_with_animals(encoder, pictures)[0]


def encode_with_animals(encoder: Encoder, pictures: Sequence[Image.Image]) -> tuple[Matrix, Sequence[Animals | None]]:
    """Encode as `encode` does; beside each row the animals in the picture, None where the encoder cannot tell."""
    both = getattr(encoder, "encode_with_animals", None)
    try:
        embeddings, animals = both(pictures) if both else (encoder.encode_images(pictures), [None] * len(pictures))
    except PetfinderError:
        raise
    except Exception as error:  # an encoder of one's own, or a device out of memory, may raise anything
        raise EncoderError(f"encoder {encoder.name!r} failed on {len(pictures)} pictures: {error}") from error
    rows = unit(embeddings, dims=encoder.dims)
    if rows.shape != (len(pictures), encoder.dims):
        raise InvalidEmbedding(f"encoder {encoder.name!r} gave {rows.shape} numbers for {len(pictures)} pictures")
    return rows, animals


def species_shown(encoder: Encoder, embeddings: Any) -> Sequence[str | None]:
    """Name the species that each picture surely shows, by its embedding (n, dims); None where that is not known."""
    name = getattr(encoder, "species_shown", None)
    return name(unit(embeddings, dims=encoder.dims)) if name and len(embeddings) else [None] * len(embeddings)


def reads_no_words(encoder: Encoder) -> TextNotSupported:
    """Make the error of an encoder that knows pictures only."""
    way = "to search by words, make the registry with a model that reads both, for example encoder='clip-ViT-B-32'"
    return TextNotSupported(f"the encoder {encoder.name} knows pictures only; {way}")


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
