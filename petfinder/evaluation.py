"""What an evaluation found out, as one value that reads as a table.

Knows measures and thresholds; how they are taken is `evaluate`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from petfinder.calibration import Estimate, FoundRate
from petfinder.measures import ErrorRates
from petfinder.reports import Failure
from petfinder.thresholds import MATCH_ALARMS, Quantiles, Thresholds

RANK1, RANK5, MEAN_PRECISION, FOUND = "rank-1", "rank-5", "mAP", "found at 1 % false alarms"
EQUAL_ERRORS = "equal error rate"


@dataclass(frozen=True)
class Latency:
    """Milliseconds a photo, medians: reading and decoding it, encoding it alone, searching all pets for it."""

    decode: float
    encode: float
    search: float


class Row(NamedTuple):
    """One line of an evaluation's table: `value` in `unit`; `low` and `high` are its interval, where it has one."""

    measure: str
    value: float
    unit: Literal["share", "similarity", "ms", "count"]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """What an encoder reached on one set of pets.

    `rank1` and `rank5`: shares of query photos whose own pet is first, among the first five. `mean_precision`: the
    mAP, over photos. `errors`: error rates of pairs of photos. `found`: share of queries whose own pet is first and
    above the similarity that 1 % of strangers' best matches exceed. `background`: rank-1 with the pet painted out of
    the query (None where no box is known): what the background alone gives away. Intervals hold 95 % of a bootstrap
    over pets.
    """

    encoder: str
    pets: int
    photos: int
    queries: int
    rank1: Estimate
    rank5: Estimate
    mean_precision: Estimate
    errors: ErrorRates = field(repr=False)
    found: FoundRate
    background: Estimate | None
    latency: Latency
    thresholds: Thresholds
    failures: tuple[Failure, ...] = ()

    def as_rows(self) -> tuple[Row, ...]:
        """The table as rows, as pandas takes them."""
        shares = {
            RANK1: self.rank1,
            RANK5: self.rank5,
            MEAN_PRECISION: self.mean_precision,
            FOUND: self.found.share,
        }
        if self.background is not None:
            shares["rank-1 by background alone"] = self.background
        return (
            Row("pets", self.pets, "count"),
            Row("photos", self.photos, "count"),
            Row("query photos", self.queries, "count"),
            *(Row(name, share.value, "share", share.low, share.high) for name, share in shares.items()),
            Row(EQUAL_ERRORS, self.errors.equal, "share"),
            Row("similarity that 1 % of strangers exceed", self.found.threshold, "similarity"),
            Row("decode", self.latency.decode, "ms"),
            Row("encode", self.latency.encode, "ms"),
            Row("search", self.latency.search, "ms"),
        )

    def __str__(self) -> str:
        lines = [f"{self.encoder} on {self.pets} pets", *(_line(row) for row in self.as_rows())]
        lines += ["thresholds by number of pets: match / possible"]
        lines += [_threshold_line(row) for row in self.thresholds.measured]
        if self.queries * MATCH_ALARMS < 1:
            lines.append(f"  {self.queries} strangers cannot show a rate of 1 %: the thresholds are a first guess")
        lines += [failure.left_out for failure in self.failures]
        return "\n".join(lines)


def _line(row: Row) -> str:
    forms = {"share": f"{row.value:10.1%}", "similarity": f"{row.value:10.3f}", "ms": f"{row.value:10.2f} ms"}
    interval = "" if row.low is None or row.high is None else f"  ({row.low:.1%} to {row.high:.1%})"
    return f"  {row.measure:40}{forms.get(row.unit, f'{row.value:10,}')}{interval}"


def _threshold_line(row: Quantiles) -> str:
    match, possible = (
        "" if interval is None else f" ({interval.low:.3f} to {interval.high:.3f})"
        for interval in (row.match_interval, row.possible_interval)
    )
    return f"  {row.pets:>6,} pets, {row.looks:,} photos {row.match:17.3f}{match} / {row.possible:.3f}{possible}"
