"""The port of stores: documents with vectors in named indexes, and what every store does with them.

Knows restrictions and vectors, not pets: a document's body is a mapping that the store keeps and gives back. Every
store raises the errors named here, and no others of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from petfinder.errors import PetfinderError
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
    `version` is what the store said on reading; `replace` wants it back.
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
    """The answer to one query vector: hits, nearest first, and how many documents with vectors passed."""

    hits: tuple[Hit, ...]
    searched: int


class Store(Protocol):
    """Where indexes live.

    Every method on an index raises IndexNotFound where there is none of that name; StoreUnavailable and NotAuthorised
    where the store does not answer or refuses; IndexMismatch where the index was rebuilt with another encoder since its
    `spec` was read here last.
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

    def rebuild_index(self, name: str, spec: IndexSpec, documents: Iterable[Document]) -> None:
        """Put these documents and this spec in the place of what is there, in one step that searches never see half.

        The documents may be read from the very index while they are taken. Thumbnails of photos that stay are kept.
        """
        ...

    def write(self, name: str, documents: Iterable[Document], *, mode: WriteMode) -> Iterator[Outcome]:
        """Write a stream of documents; one outcome each, in order, given once it is durable and visible to searches.

        `create` leaves a document that is there alone ("exists"), `index` puts the new one in its place. Memory stays
        flat. A document that cannot be written is an outcome "failed"; the others go on.
        """
        ...

    def replace(self, name: str, document: Document) -> None:
        """Put a changed document in the place of the version it was read as.

        Thumbnails of photos that the document still has are kept, those given are added, others are erased.
        EditConflict if it was changed or removed meanwhile.
        """
        ...

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        """Erase documents with owner, vectors and thumbnails; returns the ids that were there."""
        ...

    def get(self, name: str, ids: Sequence[str], *, vectors: bool = False) -> list[Document | None]:
        """Documents by id, in this order, None where there is none; with owner, and with vectors if asked for."""
        ...

    def scan(
        self, name: str, restriction: Restriction, *, after: str | None = None, vectors: bool = False
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
