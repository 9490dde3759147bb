"""Opening a registry: a file that is petfinder's, a new one, or memory. Whatever else is there stays untouched."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from petfinder.domain.errors import IndexMismatch, IndexNotFound, StoreUnavailable
from petfinder.stores.documents import SCHEMA
from petfinder.stores.sqlite.errors import typed_errors
from petfinder.stores.sqlite.schema import APPLICATION_ID, PAGE_BYTES, make_tables

_MAGIC = b"SQLite format 3\0"  # the first bytes of a file, https://www.sqlite.org/fileformat2.html#the_database_header
_SETTINGS = (
    f"page_size = {PAGE_BYTES}",
    "secure_delete = ON",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "cache_size = -16000",  # kB
    "wal_autocheckpoint = 2000",  # pages: 32 MB between two checkpoints
)


@dataclass(frozen=True)
class FrozenFile:
    """A file in a folder where this user can make none: SQLite cannot follow there what others write."""

    path: Path
    state: tuple[int, int]

    def check(self) -> None:
        """Raise StoreUnavailable if the file has changed since it was opened."""
        if _state(self.path) != self.state:
            raise StoreUnavailable(f"the registry {self.path} was changed by somebody else; connect to it again")


def open_memory() -> sqlite3.Connection:
    """A registry that lives as long as the connection."""
    connection = _connected("file::memory:", wait=0.0)
    make_tables(connection)
    return connection


def open_file(path: Path, *, create: bool, wait: float) -> tuple[sqlite3.Connection, FrozenFile | None]:
    """Open the registry in a file, made if missing and `create`; `wait`: seconds for other processes' writes.

    A FrozenFile comes with it where SQLite takes the file for one that nobody changes. Raises IndexNotFound (missing,
    without `create`), IndexMismatch (of a newer petfinder), StoreUnavailable (no registry, or it cannot be opened).
    """
    try:
        new = _is_new(path)
    except OSError as error:
        raise StoreUnavailable(f"the registry {path} cannot be read: {error.strerror}") from error
    if new and not create:
        raise IndexNotFound(f"there is no registry {path}; check the path, or register a pet to make it")
    if new and not path.absolute().parent.is_dir():
        raise StoreUnavailable(f"the folder of {path} does not exist; make it first")
    uri = path.absolute().as_uri()
    with typed_errors(str(path)):
        try:
            connection = _connected(f"{uri}?mode={'rwc' if new else 'rw'}", wait=wait)
        except sqlite3.OperationalError:
            # In a folder where no file can be made, SQLite reads such a file only as one that never changes.
            log = path.with_name(f"{path.name}-wal")
            if new or os.access(path.absolute().parent, os.W_OK) or (log.exists() and log.stat().st_size):
                raise
            frozen = FrozenFile(path, _state(path))
            return _connected(f"{uri}?mode=ro&immutable=1", wait=wait), frozen
        try:
            if not _signed(connection):
                connection.execute("BEGIN IMMEDIATE")
                if not _signed(connection):  # another process may have been faster
                    make_tables(connection)
                connection.execute("COMMIT")
            _check_schema(path, connection.execute("PRAGMA user_version").fetchone()[0])
            _log_ahead(connection, wait=wait)
        except BaseException:
            connection.close()
            raise
        return connection, None


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
        raise IndexMismatch(f"{path} is of a newer petfinder (schema {schema}, not {SCHEMA}); update petfinder")


def _connected(uri: str, *, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        _signed(connection)  # the first that must read the file
    except BaseException:
        connection.close()
        raise
    return connection


def _signed(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


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
