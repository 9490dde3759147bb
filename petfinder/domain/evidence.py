"""How evidence is weighed: the chance that an animal is registered, weights by status, tables of distances and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from petfinder.domain.pets import Pet, Status
from petfinder.domain.values import ConfigValue, epoch_seconds


class Spread(ConfigValue):
    """A log-normal: its median, in km or days, and the standard deviation `sigma` of the natural logarithm."""

    median: float = Field(gt=0)
    sigma: float = Field(gt=0)


class Habits(ConfigValue):
    """How far a lost animal is found from where it lives, and after how many days."""

    distance_km: Spread
    days: Spread


DOG = Habits(distance_km=Spread(median=0.25, sigma=3.55), days=Spread(median=2, sigma=1.0))
"""Fitted to Kremer et al., Front. Vet. Sci. 8:669428 (2021), and Lord et al., JAVMA 230 (2007)."""
CAT = Habits(distance_km=Spread(median=0.30, sigma=3.52), days=Spread(median=5.6, sigma=1.75))
INDOOR_CAT = Habits(distance_km=Spread(median=0.039, sigma=2.02), days=Spread(median=5.6, sigma=1.75))
"""Fitted to Huang et al., Animals 8(1):5 (2018)."""


class Evidence(ConfigValue):
    """What is assumed where photo, place, days and facts are weighed together; an answer carries it.

    `registered` (0 to 1): the chance that an animal somebody asks for is registered. `weights`: how much more a pet of
    one status is expected to be asked for than one of another. `anywhere` (0 to 1): the share of pets that may turn up
    at any distance. `around_km`: the radius in which strangers live around the place of a search. `habits` by species,
    "indoor cat" for cats that never go out; species that are not named have a dog's. A report is stale, and weighs
    `stale_weight` as much, after its status' `fresh_days`. Two reports become a pair from the probability `pairs_from`
    on. Raises ConfigError.
    """

    registered: float = Field(default=0.3, gt=0, lt=1)
    weights: Mapping[Status, float] = {
        Status.LOST: 1.0,
        Status.FOUND: 1.0,
        Status.SIGHTED: 1.0,
        Status.HOME: 0.05,
        Status.REUNITED: 0.01,
    }
    anywhere: float = Field(default=0.07, gt=0, lt=1)
    around_km: float = Field(default=20.0, gt=0)
    habits: Mapping[str, Habits] = {"dog": DOG, "cat": CAT, "indoor cat": INDOOR_CAT}
    fresh_days: Mapping[Status, int] = {Status.LOST: 90, Status.FOUND: 30, Status.SIGHTED: 14}
    stale_weight: float = Field(default=0.2, gt=0, le=1)
    pairs_from: float = Field(default=0.1, gt=0, le=1)

    def is_stale(self, pet: Pet, at: datetime) -> bool:
        """Tell whether a pet is a report that was neither made nor renewed lately."""
        since = pet.renewed_at or pet.status_at
        days = self.fresh_days.get(pet.status)
        return days is not None and since is not None and epoch_seconds(at) - epoch_seconds(since) > days * 86400

    def habits_of(self, species: str, *, indoor: bool | None = None) -> Habits:
        """Pick the habits of a species."""
        kind = f"indoor {species}" if indoor else species
        return self.habits.get(kind) or self.habits.get(species) or DOG


@dataclass(frozen=True)
class Reason:
    """One piece of evidence for or against a pet: its kind, in words, and the log10 of its likelihood ratio.

    Above 0 it speaks for the pet. The photo weighs that the pet is the one against any stranger's being as alike.
    """

    kind: Literal["photo", "place", "days", "sex", "colour", "breed", "status"]
    words: str
    log10: float
