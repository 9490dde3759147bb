"""From embeddings of photos whose pet is known to everything that an evaluation tells.

Knows measures and calibration; no photo, no encoder, no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from petfinder.calibration import SEED, Estimate, found_at, mean_over_animals, measure_thresholds
from petfinder.errors import InvalidQuery
from petfinder.evaluation import FOUND, MEAN_PRECISION, RANK1, RANK5, Evaluation, Latency
from petfinder.measures import (
    Labelled,
    Rows,
    average_precision,
    error_rates,
    leave_one_out_registered,
    pair_similarities,
    registered,
)
from petfinder.reports import Failure
from petfinder.vectors import nearest_rows

_TIMED_SEARCHES = 50
_PAIRS = 10_000_000  # photos compared at once at most: what is computed from them takes some 25 bytes a pair
_FEWEST = 500  # query photos that a large collection is tried with at least


@dataclass(frozen=True, eq=False)
class Tried:
    """An encoder's evaluation and what stands behind its means: the value of each query photo (q,) by measure.

    `ids` (q,) names the query photos' pets, in the same order for every encoder tried on the same samples.
    """

    evaluation: Evaluation
    ids: NDArray[np.str_]
    values: Mapping[str, NDArray[np.float64]]


def measured(
    photos: Labelled,
    *,
    encoder: str,
    where: str = "",
    background: Estimate | None = None,
    decode: float | None = None,
    encode: float | None = None,
    failures: tuple[Failure, ...] = (),
    notes: tuple[str, ...] = (),
) -> Tried:
    """Every photo taken out once and looked for among all others, as a registry of just these pets would do.

    Of more than some 3,000 photos only those of some pets, drawn with a fixed seed, are looked for; `notes` says so.
    `encoder` is the name of what made the embeddings, `where` begins the thresholds' source; `background`, `decode` and
    `encode` (ms) are what the embeddings cannot tell.
    """
    every = photos.with_mates()
    queries = _drawn(photos.ids, every, most=max(_FEWEST, _PAIRS // len(photos)))
    strangers = photos
    if len(queries) < len(every):
        strangers = photos.at(queries)
        notes = (*notes, f"{len(queries):,} of {len(every):,} photos, drawn by pet, were looked for among all others")
    ranking = leave_one_out_registered(photos, queries=queries)
    found = found_at(ranking, ranking)
    values = {
        RANK1: ranking.within(1).astype(np.float64),
        RANK5: ranking.within(5).astype(np.float64),
        MEAN_PRECISION: np.asarray(average_precision(photos, queries=queries), dtype=np.float64),
        FOUND: ranking.found(found.threshold).astype(np.float64),
    }
    pets = len(np.unique(photos.ids))
    source = f"petfinder.evaluate with {encoder} on {where}{len(photos)} photos of {pets} pets"
    evaluation = Evaluation(
        encoder=encoder,
        pets=pets,
        photos=len(photos),
        queries=len(queries),
        rank1=mean_over_animals(values[RANK1], ranking.ids),
        rank5=mean_over_animals(values[RANK5], ranking.ids),
        mean_precision=mean_over_animals(values[MEAN_PRECISION], ranking.ids),
        errors=error_rates(*pair_similarities(photos, queries=queries)),
        found=found,
        background=background,
        latency=Latency(decode=decode, encode=encode, search=float(np.median(_search_seconds(photos))) * 1000),
        thresholds=measure_thresholds(strangers, photos, source=source),
        ranking=ranking,
        failures=failures,
        notes=notes,
    )
    return Tried(evaluation, ranking.ids, values)


def _drawn(ids: NDArray[np.str_], queries: Rows, *, most: int) -> Rows:
    """The query photos of as many pets as have at most so many, drawn with a fixed seed; all where these are few."""
    if len(queries) <= most:
        return queries
    pets, places, counts = np.unique(ids[queries], return_inverse=True, return_counts=True)
    order = np.random.default_rng(SEED).permutation(len(pets))
    chosen = order[np.cumsum(counts[order]) <= most]
    return queries[np.isin(places, chosen)]


def check_enough(pet_ids: Sequence[str], where: str, *, remedy: str) -> None:
    """Raise InvalidQuery where fewer than two pets have two photos; `pet_ids` names the pet of each photo."""
    pets, counts = np.unique(np.array(pet_ids, dtype=np.str_), return_counts=True)
    several = int((counts > 1).sum())
    if several < 2:
        raise InvalidQuery(
            f"an evaluation needs two photos each of at least two pets; {where}: {len(pets)} pets with photos,"
            f" {several} of them with two or more. {remedy}"
        )


def _search_seconds(photos: Labelled) -> list[float]:
    """How long the first photos take to be looked for among all pets, one after the other."""
    gallery = registered(photos)
    seconds = []
    for embedding in photos.embeddings[:_TIMED_SEARCHES]:
        started = perf_counter()
        nearest_rows(gallery.similarities(embedding[np.newaxis])[0], 5)
        seconds.append(perf_counter() - started)
    return seconds
