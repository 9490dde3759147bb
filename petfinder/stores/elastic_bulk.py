"""Bulk requests to Elasticsearch, sent until every item has its result.

Knows the client and its errors. The client's own bulk helper cannot be used: where an answer is lost, it cannot tell
what its own first attempt wrote from what was there before, and a report must be exact to the item.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, TransportError

from petfinder.stores.elastic_errors import worth_retrying

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
    result: str = ""
    error: Mapping[str, Any] | None = None


Ask = Callable[[Sequence[Action]], Sequence[Result | None]]
"""What became of actions whose answer was lost: a result for those that went in all the same."""


class LostAnswer(Exception):
    """The server cannot be reached any more; `results` are of what it answered before."""

    def __init__(self, results: Sequence[Result | None]) -> None:
        super().__init__("no answer to a bulk request")
        self.results = results


def pause(attempt: int, error: Exception | None = None) -> float:
    """Seconds to wait before an attempt: doubling, with some chance in it, at least what a Retry-After asks for."""
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
    asked = str(error.meta.headers.get("retry-after")) if isinstance(error, ApiError) else ""
    return float(max(seconds, min(_LONGEST_PAUSE, int(asked)) if asked.isdigit() else 0))


def send(client: Elasticsearch, actions: Sequence[Action], *, retries: int, ask: Ask) -> list[Result]:
    """Send actions, again as often as `retries` where the server is busy or gone; one result each, in order.

    A request that is too large is cut in two. Raises LostAnswer, from the client's error, where retries are used up;
    errors that no retry mends (401, 403) as they are.
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
            lost = None
        except (ApiError, TransportError) as error:
            if isinstance(error, ApiError) and error.status_code == 413:
                return _halves(client, actions, results, waiting, retries=retries, ask=ask)
            if not worth_retrying(error):
                raise
            lost, unsure = error, True
            continue
        waiting = [number for number, item in zip(waiting, items, strict=True) if not _kept(item, number, results)]
    if lost is not None:
        time.sleep(pause(1))
        if _settle(actions, results, waiting, ask):
            raise LostAnswer(results) from lost
    if unsure:
        _settle(actions, results, [n for n, result in enumerate(results) if result and result.status == 409], ask)
    return [result or Result(0) for result in results]


def _request(client: Elasticsearch, actions: Sequence[Action]) -> list[Result]:
    lines: list[Mapping[str, Any]] = []
    for action in actions:
        lines.append({action.operation: {"_index": action.index, "_id": action.id}})
        if action.source is not None:
            lines.append(action.source)
    answer = client.options(max_retries=0).bulk(operations=lines, require_alias=True)
    said = [next(iter(item.values())) for item in answer["items"]]
    return [Result(item["status"], item.get("result", ""), item.get("error")) for item in said]


def _kept(item: Result, number: int, results: list[Result | None]) -> bool:
    results[number] = item
    return not worth_retrying(item.status, (item.error or {}).get("type"))


def _settle(actions: Sequence[Action], results: list[Result | None], waiting: Sequence[int], ask: Ask) -> list[int]:
    """Ask what became of the waiting actions; returns those that are not in."""
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
        try:
            sent = send(client, [actions[number] for number in part], retries=retries, ask=ask)
        except LostAnswer as error:
            for number, result in zip(part, error.results, strict=True):
                results[number] = result
            raise LostAnswer(results) from error.__cause__
        for number, done in zip(part, sent, strict=True):
            results[number] = done
    return [result or Result(0) for result in results]
