"""What happens to light between a pet and a file: blur, grain, slanted views, surroundings that were not in the frame.

Works in NumPy and Pillow on planes: float32 arrays (h, w) or (h, w, 3) in 0-1. Knows no pet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.float32]
Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

_NOTHING = 1e-3  # share of a cell below which it counts as not seen
_COARSEST = 4  # pixels: the smallest side to which surroundings are averaged


def plane_of(picture: Image.Image) -> Plane:
    """The picture's pixels (h, w, 3), or (h, w) of a grey one."""
    return np.asarray(picture, np.float32) / np.float32(255)


def picture_of(plane: NDArray[np.floating[Any]]) -> Image.Image:
    """The plane as an RGB picture, or as a grey one."""
    return Image.fromarray(np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8))


def resized(plane: Plane, size: tuple[int, int], filter: Image.Resampling = Image.Resampling.BICUBIC) -> Plane:
    """The plane at another size (width, height); smaller ones are averaged, never skipped over."""
    layers = plane[:, :, np.newaxis] if plane.ndim == 2 else plane
    found = [
        np.asarray(Image.fromarray(np.ascontiguousarray(layers[:, :, at])).resize(size, filter), np.float32)
        for at in range(layers.shape[2])
    ]
    return found[0] if plane.ndim == 2 else np.stack(found, axis=2)


def softened(picture: Image.Image, share: float) -> Image.Image:
    """Blurred by a bell curve whose spread is this share of the picture's longer side."""
    return picture.filter(ImageFilter.GaussianBlur(share * max(picture.size)))


def grain(size: tuple[int, int], strength: float, random: np.random.Generator, *, longest: int = 320) -> Plane:
    """Noise (h, w, 3) of this standard deviation, at the grain of a picture `longest` pixels long.

    So that it looks the same in a large photo and in a small one.
    """
    times = min(1.0, longest / max(size))
    small = (max(1, round(size[0] * times)), max(1, round(size[1] * times)))
    noise = random.normal(0, strength, (small[1], small[0], 3)).astype(np.float32)
    return noise if small == size else resized(noise, size)


def ramps(size: tuple[int, int]) -> tuple[Plane, Plane]:
    """Of each pixel its place across and down, 0 to 1: (1, w) and (h, 1)."""
    across = np.linspace(0, 1, size[0], dtype=np.float32)[np.newaxis, :]
    return across, np.linspace(0, 1, size[1], dtype=np.float32)[:, np.newaxis]


def moved_blur(picture: Image.Image, length: float, degrees: float) -> Image.Image:
    """Smeared along a line of `length` pixels in this direction, as by a hand that moved; the edges are prolonged."""
    width, height = picture.size
    margin = int(np.ceil(length / 2)) + 1
    padded = np.pad(np.asarray(picture), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    steps = max(2, int(np.ceil(length)) + 1)
    total = np.zeros((height, width, 3), np.float32)
    for along in np.linspace(-length / 2, length / 2, steps):
        left = margin + round(float(along * np.cos(np.radians(degrees))))
        top = margin + round(float(along * np.sin(np.radians(degrees))))
        total += padded[top : top + height, left : left + width]
    return picture_of(total / (255 * steps))


def slanted(picture: Image.Image, corners: Corners, size: tuple[int, int]) -> tuple[Plane, Plane]:
    """The picture as seen from the side, in a frame of this size; and where in the frame it is, (h, w) in 0-1.

    `corners` are the pixels that the picture's corners come to: upper left, upper right, lower right, lower left.
    """
    width, height = picture.size
    equations, wanted = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        equations.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        equations.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        wanted += [u, v]
    mapping = tuple(np.linalg.solve(np.array(equations, np.float64), np.array(wanted, np.float64)).tolist())
    seen = picture.convert("RGBA").transform(size, Image.Transform.PERSPECTIVE, mapping, Image.Resampling.BICUBIC)
    pixels = plane_of(seen)
    return pixels[:, :, :3], pixels[:, :, 3]


def filled(plane: Plane, hidden: Plane) -> Plane:
    """The plane with what is hidden (1 in `hidden`, (h, w)) made up from the colours around it, without any shape.

    Each hidden pixel takes the nearest average that has seen anything, from ever coarser copies of the plane.
    """
    known = (1 - hidden)[:, :, np.newaxis]
    height, width = hidden.shape
    if min(height, width) <= _COARSEST:
        coarse: Plane = (plane * known).sum(axis=(0, 1)) / max(float(known.sum()), _NOTHING)
        return plane * known + coarse * (1 - known)
    half = (max(1, width // 2), max(1, height // 2))
    share = resized(known[:, :, 0], half, Image.Resampling.BOX)
    seen = resized(plane * known, half, Image.Resampling.BOX)
    colours: Plane = np.divide(seen, np.maximum(share, _NOTHING)[:, :, np.newaxis], dtype=np.float32)
    unseen: Plane = np.clip(1 - share, 0, 1)
    coarse = resized(filled(colours, unseen), (width, height), Image.Resampling.BILINEAR)
    return plane * known + coarse * (1 - known)
