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

AT_ONCE, MOST_WAITING = 2, 60  # at the encoder: one photo is read while another is encoded
MOST_KEPT = 300
_KEPT_SECONDS = 24 * 3600.0
T = TypeVar("T")


class Line:
    """Whose turn it is: `at_once` in the order of coming; at most `most`, `waiting`, are in the line or at work."""

    def __init__(self, at_once: int, most: int) -> None:
        self._turns, self._most = asyncio.Semaphore(at_once), most
        self.waiting = 0

    def check(self) -> None:
        """Raise Refused where the line is full."""
        if self.waiting >= self._most:
            raise Refused(429, f"{self.waiting} others are before you. Please try again in half a minute.")

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread when it is its turn; raises Refused, at once, where the line is full."""
        self.check()
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

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, search: Search) -> str:
        """Keep a search; returns what its address ends with."""
        token = secrets.token_urlsafe(16)
        self._kept[token] = search
        while len(self._kept) > MOST_KEPT or _is_old(next(iter(self._kept.values()))):
            self._kept.popitem(last=False)
        return token

    def get(self, token: str) -> Search | None:
        """The search of this address; None where it is gone."""
        search = self._kept.get(token)
        return None if search is None or _is_old(search) else search


def _is_old(search: Search) -> bool:
    return time.monotonic() - search.made_at > _KEPT_SECONDS
