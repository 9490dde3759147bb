"""Candidates weighed: what photo, place, days and facts say of each, and the probabilities that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from petfinder.domain.evidence import Evidence, Reason
from petfinder.domain.filters import own_place
from petfinder.domain.matches import Match
from petfinder.domain.pets import TAKEN_IN, Pet, Place, Status
from petfinder.domain.verdicts import PhotoLikelihood
from petfinder.matching.days import days_between, days_ratio
from petfinder.matching.facts import FACTS, fact_ratio
from petfinder.matching.photo import leads
from petfinder.matching.place import place_ratio

_ALIKE = ((1.0, "very alike"), (0.0, "alike"), (-1.5, "somewhat alike"), (-math.inf, "little alike"))
_WHERE = {Status.LOST: "where it was lost", Status.FOUND: "where it was found", Status.SIGHTED: "where it was seen"}


@dataclass(frozen=True)
class Asked:
    """What is known beside the photo: where and when the animal was seen (or lost), and what it looks like.

    `told`: the date was given. One that only stands in the photo says nothing about pets that others found, for people
    look for those by an old photo of their own. `now`: the moment by which reports are stale; None: none is.
    """

    place: Place | None = None
    at: datetime | None = None
    told: bool = True
    about: Pet | None = None
    now: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.place or self.at or (self.about and any(getattr(self.about, fact) for fact in FACTS)))


def reasons_of(
    candidates: Sequence[Match], asked: Asked, likelihood: PhotoLikelihood, evidence: Evidence, *, stand_in: float
) -> list[tuple[Reason, ...]]:
    """Tell what speaks for and against each candidate, in falling order of similarity; see `leads`.

    Where nothing else is known, that is the photo alone. How common a status, a colour or a breed is, is counted among
    the candidates: they stand for the gallery, and among pets that look alike a colour in common says little more than
    the photo does.
    """
    pets = [match.pet for match in candidates]
    ahead = leads(np.array([match.similarity for match in candidates], dtype=np.float64), stand_in=stand_in).tolist()
    ratios = [likelihood.curve(len(pet.photos)).log10(lead) for pet, lead in zip(pets, ahead, strict=True)]
    photo = [Reason("photo", next(said for least, said in _ALIKE if ratio >= least), ratio) for ratio in ratios]
    if not asked:
        return [(seen,) for seen in photo]
    mean = float(np.mean([_weight(pet, asked, evidence) for pet in pets])) if pets else 1.0
    return [
        (
            seen,
            *_status(pet, mean, asked, evidence),
            *_place(pet, asked, evidence),
            *_days(pet, asked, evidence),
            *_facts(pet, asked, pets),
        )
        for pet, seen in zip(pets, photo, strict=True)
    ]


def _weight(pet: Pet, asked: Asked, evidence: Evidence) -> float:
    stale = asked.now is not None and evidence.is_stale(pet, asked.now)
    return evidence.weights.get(pet.status, 1.0) * (evidence.stale_weight if stale else 1.0)


def _status(pet: Pet, mean: float, asked: Asked, evidence: Evidence) -> list[Reason]:
    weight = _weight(pet, asked, evidence)
    said = "at home" if pet.status is Status.HOME else str(pet.status)
    return [] if weight == mean else [Reason("status", said, _log10(weight / mean))]


def _place(pet: Pet, asked: Asked, evidence: Evidence) -> list[Reason]:
    place = own_place(pet)
    if asked.place is None or place is None:
        return []
    habits = evidence.habits_of(pet.species, indoor=pet.indoor)
    around, anywhere = evidence.around_km, evidence.anywhere
    ratio = place_ratio(place, asked.place, habits.distance_km, around_km=around, anywhere=anywhere)
    km = round(place.rounded().km_to(asked.place.rounded()))
    where = _WHERE.get(pet.status, "home") if pet.status_place else "home"
    return [Reason("place", f"{f'about {km:,} km' if km else 'under 1 km'} from {where}", _log10(ratio))]


def _days(pet: Pet, asked: Asked, evidence: Evidence) -> list[Reason]:
    """Days between a loss and a find, whichever of the two is registered."""
    if asked.at is None or pet.status_at is None or pet.status not in _WHERE:
        return []
    taken_in = pet.status in TAKEN_IN
    if taken_in and not asked.told:
        return []
    days = days_between(*((asked.at, pet.status_at) if taken_in else (pet.status_at, asked.at)))
    ratio = days_ratio(days, evidence.habits_of(pet.species, indoor=pet.indoor).days)
    count = abs(math.floor(days))
    gap = "the same day" if count == 0 else f"{count:,} {'day' if count == 1 else 'days'}"
    order = (" later" if days > 0 else " earlier") if taken_in else (" before" if days > 0 else " after it was seen")
    return [Reason("days", f"{pet.status} {gap}{order if count else ''}", _log10(ratio))]


def _facts(pet: Pet, asked: Asked, pets: Sequence[Pet]) -> list[Reason]:
    if asked.about is None:
        return []
    reasons = []
    for fact in FACTS:
        if (ratio := fact_ratio(fact, pet, asked.about, pets)) != 1:
            reasons.append(Reason(fact, f"{fact} as told" if ratio > 1 else f"another {fact}", _log10(ratio)))
    return reasons


def _log10(ratio: float) -> float:
    return math.log10(max(ratio, 1e-9))
