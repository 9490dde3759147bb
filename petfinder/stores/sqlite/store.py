"""The embedded store: indexes in one SQLite file, or in memory, searched exactly.

Two processes may share a file: writers wait for each other, readers go on, and a search first takes in what others
wrote or erased since the last one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

from petfinder.domain.errors import EditConflict, StoreUnavailable
from petfinder.domain.filters import Restriction
from petfinder.stores.documents import (
    Document,
    Expected,
    IndexSpec,
    IndexStats,
    Nearest,
    Outcome,
    Query,
    Record,
    WriteMode,
    in_chunks,
    with_cells,
)
from petfinder.stores.sqlite import filters, indexes, rebuild, rows, search, write
from petfinder.stores.sqlite.file import open_file, open_memory
from petfinder.stores.sqlite.indexes import IndexRow, find_index
from petfinder.stores.sqlite.schema import compact, next_change
from petfinder.stores.sqlite.session import Session

MEMORY = ":memory:"
_PAGE = 1000
_WRITTEN_AT_ONCE = 2000  # in one transaction: each writes the pages of the terms anew, for their keys are hashes
_VERSIONS_AT_ONCE = 10_000
_WAIT_SECONDS = 30.0


class EmbeddedStore:
    """The Store in one file, or in memory (None or ":memory:"); threads may share it.

    With create=False a missing file raises IndexNotFound. `wait`: how many seconds a write waits for those of other
    processes. Raises StoreUnavailable for what is no registry, and IndexMismatch for the file of a newer petfinder.

    Each chunk of a stream, and a whole rebuild's end, is one transaction: where the file cannot be written it is undone
    as a whole. Searches are always exact; stats count the bytes of texts, vectors and thumbnails.
    """

    def __init__(self, path: str | Path | None, *, create: bool = True, wait: float = _WAIT_SECONDS) -> None:
        if path is None or str(path) == MEMORY:
            self._session = Session(open_memory(), MEMORY)
        else:
            connection, frozen = open_file(Path(path), create=create, wait=wait)
            self._session = Session(connection, str(path), frozen)
        self.location = self._session.location
        self._matrices = search.Matrices()
        self._given_up: int | None = None  # the number of the index that is being replaced by this very thread

    @property
    def client(self) -> sqlite3.Connection:
        return self._session.connection

    def create_index(self, name: str, spec: IndexSpec) -> None:
        with self._session.writing() as connection:
            indexes.add_index(connection, name, spec)

    def delete_index(self, name: str) -> None:
        with self._session.writing() as connection:
            rebuild.delete(connection, name)

    def rename_index(self, name: str, new_name: str) -> None:
        with self._session.writing() as connection:
            rebuild.rename(connection, name, new_name)

    def index_names(self) -> list[str]:
        with self._session.reading() as connection:
            return indexes.all_names(connection)

    def spec(self, name: str) -> IndexSpec:
        with self._reading(name) as (_, index):
            return index.spec

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        with self._session.writing() as connection:
            index = find_index(connection, name)
            indexes.remember(connection, index.number, "thresholds", None if thresholds is None else dict(thresholds))

    def stats(self, name: str) -> IndexStats:
        with self._reading(name) as (connection, index):
            return indexes.stats_of(connection, index)

    def refresh(self, name: str) -> None:
        self.spec(name)  # writes are visible at once: it only has to be there

    def begin_rebuild(self, name: str, spec: IndexSpec) -> str:
        with self._session.writing() as connection:
            return rebuild.begin(connection, name, spec)

    def versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        behind: str | None = ""
        while behind is not None:
            with self._reading(name) as (connection, index):
                page = rows.versions(connection, index.number, after=behind, limit=_VERSIONS_AT_ONCE)
            yield from page
            behind = page[-1][0] if page else None

    def finish_rebuild(self, name: str, target: str, catch_up: Callable[[], None]) -> str:
        with self._session.writing_in_steps() as step:
            with step() as connection:
                old, _ = rebuild.old_and_new(connection, name, target)
            self._given_up = old.number
            try:
                catch_up()
            finally:
                self._given_up = None
            with step() as connection:
                kept = rebuild.swap(connection, name, target)
                connection.execute("COMMIT")
        return kept

    def write(
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: Expected = None
    ) -> Iterator[Outcome]:
        with self._reading(name, expected) as (_, index):
            expected = expected or index.spec
        for chunk in in_chunks(documents, most=_WRITTEN_AT_ONCE, size_of=attrgetter("size")):
            taken_apart = [write.row_or_failed(document, dims=expected.dims) for document in chunk]
            with self._writing(name, expected) as (connection, index):
                outcomes = write.write_chunk(connection, index, taken_apart, mode=mode)
            yield from outcomes

    def replace(self, name: str, document: Document, *, expected: Expected = None) -> None:
        with self._writing(name, expected) as (connection, index):
            row = rows.to_row(document, dims=index.spec.dims)
            still = "SELECT 1 FROM documents WHERE index_id = ? AND id = ? AND change = ?"
            if not connection.execute(still, (index.number, document.id, document.version)).fetchone():
                raise EditConflict(f"{document.id!r} was changed or removed meanwhile; read it again")
            photos = frozenset(document.photo_ids) | frozenset(document.terms.get("photo", ()))
            kept = photos - frozenset(document.thumbnails)
            write.erase_documents(connection, index.number, [document.id], keep=kept)
            rows.put(connection, index.number, [row], change=next_change(connection, index.number))

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        with self._writing(name) as (connection, index):
            for number in (*indexes.copies_of(connection, name, index.number), index.number):
                rows.erase_records(connection, number, ids)
                erased = write.erase_documents(connection, number, ids)
            return erased

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: Expected = None
    ) -> list[Document | None]:
        with self._reading(name, expected) as (connection, index):
            where = "index_id = ? AND id IN (SELECT value FROM json_each(?))"
            values = (index.number, json.dumps(list(ids)))
            found = rows.whole_documents(connection, where, values, vectors=vectors, dims=index.spec.dims)
        by_id = {document.id: document for document in found}
        return [by_id.get(id_) for id_ in ids]

    def scan(
        self, name: str, restriction: Restriction, *, after: str = "", vectors: bool = False, expected: Expected = None
    ) -> Iterator[Document]:
        while True:
            with self._reading(name, expected) as (connection, index):
                passing = filters.condition(connection, index.number, restriction)
                where = f"{passing.sql} AND id > ? ORDER BY id LIMIT {_PAGE}"
                values = (*passing.parameters, after)
                page = rows.whole_documents(connection, where, values, vectors=vectors, dims=index.spec.dims)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].id

    def count(self, name: str, restriction: Restriction) -> int:
        with self._reading(name) as (connection, index):
            passing = filters.condition(connection, index.number, restriction)
            sql = f"SELECT count(*) FROM documents AS outside WHERE {passing.sql}"
            return int(connection.execute(sql, passing.parameters).fetchone()[0])

    def nearest(self, name: str, query: Query, *, expected: Expected = None) -> list[Nearest]:
        with self._reading(name, expected) as (connection, index):
            matrix = self._matrices.up_to_date(connection, index)
            return with_cells(lambda one: search.nearest(connection, index, matrix, one), query)

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        with self._reading(name) as (connection, index):
            return [rows.thumbnail(connection, index.number, *photo) for photo in photos]

    def put_record(self, name: str, record: Record) -> bool:
        with self._writing(name) as (connection, index):
            return rows.put_record(connection, index.number, record)

    def records(self, name: str, keys: Sequence[str]) -> list[Record | None]:
        with self._reading(name) as (connection, index):
            where = "key IN (SELECT value FROM json_each(?))"
            there = {one.key: one for one in rows.records(connection, index.number, where, json.dumps(list(keys)))}
        return [there.get(key) for key in keys]

    def scan_records(self, name: str, *, after: str = "", prefix: str = "") -> Iterator[Record]:
        end = prefix + "\x7f"  # behind all of ASCII
        while True:
            with self._reading(name) as (connection, index):
                where = f"key {'>' if after >= prefix else '>='} ? AND key < ? ORDER BY key LIMIT {_PAGE}"
                page = rows.records(connection, index.number, where, max(after, prefix), end)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].key

    def close(self) -> None:
        self._session.close(before=compact)

    @contextmanager
    def _reading(self, name: str, expected: Expected = None) -> Iterator[tuple[sqlite3.Connection, IndexRow]]:
        """One state of the file and the index of this name in it; IndexMismatch if it is not the one expected."""
        with self._session.reading() as connection:
            yield connection, find_index(connection, name, expected)

    @contextmanager
    def _writing(self, name: str, expected: Expected = None) -> Iterator[tuple[sqlite3.Connection, IndexRow]]:
        with self._session.writing() as connection:
            index = find_index(connection, name, expected)
            if index.number == self._given_up:
                raise StoreUnavailable(f"index {name!r} is being rebuilt by this very thread; write afterwards")
            yield connection, index
