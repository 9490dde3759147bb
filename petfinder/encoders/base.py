"""The port of encoders: what every encoder offers, and how an index recognises the one that filled it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL import Image

from petfinder.domain.errors import EncoderError, InvalidEmbedding, PetfinderError
from petfinder.domain.vectors import Matrix, unit
from petfinder.domain.verdicts import AnyThresholds


@runtime_checkable
class Encoder(Protocol):
    """Turns pictures into embeddings of `dims` numbers, unit length.

    `name` carries a version. An encoder may also have a `fingerprint`: a hash of weights and preprocessing.
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
        """Embeddings (n, dims) of upright RGB pictures, unit length, float32; the same alone and in any batch."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Embeddings (n, dims) of texts in the same space; raises TextNotSupported where there is none."""
        ...


@dataclass(frozen=True)
class EncoderIdentity:
    """By what an index knows its encoder again."""

    name: str
    dims: int
    fingerprint: str = ""


def identity_of(encoder: Encoder) -> EncoderIdentity:
    """Name, dims and fingerprint (empty where an encoder of one's own offers none)."""
    return EncoderIdentity(encoder.name, encoder.dims, str(getattr(encoder, "fingerprint", "")))


def encode(encoder: Encoder, pictures: Sequence[Image.Image]) -> Matrix:
    """The pictures' embeddings (n, dims), checked and brought to unit length; raises EncoderError, InvalidEmbedding."""
    try:
        embeddings = encoder.encode_images(pictures)
    except PetfinderError:
        raise
    except Exception as error:  # an encoder of one's own, or a device out of memory, may raise anything
        raise EncoderError(f"encoder {encoder.name!r} failed on {len(pictures)} pictures: {error}") from error
    rows = unit(embeddings, dims=encoder.dims)
    if rows.shape != (len(pictures), encoder.dims):
        raise InvalidEmbedding(f"encoder {encoder.name!r} gave {rows.shape} numbers for {len(pictures)} pictures")
    return rows


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
