"""Named choices in calls: one of a few words, or a clear refusal.

Knows the errors.
"""

from __future__ import annotations

from typing import Any, get_args

from petfinder.errors import InvalidQuery


def check_choice(value: object, choices: Any, *, what: str) -> None:
    """Raise InvalidQuery unless the value is one of a Literal's words."""
    if value not in get_args(choices):
        raise InvalidQuery(f"{what}={value!r} is unknown; choose from {', '.join(map(repr, get_args(choices)))}")
