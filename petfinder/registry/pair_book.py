"""What an index keeps beside its pets of reports that met: pairs, what people decided, the order of alerts, aliases.

Everything is put once and never changed. A pair is known by both ids; decisions on it are numbered, and the last one
holds; alerts are numbered without a gap. Of an alert that was put twice, by a writer that died in between and one that
finished its work, the number that was noted first under the pair counts.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import count, islice
from typing import Any

from petfinder.domain.evidence import Reason
from petfinder.domain.pairs import PairState
from petfinder.stores.base import Store
from petfinder.stores.documents import Record

PAIR, DECISION, ALERT, TOLD, ALIAS = "pair:", "decision:", "alert:", "told:", "alias:"
CONFIRM, DISMISS, UNDO = "confirm", "dismiss", "undo"
_STATES = {CONFIRM: PairState.CONFIRMED, DISMISS: PairState.DISMISSED, UNDO: PairState.OPEN}
_SILENT = 0  # the number of an alert that nobody is told
_AT_ONCE = 64


@dataclass(frozen=True)
class Meeting:
    """Two reports as they met: both ids, the probability and the reasons then, and when."""

    pets: tuple[str, str]
    probability: float
    reasons: tuple[Reason, ...]
    met_at: datetime

    @property
    def pair_id(self) -> str:
        """What names the pair, whichever of the two was written first."""
        return pair_id(*self.pets)


@dataclass(frozen=True)
class Decision:
    """What somebody said of a pair: confirm, dismiss or undo, as its `number`th; what a confirmation had changed."""

    number: int
    what: str
    before: Mapping[str, Any]


def pair_id(one: str, other: str) -> str:
    """Make the id of a pair of pets, the same both ways round."""
    return hashlib.sha256("\0".join(sorted((one, other))).encode()).hexdigest()[:32]


class PairBook:
    """The records of one index of a store."""

    def __init__(self, store: Store, index: str) -> None:
        self._store, self._index = store, index

    def meet(self, meeting: Meeting) -> None:
        """Keep a pair; one that is there stays as it is."""
        body = asdict(meeting) | {"met_at": meeting.met_at.isoformat()}
        self._put(PAIR + meeting.pair_id, body, meeting.pets)

    def meetings(self, *, after: str = "") -> Iterator[Meeting]:
        """Stream all pairs in the order of their ids, those behind the id `after`."""
        for record in self._store.scan_records(self._index, prefix=PAIR, after=PAIR + after if after else ""):
            yield _meeting(record)

    def meeting(self, pair: str) -> Meeting | None:
        """The pair of this id; None where it is gone."""
        [record] = self._store.records(self._index, [PAIR + pair])
        return None if record is None else _meeting(record)

    def decide(self, one: str, other: str, what: str, before: Mapping[str, Any] | None = None) -> None:
        """Note what somebody says of a pair, behind all that was said before."""
        pair = pair_id(one, other)
        last = self.decision(pair)
        numbers, body = count(last.number + 1 if last else 0), {"what": what, "before": before or {}}
        next(number for number in numbers if self._put(_decision(pair, number), body, (one, other)))

    def decision(self, pair: str) -> Decision | None:
        """The last that was said of a pair."""
        last = None
        for record in self._store.scan_records(self._index, prefix=f"{DECISION}{pair}:"):
            last = Decision(int(record.key.rsplit(":", 1)[1]), record.body["what"], record.body["before"])
        return last

    def states(self, pairs: Sequence[str]) -> list[PairState]:
        """What stands of each pair now."""
        said = self._known([_decision(pair, 0) for pair in pairs]) if pairs else []
        decisions = [self.decision(pair) if any_ else None for pair, any_ in zip(pairs, said, strict=True)]
        return [_STATES[last.what] if last else PairState.OPEN for last in decisions]

    def tell(self, pair: str, *, aloud: bool) -> bool:
        """Put a pair behind all alerts, or note that nobody is told; False where that was done before."""
        if self._known([TOLD + pair])[0]:
            return False
        number = _SILENT
        if aloud:
            number = next(n for n in count(self._last_alert() + 1) if self._put(_alert(n), {"pair": pair}, ()))
        return self._put(TOLD + pair, {"alert": number}, ()) and aloud

    def alerts(self, after: int) -> Iterator[tuple[int, str]]:
        """Stream the number of each alert behind `after` and its pair's id, each pair once."""
        numbers = count(after + 1)
        while True:
            block = [*islice(numbers, _AT_ONCE)]
            for number, record in zip(block, self._store.records(self._index, [*map(_alert, block)]), strict=True):
                if record is None:
                    return
                pair, told = record.body["pair"], TOLD + record.body["pair"]
                if not self._known([told])[0]:  # its writer did not come to noting it
                    self._put(told, {"alert": number}, ())
                [noted] = self._store.records(self._index, [told])
                if noted is not None and noted.body["alert"] == number:
                    yield number, pair

    def _last_alert(self) -> int:
        """The number of the last alert, found by halving: they have no gap."""
        high = 2 ** sum(self._known([_alert(2**power) for power in range(40)]))
        return bisect_left(range(high), True, key=lambda number: not self._known([_alert(number + 1)])[0])

    def rename(self, gone: str, kept: str) -> None:
        """Let the id of a pet that is merged into another lead to that one, with all that led to it; then erase it."""
        aliases = self._store.scan_records(self._index, prefix=ALIAS)
        led_here = [record.body["id"] for record in aliases if record.body["to"] == gone]
        self._put(_alias(gone), {"id": gone, "to": kept}, (kept,))
        self._store.delete(self._index, [gone])
        for id_ in led_here:
            self._put(_alias(id_), {"id": id_, "to": kept}, (kept,))

    def kept_as(self, pet_id: str) -> str | None:
        """The id under which a merged pet is kept; None for one that was never merged."""
        [record] = self._store.records(self._index, [_alias(pet_id)])
        return None if record is None else str(record.body["to"])

    def _put(self, key: str, body: Mapping[str, Any], pets: Iterable[str]) -> bool:
        return self._store.put_record(self._index, Record(key, body, tuple(pets)))

    def _known(self, keys: Sequence[str]) -> list[bool]:
        return [record is not None for record in self._store.records(self._index, keys)]


def _decision(pair: str, number: int) -> str:
    return f"{DECISION}{pair}:{number:04d}"


def _alert(number: int) -> str:
    return f"{ALERT}{number:012d}"


def _alias(pet_id: str) -> str:
    return ALIAS + hashlib.sha256(pet_id.encode()).hexdigest()[:32]


def _meeting(record: Record) -> Meeting:
    body = record.body
    one, other = body["pets"]
    reasons = tuple(Reason(**reason) for reason in body["reasons"])
    return Meeting((one, other), body["probability"], reasons, datetime.fromisoformat(body["met_at"]))
