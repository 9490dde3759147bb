"""An index that takes the place of another: begun beside it, filled while that is used, and put in its place."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from petfinder.domain.errors import IndexNotFound
from petfinder.stores.documents import IndexSpec
from petfinder.stores.sqlite.indexes import (
    IndexRow,
    add_index,
    as_json,
    drop_index,
    find_index,
    is_there,
    keep_for,
    keep_thresholds,
    name_index,
    target_of,
)
from petfinder.stores.sqlite.write import empty_index, empty_of_thumbnails


def begin(connection: sqlite3.Connection, name: str, spec: IndexSpec) -> str:
    """The name of the unfinished successor of an index, made anew unless there is one of this spec."""
    find_index(connection, name)
    target = target_of(name)
    spec = replace(spec, thresholds=None)
    if is_there(connection, target) and as_json(find_index(connection, target).spec) != as_json(spec):
        drop_target(connection, name)
    if not is_there(connection, target):
        add_index(connection, target, spec)
    return target


def drop_target(connection: sqlite3.Connection, name: str) -> None:
    """Erase the unfinished successor of an index, if there is one."""
    if is_there(connection, target_of(name)):
        number = find_index(connection, target_of(name)).number
        empty_index(connection, number)
        drop_index(connection, number)


def rename(connection: sqlite3.Connection, name: str, number: int, new_name: str) -> None:
    """Give an index another name, and its unfinished successor with it."""
    if is_there(connection, target_of(name)):
        name_index(connection, find_index(connection, target_of(name)).number, target_of(new_name))
    name_index(connection, number, new_name)


def old_and_new(connection: sqlite3.Connection, name: str, target: str) -> tuple[IndexRow, IndexRow]:
    """An index and its unfinished successor; raises IndexNotFound where `target` is not that."""
    old = find_index(connection, name)
    if target != target_of(name):
        raise IndexNotFound(f"{target!r} is no unfinished rebuild of index {name!r}; begin one")
    return old, find_index(connection, target)


def swap(connection: sqlite3.Connection, name: str, target: str) -> str:
    """Put the successor in the place of an index, thumbnails with it; returns the name under which the old is kept."""
    old, new = old_and_new(connection, name, target)
    _hand_over_thumbnails(connection, old=old.number, new=new.number)
    same_encoder = old.spec.identity == new.spec.identity
    keep_thresholds(connection, new.number, old.spec.thresholds if same_encoder else None)
    kept = _free_name(connection, name)
    name_index(connection, old.number, kept)
    keep_for(connection, old.number, new.number)
    name_index(connection, new.number, name)
    return kept


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    number = 1
    while is_there(connection, f"{name}-{number:06d}"):
        number += 1
    return f"{name}-{number:06d}"


def _hand_over_thumbnails(connection: sqlite3.Connection, *, old: int, new: int) -> None:
    """Give an index's thumbnails to its successor where that has those photos of the same pets; erase the others."""
    connection.execute(
        "UPDATE OR IGNORE thumbnail_of SET index_id = ? WHERE index_id = ? AND EXISTS"
        " (SELECT 1 FROM documents WHERE documents.index_id = ? AND documents.id = thumbnail_of.id"
        " AND thumbnail_of.photo_id IN (SELECT value FROM json_each(documents.photo_ids)"
        " UNION ALL SELECT value FROM json_each(documents.checks, '$.terms.photo')))",
        (new, old, new),
    )
    empty_of_thumbnails(connection, old)
