"""The figures of the protocol as values, and as the text that is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Interval, Thresholds
from petfinder.evaluation.calibration import Estimate, FoundRate


@dataclass(frozen=True)
class BenchFigures:
    """What one bench gave, leave one out: `found_crowd` and `found_bench` by the two kinds of strangers.

    `portraits_`: the same as a registry answers, with portraits. `erased_`: with the pet painted out of the query.
    """

    bench: str
    queries: int
    animals: int
    gallery: int
    rank1: Estimate
    rank5: Estimate
    mean_precision: Estimate
    equal_error_rate: float
    found_crowd: FoundRate
    found_bench: FoundRate
    portraits_rank1: float
    portraits_found_crowd: FoundRate
    portraits_found_bench: FoundRate
    erased_queries: int
    erased_rank1: Estimate | None


@dataclass(frozen=True)
class FewFigures:
    """Animals looked for with `brought` of their photos, `registered` others of them in the gallery, 30 times drawn.

    `way`: what a pet is searched by; `combine`: how several query photos become one answer; `least`: how many photos an
    animal had to have. `found_crowd` is None for several query photos: the strangers of the crowd have one each.
    """

    bench: str
    registered: int
    brought: int
    way: str
    combine: str
    least: int
    animals: int
    rank1: Estimate
    found_crowd: FoundRate | None
    found_bench: FoundRate


@dataclass(frozen=True)
class AlarmCheck:
    """False alarms seen (promised: 1 and 30 %) of one kind of strangers; `thresholds`: on whom they were measured.

    `photos`: how many the pets have together; the thresholds are read at both.
    """

    species: str
    thresholds: str
    strangers: str
    gallery: str
    pets: int
    photos: int
    extrapolated: bool
    match: Estimate
    possible: Estimate


@dataclass(frozen=True)
class EncoderFigures:
    """All figures of one encoder."""

    encoder: str
    fingerprint: str
    benches: tuple[BenchFigures, ...]
    few: tuple[FewFigures, ...]
    checks: tuple[AlarmCheck, ...]
    thresholds: dict[str, Thresholds]


def as_text(figures: EncoderFigures) -> str:
    """All figures of one encoder as tables: shares with their 95 % interval over animals, similarities as cosines."""
    blocks = [
        f"== {figures.encoder} {figures.fingerprint}",
        "leave one out, photos alone; then with portraits, as a registry answers",
        *(line for bench in figures.benches for line in _bench_lines(bench)),
        "few photos on either side; 30 draws",
        *few_lines(figures.few),
        f"false alarms seen (promised: match {MATCH_ALARMS}, possible {POSSIBLE_ALARMS}); + marks numbers that were not"
        " measured; < fewer than promised, ! more: the interval over strangers' animals is all on that side",
        *_check_lines(figures.checks),
        "thresholds (match / possible) with the intervals over strangers' animals",
        *(_threshold_line(species, measured) for species, measured in figures.thresholds.items()),
    ]
    return "\n".join(blocks)


def _bench_lines(bench: BenchFigures) -> list[str]:
    erased = "no box" if bench.erased_rank1 is None else f"{_share(bench.erased_rank1)} of {bench.erased_queries}"
    return [
        f"  {bench.bench}: {bench.queries} queries of {bench.animals} animals in {bench.gallery:,} photos",
        f"    rank-1 {_share(bench.rank1)}  rank-5 {_share(bench.rank5)}  mAP {_share(bench.mean_precision)}"
        f"  EER {bench.equal_error_rate:.3f}",
        f"    found at 1 %: by crowd {_found(bench.found_crowd)}; by bench strangers {_found(bench.found_bench)}",
        f"    with portraits: rank-1 {bench.portraits_rank1:.3f}; found: crowd {_found(bench.portraits_found_crowd)};"
        f" bench {_found(bench.portraits_found_bench)}",
        f"    pet painted out of the query: rank-1 {erased}",
    ]


def few_lines(figures: Sequence[FewFigures]) -> list[str]:
    """A line for each number of registered and brought photos, under a title for each bench and way."""
    lines: dict[str, list[str]] = {}
    for few in figures:
        combined = f", query photos by {few.combine}" if few.brought > 1 else ""
        asked = f", animals with {few.least} photos or more" if few.least else ""
        title = f"  {few.bench}, {few.way}{combined}{asked}"
        crowd = "" if few.found_crowd is None else f"crowd {_found(few.found_crowd)}; "
        lines.setdefault(title, []).append(
            f"    {few.registered} registered, {few.brought} brought ({few.animals} animals):"
            f" rank-1 {_share(few.rank1)}  found at 1 %: {crowd}bench {_found(few.found_bench)}"
        )
    return [line for title, found in lines.items() for line in (title, *found)]


def _check_lines(checks: Sequence[AlarmCheck]) -> list[str]:
    lines: dict[str, list[str]] = {}
    for check in checks:
        title = f"  {check.species}, {check.thresholds} thresholds, {check.strangers} strangers among {check.gallery}"
        mark = "+" if check.extrapolated else ""
        seen = f"match {_kept(check.match, MATCH_ALARMS)}; possible {_kept(check.possible, POSSIBLE_ALARMS)}"
        lines.setdefault(title, []).append(f"    {check.pets:,} pets, {check.photos:,} photos{mark}: {seen}")
    return [line for title, found in lines.items() for line in (title, *found)]


def _kept(seen: Estimate, promised: float) -> str:
    """The share seen, and on which side of the promise it surely lies."""
    side = "!" if seen.low > promised else "<" if seen.high < promised else ""
    return f"{seen.value:.4f} ({seen.low:.4f}-{seen.high:.4f}){side}"


def _threshold_line(species: str, measured: Thresholds) -> str:
    rows = "; ".join(
        f"{row.pets:,} pets {_cut(row.match, row.match_interval)} / {_cut(row.possible, row.possible_interval)}"
        for row in measured.measured
    )
    return f"  {species}: {rows}"


def _cut(value: float, interval: Interval | None) -> str:
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval.low:.3f}-{interval.high:.3f})"


def _share(share: Estimate) -> str:
    return f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f})"


def _found(found: FoundRate) -> str:
    return f"{_share(found.share)} above {found.threshold:.3f}"
