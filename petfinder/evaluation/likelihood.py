"""From searches whose answer is known to the curves that turn a lead into a likelihood ratio.

A mated search has its own pet in the gallery, a non-mated one has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Curve, PhotoLikelihood
from petfinder.evaluation.metrics import Labelled, Mask, Numbers, registered
from petfinder.matching.photo import leads

FEWEST_ANIMALS = 30
"""Chosen: with fewer animals in mated searches no curve is fitted, and thresholds stay what verdicts go by."""

_KEPT = 40  # pets of a search: those behind them weigh nothing
_FAR = -1.0  # the lead of no pet
_STEPS, _TOLERANCE = 100, 1e-6
_SLOPE_IN_DEVIATIONS = 2.0  # of the nearest strangers' leads, per unit of log ratio: where few animals say otherwise

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Searches:
    """Leads of the nearest pets (s, 40) of each search, the place of its own among them (-1: non-mated), its animal."""

    leads: Floats
    own: NDArray[np.intp]
    ids: NDArray[np.str_]

    @property
    def mated(self) -> Mask:
        """Which have their own pet in the gallery."""
        return self.own >= 0


def searches(by_pet: Numbers, own: NDArray[np.intp], ids: NDArray[np.str_], *, stand_in: float = 0.0) -> Searches:
    """Take searches as they went: similarities with each pet (s, p), -inf for those not in the gallery.

    `own` (s,) is the column of the own pet, -1 in a non-mated search; `ids` (s,) the animal that was looked for.
    """
    rows, places = np.full((len(by_pet), _KEPT), _FAR), np.full(len(by_pet), -1, dtype=np.intp)
    for row, (seen, column) in enumerate(zip(by_pet, own.tolist(), strict=True)):
        order = np.argsort(-seen, kind="stable")[:_KEPT]
        order = order[np.isfinite(seen[order])]
        if column >= 0 and column not in order:
            order[-1] = column
        rows[row, : len(order)] = np.maximum(leads(seen[order].astype(np.float64), stand_in=stand_in), _FAR)
        if column >= 0:
            places[row] = int(np.flatnonzero(order == column)[0])
    return Searches(rows, places, ids)


def together(parts: Sequence[Searches]) -> Searches:
    """All searches of several sets."""
    columns = ([getattr(part, name) for part in parts] for name in ("leads", "own", "ids"))
    return Searches(*map(np.concatenate, columns))


def fit_curve(known: Searches, *, photos: int = 1) -> Curve:
    """Fit how much likelier a lead is for the own pet of a mated search than for any pet of a non-mated one.

    Logistic regression by Newton's method: its log odds are the log ratio of the two densities where each kind of
    search weighs one in all, every animal alike. The slopes have a weak prior, worth one animal, for animals that are
    told apart without a single mistake. `photos`: how many photos the pets had at least.
    """
    mated, others = np.flatnonzero(known.mated), np.flatnonzero(~known.mated)
    own, strangers = known.leads[mated, known.own[mated]], known.leads[others]
    there = strangers > _FAR
    ahead = np.concatenate([own, strangers[there]])
    parts = [np.ones_like(ahead), np.minimum(ahead, Curve.BEND), np.maximum(ahead - Curve.BEND, 0)]
    rows = np.stack(parts, axis=-1)  # (n, 3): what the three numbers of a curve are multiplied by
    right = np.arange(len(rows)) < len(own)
    weights = np.concatenate([_evenly(known.ids[mated]), (_evenly(known.ids[others])[:, np.newaxis] * there)[there]])
    scale = _SLOPE_IN_DEVIATIONS / max(float(strangers[:, 0].std()), 1e-3)
    prior, strength = np.array([0.0, scale, scale]), np.array([0.0, 1.0, 1.0]) / scale**2
    strength /= len(np.unique(known.ids[mated]))
    signs = np.where(right, -1.0, 1.0)

    def loss(curve: Floats) -> float:
        return float(weights @ np.logaddexp(0, signs * (rows @ curve)) + strength @ (curve - prior) ** 2 / 2)

    curve = np.array([-scale * Curve.BEND, scale, scale])
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(rows @ curve, -60, 60)))
        slope = rows.T @ (weights * (right - chances)) - strength * (curve - prior)
        bend = (rows * (weights * chances * (1 - chances))[:, np.newaxis]).T @ rows + np.diag(strength + 1e-9)
        step, size = np.linalg.solve(bend, slope), 1.0
        while loss(curve + size * step) > loss(curve) and size > _TOLERANCE:
            size /= 2
        curve = curve + size * step
        if np.abs(step).max() < _TOLERANCE * scale:
            break
    bias, below, above = curve.tolist()
    return Curve(photos=photos, bias=bias, below=max(below, 1e-3), above=max(above, 1e-3))


def _evenly(ids: NDArray[np.str_]) -> Floats:
    """Weights (n,) that sum to one, every animal alike."""
    _, codes, counts = np.unique(ids, return_inverse=True, return_counts=True)
    weights: Floats = 1 / counts[codes] / len(counts)
    return weights


def best_ratio(known: Searches, curve: Curve) -> Floats:
    """Of each search, the log10 of the likelihood ratio of its nearest pet (s,)."""
    return np.array([curve.log10(lead) for lead in known.leads.max(axis=1).tolist()])


def alarms(known: Searches, curve: Curve) -> tuple[float, float]:
    """The ratios that the best pet of 1 % and of 30 % of the non-mated searches reaches (log10)."""
    best = best_ratio(known, curve)[~known.mated]
    match, possible = np.quantile(best, [1 - MATCH_ALARMS, 1 - POSSIBLE_ALARMS])
    return float(match), float(possible)


def registry_searches(photos: Labelled, *, queries: NDArray[np.intp] | None = None) -> Searches:
    """Look for photos as a registry of just these pets would: each among all others, with its own pet and without.

    `queries`: the rows that are looked for, where not all are.
    """
    rows = np.arange(len(photos)) if queries is None else queries
    gallery, ids = registered(photos), photos.ids[rows]
    strangers = gallery.impostors(photos.embeddings[rows], ids)
    several = np.flatnonzero(np.isin(rows, photos.with_positives()))
    mated, columns = strangers[several], gallery.codes(ids[several])
    for place, row in enumerate(rows[several].tolist()):
        rest = np.flatnonzero((photos.ids == photos.ids[row]) & (np.arange(len(photos)) != row))
        mated[place, columns[place]] = float(registered(photos.at(rest)).similarities(photos.embeddings[[row]])[0, 0])
    alone = np.full(len(rows), -1, dtype=np.intp)
    return together([searches(mated, columns, ids[several]), searches(strangers, alone, ids)])


def likelihood_of(known: Searches) -> PhotoLikelihood | None:
    """Fit one curve and its lines to searches; None where fewer than 30 animals were looked for with their own pet."""
    if len(np.unique(known.ids[known.mated])) < FEWEST_ANIMALS:
        return None
    curve = fit_curve(known)
    match, possible = alarms(known, curve)
    return PhotoLikelihood(curves=(curve,), match=match, possible=possible)
