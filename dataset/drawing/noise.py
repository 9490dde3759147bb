"""Random texture that every processor makes alike: smooth noise in space, dots, bars. Knows nothing of pets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .shapes import Floats

LATTICE = 16


class Noise:
    """Smooth random fields drawn from one seed; the same seed gives the same fields."""

    def __init__(self, seed: int) -> None:
        random = np.random.Generator(np.random.PCG64(seed))
        self._table = (
            random.integers(0, 65536, (LATTICE + 1) ** 3).astype(np.float32) / np.float32(32768)
        ) - np.float32(1)

    def at(self, points: Floats, rate: float) -> Floats:
        """Smooth noise in [-1, 1] at points (..., 3); about `rate` bumps a unit."""
        scaled = points * np.float32(rate) + np.float32(97.31)
        floor = np.floor(scaled)
        part = scaled - floor
        part = part * part * (np.float32(3) - np.float32(2) * part)
        cell = floor.astype(np.int32) % LATTICE
        side = LATTICE + 1
        index = (cell[..., 0] * side + cell[..., 1]) * side + cell[..., 2]
        fx, fy, fz = part[..., 0], part[..., 1], part[..., 2]

        def edge(offset: int) -> Floats:
            a, b = self._table[index + offset], self._table[index + offset + 1]
            mixed: Floats = a + (b - a) * fz
            return mixed

        a, b = edge(0), edge(side)
        c, d = edge(side * side), edge(side * side + side)
        near, far = a + (b - a) * fy, c + (d - c) * fy
        out: Floats = near + (far - near) * fx
        return out

    def rough(self, points: Floats, rate: float) -> Floats:
        """Three octaves of `at`, in about [-1, 1]."""
        out: Floats = (
            self.at(points, rate) * np.float32(0.6)
            + self.at(points, rate * 2.03) * np.float32(0.3)
            + self.at(points, rate * 4.1) * np.float32(0.15)
        )
        return out

    def dots(self, points: Floats, rate: float) -> tuple[Floats, Floats]:
        """Distance, in cells, to the nearest of randomly strewn dots, and that dot's own number in [0, 1]."""
        scaled = points * np.float32(rate) + np.float32(50.0)
        floor = np.floor(scaled).astype(np.int32)
        best = np.full(points.shape[:-1], 9.0, np.float32)
        own = np.zeros(points.shape[:-1], np.float32)
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                for dz in (-1, 0, 1):
                    cell = floor + np.array([dx, dy, dz], np.int32)
                    wrapped = cell % LATTICE
                    index = (wrapped[..., 0] * (LATTICE + 1) + wrapped[..., 1]) * (LATTICE + 1) + wrapped[..., 2]
                    total = np.zeros(points.shape[:-1], np.float32)
                    for axis, shift in enumerate((0, 1013, 2027)):
                        jitter = self._table[(index + shift) % LATTICE**3] * np.float32(0.36) + np.float32(0.5)
                        gap = cell[..., axis].astype(np.float32) + jitter - scaled[..., axis]
                        total = total + gap * gap
                    nearer = total < best
                    best = np.where(nearer, total, best)
                    own = np.where(
                        nearer, self._table[(index + 3041) % LATTICE**3] * np.float32(0.5) + np.float32(0.5), own
                    )
        return np.sqrt(best), own


def step(value: Floats, edge: float, soft: float) -> Floats:
    """0 below edge - soft, 1 above edge + soft, smooth between."""
    t = np.minimum(np.maximum((value - np.float32(edge - soft)) * np.float32(0.5 / soft), np.float32(0)), np.float32(1))
    out: Floats = t * t * (np.float32(3) - np.float32(2) * t)
    return out


def bars(phase: Floats) -> Floats:
    """A zigzag in [0, 1] with one bar each whole number."""
    out: Floats = np.abs(phase - np.floor(phase + np.float32(0.5))) * np.float32(2)
    return out


def speckle(seed: int, width: int, height: int, *, blur: float = 0.0) -> Floats:
    """White noise over a picture, perhaps blurred, with mean 0 and a spread of about 1; shape (height, width)."""
    random = np.random.Generator(np.random.PCG64(seed))
    grey = random.integers(0, 256, (height, width)).astype(np.uint8)
    if blur:
        soft = np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(blur))).astype(np.float32)
        return (soft - np.float32(127.5)) * np.float32((1.0 + 3.2 * blur) / 74.0)
    return (grey.astype(np.float32) - np.float32(127.5)) / np.float32(74.0)


def blurred(field: Floats, radius: float) -> Floats:
    """A field in [0, 1], blurred by integers (8 bits are enough for what is soft)."""
    grey = np.rint(np.minimum(np.maximum(field, np.float32(0)), np.float32(1)) * np.float32(255)).astype(np.uint8)
    soft: NDArray[np.uint8] = np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)))
    return soft.astype(np.float32) / np.float32(255)
