"""The one table of what people say about a pet: how each field is named, compared, searched, shown and typed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from petfinder.domain.pets import Pet
from petfinder.domain.text import fold


def fold_microchip(number: str) -> str:
    """Fold a chip or tattoo number as it is compared: without blanks, dots and dashes."""
    return re.sub(r"[\s.\-]", "", fold(number))


@dataclass(frozen=True)
class PetField:
    """One field of a pet that people fill in with words.

    `name` is the attribute of Pet and the column of a table, `label` what a form and a card call it. PetFilter compares
    a `filtered` field, after `fold`; `search_text` looks into one with `words`. `several`: a tuple of words; `choices`:
    what a form offers; `long`: several lines; `private`: it proves who owns a pet, so strangers are not shown it.
    """

    name: str
    label: str
    filtered: bool = False
    words: bool = False
    several: bool = False
    long: bool = False
    private: bool = False
    choices: tuple[str, ...] = ()
    fold: Callable[[str], str] = fold

    def values(self, pet: Pet) -> tuple[str, ...]:
        """What the pet has under this name, as it was written; empty where nothing is known."""
        value = getattr(pet, self.name)
        return tuple(value) if self.several else (value,) if value else ()


FIELDS = (
    PetField("name", "Name", words=True),
    PetField("breed", "Breed", filtered=True, words=True),
    PetField("colour", "Colour", filtered=True, words=True),
    PetField("sex", "Sex", filtered=True, choices=("female", "male")),
    PetField("microchip", "Chip or tattoo number", filtered=True, private=True, fold=fold_microchip),
    PetField("tags", "Marks", filtered=True, words=True, several=True),
    PetField("note", "Note", words=True, long=True),
)
"""A field added to Pet needs one row here; what reads the table: filters, tables, cards, text, shell and page."""

FIELD = {field.name: field for field in FIELDS}
