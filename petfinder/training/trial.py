"""The trial of a fit: made from one half of the pets, it must find the other half better than the encoder alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.tuned import Reached
from petfinder.evaluation.calibration import (
    PET_COUNTS,
    Estimate,
    found_at,
    mean_over_animals,
    measure_thresholds,
    stricter,
)
from petfinder.evaluation.metrics import Labelled, Rows, average_precision, leave_one_out_registered
from petfinder.training.fit import Views, fit

REPEATS = 3
LEAST_GAIN = 0.005  # of the mAP: for less nobody should encode a registry anew
_THRESHOLD_DRAWS = 100


@dataclass(frozen=True)
class Trial:
    """What came of it: `before` and `after` on pets that were not fitted on, means over all halves.

    `gain`: of the mAP, with 95 % of a bootstrap over pets that changes both alike. `ridge`: the one that did best.
    `thresholds`: the strictest of the halves.
    """

    before: Reached
    after: Reached
    gain: Estimate
    ridge: float
    thresholds: Thresholds

    @property
    def better(self) -> bool:
        """Whether rank-1 stays and the mAP rises by half a point, and by more than chance: its whole interval above 0.

        Found at 1 % is not asked: it hangs on the nearest of a few strangers.
        """
        rises = self.gain.value >= LEAST_GAIN and self.gain.low > 0
        return rises and self.after.rank1 >= self.before.rank1 - 1e-9


def try_on_other_pets(views: Views, *, dims: int, seed: int, source: str) -> Trial:
    """Fit on half of the pets, look for the photos of the other half among themselves; both ways, three times anew.

    Of a few ridges, from one that follows the photos to one that leaves nearly all as it was, each half is given what
    did best on the other: so few photos do little harm, and no pet is measured by a choice that it took part in.
    Raises InvalidQuery where the embeddings do not differ.
    """
    random = np.random.default_rng(seed)
    halves: list[_Half] = []
    for _ in range(REPEATS):
        one, other = _halves(views, random)
        tried = [_tried(views, fitted, held_out, dims=dims) for fitted, held_out in ((one, other), (other, one))]
        halves += [_chosen(half, by) for half, by in ((tried[0], tried[1]), (tried[1], tried[0]))]
    gains = sum((half.per_photo(len(views)) for half in halves), np.zeros(len(views))) / REPEATS
    asked = views.photos.with_positives()
    means = {ridge: _mean([half.by_ridge[ridge].reached for half in halves]) for ridge in halves[0].by_ridge}
    return Trial(
        before=_mean([half.before.reached for half in halves]),
        after=_mean([half.after.reached for half in halves]),
        gain=mean_over_animals(gains[asked], views.ids[asked]),
        ridge=max(means, key=lambda ridge: means[ridge].together),
        thresholds=_thresholds([half.after.photos for half in halves], source),
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """Held-out pets as one encoder sees them: their embeddings, what it reached, the precision of each query."""

    photos: Labelled
    reached: Reached
    precision: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class _Half:
    """One half of the pets: `rows` are their photos' positions; as the encoder alone sees them, and by each ridge."""

    rows: Rows
    before: _Seen
    by_ridge: dict[float, _Seen]
    ridge: float = 0.0

    @property
    def best(self) -> float:
        """The ridge by which these pets are found best."""
        return max(self.by_ridge, key=lambda ridge: self.by_ridge[ridge].reached.together)

    @property
    def after(self) -> _Seen:
        return self.by_ridge[self.ridge]

    def per_photo(self, count: int) -> NDArray[np.float64]:
        """The gain in precision of each of all `count` photos; 0 for those that were no query here."""
        gains = np.zeros(count)
        gains[self.rows[self.before.photos.with_positives()]] = self.after.precision - self.before.precision
        return gains


def _chosen(half: _Half, by: _Half) -> _Half:
    return _Half(half.rows, half.before, half.by_ridge, by.best)


def _halves(views: Views, random: np.random.Generator) -> tuple[Rows, Rows]:
    """The photos' positions of two halves of the pets: pets with several photos and those with one evenly in both."""
    several = [rows for rows in views.rows_of_pets if len(rows) > 1]
    alone = [rows for rows in views.rows_of_pets if len(rows) == 1]
    sides: tuple[list[Rows], list[Rows]] = ([], [])
    for group in (several, alone):
        for place, pet in enumerate(random.permutation(len(group))):
            sides[place % 2].append(group[pet])
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def _tried(views: Views, fitted: Rows, held_out: Rows, *, dims: int) -> _Half:
    photos = views.at(held_out).photos
    by_ridge = {
        ridge: _seen(Labelled(photos.ids, normaliser.apply(photos.embeddings)))
        for ridge, normaliser in fit(views.at(fitted), dims=dims).items()
    }
    return _Half(held_out, _seen(photos), by_ridge)


def _seen(photos: Labelled) -> _Seen:
    ranking, precision = leave_one_out_registered(photos), average_precision(photos)
    found = found_at(ranking, ranking, draws=1).share.value
    return _Seen(photos, Reached(ranking.share_within(1), float(precision.mean()), found), precision)


def _mean(parts: Sequence[Reached]) -> Reached:
    rank1, precision, found = np.mean([(part.rank1, part.mean_precision, part.found) for part in parts], axis=0)
    return Reached(float(rank1), float(precision), float(found))


def _thresholds(halves: Sequence[Labelled], source: str) -> Thresholds:
    """The strictest of those that the halves give, at numbers of pets that each of them has."""
    most = min(len(np.unique(photos.ids)) for photos in halves) - 1
    counts = sorted({*(count for count in PET_COUNTS if count <= most), most})
    measured = [measure_thresholds(photos, photos, pet_counts=counts, draws=_THRESHOLD_DRAWS) for photos in halves]
    return reduce(lambda one, other: stricter(one, other, source=source), measured)
