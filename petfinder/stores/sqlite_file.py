"""Opening a registry: a file that is petfinder's, a new one, or memory. Whatever else is there stays untouched.

Knows SQLite, the file system and the errors.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from petfinder.errors import IndexMismatch, IndexNotFound, StoreUnavailable
from petfinder.stores.port import SCHEMA
from petfinder.stores.sqlite_errors import typed_errors
from petfinder.stores.sqlite_schema import APPLICATION_ID, PAGE_BYTES, make_tables

_MAGIC = b"SQLite format 3\0"  # the first bytes of a file, https://www.sqlite.org/fileformat2.html#the_database_header
_WAL_PAGES = 2000  # 32 MB between two checkpoints


def open_memory() -> sqlite3.Connection:
    """A registry that lives as long as the connection."""
    connection = _connected("file::memory:", wait=0.0)
    connection.execute("BEGIN")
    make_tables(connection)
    connection.execute("COMMIT")
    return connection


def open_file(path: Path, *, create: bool, wait: float) -> sqlite3.Connection:
    """The registry in a file, made if it is missing and `create` says so; `wait`: seconds for other processes' writes.

    Raises IndexNotFound for a missing file without `create`, IndexMismatch for one of a newer petfinder, and
    StoreUnavailable for all that is no registry or cannot be opened.
    """
    try:
        new = _is_new(path)
    except OSError as error:
        raise StoreUnavailable(f"the registry {path} cannot be read: {error.strerror}") from error
    if new and not create:
        raise IndexNotFound(f"there is no registry {path}; check the path, or register a pet to make it")
    if new and not path.absolute().parent.is_dir():
        raise StoreUnavailable(f"the folder of {path} does not exist; make it first")
    with typed_errors(str(path)):
        connection = _connected(f"{path.absolute().as_uri()}?mode={'rwc' if new else 'rw'}", wait=wait)
        try:
            return _ready(connection, path, wait=wait)
        except BaseException:
            connection.close()
            raise


def _is_new(path: Path) -> bool:
    """Whether a registry has yet to be made there; looks at the file's header only, so that nothing is changed."""
    if path.is_dir():
        raise StoreUnavailable(f"{path} is a folder; name a file in it")
    if not path.exists():
        return True
    if not path.is_file():
        raise StoreUnavailable(f"{path} is no file that a registry could be kept in")
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        return True
    if header[:16] != _MAGIC or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreUnavailable(f"{path} is not a petfinder registry; it was left as it is, name another file")
    _check_schema(path, int.from_bytes(header[60:64], "big"))
    return False


def _check_schema(path: Path, schema: int) -> None:
    if schema > SCHEMA:
        raise IndexMismatch(
            f"{path} was written by a newer petfinder (schema {schema}, not {SCHEMA}); update petfinder"
        )


def _connected(uri: str, *, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
    return connection


def _ready(connection: sqlite3.Connection, path: Path, *, wait: float) -> sqlite3.Connection:
    try:
        signed = _signed(connection)
    except sqlite3.OperationalError:
        # In a folder where no file can be made, SQLite reads such a file only as one that never changes.
        if os.access(path.parent, os.W_OK) or _has_bytes(path.with_name(path.name + "-wal")):
            raise
        connection.close()
        return _connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1", wait=wait)
    if not signed:
        connection.execute("BEGIN IMMEDIATE")
        if not _signed(connection):  # another process may have been faster
            make_tables(connection)
        connection.execute("COMMIT")
    _check_schema(path, connection.execute("PRAGMA user_version").fetchone()[0])
    _log_ahead(connection, wait=wait)
    return connection


def _signed(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)


def _has_bytes(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _log_ahead(connection: sqlite3.Connection, *, wait: float) -> None:
    """Switch to write-ahead logging. The signature is in the file itself by then: `_is_new` reads it there."""
    deadline = time.monotonic() + wait
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_READONLY:
                return
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # SQLite does not wait by itself here
        else:
            return
