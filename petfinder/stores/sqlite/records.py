"""Records as rows of their table and back: put once, read in the order of their keys, erased with their pets."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from petfinder.stores.documents import Record, record_as_json
from petfinder.stores.sqlite.schema import has_records, raise_counter

_WIDE = 2**40  # added to the number of an index, so that no row grows, and has to be moved, when it goes to another


def put(connection: sqlite3.Connection, index_id: int, record: Record) -> bool:
    """Store a record unless there is one of its key; whether it was stored. Raises InvalidPet."""
    row = (index_id + _WIDE, record.key, json.dumps(record.pets), record_as_json(record))
    sql = "INSERT OR IGNORE INTO records (index_id, key, pets, body) VALUES (?, ?, ?, ?)"
    return bool(connection.execute(sql, row).rowcount)


def read(connection: sqlite3.Connection, index_id: int, where: str, *values: str) -> list[Record]:
    """Return the records of an index that the SQL after AND picks; none where the file has no table of them yet."""
    if not has_records(connection):
        return []
    sql = f"SELECT key, body, pets FROM records WHERE index_id = ? AND {where}"
    rows = connection.execute(sql, (index_id + _WIDE, *values)).fetchall()
    return [Record(key, json.loads(body), tuple(json.loads(pets))) for key, body, pets in rows]


def move(connection: sqlite3.Connection, index_id: int, to: int) -> None:
    """Give the records of an index to another."""
    sql = "UPDATE OR IGNORE records SET index_id = ? WHERE index_id = ? AND key IS NOT NULL"
    connection.execute(sql, (to + _WIDE, index_id + _WIDE))


def erase(connection: sqlite3.Connection, index_id: int, pets: Collection[str] | None = None) -> None:
    """Erase the records of an index that are about one of these pets (None: all): their rows stay as husks."""
    about = "EXISTS (SELECT 1 FROM json_each(pets) WHERE value IN (SELECT value FROM json_each(?)))"
    where = f"index_id = ? AND key IS NOT NULL AND (? IS NULL OR {about})"
    wanted = None if pets is None else json.dumps(list(pets))
    emptied = connection.execute(
        f"UPDATE records SET key = NULL, pets = NULL, body = NULL WHERE {where}", (index_id + _WIDE, wanted, wanted)
    )
    for name in ("records", "keys") if emptied.rowcount else ():
        raise_counter(connection, name, emptied.rowcount)
