"""What facts typed by people say: weak, never a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from petfinder.domain.pets import Pet
from petfinder.domain.text import words

Fact = Literal["sex", "colour", "breed"]
FACTS: tuple[Fact, ...] = ("sex", "colour", "breed")

_RIGHT = {"sex": 0.9, "colour": 0.7, "breed": 0.677}
"""How often two people agree about one animal. Breed: shelter staff name at least one right one for 67.7 % of 919 dogs
(Gunter et al., PLoS ONE 13, 2018). Sex and colour: chosen."""

_LEAST, _MOST = 0.05, 0.95  # of a share that was counted among a few dozen pets


def fact_ratio(fact: Fact, pet: Pet, about: Pet, others: Sequence[Pet]) -> float:
    """Give the likelihood ratio of a fact that is told of an animal; 1 where it is not known of both.

    They agree where they have one word in common. What is told is worth more the fewer of `others` have it.
    """
    told, own = _words(about, fact), _words(pet, fact)
    if not told or not own:
        return 1.0
    known = [theirs for theirs in (_words(other, fact) for other in others) if theirs]
    share = sum(bool(told & theirs) for theirs in known) / max(1, len(known))
    by_chance = min(max(share, _LEAST), _MOST)
    right = max(_RIGHT[fact], by_chance)
    return right / by_chance if told & own else (1 - right) / (1 - by_chance)


def _words(pet: Pet, fact: Fact) -> set[str]:
    return set(words(getattr(pet, fact) or ""))
