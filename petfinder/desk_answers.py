"""What the desk takes and what it answers: an uploaded file, a page of pets, what words found, counts.

Knows pets and a search's answer.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from petfinder.errors import InvalidPet
from petfinder.pets import Pet, Photo
from petfinder.search import Matches

Meant = Literal["microchip", "meaning", "words"]


@dataclass(frozen=True)
class Upload:
    """A file that a visitor handed in: the name it had there, and its bytes."""

    name: str
    content: bytes = field(repr=False)

    def photo(self) -> Photo:
        """The file as a photo whose errors call it by its name; nothing of where it came from is kept."""
        file = io.BytesIO(self.content)
        file.name = self.name
        return Photo(source=file)


def check_some(uploads: Sequence[Upload], *, of: str = "the pet") -> None:
    """Raise InvalidPet where no photo was handed in."""
    if not uploads:
        raise InvalidPet(f"choose at least one photo of {of}: it is found by its looks")


@dataclass(frozen=True)
class PetPage:
    """One page of pets by id, how many pass in all, and the id behind which the next page begins, if there is one."""

    pets: tuple[Pet, ...] = ()
    count: int = 0
    following: str | None = None


@dataclass(frozen=True)
class WordsAnswer:
    """What words found, and how they were meant: a chip number, what photos look like (`matches`), or written words.

    `more`: there are others that the answer leaves out.
    """

    meant: Meant
    pets: tuple[Pet, ...] = ()
    matches: Matches | None = None
    more: bool = False


@dataclass(frozen=True)
class Counts:
    """How many pets are registered, and of these lost and found."""

    pets: int = 0
    lost: int = 0
    found: int = 0
