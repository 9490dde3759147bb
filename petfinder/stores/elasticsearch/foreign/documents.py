"""Hits of an index that petfinder did not make as documents of the port: photos of one pet come together as one pet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np

from petfinder.domain.vectors import Matrix, Vector, portrait, unit
from petfinder.stores.documents import Document
from petfinder.stores.elasticsearch.foreign.fields import KnownFields

_OF_THE_PET = ("name", "breed", "colour", "sex", "microchip", "note")
Hit = Mapping[str, Any]


def to_documents(hits: Iterable[Hit], fields: KnownFields, *, species: str, dims: int) -> Iterator[Document]:
    """The pets of hits that come sorted by pet: what is said of a pet is what the first of its documents says."""
    for pet_id, of_pet in groupby(hits, key=lambda hit: str(hit["sort"][0])):
        yield _document(pet_id, sorted(of_pet, key=_place_of), fields, species=species, dims=dims)


def _place_of(hit: Hit) -> tuple[str, str]:
    return hit["_index"], hit["_id"]


def _document(pet_id: str, hits: Sequence[Hit], fields: KnownFields, *, species: str, dims: int) -> Document:
    known = [_values(hit, fields) for hit in hits]
    ids = _photo_ids(hits, known)
    body: dict[str, Any] = {"species": species, "photos": [_photo(*one) for one in zip(ids, known, strict=True)]}
    body |= {word: text for word in _OF_THE_PET if (text := _first(known, word))}
    body["tags"] = [str(tag) for one in known for tag in one.get("tags", ())]
    owner = _first(known, "owner")
    vectors = {id_: row for id_, hit in zip(ids, hits, strict=True) if (row := _vector(hit, fields)) is not None}
    rows: Matrix = np.stack([*vectors.values()]) if vectors else np.zeros((0, dims), np.float32)
    return Document(
        id=pet_id,
        body=body,
        owner={"name": owner} if owner else None,
        photo_ids=tuple(vectors),
        vectors=rows,
        portrait=portrait(rows),
        pending=len(ids) - len(vectors),
    )


def _values(hit: Hit, fields: KnownFields) -> dict[str, list[Any]]:
    there = hit.get("fields", {})
    return {word: there[one.path] for word, one in fields.known.items() if there.get(one.path)}


def _first(known: Sequence[Mapping[str, list[Any]]], word: str) -> str:
    texts = (str(value).strip() for one in known for value in one.get(word, ()))
    return next((text for text in texts if text), "")


def _photo_ids(hits: Sequence[Hit], known: Sequence[Mapping[str, list[Any]]]) -> list[str]:
    """An id for each photo that no other of the pet has: the one that was given, else that of its document."""
    ids: dict[str, None] = {}
    for hit, one in zip(hits, known, strict=True):
        choices = (_first([one], "photo_id"), hit["_id"], f"{hit['_index']}/{hit['_id']}")
        ids[next(choice for choice in choices if choice and choice not in ids)] = None
    return [*ids]


def _photo(photo_id: str, known: Mapping[str, list[Any]]) -> dict[str, Any]:
    photo: dict[str, Any] = {"photo_id": photo_id}
    uri, taken_at = _first([known], "uri"), _moment(known.get("taken_at", ()))
    photo |= {"uri": uri} if uri else {}
    photo |= {"taken_at": taken_at} if taken_at else {}
    for point in known.get("place", ())[:1]:
        lon, lat = point["coordinates"][:2]
        photo["place"] = {"lat": lat, "lon": lon}
    return photo


def _moment(dates: Sequence[str]) -> str | None:
    """A date as it is kept; None where the calendar has no such year, as where seconds were taken for milliseconds."""
    try:
        return datetime.fromisoformat(dates[0]).isoformat() if dates else None
    except ValueError:
        return None


def _vector(hit: Hit, fields: KnownFields) -> Vector | None:
    """The embedding at unit length; None where there is none, or one of zeros that points nowhere."""
    found = hit.get("fields", {}).get(fields.vector)
    if not found:
        return None
    row = np.asarray(found[0], dtype=np.float32)
    return unit(row) if row.any() else None
