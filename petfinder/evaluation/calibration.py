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
from petfinder.evaluation.metrics import Labelled, Numbers, Ranking, registered

PET_COUNTS = (10, 30, 100, 300, 1000)
BOOTSTRAP_DRAWS = 1000
SEED = 1
_GRID = 1001  # similarities at which the bootstrap looks
_TAILS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class BestSimilarities:
    """Strangers' best similarities among `pets` pets: distinct rising `values` and how often each comes up.

    `shares` sum to 1.
    """

    pets: int
    values: Numbers
    shares: NDArray[np.float64]

    def above(self, threshold: float) -> float:
        """The share of strangers whose best similarity reaches the threshold."""
        return float(self.shares[np.searchsorted(self.values, threshold, side="left") :].sum())

    def exceeded_by(self, alarms: float) -> float:
        """The lowest similarity, half way between two that were seen, that at most this share of strangers reach."""
        reaching = np.cumsum(self.shares[::-1])[::-1]
        kept = int(np.searchsorted(-reaching, -alarms - 1e-12, side="left"))
        if kept == len(self.values):
            return float(np.nextafter(np.float64(self.values[-1]), np.inf))
        return float(self.values[kept - 1 : kept + 1].mean(dtype=np.float64))


def best_similarities(strangers: Labelled, gallery: Labelled, *, pets: int) -> BestSimilarities:
    """How near strangers come to the nearest of `pets` pets drawn from the gallery: over every possible draw.

    A pet's similarity is that of its nearest photo or, from two photos on, its portrait, as a registry searches. A
    stranger's own pet is passed over where the gallery has it. Nothing is left to chance: of n pets in falling order
    of similarity, the one at place r is the nearest of N drawn ones with the probability C(n-r, N-1) / C(n, N).
    Raises InvalidQuery where the gallery has too few other pets.
    """
    return _SeenByPet(strangers, gallery).best_of(pets)


def share_reaching(strangers: Labelled, gallery: Labelled, *, pets: int, threshold: float) -> NDArray[np.float64]:
    """Of each stranger (q,), in what share of all draws of `pets` pets its best similarity reaches the threshold.

    As `best_similarities`, of which it is the share above, stranger by stranger.
    """
    return _SeenByPet(strangers, gallery).reaching(pets, np.array([threshold]))[:, 0]


class _SeenByPet:
    """Each stranger's similarities with every pet but its own, nearest first."""

    def __init__(self, strangers: Labelled, gallery: Labelled) -> None:
        if not len(strangers):
            raise InvalidQuery("thresholds are measured on strangers' photos; there are none")
        known = registered(gallery)
        by_pet = known.similarities(strangers.embeddings)
        codes = known.codes(strangers.ids)
        has_own = np.flatnonzero(codes >= 0)
        by_pet[has_own, codes[has_own]] = -np.inf
        self.ids = strangers.ids
        self.photos_a_pet = len(gallery) / len(known.pets)
        self._falling = -np.sort(-by_pet, axis=1)
        self._others = len(known.pets) - (codes >= 0)

    @property
    def pets(self) -> int:
        """So many pets can be drawn for every stranger."""
        return int(self._others.min())

    def best_of(self, pets: int) -> BestSimilarities:
        self._check(pets)
        values, shares = [], []
        for others in np.unique(self._others):
            rows = self._falling[self._others == others]
            chances = _nearest_of_a_draw(int(others), pets)
            values.append(rows[:, : len(chances)].ravel())
            shares.append(np.tile(chances, len(rows)))
        distinct, places = np.unique(np.concatenate(values), return_inverse=True)
        return BestSimilarities(
            pets, distinct, np.bincount(places, weights=np.concatenate(shares)) / len(self._falling)
        )

    def reaching(self, pets: int, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each stranger, the share of draws in which its best similarity reaches each threshold: (q, thresholds)."""
        self._check(pets)
        reached = np.empty((len(self._falling), len(thresholds)))
        for others in np.unique(self._others):
            sums = np.concatenate([[0.0], np.cumsum(_nearest_of_a_draw(int(others), pets))])
            for row in np.flatnonzero(self._others == others):
                near = np.searchsorted(-self._falling[row], -thresholds, side="right")
                reached[row] = sums[np.minimum(near, len(sums) - 1)]
        return reached

    def _check(self, pets: int) -> None:
        if not 1 <= pets <= self.pets:
            raise InvalidQuery(f"cannot search {pets} pets: beside a stranger's own, the gallery has {self.pets}")


def _nearest_of_a_draw(others: int, pets: int) -> NDArray[np.float64]:
    """For each place (nearest first) among `others` pets, the chance that it is the nearest of `pets` drawn ones."""
    places = np.arange(1, others - pets + 1)
    onwards = (others - places - pets + 1) / (others - places)
    chances: NDArray[np.float64] = pets / others * np.concatenate([[1.0], np.cumprod(onwards)])
    return chances[: 1 + int(np.searchsorted(-chances, -1e-12))]


def measure_thresholds(
    strangers: Labelled,
    gallery: Labelled,
    *,
    pet_counts: Sequence[int] = PET_COUNTS,
    source: str = "",
    draws: int = BOOTSTRAP_DRAWS,
    seed: int = SEED,
) -> Thresholds:
    """The similarities that 1 % (match) and 30 % (possible) of strangers' best matches reach, by number of pets.

    Measured at each of `pet_counts` that the gallery has, and at all of its pets where it has fewer than the largest;
    where that leaves one number, also at one pet. See `best_similarities`. The two may be the same photos: each is
    then a stranger to all pets but its own. Intervals hold 95 % of a bootstrap over the strangers' animals.
    """
    seen = _SeenByPet(strangers, gallery)
    if seen.pets < 1:
        raise InvalidQuery("thresholds need photos of two pets at least")
    most = min(seen.pets, max(pet_counts))
    counts = {count for count in pet_counts if count <= most} | {most}
    if len(counts) == 1:  # one number gives no line to follow to a larger registry
        counts.add(1)
    redrawn = _weights(seen.ids, draws=draws, seed=seed)
    return Thresholds(measured=tuple(_quantiles(seen, count, redrawn) for count in sorted(counts)), source=source)


def _weights(ids: NDArray[np.str_], *, draws: int, seed: int) -> NDArray[np.float64]:
    """For each draw of the bootstrap the weight of each stranger (draws, q); those of one draw sum to 1."""
    counts = np.array([counts for counts, _ in _redrawn(ids, ids[:0], draws=draws, seed=seed)], dtype=np.float64)
    weights: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return weights


def _quantiles(seen: _SeenByPet, pets: int, redrawn: NDArray[np.float64]) -> Quantiles:
    best = seen.best_of(pets)
    grid = np.linspace(best.values[0], best.values[-1], _GRID)
    reached = redrawn @ seen.reaching(pets, grid)
    match, possible = (_interval(grid, reached, alarms) for alarms in (MATCH_ALARMS, POSSIBLE_ALARMS))
    return Quantiles(
        pets=pets,
        photos=round(pets * seen.photos_a_pet),
        match=best.exceeded_by(MATCH_ALARMS),
        possible=best.exceeded_by(POSSIBLE_ALARMS),
        match_interval=match,
        possible_interval=possible,
    )


def _interval(grid: NDArray[np.float64], reached: NDArray[np.float64], alarms: float) -> Interval:
    """From the shares that reach each similarity of the grid, draw by draw (draws, grid): where `alarms` of them do."""
    first = np.minimum((reached > alarms).sum(axis=1), len(grid) - 1)
    low, high = np.quantile(grid[first], _TAILS)
    return Interval(low=float(low), high=float(high))


def stricter(one: Thresholds, other: Thresholds, *, source: str) -> Thresholds:
    """At every number of pets that either was measured at and both cover, the higher of their values."""
    least, most = max(one.measured[0].pets, other.measured[0].pets), min(one.measured[-1].pets, other.measured[-1].pets)
    counts = {row.pets for row in (*one.measured, *other.measured) if least <= row.pets <= most}
    return Thresholds(
        measured=tuple(_higher(_row_at(one, count), _row_at(other, count)) for count in sorted(counts)), source=source
    )


def _row_at(thresholds: Thresholds, pets: int) -> Quantiles:
    """What was measured at this number of pets; else what is followed there, its photos too, without intervals."""
    rows = thresholds.measured
    known = [row for row in rows if row.pets == pets]
    if known:
        return known[0]
    cut = thresholds.at(pets)
    photos = round(float(np.interp(pets, [row.pets for row in rows], [row.looks for row in rows])))
    return Quantiles(pets=pets, photos=photos, match=cut.match, possible=cut.possible)


def _higher(one: Quantiles, other: Quantiles) -> Quantiles:
    """The higher value of each, with its interval; the fewer photos, which is the stricter again."""
    match, possible = max(one, other, key=lambda row: row.match), max(one, other, key=lambda row: row.possible)
    return Quantiles(
        pets=one.pets,
        photos=min(one.looks, other.looks),
        match=match.match,
        possible=possible.possible,
        match_interval=match.match_interval,
        possible_interval=possible.possible_interval,
    )


@dataclass(frozen=True)
class Estimate:
    """A measured value and the interval (2.5 to 97.5 %) of its bootstrap over animals."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FoundRate:
    """Found at 1 % false alarms: the `share` of queries whose own pet is first and above `threshold`."""

    threshold: float
    share: Estimate


def alarm_threshold(best_of_strangers: Numbers, *, alarms: float = MATCH_ALARMS) -> float:
    """The quantile of strangers' best similarities (n,) that this share of them exceeds, interpolated."""
    return float(np.quantile(best_of_strangers, 1 - alarms))


def found_at(
    queries: Ranking,
    strangers: Ranking,
    *,
    alarms: float = MATCH_ALARMS,
    draws: int = BOOTSTRAP_DRAWS,
    seed: int = SEED,
) -> FoundRate:
    """The share of queries found above the threshold that `alarms` of the strangers' best matches exceed.

    Of `strangers` only the nearest other pet counts; they may be the queries themselves. For the interval animals are
    drawn anew, strangers' too, so it holds the uncertainty of the threshold as well.
    """
    threshold = alarm_threshold(strangers.impostor, alarms=alarms)
    first, shares = queries.within(1), []
    for of_query, of_stranger in _redrawn(queries.ids, strangers.ids, draws=draws, seed=seed):
        cut = alarm_threshold(np.repeat(strangers.impostor, of_stranger), alarms=alarms)
        shares.append(float(np.average(first & (queries.genuine > cut), weights=of_query)))
    return FoundRate(threshold, _estimate(float(queries.found(threshold).mean()), shares))


def mean_over_animals(
    values: Numbers | NDArray[np.bool_], ids: NDArray[np.str_], *, draws: int = BOOTSTRAP_DRAWS, seed: int = SEED
) -> Estimate:
    """The mean of the queries' values (q,), with its interval over the animals that `ids` (q,) names."""
    shares = [float(np.average(values, weights=counts)) for counts, _ in _redrawn(ids, ids[:0], draws=draws, seed=seed)]
    return _estimate(float(np.mean(values)), shares)


def _redrawn(
    queries: NDArray[np.str_], strangers: NDArray[np.str_], *, draws: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """How often each query and each stranger comes up when as many animals are drawn again, with replacement.

    Animals that are queries too are drawn once for both; the others by themselves.
    """
    random = np.random.default_rng(seed)
    animals, codes = np.unique(np.concatenate([queries, strangers]), return_inverse=True)
    asked = np.isin(animals, queries)
    redrawn = []
    for _ in range(draws):
        counts = np.zeros(len(animals), dtype=np.intp)
        for group in (asked, ~asked):
            size = int(group.sum())
            counts[group] = np.bincount(random.integers(size, size=size), minlength=size) if size else 0
        redrawn.append((counts[codes[: len(queries)]], counts[codes[len(queries) :]]))
    return redrawn


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    low, high = np.quantile(drawn, _TAILS)
    return Estimate(value, float(low), float(high))
