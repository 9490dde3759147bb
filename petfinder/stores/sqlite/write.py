"""Chunks of documents, written in one transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from petfinder.domain.errors import PetfinderError
from petfinder.stores.documents import Document, Outcome, WriteMode
from petfinder.stores.sqlite import rows
from petfinder.stores.sqlite.indexes import IndexRow
from petfinder.stores.sqlite.rows import Row
from petfinder.stores.sqlite.schema import next_change, raise_counter


def row_or_failed(document: Document, *, dims: int) -> Row | Outcome:
    """Take a document apart, or return the outcome "failed" where it cannot be."""
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
    for table in ("terms", "dates", "places"):
        connection.execute(f"DELETE FROM {table} WHERE index_id = ?", (number,))
    husks = f"UPDATE documents SET index_id = 0, {rows.HUSK} WHERE index_id = ? AND id IS NOT NULL"
    raise_counter(connection, "documents", connection.execute(husks, (number,)).rowcount)
    rows.erase_thumbnails(connection, number)


def erase_documents(
    connection: sqlite3.Connection, number: int, ids: Collection[str], *, keep: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Erase documents and their thumbnails, except those of the photos in `keep`; returns the ids that were there."""
    there = rows.numbers_of(connection, number, ids)
    if there:
        rows.erase(connection, number, list(there.values()), change=next_change(connection, number))
        rows.erase_thumbnails(connection, number, there, keep=keep)
    return frozenset(there)
