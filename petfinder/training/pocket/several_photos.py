"""How many photos are worth registering, and bringing: pets looked for with a few of their photos on either side.

Run `python -m petfinder.training.pocket.several_photos --shared ../shared --encoder pocket` for other ways to combine
photos too. Knows the benches, measures and calibration.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import Matrix, unit
from petfinder.evaluation.calibration import SEED, found_at, mean_over_animals
from petfinder.evaluation.metrics import Labelled, Numbers, Ranking, joined, leave_one_out_registered
from petfinder.photos.read import read_photo
from petfinder.registry.finder import Combine
from petfinder.training.pocket.benches import Benches, EmbeddingCache, Mask, read_benches
from petfinder.training.pocket.commands import encoders_asked_for, measuring_parser
from petfinder.training.pocket.figures import FewFigures, few_lines
from petfinder.training.pocket.portraits import TRIED, WAYS, Looks, sharpness_of

REGISTERED = (1, 2, 3, 5)
BROUGHT = (1, 2, 3)
TRIED_WITH = (2, 3, 4, 5)
SAME_PETS = 4  # pets with so many photos are looked for with 1, 2 and 3 of them registered
PHOTO_DRAWS = 30
INTERVAL_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Sample:
    """Pets with several photos each, a crowd beside them, and how sharp every photo is (1 where it does not matter)."""

    photos: Labelled
    crowd: Labelled
    sharpness: Numbers
    crowd_sharpness: Numbers


def sampled(photos: Labelled, crowd: Labelled) -> Sample:
    """Pets and a crowd whose photos are equally sharp. Raises InvalidQuery where a pet is in both."""
    if np.isin(photos.ids, crowd.ids).any():
        raise InvalidQuery("a pet cannot be in the crowd and looked for: take its photos out of the crowd")
    return Sample(photos, crowd, np.ones(len(photos)), np.ones(len(crowd)))


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


def rankings(
    sample: Sample,
    settings: Sequence[Setting],
    *,
    ways: Mapping[str, Looks] = WAYS,
    draws: int = PHOTO_DRAWS,
    seed: int = SEED,
) -> dict[Setting, Ranking]:
    """How each setting ranks the pets that have enough photos for it, over the same draws of their photos.

    In every draw a pet's photos are put in a random order: the first are registered (or as many as it has) beside the
    crowd, the last are brought. Settings for which no pet has enough photos are left out.
    """
    random = np.random.default_rng(seed)
    crowd = _Crowd(sample, ways)
    pets, codes = np.unique(sample.photos.ids, return_inverse=True)
    rows_of = [np.flatnonzero(codes == pet) for pet in range(len(pets))]
    parts: dict[Setting, list[Ranking]] = {}
    for _ in range(draws):
        shuffled = [random.permutation(rows) for rows in rows_of]
        near_crowd: dict[tuple[int, Combine, str], Numbers] = {}
        for setting in settings:
            least = max(setting.least, setting.registered + setting.brought)
            asked = [pet for pet, rows in enumerate(shuffled) if len(rows) >= least]
            if not asked:
                continue
            queries = _brought(sample.photos.embeddings, shuffled, setting)
            key = (setting.brought, setting.combine, setting.way)
            if key not in near_crowd:
                near_crowd[key] = crowd.nearest(queries, setting.way)
            by_pet = _by_pet(sample, shuffled, setting, ways[setting.way], queries)
            parts.setdefault(setting, []).append(_ranked(pets, np.array(asked), by_pet, near_crowd[key]))
    return {setting: joined(found) for setting, found in parts.items()}


def _brought(embeddings: Matrix, shuffled: Sequence[NDArray[np.intp]], setting: Setting) -> Matrix:
    """The query looks (pets, 1 or brought, dims) of all pets; those with too few photos repeat some."""
    photos = np.stack([embeddings[np.resize(rows[::-1], setting.brought)] for rows in shuffled])
    return unit(photos.mean(axis=1))[:, np.newaxis] if setting.combine == "mean" else photos


def _by_pet(
    sample: Sample, shuffled: Sequence[NDArray[np.intp]], setting: Setting, looks: Looks, queries: Matrix
) -> Numbers:
    kept = [rows[: setting.registered] for rows in shuffled]
    there = [looks(sample.photos.embeddings[rows], sample.sharpness[rows]) for rows in kept]
    starts = np.cumsum([0, *(len(one) for one in there[:-1])])
    return np.maximum.reduceat(_nearest(queries, np.concatenate(there)), starts, axis=1)


def _nearest(queries: Matrix, looks: Matrix) -> Numbers:
    """Of each pet's query looks (q, n, dims) the largest similarity with each look (m, dims): (q, m)."""
    pairs: Numbers = (queries.reshape(-1, queries.shape[-1]) @ looks.T).reshape(*queries.shape[:2], -1).max(axis=1)
    return pairs


def _ranked(pets: NDArray[np.str_], asked: NDArray[np.intp], by_pet: Numbers, near_crowd: Numbers) -> Ranking:
    own = by_pet[asked, asked]
    others = by_pet[asked].copy()
    others[np.arange(len(asked)), asked] = -np.inf
    nearest = np.maximum(others.max(axis=1), near_crowd[asked])
    ahead = (others >= own[:, np.newaxis]).sum(axis=1) + (near_crowd[asked] >= own)
    return Ranking(pets[asked], 1 + ahead, own, nearest)


class _Crowd:
    """The strangers registered beside the pets, of whom only the nearest counts."""

    def __init__(self, sample: Sample, ways: Mapping[str, Looks]) -> None:
        crowd = sample.crowd
        _, codes, counts = np.unique(crowd.ids, return_inverse=True, return_counts=True)
        self._alone = crowd.embeddings[counts[codes] == 1]
        several = [np.flatnonzero(codes == pet) for pet in np.flatnonzero(counts > 1)]
        self._several = {
            way: [looks(crowd.embeddings[rows], sample.crowd_sharpness[rows]) for rows in several]
            for way, looks in ways.items()
        }

    def nearest(self, queries: Matrix, way: str) -> Numbers:
        """Of each pet's query looks (q, n, dims), the similarity with the nearest stranger (q,)."""
        looks = [group for group in (self._alone, *self._several[way]) if len(group)]
        if not looks:
            return np.full(len(queries), -np.inf)
        nearest: Numbers = _nearest(queries, np.concatenate(looks)).max(axis=1)
        return nearest


def few_photos(benches: Benches, photos: Labelled) -> list[FewFigures]:
    """The protocol's table: every number of registered and brought photos, each way to search a pet."""
    settings = [Setting(registered, brought) for registered in REGISTERED for brought in BROUGHT]
    settings += [Setting(one.registered, one.brought, combine="best") for one in settings if one.brought > 1]
    settings += [Setting(number, 1, way) for number in REGISTERED[1:] for way in ("portrait alone", "photos alone")]
    settings += [Setting(number, 1, least=SAME_PETS) for number in REGISTERED if number < SAME_PETS]
    return [
        figure
        for bench, own, others in _benches(benches)
        for figure in _figures(bench, sampled(photos.at(own), photos.at(others)), settings, benches.crowd[others])
    ]


def _benches(benches: Benches) -> Iterator[tuple[str, Mask, Mask]]:
    # A held-out photo of an even-numbered animal is one of the bench there, and not of the crowd.
    beside = benches.training & ~benches.albums
    yield "identity", benches.identity, benches.crowd
    yield "albums", benches.albums, beside
    yield "albums, several places", benches.several, beside


def _figures(
    bench: str, sample: Sample, settings: Sequence[Setting], strangers: Mask, ways: Mapping[str, Looks] = WAYS
) -> list[FewFigures]:
    """The figures of each setting; strangers of the crowd have one photo, so they only tell of one that is brought."""
    crowd = leave_one_out_registered(sample.crowd, queries=np.flatnonzero(strangers))
    return [
        FewFigures(
            bench=bench,
            registered=setting.registered,
            brought=setting.brought,
            way=setting.way,
            combine=setting.combine,
            least=setting.least,
            animals=len(np.unique(ranking.ids)),
            rank1=mean_over_animals(ranking.within(1), ranking.ids, draws=INTERVAL_DRAWS),
            found_crowd=found_at(ranking, crowd, draws=INTERVAL_DRAWS) if setting.brought == 1 else None,
            found_bench=found_at(ranking, ranking, draws=INTERVAL_DRAWS),
        )
        for setting, ranking in rankings(sample, settings, ways=ways).items()
    ]


def other_ways(benches: Benches, photos: Labelled, sharpness: Numbers) -> list[FewFigures]:
    """The same for portraits made in other ways, with one photo brought; `sharpness` (n,) of all photos."""
    settings = [Setting(number, 1, way) for number in TRIED_WITH for way in TRIED]
    return [
        figure
        for bench, own, others in _benches(benches)
        for figure in _figures(
            bench,
            Sample(photos.at(own), photos.at(others), sharpness[own], sharpness[others]),
            settings,
            benches.crowd[others],
            TRIED,
        )
    ]


def _sharpness(benches: Benches) -> Numbers:
    """The sharpness of every photo of an animal that has several; 1 for the others, where it does not matter."""
    _, codes, counts = np.unique([photo.animal for photo in benches.photos], return_inverse=True, return_counts=True)
    found = np.ones(len(benches.photos))
    for row in np.flatnonzero(counts[codes] > 1).tolist():
        found[row] = sharpness_of(read_photo(benches.folder / benches.photos[row].file).image)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of a few photos and that of other ways, for each encoder."""
    given = measuring_parser("several_photos", __doc__).parse_args(arguments)
    benches = read_benches(given.shared)
    for encoder, cache in encoders_asked_for(given):
        photos = benches.labelled(EmbeddingCache(cache, encoder).whole(benches))
        sys.stdout.write("\n".join(few_lines(few_photos(benches, photos))) + "\n")
        sys.stdout.flush()
        sys.stdout.write("\n".join(few_lines(other_ways(benches, photos, _sharpness(benches)))) + "\n")


if __name__ == "__main__":
    main()
