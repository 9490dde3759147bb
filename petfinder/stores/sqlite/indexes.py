"""The table of indexes: their names, and what each remembers of itself."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, Literal

from petfinder.domain.errors import IndexExists, IndexNotFound
from petfinder.stores.documents import Expected, IndexSettings, IndexSpec, IndexStats


@dataclass(frozen=True)
class IndexRow:
    """One index: its number, which is never used again, its spec, and the last change that it saw."""

    number: int
    spec: IndexSpec
    change: int


def all_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all indexes, sorted, without those that are being rebuilt."""
    return [row[0] for row in connection.execute("SELECT name FROM indexes WHERE name NOT GLOB '.*' ORDER BY name")]


def numbers_in_use(connection: sqlite3.Connection) -> set[int]:
    """Return the numbers of all indexes but those that are only kept from before a rebuild."""
    rows = connection.execute("SELECT index_id FROM indexes WHERE json_extract(spec, '$.kept_for') IS NULL")
    return {row[0] for row in rows}


def target_of(name: str) -> str:
    """Return the name under which the successor of an index is filled: no index of users has it."""
    return f".{name}"


def find_index(connection: sqlite3.Connection, name: str, expected: Expected = None) -> IndexRow:
    """Return the index of this name; raises IndexNotFound, IndexMismatch for one not expected or of a later schema."""
    row = connection.execute("SELECT index_id, spec, change FROM indexes WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise IndexNotFound(f"there is no index {name!r} in this registry; the list of indexes shows which there are")
    index = IndexRow(number=row[0], spec=IndexSpec.remembered(name, json.loads(row[1])), change=row[2])
    index.spec.check_is(expected, name=name)
    return index


def is_there(connection: sqlite3.Connection, name: str) -> bool:
    """Tell whether there is an index of this name."""
    return connection.execute("SELECT 1 FROM indexes WHERE name = ?", (name,)).fetchone() is not None


def add_index(connection: sqlite3.Connection, name: str, spec: IndexSpec) -> None:
    """Make an empty index; raises IndexExists, InvalidQuery."""
    refuse_taken(connection, name)
    IndexSettings(**spec.settings)
    values = (name, json.dumps(asdict(spec), sort_keys=True))
    connection.execute("INSERT INTO indexes (name, spec, change) VALUES (?, ?, 0)", values)


def refuse_taken(connection: sqlite3.Connection, name: str) -> None:
    """Raise IndexExists if there is an index of this name."""
    if is_there(connection, name):
        raise IndexExists(f"there is an index {name!r} already; delete or rename it first, or choose another name")


def remember(connection: sqlite3.Connection, number: int, key: Literal["thresholds", "kept_for"], value: Any) -> None:
    """Keep other thresholds of an index, or the number of its successor for which it is kept after a rebuild."""
    statement = "UPDATE indexes SET spec = json_set(spec, ?, json(?)) WHERE index_id = ?"
    connection.execute(statement, (f"$.{key}", json.dumps(value), number))


def copies_of(connection: sqlite3.Connection, name: str, number: int) -> list[int]:
    """Return the numbers of the indexes that hold this one's pets too: its unfinished successor and those kept."""
    rows = connection.execute(
        "WITH RECURSIVE kept(number) AS (SELECT index_id FROM indexes WHERE json_extract(spec, '$.kept_for') = ? UNION"
        " SELECT index_id FROM indexes JOIN kept ON json_extract(spec, '$.kept_for') = kept.number)"
        " SELECT number FROM kept UNION SELECT index_id FROM indexes WHERE name = ?",
        (number, target_of(name)),
    )
    return [row[0] for row in rows.fetchall()]


def name_index(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Give an index a name that is free."""
    connection.execute("UPDATE indexes SET name = ? WHERE index_id = ?", (name, number))


def stats_of(connection: sqlite3.Connection, index: IndexRow) -> IndexStats:
    """Return counts of an index, and the bytes of its texts, vectors and thumbnails."""
    which = (index.number,)
    pets = connection.execute("SELECT count(*) FROM documents WHERE index_id = ? AND id IS NOT NULL", which).fetchone()
    photos, pending, size = connection.execute(
        "SELECT total(photos), total(pending), total(size) FROM documents WHERE index_id = ?", which
    ).fetchone()
    pictures = connection.execute("SELECT total(size) FROM thumbnail_of WHERE index_id = ?", which).fetchone()
    return IndexStats(pets[0], int(photos), int(pending), size_bytes=int(size + pictures[0]))
