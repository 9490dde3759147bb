"""What a photo says: how far a pet's similarity stands out from those of the other pets in the gallery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.matches import FEWEST_PETS

Array = NDArray[np.float64]

NEIGHBOURS = FEWEST_PETS - 1
"""Chosen: pets whose median is the level of the gallery around a query. A median of five bears two records of one
animal, and five are enough in a registry of a few dozen."""


def leads(similarities: Array, *, stand_in: float) -> Array:
    """Of each pet (n,), its similarity less the median of the five others nearest to the query.

    `similarities` fall; they are those of the nearest pets of the gallery, at least six where it has so many. In a
    smaller gallery `stand_in`, the similarity of the best stranger among some dozens, stands for each that is missing.
    """
    nearest = np.concatenate([similarities[:FEWEST_PETS], np.full(max(0, FEWEST_PETS - len(similarities)), stand_in)])
    order = np.sort(nearest)[::-1]
    level = np.full(len(similarities), np.median(order[:NEIGHBOURS]))
    for place in range(min(NEIGHBOURS, len(similarities))):
        level[place] = np.median(np.delete(nearest, place))
    ahead: Array = similarities - level
    return ahead
