"""How finding is measured: one protocol for the encoder, its thresholds and the notes.

Run `python -m petfinder.training.pocket.protocol --shared ../shared --encoder pocket --encoder teacher`. It may use
every part of petfinder, and prints nothing that it has not just measured.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import PocketEncoder
from petfinder.evaluation.calibration import found_at, mean_over_animals, measure_thresholds, share_reaching, stricter
from petfinder.evaluation.metrics import (
    Labelled,
    average_precision,
    error_rates,
    leave_one_out,
    leave_one_out_registered,
    pair_similarities,
)
from petfinder.training.pocket.benches import Benches, EmbeddingCache, Mask, read_benches
from petfinder.training.pocket.commands import encoders_asked_for, measuring_parser
from petfinder.training.pocket.figures import AlarmCheck, BenchFigures, EncoderFigures, as_text
from petfinder.training.pocket.several_photos import few_photos

logger = logging.getLogger(__name__)

SPECIES = ("cat", "dog")
PET_COUNTS = {"cat": (10, 30, 100, 300, 550), "dog": (10, 30, 100, 300, 850)}
# Numbers of pets at which promises are checked, as far as a gallery has them; above those of PET_COUNTS, beyond them.
CHECKED_COUNTS = (30, 120, 300)
COUNTS_BEYOND = (1500, 4000)


@dataclass(frozen=True, eq=False)
class _Question:
    """A bench to be measured: its photos, which are asked for, which of the crowd are strangers, which have a box."""

    name: str
    photos: Mask
    asked: Mask
    bench_strangers: Mask


def measure(encoder: Encoder, benches: Benches, cache: Path) -> EncoderFigures:
    """The whole protocol for one encoder; its embeddings are kept in the folder `cache`."""
    store = EmbeddingCache(cache, encoder)
    photos = benches.labelled(store.whole(benches))
    asked = benches.identity | benches.asked
    boxed = np.array([row for row in np.flatnonzero(asked) if benches.photos[row].box is not None], dtype=np.intp)
    erased = dict(zip(boxed.tolist(), store.erased(benches, boxed), strict=True))
    thresholds, checks = {}, []
    for species in SPECIES:
        thresholds[species], seen = species_thresholds(benches, photos, species, encoder)
        checks.extend(seen)
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
        own = benches.identity & these
        questions.append(_Question(f"identity, {species}s", identity & these, own, own))
    questions.append(_Question("albums", benches.training, benches.asked, benches.asked))
    questions.append(_Question("albums, several places", benches.training, benches.several, benches.asked))
    return questions


def _bench(question: _Question, every: Labelled, crowd: Mask, erased: dict[int, NDArray[np.float32]]) -> BenchFigures:
    place = np.cumsum(question.photos) - 1  # position among the bench's photos of each of all photos
    photos = every.at(question.photos)
    queries, strangers = place[question.asked], place[question.bench_strangers]
    crowd_rows = place[crowd & question.photos]
    ranking = leave_one_out(photos, queries=queries)
    with_portraits = leave_one_out_registered(photos, queries=queries)
    control = [row for row in np.flatnonzero(question.asked).tolist() if row in erased]
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
    kinds = {"crowd": gallery, "bench": photos.at((benches.identity | benches.asked) & these)}
    counts = PET_COUNTS[species]
    one, other = (measure_thresholds(strangers, gallery, pet_counts=counts) for strangers in kinds.values())
    source = (
        f"measured on {len(gallery)} photos of {species}s that took no part in training and {len(kinds['bench'])} bench"
        f" photos ({encoder.name} {getattr(encoder, 'fingerprint', '')}, python -m petfinder.training.pocket.protocol)"
    )
    final = stricter(one, other, source=source)
    held_out = {"crowd": gallery, "animals with several photos": photos.at(benches.asked & these)}
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


def write_thresholds(encoder: Encoder, figures: EncoderFigures) -> Path:
    """Write the thresholds beside the weights, where the encoder reads them; gives the file.

    Raises ConfigError for an encoder that keeps no weights file.
    """
    if not isinstance(encoder, PocketEncoder):
        raise ConfigError(f"{encoder.name} brings no thresholds of its own; write those of pocket")
    file = encoder.thresholds_file
    measured = {
        species: thresholds.model_dump(mode="json", exclude_none=True)
        for species, thresholds in figures.thresholds.items()
    }
    file.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return file


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the encoders named on the command line, print their figures, write what was asked for."""
    parser = measuring_parser("protocol", __doc__)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--write-thresholds", action="store_true", help="write pocket's thresholds beside its weights")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logger.info("reading the benches")
    benches = read_benches(given.shared)
    everything = []
    for encoder, cache in encoders_asked_for(given):
        logger.info("measuring %s", encoder.name)
        figures = measure(encoder, benches, cache)
        everything.append(figures)
        sys.stdout.write(as_text(figures) + "\n")
        sys.stdout.flush()
        if given.write_thresholds and isinstance(encoder, PocketEncoder):
            logger.info("thresholds written to %s", write_thresholds(encoder, figures))
    if given.json is not None:
        # Thresholds are the only values that asdict does not take apart.
        found = [asdict(figures) for figures in everything]
        given.json.write_text(json.dumps(found, indent=1, default=_plain) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    if isinstance(value, Thresholds):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no form in JSON")


if __name__ == "__main__":
    main()
