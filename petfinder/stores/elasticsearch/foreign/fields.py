"""The fields of an index that petfinder did not make, as its mapping has them: types, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from petfinder.domain.errors import IndexMismatch, InvalidQuery
from petfinder.stores.field_names import FieldNames

WHOLE_NUMBERS = frozenset({"long", "integer", "short", "byte"})
_KINDS: Mapping[str, frozenset[str]] = {
    "embedding": frozenset({"dense_vector"}),
    "place": frozenset({"geo_point"}),
    "taken_at": frozenset({"date", "date_nanos"}),
}
_TEXTS = WHOLE_NUMBERS | {"keyword", "text", "constant_keyword", "wildcard", "match_only_text"}
_COMPARED = WHOLE_NUMBERS | {"keyword", "geo_point", "date", "date_nanos"}
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class KnownField:
    """One field of the mapping: the path by which it is read, the one by which it is compared if any, its type."""

    path: str
    exact: str | None
    kind: str


@dataclass(frozen=True)
class KnownFields:
    """The fields of an index by petfinder's words; of its vectors their dims, their metric and whether kNN knows them.

    `vector` is the path of the embedding, `pet` the one by which pets are told apart.
    """

    index: str
    known: Mapping[str, KnownField]
    vector: str
    pet: str
    dims: int | None
    metric: str
    indexed: bool

    @property
    def numbered(self) -> bool:
        """Whether pet ids are whole numbers there, and go in the order of numbers."""
        return self.known["pet_id"].kind in WHOLE_NUMBERS

    def compared_by(self, word: str) -> str:
        """The path by which this is compared; raises InvalidQuery where the index has none."""
        there = self.known.get(word)
        if there is None:
            raise InvalidQuery(
                f"index {self.index!r} is not petfinder's and cannot be asked for {word}: FieldNames names no field "
                "for that; import_index takes its pets into a registry that can"
            )
        if there.exact is None:
            raise InvalidQuery(
                f"index {self.index!r} cannot be asked for {word}: its field {there.path!r} is a {there.kind} without "
                "a keyword beneath it; import_index takes its pets into a registry that can"
            )
        return there.exact


def known_fields(index: str, mappings: Entry, names: FieldNames) -> KnownFields:
    """The named fields of a mapping; raises IndexMismatch for one that is not there or of a type that will not do."""
    known = {word: _known(index, mappings, word, path) for word, path in names.given().items()}
    pet = known["pet_id"]
    if pet.exact is None:
        raise IndexMismatch(
            f"field {pet.path!r} of index {index!r} cannot tell pets apart: it is a {pet.kind}, and a pet_id is a "
            "keyword, a text with a keyword beneath it, or a whole number"
        )
    path, vectors = _found(index, mappings, names.embedding)
    if vectors.get("element_type", "float") not in ("float", "bfloat16"):
        raise IndexMismatch(f"the vectors of index {index!r} are bytes or bits; petfinder compares numbers")
    return KnownFields(
        index=index,
        known=known,
        vector=path,
        pet=pet.exact,
        dims=vectors.get("dims"),
        metric=vectors.get("similarity", "cosine"),
        indexed=str(vectors.get("index", True)).lower() == "true",
    )


def _known(index: str, mappings: Entry, word: str, name: str) -> KnownField:
    path, entry = _found(index, mappings, name)
    kind, wanted = entry.get("type", "object"), _KINDS.get(word, _TEXTS)
    if kind not in wanted:
        raise IndexMismatch(
            f"field {name!r} of index {index!r} is of type {kind}, which is no {word}; name a field of type "
            f"{', '.join(sorted(wanted))}, or leave {word} out"
        )
    return KnownField(path, _exact(path, entry), kind)


def _exact(path: str, entry: Entry) -> str | None:
    """Where whole values are compared: in the field itself, or in a keyword beneath it."""
    if entry["type"] in _COMPARED and entry.get("doc_values", True):
        return path
    beneath = entry.get("fields", {})
    return next((f"{path}.{name}" for name, one in beneath.items() if one.get("type") == "keyword"), None)


def _found(index: str, mappings: Entry, path: str) -> tuple[str, Entry]:
    """The entry of a path, or of what it is an alias for."""
    entry = _below(index, mappings, path.split("."))
    if entry is None:
        raise IndexMismatch(f"index {index!r} has no field {path!r}; it has {', '.join(_paths(mappings)) or 'none'}")
    return _found(index, mappings, entry["path"]) if entry.get("type") == "alias" else (path, entry)


def _below(index: str, entry: Entry, steps: list[str]) -> Entry | None:
    """What lies below an entry, whether the dots lead through objects or stand in a name."""
    if not steps:
        return entry
    if entry.get("type") == "nested":
        raise IndexMismatch(f"index {index!r} keeps photos nested in a document; only one photo a document is read")
    inside = entry.get("properties", {})
    for count in range(1, len(steps) + 1):
        name = ".".join(steps[:count])
        found = _below(index, inside[name], steps[count:]) if name in inside else None
        if found is not None:
            return found
    return None


def _paths(entry: Entry, before: str = "") -> list[str]:
    paths: list[str] = []
    for name, one in sorted(entry.get("properties", {}).items()):
        paths += _paths(one, f"{before}{name}.") if "properties" in one else [before + name]
    return paths
