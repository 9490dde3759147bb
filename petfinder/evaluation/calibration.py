"""From strangers to thresholds: how near a pet that is not registered comes to those that are.

A stranger is a photo whose own pet is not in the gallery, or is taken out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Interval, Quantiles, Thresholds
from petfinder.evaluation.metrics import Labelled, Mask, Numbers, Ranking, registered

PET_COUNTS = (10, 30, 100, 300, 1000)
BOOTSTRAP_DRAWS = 1000
SEED = 1
_GRID = 1001  # similarities that the bootstrap tries
_TAILS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class BestSimilarities:
    """Strangers' best similarities among `pets` pets: distinct rising `values` and how often each comes up.

    `shares` sum to 1.
    """

    pets: int
    values: Numbers
    shares: NDArray[np.float64]

    def exceeded_by(self, alarms: float) -> float:
        """The lowest similarity, half way between two that were seen, that at most this share of strangers reach."""
        reaching = np.cumsum(self.shares[::-1])[::-1]
        kept = int(np.searchsorted(-reaching, -alarms - 1e-12, side="left"))
        if kept == len(self.values):
            return float(np.nextafter(np.float64(self.values[-1]), np.inf))
        return float(self.values[kept - 1 : kept + 1].mean(dtype=np.float64))


class Impostors:
    """Each stranger's similarities with every pet of a gallery but its own, nearest first.

    A pet's similarity is that of its nearest photo or, from two photos on, its portrait, as a registry searches.
    Raises InvalidQuery where there are no strangers, or too few other pets for those to be drawn.
    """

    def __init__(self, strangers: Labelled, gallery: Labelled) -> None:
        if not len(strangers):
            raise InvalidQuery("thresholds are measured on strangers' photos; there are none")
        known = registered(gallery)
        self.ids = strangers.ids
        self.photos_a_pet = len(gallery) / len(known.pets)
        self._falling = -np.sort(-known.impostors(strangers.embeddings, strangers.ids), axis=1)
        self._others = len(known.pets) - (known.codes(strangers.ids) >= 0)

    @property
    def pets(self) -> int:
        """So many pets can be drawn for every stranger."""
        return int(self._others.min())

    def best_of(self, pets: int) -> BestSimilarities:
        """How near strangers come to the nearest of `pets` pets: over every possible draw, nothing left to chance.

        Of n pets in falling order of similarity, the one at place r is the nearest of N drawn ones with the probability
        C(n-r, N-1) / C(n, N).
        """
        chances = self._chances(pets)
        drawn = chances > 0
        values, places = np.unique(self._falling[drawn], return_inverse=True)
        return BestSimilarities(pets, values, np.bincount(places, weights=chances[drawn]) / len(self._falling))

    def reaching(self, pets: int, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each stranger, the share of draws in which its best similarity reaches each threshold: (q, thresholds)."""
        sums = np.pad(np.cumsum(self._chances(pets), axis=1), ((0, 0), (1, 0)))
        above = [np.searchsorted(-row, -thresholds, side="right") for row in self._falling]
        return np.take_along_axis(sums, np.array(above), axis=1)

    def _chances(self, pets: int) -> NDArray[np.float64]:
        """Of each stranger (q, p), the chance that the pet at each place is the nearest of `pets` drawn ones."""
        if not 1 <= pets <= self.pets:
            raise InvalidQuery(f"cannot search {pets} pets: beside a stranger's own, the gallery has {self.pets}")
        chances = np.zeros(self._falling.shape)
        for others in np.unique(self._others):
            places = np.arange(1, others - pets + 1)
            onwards = np.cumprod((others - places - pets + 1) / (others - places))
            nearest = pets / others * np.append(1.0, onwards)
            chances[self._others == others, : len(nearest)] = np.where(nearest > 1e-12, nearest, 0.0)
        return chances


def measure_thresholds(
    strangers: Labelled,
    gallery: Labelled,
    *,
    pet_counts: Sequence[int] = PET_COUNTS,
    source: str = "",
    draws: int = BOOTSTRAP_DRAWS,
) -> Thresholds:
    """The similarities that 1 % (match) and 30 % (possible) of strangers' best matches reach, by number of pets.

    Measured at each of `pet_counts` that the gallery has, and at all of its pets where it has fewer than the largest;
    where that leaves one number, also at one pet. See `Impostors`. The two may be the same photos: each is
    then a stranger to all pets but its own. Intervals hold 95 % of a bootstrap over the strangers' animals.
    """
    seen = Impostors(strangers, gallery)
    if seen.pets < 1:
        raise InvalidQuery("thresholds need photos of two pets at least")
    most = min(seen.pets, max(pet_counts))
    counts = {count for count in pet_counts if count <= most} | {most}
    if len(counts) == 1:  # one number gives no line to follow to a larger registry
        counts.add(1)
    redrawn = np.array([counts for counts, _ in _redrawn(seen.ids, seen.ids[:0], draws=draws)])
    weights = redrawn / redrawn.sum(axis=1, keepdims=True)
    return Thresholds(measured=tuple(_quantiles(seen, count, weights) for count in sorted(counts)), source=source)


def _quantiles(seen: Impostors, pets: int, redrawn: NDArray[np.float64]) -> Quantiles:
    """The thresholds at one number of pets; `redrawn` (draws, q) weighs the strangers in each draw, summing to 1."""
    best = seen.best_of(pets)
    grid = np.linspace(best.values[0], best.values[-1], _GRID)
    shares = redrawn @ seen.reaching(pets, grid)

    def interval(alarms: float) -> Interval:
        first = np.minimum((shares > alarms).sum(axis=1), len(grid) - 1)
        low, high = np.quantile(grid[first], _TAILS)
        return Interval(low=float(low), high=float(high))

    return Quantiles(
        pets=pets,
        photos=round(pets * seen.photos_a_pet),
        match=best.exceeded_by(MATCH_ALARMS),
        possible=best.exceeded_by(POSSIBLE_ALARMS),
        match_interval=interval(MATCH_ALARMS),
        possible_interval=interval(POSSIBLE_ALARMS),
    )


def stricter(one: Thresholds, other: Thresholds, *, source: str) -> Thresholds:
    """At every number of pets that either was measured at and both cover, the higher of their values.

    Each value keeps its interval; the photos are the fewer ones, which is the stricter again.
    """
    least, most = max(one.measured[0].pets, other.measured[0].pets), min(one.measured[-1].pets, other.measured[-1].pets)
    rows = []
    for pets in sorted({row.pets for row in (*one.measured, *other.measured) if least <= row.pets <= most}):
        both = _row_at(one, pets), _row_at(other, pets)
        match, possible = max(both, key=lambda row: row.match), max(both, key=lambda row: row.possible)
        higher = {"possible": possible.possible, "possible_interval": possible.possible_interval}
        rows.append(match.model_copy(update={**higher, "photos": min(row.gallery_size for row in both)}))
    return Thresholds(measured=tuple(rows), source=source)


def _row_at(thresholds: Thresholds, pets: int) -> Quantiles:
    """What was measured at this number of pets; else what is followed there, its photos too, without intervals."""
    rows = thresholds.measured
    if known := [row for row in rows if row.pets == pets]:
        return known[0]
    cut = thresholds.at(pets)
    photos = round(float(np.interp(pets, [row.pets for row in rows], [row.gallery_size for row in rows])))
    return Quantiles(pets=pets, photos=photos, match=cut.match, possible=cut.possible)


@dataclass(frozen=True)
class Estimate:
    """A measured value and the interval (2.5 to 97.5 %) of its bootstrap over animals."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FoundRate:
    """TPIR at FPIR 0.01 (rank 1): the `share` of queries whose own pet is first and above `threshold`."""

    threshold: float
    share: Estimate


def found_at(queries: Ranking, strangers: Ranking, *, draws: int = BOOTSTRAP_DRAWS) -> FoundRate:
    """TPIR (rank 1) at FPIR 0.01: the share found above what so many of the strangers' best matches exceed.

    Of `strangers` only the nearest other pet counts; they may be the queries themselves. For the interval animals are
    drawn anew, strangers' too, so it holds the uncertainty of the threshold as well.
    """
    threshold = float(np.quantile(strangers.impostor, 1 - MATCH_ALARMS))
    shares = []
    for of_query, of_stranger in _redrawn(queries.ids, strangers.ids, draws=draws):
        cut = float(np.quantile(np.repeat(strangers.impostor, of_stranger), 1 - MATCH_ALARMS))
        shares.append(float(np.average(queries.found(cut), weights=of_query)))
    return FoundRate(threshold, _estimate(float(queries.found(threshold).mean()), shares))


def mean_over_animals(values: Numbers | Mask, ids: NDArray[np.str_], *, draws: int = BOOTSTRAP_DRAWS) -> Estimate:
    """The mean of the queries' values (q,), with its interval over the animals that `ids` (q,) names."""
    shares = [float(np.average(values, weights=counts)) for counts, _ in _redrawn(ids, ids[:0], draws=draws)]
    return _estimate(float(np.mean(values)), shares)


def _redrawn(
    queries: NDArray[np.str_], strangers: NDArray[np.str_], *, draws: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """How often each query and each stranger comes up when as many animals are drawn again, with replacement.

    Animals that are queries too are drawn once for both; the others by themselves.
    """
    random = np.random.default_rng(SEED)
    animals, codes = np.unique(np.concatenate([queries, strangers]), return_inverse=True)
    are_queries = np.isin(animals, queries)
    redrawn = []
    for _ in range(draws):
        counts = np.zeros(len(animals), dtype=np.intp)
        for group in (are_queries, ~are_queries):
            size = int(group.sum())
            counts[group] = np.bincount(random.integers(size, size=size), minlength=size) if size else 0
        redrawn.append((counts[codes[: len(queries)]], counts[codes[len(queries) :]]))
    return redrawn


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    low, high = np.quantile(drawn, _TAILS)
    return Estimate(value, float(low), float(high))
