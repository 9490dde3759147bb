"""Cosine mathematics on embeddings: unit length, the portrait, the exact nearest rows.

Embeddings are float32; a matrix holds one embedding a row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidEmbedding

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def unit(vectors: Any, *, dims: int | None = None) -> NDArray[np.float32]:
    """Scale embeddings to unit length, as cosine wants them.

    `vectors`: one embedding (dims,) or several (n, dims), any real type; the result has the same shape, float32.
    Raises InvalidEmbedding for another length than `dims`, NaN, infinity or a vector of zeros.
    """
    try:
        array = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidEmbedding("an embedding must be a row of numbers") from error
    if array.ndim not in (1, 2):
        raise InvalidEmbedding(f"an embedding has one dimension, a matrix of them two; this has {array.ndim}")
    if dims is not None and array.shape[-1] != dims:
        raise InvalidEmbedding(f"this index holds embeddings of {dims} dims; got {array.shape[-1]}")
    if array.ndim == 1 and 0 < (square := float(array @ array)) < math.inf:
        return (array / math.sqrt(square)).astype(np.float32)
    squares = np.einsum("...i,...i->...", array, array)
    if not np.isfinite(squares).all():
        raise InvalidEmbedding("an embedding holds NaN or infinity; encode the photo again")
    if not (squares > 0).all():
        raise InvalidEmbedding("an embedding is all zeros and points nowhere; encode the photo again")
    directions: NDArray[np.float32] = (array / np.sqrt(squares)[..., np.newaxis]).astype(np.float32)
    return directions


def mean_direction(embeddings: Matrix) -> Vector | None:
    """Compute the unit-length mean of embeddings (n, dims); None where they cancel out or there are none."""
    if not len(embeddings):
        return None
    mean = embeddings.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return None
    direction: Vector = (mean / length).astype(np.float32)
    return direction


def common_direction(embeddings: Matrix) -> Vector:
    """Merge embeddings (n, dims) of one animal into one query (dims,): their mean; the first if they cancel out."""
    mean = mean_direction(embeddings)
    return embeddings[0] if mean is None else mean


def portrait(embeddings: Matrix) -> Vector | None:
    """Compute a pet's portrait: the unit-length mean of its photo embeddings (n, dims), from two photos on."""
    return mean_direction(embeddings) if len(embeddings) >= 2 else None


def nearest_rows(similarities: NDArray[np.floating[Any]], k: int) -> NDArray[np.intp]:
    """Find the positions of the k largest similarities (n,), largest first; equal ones in the order they stand in."""
    count = len(similarities)
    if k >= count:
        return np.argsort(-similarities, kind="stable")
    floor = np.partition(similarities, count - k)[count - k]
    above = np.flatnonzero(similarities >= floor)
    return above[np.argsort(-similarities[above], kind="stable")][:k]
