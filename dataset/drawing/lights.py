"""The light of an hour, and what it does to a plump body and the ground under it. Knows no coats and no places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .fur import Hair
from .shapes import Camera, Cone, Floats, Vector, apply, unit
from .solids import Surface, distance_at

Hour = Literal["morning", "noon", "dusk", "overcast", "night"]
HOURS: tuple[Hour, ...] = ("morning", "noon", "dusk", "overcast", "night")


@dataclass(frozen=True)
class Light:
    """Where the key light comes from (camera space: x right, y up, z to the viewer) and the colours, linear, of key,
    sky, ground and rim; `tint` and `depth` grade the place (sRGB factors; how dark shadows on the ground are)."""

    key_from: Vector
    key: Vector
    sky: Vector
    ground: Vector
    rim: Vector
    tint: Vector
    depth: float


LIGHTS: dict[Hour, Light] = {
    "morning": Light(
        (-0.75, 0.55, 0.55),
        (1.12, 0.98, 0.74),
        (0.46, 0.54, 0.64),
        (0.30, 0.29, 0.20),
        (0.34, 0.30, 0.18),
        (1.03, 1.0, 0.93),
        0.46,
    ),
    "noon": Light(
        (-0.35, 0.90, 0.50),
        (1.10, 1.06, 0.97),
        (0.50, 0.56, 0.62),
        (0.30, 0.30, 0.24),
        (0.12, 0.13, 0.13),
        (1.0, 1.0, 1.0),
        0.52,
    ),
    "dusk": Light(
        (0.85, 0.36, 0.42),
        (1.20, 0.76, 0.42),
        (0.42, 0.38, 0.52),
        (0.26, 0.20, 0.18),
        (0.62, 0.36, 0.16),
        (1.02, 0.88, 0.80),
        0.44,
    ),
    "overcast": Light(
        (-0.30, 0.90, 0.55),
        (0.42, 0.44, 0.46),
        (0.82, 0.86, 0.90),
        (0.40, 0.40, 0.38),
        (0.05, 0.05, 0.06),
        (0.93, 0.96, 0.97),
        0.34,
    ),
    "night": Light(
        (0.62, 0.72, 0.50),
        (1.05, 0.74, 0.40),
        (0.16, 0.19, 0.33),
        (0.16, 0.13, 0.12),
        (0.16, 0.20, 0.34),
        (0.46, 0.50, 0.70),
        0.50,
    ),
}


def shade(colour: Floats, seen: Surface, hair: Hair, light: Light, dim: Floats, bare: Floats, shine: Floats) -> Floats:
    """The coat in this light, linear; `dim` (h, w, 2) is how much key light and how much sky reach each pixel."""
    n = seen.normal
    source = unit(light.key_from)
    grain = (np.float32(1) - bare) * (hair.strand * np.float32(0.6) + hair.clump * np.float32(0.7))
    facing = n[..., 0] * np.float32(source[0]) + n[..., 1] * np.float32(source[1]) + n[..., 2] * np.float32(source[2])
    facing = facing + grain * np.float32(0.16)
    wrapped = np.maximum((facing + np.float32(0.30)) * np.float32(1 / 1.30), np.float32(0))
    key = wrapped * dim[..., 0]
    up = np.float32(0.5) + np.float32(0.5) * n[..., 1]
    fill = np.float32(0.80) * up + np.float32(0.20) * np.maximum(n[..., 2], np.float32(0))
    edge = np.float32(1) - np.maximum(n[..., 2], np.float32(0))
    edge = edge * (np.float32(1) - np.float32(0.75) * bare)
    edge = edge * edge * edge * (np.float32(0.35) + np.float32(0.65) * up) * dim[..., 1]
    sheen = np.maximum(facing - grain * np.float32(0.2), np.float32(0))
    sheen = sheen * sheen
    sheen = sheen * sheen * sheen * dim[..., 0] * (np.float32(0.8) + grain) * np.float32(0.10)
    linear = colour * colour
    texture = np.float32(1) + grain * np.float32(0.17)
    out = np.empty_like(colour)
    for i in range(3):
        lit = key * np.float32(light.key[i]) + dim[..., 1] * (
            fill * np.float32(light.sky[i]) + (np.float32(1) - up) * np.float32(light.ground[i])
        )
        body = linear[..., i] * lit * texture
        body = body + (edge * (np.float32(0.25) + linear[..., i]) + sheen) * np.float32(
            light.rim[i] + 0.10 * light.key[i]
        )
        out[..., i] = body + shine * np.float32(0.35 + 0.65 * light.key[i])
    return out


def reaching(cones: list[Cone], camera: Camera, points: Floats, normals: Floats, light: Light) -> Floats:
    """How much key light and how much sky reach points (n, 3) that face `normals`; shape (n, 2), 0 to 1."""
    source = np.array(unit(light.key_from), np.float32)
    clear = np.ones(len(points), np.float32)
    for far in (0.05, 0.10, 0.17, 0.26, 0.38):
        d = distance_at(cones, camera, points + normals * np.float32(0.025) + source * np.float32(far))
        clear = np.minimum(clear, np.float32(0.5) + d * np.float32(2.2 / (0.25 + far)))
    open_ = np.ones(len(points), np.float32)
    for far, weight in ((0.05, 0.30), (0.14, 0.42)):
        d = distance_at(cones, camera, points + normals * np.float32(far))
        open_ = open_ - np.float32(weight) * np.minimum(np.maximum(np.float32(1) - d / np.float32(far), 0), 1)
    return np.stack([np.minimum(np.maximum(clear, np.float32(0.12)), np.float32(1)), open_], axis=1)


def ground_shadow(
    cones: list[Cone], camera: Camera, size: tuple[int, int], light: Light, *, coarse: int = 7
) -> tuple[Floats, Floats]:
    """Where the pet takes the key light and the sky from flat ground under it: two coarse pictures, 0 = no shadow."""
    width, height = size
    up = apply(camera.axes(), (0.0, 1.0, 0.0))
    source = unit(light.key_from)
    rows, columns = np.mgrid[coarse // 2 : height : coarse, coarse // 2 : width : coarse]
    x = ((columns - camera.centre[0]) / camera.scale).astype(np.float32)
    y = ((camera.centre[1] - rows) / camera.scale).astype(np.float32)
    z = -(x * np.float32(up[0]) + y * np.float32(up[1])) / np.float32(up[2])
    near = (z > -1.6) & (z < 1.2) & (np.abs(x) < 1.9)
    points = np.stack([x[near], y[near], z[near]], axis=1)
    key, sky = np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32)
    dark = np.zeros(len(points), np.float32)
    for far in (0.04, 0.10, 0.18, 0.28, 0.40, 0.55, 0.75, 1.0):
        d = distance_at(cones, camera, points + np.array(source, np.float32) * np.float32(far))
        dark = np.maximum(dark, np.float32(0.5) - d * np.float32(1.6 / (0.10 + far)))
    d = distance_at(cones, camera, points)
    key[near] = np.minimum(np.maximum(dark, 0), 1)
    close = np.maximum(np.float32(1) - np.maximum(d, np.float32(0)) * np.float32(1 / 0.20), np.float32(0))
    sky[near] = close * close
    return key, sky
