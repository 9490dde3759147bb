"""Within-class covariance normalisation: a matrix under which the ways one animal varies count less.

Hatch, Kajarekar, Stolcke, Interspeech 2006, in closed form, and the cut to the directions that tell animals apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.vectors import Matrix, Vector, unit

Wide = NDArray[np.float64]

POSITIVES_WEIGHT = 0.5
"""Weight of photos of one animal taken apart, against views made from one photo (weight 1)."""


@dataclass(frozen=True, eq=False)
class Normaliser:
    """What was fitted: the mean (dims,) that is taken off an embedding, and the matrix (dims, fewer) it then meets."""

    mean: Vector
    matrix: Matrix

    def apply(self, embeddings: Matrix) -> Matrix:
        """Embeddings (n, dims) as embeddings (n, fewer), unit length; each the same alone and among others.

        Raises InvalidEmbedding for one that is nothing but the mean.
        """
        rows = unit_rows(unit_rows(embeddings.astype(np.float64)) - self.mean)
        matrix = self.matrix.astype(np.float64)
        changed = np.array([row @ matrix for row in rows]).reshape(len(rows), matrix.shape[1])
        return unit(changed)


def unit_rows(rows: Wide) -> Wide:
    """Rows brought to unit length; a row of zeros stays."""
    length: Wide = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Wide = rows / np.maximum(length, 1e-12)
    return units


def views_scatter(views: Sequence[Wide]) -> Wide:
    """Scatter (dims, dims) of several views of each photo about their own mean, of trace 1; each view is (n, dims)."""
    middle = sum(views[1:], views[0]) / len(views)
    return _trace_one(sum(((view - middle).T @ (view - middle) for view in views), np.zeros(())))


def positives_scatter(photos: Wide, groups: Sequence[NDArray[np.intp]]) -> Wide:
    """Scatter (dims, dims) of the photos of each animal about their own mean, of trace 1; groups hold rows."""
    apart = np.concatenate([photos[rows] - photos[rows].mean(axis=0) for rows in groups])
    return _trace_one(apart.T @ apart)


def spectrum(scatter: Wide) -> tuple[Wide, Wide]:
    """The eigenvalues (dims,), rising, and eigenvectors of a scatter (dims, dims), scaled to mean eigenvalue 1."""
    return np.linalg.eigh(scatter * (len(scatter) / np.trace(scatter)))


def inverse_root(scaled: tuple[Wide, Wide], *, ridge: float) -> Wide:
    """(S + ridge)^-1/2 of a scatter S, given as its `spectrum`: (dims, dims), symmetric."""
    values, vectors = scaled
    matrix: Wide = (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T
    return matrix


def cut(matrix: Wide, photos: Wide, *, dims: int, evened: float = 0.0) -> Wide:
    """The matrix and then only the `dims` directions in which photos (n, ...) differ most under it, strongest first.

    `evened`: the power of a direction's second moment that is divided out; 0 leaves it as it is, 0.5 makes all
    directions alike.
    """
    spread = unit_rows(photos @ matrix)
    moments, directions = np.linalg.eigh(spread.T @ spread)
    moments, directions = moments[::-1][:dims], directions[:, ::-1][:, :dims]
    floor = np.finfo(np.float64).eps * max(float(moments[0]), np.finfo(np.float64).tiny)
    shorter: Wide = matrix @ (directions * (moments[0] / np.maximum(moments, floor)) ** evened)
    return shorter


def _trace_one(scatter: Wide) -> Wide:
    scaled: Wide = scatter / np.trace(scatter)
    return scaled
