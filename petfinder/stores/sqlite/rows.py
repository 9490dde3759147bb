"""Documents and records as rows of the registry's tables and back; how they are put in and how they are erased."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from petfinder.domain.errors import InvalidPet
from petfinder.domain.vectors import Matrix, Vector
from petfinder.stores.documents import Document, Record, as_json, private_from, record_as_json, storable, storable_rows
from petfinder.stores.sqlite.schema import has_records, raise_counter, term_key

COLUMNS = "doc, id, change, photos, portrait, pending, photo_ids, body"
_PRIVATE_COLUMNS = f"{COLUMNS}, checks, owner"
WIDE = 2**40  # added to the numbers of indexes in records, so that no row grows, and has to move, with its index
HUSK = (
    "id = NULL, photos = 0, portrait = 0, pending = 0, size = 0, photo_ids = NULL, body = NULL, owner = NULL,"
    " checks = NULL, vectors = NULL"
)
"""What SQL sets in the row of a document that is erased."""
MOST_BYTES = 500_000_000  # half of what SQLite lets a row hold (SQLITE_MAX_LENGTH)


@dataclass(frozen=True, repr=False, slots=True)
class Row:
    """A document taken apart, ready to be stored.

    Its photo_ids, body, `private` (in the column `owner`) and checks as JSON, and its vectors.
    """

    document: Document
    stored: tuple[str | bytes | None, ...]
    size: int
    """About the bytes that it takes, thumbnails left aside."""


def to_row(document: Document, *, dims: int) -> Row:
    """Take a document apart; raises InvalidPet or InvalidEmbedding if it cannot be stored as it is."""
    vectors = storable_rows(document, dims=dims)
    with storable(document):
        private = None if document.private is None else as_json(dict(document.private))
        checks = {
            "terms": dict(document.terms),
            "dates": [int(date) for date in document.dates],
            "places": [(float(lat), float(lon)) for lat, lon in document.places],
            **({"made_from": document.made_from} if document.made_from else {}),
        }
        texts = (as_json(document.photo_ids), as_json(dict(document.body)), private, as_json(checks))
    stored = (*texts, None if vectors is None else vectors.tobytes())
    size = sum(len(part) for part in stored if part)
    if max(size * 4, *map(len, document.thumbnails.values()), 0) > MOST_BYTES:
        raise InvalidPet(f"{document.id!r} cannot be stored: it is larger than {MOST_BYTES // 10**6} MB")
    return Row(document, stored, size)


def put(connection: sqlite3.Connection, index_id: int, rows: Sequence[Row], *, change: int) -> None:
    """Store new documents, which must not be there, with the thumbnails that they bring."""
    first = (connection.execute("SELECT max(doc) FROM documents").fetchone()[0] or 0) + 1
    numbered = list(enumerate(rows, start=first))
    connection.executemany(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(doc, index_id, row.document.id, change, len(row.document.photo_ids)),
                *(row.document.portrait is not None, row.document.pending, row.size),
                *row.stored,
            )
            for doc, row in numbered
        ),
    )
    for table, keys_of in _KEYS_OF.items():
        keys = ((index_id, *key, doc) for doc, row in numbered for key in keys_of(row.document))
        places = "?, ?, ?, ?" if table == "places" else "?, ?, ?"
        connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", keys)
    _put_thumbnails(connection, index_id, [row.document for row in rows])


def _put_thumbnails(connection: sqlite3.Connection, index_id: int, documents: Iterable[Document]) -> None:
    new = [(d.id, photo_id, data) for d in documents for photo_id, data in d.thumbnails.items()]
    if not new:
        return
    first = (connection.execute("SELECT max(thumbnail) FROM thumbnails").fetchone()[0] or 0) + 1
    connection.executemany(
        "INSERT INTO thumbnails VALUES (?, ?)", ((first + i, data) for i, (_, _, data) in enumerate(new))
    )
    connection.executemany(
        "INSERT INTO thumbnail_of VALUES (?, ?, ?, ?, ?)",
        ((index_id, id_, photo_id, first + i, len(data)) for i, (id_, photo_id, data) in enumerate(new)),
    )


_KEYS_OF: dict[str, Callable[[Document], Iterable[tuple[float, ...]]]] = {
    "terms": lambda one: ((term_key(field, value),) for field, values in one.terms.items() for value in values),
    "dates": lambda one: zip(one.dates),
    "places": lambda one: one.places,
}
"""What the rows of the three tables of checks hold of a document, one by one: kept as lists they cost much time."""


def numbers_of(connection: sqlite3.Connection, index_id: int, ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of those of these documents that are there, by id."""
    found = connection.execute(
        "SELECT id, doc FROM documents WHERE index_id = ? AND id IN (SELECT value FROM json_each(?))",
        (index_id, json.dumps(list(ids))),
    )
    return dict(found.fetchall())


def erase(connection: sqlite3.Connection, index_id: int, numbers: Sequence[int], *, change: int) -> None:
    """Erase documents by number, except their thumbnails: their rows stay as husks that name the change."""
    stored = connection.execute(
        "SELECT doc, checks FROM documents WHERE doc IN (SELECT value FROM json_each(?))", (json.dumps(list(numbers)),)
    )
    checked = [(doc, Document("", {}, **_checks(text))) for doc, text in stored.fetchall()]
    conditions = {"terms": "term = ?", "dates": "at = ?", "places": "lat = ? AND lon = ?"}
    for table, condition in conditions.items():
        connection.executemany(
            f"DELETE FROM {table} WHERE index_id = ? AND {condition} AND doc = ?",
            ((index_id, *key, doc) for doc, one in checked for key in _KEYS_OF[table](one)),
        )
    husks = f"UPDATE documents SET change = ?, {HUSK} WHERE doc = ?"
    connection.executemany(husks, ((change, doc) for doc in numbers))
    raise_counter(connection, "documents", len(numbers))


def erase_thumbnails(
    connection: sqlite3.Connection, index_id: int, ids: Iterable[str] | None = None, *, keep: Iterable[str] = ()
) -> None:
    """Erase the thumbnails of documents by id (None: all of an index), except those of the photos in `keep`."""
    values: list[object] = [index_id]
    where = "index_id = ?"
    if ids is not None:
        where += " AND id IN (SELECT value FROM json_each(?)) AND photo_id NOT IN (SELECT value FROM json_each(?))"
        values += [json.dumps(list(ids)), json.dumps(list(keep))]
    which = f"thumbnail IN (SELECT thumbnail FROM thumbnail_of WHERE {where})"
    emptied = connection.execute(f"UPDATE thumbnails SET data = NULL WHERE {which}", values)
    connection.execute(f"DELETE FROM thumbnail_of WHERE {where}", values)
    raise_counter(connection, "thumbnails", emptied.rowcount)


def thumbnail(connection: sqlite3.Connection, index_id: int, id_: str, photo_id: str) -> bytes | None:
    """Return the thumbnail of one photo of a document; None where there is none."""
    row = connection.execute(
        "SELECT data FROM thumbnail_of JOIN thumbnails USING (thumbnail)"
        " WHERE index_id = ? AND id = ? AND photo_id = ?",
        (index_id, id_, photo_id),
    ).fetchone()
    return None if row is None else bytes(row[0])


def put_record(connection: sqlite3.Connection, index_id: int, record: Record) -> bool:
    """Store a record unless there is one of its key; whether it was stored. Raises InvalidPet."""
    row = (index_id + WIDE, record.key, json.dumps(record.pets), record_as_json(record))
    sql = "INSERT OR IGNORE INTO records (index_id, key, pets, body) VALUES (?, ?, ?, ?)"
    return bool(connection.execute(sql, row).rowcount)


def records(connection: sqlite3.Connection, index_id: int, where: str, *values: str) -> list[Record]:
    """Return the records of an index that the SQL after AND picks, in its order."""
    if not has_records(connection):
        return []
    sql = f"SELECT key, body, pets FROM records WHERE index_id = ? AND {where}"
    found = connection.execute(sql, (index_id + WIDE, *values)).fetchall()
    return [Record(key, json.loads(body), tuple(json.loads(pets))) for key, body, pets in found]


def erase_records(connection: sqlite3.Connection, index_id: int, pets: Collection[str] | None = None) -> None:
    """Erase the records of an index that are about one of these pets (None: all): their rows stay as husks."""
    sql = (
        "UPDATE records SET key = NULL, pets = NULL, body = NULL WHERE index_id = ?1 AND key IS NOT NULL AND"
        " (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(pets) WHERE value IN (SELECT value FROM json_each(?2))))"
    )
    emptied = connection.execute(sql, (index_id + WIDE, None if pets is None else json.dumps(list(pets)))).rowcount
    for name in ("records", "keys") if emptied else ():
        raise_counter(connection, name, emptied)


def _checks(text: str) -> dict[str, Any]:
    """What restrictions check of a document, and what it was made from, as the fields of a Document."""
    stored = json.loads(text)
    return {
        "terms": {field: tuple(values) for field, values in stored["terms"].items()},
        "dates": tuple(stored["dates"]),
        "places": tuple((lat, lon) for lat, lon in stored["places"]),
        "made_from": stored.get("made_from", 0),
    }


def found_documents(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, Document]:
    """Return documents as searches may give them, by number: without `private`, terms (they name it) and vectors."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM documents WHERE doc IN (SELECT value FROM json_each(?))", (json.dumps(list(numbers)),)
    )
    return {row[0]: _document(row) for row in rows.fetchall()}


def whole_documents(
    connection: sqlite3.Connection, where: str, parameters: Sequence[object], *, vectors: bool, dims: int
) -> list[Document]:
    """Return the documents, with `private`, that the SQL after WHERE picks, in its order; on request with vectors."""
    columns = f"{_PRIVATE_COLUMNS}, {'vectors' if vectors else 'NULL'}"
    rows = connection.execute(f"SELECT {columns} FROM documents AS outside WHERE {where}", tuple(parameters)).fetchall()
    return [_document(row, dims=dims, with_vectors=vectors) for row in rows]


def versions(connection: sqlite3.Connection, index_id: int, *, after: str, limit: int) -> list[tuple[str, int, int]]:
    """Yield id, version and what it was made from, of documents behind an id, in the order of the ids."""
    rows = connection.execute(
        "SELECT id, change, coalesce(json_extract(checks, '$.made_from'), 0) FROM documents"
        " WHERE index_id = ? AND id > ? ORDER BY id LIMIT ?",
        (index_id, after, limit),
    )
    return rows.fetchall()


def _document(row: tuple[Any, ...], *, dims: int = 0, with_vectors: bool = False) -> Document:
    _, id_, change, photos, has_portrait, pending, photo_ids, body, *private = row
    checks, owner, data = private or (None, None, None)
    rows: Matrix = np.zeros((0, dims), dtype=np.float32)
    portrait: Vector | None = None
    if with_vectors and data:
        rows = np.frombuffer(data, dtype=np.float32).reshape(-1, dims)
        if has_portrait:
            portrait = rows[photos]
        rows = rows[:photos]
    return Document(
        id=id_,
        body=json.loads(body),
        private=None if owner is None else private_from(json.loads(owner)),
        photo_ids=tuple(json.loads(photo_ids)),
        vectors=rows,
        portrait=portrait,
        pending=pending,
        version=change,
        **(_checks(checks) if checks else {}),
    )
