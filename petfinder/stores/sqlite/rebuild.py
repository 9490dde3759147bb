"""An index that takes the place of another: begun beside it, filled while that is used, and put in its place."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from petfinder.domain.errors import IndexNotFound
from petfinder.stores.documents import IndexSpec
from petfinder.stores.sqlite import indexes, rows
from petfinder.stores.sqlite.indexes import IndexRow, find_index, is_there, target_of
from petfinder.stores.sqlite.rows import erase_thumbnails
from petfinder.stores.sqlite.write import empty_index


def begin(connection: sqlite3.Connection, name: str, spec: IndexSpec) -> str:
    """Return the name of the unfinished successor of an index, made anew unless there is one of this spec."""
    find_index(connection, name)
    target, spec = target_of(name), replace(spec, thresholds=None)
    if is_there(connection, target):
        if find_index(connection, target).spec == spec:
            return target
        _erase(connection, target)
    indexes.add_index(connection, target, spec)
    return target


def delete(connection: sqlite3.Connection, name: str) -> None:
    """Erase an index, and its unfinished successor with it."""
    find_index(connection, name)
    for one in (target_of(name), name):
        if is_there(connection, one):
            _erase(connection, one)


def _erase(connection: sqlite3.Connection, name: str) -> None:
    number = find_index(connection, name).number
    empty_index(connection, number)
    rows.erase_records(connection, number)
    connection.execute("DELETE FROM indexes WHERE index_id = ?", (number,))


def rename(connection: sqlite3.Connection, name: str, new_name: str) -> None:
    """Give an index another name, and its unfinished successor with it."""
    index = find_index(connection, name)
    indexes.refuse_taken(connection, new_name)
    if is_there(connection, target_of(name)):
        indexes.name_index(connection, find_index(connection, target_of(name)).number, target_of(new_name))
    indexes.name_index(connection, index.number, new_name)


def old_and_new(connection: sqlite3.Connection, name: str, target: str) -> tuple[IndexRow, IndexRow]:
    """Return an index and its unfinished successor; raises IndexNotFound where `target` is not that."""
    old = find_index(connection, name)
    if target != target_of(name):
        raise IndexNotFound(f"{target!r} is no unfinished rebuild of index {name!r}; begin one")
    return old, find_index(connection, target)


def swap(connection: sqlite3.Connection, name: str, target: str) -> str:
    """Put the successor in the place of an index, thumbnails and records with it; returns the old one's name now."""
    old, new = old_and_new(connection, name, target)
    # Thumbnails go to the successor where it has those photos of the same pets; all others are erased.
    connection.execute(
        "UPDATE OR IGNORE thumbnail_of SET index_id = ? WHERE index_id = ? AND EXISTS"
        " (SELECT 1 FROM documents WHERE documents.index_id = ? AND documents.id = thumbnail_of.id"
        " AND thumbnail_of.photo_id IN (SELECT value FROM json_each(documents.photo_ids)"
        " UNION ALL SELECT value FROM json_each(documents.checks, '$.terms.photo')))",
        (new.number, old.number, new.number),
    )
    erase_thumbnails(connection, old.number)
    places = (new.number + rows.WIDE, old.number + rows.WIDE)
    connection.execute("UPDATE OR IGNORE records SET index_id = ? WHERE index_id = ?", places)
    same_encoder = old.spec.difference(new.spec) is None
    indexes.remember(connection, new.number, "thresholds", old.spec.thresholds if same_encoder else None)
    indexes.remember(connection, old.number, "kept_for", new.number)
    counted = 1
    while is_there(connection, kept := f"{name}-{counted:06d}"):
        counted += 1
    indexes.name_index(connection, old.number, kept)
    indexes.name_index(connection, new.number, name)
    return kept
