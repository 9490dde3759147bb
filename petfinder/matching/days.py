"""What days say: how long after a loss a pet is found, against any day."""

from __future__ import annotations

import math
from datetime import datetime

from petfinder.domain.evidence import Spread
from petfinder.domain.values import epoch_seconds

EARLY_DAYS = 14
"""People notice late: a pet may be found up to this many days before the day they say it was lost."""

EARLY_SHARE = 0.05
"""Chosen: the share of finds that come before the stated loss."""

WINDOW_DAYS = 90
"""Chosen: the days over which finds of other animals lie evenly."""

ANY_DAY = 0.05
"""Chosen: the share of pets whose days say nothing, as a report renewed, or a date mistyped."""


def days_between(lost: datetime, seen: datetime) -> float:
    """Days from the loss to the find; negative where the find came first."""
    return (epoch_seconds(seen) - epoch_seconds(lost)) / 86400


def days_ratio(days: float, spread: Spread) -> float:
    """The likelihood ratio of the days between loss and find, over a uniform window of 90 days.

    `spread` is the log-normal of the days. A day is known to a day: its density is that of the whole day. Finds before
    the loss are spread evenly over 14 days.
    """
    if days < -EARLY_DAYS:
        return ANY_DAY
    if days < 0:
        told = EARLY_SHARE / EARLY_DAYS
    else:
        day = math.floor(days)
        told = (1 - EARLY_SHARE) * (_below(day + 1, spread) - _below(day, spread))
    return (1 - ANY_DAY) * told * WINDOW_DAYS + ANY_DAY


def _below(days: float, spread: Spread) -> float:
    return 0.0 if days <= 0 else (1 + math.erf(math.log(days / spread.median) / spread.sigma / math.sqrt(2))) / 2
