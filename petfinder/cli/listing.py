"""The verbs that read what is registered: list, owner, info.

Knows the options and the display. Only `owner` shows contact.
"""

from __future__ import annotations

from typing import Annotated

import typer

from petfinder.cli.options import (
    CLASSES,
    JsonOption,
    RegistryOption,
    Species,
    SpeciesOption,
    filter_of,
    open_registry,
    with_options,
)
from petfinder.cli.shell import NOTHING_FOUND, note, say, told
from petfinder.cli.verbs import app
from petfinder.display import words
from petfinder.display.plain import owner_as_text
from petfinder.display.script import index_as_data, pet_as_data
from petfinder.errors import IndexNotFound
from petfinder.filters import PetFilter
from petfinder.pets import CONTACT, Pet


@app.command("list")
@told
@with_options(where=filter_of)
def list_(
    where: PetFilter,
    with_words: Annotated[
        str | None,
        typer.Option(
            "--words", metavar="TEXT", help="Only pets with all these words in name, breed, colour, tags or note."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="How many at most.")] = 50,
    after: Annotated[str | None, typer.Option("--after", metavar="PET_ID", help="Go on behind this pet.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """List the registered pets by id.

    Example: petfinder list --status lost --limit 20 --after luigi

    Example: petfinder list --words "white paw"

    Exits with 1 if there are none.
    """
    with open_registry(registry, None, create=False) as opened:
        service = opened.of(CLASSES[species])
        if with_words is None:
            pets = [*service.list(where, after=after, limit=limit + 1)]
        else:
            pets = [pet for pet in service.search_text(with_words, where) if after is None or pet.pet_id > after]
    more, pets = len(pets) > limit, pets[:limit]
    say([pet_as_data(pet) for pet in pets] if as_json else "\n".join(map(line_of, pets)) or "No pets.")
    if more:
        note(f"there are more: --after {pets[-1].pet_id!r}")
    if not pets:
        raise typer.Exit(NOTHING_FOUND)


@app.command(no_args_is_help=True)
@told
def owner(
    pet_id: Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")],
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Reveal who to call about a pet.

    Example: petfinder owner luigi --registry pets.db

    Exits with 1 if no owner is known.
    """
    with open_registry(registry, None, create=False) as opened:
        found = opened.of(CLASSES[species]).owner_of(pet_id)
    shown = found.model_dump(mode="json", context=CONTACT, exclude_none=True) if found else None
    if as_json:
        say({"pet_id": pet_id, "owner": shown})
    else:
        say(owner_as_text(found) if found else "No owner is registered with this pet.")
    if not found:
        raise typer.Exit(NOTHING_FOUND)


@app.command()
@told
def info(
    registry: RegistryOption = None,
    species: Annotated[Species | None, typer.Option("--species", help="Only this species.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a registry holds: pets, photos, encoder, size.

    Example: petfinder info --registry pets.db
    """
    with open_registry(registry, None, create=False) as opened:
        indexes = [index for index in opened.indexes() if species is None or index.spec.species == species]
        if not indexes:
            raise IndexNotFound(f"{opened!r} holds no {species or 'pets'} yet; petfinder register takes them in")
    say([index_as_data(index) for index in indexes] if as_json else "\n".join(map(str, indexes)))


def line_of(pet: Pet) -> str:
    """A pet in one line: its id, name, breed, status and number of photos."""
    photos = "1 photo" if len(pet.photos) == 1 else f"{len(pet.photos)} photos"
    about = (words.name_of(pet), words.clean(pet.breed or ""), words.status_of(pet), photos)
    return f"{words.clean(pet.pet_id)}: {', '.join(filter(None, about))}"
