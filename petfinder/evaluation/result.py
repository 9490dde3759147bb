"""What an evaluation found out, as one value that reads as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from petfinder.domain.reports import Failure
from petfinder.domain.shown import Result, as_figure
from petfinder.domain.text import clean
from petfinder.domain.verdicts import MATCH_ALARMS, Cut, Quantiles, Thresholds
from petfinder.evaluation.calibration import Estimate, FoundRate
from petfinder.evaluation.metrics import ErrorRates, Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANK1, RANK5, MEAN_PRECISION, FOUND = "rank-1", "rank-5", "mAP", "found at 1 % false alarms"
EQUAL_ERRORS, BACKGROUND = "equal error rate", "rank-1 by background alone"


@dataclass(frozen=True)
class Latency:
    """Milliseconds a photo, medians: reading and decoding it, encoding it alone, searching all pets for it.

    None where that was not done: a registry is evaluated on the embeddings that it keeps.
    """

    decode: float | None
    encode: float | None
    search: float


class Row(NamedTuple):
    """One line of an evaluation's table: `value` in `unit`; `low` and `high` are its interval, where it has one."""

    measure: str
    value: float
    unit: Literal["share", "similarity", "ms", "count"]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, repr=False)
class Evaluation(Result):
    """How well an encoder tells one set of pets apart.

    `rank1` and `rank5`: shares of query photos whose own pet is first, among the first five. `mean_precision`: the
    mAP, over photos. `errors`: error rates of pairs of photos. `found`: share of queries whose own pet is first and
    above the similarity that 1 % of strangers' best matches exceed. `background`: rank-1 with the pet painted out of
    the query (None where no box is known): what the background alone gives away. Intervals hold 95 % of a bootstrap
    over pets. `ranking`: of each query photo, how near its own pet and the nearest other pet came. `notes`: what was
    not measured, and why.
    """

    encoder: str
    pets: int
    photos: int
    queries: int
    rank1: Estimate
    rank5: Estimate
    mean_precision: Estimate
    errors: ErrorRates
    found: FoundRate
    background: Estimate | None
    latency: Latency
    thresholds: Thresholds
    ranking: Ranking
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cut(self) -> Cut:
        """The thresholds for a registry of just these pets and photos."""
        return self.thresholds.at(self.pets, self.photos)

    @property
    def found_first(self) -> int:
        """How many query photos have their own pet first."""
        return round(self.rank1.value * self.queries)

    def as_rows(self) -> tuple[Row, ...]:
        """The table as rows, as pandas takes them."""
        shares = {
            RANK1: self.rank1,
            RANK5: self.rank5,
            MEAN_PRECISION: self.mean_precision,
            FOUND: self.found.share,
            BACKGROUND: self.background,
        }
        return (
            Row("pets", self.pets, "count"),
            Row("photos", self.photos, "count"),
            Row("query photos", self.queries, "count"),
            *(Row(name, share.value, "share", share.low, share.high) for name, share in shares.items() if share),
            Row(EQUAL_ERRORS, self.errors.equal, "share"),
            Row("similarity that 1 % of strangers exceed", self.found.threshold, "similarity"),
            *(Row(name, taken, "ms") for name, taken in vars(self.latency).items() if taken is not None),
        )

    def __repr__(self) -> str:
        lines = [f"{clean(self.encoder)} on {self.pets} pets", *map(_line, self.as_rows())]
        lines += ["thresholds by number of pets: match / possible", *map(_threshold_line, self.thresholds.measured)]
        lines += [f"  {self.doubt}"] if self.doubt else []
        lines += [*map(clean, self.notes), *(failure.left_out for failure in self.failures)]
        return "\n".join(lines)

    @property
    def doubt(self) -> str:
        """Why the thresholds are not to be relied on yet, in a sentence; empty where they are."""
        if self.queries * MATCH_ALARMS >= 1:
            return ""
        return f"{self.queries} photos are too few to show a rate of 1 %: the thresholds are a first guess"

    def plot(self) -> Figure:
        """How near same and other pets come, with thresholds: a figure (`notebook` extra, else ConfigError)."""
        return as_figure(self)


def _line(row: Row) -> str:
    forms = {"share": f"{row.value:10.1%}", "similarity": f"{row.value:10.3f}", "ms": f"{row.value:10.2f} ms"}
    interval = "" if row.low is None or row.high is None else f"  ({row.low:.1%} to {row.high:.1%})"
    return f"  {row.measure:40}{forms.get(row.unit, f'{row.value:10,}')}{interval}"


def _threshold_line(row: Quantiles) -> str:
    match, possible = (
        "" if interval is None else f" ({interval.low:.3f} to {interval.high:.3f})"
        for interval in (row.match_interval, row.possible_interval)
    )
    return f"  {row.pets:>6,} pets, {row.gallery_size:,} photos {row.match:17.3f}{match} / {row.possible:.3f}{possible}"
