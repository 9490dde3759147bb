"""Pairs: two reports that may be one animal, found when one of them was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from petfinder.domain.evidence import Reason
from petfinder.domain.matches import percent
from petfinder.domain.pets import Pet
from petfinder.domain.shown import Listing


class PairState(StrEnum):
    """What a person said of a pair: nothing yet, that it is one animal, that it is not."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, repr=False)
class Pair:
    """Two reports that may be one animal, as searches show them: a lost one first, and the earlier one first.

    `probability` (0 to 1) and `reasons` are those of when they met, `met_at`. `pair_id` is made of both pets' ids.
    """

    pair_id: str
    pets: tuple[Pet, Pet]
    probability: float
    reasons: tuple[Reason, ...]
    met_at: datetime
    state: PairState = PairState.OPEN

    def __repr__(self) -> str:
        one, other = (pet.pet_id for pet in self.pets)
        return f"<Pair {one!r} {other!r} {percent(self.probability)} {self.state}>"


class Pairs(Listing[Pair]):
    """A page of pairs; a notebook shows the two photos of each side by side, without owners and finders."""


@dataclass(frozen=True)
class Alert:
    """A new pair, and the place in the order of alerts: what `alerts(after=)` goes on from."""

    position: str
    pair: Pair
