"""Bulk requests to Elasticsearch, sent until every item has its result.

The client's own bulk helper cannot be used: where an answer is lost, it cannot tell what its own first attempt wrote
from what was there before, and a report must be exact to the item.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError

from petfinder.stores.elasticsearch.errors import said_by, worth_retrying

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0


@dataclass(frozen=True)
class Action:
    """One item of a bulk request: put or erase one document of an index."""

    operation: Literal["create", "index", "delete"]
    index: str
    id: str
    source: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """What the server said of one item; `status` 0 where it never said anything."""

    status: int
    error: Mapping[str, Any] | None = None


Ask = Callable[[Sequence[Action]], Sequence[Result | None]]
"""What became of actions whose answer was lost: a result for those that went in all the same."""


class BulkEnded(Exception):
    """No further answer is to be had, for the reason that is this error's cause; `results` are of what is known."""

    def __init__(self, results: Sequence[Result | None]) -> None:
        super().__init__("a bulk request could not be finished")
        self.results = results

    @property
    def reason(self) -> Exception:
        """The client's error that ended it."""
        return self.__cause__ if isinstance(self.__cause__, Exception) else self


def pause(attempt: int, error: Exception | None = None) -> float:
    """Seconds to wait before an attempt: doubling, with some chance in it, at least what a Retry-After asks for."""
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
    asked = str(error.meta.headers.get("retry-after")) if isinstance(error, ApiError) else ""
    return float(max(seconds, min(_LONGEST_PAUSE, int(asked)) if asked.isdigit() else 0))


def send(client: Elasticsearch, actions: Sequence[Action], *, retries: int, ask: Ask) -> list[Result]:
    """Send actions, again as often as `retries` where the server is busy or gone; one result each, in order.

    A request that is too large is cut in two. Raises BulkEnded, with what is known, from the error that ended it: one
    that no retry mends, or the last where retries are used up.
    """
    results: list[Result | None] = [None] * len(actions)
    waiting = list(range(len(actions)))
    lost: Exception | None = None
    unsure = False  # whether an answer was lost, so that items may be in without our knowing
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(pause(attempt, lost))
        if unsure:
            waiting = _settle(actions, results, waiting, ask)
        if not waiting:
            break
        try:
            items = _request(client, [actions[number] for number in waiting])
        except (ApiError, TransportError, UnsupportedProductError) as error:
            if isinstance(error, ApiError) and error.meta.status == 413:
                return _halves(client, actions, results, waiting, retries=retries, ask=ask)
            lost = error
            unsure = unsure or not _refused(error)
            if worth_retrying(error):
                continue
            break
        lost = None
        waiting = [number for number, item in zip(waiting, items, strict=True) if not _kept(item, number, results)]
    if unsure and lost is not None:
        time.sleep(pause(1))  # the server may still be at it
        waiting = _settle(actions, results, waiting, ask)
    if unsure:
        _settle(actions, results, [n for n, result in enumerate(results) if result and result.status == 409], ask)
    if lost is not None and waiting:
        raise BulkEnded(results) from lost
    return [result or Result(0) for result in results]


def _refused(error: Exception) -> bool:
    """Whether the server said that it did nothing."""
    return isinstance(error, ApiError) and error.meta.status in (401, 403, 429)


def _request(client: Elasticsearch, actions: Sequence[Action]) -> list[Result]:
    lines: list[Mapping[str, Any]] = []
    for action in actions:
        lines.append({action.operation: {"_index": action.index, "_id": action.id}})
        if action.source is not None:
            lines.append(action.source)
    answer = said_by(client.options(max_retries=0).bulk(operations=lines, require_alias=True))
    said = [next(iter(item.values())) for item in answer["items"]]
    return [Result(item["status"], item.get("error")) for item in said]


def _kept(item: Result, number: int, results: list[Result | None]) -> bool:
    results[number] = item
    return not worth_retrying(item.status, (item.error or {}).get("type"))


def _settle(actions: Sequence[Action], results: list[Result | None], waiting: Sequence[int], ask: Ask) -> list[int]:
    """Ask what became of the waiting actions; returns those that are not known to be in."""
    found: Sequence[Result | None] = [None] * len(waiting)
    with suppress(ApiError, TransportError, UnsupportedProductError):
        found = ask([actions[number] for number in waiting])
    for number, result in zip(waiting, found, strict=True):
        if result is not None:
            results[number] = result
    return [number for number, result in zip(waiting, found, strict=True) if result is None]


def _halves(
    client: Elasticsearch,
    actions: Sequence[Action],
    results: list[Result | None],
    waiting: Sequence[int],
    *,
    retries: int,
    ask: Ask,
) -> list[Result]:
    if len(waiting) == 1:
        results[waiting[0]] = Result(413, error={"type": "content_too_long_exception"})
        return [result or Result(0) for result in results]
    middle = len(waiting) // 2
    for part in (waiting[:middle], waiting[middle:]):
        sent: Sequence[Result | None]
        ended: Exception | None = None
        try:
            sent = send(client, [actions[number] for number in part], retries=retries, ask=ask)
        except BulkEnded as error:
            sent, ended = error.results, error.reason
        for number, result in zip(part, sent, strict=True):
            results[number] = result
        if ended is not None:
            raise BulkEnded(results) from ended
    return [result or Result(0) for result in results]
