"""Where a pet's joints are when it stands, walks, sits, lies, sleeps or bows. Knows builds, not surfaces.

Body space: x forward, y up from the ground, z to the pet's right; the ground is y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from .looks import Build, Species
from .shapes import Vector, add

Pose = Literal["standing", "walking", "sitting", "lying", "sleeping", "bow", "portrait"]
POSES: tuple[Pose, ...] = ("standing", "walking", "sitting", "lying", "sleeping", "bow", "portrait")


@dataclass(frozen=True)
class Joints:
    """The joints of one pose. Legs: (near z < 0, far z > 0), each top, middle, ankle, paw; tail: root to tip;
    `toes` the direction in which the paws point, front and hind; `nod` the head's pitch in degrees, nose down."""

    chest: Vector
    loin: Vector
    hip: Vector
    neck: Vector
    head: Vector
    front: tuple[tuple[Vector, ...], tuple[Vector, ...]]
    hind: tuple[tuple[Vector, ...], tuple[Vector, ...]]
    tail: tuple[Vector, ...]
    nod: float = 0.0


def _tail(root: Vector, build: Build, *, rise: float, sway: float = 0.0, drop: bool = False) -> tuple[Vector, ...]:
    """Six points of the tail from its root; `rise` is its first angle in degrees, backwards being 0."""
    reach = {"long": 0.105, "curled": 0.085, "plume": 0.10, "stub": 0.026, "sabre": 0.085}[build.tail]
    bend = {"long": 14.0, "curled": 52.0, "plume": 20.0, "stub": 0.0, "sabre": 8.0}[build.tail]
    if drop:
        bend, reach = (8.0, reach * 0.95)
    points, angle = [root], rise
    for i in range(5):
        a = math.radians(angle)
        x, y, z = points[-1]
        side = sway * (i + 1) * 0.2
        step = (x - reach * math.cos(a), max(y + reach * math.sin(a), 0.035), z + side * reach)
        points.append(step)
        angle += bend
    return tuple(points)


def _side(z: float, *points: tuple[float, float, float]) -> tuple[tuple[Vector, ...], tuple[Vector, ...]]:
    """The same leg on both sides: each point (x, y, how much wider than z)."""
    return (
        tuple((x, y, -(z + wider)) for x, y, wider in points),
        tuple((x, y, z + wider) for x, y, wider in points),
    )


def joints(build: Build, species: Species, pose: Pose) -> Joints:
    """The joints of a pet of this build in this pose (a portrait is a pet that sits)."""
    return {
        "standing": _standing,
        "walking": _walking,
        "sitting": _sitting,
        "portrait": _sitting,
        "lying": _lying,
        "sleeping": _sleeping,
        "bow": _bow,
    }[pose](build, species)


def _standing(build: Build, species: Species) -> Joints:
    top, half = build.leg + 0.21 * build.girth, build.length / 2
    z = 0.088 * build.girth + 0.012
    neck = (half + 0.06, top + 0.07, 0.0)
    head = add(neck, (0.72 * build.neck + 0.02, 0.80 * build.neck + 0.07, 0.0))
    front = _side(
        z, (half - 0.02, top - 0.03, 0.02), (half - 0.07, build.leg, 0.02), (half - 0.03, 0.13, 0.0), (half, 0.045, 0)
    )
    hind = _side(
        z,
        (-half, top - 0.02, 0.01),
        (-half + 0.09, build.leg * 0.92, 0.04),
        (-half - 0.10, 0.17 + 0.08 * build.leg, 0.01),
        (-half - 0.05, 0.045, 0.01),
    )
    rise = {"long": 8.0, "curled": 75.0, "plume": 28.0, "stub": 20.0, "sabre": 35.0}[build.tail]
    if species == "cat":
        rise = 48.0
    tail = _tail((-half - 0.13, top + 0.07, 0.0), build, rise=rise)
    return Joints((half - 0.05, top, 0), (0, top - 0.005, 0), (-half, top + 0.01, 0), neck, head, front, hind, tail)


def _walking(build: Build, species: Species) -> Joints:
    still = _standing(build, species)

    def swing(leg: tuple[Vector, ...], forward: float, lift: float) -> tuple[Vector, ...]:
        a, b, c, d = leg
        return (
            a,
            add(b, (0.25 * forward, 0.3 * lift, 0)),
            add(c, (0.75 * forward, lift, 0)),
            add(d, (forward, 0.9 * lift, 0)),
        )

    front = (swing(still.front[0], 0.15, 0.05), swing(still.front[1], -0.11, 0.0))
    hind = (swing(still.hind[0], -0.10, 0.0), swing(still.hind[1], 0.14, 0.02))
    return Joints(
        still.chest, still.loin, still.hip, still.neck, add(still.head, (0.03, -0.02, 0)), front, hind, still.tail, 4.0
    )


def _sitting(build: Build, species: Species) -> Joints:
    g = build.girth
    back = 0.84 * min(build.length, 0.64)
    lean = 0.50 if species == "dog" else 0.46
    hip: Vector = (-0.14, 0.19 * g + 0.01, 0.0)
    chest = add(hip, (back * lean, back * 0.86, 0.0))
    chest = (chest[0], max(chest[1], build.leg + 0.10), 0.0)
    loin = add(add(hip, add(chest, hip, -1), 0.45), (-0.035, 0.0, 0.0))
    neck = add(chest, (0.045, 0.15, 0.0))
    head = add(neck, (0.40 * build.neck + 0.05, 0.85 * build.neck + 0.08, 0.0))
    z = 0.068 * g + 0.012
    x = chest[0] + 0.075
    front = _side(
        z,
        (x - 0.03, chest[1] - 0.02, 0.02),
        (x - 0.02, chest[1] * 0.55, 0.02),
        (x + 0.02, 0.13, 0),
        (x + 0.05, 0.045, 0),
    )
    hind = _side(
        z + 0.06,
        (hip[0] + 0.03, hip[1] + 0.02, -0.01),
        (hip[0] + 0.17, hip[1] + 0.06, 0.05),
        (hip[0] - 0.01, 0.06, 0.05),
        (hip[0] + 0.24, 0.045, 0.06),
    )
    root = (hip[0] - 0.13, 0.10, 0.0)
    if build.tail == "curled" or build.tail == "stub":
        tail = _tail((hip[0] - 0.14, 0.22, 0.0), build, rise=60.0)
    else:
        tail = _around(root, build)
    return Joints(chest, loin, hip, neck, head, front, hind, tail, 0.0)


def _around(root: Vector, build: Build) -> tuple[Vector, ...]:
    """A tail that lies on the ground and comes round the near side."""
    step = 0.115 if build.tail == "long" else 0.09
    points, angle = [root], 165.0
    for _ in range(5):
        a = math.radians(angle)
        x, y, z = points[-1]
        points.append((x + step * math.cos(a), max(0.05, y - 0.03), z + step * math.sin(a)))
        angle -= 30.0
    return tuple(points)


def _lying(build: Build, species: Species) -> Joints:
    g, half = build.girth, build.length / 2
    top = 0.185 * g + 0.01
    chest, hip = (half - 0.04, top + 0.05, 0.0), (-half + 0.02, top, 0.0)
    neck = add(chest, (0.07, 0.10, 0.0))
    head = add(neck, (0.42 * build.neck + 0.04, 0.80 * build.neck + 0.09, 0.0))
    reach = 0.55 * build.leg + 0.06
    front = _side(
        0.10 * g,
        (half - 0.02, top - 0.01, 0.0),
        (half - 0.05, 0.07, 0.03),
        (half + 0.7 * reach, 0.06, 0.0),
        (half + reach, 0.048, 0.0),
    )
    hind = _side(
        0.10 * g,
        (-half + 0.03, top, 0.02),
        (-half + 0.18, top * 0.95, 0.09),
        (-half + 0.00, 0.06, 0.10),
        (-half + 0.22, 0.048, 0.11),
    )
    tail = _around((-half - 0.12, 0.10, 0.0), build)
    return Joints(chest, (0, top + 0.02, 0), hip, neck, head, front, hind, tail, 0.0)


def _sleeping(build: Build, species: Species) -> Joints:
    awake = _lying(build, species)
    lower = 0.155 * build.head + 0.05
    head = (awake.chest[0] + 0.25 + 0.2 * build.neck, lower, 0.0)
    neck = add(awake.chest, (0.09, 0.0, 0.0))
    chest = add(awake.chest, (0, -0.04, 0))
    return Joints(chest, awake.loin, awake.hip, neck, head, awake.front, awake.hind, awake.tail, 2.0)


def _bow(build: Build, species: Species) -> Joints:
    still, low = _standing(build, species), 0.20 * build.girth + 0.03
    half = build.length / 2
    chest = (half - 0.02, low + 0.02, 0.0)
    neck = add(chest, (0.08, 0.10, 0.0))
    head = add(neck, (0.42 * build.neck + 0.04, 0.75 * build.neck + 0.06, 0.0))
    reach = 0.6 * build.leg + 0.05
    front = _side(
        0.11, (half, low - 0.02, 0), (half - 0.02, 0.08, 0.03), (half + 0.7 * reach, 0.06, 0), (half + reach, 0.048, 0)
    )
    loin = add(add(still.hip, add(chest, still.hip, -1.0), 0.5), (0, 0.03, 0))
    tail = _tail(still.tail[0], build, rise=62.0, sway=1.2)
    return Joints(chest, loin, still.hip, neck, head, front, still.hind, tail, -4.0)
