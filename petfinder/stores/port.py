"""The port of stores: documents with vectors in named indexes, and what every store does with them.

Knows restrictions and vectors, not pets: a document's body is a mapping that the store keeps and gives back. Every
store raises the errors named here, and no others of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from petfinder.errors import IndexMismatch, PetfinderError
from petfinder.filters import Restriction
from petfinder.vectors import Matrix, Vector

SCHEMA = 1
Body = Mapping[str, Any]


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

    @property
    def identity(self) -> tuple[str, str, int, str]:
        """What makes vectors of one index comparable: species, encoder, dims, fingerprint."""
        return (self.species, self.encoder, self.dims, self.fingerprint)

    def difference(self, other: IndexSpec) -> str | None:
        """In words, the first thing in which pets of two indexes could not be mixed; None where they could."""
        for field_ in ("species", "encoder", "dims", "fingerprint", "metric", "schema"):
            mine, theirs = getattr(self, field_), getattr(other, field_)
            if mine != theirs:
                return f"{field_} {mine!r}, not {theirs!r}"
        return None

    def check_is(self, expected: IndexSpec | None, *, name: str) -> None:
        """Raise IndexMismatch if this, the spec of the index `name`, is of another species or encoder than expected."""
        if expected is not None and self.identity != expected.identity:
            raise IndexMismatch(
                f"index {name!r} was rebuilt with encoder {self.encoder!r} ({self.dims} dims, weights "
                f"{self.fingerprint[:8] or 'not named'}); open it again"
            )


@dataclass(frozen=True)
class IndexStats:
    """Counts of one index: pets, embedded photos, photos that wait for an embedding, bytes on disk or in memory."""

    pets: int
    photos: int
    pending: int
    size_bytes: int


@dataclass(frozen=True, eq=False, repr=False)
class Document:
    """One pet as a store keeps it.

    `photo_ids` are the embedded photos, one row of `vectors` (n, dims) each, unit length, float32; `portrait` is one
    more vector, searched beside them. `pending` counts photos without a vector. `owner` is not in `body`, for no
    search may return it. `terms`, `dates` (epoch seconds) and `places` ((lat, lon) pairs) are what restrictions check.
    `thumbnails` go by photo_id and are written with the document; on reading they are left empty. Those of photos that
    `terms["photo"]` names are kept when a document is replaced.
    `version` is what the store said on reading; `replace` wants it back. No two states of a document under one name of
    an index have the same, be it rebuilt in between. `made_from` is, in an index that is rebuilt, the version of the
    document that this one was made from; the store keeps it and gives it back.
    """

    id: str
    body: Body
    owner: Body | None = None
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

    def __repr__(self) -> str:
        return f"<Document {self.id!r} with {len(self.photo_ids)} embedded photos>"  # owner and places stay inside


WriteMode = Literal["create", "index"]


@dataclass(frozen=True)
class Outcome:
    """What became of one written document: added, replaced, there already (mode create), or failed with an error."""

    id: str
    result: Literal["added", "replaced", "exists", "failed"]
    error: PetfinderError | None = None


@dataclass(frozen=True)
class Hit:
    """One document near a query: the similarity is the largest raw cosine with its photos or its portrait, `photo_id`
    the nearest of its photos. The document comes without owner, vectors and thumbnails."""

    document: Document
    photo_id: str
    similarity: float


@dataclass(frozen=True)
class Nearest:
    """The answer to one query vector: hits, nearest first, how many documents with vectors passed, and their photos."""

    hits: tuple[Hit, ...]
    searched: int
    photos: int


class Store(Protocol):
    """Where indexes live.

    Every method on an index raises IndexNotFound where there is none of that name; StoreUnavailable and NotAuthorised
    where the store does not answer or refuses. Methods that take or give vectors raise IndexMismatch where the species
    or the encoder (name, dims, fingerprint) of the index, as it is at that very moment, is not that of `expected`, the
    spec that the caller works by; without `expected` this is not looked at.
    """

    @property
    def location(self) -> str:
        """Where it is, without credentials."""
        ...

    @property
    def client(self) -> Any:
        """The raw client or connection underneath."""
        ...

    def create_index(self, name: str, spec: IndexSpec) -> None:
        """Make an empty index; IndexExists if the name is taken."""
        ...

    def delete_index(self, name: str) -> None:
        """Remove the index and all that is in it."""
        ...

    def rename_index(self, name: str, new_name: str) -> None:
        """Give the index another name; IndexExists if that is taken."""
        ...

    def index_names(self) -> list[str]:
        """The names of all indexes, sorted."""
        ...

    def spec(self, name: str) -> IndexSpec:
        """What the index remembers of itself; IndexMismatch for a schema that this version does not know."""
        ...

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        """Remember other thresholds."""
        ...

    def stats(self, name: str) -> IndexStats:
        """Counts and size."""
        ...

    def refresh(self, name: str) -> None:
        """Make all writes visible to searches."""
        ...

    def begin_rebuild(self, name: str, spec: IndexSpec) -> str:
        """Make an empty index that will take the place of this one, or take up again an unfinished one of this spec.

        Returns the name by which every method knows this target until it is finished, though `index_names` does not
        list it. Thresholds do not count as a difference of specs; an unfinished target of another spec is dropped. It
        goes with its index when that is renamed or deleted.
        """
        ...

    def versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        """Id, version and `made_from` of every document, in the order of the ids (by code point); streamed.

        Cheap, for it is read several times in a rebuild: no bodies, no vectors. Others may write meanwhile, and the
        caller too.
        """
        ...

    def finish_rebuild(self, name: str, target: str, catch_up: Callable[[], None]) -> str:
        """Put the target in the place of the index, in one step that searches never see half; returns the old's name.

        All writes to the old index by others wait or are refused from before `catch_up` is called, which may write to
        the target, until the target has taken the name: none lands in the old one afterwards. Where `catch_up` raises,
        nothing is changed: the index takes writes again, and the target waits for the next try. The old index is kept
        under a free name such as `<name>-000001`, which `index_names` lists and `delete_index` takes. Thumbnails of
        photos that the new documents have go over to it, all others are erased. The thresholds that the old index has
        at that moment stay where the encoder stays, else there are none.
        IndexNotFound where the target is no longer the unfinished one of this index.
        """
        ...

    def write(
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: IndexSpec | None = None
    ) -> Iterator[Outcome]:
        """Write a stream of documents; one outcome each, in order, given once it is durable and visible to searches.

        `create` leaves a document that is there alone ("exists"), `index` puts the new one in its place. Memory stays
        flat. A document that cannot be written is an outcome "failed"; the others go on. Where the index is rebuilt
        meanwhile, the rest goes into the new one, or IndexMismatch ends the stream: what has no outcome is not written.
        """
        ...

    def replace(self, name: str, document: Document, *, expected: IndexSpec | None = None) -> None:
        """Put a changed document in the place of the version it was read as.

        Thumbnails of photos that the document still has are kept, those given are added, others are erased.
        EditConflict if it was changed or removed meanwhile.
        """
        ...

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        """Erase documents with owner, vectors and thumbnails; returns the ids that were there.

        They are erased too from an unfinished target of this index and from what `finish_rebuild` kept of it.
        """
        ...

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: IndexSpec | None = None
    ) -> list[Document | None]:
        """Documents by id, in this order, None where there is none; with owner, and with vectors if asked for."""
        ...

    def scan(
        self,
        name: str,
        restriction: Restriction,
        *,
        after: str | None = None,
        vectors: bool = False,
        expected: IndexSpec | None = None,
    ) -> Iterator[Document]:
        """All documents that pass, in the order of their ids (by code point), those behind `after`; streamed."""
        ...

    def count(self, name: str, restriction: Restriction) -> int:
        """How many documents pass."""
        ...

    def nearest(
        self,
        name: str,
        queries: Matrix,
        *,
        k: int,
        restriction: Restriction,
        min_similarity: float | None = None,
        exact: bool = False,
        expected: IndexSpec | None = None,
    ) -> list[Nearest]:
        """For each query (m, dims), unit length: the k documents nearest by cosine among those that pass.

        Equal similarities go in the order of the ids. `exact` asks for no approximation.
        """
        ...

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """The thumbnails of photos, each named by (document id, photo_id); None where there is none."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a closed store raises StoreUnavailable."""
        ...
