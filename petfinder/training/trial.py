"""The trial of a fit: made from one half of the pets, it must find the other half better than the encoder alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.tuned import Metrics
from petfinder.evaluation import calibration
from petfinder.evaluation.calibration import PET_COUNTS, Estimate
from petfinder.evaluation.likelihood import likelihood_of, registry_searches, together
from petfinder.evaluation.metrics import Labelled, Rows, average_precision, leave_one_out_registered
from petfinder.training.fit import Views, fit

REPEATS = 3
LEAST_GAIN = 0.005  # of the mAP: for less nobody should encode a registry anew
_THRESHOLD_DRAWS = 100


@dataclass(frozen=True)
class Trial:
    """What came of it: `before` and `after` on pets that were not fitted on, means over all folds.

    `gain`: of the mAP, with 95 % of a bootstrap over pets that changes both alike. `ridge`: the one that did best.
    `thresholds`: the strictest of the folds.
    """

    before: Metrics
    after: Metrics
    gain: Estimate
    ridge: float
    thresholds: Thresholds

    @property
    def better(self) -> bool:
        """Whether rank-1 stays and the mAP rises by half a point, and by more than chance: its whole interval above 0.

        TPIR at FPIR 0.01 does not count: it hangs on the nearest of a few strangers.
        """
        rises = self.gain.value >= LEAST_GAIN and self.gain.low > 0
        return rises and self.after.rank1 >= self.before.rank1 - 1e-9


def try_on_other_pets(views: Views, *, dims: int, seed: int, source: str) -> Trial:
    """Fit on half of the pets, look for the photos of the other half among themselves; both ways, three times anew.

    Of a few ridges each half is given what did best on the other: so few photos do little harm, and no pet is measured
    by a choice that it took part in. Raises InvalidQuery where the embeddings do not differ.
    """
    random = np.random.default_rng(seed)
    gains = np.zeros(len(views))
    before, after, by_ridge = [], [], []
    for _ in range(REPEATS):
        one, other = _halves(views, random)
        folds = [_tried(views, fitted, held_out, dims=dims) for fitted, held_out in ((one, other), (other, one))]
        for fold, chooser in (folds, folds[::-1]):
            tuned = fold.by_ridge[chooser.best]
            queries = fold.rows[fold.before.photos.with_positives()]
            gains[queries] += (tuned.precision - fold.before.precision) / REPEATS
            before.append(fold.before.metrics)
            after.append(tuned)
            by_ridge.append({ridge: held_out.metrics for ridge, held_out in fold.by_ridge.items()})
    queries = views.photos.with_positives()
    means = {ridge: _mean([metrics[ridge] for metrics in by_ridge]) for ridge in by_ridge[0]}
    return Trial(
        before=_mean(before),
        after=_mean([fold.metrics for fold in after]),
        gain=calibration.mean_over_animals(gains[queries], views.ids[queries]),
        ridge=max(means, key=lambda ridge: means[ridge].together),
        thresholds=_thresholds([fold.photos for fold in after], source),
    )


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Held-out pets as one encoder sees them: their embeddings, its metrics, the precision of each query."""

    photos: Labelled
    metrics: Metrics
    precision: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class _Fold:
    """One half of the pets: `rows` are their photos' positions; as the encoder alone sees them, and by each ridge."""

    rows: Rows
    before: _HeldOut
    by_ridge: dict[float, _HeldOut]

    @property
    def best(self) -> float:
        """The ridge by which these pets are found best."""
        return max(self.by_ridge, key=lambda ridge: self.by_ridge[ridge].metrics.together)


def _halves(views: Views, random: np.random.Generator) -> tuple[Rows, Rows]:
    """The photos' positions of two halves of the pets: pets with several photos and those with one evenly in both."""
    several = [rows for rows in views.rows_of_pets if len(rows) > 1]
    alone = [rows for rows in views.rows_of_pets if len(rows) == 1]
    sides: tuple[list[Rows], list[Rows]] = ([], [])
    for group in (several, alone):
        for place, pet in enumerate(random.permutation(len(group))):
            sides[place % 2].append(group[pet])
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def _tried(views: Views, fitted: Rows, held_out: Rows, *, dims: int) -> _Fold:
    photos = views.at(held_out).photos
    by_ridge = {
        ridge: _held_out(Labelled(photos.ids, normaliser.apply(photos.embeddings)))
        for ridge, normaliser in fit(views.at(fitted), dims=dims).items()
    }
    return _Fold(held_out, _held_out(photos), by_ridge)


def _held_out(photos: Labelled) -> _HeldOut:
    ranking, precision = leave_one_out_registered(photos), average_precision(photos)
    found = calibration.found_at(ranking, ranking, draws=1).share.value
    return _HeldOut(photos, Metrics(float(ranking.within(1).mean()), float(precision.mean()), found), precision)


def _mean(parts: Sequence[Metrics]) -> Metrics:
    return Metrics(*np.mean([astuple(part) for part in parts], axis=0).tolist())


def _thresholds(folds: Sequence[Labelled], source: str) -> Thresholds:
    """The strictest of those that the folds give, at numbers of pets that each of them has."""
    most = min(len(np.unique(photos.ids)) for photos in folds) - 1
    counts = sorted({*(count for count in PET_COUNTS if count <= most), most})
    measure = partial(calibration.measure_thresholds, pet_counts=counts, draws=_THRESHOLD_DRAWS)
    measured = [measure(photos, photos) for photos in folds]
    strictest = reduce(lambda one, other: calibration.stricter(one, other, source=source), measured)
    likelihood = likelihood_of(together([registry_searches(photos) for photos in folds]))
    return strictest.model_copy(update={"likelihood": likelihood})
