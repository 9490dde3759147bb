"""The verbs that find pets by how they look: find, similar, duplicates."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from petfinder.cli.app import app
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import (
    CLASSES,
    EncoderOption,
    JsonOption,
    RegistryOption,
    Species,
    SpeciesOption,
    check_similarity,
    filter_of,
    open_registry,
    with_options,
)
from petfinder.cli.output import SaveOption, check_picture, note, save_picture, say, told
from petfinder.display import wording
from petfinder.display.data import duplicate_as_data, matches_as_data
from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.filters import PetFilter
from petfinder.domain.matches import Match, Matches
from petfinder.domain.verdicts import Verdict
from petfinder.registry.finder import Combine
from petfinder.registry.repository import MOST_NEIGHBOURS
from petfinder.registry.service import PetService


@dataclass(frozen=True)
class Search:
    """How pets are looked for and shown: what `find` and `similar` may both be told."""

    k: Annotated[int, typer.Option("--k", "-k", metavar="NUMBER", help="How many pets to show.")] = 5
    min_similarity: Annotated[
        float | None, typer.Option("--min-similarity", metavar="NUMBER", help="Show none below, -1 to 1.")
    ] = None
    save: SaveOption = None
    registry: RegistryOption = None
    species: SpeciesOption = Species.DOG
    encoder: EncoderOption = None
    as_json: JsonOption = False

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MOST_NEIGHBOURS:
            raise InvalidQuery(
                f"--k wants a number of pets from 1 to {MOST_NEIGHBOURS:,}; petfinder list pages through all"
            )
        check_similarity(self.min_similarity)
        check_picture(self.save)

    @contextmanager
    def opened(self) -> Iterator[PetService[Any]]:
        """The service of the species that is searched, as long as it is needed."""
        with open_registry(self.registry, self.encoder, create=False) as opened:
            yield opened.of(CLASSES[self.species])

    def show(self, matches: Matches) -> None:
        """Print what was found, and save its picture; exits with 1 where that is nothing."""
        say(matches_as_data(matches) if self.as_json else matches)
        if self.save is not None:
            save_picture(matches.plot(), self.save)
        if not matches or matches.verdict is Verdict.UNKNOWN:
            raise typer.Exit(NOTHING_FOUND)
        if matches.best and matches.verdict and not self.as_json:
            note(f"who to call: {self._owner_verb(matches.best)}")

    def _owner_verb(self, match: Match) -> str:
        """What reveals who to call about a match; a server's URL, which may hold a password, is left out."""
        species = f" --species {self.species}" if self.species is not Species.DOG else ""
        registry = f" --registry {shlex.quote(self.registry)}" if self.registry and "://" not in self.registry else ""
        return f"petfinder owner {shlex.quote(match.pet.pet_id)}{species}{registry}"


@app.command(no_args_is_help=True)
@told
@with_options(where=filter_of, search=Search)
def find(
    photos: Annotated[list[str] | None, typer.Argument(metavar="PHOTO", help="Photos of ONE animal.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="WORDS", help="A description instead (encoders that know words).")
    ] = None,
    combine: Annotated[
        Combine | None,
        typer.Option("--combine", help="Several photos: search their mean (default), or each for itself."),
    ] = None,
    *,
    where: PetFilter,
    search: Search,
) -> None:
    """Find the registered pets that look like a stray. Owners are not shown: see `petfinder owner`.

    Example: petfinder find stray.jpg --registry pets.db

    Example: petfinder find stray1.jpg stray2.jpg --near -23.5,-46.6 --within-km 20 --save result.png

    Example: petfinder find --text "a small white dog with brown ears"

    Exits with 1 if the verdict is unknown or nothing is found.
    """
    if bool(photos) == bool(text):
        raise InvalidQuery("name photos of one animal, or describe it with --text, one of the two")
    if text and combine:
        raise ConfigError("--combine is for several photos; leave it out with --text")
    k, min_similarity = search.k, search.min_similarity
    with search.opened() as pets:
        if text:
            matches = pets.find_by_text(text, k=k, where=where, min_similarity=min_similarity)
        else:
            matches = pets.find(photos, k=k, where=where, min_similarity=min_similarity, combine=combine or "mean")
    search.show(matches)


@app.command(no_args_is_help=True)
@told
@with_options(where=filter_of, search=Search)
def similar(
    pet_id: Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")],
    where: PetFilter,
    search: Search,
) -> None:
    """Find registered pets that look like a registered one.

    Example: petfinder similar luigi --registry pets.db --status found

    Exits with 1 if nothing is found.
    """
    with search.opened() as pets:
        matches = pets.find_similar(pet_id, k=search.k, where=where, min_similarity=search.min_similarity)
    search.show(matches)


@app.command(no_args_is_help=True)
@told
def duplicates(
    min_similarity: Annotated[
        float, typer.Option("--min-similarity", metavar="NUMBER", help="How alike two photos are, -1 to 1.")
    ],
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List pairs of pets that may be one animal, most alike first.

    Example: petfinder duplicates --min-similarity 0.7 --registry pets.db

    Exits with 1 if there are none.
    """
    check_similarity(min_similarity)
    with open_registry(registry, encoder, create=False) as opened:
        pairs = opened.of(CLASSES[species]).duplicates(min_similarity)
    lines = [f"{pair.similarity:.3f}  {'  '.join(map(wording.clean, pair.pet_ids))}" for pair in pairs]
    say([duplicate_as_data(pair) for pair in pairs] if as_json else "\n".join(lines) or "No two pets are that alike.")
    if not pairs:
        raise typer.Exit(NOTHING_FOUND)
