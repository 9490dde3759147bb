"""The one matrix of the encoder: from the parts of photos, and of changed views of them, to what reads the backbone."""

from collections.abc import Sequence

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
from petfinder.training.pocket.reader import PARTS, Axes, Reader

Array = NDArray[np.float32]

RIDGE = 6.0
"""Added to the scatter whose mean eigenvalue is 1; chosen on the development benches, on a plateau from 3 to 16."""

EVENED = 0.3
"""Power of a direction's second moment that is divided out after it; chosen there too, alike from 0.2 to 0.4."""


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
    mates: Sequence[NDArray[np.intp]],
    breeds: NDArray[np.str_] | None,
    *,
    dims: int,
    ridge: float = RIDGE,
    evened: float = EVENED,
) -> Wide:
    """The matrix (width, dims) from joined parts (n, width) of photos and of each changed view; see `fit_reader`."""
    scatter = views_scatter([photos, *views])
    if mates:
        scatter = scatter + MATES_WEIGHT * mates_scatter(photos, mates)
    return cut(within_matrix(scatter, ridge=ridge), photos, dims=dims, kinds=breeds, evened=evened)


def fit_reader(
    axes: tuple[Axes, ...],
    clean: Sequence[Array],
    views: Sequence[Sequence[Array]],
    mates: Sequence[NDArray[np.intp]],
    breeds: NDArray[np.str_],
    *,
    dims: int,
) -> Reader:
    """Means and matrix from the parts of the photos as they are, of changed views of each, and of animals' albums.

    `axes` are what the parts were read with. `clean` holds each part (n, channels); each of `views` the same for one
    changed view of the same photos in the same order; `mates` the rows of photos of one animal, `breeds` (n,) the breed
    in each photo: the matrix keeps the directions in which animals of one breed differ.
    """
    means = means_of(clean)
    seen = [joined_parts(view, means) for view in views]
    matrix = fit_matrix(joined_parts(clean, means), seen, mates, breeds, dims=dims)
    return Reader(axes, means, as_stored(np.ascontiguousarray(matrix, dtype=np.float32)))
