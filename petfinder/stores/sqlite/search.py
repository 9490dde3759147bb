"""The nearest documents: the matrix brought up to date, the restriction put to it, and the hits fetched."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from petfinder.stores.documents import Document, Hit, Nearest, Query
from petfinder.stores.sqlite.filters import documents_named, numbers, passing
from petfinder.stores.sqlite.indexes import IndexRow, numbers_in_use
from petfinder.stores.sqlite.matrix import Change, Near, VectorMatrix
from petfinder.stores.sqlite.rows import found_documents
from petfinder.stores.sqlite.schema import counter

_DOCUMENTS_AT_ONCE = 1024
_MOST_WASTE = 0.5
_NONE = np.zeros(0, dtype=np.int64)


class Matrices:
    """The vectors of the indexes that were searched, each kept in step with its index's change counter."""

    def __init__(self) -> None:
        self._by_index: dict[int, VectorMatrix] = {}
        self._compactions = 0

    def up_to_date(self, connection: sqlite3.Connection, index: IndexRow) -> VectorMatrix:
        """Return the matrix of an index; reads what changed since the last search, all of it the first time."""
        matrix = self._by_index.get(index.number)
        if matrix is not None and matrix.change == index.change:
            return matrix
        compactions = counter(connection, "compacted")
        if compactions != self._compactions:
            self._by_index, self._compactions, matrix = {}, compactions, None
        if matrix is None or matrix.wasted > _MOST_WASTE:
            there = numbers_in_use(connection) - {index.number}
            self._by_index = {number: other for number, other in self._by_index.items() if number in there}
            matrix = None  # before the next one takes its room
            matrix = VectorMatrix(index.spec.dims)
            self._by_index[index.number] = matrix
        changed, since = "FROM documents WHERE index_id = ? AND change > ?", (index.number, matrix.change)
        [rows] = connection.execute(f"SELECT total(photos) + total(portrait) {changed}", since).fetchone()
        found = connection.execute(f"SELECT doc, photos, portrait, vectors {changed} ORDER BY change, doc", since)
        chunks = iter(lambda: [Change(*row) for row in found.fetchmany(_DOCUMENTS_AT_ONCE)], [])
        matrix.apply(chunks, rows=int(rows), change=index.change)
        return matrix


def nearest(connection: sqlite3.Connection, index: IndexRow, matrix: VectorMatrix, query: Query) -> list[Nearest]:
    """Find the nearest documents, for each of the query's vectors; equal ones in the order of their ids."""
    exclude = query.restriction.exclude
    without = numbers(connection, documents_named(index.number, exclude)) if exclude else _NONE
    slots = matrix.chosen(passing(connection, index.number, query.restriction), without=without)
    searched, photos = matrix.counts(slots)
    rows = np.ascontiguousarray(query.vectors, dtype=np.float32)
    found_by = matrix.nearest(rows, slots, k=query.k, min_similarity=query.min_similarity)
    near = [_in_order(connection, found)[: query.k] for found in found_by]
    documents = found_documents(connection, sorted({one.doc for found in near for one in found}))
    return [Nearest(tuple(_hit(one, documents[one.doc]) for one in found), searched, photos) for found in near]


def _hit(one: Near, document: Document) -> Hit:
    return Hit(document, "" if one.photo is None else document.photo_ids[one.photo], one.similarity)


def _in_order(connection: sqlite3.Connection, near: list[Near]) -> list[Near]:
    similarities = [one.similarity for one in near]
    if len(set(similarities)) == len(near):
        return near
    rows = connection.execute(
        "SELECT doc, id FROM documents WHERE doc IN (SELECT value FROM json_each(?))",
        (json.dumps([one.doc for one in near]),),
    )
    ids = dict(rows.fetchall())
    return sorted(near, key=lambda one: (-one.similarity, ids[one.doc]))
