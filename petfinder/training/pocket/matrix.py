"""The one matrix of the encoder, in closed form: from the parts of photos, and of changed views of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.encoders.projection import (
    MATES_WEIGHT,
    Wide,
    cut,
    mates_scatter,
    unit_rows,
    views_scatter,
    within_matrix,
)
from petfinder.training.pocket.network import as_stored
from petfinder.training.pocket.reader import PARTS

Array = NDArray[np.float32]

RIDGE = 6.0
"""Added to the scatter whose mean eigenvalue is 1; chosen on the development benches, on a plateau from 3 to 16."""

EVENED = 0.3
"""Power of a direction's second moment that is divided out after it; chosen there too, alike from 0.2 to 0.4."""


@dataclass(frozen=True)
class Projection:
    """What is fitted after the network: the mean of each part over the training photos, and the matrix."""

    means: tuple[Array, ...]
    matrix: Array


def joined_parts(parts: Sequence[Array], means: Sequence[Array]) -> Wide:
    """The parts of photos, or the first of them, joined to one row each: centred, unit length, times the share."""
    return np.concatenate(
        [
            unit_rows(vectors.astype(np.float64) - mean) * part.share
            for vectors, mean, part in zip(parts, means, PARTS[: len(parts)], strict=True)
        ],
        axis=1,
    )


def means_of(clean: Sequence[Array]) -> tuple[Array, ...]:
    """The mean (channels,) of each part (n, channels) over the photos."""
    return tuple(part.mean(axis=0, dtype=np.float64).astype(np.float32) for part in clean)


def fit_matrix(
    photos: Wide,
    views: Sequence[Wide],
    positives: Sequence[NDArray[np.intp]],
    breeds: NDArray[np.str_] | None,
    *,
    dims: int,
    ridge: float = RIDGE,
    evened: float = EVENED,
) -> Wide:
    """The matrix (width, dims) from joined parts (n, width) of photos and of each changed view of them, in one order.

    `positives` are the rows of photos of one animal. Where `breeds` (n,) are known, the directions are kept in which
    animals of one breed differ.
    """
    scatter = views_scatter([photos, *views])
    if positives:
        scatter = scatter + MATES_WEIGHT * mates_scatter(photos, positives)
    return cut(within_matrix(scatter, ridge=ridge), photos, dims=dims, kinds=breeds, evened=evened)


def fit_projection(
    clean: Sequence[Array],
    views: Sequence[Sequence[Array]],
    positives: Sequence[NDArray[np.intp]],
    breeds: NDArray[np.str_],
    *,
    dims: int,
) -> Projection:
    """Means and matrix from each part (n, channels) of the photos as they are, and of changed views of each."""
    means = means_of(clean)
    changed = [joined_parts(view, means) for view in views]
    matrix = fit_matrix(joined_parts(clean, means), changed, positives, breeds, dims=dims)
    return Projection(means, as_stored(np.ascontiguousarray(matrix, dtype=np.float32)))
