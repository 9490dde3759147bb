"""What every store refuses: embeddings that are none, names that are no text, what JSON cannot say.

Knows documents only.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from petfinder.errors import InvalidEmbedding
from petfinder.stores.port import Document
from petfinder.vectors import Matrix

_LEAST_SQUARE, _MOST_SQUARE = 0.998, 1.002  # of a unit vector's length in float32, rounded on the way by others
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ASCII_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def check_names(document: Document) -> None:
    """Raise ValueError or TypeError for what no store can keep."""
    for name in (document.id, *document.photo_ids, *document.thumbnails):
        name.encode()
    if not all(-(2**63) <= date < 2**63 for date in document.dates):
        raise ValueError("a date out of reach")
    if not all(isinstance(data, bytes) for data in document.thumbnails.values()):
        raise TypeError("a thumbnail that is not bytes")


def as_json(value: Any) -> str:
    """A value as JSON text; raises ValueError or TypeError for what JSON cannot say."""
    text = _JSON.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # file names that are no UTF-8
        return _ASCII_JSON.encode(value)
    return text


def storable_rows(document: Document, *, dims: int) -> Matrix | None:
    """The embeddings and, last, the portrait, float32 (n, dims); None where there are none. InvalidEmbedding."""
    rows = document.vectors
    count = len(document.photo_ids)
    if len(rows) != count:
        raise InvalidEmbedding(f"{document.id!r} has {count} embedded photos and {len(rows)} embeddings")
    if document.portrait is not None:
        rows = np.vstack([rows, document.portrait]) if count else document.portrait[None]
    if not len(rows):
        return None
    if rows.ndim != 2 or rows.shape[1] != dims:
        raise InvalidEmbedding(f"{document.id!r}: this index holds embeddings of {dims} dims; got {rows.shape[-1]}")
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    squares = np.einsum("ij,ij->i", rows, rows).tolist()
    if not all(_LEAST_SQUARE < square < _MOST_SQUARE for square in squares):  # NaN fails this too
        raise InvalidEmbedding(f"{document.id!r} has an embedding that is not of unit length; encode its photos again")
    return rows
