"""The embedded store: indexes in one SQLite file, or in memory, searched exactly.

Two processes may share a file: writers wait for each other, readers go on, and a search first takes in what others
wrote or erased since the last one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from petfinder.domain.errors import EditConflict, StoreUnavailable
from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import Document, IndexSpec, IndexStats, Nearest, Outcome, WriteMode, in_chunks
from petfinder.stores.sqlite import filters, indexes, rebuild, rows, search, write
from petfinder.stores.sqlite.file import open_file, open_memory
from petfinder.stores.sqlite.indexes import IndexRow, find_index
from petfinder.stores.sqlite.schema import compact, needs_compacting, next_change
from petfinder.stores.sqlite.session import Session

MEMORY = ":memory:"
_PAGE = 1000
_VERSIONS_AT_ONCE = 10_000
_WAIT_SECONDS = 30.0


class EmbeddedStore:
    """The Store in one file, or in memory (None or ":memory:"); threads may share it.

    With create=False a missing file raises IndexNotFound. `wait`: how many seconds a write waits for those of other
    processes. Raises StoreUnavailable for what is no registry, and IndexMismatch for the file of a newer petfinder.
    """

    def __init__(self, path: str | Path | None, *, create: bool = True, wait: float = _WAIT_SECONDS) -> None:
        in_memory = path is None or str(path) == MEMORY
        self._location = MEMORY if in_memory else str(path)
        opened = open_memory() if in_memory else open_file(Path(self._location), create=create, wait=wait)
        self._session = Session(opened, self._location)
        self._matrices = search.Matrices()
        self._given_up: int | None = None  # the number of the index that is being replaced by this very thread

    @property
    def location(self) -> str:
        return self._location

    @property
    def client(self) -> sqlite3.Connection:
        return self._session.connection

    def create_index(self, name: str, spec: IndexSpec) -> None:
        with self._session.writing() as connection:
            indexes.add_index(connection, name, spec)

    def delete_index(self, name: str) -> None:
        with self._session.writing() as connection:
            index = find_index(connection, name)
            rebuild.drop_target(connection, name)
            write.empty_index(connection, index.number)
            indexes.drop_index(connection, index.number)

    def rename_index(self, name: str, new_name: str) -> None:
        with self._session.writing() as connection:
            index = find_index(connection, name)
            indexes.refuse_taken(connection, new_name)
            rebuild.rename(connection, name, index.number, new_name)

    def index_names(self) -> list[str]:
        with self._session.reading() as connection:
            return indexes.all_names(connection)

    def spec(self, name: str) -> IndexSpec:
        with self._session.reading() as connection:
            return find_index(connection, name).spec

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        with self._session.writing() as connection:
            indexes.keep_thresholds(connection, find_index(connection, name).number, thresholds)

    def stats(self, name: str) -> IndexStats:
        with self._session.reading() as connection:
            return indexes.stats_of(connection, find_index(connection, name))

    def refresh(self, name: str) -> None:
        with self._session.reading() as connection:
            find_index(connection, name)

    def begin_rebuild(self, name: str, spec: IndexSpec) -> str:
        with self._session.writing() as connection:
            return rebuild.begin(connection, name, spec)

    def versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        self.refresh(name)
        return self._versions(name)

    def _versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        behind, page = "", [("", 0, 0)]
        while page:
            with self._session.reading() as connection:
                number = find_index(connection, name).number
                page = rows.versions(connection, number, after=behind, limit=_VERSIONS_AT_ONCE)
            yield from page
            behind = page[-1][0] if page else behind

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
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: IndexSpec | None = None
    ) -> Iterator[Outcome]:
        with self._session.reading() as connection:
            there = _find(connection, name, expected).spec
        return self._written(name, documents, mode=mode, expected=expected or there)

    def _written(
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: IndexSpec
    ) -> Iterator[Outcome]:
        for chunk in in_chunks(documents):
            rows = write.to_rows(chunk, dims=expected.dims)
            with self._session.writing() as connection:
                index = self._find_to_write(connection, name, expected)
                outcomes = write.write_chunk(connection, index, rows, mode=mode)
            yield from outcomes

    def replace(self, name: str, document: Document, *, expected: IndexSpec | None = None) -> None:
        with self._session.writing() as connection:
            index = self._find_to_write(connection, name, expected)
            row = rows.to_row(document, dims=index.spec.dims)
            if not rows.is_still(connection, index.number, document.id, document.version):
                raise EditConflict(f"{document.id!r} was changed or removed meanwhile; read it again")
            photos = frozenset(document.photo_ids) | frozenset(document.terms.get("photo", ()))
            kept = photos - frozenset(document.thumbnails)
            write.erase_documents(connection, index.number, [document.id], keep=kept)
            rows.put(connection, index.number, [row], change=next_change(connection, index.number))

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        with self._session.writing() as connection:
            index = self._find_to_write(connection, name, None)
            for number in indexes.copies_of(connection, name, index.number):
                write.erase_documents(connection, number, ids)
            return write.erase_documents(connection, index.number, ids)

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: IndexSpec | None = None
    ) -> list[Document | None]:
        with self._session.reading() as connection:
            index = _find(connection, name, expected)
            found = rows.whole_documents(
                connection,
                "index_id = ? AND id IN (SELECT value FROM json_each(?))",
                (index.number, json.dumps(list(ids))),
                vectors=vectors,
                dims=index.spec.dims,
            )
        by_id = {document.id: document for document in found}
        return [by_id.get(id_) for id_ in ids]

    def scan(
        self,
        name: str,
        restriction: Restriction,
        *,
        after: str | None = None,
        vectors: bool = False,
        expected: IndexSpec | None = None,
    ) -> Iterator[Document]:
        with self._session.reading() as connection:
            _find(connection, name, expected)
        return self._scanned(name, restriction, after=after, vectors=vectors, expected=expected)

    def _scanned(
        self, name: str, restriction: Restriction, *, after: str | None, vectors: bool, expected: IndexSpec | None
    ) -> Iterator[Document]:
        behind = after or ""
        while True:
            with self._session.reading() as connection:
                index = _find(connection, name, expected)
                passing = filters.condition(connection, index.number, restriction)
                page = rows.whole_documents(
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
        with self._session.reading() as connection:
            index = find_index(connection, name)
            passing = filters.condition(connection, index.number, restriction)
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
        expected: IndexSpec | None = None,
    ) -> list[Nearest]:
        with self._session.reading() as connection:
            index = _find(connection, name, expected)
            matrix = self._matrices.up_to_date(connection, index)
            return search.nearest(
                connection, index, matrix, queries, k=k, restriction=restriction, min_similarity=min_similarity
            )

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        with self._session.reading() as connection:
            number = find_index(connection, name).number
            return [rows.thumbnail(connection, number, *photo) for photo in photos]

    def close(self) -> None:
        self._session.close(before=_tidy)

    def _find_to_write(self, connection: sqlite3.Connection, name: str, expected: IndexSpec | None) -> IndexRow:
        index = _find(connection, name, expected)
        if index.number == self._given_up:
            raise StoreUnavailable(f"index {name!r} is being rebuilt by this very thread; write afterwards")
        return index


def _find(connection: sqlite3.Connection, name: str, expected: IndexSpec | None) -> IndexRow:
    index = find_index(connection, name)
    index.spec.check_is(expected, name=name)
    return index


def _tidy(connection: sqlite3.Connection) -> None:
    if needs_compacting(connection):
        connection.execute("BEGIN IMMEDIATE")
        compact(connection)
        connection.execute("COMMIT")
