"""Matches, pets and owners as plain text for a terminal.

Only `owner_as_text` shows contact: it is asked for by name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from petfinder.display import wording
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Owner, Pet

_HEADER = ("name", "breed", "verdict", "similarity", "distance", "photo", "id")
_RIGHT = frozenset({"similarity", "distance"})
_WIDEST = 28


def matches_as_text(matches: Matches) -> str:
    """The verdict in a sentence, then a table of the matches, nearest first, and what stands behind the verdicts."""
    lines = [headline] if (headline := wording.headline(matches)) else []
    if advice := wording.advice(matches):
        lines.append(advice)
    if matches.found:
        lines += ["", *_table([_row(match) for match in matches])]
    if small_print := wording.small_print(matches):
        lines += ["", small_print]
    return "\n".join(lines)


def pet_as_text(pet: Pet) -> str:
    """All that is known of a pet but its owner, one fact a line; places to about 1 km."""
    facts = {
        "id": pet.pet_id,
        "species": pet.species,
        "breed": pet.breed,
        "colour": pet.colour,
        "sex": pet.sex,
        "status": wording.status_of(pet),
        "place": wording.near(pet.place) if pet.place else None,
        "microchip": pet.microchip,
        "tags": ", ".join(pet.tags),
        "note": pet.note,
        "registered": wording.day(pet.registered_at),
        "photos": ", ".join(wording.photo_name(photo) or "(unnamed)" for photo in pet.photos),
    }
    return _facts(wording.name_of(pet), facts)


def owner_as_text(owner: Owner) -> str:
    """The owner with every way to reach them, one a line."""
    return _facts(owner.name, {"phone": owner.phone, "email": owner.email, "address": owner.address})


def _facts(title: str, facts: dict[str, str | None]) -> str:
    known = {name: wording.clean(value) for name, value in facts.items() if value}
    widest = max(map(len, known), default=0)
    return "\n".join([wording.clean(title), *(f"  {name:<{widest}}  {value}" for name, value in known.items())])


def _row(match: Match) -> tuple[str, ...]:
    return (
        wording.clip(wording.name_of(match.pet), _WIDEST),
        wording.clip(match.pet.breed or "", _WIDEST),
        str(match.verdict or ""),
        f"{match.similarity:.3f}",
        wording.distance_of(match),
        wording.clip(wording.photo_name(match.photo), _WIDEST),
        wording.clean(match.pet.pet_id),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows under their header, aligned as a terminal shows them; columns that are empty everywhere are left out."""
    columns = [column for column in zip(_HEADER, *rows, strict=True) if any(column[1:])]
    lines = [""] * (len(rows) + 1)
    for column in columns:
        widest = max(map(_cells, column))
        for line, text in enumerate(column):
            gap = " " * (widest - _cells(text))
            lines[line] += "  " + (gap + text if column[0] in _RIGHT else text + gap)
    return [line.rstrip() for line in lines]


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes: two for wide East Asian signs, none for combining ones."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )
