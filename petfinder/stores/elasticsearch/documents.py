"""Documents as Elasticsearch keeps them, and back.

Pure functions. The last of the nested photos is the portrait, marked; a nested photo's place in the list names it in
an answer. A version holds the index it was read from, the primary term and the sequence number.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from petfinder.domain.errors import InvalidPet
from petfinder.domain.vectors import Matrix, Vector
from petfinder.stores.documents import Document, as_json, private_from, storable, storable_rows

_SEQ_BITS, _TERM_BITS = 44, 20
LONGEST_TERM = 32_766  # bytes that Lucene takes as one term


def to_json(document: Document, *, dims: int, packed: bool, run: str) -> str:
    """Turn a document into what is sent, as JSON; raises InvalidPet or InvalidEmbedding if it cannot be stored."""
    with storable(document):
        return as_json(to_source(document, dims=dims, packed=packed, run=run))


def to_source(document: Document, *, dims: int, packed: bool, run: str) -> dict[str, Any]:
    """Turn a document into what is kept of it; raises InvalidPet or InvalidEmbedding.

    `packed`: vectors as base64 of big-endian float32 instead of lists. `run` marks who wrote it.
    """
    rows = storable_rows(document, dims=dims)
    too_long = next((f for f, values in document.terms.items() for v in values if len(v.encode()) > LONGEST_TERM), None)
    if too_long:
        raise InvalidPet(f"{document.id!r} cannot be stored: a word in {too_long} has more than {LONGEST_TERM} bytes")
    source: dict[str, Any] = {
        "id": document.id,
        "body": dict(document.body),
        "terms": {field: list(values) for field, values in document.terms.items()},
        "dates": [int(date) for date in document.dates],
        "places": [{"lat": float(lat), "lon": float(lon)} for lat, lon in document.places],
        "photo_count": len(document.photo_ids),
        "pending": document.pending,
        "photos": [] if rows is None else _photos(document.photo_ids, rows, packed=packed),
        "run": run,
    }
    if document.private is not None:
        source["owner"] = dict(document.private)
    if document.made_from:
        source["made_from"] = str(document.made_from)
    return source


def _photos(photo_ids: Sequence[str], rows: Matrix, *, packed: bool) -> list[dict[str, Any]]:
    names: list[dict[str, Any]] = [{"photo_id": photo_id} for photo_id in photo_ids]
    names += [{"portrait": True}] * (len(rows) - len(names))
    return [{**name, "vector": vector_sent(row, packed=packed)} for name, row in zip(names, rows, strict=True)]


def vector_sent(vector: Vector, *, packed: bool) -> str | list[float]:
    """Return a vector as it is sent: as base64 of big-endian float32, or (not packed) as a list."""
    return base64.b64encode(vector.astype(">f4").tobytes()).decode() if packed else vector.tolist()


def to_document(hit: Mapping[str, Any], *, made: str, dims: int) -> Document:
    """Return a hit as a document, with `private` and vectors as far as they were asked for."""
    source = hit["_source"]
    photos = source.get("photos") or []
    photo_ids = tuple(photo["photo_id"] for photo in photos if "photo_id" in photo)
    rows = np.zeros((0, dims), dtype=np.float32)
    if photos and "vector" in photos[0]:
        rows = np.array([_unpacked(photo["vector"]) for photo in photos], dtype=np.float32)
    return Document(
        id=source["id"],
        body=source.get("body") or {},
        private=private_from(source.get("owner")),
        terms={field: tuple(values) for field, values in (source.get("terms") or {}).items()},
        dates=tuple(source.get("dates") or ()),
        places=tuple((place["lat"], place["lon"]) for place in source.get("places") or ()),
        photo_ids=photo_ids,
        vectors=rows[: len(photo_ids)],
        portrait=rows[-1] if len(rows) > len(photo_ids) else None,
        pending=source.get("pending", 0),
        version=version_of(hit, made=made),
        made_from=int(source.get("made_from", 0)),
    )


def _unpacked(vector: Any) -> Any:
    return np.frombuffer(base64.b64decode(vector), dtype=">f4") if isinstance(vector, str) else vector


def version_of(hit: Mapping[str, Any], *, made: str) -> int:
    """Return the version of a hit in the index that was `made` so; 0 where it was not asked for."""
    if hit.get("_primary_term", 0) < 1:
        return 0
    return (((_mark(made) << _TERM_BITS) | int(hit["_primary_term"])) << _SEQ_BITS) | int(hit["_seq_no"])


def sequence(version: int, *, made: str) -> tuple[int, int] | None:
    """Sequence number and primary term of a version; None if it is none of the index that was `made` so."""
    if version <= 0 or version >> (_SEQ_BITS + _TERM_BITS) != _mark(made):
        return None
    return version & ((1 << _SEQ_BITS) - 1), (version >> _SEQ_BITS) & ((1 << _TERM_BITS) - 1)


@lru_cache(maxsize=64)
def _mark(made: str) -> int:
    return int.from_bytes(hashlib.blake2b(made.encode(), digest_size=8).digest(), "big")


def thumbnail_id(pet: str, photo: str) -> str:
    """Return the id of a photo's thumbnail: a hash (sha256) of the pet's id and the photo's."""
    return hashlib.sha256(f"{pet}\0{photo}".encode()).hexdigest()
