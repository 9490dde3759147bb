"""The figures of the protocol as values, and as the text that is printed.

Knows measures and thresholds only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from petfinder.calibration import Estimate, FoundRate
from petfinder.thresholds import Thresholds


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
    """One query photo of each animal with `registered` photos in the gallery, 30 times drawn."""

    bench: str
    registered: int
    animals: int
    rank1: Estimate
    found_crowd: FoundRate
    found_bench: FoundRate


@dataclass(frozen=True)
class AlarmCheck:
    """False alarms seen (promised: 1 and 30 %) of one kind of strangers; `thresholds`: on whom they were measured."""

    species: str
    thresholds: str
    strangers: str
    gallery: str
    pets: int
    extrapolated: bool
    match: float
    possible: float


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
        "one query photo, few registered ones, portraits from two on; 30 draws",
        *(_few_line(few) for few in figures.few),
        "false alarms seen (promised: match .010, possible .300); + marks numbers of pets that were not measured",
        *_check_lines(figures.checks),
        "thresholds (match / possible)",
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


def _few_line(few: FewFigures) -> str:
    return (
        f"  {few.bench}, {few.registered} registered ({few.animals} animals): rank-1 {_share(few.rank1)}"
        f"  found at 1 %: crowd {_found(few.found_crowd)}; bench {_found(few.found_bench)}"
    )


def _check_lines(checks: Sequence[AlarmCheck]) -> list[str]:
    lines: dict[str, list[str]] = {}
    for check in checks:
        title = f"  {check.species}, {check.thresholds} thresholds, {check.strangers} strangers among {check.gallery}"
        mark = "+" if check.extrapolated else ""
        lines.setdefault(title, []).append(f"{check.pets:,}{mark} pets {check.match:.4f} / {check.possible:.3f}")
    return [f"{title}: {'; '.join(found)}" for title, found in lines.items()]


def _threshold_line(species: str, measured: Thresholds) -> str:
    rows = "; ".join(f"{row.pets:,} pets {row.match:.3f} / {row.possible:.3f}" for row in measured.measured)
    return f"  {species}: {rows}"


def _share(share: Estimate) -> str:
    return f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f})"


def _found(found: FoundRate) -> str:
    return f"{_share(found.share)} above {found.threshold:.3f}"
