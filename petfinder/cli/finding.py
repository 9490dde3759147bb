"""The verbs that find pets by how they look: find, similar, duplicates.

Knows the options and the display.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petfinder.cli.options import (
    CLASSES,
    EncoderOption,
    JsonOption,
    RegistryOption,
    Species,
    SpeciesOption,
    filtered,
    open_registry,
)
from petfinder.cli.shell import NOTHING_FOUND, save_picture, say, told
from petfinder.cli.verbs import app
from petfinder.display import words
from petfinder.display.script import duplicate_as_data, matches_as_data
from petfinder.errors import InvalidQuery
from petfinder.filters import PetFilter
from petfinder.finding import Combine
from petfinder.search import Matches
from petfinder.thresholds import Verdict

NumberOption = Annotated[int, typer.Option("--k", "-k", metavar="NUMBER", help="How many pets to show.")]
MinSimilarityOption = Annotated[
    float | None, typer.Option("--min-similarity", metavar="NUMBER", help="Show none below, -1 to 1.")
]
SaveOption = Annotated[Path | None, typer.Option("--save", metavar="PNG", help="Save the result as a picture.")]


@app.command(no_args_is_help=True)
@told
@filtered
def find(
    where: PetFilter,
    photos: Annotated[list[str] | None, typer.Argument(metavar="PHOTO", help="Photos of ONE animal.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="WORDS", help="A description instead (encoders that know words).")
    ] = None,
    k: NumberOption = 5,
    combine: Annotated[
        Combine, typer.Option("--combine", help="Several photos: search their mean, or each and take the best.")
    ] = "mean",
    min_similarity: MinSimilarityOption = None,
    save: SaveOption = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the registered pets that look like a stray. Owners are not shown: see `petfinder owner`.

    Example: petfinder find stray.jpg --registry pets.db

    Example: petfinder find stray1.jpg stray2.jpg --near -23.5,-46.6 --within-km 20 --save result.png

    Example: petfinder find --text "a small white dog with brown ears"

    Exits with 1 if the verdict is unknown or nothing is found.
    """
    if bool(photos) == bool(text):
        raise InvalidQuery("name photos of one animal, or describe it with --text, one of the two")
    with open_registry(registry, encoder, create=False) as opened:
        service = opened.of(CLASSES[species])
        if text:
            matches = service.find_by_text(text, k=k, where=where, min_similarity=min_similarity)
        else:
            matches = service.find(photos, k=k, where=where, min_similarity=min_similarity, combine=combine)
    _show(matches, save, as_json=as_json)


@app.command(no_args_is_help=True)
@told
@filtered
def similar(
    pet_id: Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")],
    where: PetFilter,
    k: NumberOption = 5,
    min_similarity: MinSimilarityOption = None,
    save: SaveOption = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find registered pets that look like a registered one.

    Example: petfinder similar luigi --registry pets.db --status found

    Exits with 1 if nothing is found.
    """
    with open_registry(registry, encoder, create=False) as opened:
        service = opened.of(CLASSES[species])
        matches = service.find_similar(pet_id, k=k, where=where, min_similarity=min_similarity)
    _show(matches, save, as_json=as_json)


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
    with open_registry(registry, encoder, create=False) as opened:
        pairs = opened.of(CLASSES[species]).duplicates(min_similarity)
    lines = [f"{pair.similarity:.3f}  {'  '.join(map(words.clean, pair.pet_ids))}" for pair in pairs]
    say([duplicate_as_data(pair) for pair in pairs] if as_json else "\n".join(lines) or "No two pets are that alike.")
    if not pairs:
        raise typer.Exit(NOTHING_FOUND)


def _show(matches: Matches, save: Path | None, *, as_json: bool) -> None:
    say(matches_as_data(matches) if as_json else str(matches))
    if save is not None:
        save_picture(matches.plot(), save)
    if not matches or matches.verdict is Verdict.UNKNOWN:
        raise typer.Exit(NOTHING_FOUND)
