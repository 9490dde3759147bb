"""The one matrix of the encoder, in closed form: directions in which one animal varies count less.

Within-class covariance normalisation (Hatch, Kajarekar, Stolcke, Interspeech 2006), then a cut to the directions
that tell animals apart. Knows NumPy only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from petfinder.training.network import as_stored
from petfinder.training.reading import PARTS, Reader

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

RIDGE = 1.0
"""Added to the scatter whose mean eigenvalue is 1: how far the matrix may shrink what varies within an animal."""

MATES_WEIGHT = 0.5
"""Weight of photos of one animal taken apart, against views made from one photo (weight 1)."""


def unit_rows(rows: Wide) -> Wide:
    """Rows brought to unit length; a row of zeros stays."""
    length: Wide = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Wide = rows / np.maximum(length, 1e-12)
    return units


def centred(parts: Sequence[Array], means: Sequence[Array]) -> Wide:
    """Parts of photos joined to one row each: mean taken off, unit length, times the part's share."""
    return np.concatenate(
        [
            unit_rows(vectors.astype(np.float64) - mean) * part.share
            for vectors, mean, part in zip(parts, means, PARTS, strict=True)
        ],
        axis=1,
    )


def views_scatter(views: Sequence[Wide]) -> Wide:
    """Scatter (dims, dims) of several views of each photo about their own mean, of trace 1; each view is (n, dims)."""
    middle = sum(views[1:], views[0]) / len(views)
    return _trace_one(sum(((view - middle).T @ (view - middle) for view in views), np.zeros(())))


def mates_scatter(photos: Wide, groups: Sequence[NDArray[np.intp]]) -> Wide:
    """Scatter (dims, dims) of the photos of each animal about their own mean, of trace 1; groups hold rows."""
    apart = np.concatenate([photos[rows] - photos[rows].mean(axis=0) for rows in groups])
    return _trace_one(apart.T @ apart)


def within_matrix(scatter: Wide, *, ridge: float = RIDGE) -> Wide:
    """(S + ridge)^-1/2 with S the scatter scaled to mean eigenvalue 1: (dims, dims), symmetric."""
    scaled = scatter * (len(scatter) / np.trace(scatter))
    values, vectors = np.linalg.eigh(scaled)
    matrix: Wide = (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T
    return matrix


def fit_reader(
    clean: Sequence[Array], views: Sequence[Sequence[Array]], mates: Sequence[NDArray[np.intp]], *, dims: int
) -> Reader:
    """Means and matrix from the parts of the photos as they are, of changed views of each, and of animals' albums.

    `clean` holds each part (n, channels); each of `views` the same for one changed view of the same photos in the
    same order; `mates` the rows of photos of one animal.
    """
    means = tuple(part.mean(axis=0, dtype=np.float64).astype(np.float32) for part in clean)
    joined = centred(clean, means)
    scatter = views_scatter([joined, *(centred(view, means) for view in views)])
    if mates:
        scatter = scatter + MATES_WEIGHT * mates_scatter(joined, mates)
    weighted = within_matrix(scatter)
    spread = unit_rows(joined @ weighted)
    _, directions = np.linalg.eigh(spread.T @ spread)
    strongest = directions[:, ::-1][:, :dims]
    return Reader(means, as_stored(np.ascontiguousarray(weighted @ strongest, dtype=np.float32)))


def _trace_one(scatter: Wide) -> Wide:
    scaled: Wide = scatter / np.trace(scatter)
    return scaled
