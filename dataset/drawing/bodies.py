"""A pet's body and head as cones, in a pose and at rest. Knows builds and poses, not colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from .looks import Build, Species
from .poses import Joints, Pose, joints
from .shapes import Axes, Cone, Place3, Vector, add, apply, cross, dot, unit

Extra = Literal["tongue", "collar", "tag"]


@dataclass(frozen=True)
class Body:
    """The cones of a pet in its pose, with the head's origin and axes there; `rest_head` the head's origin at rest."""

    cones: tuple[Cone, ...]
    head: Vector
    head_axes: Axes
    rest_head: Vector


def standard(species: Species, build: Build) -> Build:
    """The build in which marks are given: middling proportions, this pet's own kind of tail."""
    if species == "cat":
        return Build(leg=0.34, length=0.56, girth=0.8, neck=0.17, tail=build.tail)
    return Build(tail=build.tail)


def body(
    build: Build, species: Species, pose: Pose, *, gaze: float, tilt: float, extras: tuple[Extra, ...] = ()
) -> Body:
    """The pet in this pose; `gaze` turns the head about the vertical (degrees, to its right), `tilt` rolls it;
    `extras` are what not every picture shows."""
    now, rest = joints(build, species, pose), joints(standard(species, build), species, "standing")
    a, n, t = math.radians(-gaze), math.radians(-now.nod), math.radians(tilt)
    ahead = (math.cos(a) * math.cos(n), math.sin(n), -math.sin(a) * math.cos(n))
    side = unit(cross(ahead, (0.0, 1.0, 0.0)))
    up = cross(side, ahead)
    axes: Axes = (
        ahead,
        add(tuple3(up, math.cos(t)), side, math.sin(t)),
        add(tuple3(side, math.cos(t)), up, -math.sin(t)),
    )
    trunk = _trunk(build, species, now, rest, axes)
    cones = [*trunk, *_legs(build, species, now, rest, pose)]
    if "collar" in extras:
        cones += [c for c in _collar(trunk) if c.part == "collar" or "tag" in extras]
    cones += _tail(build, species, now, rest)
    head = head_cones(build, species)
    if "tongue" in extras and species == "dog":
        head.append(tongue_cone(build))
    for part, start, end, radii, squash, flat, blend in head:
        shape = Place3.between(start, end, flat=flat)
        placed = Place3(
            add(now.head, apply(axes, start)),
            (apply(axes, shape.axes[0]), apply(axes, shape.axes[1]), apply(axes, shape.axes[2])),
            shape.length,
        )
        cones.append(Cone(part, placed, Place3(add(rest.head, start), shape.axes, shape.length), radii, squash, blend))
    return Body(tuple(cones), now.head, axes, rest.head)


def tuple3(a: Vector, times: float) -> Vector:
    """The vector, so many times as long."""
    return (a[0] * times, a[1] * times, a[2] * times)


def _bone(
    part: str, now: tuple[Vector, Vector], rest: tuple[Vector, Vector], radii: tuple[float, float], **more: float
) -> Cone:
    squash = (more.get("tall", 1.0), more.get("wide", 1.0))
    return Cone(part, Place3.between(*now), Place3.between(*rest), radii, squash, more.get("blend", 0.06))


def _trunk(build: Build, species: Species, now: Joints, rest: Joints, axes: Axes) -> list[Cone]:
    g, fluff = build.girth, 0.03 * build.fur
    ribs, waist, rump = (0.205, 0.165, 0.165) if species == "dog" else (0.165, 0.160, 0.165)
    ribs, waist, rump = ribs * g + fluff, waist * g + fluff, rump * g + fluff
    nape, throat = (0.150, 0.112) if species == "dog" else (0.135, 0.105)
    nape, throat = nape * (0.5 + 0.5 * g) + fluff, throat * (0.4 + 0.6 * build.head) + fluff
    low, low_rest = add(now.head, apply(axes, (-0.04, -0.03, 0.0))), add(rest.head, (-0.04, -0.03, 0.0))
    return [
        _bone("body", (now.loin, now.chest), (rest.loin, rest.chest), (waist, ribs), wide=1.08, blend=0.10),
        _bone("body", (now.hip, now.loin), (rest.hip, rest.loin), (rump, waist), wide=1.06, blend=0.10),
        _bone("neck", (now.chest, now.neck), (rest.chest, rest.neck), (ribs * 0.93, nape), blend=0.10),
        _bone("neck", (now.neck, low), (rest.neck, low_rest), (nape, throat), blend=0.07),
    ]


def _collar(trunk: list[Cone]) -> list[Cone]:
    """A band round the neck (a ball a little wider than the neck), and a tag on it."""
    neck = trunk[-1]
    axis, length = neck.now.axes[0], neck.now.length
    middle = add(neck.now.start, axis, 0.40 * length)
    radius = (neck.radii[0] * 0.60 + neck.radii[1] * 0.40) * 1.035
    forward = unit(add((1.0, -0.2, 0.0), axis, -dot((1.0, -0.2, 0.0), axis)))
    tag = add(add(middle, forward, radius + 0.012), axis, -0.035)
    at = add(neck.rest.start, neck.rest.axes[0], 0.4 * neck.rest.length)
    return [
        Cone("collar", Place3.between(middle, middle), Place3.between(at, at), (radius, radius), blend=0.004),
        Cone("tag", Place3.between(tag, tag), Place3.between(at, at), (0.030, 0.030), blend=0.004),
    ]


def _legs(build: Build, species: Species, now: Joints, rest: Joints, pose: Pose) -> list[Cone]:
    g, fluff = 0.55 + 0.45 * build.girth, 0.016 * build.fur
    cones: list[Cone] = []
    slim = 1.0 if species == "dog" else 0.86
    folded = pose in ("sitting", "portrait", "lying", "sleeping")
    for side in (0, 1):
        f, fr = now.front[side], rest.front[side]
        h, hr = now.hind[side], rest.hind[side]
        r = [k * g * slim + fluff for k in (0.108, 0.074, 0.052, 0.056)]
        q = [k * g * slim + fluff for k in (0.135, 0.098, 0.052, 0.056)]
        if folded:
            q[0], q[1] = q[0] * 1.05, q[1] * 1.22
        cones.append(_bone("leg", (f[0], f[1]), (fr[0], fr[1]), (r[0], r[1]), blend=0.07))
        cones.append(_bone("leg", (f[1], f[2]), (fr[1], fr[2]), (r[1], r[2]), blend=0.04))
        cones.append(_bone("leg", (f[2], f[3]), (fr[2], fr[3]), (r[2], r[3] * 0.9), blend=0.03))
        cones.append(_bone("leg", (h[0], h[1]), (hr[0], hr[1]), (q[0], q[1]), blend=0.08))
        cones.append(_bone("leg", (h[1], h[2]), (hr[1], hr[2]), (q[1] * 0.9, q[2]), blend=0.04))
        cones.append(_bone("leg", (h[2], h[3]), (hr[2], hr[3]), (q[2], q[3] * 0.9), blend=0.03))
        for paw, at in ((f[3], fr[3]), (h[3], hr[3])):
            for spread in (-0.026, 0.026):
                a, b = (0.012, 0.0, spread * g), (0.052, -0.006, spread * 1.1 * g)
                size = (0.046 * g * slim + 0.4 * fluff, 0.036 * g * slim + 0.4 * fluff)
                cones.append(_bone("leg", (add(paw, a), add(paw, b)), (add(at, a), add(at, b)), size, blend=0.016))
    return cones


def _tail(build: Build, species: Species, now: Joints, rest: Joints) -> list[Cone]:
    thick = {"long": 0.045, "curled": 0.055, "plume": 0.05, "stub": 0.05, "sabre": 0.05}[build.tail]
    shape = {
        "long": (1.0, 0.95, 0.85, 0.75, 0.65, 0.5),
        "curled": (1.0, 1.15, 1.2, 1.1, 0.9, 0.5),
        "plume": (1.0, 1.4, 1.75, 1.8, 1.4, 0.45),
        "stub": (1.0, 0.95, 0.9, 0.85, 0.8, 0.7),
        "sabre": (1.15, 1.05, 0.9, 0.7, 0.5, 0.25),
    }[build.tail]
    if species == "cat" and build.tail == "long":
        shape = (1.0, 0.95, 0.92, 0.9, 0.88, 0.8)
    fluff = 0.022 * build.fur
    return [
        _bone(
            "tail",
            (now.tail[i], now.tail[i + 1]),
            (rest.tail[i], rest.tail[i + 1]),
            (thick * shape[i] + fluff, thick * shape[i + 1] + fluff),
            blend=0.03,
        )
        for i in range(5)
    ]


HeadCone = tuple[str, Vector, Vector, tuple[float, float], tuple[float, float], Vector, float]
SIDE: Vector = (0.0, 0.0, 1.0)


def head_cones(build: Build, species: Species) -> list[HeadCone]:
    """The head in its own space (x to the nose, y up, z to its right): part, start, end, radii, squash, flat, blend."""
    s = build.head
    out = _dog_head(build) if species == "dog" else _cat_head(build)
    return [(p, tuple3(a, s), tuple3(b, s), (r[0] * s, r[1] * s), q, flat, k * s) for p, a, b, r, q, flat, k in out]


def tongue_cone(build: Build) -> HeadCone:
    """A dog's tongue, out of its mouth."""
    s, m = build.head, build.muzzle
    start, end = (0.085 + m, -0.115, 0.0), (0.115 + m, -0.195, 0.0)
    return ("tongue", tuple3(start, s), tuple3(end, s), (0.036 * s, 0.034 * s), (1.0, 2.6), (1.0, 0.3, 0.0), 0.006)


def eyes(build: Build, species: Species) -> tuple[tuple[Vector, float], tuple[Vector, float]]:
    """Centre and radius of both eyes in the head's space, its left one (z < 0) first."""
    s = build.head
    x, y, z, r = (0.126, 0.040, 0.070, 0.047) if species == "dog" else (0.110, 0.020, 0.070, 0.048)
    return ((x * s, y * s, -z * s), r * s), ((x * s, y * s, z * s), r * s)


def nose(build: Build, species: Species) -> Vector:
    """The tip of the nose in the head's space."""
    s = build.head
    return ((0.165 + build.muzzle) * s, -0.035 * s, 0.0) if species == "dog" else (0.178 * s, -0.040 * s, 0.0)


def _dog_head(build: Build) -> list[HeadCone]:
    m, w = build.muzzle, build.muzzle_width
    fluff = 0.018 * build.fur
    round_ = (1.0, 1.0)
    out: list[HeadCone] = [
        ("head", (-0.03, 0.015, 0), (0.03, 0.02, 0), (0.150 + fluff, 0.142 + fluff), round_, SIDE, 0.07),
        ("head", (0.09, -0.045, 0), (0.10 + m, -0.070, 0), (0.100 * w, 0.064 * w), (1.0, 0.95), SIDE, 0.06),
        ("head", (0.07, -0.105, 0), (0.06 + m, -0.125, 0), (0.060 * w, 0.040 * w), round_, SIDE, 0.03),
        (
            "nose",
            (0.128 + m, -0.033, -0.014),
            (0.128 + m, -0.033, 0.014),
            (0.034, 0.034),
            (1.15, 1.0),
            (1, 0, 0),
            0.008,
        ),
    ]
    for z in (-1.0, 1.0):
        out.append(
            ("head", (0.02, -0.07, 0.075 * z), (0.06, -0.06, 0.06 * z), (0.080 + fluff, 0.07), round_, SIDE, 0.06)
        )
        out.append(
            (
                "head",
                (0.085 + m, -0.080, 0.026 * z),
                (0.06 + m * 0.7, -0.09, 0.045 * z),
                (0.050 * w, 0.05 * w),
                round_,
                SIDE,
                0.02,
            )
        )
        out.append(("head", (0.085, 0.098, 0.050 * z), (0.07, 0.10, 0.065 * z), (0.045, 0.045), round_, SIDE, 0.05))
        (ex, ey, ez), er = eyes(build, "dog")[1]
        s = build.head
        out.append(
            ("eye", (ex / s, ey / s, ez / s * z), (ex / s, ey / s, ez / s * z), (er / s, er / s), round_, SIDE, 0.004)
        )
        out += _ears(build, z)
    return out


def _ears(build: Build, z: float) -> list[HeadCone]:
    e = build.ear_size
    if build.ear == "pricked":
        base, tip, flat = (-0.03, 0.11, 0.085 * z), (-0.035, 0.11 + 0.19 * e, 0.125 * z), (1.0, 0.0, 0.55 * z)
        return [("ear", base, tip, (0.076 * (0.6 + 0.4 * e), 0.014), (1.0, 2.6), flat, 0.035)]
    if build.ear == "half":
        base, mid = (-0.02, 0.105, 0.090 * z), (-0.02, 0.105 + 0.10 * e, 0.140 * z)
        tip = (0.055, 0.105 + 0.055 * e, 0.175 * z)
        flat = (1.0, 0.0, 0.5 * z)
        return [
            ("ear", base, mid, (0.070, 0.052), (1.0, 2.4), flat, 0.035),
            ("ear", mid, tip, (0.050, 0.018), (1.0, 2.2), (0.3, 1.0, 0.3 * z), 0.02),
        ]
    length = (0.17 if build.ear == "floppy" else 0.28) * e
    base, mid = (-0.03, 0.085, 0.120 * z), (-0.015, 0.03, 0.172 * z)
    tip = (0.005, 0.05 - length, 0.185 * z)
    return [
        ("ear", base, mid, (0.055, 0.074), (1.0, 2.2), (0.2, 0.45, 1.0 * z), 0.04),
        ("ear", mid, tip, (0.072, 0.066 if build.ear == "drop" else 0.046), (1.0, 2.8), (0.0, 0.1, 1.0 * z), 0.025),
    ]


def _cat_head(build: Build) -> list[HeadCone]:
    fluff, e = 0.02 * build.fur, build.ear_size
    round_ = (1.0, 1.0)
    out: list[HeadCone] = [
        ("head", (-0.02, 0.01, -0.025), (-0.02, 0.01, 0.025), (0.148 + fluff, 0.148 + fluff), round_, (1, 0, 0), 0.06),
        ("head", (0.06, -0.02, 0), (0.125, -0.045, 0), (0.085, 0.052), round_, SIDE, 0.05),
        ("head", (0.10, -0.108, 0), (0.115, -0.104, 0), (0.040, 0.036), round_, SIDE, 0.02),
        ("nose", (0.162, -0.037, -0.009), (0.162, -0.037, 0.009), (0.017, 0.017), (1.0, 1.0), (1, 0, 0), 0.01),
    ]
    for z in (-1.0, 1.0):
        out.append(
            ("head", (0.02, -0.065, 0.085 * z), (0.03, -0.07, 0.07 * z), (0.078 + fluff, 0.078), round_, SIDE, 0.06)
        )
        out.append(("head", (0.128, -0.070, 0.031 * z), (0.118, -0.075, 0.045 * z), (0.045, 0.044), round_, SIDE, 0.02))
        (ex, ey, ez), er = eyes(build, "cat")[1]
        s = build.head
        out.append(
            ("eye", (ex / s, ey / s, ez / s * z), (ex / s, ey / s, ez / s * z), (er / s, er / s), round_, SIDE, 0.004)
        )
        base, tip = (-0.02, 0.085, 0.088 * z), (-0.02, 0.10 + 0.155 * e, 0.132 * z)
        out.append(("ear", base, tip, (0.085 * (0.6 + 0.4 * e), 0.010), (1.0, 2.6), (1.0, 0.0, 0.4 * z), 0.03))
    return out
