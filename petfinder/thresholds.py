"""Verdicts and the thresholds behind them: how similar a stranger's best match gets, by the number of pets searched.

Knows numbers only; `evaluate` measures them, an encoder brings its own, an index remembers them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from petfinder.errors import ConfigError, PetfinderError
from petfinder.pets import Value

MATCH_ALARMS = 0.01  # share of strangers whose best match may lie above the match threshold
POSSIBLE_ALARMS = 0.30  # the same for "possible"


class Verdict(StrEnum):
    """What a similarity is worth: surely worth a call, worth a look, or a pet that is not known here."""

    MATCH = "match"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


class Cut(Value):
    """The two similarities that part match from possible and possible from unknown, for one number of pets.

    `extrapolated` says that nothing was measured at this number of pets.
    """

    match: float
    possible: float
    extrapolated: bool = False

    def verdict(self, similarity: float) -> Verdict:
        """The verdict on one similarity (raw cosine)."""
        if similarity >= self.match:
            return Verdict.MATCH
        return Verdict.POSSIBLE if similarity >= self.possible else Verdict.UNKNOWN


class Quantiles(Value):
    """Of strangers' best similarities among `pets` pets: the value that 1 % (match) and 30 % (possible) exceed."""

    pets: int = Field(ge=1)
    match: float
    possible: float


class Thresholds(Value):
    """Measured quantiles at rising numbers of pets, and on what they were measured.

    Between the numbers measured, and beyond them, a line on the logarithm of the number of pets is followed.
    """

    refusal: ClassVar[type[PetfinderError]] = ConfigError

    measured: tuple[Quantiles, ...] = Field(min_length=1)
    source: str = ""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        counts = [row.pets for row in self.measured]
        if counts != sorted(set(counts)):
            raise ValueError("thresholds must be measured at rising numbers of pets, each once")
        return self

    def at(self, pets_searched: int) -> Cut:
        """The thresholds for this many pets left after the filter (0 counts as 1)."""
        pets = max(1, pets_searched)
        rows = self.measured
        below = [row for row in rows if row.pets <= pets]
        above = [row for row in rows if row.pets >= pets]
        if below and above:
            low, high = below[-1], above[0]
        elif len(rows) == 1:
            low = high = rows[0]
        else:
            low, high = rows[-2:] if below else rows[:2]
        way = 0.0 if low is high else math.log(pets / low.pets) / math.log(high.pets / low.pets)
        match = low.match + way * (high.match - low.match)
        possible = low.possible + way * (high.possible - low.possible)
        return Cut(match=min(match, 1.0), possible=min(possible, match, 1.0), extrapolated=not (below and above))


class Uncalibrated:
    """Stands in where no thresholds were ever measured: nothing is a match, everything at most possible."""

    source = "never calibrated: petfinder.evaluate.evaluate_folder measures thresholds on your own photos"

    def at(self, pets_searched: int) -> Cut:
        """No similarity is high enough for a match; every one is possible."""
        return Cut(match=math.inf, possible=-math.inf, extrapolated=True)


AnyThresholds = Thresholds | Mapping[str, Thresholds] | None


def thresholds_for(brought: AnyThresholds, species: str) -> Thresholds | None:
    """What an encoder brings for one species: the same for all, one for each, or nothing."""
    return brought.get(species) if isinstance(brought, Mapping) else brought
