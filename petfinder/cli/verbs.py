"""The verbs of the command line: each calls the registry once and prints what it says.

Knows the options, intake and the display. Exit codes: 0 found or done, 1 nothing found, 2 bad use, 3 trouble with the
store or the encoder, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from petfinder.bulk import OnConflict
from petfinder.cli.options import (
    CLASSES,
    BreedOption,
    EncoderOption,
    JsonOption,
    NearOption,
    RegistryOption,
    Species,
    SpeciesOption,
    StatusOption,
    WithinOption,
    filter_of,
    open_registry,
    read,
)
from petfinder.cli.shell import INTERRUPTED, NOTHING_FOUND, note, say, told
from petfinder.connection import connect
from petfinder.copying import copy_registry
from petfinder.display import words
from petfinder.display.plain import owner_as_text
from petfinder.display.script import copy_as_data, index_as_data, matches_as_data, pet_as_data, report_as_data
from petfinder.errors import ConfigError, IndexNotFound
from petfinder.intake import Grouping
from petfinder.pets import CONTACT, Pet
from petfinder.search import Matches
from petfinder.thresholds import Verdict

app = typer.Typer(
    help="Find the registered pet that a stranger's photo shows, and say who to call.",
    epilog="Begin with: petfinder demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
@told
def demo(
    puppies: Annotated[
        bool, typer.Option("--puppies", help="Download the pictures of “Finding your puppy” and find Luigi.")
    ] = False,
) -> None:
    """Show the whole story on bundled pictures: pets registered, a stray recognised, the owner found.

    Example: petfinder demo
    """
    from petfinder.demo import run_demo

    run_demo(puppies=puppies)


@app.command(no_args_is_help=True)
@told
def register(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Folders of photos, CSV or JSON files.")],
    by: Annotated[Grouping, typer.Option("--by", help="What is one pet in a folder.")] = "pet",
    on_conflict: Annotated[OnConflict, typer.Option("--on-conflict", help="If a pet is registered already.")] = "skip",
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register pets from folders of photos, CSV or JSON manifests; run it again to go on where it stopped.

    Example: petfinder register photos/ --registry pets.db

    Example: petfinder register shelter.csv --species cat --on-conflict replace

    Exits with 1 if anything failed.
    """
    incoming = [read(source, CLASSES[species], by) for source in sources]
    with open_registry(registry, encoder, create=True) as opened:
        report = opened.of(CLASSES[species]).register_many(chain.from_iterable(incoming), on_conflict=on_conflict)
    say(report_as_data(report) if as_json else str(report))
    if report.failures:
        raise typer.Exit(NOTHING_FOUND)


@app.command(no_args_is_help=True)
@told
def find(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO", help="Photos of ONE animal.")],
    k: Annotated[int, typer.Option("--k", "-k", help="How many pets to show.")] = 5,
    breed: BreedOption = None,
    status: StatusOption = None,
    near: NearOption = None,
    within_km: WithinOption = None,
    min_similarity: Annotated[float | None, typer.Option("--min-similarity", help="Show none below, -1 to 1.")] = None,
    save: Annotated[Path | None, typer.Option("--save", metavar="PNG", help="Save the result as a picture.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the registered pets that look like a stray. Owners are not shown: see `petfinder owner`.

    Example: petfinder find stray.jpg --registry pets.db

    Example: petfinder find stray1.jpg stray2.jpg --near -23.5,-46.6 --within-km 20 --save result.png

    Exits with 1 if the verdict is unknown or nothing is found.
    """
    where = filter_of(breed, status, near, within_km)
    with open_registry(registry, encoder, create=False) as opened:
        matches = opened.of(CLASSES[species]).find(photos, k=k, where=where, min_similarity=min_similarity)
    say(matches_as_data(matches) if as_json else str(matches))
    if save is not None:
        _save(matches, save)
    if not matches or matches.verdict is Verdict.UNKNOWN:
        raise typer.Exit(NOTHING_FOUND)


@app.command(no_args_is_help=True)
@told
def owner(
    pet_id: Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")],
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reveal who to call about a pet.

    Example: petfinder owner luigi --registry pets.db
    """
    with open_registry(registry, encoder, create=False) as opened:
        found = opened.of(CLASSES[species]).owner_of(pet_id)
    shown = found.model_dump(mode="json", context=CONTACT, exclude_none=True) if found else None
    if as_json:
        say({"pet_id": pet_id, "owner": shown})
    else:
        say(owner_as_text(found) if found else "No owner is registered with this pet.")
    if not found:
        raise typer.Exit(NOTHING_FOUND)


@app.command("list")
@told
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    after: Annotated[str | None, typer.Option("--after", metavar="PET_ID", help="Go on behind this pet.")] = None,
    breed: BreedOption = None,
    status: StatusOption = None,
    near: NearOption = None,
    within_km: WithinOption = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the registered pets by id.

    Example: petfinder list --status lost --limit 20 --after luigi
    """
    where = filter_of(breed, status, near, within_km)
    with open_registry(registry, encoder, create=False) as opened:
        pets = opened.of(CLASSES[species]).list(where, after=after, limit=limit + 1)
    more, pets = len(pets) > limit, pets[:limit]
    say([pet_as_data(pet) for pet in pets] if as_json else "\n".join(map(_line, pets)) or "No pets.")
    if more:
        note(f"there are more: --after {pets[-1].pet_id!r}")


@app.command()
@told
def info(
    registry: RegistryOption = None,
    species: Annotated[Species | None, typer.Option("--species", help="Only this species.")] = None,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a registry holds: pets, photos, encoder, size.

    Example: petfinder info --registry pets.db
    """
    with open_registry(registry, encoder, create=False) as opened:
        indexes = [index for index in opened.indexes() if species is None or index.spec.species == species]
        if not indexes:
            raise IndexNotFound(f"{opened!r} holds no {species or 'pets'} yet; petfinder register takes them in")
    say([index_as_data(index) for index in indexes] if as_json else "\n".join(map(str, indexes)))


@app.command(no_args_is_help=True)
@told
def remove(
    pet_ids: Annotated[list[str], typer.Argument(metavar="PET_ID", help="The pets to erase.")],
    missing_ok: Annotated[bool, typer.Option("--missing-ok", help="Pets that are not there are no error.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase pets with owner, photos and thumbnails. The original photos are left alone.

    Example: petfinder remove luigi zoe --yes --registry pets.db
    """
    with open_registry(registry, encoder, create=False) as opened:
        service = opened.of(CLASSES[species])
        if not yes and not _agreed(pet_ids):
            raise typer.Exit(NOTHING_FOUND)
        removed = service.remove(pet_ids, missing="ignore" if missing_ok else "error")
    say({"removed": list(removed)} if as_json else f"removed: {', '.join(removed) or 'none'}")


@app.command(no_args_is_help=True)
@told
def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The registry to copy: a file, or a server's URL.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Where to: a file, or a server's URL.")],
    as_json: JsonOption = False,
) -> None:
    """Copy a registry to another place, owners and photos' thumbnails too; run it again to go on where it stopped.

    Example: petfinder copy pets.db https://search.example.org:9200

    Exits with 1 if a pet could not be copied. Pets that only TARGET has stay there.
    """
    with connect(source, create=False) as opened, connect(target) as other:
        reports = copy_registry(opened, other)
    say([copy_as_data(report) for report in reports] if as_json else "\n".join(map(str, reports)))
    if any(report.failures for report in reports):
        raise typer.Exit(NOTHING_FOUND)


def main() -> None:
    """The entry point of the `petfinder` command."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream of somebody else's, in a notebook or a test
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="petfinder")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _save(matches: Matches, path: Path) -> None:
    try:
        matches.plot().savefig(path)
    except (OSError, ValueError) as error:  # matplotlib: an ending that names no picture format
        raise ConfigError(
            f"{path} cannot be written as a picture; name a PNG file in a folder that is there"
        ) from error
    note(f"saved {path}")


def _agreed(pet_ids: list[str]) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("erasing asks first, and here is nobody to ask: add --yes")
    return typer.confirm(f"Erase {len(pet_ids)} pets with owners and photos: {', '.join(map(words.clean, pet_ids))}?")


def _line(pet: Pet) -> str:
    photos = "1 photo" if len(pet.photos) == 1 else f"{len(pet.photos)} photos"
    about = (words.name_of(pet), words.clean(pet.breed or ""), words.status_of(pet), photos)
    return f"{words.clean(pet.pet_id)}: {', '.join(filter(None, about))}"
