"""Pets drawn for tuning, each with its colours in every light, and encoders that see the light better than the pet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.errors import TextNotSupported
from petfinder.domain.vectors import Matrix, unit

Pixels: TypeAlias = NDArray[np.float64]


def draw_pets(folder: Path, *, pets: int = 14, photos: int = 4, alone: int = 0, seed: int = 0) -> Path:
    """A folder with a sub-folder for each pet, and `alone` photos of as many more pets beside them."""
    random = np.random.default_rng(seed)
    for pet in range(pets + alone):
        colours = random.integers(40, 200, (2, 3))
        for photo in range(photos if pet < pets else 1):
            path = folder / f"pet{pet:02}" / f"{photo}.png" if pet < pets else folder / f"alone{pet:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            fur = colours[random.integers(0, 2, (6, 6))] * np.exp(random.uniform(-0.7, 0.3))
            Image.fromarray(fur.clip(0, 255).astype(np.uint8)).resize((48, 48)).save(path)
    return folder


class LightEncoder:
    """A picture's colours, drowned in how light it is: what tuning should put right."""

    name = "light-1"
    dims = 8
    supports_text = False
    thresholds = None

    def __init__(self, *, fingerprint: str = "l1") -> None:
        self.fingerprint = fingerprint

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, 8): shares and spread of the three colours, then light and contrast."""
        return unit(np.array([self._seen(np.asarray(picture, np.float64) + 1) for picture in pictures]))

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        raise TextNotSupported("it sees light only")

    def _seen(self, pixels: Pixels) -> list[float]:
        shares = pixels / pixels.sum(axis=2, keepdims=True)
        light = pixels.mean() / 128 - 1
        return [*(shares.mean(axis=(0, 1)) - 1 / 3), *shares.std(axis=(0, 1)), 3 * light, pixels.std() / 64]


class BlindEncoder(LightEncoder):
    """Each picture gets numbers of its own, whomever it shows: nothing can be learned."""

    name = "blind-1"

    def _seen(self, pixels: Pixels) -> list[float]:
        seed = int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8], "big")
        return [*np.random.default_rng(seed).normal(size=self.dims)]
