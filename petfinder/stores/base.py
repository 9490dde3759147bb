"""The port of stores: documents with vectors in named indexes, and what every store does with them.

Every store raises the errors named here, and no others of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from petfinder.domain.field_names import FieldNames
from petfinder.domain.filters import Restriction
from petfinder.stores import documents
from petfinder.stores.documents import Document, Expected, IndexSpec, IndexStats, Nearest, Outcome, Query, WriteMode


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

    @property
    def client(self) -> Any:
        """The raw client or connection underneath."""

    def create_index(self, name: str, spec: IndexSpec) -> None:
        """Make an empty index; IndexExists if the name is taken, InvalidQuery for settings that no index has."""

    def delete_index(self, name: str) -> None:
        """Remove the index and all that is in it."""

    def rename_index(self, name: str, new_name: str) -> None:
        """Give the index another name; IndexExists if that is taken."""

    def index_names(self) -> list[str]:
        """Return the names of all indexes, sorted."""

    def spec(self, name: str) -> IndexSpec:
        """Return what the index remembers of itself; IndexMismatch for a schema that this version does not know."""

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        """Remember other thresholds."""

    def stats(self, name: str) -> IndexStats:
        """Return counts and size."""

    def refresh(self, name: str) -> None:
        """Make all writes visible to searches."""

    def begin_rebuild(self, name: str, spec: IndexSpec) -> str:
        """Make an empty index that will take the place of this one, or take up again an unfinished one of this spec.

        Returns the name by which every method knows this target until it is finished, though `index_names` does not
        list it. Thresholds do not count as a difference of specs; an unfinished target of another spec is dropped. It
        goes with its index when that is renamed or deleted.
        """

    def versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        """Yield id, version and `made_from` of every document, in the order of the ids (by code point); streamed.

        Cheap, for a rebuild reads it several times: no bodies, no vectors. All may write meanwhile.
        """

    def finish_rebuild(self, name: str, target: str, catch_up: Callable[[], None]) -> str:
        """Put the target in the place of the index, in one step that searches never see half; returns the old's name.

        All writes to the old index by others wait or are refused from before `catch_up` is called, which may write to
        the target, until the target has taken the name: none lands in the old one afterwards. Where `catch_up` raises,
        nothing is changed: the index takes writes again, and the target waits for the next try. The old index is kept
        under a free name such as `<name>-000001`, which `index_names` lists and `delete_index` takes. Thumbnails of
        photos that the new documents have go over to it, all others are erased; so do all records. The thresholds that
        the old index has then stay where the encoder stays. IndexNotFound where the target is no longer its own.
        """

    def write(
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: Expected = None
    ) -> Iterator[Outcome]:
        """Write a stream of documents; one outcome each, in order, given once it is durable.

        All are visible to searches when the stream ends; the next are put together while some are under way. `create`
        leaves a document that is there alone ("exists"), `index` puts the new one in its place. Memory stays
        flat. A document that cannot be written is an outcome "failed"; the others go on. Where the index is rebuilt
        meanwhile, the rest goes into the new one, or IndexMismatch ends the stream: what has no outcome is not written.
        """

    def replace(self, name: str, document: Document, *, expected: Expected = None) -> None:
        """Put a changed document in the place of the version it was read as.

        Thumbnails of photos that the document still has are kept, those given are added, others are erased.
        EditConflict if it was changed or removed meanwhile.
        """

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        """Erase documents with owner, vectors, thumbnails and the records about them; returns the ids that were there.

        They are erased too from an unfinished target of this index and from what `finish_rebuild` kept of it.
        """

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: Expected = None
    ) -> list[Document | None]:
        """Return documents by id, in this order, None where there is none; with owner, on request with vectors."""

    def scan(
        self, name: str, restriction: Restriction, *, after: str = "", vectors: bool = False, expected: Expected = None
    ) -> Iterator[Document]:
        """Yield all documents that pass, in the order of their ids (by code point), those behind `after`; streamed."""

    def count(self, name: str, restriction: Restriction) -> int:
        """Return how many documents pass."""

    def nearest(self, name: str, query: Query, *, expected: Expected = None) -> list[Nearest]:
        """Find the nearest documents, for each of the query's vectors; equal similarities in the order of the ids."""

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Return the thumbnails of photos, each named by (document id, photo_id); None where there is none."""

    def put_record(self, name: str, record: documents.Record) -> bool:
        """Put a record unless its key is taken: True for one of all who try, durable and visible then; InvalidPet."""

    def records(self, name: str, keys: Sequence[str]) -> list[documents.Record | None]:
        """Return records by key as they are at this very moment, in this order, None where there is none."""

    def scan_records(self, name: str, *, after: str = "", prefix: str = "") -> Iterator[documents.Record]:
        """Yield records by key (code points), those behind `after` whose keys begin with `prefix`; streamed."""

    def close(self) -> None:
        """Let go of files and connections; a closed store raises StoreUnavailable."""


class ForeignStore(Store, Protocol):
    """A Store of one index that petfinder did not make. Whatever would change it raises InvalidQuery."""

    def strays(self, name: str) -> Iterator[Outcome]:
        """Yield what no listing and no search gives: documents without a usable pet id, as failed, with the reason."""


@runtime_checkable
class OpensForeign(Protocol):
    """A store that lives where others keep indexes too."""

    def foreign(self, name: str, fields: FieldNames, spec: IndexSpec) -> ForeignStore:
        """Return the index of this name, to be read and searched by these fields.

        `spec` says of which species its pets are and which encoder made its vectors. Raises IndexNotFound, and
        IndexMismatch where it has no such fields, or vectors of other dims.
        """
