"""Hair: which way it lies in the picture, strands drawn along it, and how it frays edges. Knows no colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .looks import Build
from .noise import speckle
from .shapes import Camera, Floats
from .solids import Surface


@dataclass(frozen=True)
class Hair:
    """Hair over a picture: `along` (h, w, 2) its direction in pixels (x right, y down), `strand` and `clump` light and
    dark hairs and tufts, about -1 to 1, `length` its length in pixels (h, w): short on face, ears and paws."""

    along: Floats
    strand: Floats
    clump: Floats
    length: Floats


def comb(seen: Surface, camera: Camera, build: Build, seed: int) -> Hair:
    """The hair of the surface, combed along the body and hanging a little."""
    n = seen.normal
    flow = seen.flow.copy()
    flow[..., 1] -= np.float32(0.35 + 0.55 * build.fur)
    across = flow[..., 0] * n[..., 0] + flow[..., 1] * n[..., 1] + flow[..., 2] * n[..., 2]
    flow = flow - n * across[..., None]
    lift = np.float32(0.9) * (np.float32(1) - np.maximum(n[..., 2], np.float32(0)))
    dx = flow[..., 0] + n[..., 0] * lift
    dy = -(flow[..., 1] + n[..., 1] * lift)
    height, width = dx.shape
    if build.curl:
        swirl = np.float32(2.6 * build.curl)
        dx = dx + swirl * speckle(seed + 11, width, height, blur=max(1.5, 0.013 * camera.scale))
        dy = dy + swirl * speckle(seed + 12, width, height, blur=max(1.5, 0.013 * camera.scale))
    size = np.maximum(np.sqrt(dx * dx + dy * dy), np.float32(1e-4))
    along = np.stack([dx / size, dy / size], axis=-1)
    rich = min(1.0, 0.62 + 1.2 * build.fur)
    inside = seen.distance < np.float32(1.0)
    short = np.float32(0.62) * seen.part("head") + np.float32(0.55) * seen.part("ear")
    low = np.minimum(np.maximum((np.float32(0.16) - seen.spot[..., 1]) * np.float32(8), np.float32(0)), np.float32(1))
    short = np.minimum(short + np.float32(0.8) * low * seen.part("leg"), np.float32(0.85))
    length = np.float32((0.0045 + 0.038 * build.fur) * camera.scale) * (np.float32(1) - short)
    fine = smear(speckle(seed, width, height), along, inside, steps=5 + int(6 * build.fur))
    thick = smear(
        speckle(seed + 1, width, height, blur=1.1 + 1.6 * build.fur), along, inside, steps=7 + int(9 * build.fur)
    )
    return Hair(along, limit(fine * np.float32(1.9 * rich)), limit(thick * np.float32(1.25 * rich)), length)


def limit(field: Floats) -> Floats:
    """The field, softly kept within -1 and 1."""
    out: Floats = field / np.sqrt(np.float32(1) + field * field)
    return out


def smear(field: Floats, along: Floats, inside: NDArray[np.bool_], *, steps: int) -> Floats:
    """The field averaged along the direction of the hair, `steps` pixels both ways."""
    height, width = field.shape
    rows, columns = np.nonzero(inside)
    total = field[rows, columns].copy()
    for sign in (np.float32(1), np.float32(-1)):
        y, x = rows.astype(np.float32) + np.float32(0.5), columns.astype(np.float32) + np.float32(0.5)
        r, c = rows, columns
        for _ in range(steps):
            x = x + along[r, c, 0] * sign
            y = y + along[r, c, 1] * sign
            r = np.minimum(np.maximum(y.astype(np.intp), 0), height - 1)
            c = np.minimum(np.maximum(x.astype(np.intp), 0), width - 1)
            total = total + field[r, c]
    out = np.zeros_like(field)
    out[rows, columns] = total / np.float32((2 * steps + 1) ** 0.75)
    return out


def fray(picture: Floats, hair: Hair, bare: Floats) -> Floats:
    """The picture with each spot fetched a little way up its hair, so that marks end in strands."""
    height, width = bare.shape
    pull = (
        hair.length
        * np.float32(0.9)
        * (np.float32(0.5) + np.float32(0.5) * (hair.strand + hair.clump) * np.float32(0.7))
    )
    pull = np.minimum(np.maximum(pull, np.float32(0)), hair.length * np.float32(2)) * (np.float32(1) - bare)
    rows, columns = np.mgrid[0:height, 0:width]
    r = np.minimum(np.maximum((rows + np.float32(0.5) - hair.along[..., 1] * pull).astype(np.intp), 0), height - 1)
    c = np.minimum(np.maximum((columns + np.float32(0.5) - hair.along[..., 0] * pull).astype(np.intp), 0), width - 1)
    out: Floats = picture[r, c]
    return out


def cover(seen: Surface, hair: Hair, camera: Camera, bare: Floats) -> Floats:
    """How much of each pixel the pet covers, 0 to 1, with hair standing out at the edge."""
    outside = seen.distance * np.float32(camera.scale)
    reach = (np.float32(0.5) + hair.strand * np.float32(0.35) + hair.clump * np.float32(0.45)) * hair.length
    reach = np.maximum(reach, np.float32(0)) * (np.float32(1) - bare)
    out: Floats = np.minimum(np.maximum(np.float32(1.4) + reach - outside, np.float32(0)), np.float32(1))
    return out
