"""The embedded store: indexes in one SQLite file, or in memory, searched exactly.

Knows the port of stores and the SQLite modules beside it. Two processes may share a file: writers wait for each other,
readers go on, and a search first takes in what others wrote or erased since the last one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from petfinder.errors import EditConflict, IndexMismatch
from petfinder.filters import Restriction
from petfinder.stores import sqlite_filters, sqlite_indexes, sqlite_rows, sqlite_search, sqlite_writing
from petfinder.stores.chunks import in_chunks
from petfinder.stores.port import Document, IndexSpec, IndexStats, Nearest, Outcome, WriteMode
from petfinder.stores.sqlite_file import open_file, open_memory
from petfinder.stores.sqlite_indexes import IndexRow, find_index
from petfinder.stores.sqlite_schema import compact, needs_compacting, next_change
from petfinder.stores.sqlite_session import Session
from petfinder.vectors import Matrix

MEMORY = ":memory:"
_PAGE = 1000
_WAIT_SECONDS = 30.0
Identity = tuple[str, str, int, str]


class EmbeddedStore:
    """The Store in one file, or in memory (None or ":memory:"); threads may share it.

    With create=False a missing file raises IndexNotFound. `wait`: how many seconds a write waits for those of other
    processes. Where an index was made anew with another encoder since its spec was read here, writing and searching
    raise IndexMismatch: read the spec again. Raises StoreUnavailable for what is no registry, and IndexMismatch for the
    file of a newer petfinder.
    """

    def __init__(self, path: str | Path | None, *, create: bool = True, wait: float = _WAIT_SECONDS) -> None:
        in_memory = path is None or str(path) == MEMORY
        self._location = MEMORY if in_memory else str(path)
        opened = open_memory() if in_memory else open_file(Path(self._location), create=create, wait=wait)
        self._session = Session(opened, self._location)
        self._matrices = sqlite_search.Matrices()
        self._known: dict[str, Identity] = {}

    @property
    def location(self) -> str:
        """The file's path, or ":memory:"."""
        return self._location

    @property
    def client(self) -> sqlite3.Connection:
        """The SQLite connection."""
        return self._session.connection

    def create_index(self, name: str, spec: IndexSpec) -> None:
        """Make an empty index; IndexExists if the name is taken."""
        with self._session.writing() as connection:
            sqlite_indexes.add_index(connection, name, spec)
        self._known[name] = _identity(spec)

    def delete_index(self, name: str) -> None:
        """Erase the index and all that is in it."""
        with self._session.writing() as connection:
            index = find_index(connection, name)
            sqlite_writing.empty_index(connection, index.number)
            sqlite_indexes.drop_index(connection, index.number)
        self._known.pop(name, None)

    def rename_index(self, name: str, new_name: str) -> None:
        """Give the index another name; IndexExists if that is taken."""
        with self._session.writing() as connection:
            index = find_index(connection, name)
            sqlite_indexes.refuse_taken(connection, new_name)
            sqlite_indexes.name_index(connection, index.number, new_name)
        self._known.pop(name, None)
        self._known[new_name] = _identity(index.spec)

    def index_names(self) -> list[str]:
        """The names of all indexes, sorted."""
        with self._session.reading() as connection:
            return sqlite_indexes.all_names(connection)

    def spec(self, name: str) -> IndexSpec:
        """What the index remembers of itself; IndexMismatch for a schema that this version does not know."""
        with self._session.reading() as connection:
            index = find_index(connection, name)
        self._known[name] = _identity(index.spec)
        return index.spec

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        """Remember other thresholds."""
        with self._session.writing() as connection:
            index = find_index(connection, name)
            kept = None if thresholds is None else dict(thresholds)
            sqlite_indexes.keep_spec(connection, index.number, replace(index.spec, thresholds=kept))

    def stats(self, name: str) -> IndexStats:
        """Counts, and the bytes of texts, vectors and thumbnails."""
        with self._session.reading() as connection:
            return sqlite_indexes.stats_of(connection, find_index(connection, name))

    def refresh(self, name: str) -> None:
        """Nothing to do but to look whether the index is there: writes are visible at once."""
        with self._session.reading() as connection:
            find_index(connection, name)

    def rebuild_index(self, name: str, spec: IndexSpec, documents: Iterable[Document]) -> None:
        """Put these documents and this spec in the place of what is there, in one transaction.

        The documents may be read from the very index while they are taken. Others write when it is over, and read what
        was there until then. Thumbnails of photos that stay are kept. A document that cannot be stored raises its
        error, and nothing is changed.
        """
        with self._session.writing_in_steps() as step:
            with step() as connection:
                old = find_index(connection, name)
                new = sqlite_indexes.add_index(connection, None, spec)
            for chunk in in_chunks(documents):
                rows = [sqlite_rows.to_row(document, dims=spec.dims) for document in chunk]
                with step() as connection:
                    sqlite_writing.write_chunk(connection, new, rows, mode="index")
            with step() as connection:
                sqlite_writing.adopt_thumbnails(connection, old=old.number, new=new.number)
                sqlite_writing.empty_index(connection, old.number)
                sqlite_indexes.drop_index(connection, old.number)
                sqlite_indexes.name_index(connection, new.number, name)
                connection.execute("COMMIT")
        self._known[name] = _identity(spec)

    def write(self, name: str, documents: Iterable[Document], *, mode: WriteMode) -> Iterator[Outcome]:
        """Write a stream of documents; one outcome each, in order, given once its chunk is durable.

        StoreUnavailable ends the stream where the file cannot be written: the chunk in hand is undone as a whole.
        """
        with self._session.reading() as connection:
            dims = self._find(connection, name).spec.dims
        return self._written(name, documents, mode=mode, dims=dims)

    def _written(self, name: str, documents: Iterable[Document], *, mode: WriteMode, dims: int) -> Iterator[Outcome]:
        for chunk in in_chunks(documents):
            rows = sqlite_writing.to_rows(chunk, dims=dims)
            with self._session.writing() as connection:
                index = self._find(connection, name)
                if index.spec.dims != dims:
                    raise IndexMismatch(f"index {name!r} was made anew with other dims while it was written to")
                outcomes = sqlite_writing.write_chunk(connection, index, rows, mode=mode)
            yield from outcomes

    def replace(self, name: str, document: Document) -> None:
        """Put a changed document in the place of the version it was read as; EditConflict if it no longer is."""
        with self._session.writing() as connection:
            index = self._find(connection, name)
            row = sqlite_rows.to_row(document, dims=index.spec.dims)
            where = "index_id = ? AND id = ? AND change = ?"
            there = connection.execute(
                f"SELECT doc FROM documents WHERE {where}", (index.number, document.id, document.version)
            ).fetchone()
            if there is None:
                raise EditConflict(f"{document.id!r} was changed or removed meanwhile; read it again")
            change = next_change(connection, index.number)
            photos = frozenset(document.photo_ids) | frozenset(document.terms.get("photo", ()))
            kept = photos - frozenset(document.thumbnails)
            sqlite_rows.erase(connection, index.number, there, change=change)
            sqlite_rows.erase_thumbnails(connection, index.number, [document.id], keep=kept)
            sqlite_rows.put(connection, index.number, [row], change=change)

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        """Erase documents with owner, vectors and thumbnails; returns the ids that were there."""
        with self._session.writing() as connection:
            index = find_index(connection, name)
            there = sqlite_rows.numbers_of(connection, index.number, ids)
            if there:
                change = next_change(connection, index.number)
                sqlite_rows.erase(connection, index.number, list(there.values()), change=change)
                sqlite_rows.erase_thumbnails(connection, index.number, there)
        return frozenset(there)

    def get(self, name: str, ids: Sequence[str], *, vectors: bool = False) -> list[Document | None]:
        """Documents by id, in this order, None where there is none; with owner, and with vectors if asked for."""
        with self._session.reading() as connection:
            index = find_index(connection, name)
            found = sqlite_rows.whole_documents(
                connection,
                "index_id = ? AND id IN (SELECT value FROM json_each(?))",
                (index.number, json.dumps(list(ids))),
                vectors=vectors,
                dims=index.spec.dims,
            )
        by_id = {document.id: document for document in found}
        return [by_id.get(id_) for id_ in ids]

    def scan(
        self, name: str, restriction: Restriction, *, after: str | None = None, vectors: bool = False
    ) -> Iterator[Document]:
        """All documents that pass, in the order of their ids, those behind `after`; read a thousand at a time."""
        self.refresh(name)
        return self._scanned(name, restriction, after=after, vectors=vectors)

    def _scanned(self, name: str, restriction: Restriction, *, after: str | None, vectors: bool) -> Iterator[Document]:
        behind = after or ""
        while True:
            with self._session.reading() as connection:
                index = find_index(connection, name)
                passing = sqlite_filters.condition(connection, index.number, restriction)
                page = sqlite_rows.whole_documents(
                    connection,
                    f"{passing.sql} AND id > ? ORDER BY id LIMIT {_PAGE}",
                    (*passing.parameters, behind),
                    vectors=vectors,
                    dims=index.spec.dims,
                )
            yield from page
            if len(page) < _PAGE:
                return
            behind = page[-1].id

    def count(self, name: str, restriction: Restriction) -> int:
        """How many documents pass."""
        with self._session.reading() as connection:
            index = find_index(connection, name)
            passing = sqlite_filters.condition(connection, index.number, restriction)
            row = connection.execute(
                f"SELECT count(*) FROM documents AS outside WHERE {passing.sql}", passing.parameters
            ).fetchone()
        return int(row[0])

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
        """For each query (m, dims), unit length: the k nearest documents that pass. It is always exact."""
        with self._session.reading() as connection:
            index = self._find(connection, name)
            matrix = self._matrices.up_to_date(connection, index)
            return sqlite_search.nearest(
                connection, index, matrix, queries, k=k, restriction=restriction, min_similarity=min_similarity
            )

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """The thumbnails of photos, each named by (document id, photo_id); None where there is none."""
        with self._session.reading() as connection:
            number = find_index(connection, name).number
            return [sqlite_rows.thumbnail(connection, number, *photo) for photo in photos]

    def close(self) -> None:
        """Shed what was erased, empty the log into the file, and let go of it; a second call does nothing."""
        self._session.close(before=_tidy)

    def _find(self, connection: sqlite3.Connection, name: str) -> IndexRow:
        index = find_index(connection, name)
        if self._known.get(name, _identity(index.spec)) != _identity(index.spec):
            raise IndexMismatch(f"index {name!r} was made anew with encoder {index.spec.encoder!r}; open it again")
        return index


def _identity(spec: IndexSpec) -> Identity:
    return (spec.species, spec.encoder, spec.dims, spec.fingerprint)


def _tidy(connection: sqlite3.Connection) -> None:
    if needs_compacting(connection):
        connection.execute("BEGIN IMMEDIATE")
        compact(connection)
        connection.execute("COMMIT")
