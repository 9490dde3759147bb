"""The fields of an index that petfinder did not make, as its mapping has them, and the pets that its documents tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np

from petfinder.domain.errors import IndexMismatch, InvalidQuery
from petfinder.domain.field_names import FieldNames
from petfinder.domain.vectors import Matrix, Vector, portrait, unit
from petfinder.stores.documents import Document

_NUMBERS = frozenset({"long", "integer", "short", "byte"})
_DATES = frozenset({"date", "date_nanos"})
_TEXTS = _NUMBERS | {"keyword", "text", "constant_keyword", "wildcard", "match_only_text"}
_TYPES = {"embedding": frozenset({"dense_vector"}), "place": frozenset({"geo_point"}), "taken_at": _DATES}  # else texts
_COMPARED = _NUMBERS | _DATES | {"keyword", "geo_point"}
_OF_THE_PET = ("name", "breed", "colour", "sex", "microchip", "note")
Entry = Mapping[str, Any]
Hit = Mapping[str, Any]


@dataclass(frozen=True)
class KnownField:
    """One field of the mapping: the path by which it is read, the one by which it is compared if any, its type."""

    path: str
    exact: str | None
    kind: str


@dataclass(frozen=True)
class KnownFields:
    """The fields of an index by petfinder's words; of its vectors their dims, their metric and whether kNN knows them.

    `pet` is the path by which pets are told apart.
    """

    index: str
    known: Mapping[str, KnownField]
    pet: str
    dims: int | None
    metric: str
    indexed: bool

    @property
    def vector(self) -> str:
        """The path of the embedding."""
        return self.known["embedding"].path

    @property
    def numbered(self) -> bool:
        """Whether pet ids are whole numbers there, and go in the order of numbers."""
        return self.known["pet_id"].kind in _NUMBERS

    def compared_by(self, word: str) -> str:
        """Return the path by which this is compared; raises InvalidQuery where the index has none."""
        field = self.known.get(word)
        if field is not None and field.exact is not None:
            return field.exact
        if field is None:
            refusal = f"is not petfinder's and cannot be asked for {word}: FieldNames names no field for that"
        else:
            refusal = f"cannot be asked for {word}: {field.path!r} is a {field.kind} without a keyword beneath it"
        raise InvalidQuery(f"index {self.index!r} {refusal}; import_index takes its pets into a registry that can")


def known_fields(index: str, mappings: Entry, names: FieldNames) -> KnownFields:
    """Return the named fields of a mapping; IndexMismatch for one that is not there or of a type that will not do."""
    entries = dict(_entries(mappings))
    known = {word: _known(index, entries, word, path) for word, path in names.paths().items()}
    pet, vectors = known["pet_id"], entries[known["embedding"].path]
    if pet.exact is None:
        wanted = "a keyword, a text with a keyword beneath it, or a whole number"
        raise IndexMismatch(f"{pet.path!r} of index {index!r} cannot tell pets apart: a {pet.kind}, not {wanted}")
    if vectors.get("element_type", "float") not in ("float", "bfloat16"):
        raise IndexMismatch(f"the vectors of index {index!r} are bytes or bits; petfinder compares numbers")
    dims, metric = vectors.get("dims"), vectors.get("similarity", "cosine")
    indexed = str(vectors.get("index", True)).lower() == "true"
    return KnownFields(index, known, pet.exact, dims, metric, indexed)


def _entries(mapping: Entry, before: str = "") -> Iterator[tuple[str, Entry]]:
    """The entries of a mapping by path, whether its dots lead through objects or stand in a name."""
    for name, entry in sorted(mapping.get("properties", {}).items()):
        if "properties" in entry and entry.get("type") != "nested":
            yield from _entries(entry, f"{before}{name}.")
        else:
            yield before + name, entry


def _known(index: str, entries: Mapping[str, Entry], word: str, name: str) -> KnownField:
    if any(entry.get("type") == "nested" and f"{name}.".startswith(f"{path}.") for path, entry in entries.items()):
        raise IndexMismatch(f"index {index!r} keeps photos nested in a document; only one photo a document is read")
    if name not in entries:
        raise IndexMismatch(f"index {index!r} has no field {name!r}; it has {', '.join(entries) or 'none'}")
    path = entries[name]["path"] if entries[name].get("type") == "alias" else name
    kind, wanted = entries[path].get("type", "object"), _TYPES.get(word, _TEXTS)
    if kind not in wanted:
        advice = f"name a field of type {', '.join(sorted(wanted))}, or leave {word} out"
        raise IndexMismatch(f"field {name!r} of index {index!r} is of type {kind}, which is no {word}; {advice}")
    return KnownField(path, _exact(path, entries[path]), kind)


def _exact(path: str, entry: Entry) -> str | None:
    """Where whole values are compared: in the field itself, or in a keyword beneath it."""
    if entry["type"] in _COMPARED and entry.get("doc_values", True):
        return path
    beneath = entry.get("fields", {})
    return next((f"{path}.{name}" for name, one in beneath.items() if one.get("type") == "keyword"), None)


def to_documents(hits: Iterable[Hit], fields: KnownFields, *, species: str, dims: int) -> Iterator[Document]:
    """Make the pets of hits that come sorted by pet: of each, what the first of its documents has counts."""
    for pet_id, of_pet in groupby(hits, key=lambda hit: str(hit["sort"][0])):
        photos = sorted(of_pet, key=lambda hit: (hit["_index"], hit["_id"]))
        yield _document(pet_id, photos, fields, species=species, dims=dims)


def _document(pet_id: str, hits: Sequence[Hit], fields: KnownFields, *, species: str, dims: int) -> Document:
    records = [_values(hit, fields) for hit in hits]
    ids = _photo_ids(hits, records)
    body: dict[str, Any] = {"species": species, "photos": [*map(_photo, ids, records)]}
    body |= {word: text for word in _OF_THE_PET if (text := _first(word, *records))}
    body["tags"] = [str(tag) for record in records for tag in record.get("tags", ())]
    owner = _first("owner", *records)
    vectors = {id_: row for id_, record in zip(ids, records, strict=True) if (row := _vector(record)) is not None}
    rows: Matrix = np.stack([*vectors.values()]) if vectors else np.zeros((0, dims), np.float32)
    return Document(
        id=pet_id,
        body=body,
        private={"owner": {"name": owner}} if owner else None,
        photo_ids=tuple(vectors),
        vectors=rows,
        portrait=portrait(rows),
        pending=len(ids) - len(vectors),
    )


Record = Mapping[str, Sequence[Any]]
"""The values of one document by petfinder's words."""


def _values(hit: Hit, fields: KnownFields) -> Record:
    there = hit.get("fields", {})
    return {word: there[one.path] for word, one in fields.known.items() if there.get(one.path)}


def _first(word: str, *records: Record) -> str:
    texts = (str(value).strip() for record in records for value in record.get(word, ()))
    return next((text for text in texts if text), "")


def _photo_ids(hits: Sequence[Hit], records: Sequence[Record]) -> list[str]:
    """An id for each photo that no other of the pet has: its field's, else that of its document."""
    ids: dict[str, None] = {}
    for hit, record in zip(hits, records, strict=True):
        choices = (_first("photo_id", record), hit["_id"], f"{hit['_index']}/{hit['_id']}")
        ids[next(choice for choice in choices if choice and choice not in ids)] = None
    return [*ids]


def _photo(photo_id: str, record: Record) -> dict[str, Any]:
    photo: dict[str, Any] = {"photo_id": photo_id, "uri": _first("uri", record), "taken_at": _moment(record)}
    for point in record.get("place", ())[:1]:
        photo["place"] = dict(zip(("lon", "lat"), point["coordinates"], strict=False))
    return {name: value for name, value in photo.items() if value}


def _moment(record: Record) -> str | None:
    """A date as it is kept; None where the calendar has no such year, as where seconds were taken for milliseconds."""
    try:
        return datetime.fromisoformat(record["taken_at"][0]).isoformat() if "taken_at" in record else None
    except ValueError:
        return None


def _vector(record: Record) -> Vector | None:
    """The embedding at unit length; None where there is none, or one of zeros that points nowhere."""
    row = np.asarray(record.get("embedding", [[]])[0], dtype=np.float32)
    return unit(row) if row.any() else None
