"""One SQLite connection that threads share: who reads, who writes, and what happens when a step fails."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from petfinder.domain.errors import StoreUnavailable
from petfinder.stores.sqlite.errors import typed_errors
from petfinder.stores.sqlite.file import FrozenFile
from petfinder.stores.sqlite.schema import upgrade

Step = Callable[[], AbstractContextManager[sqlite3.Connection]]
_CLOSING_WAIT_MS = 1000


class Session:
    """A connection and its locks. Every error of sqlite3 comes out as StoreUnavailable, with nothing changed."""

    def __init__(self, connection: sqlite3.Connection, location: str, frozen: FrozenFile | None = None) -> None:
        self.location = location
        self._connection: sqlite3.Connection | None = connection
        self._frozen = frozen
        self._writer = threading.RLock()  # held for a whole write, and taken before the next one
        self._turn = threading.RLock()  # held for each step on the connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection; StoreUnavailable after `close`."""
        if self._connection is None:
            raise StoreUnavailable(f"the registry {self.location} is closed; connect to it again")
        return self._connection

    @contextmanager
    def _step(self) -> Iterator[sqlite3.Connection]:
        with self._turn, typed_errors(self.location):
            if self._frozen is not None:
                self._frozen.check()
            yield self.connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, whatever others write meanwhile."""
        with self._step() as connection:
            if connection.in_transaction:  # a long write of our own is on its way, and shows nothing before its end
                yield connection
                return
            try:
                connection.execute("BEGIN")  # Ctrl-C may come as soon as it is done
                yield connection
            finally:
                _undo(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is durable at the end, or none; or a part of the longer one of this thread."""
        with self._writer, self._step() as connection:
            if connection.in_transaction:
                with _part(connection):
                    yield connection
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                upgrade(connection)
                yield connection
                connection.execute("COMMIT")
            finally:
                _undo(connection)

    @contextmanager
    def writing_in_steps(self) -> Iterator[Step]:
        """One transaction in several steps, the last of which is to commit it.

        Between them our own threads may read, and this one may write: that becomes a part of it.
        """
        with self._writer:
            with self._step() as connection:
                if connection.in_transaction:
                    raise StoreUnavailable(f"the registry {self.location} is being rebuilt by this very thread")
            try:
                with self._step() as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    upgrade(connection)
                yield self._step
            finally:
                with self._step() as connection:
                    _undo(connection)

    def close(self, *, before: Callable[[sqlite3.Connection], None]) -> None:
        """Do what is to be done `before`, and empty the write-ahead log into the file: nothing erased stays in it."""
        with self._writer, self._turn:
            if self._connection is None:
                return
            connection, self._connection = self._connection, None
            with typed_errors(self.location):
                try:
                    connection.execute(f"PRAGMA busy_timeout = {_CLOSING_WAIT_MS}")
                    before(connection)
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.OperationalError:
                    pass  # others read or write the file, or it may only be read: the last to close it does this
                finally:
                    connection.close()


def _undo(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


@contextmanager
def _part(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite gives up the whole of it where the disk is full
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")
