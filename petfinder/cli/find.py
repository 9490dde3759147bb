"""The verbs that find pets by how they look: find, similar, duplicates."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import (
    DOG,
    EncoderOption,
    PetIdArgument,
    PetOptions,
    RegistryOptions,
    Species,
    filter_of,
    similarity_option,
)
from petfinder.cli.output import STANDARD_STREAM, SaveOption, note, save_picture, standard_input
from petfinder.display import wording
from petfinder.display.data import matches_as_data
from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.filters import PetFilter
from petfinder.domain.matches import Matches
from petfinder.domain.pets import SPECIES
from petfinder.domain.verdicts import Verdict
from petfinder.matching.facts import FACTS
from petfinder.matching.judge import over_species
from petfinder.registry.finder import Combine


@dataclass(frozen=True)
class Search:
    """How many pets are shown, and how: what `find` and `similar` share."""

    k: Annotated[int, Option("--k", "-k", metavar="NUMBER", help="How many pets to show.")] = 5
    min_similarity: Annotated[float | None, similarity_option("Show none below, -1 to 1.")] = None
    save: SaveOption = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidQuery("--k wants a number of pets, 1 or more; petfinder list pages through all")

    def show(self, matches: Matches, options: RegistryOptions) -> None:
        """Print what was found, and save its picture; exits with 1 where that is nothing."""
        options.say(matches_as_data(matches), matches)
        if self.save is not None:
            save_picture(matches, self.save)
        if not matches or matches.verdict is Verdict.UNKNOWN:
            raise typer.Exit(NOTHING_FOUND)
        if matches.best and matches.verdict and not options.as_json:
            pet, name, url = matches.best.pet, options.registry_name, options.registry
            species = f" --species {pet.species}" if pet.species != DOG else ""
            registry = f" --registry {shlex.quote(url)}" if url and "://" not in url else ""  # that may hold a password
            registry += f" --registry-name {shlex.quote(name)}" if name else ""
            note(f"who to call: petfinder owner {shlex.quote(pet.pet_id)}{species}{registry}")


@dataclass(frozen=True)
class Known:
    """What is known of an animal beside its photos."""

    place: Annotated[
        str | None, Option("--place", metavar="LAT,LON", help="Where it was seen, or lost; else the photo's own place.")
    ] = None
    at: Annotated[str | None, Option("--at", metavar="DATE", help="When: 2026-10-02; else the photo's date.")] = None
    about: Annotated[
        str | None, Option("--about", metavar="FACTS", help='What is known: "sex=female, colour=black, breed=beagle".')
    ] = None

    def given(self) -> dict[str, Any]:
        """What `find` takes. Raises InvalidQuery."""
        pairs = [part.partition("=") for part in self.about.split(",")] if self.about else []
        facts = {name.strip(): value.strip() for name, _, value in pairs}
        if not all(name in FACTS and value for name, value in facts.items()):
            raise InvalidQuery(f"--about takes {', '.join(f'{fact}=WORDS' for fact in FACTS)}, with commas between")
        return {"place": self.place, "at": self.at, "about": facts or None}


@verb(known=Known, where=filter_of, search=Search, options=RegistryOptions)
def find(
    photos: Annotated[
        list[str] | None, Argument(metavar="PHOTO", help="Photos of ONE animal; - for standard input.")
    ] = None,
    text: Annotated[
        str | None, Option("--text", metavar="WORDS", help="A description instead (encoders that know words).")
    ] = None,
    combine: Annotated[
        Combine | None, Option("--combine", help="Several photos: search their mean (default), or each for itself.")
    ] = None,
    *,
    known: Known,
    where: PetFilter,
    search: Search,
    encoder: EncoderOption = None,
    species: Annotated[Species | None, Option("--species", help="Only this species; else all that are there.")] = None,
    options: RegistryOptions,
) -> None:
    """Find the registered pets that are most probably a stray. Owners are not shown: see `petfinder owner`.

    Example: petfinder find stray.jpg --registry pets.db

    Example: petfinder find stray.jpg --place 52.51,13.41 --at 2026-10-02 --about "sex=female, colour=black"

    Example: petfinder find stray1.jpg stray2.jpg --near -23.5,-46.6 --within-km 20 --save result.png

    Example: petfinder find --text "a small white dog with brown ears"

    Exits with 1 if the verdict is unknown or nothing is found.
    """
    if bool(photos) == bool(text):
        raise InvalidQuery("name photos of one animal, or describe it with --text, one of the two")
    if text and (combine or any(vars(known).values())):
        raise ConfigError("--combine, --place, --at and --about go with photos; leave them out with --text")
    how: dict[str, Any] = {"k": search.k, "where": where, "min_similarity": search.min_similarity}
    told = known.given()
    with options.open(encoder) as opened:
        if text:
            there = {species} if species else {spec.species for spec in opened.specs().values()} & {*SPECIES} or {DOG}
            answers = [opened.of(SPECIES[one]).find_by_text(text, **how) for one in sorted(there)]
            matches = over_species(answers, search.k, one_measure=True)
        else:
            pictures = [standard_input() if photo == STANDARD_STREAM else photo for photo in photos or ()]
            place = opened.of(SPECIES[species]) if species else opened
            matches = place.find(pictures, combine=combine or "mean", **how, **told)
    search.show(matches, options)


@verb(where=filter_of, search=Search, options=PetOptions)
def similar(
    pet_id: PetIdArgument, *, where: PetFilter, search: Search, encoder: EncoderOption = None, options: PetOptions
) -> None:
    """Find registered pets that look like a registered one.

    Example: petfinder similar luigi --registry pets.db --status found

    Exits with 1 if nothing is found.
    """
    with options.pets(encoder) as pets:
        matches = pets.find_similar(pet_id, k=search.k, where=where, min_similarity=search.min_similarity)
    search.show(matches, options)


@verb(options=PetOptions)
def duplicates(
    min_similarity: Annotated[float, similarity_option("How alike two photos are, -1 to 1.")],
    encoder: EncoderOption = None,
    *,
    options: PetOptions,
) -> None:
    """List pairs of pets that may be one animal, most alike first.

    Example: petfinder duplicates --min-similarity 0.7 --registry pets.db

    Exits with 1 if there are none.
    """
    with options.pets(encoder) as pets:
        pairs = pets.duplicates(min_similarity)
    lines = [f"{pair.similarity:.3f}  {'  '.join(map(wording.clean, pair.pet_ids))}" for pair in pairs]
    options.say([*map(vars, pairs)], "\n".join(lines) or "No two pets are that alike.", nothing=not pairs)
