"""Eyes, nose, mouth and the inside of the ears, painted onto the head. Knows the head's own space, not the place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bodies import Body, eyes, head_cones, nose
from .coats import mix
from .looks import Look
from .noise import step
from .poses import Pose
from .shapes import Axes, Camera, Floats, Vector, add, apply, dot, unit
from .solids import Surface

DARK = (30, 24, 26)
PINK = (226, 160, 152)


@dataclass(frozen=True)
class Face:
    """The coat with the face on it: `colour` (h, w, 3), `bare` where no hair grows, `shine` light added as it is."""

    colour: Floats
    bare: Floats
    shine: Floats


def into(axes: Axes, a: Vector) -> Vector:
    """The coordinates of `a` along the axes."""
    return (dot(axes[0], a), dot(axes[1], a), dot(axes[2], a))


def add_face(look: Look, body: Body, pose: Pose, camera: Camera, seen: Surface, coat: Floats) -> Face:
    """The coat with eyes (closed in a pet that sleeps), nose, mouth and ears painted in."""
    build, s = look.build, look.build.head
    x, y, z = (seen.spot[..., i] - np.float32(body.rest_head[i]) for i in range(3))
    pixel = 1.0 / camera.scale
    head = seen.share["head"]
    view = camera.axes()
    to_camera = into(body.head_axes, (view[0][2], view[1][2], view[2][2]))
    glint = unit(into(body.head_axes, (dot_row(view, 0), dot_row(view, 1), dot_row(view, 2))))
    out: Floats = coat
    shine: Floats = np.zeros(coat.shape[:2], np.float32)

    inner = _inner_ear(look, body, camera, seen, x, y, z)
    if inner is not None:
        out = mix(out, PINK if look.coat.base[0] > 70 else (120, 84, 84), inner * np.float32(0.62))

    tip = nose(build, look.species)
    front = step(x, tip[0] - 0.085 * s, 0.02 * s)
    line = step(-np.abs(z), -0.0035 * s, 0.0025 * s + pixel * 0.5) * step(y, -0.092 * s, 0.006) * front
    w_shape = np.float32(-0.097 * s) + np.float32(0.45) * np.abs(np.abs(z) - np.float32(0.030 * s))
    mouth = (
        step(-np.abs(y - w_shape), -0.0045 * s, 0.003 * s + pixel * 0.5) * front * step(-np.abs(z), -0.055 * s, 0.01)
    )
    if look.species == "dog":
        grin = np.float32(-0.112 * s) - (x - np.float32(0.10 * s)) * np.float32(0.10)
        side = step(-np.abs(y - grin), -0.0045 * s, 0.004 * s + pixel * 0.4)
        mouth = np.maximum(mouth * np.float32(0.4), side * step(x, 0.085 * s, 0.01) * step(np.abs(z), 0.03 * s, 0.01))
    line, mouth = (m * head * step(-y, 0.03 * s, 0.01) for m in (line, mouth))
    out = mix(out, DARK, np.maximum(line, mouth) * np.float32(0.60))

    snout = step(seen.share["nose"], 0.45, 0.35)
    wing = 0.017 * s if look.species == "dog" else 0.007 * s
    hole = np.sqrt(((np.abs(z) - np.float32(wing)) * np.float32(1.1)) ** 2 + (y - np.float32(tip[1] - 0.008 * s)) ** 2)
    out = mix(out, look.nose, snout)
    out = mix(out, DARK, snout * step(-hole, -0.009 * s, 0.004 * s) * np.float32(0.75))
    shine = shine + snout * step(
        seen.normal[..., 1] - np.abs(seen.normal[..., 0]) * np.float32(0.5), 0.70, 0.16
    ) * np.float32(0.34)
    if "tongue" in seen.share:
        groove = step(-np.abs(z), -0.004 * s, 0.004 * s)
        tongue = step(seen.share["tongue"], 0.5, 0.3)
        out = mix(out, (222, 112, 118), tongue)
        out = mix(out, (180, 76, 88), tongue * groove * np.float32(0.6))
        shine = shine + tongue * step(seen.normal[..., 2], 0.80, 0.2) * np.float32(0.06)
        snout = np.maximum(snout, tongue)

    if look.collar and "collar" in seen.share:
        band = step(seen.share["collar"], 0.40, 0.10)
        out = mix(out, look.collar, band)
        snout = np.maximum(snout, band)
    if "tag" in seen.share:
        disc = step(seen.share["tag"], 0.5, 0.3)
        out = mix(out, (236, 190, 84), disc)
        shine = shine + disc * step(seen.normal[..., 1], 0.45, 0.3) * np.float32(0.25)
        snout = np.maximum(snout, disc)

    ball = step(seen.share["eye"], 0.5, 0.34)
    for (centre, radius), iris, sign in zip(eyes(build, look.species), look.eyes, (-1.0, 1.0), strict=True):
        e = [(c - np.float32(o)) / np.float32(radius) for c, o in zip((x, y, z), centre, strict=True)]
        far = np.sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2])
        here = ball * step(-far, -1.35, 0.05)
        rim = step(-far, -1.10, 0.09 + pixel / radius) * (head + seen.share["eye"]) * (np.float32(1) - here)
        if pose != "sleeping":
            out = mix(out, DARK, rim * np.float32(0.80))
        if pose == "sleeping":
            arc = np.abs(e[1] + np.float32(0.25) - e[2] * e[2] * np.float32(0.10))
            out = mix(out, DARK, here * step(-arc, -0.13, 0.10 + pixel / radius))
            continue
        gaze = unit(add((0.90, -0.02, 0.34 * sign), to_camera, 0.55))
        spark = unit(add(gaze, glint, 0.44))
        out, light = _eye(look, out, e, gaze, spark, iris, here, pixel / radius)
        shine = shine + light
    return Face(out, np.maximum(snout, ball), shine)


def dot_row(view: Axes, row: int) -> float:
    """One body coordinate of the direction from which the eye's glint comes (upper left, before the picture)."""
    return -0.70 * view[row][0] + 0.72 * view[row][1] + 0.20 * view[row][2]


def _eye(
    look: Look,
    out: Floats,
    e: list[Floats],
    gaze: Vector,
    glint: Vector,
    iris: tuple[int, int, int],
    here: Floats,
    soft: float,
) -> tuple[Floats, Floats]:
    """One open eye painted on its ball: dark rim, iris, pupil, lid's shadow, and its two glints."""
    towards = e[0] * np.float32(gaze[0]) + e[1] * np.float32(gaze[1]) + e[2] * np.float32(gaze[2])
    cat = look.species == "cat"
    out = mix(out, DARK, here)
    out = mix(out, iris, here * step(towards, 0.42 if cat else 0.50, 0.04 + soft * 0.5))
    low = step(-e[1], 0.15, 0.5) * step(towards, 0.5, 0.1)
    bright = (min(255, iris[0] + 58), min(255, iris[1] + 52), min(255, iris[2] + 36))
    out = mix(out, bright, here * low * np.float32(0.55))
    flat = unit((gaze[2], 0.0, -gaze[0]))
    across = e[0] * np.float32(flat[0]) + e[2] * np.float32(flat[2])
    upright = e[1] - np.float32(gaze[1])
    pupil: Floats
    if cat:
        slit = np.sqrt((across * np.float32(1 / 0.36)) ** 2 + (upright * np.float32(1 / 0.72)) ** 2)
        pupil = step(-slit, -1.0, 0.16 + soft * 1.6) * step(towards, 0.2, 0.1)
    else:
        pupil = step(towards, 0.84, 0.03 + soft * 0.4)
    out = mix(out, (12, 10, 12), here * pupil)
    out = mix(out, (20, 16, 18), here * step(e[1], 0.62, 0.30) * np.float32(0.75))
    # The glint is a round spot on the ball, so it is measured from the ball's surface, not from the lid beside it.
    off = [e[i] - np.float32(glint[i]) for i in range(3)]
    shone = np.float32(1) - (off[0] * off[0] + off[1] * off[1] + off[2] * off[2]) * np.float32(0.5)
    second = e[0] * np.float32(gaze[0]) - (e[1] + np.float32(0.40)) * np.float32(0.9) + across * np.float32(0.5)
    light = step(shone, 0.966, 0.014 + soft * 0.2) * np.float32(0.95) + step(second, 0.93, 0.16) * np.float32(0.05)
    return out, here * light


def _inner_ear(look: Look, body: Body, camera: Camera, seen: Surface, x: Floats, y: Floats, z: Floats) -> Floats | None:
    """Where the inside of a pricked ear shows, 0 to 1."""
    if look.build.ear not in ("pricked", "half"):
        return None
    forward = apply(camera.axes(), body.head_axes[0])
    facing = sum(seen.normal[..., i] * np.float32(forward[i]) for i in range(3))
    total = np.zeros(seen.distance.shape, np.float32)
    for part, start, end, radii, _, _, _ in head_cones(look.build, look.species):
        if part != "ear":
            continue
        dy, dz = end[1] - start[1], end[2] - start[2]
        length = dy * dy + dz * dz
        along = (
            (y - np.float32(start[1])) * np.float32(dy) + (z - np.float32(start[2])) * np.float32(dz)
        ) / np.float32(length)
        beside = (
            (y - np.float32(start[1])) * np.float32(dz) - (z - np.float32(start[2])) * np.float32(dy)
        ) / np.float32(length**0.5)
        wide = np.float32(radii[0]) + (np.float32(radii[1] - radii[0])) * along
        inside = step(np.float32(0.66) - np.abs(beside) / np.maximum(wide, np.float32(0.01)), 0.0, 0.16)
        total = np.maximum(total, inside * step(along, 0.02, 0.12) * step(-along, -1.0, 0.12))
    out: Floats = total * step(np.asarray(facing, np.float32), 0.35, 0.25) * step(seen.share["ear"], 0.5, 0.3)
    return out
