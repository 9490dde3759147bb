"""What stores take and return: specs of indexes, documents, outcomes, hits; and how documents are prepared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

import numpy as np
import orjson
from pydantic import Field

from petfinder.domain.errors import IndexMismatch, InvalidEmbedding, InvalidPet, InvalidQuery, PetfinderError
from petfinder.domain.filters import Cells, Restriction
from petfinder.domain.text import is_path
from petfinder.domain.values import Value
from petfinder.domain.vectors import Matrix, Vector

SCHEMA = 2  # 1 kept the owner alone where `private` is now
VectorType = Literal["int8_hnsw", "hnsw", "bbq_hnsw"]
VECTOR_TYPES: tuple[VectorType, ...] = get_args(VectorType)
Body = Mapping[str, Any]
T = TypeVar("T")


class IndexSettings(Value):
    """What a server makes an index with; a file keeps it for one. Raises InvalidQuery for what no server takes."""

    refusal: ClassVar[type[PetfinderError]] = InvalidQuery

    shards: int = Field(default=1, strict=True, ge=1, le=1024)
    replicas: int = Field(default=0, strict=True, ge=0, lt=2**31)
    m: int = Field(default=16, strict=True, ge=1, le=512)
    # The server's 100 halves the speed of filling; recall is 1.000 with both (tests.benchmarks.peers, part `kinds`).
    ef_construction: int = Field(default=40, strict=True, ge=1, le=3200)
    refresh_interval: Literal[-1, 0] | Annotated[str, Field(pattern=r"^(-1|0|\d+(nanos|micros|ms|s|m|h|d))$")] = "1s"
    vectors: VectorType = VECTOR_TYPES[0]


@dataclass(frozen=True)
class IndexSpec:
    """What an index remembers of itself: species, encoder (name, dims, fingerprint), metric, schema, thresholds.

    `thresholds` is a JSON mapping or None; `settings` are a store's own (shards, replicas, vector index type).
    """

    species: str
    encoder: str
    dims: int
    fingerprint: str = ""
    metric: Literal["cosine"] = "cosine"
    schema: int = SCHEMA
    thresholds: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def remembered(cls, name: str, stored: Mapping[str, Any]) -> IndexSpec:
        """Return the spec that the index `name` keeps among others; raises IndexMismatch for a schema of later days."""
        if stored["schema"] > SCHEMA:
            raise IndexMismatch(f"index {name!r} is of a newer petfinder (schema {stored['schema']}); update petfinder")
        known = {key: stored[key] for key in cls.__dataclass_fields__ if key in stored}
        settings = {
            key: value for key, value in stored.get("settings", {}).items() if key in IndexSettings.model_fields
        }
        return cls(**known | {"settings": settings})

    def difference(self, other: IndexSpec) -> str | None:
        """In words, the first thing in which pets of two indexes could not be mixed; None where they could.

        A model folder may have moved between them: it goes by its hash.
        """
        moved = self.fingerprint == other.fingerprint != "" and (is_path(self.encoder) or is_path(other.encoder))
        for field_ in ("species", "encoder", "dims", "fingerprint", "metric"):
            mine, theirs = getattr(self, field_), getattr(other, field_)
            if mine != theirs and not (moved and field_ == "encoder"):
                return f"{field_} {mine!r}, not {theirs!r}"
        return None

    def check_is(self, expected: IndexSpec | None, *, name: str) -> None:
        """Raise IndexMismatch if this, the spec of the index `name`, is of another species or encoder than expected."""
        if expected is not None and self.difference(expected):
            encoder = f"{self.encoder!r} ({self.dims} dims, weights {self.fingerprint[:8] or 'not named'})"
            raise IndexMismatch(f"index {name!r} was rebuilt with encoder {encoder}; open it again")


Expected = IndexSpec | None
"""The spec that the caller works by; None where whatever the index is will do."""


@dataclass(frozen=True)
class IndexStats:
    """Counts of one index: pets, embedded photos, photos that wait for an embedding, bytes on disk or in memory."""

    pets: int
    photos: int
    pending: int
    size_bytes: int


@dataclass(frozen=True, eq=False, repr=False, slots=True, weakref_slot=True)
class Document:
    """One pet as a store keeps it.

    `photo_ids` are the embedded photos, one row of `vectors` (n, dims) each, unit length, float32; `portrait` is one
    more vector, searched beside them. `pending` counts photos without a vector. `private` (owner, finder, held_back,
    as far as there are any) is not in `body`, for no search may return it. `terms`, `dates` (as `Span` keeps them) and
    `places` ((lat, lon) pairs) are what restrictions check.
    `thumbnails` go by photo_id and are written with the document; on reading they are left empty. Those of photos that
    `terms["photo"]` names are kept when a document is replaced. `version` is the store's own on reading; `replace`
    wants it back. No two states of a document under one name of an index have the same, be it rebuilt in between.
    `made_from` is, in a rebuilt index, the version of the document that this one was made from; the store keeps it.
    """

    id: str
    body: Body
    private: Body | None = None
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: tuple[int, ...] = ()
    places: tuple[tuple[float, float], ...] = ()
    photo_ids: tuple[str, ...] = ()
    vectors: Matrix = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    portrait: Vector | None = None
    pending: int = 0
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    version: int = 0
    made_from: int = 0

    @property
    def size(self) -> int:
        """About the bytes that it takes: vectors and thumbnails."""
        return self.vectors.nbytes + sum(map(len, self.thumbnails.values()))

    def __repr__(self) -> str:
        return f"<Document {self.id!r} with {len(self.photo_ids)} embedded photos>"  # contact and places stay inside


def private_from(stored: Body | None) -> Body | None:
    """Return `private` of what a store keeps of it; schema 1 kept the fields of the owner, who has a name."""
    return {"owner": stored} if stored and "name" in stored else stored


@dataclass(frozen=True)
class Record:
    """A JSON value under a key of 1 to 200 printable ASCII characters; erased with any of the `pets` it is about."""

    key: str
    body: Body = field(repr=False)  # may hold contact
    pets: tuple[str, ...] = ()


WriteMode = Literal["create", "index"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one written document: added, replaced, there already (mode create), or failed with an error."""

    id: str
    result: Literal["added", "replaced", "exists", "failed"]
    error: PetfinderError | None = None


@dataclass(frozen=True, eq=False)
class Query:
    """What is searched for: to each of `vectors` (m, dims), unit length, the k documents nearest by cosine that pass.

    Those below `min_similarity` are left out; `exact` asks for no approximation. With `cells`, the k nearest of those
    with a place in these are found too.
    """

    vectors: Matrix
    k: int
    restriction: Restriction = field(default_factory=Restriction)
    min_similarity: float | None = None
    exact: bool = False
    cells: Cells | None = None

    def in_cells(self) -> Query:
        """The search in the cells alone."""
        return replace(self, restriction=replace(self.restriction, cells=self.cells), cells=None)


@dataclass(frozen=True)
class Hit:
    """One document near a query: the similarity is the largest raw cosine with its photos or its portrait, `photo_id`
    the nearest of its photos. The document comes without `private`, vectors and thumbnails."""

    document: Document
    photo_id: str
    similarity: float


@dataclass(frozen=True)
class Nearest:
    """The answer to one query vector: hits, nearest first, how many documents with vectors passed, and their photos."""

    hits: tuple[Hit, ...]
    searched: int
    photos: int

    def joined(self, others: Nearest) -> Nearest:
        """Add the hits of another search of the same vector, each document once, nearest first."""
        hits = {hit.document.id: hit for hit in (*others.hits, *self.hits)}.values()
        return replace(self, hits=tuple(sorted(hits, key=lambda hit: (-hit.similarity, hit.document.id))))


def with_cells(search: Callable[[Query], list[Nearest]], query: Query) -> list[Nearest]:
    """Answer a query by one search, or, where it has cells, by two that are joined."""
    found = search(replace(query, cells=None))
    if query.cells is None:
        return found
    return [one.joined(other) for one, other in zip(found, search(query.in_cells()), strict=True)]


def batches(stream: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of so many, the last one shorter."""
    rest = iter(stream)
    return iter(lambda: [*islice(rest, size)], [])


_BYTES_AT_ONCE = 2**22
_SECONDS_AT_ONCE = 1.0


def in_chunks(
    stream: Iterable[T], *, most: int = 500, size_of: Callable[[T], int] = lambda one: 0
) -> Iterator[list[T]]:
    """Cut a stream into chunks of at most so many, 4 MB by `size_of` and 1 second.

    If the stream breaks off with an error, what came before it is given out first.
    """
    chunk: list[T] = []
    size, began = 0, 0.0
    try:
        for one in stream:
            began = began or time.monotonic()
            chunk.append(one)
            size += size_of(one)
            full = len(chunk) >= most or size >= _BYTES_AT_ONCE
            if full or time.monotonic() - began >= _SECONDS_AT_ONCE:
                whole, chunk, size, began = chunk, [], 0, 0.0
                yield whole
                del whole  # before the next ones take its room
    finally:
        if chunk:
            yield chunk


_LEAST_SQUARE, _MOST_SQUARE = 0.998, 1.002  # of a unit vector's length in float32, rounded on the way by others
_ONLY_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@contextmanager
def storable(document: Document) -> Iterator[None]:
    """Raise InvalidPet for names that no store can keep, and for what JSON cannot say of it inside."""
    try:
        for name in (document.id, *document.photo_ids, *document.thumbnails):
            name.encode()
        if not all(-(2**63) <= date < 2**63 for date in document.dates):
            raise ValueError("a date out of reach")
        if not all(isinstance(data, bytes) for data in document.thumbnails.values()):
            raise TypeError("a thumbnail that is not bytes")
        yield
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"it holds what JSON cannot say ({type(error).__name__})"
        raise InvalidPet(f"{document.id!r} cannot be stored: {problem}") from error


def record_as_json(record: Record) -> str:
    """Return the body of a record as JSON text; raises InvalidPet for what JSON cannot say, or for such a key."""
    if not (1 <= len(record.key) <= 200 and record.key.isascii() and record.key.isprintable()):
        raise InvalidPet(f"{record.key[:200]!r} cannot be a key: it is not 1 to 200 printable ASCII characters")
    with storable(Document(record.key, {}, photo_ids=record.pets)):
        return as_json(dict(record.body))


def as_json(value: Any) -> str:
    """Return a value as JSON text; raises ValueError or TypeError for what JSON cannot say.

    orjson writes NaN as null, and refuses integers beyond 64 bits: what it may have changed is left to json.
    """
    try:
        text = orjson.dumps(value, option=_ONLY_JSON)
    except orjson.JSONEncodeError:
        text = b"null"
    if b"null" in text:
        text = _JSON.encode(value).encode()
    return text.decode()


def storable_rows(document: Document, *, dims: int) -> Matrix | None:
    """Return the embeddings and, last, the portrait, float32 (n, dims); None for none. Raises InvalidEmbedding."""
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
    if not all(_LEAST_SQUARE < row @ row < _MOST_SQUARE for row in rows):  # NaN fails this too
        raise InvalidEmbedding(f"{document.id!r} has an embedding that is not of unit length; encode its photos again")
    return rows


Versions = Iterator[tuple[str, int, int]]
"""Id, version and `made_from` of documents, in the order of the ids."""


def side_by_side(source: Versions, target: Versions) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield each id of either, in order: its version in the source, and the one that the target's was made from.

    None stands for the side where it is not.
    """
    versions = ((id_, "version", version) for id_, version, _ in source)
    made_from = ((id_, "made_from", version) for id_, _, version in target)
    for id_, sides in groupby(merge(versions, made_from), key=itemgetter(0)):
        found = {side: version for _, side, version in sides}
        yield id_, found.get("version"), found.get("made_from")
