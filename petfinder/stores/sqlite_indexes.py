"""The table of indexes: their names, and what each remembers of itself.

Knows IndexSpec and the tables; every function works inside its caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass

from petfinder.errors import IndexExists, IndexMismatch, IndexNotFound
from petfinder.stores.port import SCHEMA, IndexSpec, IndexStats


@dataclass(frozen=True)
class IndexRow:
    """One index: its number, which is never used again, its spec, and the last change that it saw."""

    number: int
    spec: IndexSpec
    change: int


def all_names(connection: sqlite3.Connection) -> list[str]:
    """The names of all indexes, sorted."""
    return [row[0] for row in connection.execute("SELECT name FROM indexes WHERE name IS NOT NULL ORDER BY name")]


def all_numbers(connection: sqlite3.Connection) -> set[int]:
    """The numbers of all indexes."""
    return {row[0] for row in connection.execute("SELECT index_id FROM indexes")}


def find_index(connection: sqlite3.Connection, name: str) -> IndexRow:
    """The index of this name; raises IndexNotFound, and IndexMismatch for a schema of later days."""
    row = connection.execute("SELECT index_id, spec, change FROM indexes WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise IndexNotFound(f"there is no index {name!r} in this registry; index_names() shows which there are")
    stored = json.loads(row[1])
    if stored["schema"] > SCHEMA:
        raise IndexMismatch(
            f"index {name!r} was made by a newer petfinder (schema {stored['schema']}); update petfinder"
        )
    return IndexRow(number=row[0], spec=IndexSpec(**stored), change=row[2])


def add_index(connection: sqlite3.Connection, name: str | None, spec: IndexSpec) -> IndexRow:
    """Make an empty index; without a name nobody sees it. Raises IndexExists."""
    if name is not None:
        refuse_taken(connection, name)
    row = connection.execute("INSERT INTO indexes (name, spec, change) VALUES (?, ?, 0)", (name, _as_json(spec)))
    return IndexRow(number=int(row.lastrowid or 0), spec=spec, change=0)


def refuse_taken(connection: sqlite3.Connection, name: str) -> None:
    """Raise IndexExists if there is an index of this name."""
    if connection.execute("SELECT 1 FROM indexes WHERE name = ?", (name,)).fetchone():
        raise IndexExists(f"there is an index {name!r} already; delete or rename it first, or choose another name")


def keep_spec(connection: sqlite3.Connection, number: int, spec: IndexSpec) -> None:
    """Remember another spec."""
    connection.execute("UPDATE indexes SET spec = ? WHERE index_id = ?", (_as_json(spec), number))


def name_index(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Give an index a name that is free."""
    connection.execute("UPDATE indexes SET name = ? WHERE index_id = ?", (name, number))


def drop_index(connection: sqlite3.Connection, number: int) -> None:
    """Forget an index whose documents are erased."""
    connection.execute("DELETE FROM indexes WHERE index_id = ?", (number,))


def stats_of(connection: sqlite3.Connection, index: IndexRow) -> IndexStats:
    """Counts of an index, and the bytes of its texts, vectors and thumbnails."""
    which = (index.number,)
    pets = connection.execute("SELECT count(*) FROM documents WHERE index_id = ? AND id IS NOT NULL", which).fetchone()
    photos, pending, size = connection.execute(
        "SELECT total(photos), total(pending), total(size) FROM documents WHERE index_id = ?", which
    ).fetchone()
    pictures = connection.execute("SELECT total(size) FROM thumbnail_of WHERE index_id = ?", which).fetchone()
    size += pictures[0]
    return IndexStats(pets=pets[0], photos=int(photos), pending=int(pending), size_bytes=int(size))


def _as_json(spec: IndexSpec) -> str:
    return json.dumps(asdict(spec))
