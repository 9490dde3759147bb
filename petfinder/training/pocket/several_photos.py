"""How many photos are worth registering, and bringing: pets looked for with a few of their photos on either side.

The protocol prints what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import Matrix, portrait, unit
from petfinder.evaluation.calibration import SEED, found_at, mean_over_animals
from petfinder.evaluation.metrics import Labelled, Numbers, Ranking, joined, leave_one_out_registered
from petfinder.registry.finder import Combine
from petfinder.training.pocket.benches import Bench, Record

REGISTERED = (1, 2, 3, 5)
BROUGHT = (1, 2, 3)
SAME_PETS = 4  # pets with so many photos are looked for with 1, 2 and 3 of them registered
PHOTO_DRAWS = 30
INTERVAL_DRAWS = 200

Way = Callable[[Matrix], Matrix]
"""From a pet's photo embeddings (n, dims) to those it is searched by (m, dims), of which the nearest counts."""


@dataclass(frozen=True)
class Setting:
    """So many photos registered, so many brought by the finder, how a pet is searched, how query photos combine.

    `least`: only pets with as many photos are looked for, so that settings may be compared on the same pets.
    """

    registered: int
    brought: int
    way: str = "photos and portrait"
    combine: Combine = "mean"
    least: int = 0


def _portrait_alone(photos: Matrix) -> Matrix:
    face = portrait(photos)
    return photos[:1] if face is None else face[np.newaxis]


def _photos_and_portrait(photos: Matrix) -> Matrix:
    return photos if len(photos) < 2 else np.concatenate([photos, _portrait_alone(photos)])


WAYS: Mapping[str, Way] = {
    "photos and portrait": _photos_and_portrait,
    "portrait alone": _portrait_alone,
    "photos alone": lambda photos: photos,
}
"""What a pet is searched by; the first is what a registry does."""


def rankings(
    photos: Labelled, crowd: Labelled, settings: Sequence[Setting], *, draws: int = PHOTO_DRAWS, seed: int = SEED
) -> dict[Setting, Ranking]:
    """How each setting ranks the pets that have enough photos for it, over the same draws of their photos.

    In every draw a pet's photos are put in a random order: the first are registered (or as many as it has) beside the
    crowd, the last are brought. Settings for which no pet has enough photos are left out. Raises InvalidQuery where a
    pet is in the crowd too.
    """
    if np.isin(photos.ids, crowd.ids).any():
        raise InvalidQuery("a pet cannot be in the crowd and looked for: take its photos out of the crowd")
    random = np.random.default_rng(seed)
    crowd_by_way = {way: _searched_by(crowd, way) for way in {setting.way for setting in settings}}
    pets, codes = np.unique(photos.ids, return_inverse=True)
    rows_of = [np.flatnonzero(codes == pet) for pet in range(len(pets))]
    parts: dict[Setting, list[Ranking]] = {}
    for _ in range(draws):
        shuffled = [random.permutation(rows) for rows in rows_of]
        near_crowd: dict[tuple[int, Combine, str], Numbers] = {}
        for setting in settings:
            least = max(setting.least, setting.registered + setting.brought)
            queried = np.flatnonzero([len(rows) >= least for rows in shuffled])
            if not len(queried):
                continue
            queries = _brought(photos.embeddings, shuffled, setting)
            key = (setting.brought, setting.combine, setting.way)
            if key not in near_crowd:
                near_crowd[key] = _nearest(queries, crowd_by_way[setting.way]).max(axis=1, initial=-np.inf)
            kept = [photos.embeddings[rows[: setting.registered]] for rows in shuffled]
            by_pet = _by_pet(queries, [WAYS[setting.way](registered) for registered in kept])
            parts.setdefault(setting, []).append(_ranked(pets, queried, by_pet, near_crowd[key]))
    return {setting: joined(found) for setting, found in parts.items()}


def _searched_by(crowd: Labelled, way: str) -> Matrix:
    """All that the crowd is searched by, (m, dims)."""
    _, codes, counts = np.unique(crowd.ids, return_inverse=True, return_counts=True)
    several = [WAYS[way](crowd.embeddings[codes == pet]) for pet in np.flatnonzero(counts > 1)]
    return np.concatenate([crowd.embeddings[counts[codes] == 1], *several])


def _brought(embeddings: Matrix, shuffled: Sequence[NDArray[np.intp]], setting: Setting) -> Matrix:
    """The query embeddings (pets, 1 or brought, dims) of all pets; those with too few photos repeat some."""
    photos = np.stack([embeddings[np.resize(rows[::-1], setting.brought)] for rows in shuffled])
    return unit(photos.mean(axis=1))[:, np.newaxis] if setting.combine == "mean" else photos


def _by_pet(queries: Matrix, registered: Sequence[Matrix]) -> Numbers:
    """The similarity of each query with the nearest of each pet's embeddings, (q, pets)."""
    starts = np.cumsum([0, *(len(one) for one in registered[:-1])])
    return np.maximum.reduceat(_nearest(queries, np.concatenate(registered)), starts, axis=1)


def _nearest(queries: Matrix, gallery: Matrix) -> Numbers:
    """Of each pet's query embeddings (q, n, dims) the largest similarity with each of the gallery (m, dims): (q, m)."""
    pairs: Numbers = (queries.reshape(-1, queries.shape[-1]) @ gallery.T).reshape(*queries.shape[:2], -1).max(axis=1)
    return pairs


def _ranked(pets: NDArray[np.str_], queried: NDArray[np.intp], by_pet: Numbers, near_crowd: Numbers) -> Ranking:
    genuine = by_pet[queried, queried]
    impostors = by_pet[queried].copy()
    impostors[np.arange(len(queried)), queried] = -np.inf
    nearest = np.maximum(impostors.max(axis=1), near_crowd[queried])
    ahead = (impostors >= genuine[:, np.newaxis]).sum(axis=1) + (near_crowd[queried] >= genuine)
    return Ranking(pets[queried], 1 + ahead, genuine, nearest)


def few_photos(benches: Iterable[Bench]) -> list[Record]:
    """What each setting gave on each bench: every number of registered and brought photos, each way to search a pet.

    All other animals of a bench's gallery are strangers to those that are looked for.
    `found_crowd` is None for several query photos: the strangers of the crowd have one each.
    """
    settings = [Setting(registered, brought) for registered in REGISTERED for brought in BROUGHT]
    settings += [Setting(one.registered, one.brought, combine="best") for one in settings if one.brought > 1]
    settings += [Setting(number, 1, way) for number in REGISTERED[1:] for way in ("portrait alone", "photos alone")]
    settings += [Setting(number, 1, least=SAME_PETS) for number in REGISTERED if number < SAME_PETS]
    figures: list[Record] = []
    for bench in benches:
        pets = bench.photos.at(bench.queries)
        others = ~np.isin(bench.photos.ids, pets.ids)
        beside = bench.photos.at(others)
        strangers = np.flatnonzero(np.isin(np.flatnonzero(others), bench.crowd))
        crowd = leave_one_out_registered(beside, queries=strangers)
        figures += [
            {
                "bench": bench.name,
                **vars(setting),
                "animals": len(np.unique(ranking.ids)),
                "rank1": mean_over_animals(ranking.within(1), ranking.ids, draws=INTERVAL_DRAWS),
                "found_crowd": found_at(ranking, crowd, draws=INTERVAL_DRAWS) if setting.brought == 1 else None,
                "found_bench": found_at(ranking, ranking, draws=INTERVAL_DRAWS),
            }
            for setting, ranking in rankings(pets, beside, settings).items()
        ]
    return figures
