"""Searches of visitors: they wait for the encoder in one line, and keep an address for a day."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from traceback import clear_frames
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from petfinder.domain.matches import Matches
from petfinder.domain.pets import Place
from petfinder.page.safety import Refused

AT_ONCE = 2  # one is read while another is encoded
MOST_WAITING = 60
MOST_KEPT = 300
_KEPT_SECONDS = 24 * 3600.0
T = TypeVar("T")


class Line:
    """Whose turn it is at the encoder: in the order of coming; `waiting` are in the line or at work."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread when it is its turn; raises Refused, at once, where the line is full."""
        if self.waiting >= MOST_WAITING:
            raise Refused(429, f"{self.waiting} searches are waiting before yours. Please try again in half a minute.")
        self.waiting += 1
        try:
            async with self._turns:
                return await run_in_threadpool(work)
        except Exception as error:
            clear_frames(error.__traceback__)  # they hold the photos until the next garbage collection
            raise
        finally:
            self.waiting -= 1


@dataclass
class Search:
    """What a visitor looked for and what came of it; `lost`: their own pet, else one that they saw."""

    lost: bool
    matches: Matches
    place: Place | None = None
    at: datetime | None = None
    species: str = ""  # as the visitor knows it
    made_at: float = field(default_factory=time.monotonic)


class Searches:
    """The last 300 searches by their address, each for a day at most."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Search] = OrderedDict()

    def keep(self, search: Search) -> str:
        """Keep a search; returns what its address ends with."""
        token = secrets.token_urlsafe(16)
        self._kept[token] = search
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return token

    def get(self, token: str) -> Search | None:
        """The search of this address; None where it is gone."""
        search = self._kept.get(token)
        return search if search and time.monotonic() - search.made_at < _KEPT_SECONDS else None
