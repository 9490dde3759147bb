"""Chunks of documents, written in one transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence

from petfinder.domain.errors import PetfinderError
from petfinder.stores.documents import Document, Outcome, WriteMode, in_chunks
from petfinder.stores.sqlite import rows
from petfinder.stores.sqlite.indexes import IndexRow
from petfinder.stores.sqlite.rows import Row
from petfinder.stores.sqlite.schema import next_change, raise_counter


def prepared(documents: Iterable[Document], *, dims: int) -> Iterator[list[Row | Outcome]]:
    """Cut a stream into chunks; in them each document taken apart, or the outcome "failed" where it cannot be."""
    for chunk in in_chunks(documents):
        yield [_row_or_failed(document, dims) for document in chunk]


def _row_or_failed(document: Document, dims: int) -> Row | Outcome:
    try:
        return rows.to_row(document, dims=dims)
    except PetfinderError as error:
        return Outcome(document.id, "failed", error)


def write_chunk(
    connection: sqlite3.Connection, index: IndexRow, chunk: Sequence[Row | Outcome], *, mode: WriteMode
) -> list[Outcome]:
    """Store a chunk inside the caller's transaction; the outcomes hold once that is committed."""
    ids = [row.document.id for row in chunk if isinstance(row, Row)]
    there = rows.numbers_of(connection, index.number, ids)
    outcomes: list[Outcome] = []
    chosen: dict[str, Row] = {}  # by id: the first (create) or the last (index)
    for row in chunk:
        if isinstance(row, Outcome):
            outcomes.append(row)
            continue
        id_ = row.document.id
        known = id_ in there or id_ in chosen
        if not known or mode == "index":
            chosen[id_] = row
        outcomes.append(Outcome(id_, "added" if not known else "exists" if mode == "create" else "replaced"))
    if chosen:
        erase_documents(connection, index.number, [id_ for id_ in chosen if id_ in there])
        rows.put(connection, index.number, list(chosen.values()), change=next_change(connection, index.number))
    return outcomes


def empty_index(connection: sqlite3.Connection, number: int) -> None:
    """Erase all documents and thumbnails of an index."""
    which = (number,)
    for table in ("terms", "dates", "places"):
        connection.execute(f"DELETE FROM {table} WHERE index_id = ?", which)
    emptied = connection.execute(
        "UPDATE documents SET index_id = 0, id = NULL, photos = 0, portrait = 0, pending = 0, size = 0,"
        " photo_ids = NULL, body = NULL, owner = NULL, checks = NULL, vectors = NULL"
        " WHERE index_id = ? AND id IS NOT NULL",
        which,
    )
    raise_counter(connection, "documents", emptied.rowcount)
    empty_of_thumbnails(connection, number)


def empty_of_thumbnails(connection: sqlite3.Connection, number: int) -> None:
    """Erase all thumbnails of an index."""
    which = (number,)
    emptied = connection.execute(
        "UPDATE thumbnails SET data = NULL WHERE thumbnail IN (SELECT thumbnail FROM thumbnail_of WHERE index_id = ?)",
        which,
    )
    raise_counter(connection, "thumbnails", emptied.rowcount)
    connection.execute("DELETE FROM thumbnail_of WHERE index_id = ?", which)


def erase_documents(
    connection: sqlite3.Connection, number: int, ids: Collection[str], *, keep: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Erase documents and their thumbnails, except those of the photos in `keep`; returns the ids that were there."""
    there = rows.numbers_of(connection, number, ids)
    if there:
        rows.erase(connection, number, list(there.values()), change=next_change(connection, number))
        rows.erase_thumbnails(connection, number, there, keep=keep)
    return frozenset(there)
