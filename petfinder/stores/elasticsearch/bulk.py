"""Bulk requests to Elasticsearch, sent until every item has its result.

The client's own bulk helper cannot be used: where an answer is lost, it cannot tell what its own first attempt wrote
from what was there before, and a report must be exact to the item.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, TransportError

from petfinder.stores.documents import as_json
from petfinder.stores.elasticsearch.errors import body_of
from petfinder.stores.elasticsearch.retry import pause, worth_retrying

_NOTHING_DONE = (401, 403, 413, 429)  # with these statuses the server says that it has not begun


@dataclass(frozen=True)
class Action:
    """One item of a bulk request: put or erase one document of an index."""

    operation: Literal["create", "index", "delete"]
    index: str
    id: str
    source: Mapping[str, Any] | str | None = None  # text is JSON


@dataclass(frozen=True)
class Result:
    """The server's answer for one item."""

    status: int
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether sending the item again would change nothing."""
        return not worth_retrying(self.status, self.error.get("type"))


_UNKNOWN, _DONE = Result(503), Result(200)

WentIn = Callable[[Sequence[str]], Collection[str]]
"""Of the ids of documents whose answer was lost, those that are in all the same."""


def send(
    client: Elasticsearch, actions: Sequence[Action], *, retries: int, went_in: WentIn = lambda ids: ()
) -> tuple[list[Result | None], Exception | None]:
    """Send actions, again as often as `retries` where the server is busy or gone; one result each, in order.

    A request that is too large is cut in two. With the results (None: not known) comes the client's error that ended
    it, if one did: one that no retry mends, or the last where retries are used up.
    """
    sending = _Sending(client, actions, retries, went_in, [None] * len(actions))

    def all_of(part: Sequence[int]) -> Exception | None:
        error, middle = sending.send(part), len(part) // 2
        if not (isinstance(error, ApiError) and error.meta.status == 413):
            return error
        if middle:
            return all_of(part[:middle]) or all_of(part[middle:])
        sending.results[part[0]] = Result(413, {"type": "content_too_long_exception"})
        return None

    return sending.results, all_of(range(len(actions)))


@dataclass
class _Sending:
    """Actions on their way, and the results so far; `unsure` once an answer was lost, so that items may be in."""

    client: Elasticsearch
    actions: Sequence[Action]
    retries: int
    went_in: WentIn
    results: list[Result | None]
    unsure: bool = False

    def send(self, part: Sequence[int]) -> Exception | None:
        """Send the actions of these numbers; returns the error for which some of them have no result."""
        lost: Exception | None = None
        for attempt in range(self.retries + 1):
            if attempt and self._waiting(part):
                time.sleep(pause(attempt, lost))
                self._settle(self._waiting(part))
            if not (waiting := self._waiting(part)):
                break
            try:
                answered = self._request([self.actions[number] for number in waiting])
            except (ApiError, TransportError) as error:
                lost = error
                self.unsure |= not (isinstance(error, ApiError) and error.meta.status in _NOTHING_DONE)
                if not worth_retrying(error):
                    break
            else:
                lost = None
                for number, result in zip(waiting, answered, strict=True):
                    self.results[number] = result
        if self.unsure and lost is not None and self._waiting(part):
            time.sleep(pause(1))  # the server may still be at it
            self._settle(self._waiting(part))
        self._settle([number for number in part if (self.results[number] or _UNKNOWN).status == 409])
        return lost if self._waiting(part) else None

    def _waiting(self, part: Sequence[int]) -> list[int]:
        return [number for number in part if not (self.results[number] or _UNKNOWN).final]

    def _request(self, actions: Sequence[Action]) -> list[Result]:
        lines: list[Any] = []
        for action in actions:
            lines.append(as_json({action.operation: {"_index": action.index, "_id": action.id}}))
            lines += [] if action.source is None else [action.source]
        told = ("errors", "items.*.status", "items.*.error")
        client = self.client.options(max_retries=0)
        answer = body_of(client.bulk(operations=lines, require_alias=True, filter_path=told))
        if not answer["errors"]:
            return [_DONE] * len(actions)
        items = [next(iter(item.values())) for item in answer["items"]]
        return [Result(item["status"], item.get("error") or {}) for item in items]

    def _settle(self, numbers: Sequence[int]) -> None:
        """Ask which of these actions went in although their answer was lost."""
        if self.unsure and numbers:
            with suppress(ApiError, TransportError):
                there = self.went_in([self.actions[number].id for number in numbers])
                for number in numbers:
                    if self.actions[number].id in there:
                        self.results[number] = Result(201)
