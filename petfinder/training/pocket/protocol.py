"""How finding is measured: one protocol for the encoder, its thresholds and the notes.

Run `python -m petfinder.training.pocket.protocol --shared ../shared --encoder pocket --encoder teacher`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Interval, Thresholds
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import PocketEncoder
from petfinder.evaluation.calibration import (
    Estimate,
    FoundRate,
    found_at,
    mean_over_animals,
    measure_thresholds,
    share_reaching,
    stricter,
)
from petfinder.evaluation.metrics import (
    Labelled,
    average_precision,
    error_rates,
    leave_one_out,
    leave_one_out_registered,
    pair_similarities,
)
from petfinder.training.pocket.benches import (
    Benches,
    EmbeddingCache,
    Mask,
    encoders_of,
    measuring_parser,
    read_benches,
)
from petfinder.training.pocket.several_photos import FewFigures, few_lines, few_photos, found, share

logger = logging.getLogger(__name__)

SPECIES = ("cat", "dog")
PET_COUNTS = {"cat": (10, 30, 100, 300, 550), "dog": (10, 30, 100, 300, 850)}
# Numbers of pets at which promises are checked, as far as a gallery has them; above those of PET_COUNTS, beyond them.
CHECKED_COUNTS = (30, 120, 300)
COUNTS_BEYOND = (1500, 4000)


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


@dataclass(frozen=True, eq=False)
class _Question:
    """A bench to be measured: its photos, which are looked for, and which of them as strangers."""

    name: str
    photos: Mask
    queries: Mask
    bench_strangers: Mask


def measure(encoder: Encoder, benches: Benches, cache: Path) -> EncoderFigures:
    """The whole protocol for one encoder; its embeddings are kept in the folder `cache`."""
    store = EmbeddingCache(cache, encoder)
    photos = benches.labelled(store.whole(benches))
    queries = benches.identity | benches.queries
    boxed = np.array([row for row in np.flatnonzero(queries) if benches.photos[row].box is not None], dtype=np.intp)
    erased = dict(zip(boxed.tolist(), store.erased(benches, boxed), strict=True))
    thresholds, checks = {}, []
    for species in SPECIES:
        thresholds[species], checked = species_thresholds(benches, photos, species, encoder)
        checks.extend(checked)
    return EncoderFigures(
        encoder=encoder.name,
        fingerprint=str(getattr(encoder, "fingerprint", "")),
        benches=tuple(_bench(question, photos, benches.crowd, erased) for question in _questions(benches)),
        few=tuple(few_photos(benches, photos)),
        checks=tuple(checks),
        thresholds=thresholds,
    )


def _questions(benches: Benches) -> list[_Question]:
    identity = benches.identity | benches.crowd
    questions = [_Question("identity", identity, benches.identity, benches.identity)]
    for species in SPECIES:
        these = benches.of_species(species)
        pets = benches.identity & these
        questions.append(_Question(f"identity, {species}s", identity & these, pets, pets))
    questions.append(_Question("albums", benches.training, benches.queries, benches.queries))
    questions.append(_Question("albums, several places", benches.training, benches.several, benches.queries))
    return questions


def _bench(question: _Question, every: Labelled, crowd: Mask, erased: dict[int, NDArray[np.float32]]) -> BenchFigures:
    place = np.cumsum(question.photos) - 1  # position among the bench's photos of each of all photos
    photos = every.at(question.photos)
    queries, strangers = place[question.queries], place[question.bench_strangers]
    crowd_rows = place[crowd & question.photos]
    ranking = leave_one_out(photos, queries=queries)
    with_portraits = leave_one_out_registered(photos, queries=queries)
    control = [row for row in np.flatnonzero(question.queries).tolist() if row in erased]
    background = leave_one_out(photos, queries=place[control], seen_as=np.stack([erased[row] for row in control]))
    return BenchFigures(
        bench=question.name,
        queries=len(queries),
        animals=len(np.unique(ranking.ids)),
        gallery=len(photos),
        rank1=mean_over_animals(ranking.within(1), ranking.ids),
        rank5=mean_over_animals(ranking.within(5), ranking.ids),
        mean_precision=mean_over_animals(average_precision(photos, queries=queries), ranking.ids),
        equal_error_rate=error_rates(*pair_similarities(photos, queries=queries)).equal,
        found_crowd=found_at(ranking, leave_one_out(photos, queries=crowd_rows)),
        found_bench=found_at(ranking, leave_one_out(photos, queries=strangers)),
        portraits_rank1=with_portraits.share_within(1),
        portraits_found_crowd=found_at(with_portraits, leave_one_out_registered(photos, queries=crowd_rows)),
        portraits_found_bench=found_at(with_portraits, leave_one_out_registered(photos, queries=strangers)),
        erased_queries=len(control),
        erased_rank1=mean_over_animals(background.within(1), background.ids),
    )


def species_thresholds(
    benches: Benches, photos: Labelled, species: str, encoder: Encoder
) -> tuple[Thresholds, list[AlarmCheck]]:
    """The thresholds of one species, the stricter of two kinds of strangers, and how often they are wrong.

    Strangers are the held-out crowd, each photo against the rest of it, and the bench photos against the crowd. Each
    kind's own thresholds are tried on the other kind, among pets with one photo and among pets with several.
    """
    these = benches.of_species(species)
    gallery = photos.at(benches.crowd & these)
    kinds = {"crowd": gallery, "bench": photos.at((benches.identity | benches.queries) & these)}
    counts = PET_COUNTS[species]
    one, other = (measure_thresholds(strangers, gallery, pet_counts=counts) for strangers in kinds.values())
    source = (
        f"measured on {len(gallery)} photos of {species}s that took no part in training and {len(kinds['bench'])} bench"
        f" photos ({encoder.name} {getattr(encoder, 'fingerprint', '')}, python -m petfinder.training.pocket.protocol)"
    )
    final = stricter(one, other, source=source)
    held_out = {"crowd": gallery, "animals with several photos": photos.at(benches.queries & these)}
    everyone = {"training": photos.at(benches.training & these)}
    checks = [
        *_checks(species, {"crowd's": one}, {"bench": kinds["bench"]}, held_out, CHECKED_COUNTS),
        *_checks(species, {"bench's": other}, {"crowd": gallery}, held_out, CHECKED_COUNTS),
        *_checks(species, {"written": final}, kinds, held_out, CHECKED_COUNTS),
        *_checks(species, {"written": final}, kinds, everyone, COUNTS_BEYOND),
    ]
    return final, checks


def _checks(
    species: str,
    thresholds: dict[str, Thresholds],
    strangers: dict[str, Labelled],
    galleries: dict[str, Labelled],
    counts: Sequence[int],
) -> list[AlarmCheck]:
    """False alarms for all combinations, at each number of pets that the gallery has beside a stranger's own."""
    checks = []
    for (measured_on, measured), (kind, photos), (name, gallery) in product(
        thresholds.items(), strangers.items(), galleries.items()
    ):
        known = len(np.unique(gallery.ids))
        for pets in (count for count in counts if count < known):
            together = round(pets * len(gallery) / known)
            cut = measured.at(pets, together)
            match, possible = (
                mean_over_animals(share_reaching(photos, gallery, pets=pets, threshold=threshold), photos.ids)
                for threshold in (cut.match, cut.possible)
            )
            checks.append(
                AlarmCheck(species, measured_on, kind, name, pets, together, cut.extrapolated, match, possible)
            )
    return checks


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
    erased = "no box" if bench.erased_rank1 is None else f"{share(bench.erased_rank1)} of {bench.erased_queries}"
    return [
        f"  {bench.bench}: {bench.queries} queries of {bench.animals} animals in {bench.gallery:,} photos",
        f"    rank-1 {share(bench.rank1)}  rank-5 {share(bench.rank5)}  mAP {share(bench.mean_precision)}"
        f"  EER {bench.equal_error_rate:.3f}",
        f"    found at 1 %: by crowd {found(bench.found_crowd)}; by bench strangers {found(bench.found_bench)}",
        f"    with portraits: rank-1 {bench.portraits_rank1:.3f}; found: crowd {found(bench.portraits_found_crowd)};"
        f" bench {found(bench.portraits_found_bench)}",
        f"    pet painted out of the query: rank-1 {erased}",
    ]


def _check_lines(checks: Sequence[AlarmCheck]) -> list[str]:
    lines: dict[str, list[str]] = {}
    for check in checks:
        title = f"  {check.species}, {check.thresholds} thresholds, {check.strangers} strangers among {check.gallery}"
        mark = "+" if check.extrapolated else ""
        seen = f"match {_kept(check.match, MATCH_ALARMS)}; possible {_kept(check.possible, POSSIBLE_ALARMS)}"
        lines.setdefault(title, []).append(f"    {check.pets:,} pets, {check.photos:,} photos{mark}: {seen}")
    return [line for title, rows in lines.items() for line in (title, *rows)]


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


def write_thresholds(encoder: Encoder, figures: EncoderFigures) -> Path:
    """Write the thresholds beside the weights, where the encoder reads them; gives the file.

    Raises ConfigError for an encoder that keeps no weights file.
    """
    if not isinstance(encoder, PocketEncoder):
        raise ConfigError(f"{encoder.name} brings no thresholds of its own; write those of pocket")
    file = encoder.thresholds_file
    file.write_text(json.dumps(_thresholds_record(figures), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return file


def _thresholds_record(figures: EncoderFigures) -> dict[str, Any]:
    return {
        species: measured.model_dump(mode="json", exclude_none=True) for species, measured in figures.thresholds.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the encoders named on the command line, print their figures, write what was asked for."""
    parser = measuring_parser("protocol", __doc__)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--write-thresholds", action="store_true", help="write pocket's thresholds beside its weights")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logger.info("reading the benches")
    benches = read_benches(options.shared)
    records = []
    for encoder, cache in encoders_of(options):
        logger.info("measuring %s", encoder.name)
        figures = measure(encoder, benches, cache)
        records.append(asdict(figures) | {"thresholds": _thresholds_record(figures)})
        typer.echo(as_text(figures))
        if options.write_thresholds and isinstance(encoder, PocketEncoder):
            logger.info("thresholds written to %s", write_thresholds(encoder, figures))
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
