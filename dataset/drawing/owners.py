"""Portraits of some owners, as friendly as their pets. Knows people made of cones, not pets."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from .brush import Canvas
from .coats import mix, rgb
from .fur import comb, cover
from .lights import LIGHTS, Hour, shade
from .looks import Build, Colour
from .noise import step
from .picture import PLACES, Place, finish, spread, tone
from .shapes import Camera, Cone, Floats, Place3, Vector
from .solids import Surface, trace

SIZE = (600, 600)
Hair = Literal["curls", "short", "long"]


@dataclass(frozen=True)
class Person:
    """How an owner looks, and where the portrait was taken."""

    skin: Colour
    hair: Colour
    style: Hair
    shirt: Colour
    eyes: Colour
    turn: float
    place: Place
    light: Hour
    seed: int
    beard: bool = False


PORTRAITS: dict[str, Person] = {
    "amara-okafor": Person(
        (140, 88, 60), (38, 28, 28), "curls", (232, 176, 62), (60, 36, 24), 78, "park", "morning", 51
    ),
    "henrik-solberg": Person(
        (240, 196, 168), (206, 164, 104), "short", (64, 110, 140), (86, 130, 160), 104, "beach", "noon", 52, True
    ),
    "leilani-kahale": Person(
        (198, 146, 108), (48, 34, 30), "long", (206, 92, 96), (84, 52, 32), 80, "garden", "noon", 53
    ),
}


def portraits() -> dict[str, Callable[[], bytes]]:
    """The owners' portraits, by path."""
    return {f"owners/{name}.jpg": partial(portrait, person) for name, person in PORTRAITS.items()}


def portrait(person: Person) -> bytes:
    """One portrait as JPEG."""
    out = io.BytesIO()
    picture(person).save(out, "JPEG", quality=88, subsampling=2, optimize=True)
    return out.getvalue()


def picture(person: Person) -> Image.Image:
    """One portrait (RGB, 600 by 600)."""
    camera = Camera(person.turn, 4.0, 730.0, (300.0, 282.0))
    cones, light = bust(person), LIGHTS[person.light]
    seen = trace(cones, camera, SIZE, reach=0.02)
    build = Build(fur=0.30 if person.style != "curls" else 0.2, curl=1.0 if person.style == "curls" else 0.0)
    hair = comb(seen, camera, build, person.seed)
    hairy = step(seen.share["hair"], 0.45, 0.2)
    colour, shine = _paint(person, seen, hairy)
    linear = shade(colour, seen, hair, light, spread(cones, camera, seen, light), np.float32(1) - hairy, shine)
    alpha = cover(seen, hair, camera, np.float32(1) - hairy)[..., None]
    canvas = Canvas(SIZE, person.light, person.seed)
    PLACES[person.place](canvas)
    canvas.blur(5.0)
    behind = np.asarray(canvas.picture).astype(np.float32) / np.float32(255)
    return finish(tone(linear) * alpha + behind * (np.float32(1) - alpha), person.seed)


def _cone(part: str, a: Vector, b: Vector, ra: float, rb: float, *, blend: float = 0.03) -> Cone:
    at = Place3.between(a, b)
    return Cone(part, at, at, (ra, rb), blend=blend)


def bust(person: Person) -> list[Cone]:
    """Head, neck and shoulders."""
    cones = [
        _cone("shirt", (-0.02, -0.80, 0), (-0.03, -0.38, 0), 0.26, 0.15, blend=0.06),
        _cone("skin", (-0.02, -0.34, 0), (0.0, -0.12, 0), 0.088, 0.080),
        _cone("skin", (-0.005, 0.030, 0), (0.012, -0.060, 0), 0.160, 0.146, blend=0.05),
        _cone("skin", (0.06, -0.125, 0), (0.06, -0.13, 0), 0.062, 0.06, blend=0.07),
        _cone("skin", (0.163, -0.022, 0), (0.168, -0.030, 0), 0.022, 0.024, blend=0.012),
    ]
    for z in (-1.0, 1.0):
        cones.append(_cone("shirt", (-0.02, -0.41, 0.06 * z), (-0.03, -0.46, 0.24 * z), 0.13, 0.115, blend=0.06))
        cones.append(_cone("shirt", (-0.03, -0.46, 0.25 * z), (-0.03, -0.90, 0.30 * z), 0.11, 0.10, blend=0.06))
        cones.append(_cone("skin", (0.0, -0.015, 0.160 * z), (-0.005, -0.040, 0.152 * z), 0.034, 0.026, blend=0.015))
        cones.append(_cone("skin", (0.085, -0.060, 0.070 * z), (0.08, -0.062, 0.07 * z), 0.062, 0.062, blend=0.06))
    cones.append(_cone("hair", (-0.045, 0.075, -0.01), (-0.045, 0.075, 0.01), 0.168, 0.168, blend=0.02))
    random = np.random.Generator(np.random.PCG64(person.seed))
    if person.style == "curls":
        for _ in range(110):
            x, y, z = (random.random(3) * 2 - 1).tolist()
            size = (x * x + y * y + z * z) ** 0.5 or 1.0
            x, y, z = x / size * 0.180 - 0.055, y / size * 0.175 + 0.09, z / size * 0.19
            if (x < 0.03 or y > 0.17) and y > -0.12:
                cones.append(_cone("hair", (x, y, z), (x, y, z + 0.01), 0.045, 0.045, blend=0.012))
    if person.style == "long":
        for z in (-1.0, 1.0):
            cones.append(_cone("hair", (0.03, 0.15, 0.05 * z), (-0.02, 0.02, 0.150 * z), 0.07, 0.055, blend=0.03))
            cones.append(_cone("hair", (-0.02, 0.02, 0.150 * z), (-0.015, -0.38, 0.165 * z), 0.055, 0.06, blend=0.03))
        cones.append(_cone("hair", (-0.10, 0.0, 0), (-0.12, -0.40, 0), 0.15, 0.13, blend=0.03))
    if person.style == "short":
        for i in range(7):
            z = -0.11 + 0.22 * i / 6
            cones.append(
                _cone(
                    "hair",
                    (0.06, 0.185 - 2.2 * z * z, z),
                    (0.085, 0.205 - 2.6 * z * z, z + 0.03),
                    0.05,
                    0.03,
                    blend=0.02,
                )
            )
    return cones


def _paint(person: Person, seen: Surface, hairy: Floats) -> tuple[Floats, Floats]:
    x, y, z = (seen.spot[..., i] for i in range(3))
    out = np.broadcast_to(rgb(person.skin), seen.spot.shape).astype(np.float32)
    front = step(x, 0.055, 0.015)
    face = step(seen.share["skin"], 0.6, 0.2) * front
    side = np.abs(z)
    cheek = np.sqrt((side - np.float32(0.092)) ** 2 + (y + np.float32(0.050)) ** 2)
    out = mix(out, (224, 104, 92), face * step(-cheek, -0.03, 0.03) * np.float32(0.30))
    if person.beard:
        chin = step(-y - side * side * np.float32(2.0) + np.float32(0.0), 0.075, 0.02) * step(-y, -0.20, 0.02)
        ring = np.sqrt((z * np.float32(0.9)) ** 2 + (y + np.float32(0.10)) ** 2)
        out = mix(out, person.hair, face * chin * step(ring, 0.040, 0.012) * np.float32(0.85))
    lips = np.abs(y + np.float32(0.104) - z * z * np.float32(6.5))
    smile = step(-lips, -0.0050, 0.0035) * step(-side, -0.060, 0.004)
    out = mix(out, (118, 48, 44), face * smile * np.float32(0.85))
    corner = np.sqrt((side - np.float32(0.062)) ** 2 + (y + np.float32(0.079)) ** 2)
    out = mix(out, (118, 48, 44), face * step(-corner, -0.007, 0.004) * np.float32(0.6))
    brow = np.abs(y - np.float32(0.072) + (side - np.float32(0.064)) ** 2 * np.float32(9.0))
    dark = (person.hair[0] * 3 // 4, person.hair[1] * 3 // 4, person.hair[2] * 3 // 4)
    out = mix(out, dark, face * step(-brow, -0.0055, 0.004) * step(-np.abs(side - np.float32(0.064)), -0.026, 0.006))
    eye = np.sqrt((side - np.float32(0.064)) ** 2 + ((y - np.float32(0.018)) * np.float32(0.78)) ** 2)
    out = mix(out, (26, 18, 20), face * step(-eye, -0.0205, 0.0025))
    low = step(-y, -0.014, 0.008)
    out = mix(out, person.eyes, face * step(-eye, -0.0155, 0.003) * low)
    glint = np.sqrt((z - np.where(z > 0, np.float32(0.070), np.float32(-0.058))) ** 2 + (y - np.float32(0.028)) ** 2)
    shine = face * step(-glint, -0.0062, 0.0018)
    out = mix(out, person.shirt, step(seen.share["shirt"], 0.5, 0.2))
    out = mix(out, person.hair, hairy)
    return np.minimum(np.maximum(out, np.float32(0)), np.float32(1)), shine
