"""How finding is measured: one protocol for the encoder, its thresholds and the notes.

Run `python -m petfinder.training.pocket.protocol --shared ../shared --encoder pocket --encoder teacher`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Cut, PhotoLikelihood, Thresholds
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import PocketEncoder
from petfinder.evaluation import calibration, metrics
from petfinder.evaluation.calibration import BOOTSTRAP_DRAWS, SEED, Estimate, found_at, mean_over_animals
from petfinder.evaluation.metrics import Labelled, Rows, leave_one_out, leave_one_out_registered
from petfinder.training.pocket.benches import (
    CHOOSES,
    HALVES,
    REPORTS,
    SPECIES,
    Bench,
    Benches,
    EmbeddingCache,
    Record,
    as_one_animal,
    choosing_score,
    measuring_parser,
    read_twins,
    run,
    table,
)
from petfinder.training.pocket.likelihoods import fit_likelihood, kept_promises, shares_found
from petfinder.training.pocket.several_photos import few_photos

PET_COUNTS = {"cat": (10, 30, 100, 300, 550), "dog": (10, 30, 100, 300, 850)}
# Numbers of pets at which promises are checked, as far as a gallery has them; above those of PET_COUNTS, beyond them.
CHECKED_COUNTS = (30, 120, 300)
COUNTS_BEYOND = (1500, 4000)


def measure(encoder: Encoder, benches: Benches, cache: Path) -> Record:
    """The whole protocol for one encoder; its embeddings are kept in the folder `cache`.

    `benches`: what each gave, leave one out, by two kinds of strangers; `portraits_`: the same as a registry answers;
    `erased_`: with the pet painted out of the query. `score`: see `choosing_score`. `few`: see `few_photos`. `checks`,
    `thresholds` and `set_by`: see `species_thresholds`. `promises` and `right`: see `petfinder.training.pocket.
    likelihoods`, where pairs of `twins.csv` are one animal.
    """
    store = EmbeddingCache(cache, encoder)
    embeddings = store.whole(benches)
    photos = benches.labelled(embeddings)
    each = benches.each(photos)
    thresholds: dict[str, Thresholds] = {}
    set_by, checks = {}, []
    for species in SPECIES:
        thresholds[species], set_by[species], checked = species_thresholds(benches, photos, species, encoder)
        checks.extend(checked)
    alike = as_one_animal(benches, read_twins())
    photos_alike = alike.labelled(embeddings)
    likelihoods: dict[str, PhotoLikelihood] = {}
    for species in SPECIES:
        if likelihood := fit_likelihood(alike, photos_alike, species):
            likelihoods[species] = likelihood
            thresholds[species] = thresholds[species].model_copy(update={"likelihood": likelihood})
    return {
        "encoder": encoder.name,
        "fingerprint": str(getattr(encoder, "fingerprint", "")),
        "score": choosing_score(benches, embeddings),
        "benches": [_bench(bench, benches, store) for bench in each],
        "few": few_photos(bench for bench in each if bench.half == REPORTS and bench.part in ("", "several places")),
        "checks": checks,
        "thresholds": thresholds,
        "set_by": set_by,
        "promises": kept_promises(alike, photos_alike, likelihoods),
        "right": shares_found(alike, photos_alike, likelihoods),
    }


def _bench(bench: Bench, benches: Benches, store: EmbeddingCache) -> Record:
    photos, queries = bench.photos, bench.queries
    ranking = leave_one_out(photos, queries=queries)
    with_portraits = leave_one_out_registered(photos, queries=queries)
    boxed = np.array([row for row in queries if benches.boxes[bench.rows[row]] is not None], dtype=np.intp)
    background = leave_one_out(photos, queries=boxed, seen_as=store.erased(benches, bench.rows[boxed]))
    return {
        "bench": bench.name,
        "half": bench.half,
        "queries": len(queries),
        "animals": len(np.unique(ranking.ids)),
        "gallery": len(photos),
        "searches_crowd": len(bench.crowd),
        "searches_bench": len(bench.strangers),
        "rank1": mean_over_animals(ranking.within(1), ranking.ids),
        "rank5": mean_over_animals(ranking.within(5), ranking.ids),
        "mean_precision": mean_over_animals(metrics.average_precision(photos, queries=queries), ranking.ids),
        "equal_error_rate": _equal_error_rate(photos, queries),
        "found_crowd": found_at(ranking, leave_one_out(photos, queries=bench.crowd)),
        "found_bench": found_at(ranking, leave_one_out(photos, queries=bench.strangers)),
        "portraits_rank1": mean_over_animals(with_portraits.within(1), ranking.ids),
        "portraits_found_crowd": found_at(with_portraits, leave_one_out_registered(photos, queries=bench.crowd)),
        "portraits_found_bench": found_at(with_portraits, leave_one_out_registered(photos, queries=bench.strangers)),
        "erased_queries": len(boxed),
        "erased_rank1": mean_over_animals(background.within(1), background.ids),
    }


def _equal_error_rate(photos: Labelled, queries: Rows) -> Estimate:
    """The equal error rate of the pairs of a query and another photo, with its interval over the queries' animals."""
    pairs = metrics.pair_similarities(photos, queries=queries)
    rates = metrics.error_rates(*pairs)
    animals, codes = np.unique(photos.ids[queries], return_inverse=True)
    positives = np.array([(photos.ids == photos.ids[row]).sum() - 1 for row in queries])
    counts = np.zeros((2, len(animals), len(rates.similarities) + 1))  # below each similarity, and in all
    for kind, sizes in enumerate((positives, len(photos) - 1 - positives)):
        for code, seen in zip(codes, np.split(pairs[kind], np.cumsum(sizes)[:-1]), strict=True):
            counts[kind, code] += [*np.searchsorted(np.sort(seen), rates.similarities), len(seen)]
    evenly = np.full(len(animals), 1 / len(animals))
    redrawn = np.random.default_rng(SEED).multinomial(len(animals), evenly, size=BOOTSTRAP_DRAWS) @ counts
    misses, kept = redrawn[:, :, :-1] / redrawn[:, :, -1:]
    nearest = np.abs(misses - (1 - kept)).argmin(axis=1)[:, np.newaxis]
    low, high = np.quantile(np.take_along_axis(misses + 1 - kept, nearest, axis=1) / 2, (0.025, 0.975))
    return Estimate(rates.equal, float(low), float(high))


def species_thresholds(
    benches: Benches, photos: Labelled, species: str, encoder: Encoder
) -> tuple[Thresholds, list[Record], list[Record]]:
    """The thresholds of one species, the stricter of two kinds of strangers; who set each; how often they are wrong.

    Strangers are the held-out crowd, each photo against the rest of it, and the bench photos against the crowd; for
    each row of the thresholds it is said which of them set its values, by how many non-mated searches. Each kind's own
    thresholds are tried on the other kind, among pets with one photo and among pets with several: the share of false
    alarms (promised: 1 and 30 %) at a number of pets and of all their photos.
    """
    these = benches.of_species(species)
    gallery, bench = photos.at(benches.crowd & these), photos.at(benches.queries() & these)
    kinds = {"crowd": gallery, "bench": bench}
    measured = {
        kind: calibration.measure_thresholds(strangers, gallery, pet_counts=PET_COUNTS[species])
        for kind, strangers in kinds.items()
    }
    source = (
        f"by {len(gallery)} non-mated searches of {species}s that took no part in training and {len(bench)} of bench"
        f" photos ({encoder.name} {getattr(encoder, 'fingerprint', '')}, python -m petfinder.training.pocket.protocol)"
    )
    final = calibration.stricter(measured["crowd"], measured["bench"], source=source)
    set_by = []
    for pets in (row.pets for row in final.measured):
        cuts = {kind: one.at(pets) for kind, one in measured.items()}
        match, possible = max(cuts, key=lambda kind: cuts[kind].match), max(cuts, key=lambda kind: cuts[kind].possible)
        searches = {"match_searches": len(kinds[match]), "possible_searches": len(kinds[possible])}
        set_by.append({"match_by": match, "possible_by": possible, **searches})
    held_out = {"crowd": gallery, "animals with several photos": bench}
    everyone = {"training": photos.at(benches.training() & these)}
    checks = [
        *_checks(species, {"crowd's": measured["crowd"]}, {"bench": bench}, held_out, CHECKED_COUNTS),
        *_checks(species, {"bench's": measured["bench"]}, {"crowd": gallery}, held_out, CHECKED_COUNTS),
        *_checks(species, {"written": final}, kinds, held_out, CHECKED_COUNTS),
        *_checks(species, {"written": final}, kinds, everyone, COUNTS_BEYOND),
    ]
    return final, set_by, checks


def _alarms(strangers: Labelled, gallery: Labelled, pets: int, cut: Cut) -> NDArray[np.float64]:
    """Of each stranger (q, 2), the share of draws of so many pets in which it is called a match, and a possible one."""
    return calibration.Impostors(strangers, gallery).reaching(pets, np.array([cut.match, cut.possible]))


def _summary(ids: Sequence[NDArray[np.str_]], alarms: Sequence[NDArray[np.float64]]) -> Record:
    """The number of non-mated searches (q,) and the share of false alarms (q, 2) over their animals."""
    animals, shares = np.concatenate(ids), np.concatenate(alarms)
    match, possible = (mean_over_animals(column, animals) for column in shares.T)
    return {"searches": len(animals), "match": match, "possible": possible}


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
            searched = {"pets": pets, "photos": together, "extrapolated": cut.extrapolated}
            alarms = _alarms(photos, gallery, pets, cut)
            checks.append({**check, **searched, **_summary([photos.ids], [alarms])})
    return checks


def tables(figures: Record) -> str:
    """All figures of one encoder as tables: shares with their 95 % interval over animals, similarities as cosines."""
    checks, promises = (
        [
            {**row, "match": _kept(row["match"], MATCH_ALARMS), "possible": _kept(row["possible"], POSSIBLE_ALARMS)}
            for row in figures[name]
        ]
        for name in ("checks", "promises")
    )
    thresholds = [
        {"species": species, **dict(row), **set_by}
        for species, measured in figures["thresholds"].items()
        for row, set_by in zip(measured.measured, figures["set_by"][species], strict=True)
    ]
    halves = {
        half: [
            {"": name, **{bench["bench"]: bench[name] for bench in figures["benches"] if bench["half"] == half}}
            for name in list(figures["benches"][0])[2:]
        ]
        for half in HALVES
    }
    promised = f"(promised: {MATCH_ALARMS} and {POSSIBLE_ALARMS}); < fewer than promised, ! more: the interval over"
    titles = {
        "what chooses, over the choosing halves of three benches": [figures["score"]],
        "choosing halves, leave one out; found: first, and above what 1 % of strangers reach; portraits: as a registry"
        " answers; erased: the pet painted out of the query": halves[CHOOSES],
        "reporting halves": halves[REPORTS],
        "few photos on either side; 30 draws": figures["few"],
        f"false alarms seen {promised} strangers' animals is all on that side": checks,
        f"searches that pass the lines of the probabilities {promised} animals": promises,
        "found by probability: first, called a match, possible; of the first, unknown": figures["right"],
        "thresholds with the intervals over strangers' animals, and the non-mated searches behind them": thresholds,
    }
    blocks = [f"{title}\n{table(rows)}" for title, rows in titles.items() if rows]
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
    file = encoder.file_of("thresholds")
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
