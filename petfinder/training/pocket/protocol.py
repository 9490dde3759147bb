"""How finding is measured: one protocol for the encoder, its thresholds and the notes.

Run `python -m petfinder.training.pocket.protocol --shared ../shared --encoder pocket --encoder teacher`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from petfinder.domain.errors import ConfigError
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Thresholds
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import PocketEncoder
from petfinder.evaluation import calibration, metrics
from petfinder.evaluation.calibration import Estimate, found_at, mean_over_animals
from petfinder.evaluation.metrics import Labelled, leave_one_out, leave_one_out_registered
from petfinder.training.pocket.benches import (
    Bench,
    Benches,
    EmbeddingCache,
    Record,
    measuring_parser,
    run,
    table,
)
from petfinder.training.pocket.several_photos import few_photos

SPECIES = ("cat", "dog")
PET_COUNTS = {"cat": (10, 30, 100, 300, 550), "dog": (10, 30, 100, 300, 850)}
# Numbers of pets at which promises are checked, as far as a gallery has them; above those of PET_COUNTS, beyond them.
CHECKED_COUNTS = (30, 120, 300)
COUNTS_BEYOND = (1500, 4000)


def measure(encoder: Encoder, benches: Benches, cache: Path) -> Record:
    """The whole protocol for one encoder; its embeddings are kept in the folder `cache`.

    `benches`: what each gave, leave one out, by two kinds of strangers; `portraits_`: the same as a registry answers;
    `erased_`: with the pet painted out of the query. `few`: see `few_photos`. `checks`: see `species_thresholds`, whose
    `thresholds` are there by species.
    """
    store = EmbeddingCache(cache, encoder)
    photos = benches.labelled(store.whole(benches))
    thresholds, checks = {}, []
    identity, *albums = benches.each(photos)
    parts = [identity]
    for species in SPECIES:
        thresholds[species], checked = species_thresholds(benches, photos, species, encoder)
        checks.extend(checked)
        these = benches.of_species(species)
        pets = benches.identity & these
        parts.append(benches.bench(f"identity, {species}s", photos, pets | benches.crowd & these, pets, pets))
    return {
        "encoder": encoder.name,
        "fingerprint": str(getattr(encoder, "fingerprint", "")),
        "benches": [_bench(bench, benches, store) for bench in (*parts, *albums)],
        "few": few_photos(benches, photos),
        "checks": checks,
        "thresholds": thresholds,
    }


def _bench(bench: Bench, benches: Benches, store: EmbeddingCache) -> Record:
    photos, queries = bench.photos, bench.queries
    ranking = leave_one_out(photos, queries=queries)
    with_portraits = leave_one_out_registered(photos, queries=queries)
    boxed = np.array([row for row in queries if benches.photos[bench.rows[row]].box is not None], dtype=np.intp)
    background = leave_one_out(photos, queries=boxed, seen_as=store.erased(benches, bench.rows[boxed]))
    return {
        "bench": bench.name,
        "queries": len(queries),
        "animals": len(np.unique(ranking.ids)),
        "gallery": len(photos),
        "rank1": mean_over_animals(ranking.within(1), ranking.ids),
        "rank5": mean_over_animals(ranking.within(5), ranking.ids),
        "mean_precision": mean_over_animals(metrics.average_precision(photos, queries=queries), ranking.ids),
        "equal_error_rate": metrics.error_rates(*metrics.pair_similarities(photos, queries=queries)).equal,
        "found_crowd": found_at(ranking, leave_one_out(photos, queries=bench.crowd)),
        "found_bench": found_at(ranking, leave_one_out(photos, queries=bench.strangers)),
        "portraits_rank1": with_portraits.share_within(1),
        "portraits_found_crowd": found_at(with_portraits, leave_one_out_registered(photos, queries=bench.crowd)),
        "portraits_found_bench": found_at(with_portraits, leave_one_out_registered(photos, queries=bench.strangers)),
        "erased_queries": len(boxed),
        "erased_rank1": mean_over_animals(background.within(1), background.ids),
    }


def species_thresholds(
    benches: Benches, photos: Labelled, species: str, encoder: Encoder
) -> tuple[Thresholds, list[Record]]:
    """The thresholds of one species, the stricter of two kinds of strangers, and how often they are wrong.

    Strangers are the held-out crowd, each photo against the rest of it, and the bench photos against the crowd. Each
    kind's own thresholds are tried on the other kind, among pets with one photo and among pets with several: the share
    of false alarms (promised: 1 and 30 %) at a number of pets and of all their photos.
    """
    these = benches.of_species(species)
    gallery = photos.at(benches.crowd & these)
    kinds = {"crowd": gallery, "bench": photos.at((benches.identity | benches.queries) & these)}
    counts = PET_COUNTS[species]
    one, other = (calibration.measure_thresholds(strangers, gallery, pet_counts=counts) for strangers in kinds.values())
    source = (
        f"measured on {len(gallery)} photos of {species}s that took no part in training and {len(kinds['bench'])} bench"
        f" photos ({encoder.name} {getattr(encoder, 'fingerprint', '')}, python -m petfinder.training.pocket.protocol)"
    )
    final = calibration.stricter(one, other, source=source)
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
) -> list[Record]:
    """False alarms for all combinations, at each number of pets that the gallery has beside a stranger's own."""
    checks = []
    for (measured_on, measured), (kind, photos), (name, gallery) in product(
        thresholds.items(), strangers.items(), galleries.items()
    ):
        known = len(np.unique(gallery.ids))
        check = {"species": species, "thresholds": measured_on, "strangers": kind, "gallery": name}
        for pets in (count for count in counts if count < known):
            together = round(pets * len(gallery) / known)
            cut = measured.at(pets, together)
            alarms = {
                verdict: mean_over_animals(
                    calibration.share_reaching(photos, gallery, pets=pets, threshold=threshold), photos.ids
                )
                for verdict, threshold in (("match", cut.match), ("possible", cut.possible))
            }
            checks.append({**check, "pets": pets, "photos": together, "extrapolated": cut.extrapolated, **alarms})
    return checks


def tables(figures: Record) -> str:
    """All figures of one encoder as tables: shares with their 95 % interval over animals, similarities as cosines."""
    checks = [
        {**row, "match": _kept(row["match"], MATCH_ALARMS), "possible": _kept(row["possible"], POSSIBLE_ALARMS)}
        for row in figures["checks"]
    ]
    thresholds = [
        {"species": species, **dict(row)}
        for species, measured in figures["thresholds"].items()
        for row in measured.measured
    ]
    by_bench = [
        {"": name, **{bench["bench"]: bench[name] for bench in figures["benches"]}}
        for name in list(figures["benches"][0])[1:]
    ]
    titles = {
        "leave one out; found: first, and above what 1 % of strangers reach; portraits: as a registry answers;"
        " erased: the pet painted out of the query": by_bench,
        "few photos on either side; 30 draws": figures["few"],
        f"false alarms seen (promised: {MATCH_ALARMS} and {POSSIBLE_ALARMS}); < fewer than promised, ! more:"
        " the interval over strangers' animals is all on that side": checks,
        "thresholds with the intervals over strangers' animals": thresholds,
    }
    blocks = [f"{title}\n{table(rows)}" for title, rows in titles.items()]
    return "\n\n".join([f"== {figures['encoder']} {figures['fingerprint']}", *blocks])


def _kept(alarms: Estimate, promised: float) -> str:
    """The share of alarms, and on which side of the promise it surely lies."""
    side = "!" if alarms.low > promised else "<" if alarms.high < promised else ""
    return f"{alarms.value:.4f} ({alarms.low:.4f}-{alarms.high:.4f}){side}"


def write_thresholds(encoder: Encoder, thresholds: Mapping[str, Thresholds]) -> Path:
    """Write the thresholds beside the weights, where the encoder reads them; gives the file.

    Raises ConfigError for an encoder that keeps no weights file.
    """
    if not isinstance(encoder, PocketEncoder):
        raise ConfigError(f"{encoder.name} brings no thresholds of its own; write those of pocket")
    file = encoder.thresholds_file
    file.write_text(json.dumps(_as_json(thresholds), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return file


def _as_json(thresholds: Mapping[str, Thresholds]) -> Record:
    return {species: measured.model_dump(mode="json", exclude_none=True) for species, measured in thresholds.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the encoders named on the command line, print their figures, write what was asked for."""
    parser = measuring_parser("protocol", __doc__)
    parser.add_argument("--write-thresholds", action="store_true", help="write pocket's thresholds beside its weights")
    options = parser.parse_args(arguments)

    def measured(encoder: Encoder, benches: Benches, cache: Path) -> tuple[str, Record]:
        figures = measure(encoder, benches, cache)
        if options.write_thresholds and isinstance(encoder, PocketEncoder):
            write_thresholds(encoder, figures["thresholds"])
        return tables(figures), figures | {"thresholds": _as_json(figures["thresholds"])}

    run(options, measured)


if __name__ == "__main__":
    main()
