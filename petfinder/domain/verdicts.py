"""Verdicts and the thresholds behind them: how similar the best match of an unregistered animal gets."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from petfinder.domain.values import ConfigValue, Value

# Chosen, not measured: the share of strangers (animals that nobody registered) whose best match may pass a threshold.
MATCH_ALARMS = 0.01  # somebody is called
POSSIBLE_ALARMS = 0.30  # somebody looks at two photos


class Verdict(StrEnum):
    """What a similarity is worth: surely worth a call, worth a look, or a pet that is not known here."""

    MATCH = "match"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


class Lines(Value):
    """The least probabilities (0 to 1) of a match and of a possible one."""

    match: float
    possible: float

    def verdict(self, value: float) -> Verdict:
        """Give the verdict on one probability (0 to 1); of a cut, on one similarity (raw cosine)."""
        if value >= self.match:
            return Verdict.MATCH
        return Verdict.POSSIBLE if value >= self.possible else Verdict.UNKNOWN


class Cut(Lines):
    """The least similarities (raw cosine) of a match and of a possible one, for one number of photos searched.

    `extrapolated` says that nothing was measured at this number of photos.
    """

    extrapolated: bool = False


class Interval(Value):
    """The 95 % confidence interval of a measured quantile: a bootstrap over the strangers' animals."""

    low: float
    high: float


class Quantiles(Value):
    """The best similarity that 1 % (`match`) and 30 % (`possible`) of strangers exceed among `pets` registered pets.

    `photos`: how many photos these pets had together (None: one each). Intervals stand where they were measured.
    """

    pets: int = Field(ge=1)
    match: float
    possible: float
    photos: int | None = Field(default=None, ge=1)
    match_interval: Interval | None = None
    possible_interval: Interval | None = None

    @property
    def gallery_size(self) -> int:
        """How many photos a stranger's photo was compared with."""
        return max(self.pets, self.photos or 0)


class Curve(Value):
    """What a lead is worth, for pets with so many registered photos: two straight pieces that meet at BEND.

    A lead is a pet's similarity less the median of the five pets nearest to the query beside it. `bias` and the slopes
    `below` and `above` give the natural logarithm of how much likelier such a lead is for the animal itself than for
    any stranger in the gallery, however many these are: strangers' leads hardly change with their number.
    """

    BEND: ClassVar[float] = 0.2

    photos: int = Field(ge=1)
    bias: float
    below: float = Field(gt=0)
    above: float = Field(gt=0)

    def lead(self, log10: float) -> float:
        """Give the lead whose likelihood ratio has this log10: the inverse of `log10`."""
        over = log10 * math.log(10) - self.bias - self.below * self.BEND
        return self.BEND + over / (self.below if over < 0 else self.above)

    def log10(self, lead: float) -> float:
        """Give the log10 of the likelihood ratio of a lead (cosines, -2 to 2)."""
        straight = self.bias + self.below * min(lead, self.BEND) + self.above * max(lead - self.BEND, 0.0)
        return straight / math.log(10)


class PhotoLikelihood(ConfigValue):
    """The curves of one species by rising numbers of registered photos, and the ratios by which strangers are judged.

    `match`, `possible`: the log10 of the likelihood ratio that the best pet of 1 % and of 30 % of strangers reaches.
    """

    curves: tuple[Curve, ...] = Field(min_length=1)
    match: float
    possible: float

    def curve(self, photos: int) -> Curve:
        """Pick the curve for a pet with so many photos: the last that asks for no more, else the first."""
        return next((curve for curve in reversed(self.curves) if curve.photos <= photos), self.curves[0])

    def lines(self, registered: float) -> Lines:
        """Give the least probabilities where the chance (0 to 1) that an animal is registered is `registered`."""
        odds = registered / (1 - registered)
        match, possible = (odds * 10**ratio / (1 + odds * 10**ratio) for ratio in (self.match, self.possible))
        return Lines(match=match, possible=min(match, possible))


class Thresholds(ConfigValue):
    """The quantiles measured at rising numbers of pets, and in `source` what they were measured on.

    Between and beyond the numbers measured, thresholds follow a line over the logarithm of the number. `likelihood`
    turns similarities into probabilities; None: never fitted. Raises ConfigError for numbers that do not rise.
    """

    measured: tuple[Quantiles, ...] = Field(min_length=1)
    source: str = ""
    likelihood: PhotoLikelihood | None = None

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for counts in ([row.pets for row in self.measured], [row.gallery_size for row in self.measured]):
            if counts != sorted(set(counts)):
                raise ValueError("thresholds must be measured at rising numbers of pets and photos, each once")
        return self

    def at(self, pets_searched: int, photos: int | None = None) -> Cut:
        """Compute the thresholds for this many pets left after the filter (0 counts as 1), with this many photos.

        Every photo is one more chance for a stranger to resemble a pet, so `photos`, where given, decides: the number
        of the pets' photos times the number of query photos. Without it the pets have as many photos as those measured.
        """
        rows = self.measured
        sizes = [row.pets if photos is None else row.gallery_size for row in rows]
        size = max(1, pets_searched, photos or 0)
        first = min(max(bisect_left(sizes, size) - 1, 0), max(len(rows) - 2, 0))
        low, high = rows[first], rows[min(first + 1, len(rows) - 1)]
        way = 0.0 if low is high else math.log(size / sizes[first]) / math.log(sizes[first + 1] / sizes[first])
        match = (1 - way) * low.match + way * high.match
        possible = (1 - way) * low.possible + way * high.possible
        beyond = not sizes[0] <= size <= sizes[-1]
        return Cut(match=min(match, 1.0), possible=min(possible, match, 1.0), extrapolated=beyond)


class Uncalibrated:
    """The stand-in where no thresholds were ever measured: nothing is a match, everything at most possible."""

    source = "never calibrated: `petfinder evaluate` measures thresholds on your own photos"
    likelihood = None

    def at(self, pets_searched: int, photos: int | None = None) -> Cut:
        """Give thresholds by which no similarity is a match, and every one is possible."""
        return Cut(match=math.inf, possible=-math.inf, extrapolated=True)


AnyThresholds = Thresholds | Mapping[str, Thresholds] | None


def thresholds_for(brought: AnyThresholds, species: str) -> Thresholds | None:
    """Pick what an encoder brings for one species: the same for all, one for each, or nothing."""
    return brought.get(species) if isinstance(brought, Mapping) else brought
