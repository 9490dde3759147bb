"""Soft cones in space and the eye that looks at them: plain geometry, numbers only. Knows nothing of dogs or light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]
Axes = tuple[Vector, Vector, Vector]


def add(a: Vector, b: Vector, times: float = 1.0) -> Vector:
    """a + b * times."""
    return (a[0] + b[0] * times, a[1] + b[1] * times, a[2] + b[2] * times)


def dot(a: Vector, b: Vector) -> float:
    """The scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """The vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def unit(a: Vector) -> Vector:
    """The vector of length 1 in the same direction."""
    size = math.sqrt(dot(a, a)) or 1.0
    return (a[0] / size, a[1] / size, a[2] / size)


def apply(axes: Axes, a: Vector) -> Vector:
    """The vector whose coordinates along the three axes are `a`."""
    return add(add((axes[0][0] * a[0], axes[0][1] * a[0], axes[0][2] * a[0]), axes[1], a[1]), axes[2], a[2])


@dataclass(frozen=True)
class Place3:
    """Where a cone sits: its start, its axes (along, up, flat) and its length."""

    start: Vector
    axes: Axes
    length: float

    @classmethod
    def between(cls, a: Vector, b: Vector, *, flat: Vector = (0.0, 0.0, 1.0)) -> Place3:
        """From `a` to `b`; `flat` is the direction in which it may be thin (made square to the axis)."""
        along = add(b, a, -1.0)
        length = math.sqrt(dot(along, along))
        axis = unit(along) if length > 1e-6 else (1.0, 0.0, 0.0)
        thin = add(flat, axis, -dot(flat, axis))
        if dot(thin, thin) < 1e-8:
            thin = cross(axis, (0.0, 1.0, 0.0))
        thin = unit(thin)
        return cls(a, (axis, cross(thin, axis), thin), length)


@dataclass(frozen=True)
class Cone:
    """A round cone (a sphere swept from one end to the other), perhaps flattened, as one part of a body.

    `now` is where it is in this pose, `rest` where it is on the standing pet. `squash` divides its extent along the
    two cross axes (1 = round, 3 = a third as thick). `blend` is how softly it melts into the rest, in body units.
    """

    part: str
    now: Place3
    rest: Place3
    radii: tuple[float, float]
    squash: tuple[float, float] = (1.0, 1.0)
    blend: float = 0.05


@dataclass(frozen=True)
class Camera:
    """An orthographic eye: `turn` about the vertical and `pitch` downwards in degrees, `scale` pixels a body unit,
    `centre` the pixel where the ground point under the body lies."""

    turn: float
    pitch: float
    scale: float
    centre: tuple[float, float]

    def axes(self) -> Axes:
        """Columns that carry body coordinates into the camera's."""
        t, p = math.radians(self.turn), math.radians(self.pitch)
        ct, st, cp, sp = math.cos(t), math.sin(t), math.cos(p), math.sin(p)
        return ((ct, -st * sp, st * cp), (0.0, cp, sp), (-st, -ct * sp, ct * cp))

    def pixel(self, point: Vector) -> tuple[float, float]:
        """Where a body point falls in the picture."""
        x, y, _ = apply(self.axes(), point)
        return (self.centre[0] + x * self.scale, self.centre[1] - y * self.scale)
