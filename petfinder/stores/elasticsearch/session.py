"""A connection to a cluster as the store has it open: the client, the indexes as they were found, what is unrefreshed.

What was found is looked up anew every few seconds, and at once where an index is gone or blocked, as by a rebuild.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import chain, count, islice
from threading import Lock
from typing import Any, TypeVar

from elasticsearch import Elasticsearch

from petfinder.domain.errors import IndexMismatch, IndexNotFound, StoreUnavailable
from petfinder.domain.filters import Restriction
from petfinder.stores.documents import SCHEMA, Expected
from petfinder.stores.elasticsearch import indexes
from petfinder.stores.elasticsearch.client import server_version
from petfinder.stores.elasticsearch.errors import is_write_block, translated
from petfinder.stores.elasticsearch.indexes import Opened

_LOOK_AGAIN_SECONDS = 5.0
_COUNT_AGAIN_SECONDS = 1.0  # as soon as the server's own default shows what others wrote
_MOST_COUNTS = 1000  # that are remembered
_WAIT_FOR_REBUILD_SECONDS = 60.0
_PACKED_SINCE = (9, 5, 0)  # servers that take vectors as base64, in documents (9.3) and in searches; tried with 9.5.3


class IndexReplaced(StoreUnavailable):
    """The index takes no writes any more, or is gone: it is being rebuilt, or was."""


T = TypeVar("T")


class Session:
    """The client, and every index that was used through it; threads may share it."""

    def __init__(self, client: Elasticsearch, *, location: str, owns_client: bool) -> None:
        logger = logging.getLogger("elastic_transport.node")
        if logger.level == logging.NOTSET:  # at DEBUG it writes whole bodies, owners in them: only if set up by name
            logger.setLevel(logging.INFO)
        self.location = location
        self._client: Elasticsearch | None = client
        self._owns_client = owns_client
        self._opened: dict[str, Opened] = {}
        self._written: dict[str, int] = {}  # the last write by the alias of the index, and that which searches saw
        self._shown: dict[str, int] = {}
        self._ticks, self._showing = count(1), Lock()
        self._counts: dict[tuple[str, Restriction], tuple[float, Mapping[str, Any]]] = {}
        self.writes = 0  # that were made here

    @property
    def client(self) -> Elasticsearch:
        """The client; raises StoreUnavailable once closed."""
        if self._client is None:
            raise StoreUnavailable(f"the registry at {self.location} is closed; connect again")
        return self._client

    @cached_property
    def packed(self) -> bool:
        """Whether the server takes vectors as base64."""
        version = server_version(self.client)
        return version is not None and version >= _PACKED_SINCE

    def close(self) -> None:
        """Let go of the connections; a second call does nothing."""
        if self._client is not None and self._owns_client:
            self._client.close()
        self._client = None

    @contextmanager
    def asking(self, name: str | None = None) -> Iterator[Elasticsearch]:
        """The client, whose errors come out as petfinder's, about the index of this name."""
        with translated(index=name, location=self.location):
            yield self.client

    def forget(self, *names: str) -> None:
        """Look these indexes up anew the next time."""
        for name in names:
            self._opened.pop(name, None)
        self.count_anew()

    def count_anew(self) -> None:
        """Forget what was counted, for something was written."""
        self.writes += 1
        self._counts.clear()

    def count_of(self, opened: Opened, restriction: Restriction) -> Mapping[str, Any] | None:
        """Return what was counted of an index, where nothing was written here since, nor by others for a second."""
        at, answer = self._counts.get((opened.handle, restriction), (-math.inf, None))
        return answer if time.monotonic() - at <= _COUNT_AGAIN_SECONDS else None

    def keep_count(self, opened: Opened, restriction: Restriction, answer: Mapping[str, Any], *, writes: int) -> None:
        """Keep what was counted after so many writes; nothing counted is not kept, so that the first pet is found."""
        if writes == self.writes and answer["hits"]["total"]["value"]:
            if len(self._counts) >= _MOST_COUNTS:
                self._counts.clear()
            self._counts[opened.handle, restriction] = time.monotonic(), answer

    def open(self, name: str, *, expected: Expected = None, afresh: bool = False) -> Opened:
        """Return the index of this name; IndexMismatch if it is not the one expected."""
        opened = self._opened.get(name)
        if afresh or opened is None or time.monotonic() - opened.at > _LOOK_AGAIN_SECONDS:
            with self.asking(name) as client:
                opened = self._known(name, indexes.find(client, name), instead_of=opened)
        try:
            opened.spec.check_is(expected, name=name)
        except IndexMismatch:
            self.forget(name)
            raise
        return opened

    def upgraded(self, name: str, opened: Opened, *, expected: Expected = None) -> Opened:
        """Return an index that is about to be written to; one of an earlier schema becomes one of today's first."""
        if opened.spec.schema < SCHEMA:
            with self.asking(name) as client:
                indexes.remember(client, self.open(name, expected=expected, afresh=True))
            opened = self.open(name, expected=expected, afresh=True)
        return opened

    def sized(self, name: str, opened: Opened) -> Opened:
        """Return the same index with how many vectors it holds, counted once until it is looked up anew."""
        if opened.vectors is None:
            counted = replace(opened, vectors=indexes.vectors_in(self.client, opened))
            opened = self._known(name, counted, instead_of=opened)
        return opened

    def _known(self, name: str, opened: Opened, *, instead_of: Opened | None) -> Opened:
        """Know an index by what was just learned of it, unless another thread has learned something since."""
        if self._opened.get(name) is instead_of:
            self._opened[name] = opened
        return opened

    def on(self, name: str, ask: Callable[[Opened], T], *, expected: Expected = None, searching: bool = True) -> T:
        """Ask an index; once more where it was rebuilt, or is just being, since it was looked up."""
        opened = self.open(name, expected=expected)
        if searching:
            self.show(name, opened)
        try:
            with self.asking(name):
                return ask(opened)
        except (IndexNotFound, StoreUnavailable) as error:
            if isinstance(error, StoreUnavailable) and not (isinstance(error, IndexReplaced) or is_write_block(error)):
                raise
        with self.asking(name):
            return ask(self.after_rebuild(name, expected=expected))

    def after_rebuild(self, name: str, *, expected: Expected) -> Opened:
        """Return the index that took the place of one that takes no writes any more; waits for the end of a rebuild."""
        until = time.monotonic() + _WAIT_FOR_REBUILD_SECONDS
        while True:
            opened = self.open(name, afresh=True, expected=expected)
            if not opened.blocked:
                return opened
            if time.monotonic() > until:
                raise StoreUnavailable(f"index {name!r} is being rebuilt; if that rebuild died, run it again")
            time.sleep(0.2)

    def unseen(self, opened: Opened) -> None:
        """Remember that something was written that searches cannot see yet."""
        self._written[opened.handle] = next(self._ticks)
        self.count_anew()

    def show(self, name: str, opened: Opened) -> None:
        """Let searches see what was written, by this thread or another."""
        last, handle = self._written.get(opened.handle, 0), opened.handle
        if last > self._shown.get(handle, 0):
            with self._showing, self.asking(name) as client:
                begun = self._written[handle]
                if last > self._shown.get(handle, 0):
                    client.options(ignore_status=404).indices.refresh(index=handle)
                    self._shown[handle] = begun

    def stream(self, name: str, read: Callable[[Opened], Iterator[T]], *, expected: Expected = None) -> Iterator[T]:
        """Yield a stream from an index, begun at once; from its successor if it was rebuilt since it was looked up."""

        def begun(opened: Opened) -> Iterator[T]:
            found = read(opened)
            return chain([*islice(found, 1)], found)

        return self.streamed(name, self.on(name, begun, expected=expected))

    def streamed(self, name: str, found: Iterator[T]) -> Iterator[T]:
        """Yield a stream whose errors come out as petfinder's."""
        with self.asking(name):
            yield from found
