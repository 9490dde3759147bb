"""What a distance says: how likely a pet is seen so far from its home, against any other animal seen there."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.evidence import Spread
from petfinder.domain.pets import Place

Array = NDArray[np.float64]

CELL_KM = 0.01 * 2 * math.pi * 6371.0088 / 360
"""Side of the cell that a place is rounded to, 0.01 degree of latitude."""

_BLUR_KM = CELL_KM / math.sqrt(6)  # standard deviation, on each axis, of the way between two even points of two cells
_NEAR = 8  # blurs: farther than this the density is flat within a cell
_STEPS = np.linspace(-6, 6, 961)


def place_ratio(home: Place, seen: Place, spread: Spread, *, around_km: float, anywhere: float) -> float:
    """The likelihood ratio of where an animal was seen: a pet of this home, over one that lives evenly around there.

    Both places are rounded to 0.01 degree first, and the density is taken over the two cells, so that no answer says
    where in its cell a home is. `spread` is the log-normal distance in km, `around_km` the radius of the disc in which
    strangers live, `anywhere` the share (0 to 1) of pets that may be seen at any place. Density of distance over the
    circle of that radius: Sutherland and Saunders, MNRAS 259 (1992).
    """
    distance = home.rounded().km_to(seen.rounded())
    near = _density(distance, spread.median, spread.sigma) * math.pi * around_km**2
    return (1 - anywhere) * near + anywhere


def reach_km(spread: Spread, *, around_km: float, anywhere: float) -> float:
    """The distance in km at which place begins to speak against a pet: its likelihood ratio falls to 1."""
    steps = np.geomspace(0.1, 1000, 200)
    ratios = [(1 - anywhere) * _density(km, spread.median, spread.sigma) * math.pi * around_km**2 for km in steps]
    return float(steps[max((at for at, ratio in enumerate(ratios) if ratio >= 1 - anywhere), default=0)])


@cache
def _density(distance: float, median: float, sigma: float) -> float:
    """Density per square km at a distance in km between two cells' middles, blurred over both cells.

    Far away it is that of the point; near, its mean under a Gaussian blur (a blurred ring is Rice's density).
    """
    if distance > _NEAR * _BLUR_KM:
        z = math.log(distance / median) / sigma
        return math.exp(-z * z / 2) / (sigma * math.sqrt(2 * math.pi) * distance) / (2 * math.pi * distance)
    weights = np.exp(-_STEPS * _STEPS / 2)
    radii = median * np.exp(sigma * _STEPS)
    apart = (distance - radii) ** 2 / (2 * _BLUR_KM**2)
    rings = np.exp(-apart) * _scaled_bessel(distance * radii / _BLUR_KM**2) / (2 * math.pi * _BLUR_KM**2)
    return float((weights * rings).sum() / weights.sum())


def _scaled_bessel(x: Array) -> Array:
    """exp(-x) I0(x), by its asymptotic series where I0 would overflow (Abramowitz and Stegun, 9.7.1)."""
    near = np.minimum(x, 100.0)
    far = np.maximum(x, 100.0)
    return np.where(x < 100.0, np.i0(near) * np.exp(-near), (1 + 1 / (8 * far)) / np.sqrt(2 * math.pi * far))
