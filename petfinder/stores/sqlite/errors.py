"""What SQLite says, in petfinder's words: every sqlite3 exception becomes a StoreUnavailable that says what to do.

No message repeats SQL or values, so none can carry an owner's contact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from petfinder.domain.errors import StoreUnavailable

_DAMAGED = "is damaged or no petfinder registry; put a copy of it back"
_NOT_WRITABLE = "may only be read here; change its rights and those of its folder, or copy it elsewhere"
# By SQLite's primary result code (https://www.sqlite.org/rescode.html).
_ADVICE = {
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: "is held by another process that is writing; try again when it has finished",
    sqlite3.SQLITE_LOCKED: "is held by another step of this process; finish that first",
    sqlite3.SQLITE_NOMEM: "needs more memory than there is; free some and try again",
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_IOERR: "cannot be read or written: is the disk full, a limit reached, or the drive gone?",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "has no room: the disk is full; free some space and try again",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that it is there and that you may read it and its folder",
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_AUTH: _NOT_WRITABLE,
    sqlite3.SQLITE_TOOBIG: "cannot hold a value this large; make the picture or text smaller",
}


@contextmanager
def typed_errors(location: str) -> Iterator[None]:
    """Raise what sqlite3 raises inside, about the registry at `location`, as StoreUnavailable, with its cause."""
    try:
        yield
    except sqlite3.Error as error:
        advice = _ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "could not do what was asked")
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise StoreUnavailable(f"the registry {location} {advice} ({name})") from error
