"""Plump bodies out of soft cones, seen by one ray a pixel: where a pet's surface is, which way it faces, and which
spot of the standing pet it is (so that marks stay on their spot in every pose). Knows nothing of dogs, coats or light.

Only + - * / and sqrt on whole arrays, so that every processor gets the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .shapes import Camera, Cone, Floats, add, apply

TILE = 96
STEPS = 40
COARSE = 4


@dataclass(frozen=True)
class Surface:
    """What each pixel sees; arrays of the picture's size, `distance` above 0 where the ray only passes near the body.

    `spot` is the place on the standing pet, `normal` and `point` are in the camera's space (x right, y up, z to the
    viewer), `flow` the direction in which hair lies, `share` how much of each part is there.
    """

    distance: Floats
    point: Floats
    normal: Floats
    spot: Floats
    flow: Floats
    share: dict[str, Floats]

    def cut(self, where: tuple[slice, slice] | NDArray[np.bool_]) -> Surface:
        """Only the pixels of a window, or (as flat arrays) those of a mask."""
        share = {part: field[where] for part, field in self.share.items()}
        return Surface(
            self.distance[where], self.point[where], self.normal[where], self.spot[where], self.flow[where], share
        )

    def part(self, name: str) -> Floats:
        """How much of the part each pixel shows (0 everywhere for a body without it)."""
        return self.share.get(name, np.zeros_like(self.distance))


class _Seen:
    """A cone in the camera's space, as float32 numbers."""

    def __init__(self, cone: Cone, camera: Camera) -> None:
        view = camera.axes()
        self.cone = cone
        self.start = apply(view, cone.now.start)
        self.axes = tuple(apply(view, axis) for axis in cone.now.axes)
        end = add(self.start, self.axes[0], cone.now.length)
        self.ends = (self.start, end)
        self.slack = 2.0 / (1.0 + max(1.0, *cone.squash)) if max(cone.squash) > 1.0 else 1.0

    def base(self, x: Floats, y: Floats) -> list[Floats]:
        """The coordinates along the cone's axes of the points (x, y, 0)."""
        sx, sy, sz = self.start
        stretch = (1.0, *self.cone.squash)
        return [
            ((x - np.float32(sx)) * np.float32(ax[0] * f) + (y - np.float32(sy)) * np.float32(ax[1] * f))
            - np.float32(sz * ax[2] * f)
            for ax, f in zip(self.axes, stretch, strict=True)
        ]

    def local(self, base: list[Floats], z: Floats) -> tuple[Floats, Floats, Floats]:
        """Distance of the points, and how far along and beside the axis they are: (distance, share, size)."""
        stretch = (1.0, *self.cone.squash)
        u, v, w = (b + z * np.float32(ax[2] * f) for b, ax, f in zip(base, self.axes, stretch, strict=True))
        length = self.cone.now.length
        share = np.minimum(np.maximum(u * np.float32(1.0 / max(length, 1e-6)), np.float32(0)), np.float32(1))
        if length <= 1e-6:
            share = np.zeros_like(u)
        over = u - share * np.float32(length)
        size = np.sqrt(over * over + v * v + w * w)
        ra, rb = self.cone.radii
        return (size - (share * np.float32(rb - ra) + np.float32(ra))) * np.float32(self.slack), share, size

    def touches(self, x0: float, x1: float, y0: float, y1: float, margin: float) -> bool:
        """Whether the tile can see this cone."""
        reach = max(self.cone.radii) + margin + self.cone.blend
        xs, ys = [e[0] for e in self.ends], [e[1] for e in self.ends]
        beside = min(xs) - reach > x1 or max(xs) + reach < x0
        return not (beside or min(ys) - reach > y1 or max(ys) + reach < y0)


def _union(cones: list[_Seen], bases: list[list[Floats]], z: Floats) -> Floats:
    total: Floats | None = None
    for seen, base in zip(cones, bases, strict=True):
        d, _, _ = seen.local(base, z)
        if total is None:
            total = d
            continue
        k = np.float32(max(seen.cone.blend, 1e-4))
        h = np.maximum(k - np.abs(total - d), np.float32(0))
        total = np.minimum(total, d) - h * h * (np.float32(0.25) / k)
    assert total is not None
    return total


def trace(cones: list[Cone], camera: Camera, size: tuple[int, int], *, reach: float) -> Surface:
    """What every pixel of a picture of `size` (width, height) sees of the cones; `reach` is how far outside the body,
    in body units, a ray still counts as near (for hair that stands out)."""
    width, height = size
    small = Camera(
        camera.turn, camera.pitch, camera.scale / COARSE, (camera.centre[0] / COARSE, camera.centre[1] / COARSE)
    )
    rough = _empty({""}, -(-height // COARSE) + 1, -(-width // COARSE) + 1)
    wide = reach + 1.6 * COARSE / camera.scale
    far = np.full(rough.distance.shape, 9.0, np.float32)
    _trace_tiles([_Seen(cone, small) for cone in cones], small, rough, far, wide, full=False)
    hit = rough.distance < wide
    depth = rough.point[..., 2]
    around = np.pad(np.where(hit, depth, np.float32(-9)), 1, constant_values=-9)
    behind = np.pad(np.where(rough.distance < 1.0 / small.scale, depth, np.float32(-9)), 1, constant_values=-9)
    nearest, deepest = around[1:-1, 1:-1], behind[1:-1, 1:-1]
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            window = (slice(dy, dy + depth.shape[0]), slice(dx, dx + depth.shape[1]))
            nearest, deepest = np.maximum(nearest, around[window]), np.minimum(deepest, behind[window])
    margin = np.float32(2.0 * COARSE / camera.scale)
    start = _repeat(nearest, height, width) + margin
    smooth = _repeat(nearest - deepest, height, width) < np.float32(2.6 * margin)
    between = Image.fromarray(depth).resize(
        (depth.shape[1] * COARSE, depth.shape[0] * COARSE), Image.Resampling.BILINEAR
    )
    start = np.where(smooth, np.asarray(between)[:height, :width] + np.float32(2.0 / camera.scale), start)
    out = _empty({cone.part for cone in cones}, height, width)
    _trace_tiles([_Seen(cone, camera) for cone in cones], camera, out, start, reach, full=True)
    return out


def _repeat(field: Floats, height: int, width: int) -> Floats:
    return np.repeat(np.repeat(field, COARSE, 0), COARSE, 1)[:height, :width]


def _empty(parts: set[str], height: int, width: int) -> Surface:
    return Surface(
        distance=np.full((height, width), 9.0, np.float32),
        point=np.zeros((height, width, 3), np.float32),
        normal=np.zeros((height, width, 3), np.float32),
        spot=np.zeros((height, width, 3), np.float32),
        flow=np.zeros((height, width, 3), np.float32),
        share={part: np.zeros((height, width), np.float32) for part in sorted(parts)},
    )


def _trace_tiles(seen: list[_Seen], camera: Camera, out: Surface, start: Floats, reach: float, *, full: bool) -> None:
    """Trace tile by tile from the depths `start` (below -5: nothing there); describe the surface only if `full`."""
    height, width = out.distance.shape
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            _trace_tile(seen, camera, out, (top, left), start[top : top + TILE, left : left + TILE], reach, full=full)


def _trace_tile(
    seen: list[_Seen], camera: Camera, out: Surface, corner: tuple[int, int], start: Floats, reach: float, *, full: bool
) -> None:
    if not (start > -5).any():
        return
    top, left = corner
    bottom, right = top + start.shape[0], left + start.shape[1]
    cx, cy = camera.centre
    x0, x1 = (left - cx) / camera.scale, (right - cx) / camera.scale
    y0, y1 = (cy - bottom) / camera.scale, (cy - top) / camera.scale
    near = [s for s in seen if s.touches(x0, x1, y0, y1, reach)]
    if not near:
        return
    picked_rows, picked_columns = np.nonzero(start > -5)
    rows, columns = picked_rows + top, picked_columns + left
    x = ((columns + 0.5 - cx) / camera.scale).astype(np.float32)
    y = ((cy - rows - 0.5) / camera.scale).astype(np.float32)
    front = max(max(e[2] for e in s.ends) + max(s.cone.radii) for s in near) + 0.02
    back = min(min(e[2] for e in s.ends) - max(s.cone.radii) for s in near) - 0.02
    z = np.minimum(start[picked_rows, picked_columns], np.float32(front))
    best, best_z = np.full(x.shape, 9.0, np.float32), z.copy()
    active = np.arange(x.size)
    bases = [s.base(x, y) for s in near]
    live = bases
    close = np.float32(0.4 / camera.scale)
    for step in range(STEPS):
        here = z[active]
        d = _union(near, live, here)
        off = np.abs(d)
        better = off < best[active]
        chosen = active[better]
        best[chosen], best_z[chosen] = off[better], here[better]
        going = (off > close) & (here > np.float32(back))
        move = np.where(d > 0, np.maximum(d, close), d)
        z[active] = here - move * going
        if step % 2:
            active = active[going]
            if not active.size:
                break
            live = [[b[going] for b in base] for base in live]
    kept = np.nonzero(best < np.float32(reach))[0]
    if not kept.size:
        return
    rows, columns = rows[kept], columns[kept]
    out.distance[rows, columns] = best[kept]
    out.point[rows, columns] = np.stack([x[kept], y[kept], best_z[kept]], axis=1)
    if full:
        _describe(near, [[b[kept] for b in base] for base in bases], best_z[kept], out, rows, columns)


def _describe(
    near: list[_Seen],
    bases: list[list[Floats]],
    z: Floats,
    out: Surface,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> None:
    """Fill in what the kept pixels see: each near cone says its own, and the nearest ones count."""
    locals_ = [s.local(base, z) for s, base in zip(near, bases, strict=True)]
    nearest = locals_[0][0]
    for d, _, _ in locals_[1:]:
        nearest = np.minimum(nearest, d)
    total = np.zeros_like(z)
    normal, spot, flow = (np.zeros((*z.shape, 3), np.float32) for _ in range(3))
    shares: dict[str, Floats] = {}
    for seen, base, (d, along, size) in zip(near, bases, locals_, strict=True):
        width = np.float32(max(0.6 * seen.cone.blend, 0.006))
        w = np.maximum(np.float32(1) - (d - nearest) / width, np.float32(0))
        w = w * w
        if not w.any():
            continue
        total += w
        stretch = (1.0, *seen.cone.squash)
        u, v, f = (b + z * np.float32(ax[2] * k) for b, ax, k in zip(base, seen.axes, stretch, strict=True))
        rest, length = seen.cone.rest, seen.cone.now.length
        inverse = np.float32(1) / np.maximum(size, np.float32(1e-5))
        over = (u - along * np.float32(length)) * inverse
        ratio = rest.length / length if length > 1e-6 else 1.0
        flat = [v / np.float32(stretch[1]), f / np.float32(stretch[2])]
        for i in range(3):
            normal[:, i] += w * (
                over * np.float32(seen.axes[0][i])
                + v * inverse * np.float32(seen.axes[1][i] * stretch[1])
                + f * inverse * np.float32(seen.axes[2][i] * stretch[2])
            )
            spot[:, i] += w * (
                np.float32(rest.start[i])
                + u * np.float32(ratio * rest.axes[0][i])
                + flat[0] * np.float32(rest.axes[1][i])
                + flat[1] * np.float32(rest.axes[2][i])
            )
            flow[:, i] += w * np.float32(seen.axes[0][i])
        part = seen.cone.part
        shares[part] = shares.get(part, np.zeros_like(z)) + w
    total = np.maximum(total, np.float32(1e-6))
    length_of = np.sqrt(normal[:, 0] * normal[:, 0] + normal[:, 1] * normal[:, 1] + normal[:, 2] * normal[:, 2])
    out.normal[rows, columns] = normal / np.maximum(length_of, np.float32(1e-6))[:, None]
    out.spot[rows, columns] = spot / total[:, None]
    out.flow[rows, columns] = flow / total[:, None]
    for part, w in shares.items():
        out.share[part][rows, columns] = w / total


def distance_at(cones: list[Cone], camera: Camera, points: Floats) -> Floats:
    """How far points in the camera's space, shape (n, 3), are from the body (negative inside)."""
    seen = [_Seen(cone, camera) for cone in cones]
    x, y, z = (np.ascontiguousarray(points[:, i]) for i in range(3))
    return _union(seen, [s.base(x, y) for s in seen], z)
