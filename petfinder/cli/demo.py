"""The demonstration: the bundled pets registered, a stray's owner found, and a pet that nobody registered."""

from __future__ import annotations

import csv
from pathlib import Path

import typer

from petfinder.cli.app import verb
from petfinder.cli.output import note, save_picture
from petfinder.display.html.cards import owner_card
from petfinder.display.wording import chance_of
from petfinder.domain.errors import ConfigError
from petfinder.domain.matches import Matches
from petfinder.domain.pets import SPECIES, Cat, Dog, species_of
from petfinder.domain.verdicts import Thresholds
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.tables.readers import read_csv

_DATASETS = (Path(__file__).with_name("drawings"), Path(__file__).parents[2] / "dataset")  # of a wheel, of a checkout
_FOUND, _UNKNOWN = Path("petfinder-demo.png"), Path("petfinder-demo-unknown.png")
_SHOWN = "on-the-steps-after-rain.jpg"


def bundled() -> Path:
    """The folder of bundled pictures; raises ConfigError where it is missing."""
    if folder := next((folder for folder in _DATASETS if (folder / "manifest.csv").is_file()), None):
        return folder
    raise ConfigError("the bundled pictures are not here: install petfinder anew")


def strays(folder: Path) -> dict[Path, dict[str, str]]:
    """The query photos of the dataset, and of each its species, pet_id (empty: nobody registered it) and where."""
    with (folder / "queries.csv").open(encoding="utf-8", newline="") as table:
        return {folder / row["file"]: row for row in csv.DictReader(table)}


def register_bundled(registry: Registry, folder: Path, *, progress: bool | None = None) -> None:
    """Register the bundled pets (a wheel has one photo of each), with the thresholds of other rendered pets."""
    for pet_class in (Dog, Cat):
        service = registry.of(pet_class)
        pets = [pet for pet in read_csv(folder / "manifest.csv", pet_class) if isinstance(pet, pet_class)]
        there = (tuple(photo for photo in pet.photos if Path(photo.uri or "").is_file()) for pet in pets)
        kept = (pet.model_copy(update={"photos": photos}) for pet, photos in zip(pets, there, strict=True))
        service.register_many(kept, progress=progress).raise_for_failures()
        measured = (folder / f"thresholds-{species_of(pet_class)}.json").read_text()
        service.repository.keep_thresholds(Thresholds.model_validate_json(measured))


@verb(bare=True)
def demo() -> None:
    """Show the whole story on bundled pictures. Pets registered, a stray recognised, the owner found.

    Example: petfinder demo
    """
    folder = bundled()
    finders = strays(folder)
    known = next(photo for photo in finders if photo.name == _SHOWN)
    unknown = next(photo for photo, row in finders.items() if row["species"] == "dog" and not row["pet_id"])
    with connect(":memory:", name="demo") as registry:
        _step("1. Registering the bundled pets, in memory: no server, no download.")
        register_bundled(registry, folder)
        typer.echo(f"   {registry.dogs.count()} dogs and {registry.cats.count()} cats are registered.")
        _step(f"2. Somebody photographed a stray dog, {finders[known]['where']} ({known.name}).")
        owner = registry.owner_of(_show(registry, known, _FOUND)[0])
        _step(owner_card(owner).as_text() if owner else "No owner is registered with this pet.")
        _step(f"3. Another stray, {finders[unknown]['where']} ({unknown.name}); nobody registered this dog.")
        _show(registry, unknown, _UNKNOWN)
        _step("4. All seven finders' pictures, and who they really show:\n")
        for photo, row in finders.items():
            matches = registry.of(SPECIES[row["species"]]).find(photo, k=1)
            first = f"{matches[0].pet.pet_id} {chance_of(matches[0])}" if matches else "nobody"
            truth = row["pet_id"] or "nobody's"
            typer.echo(f"   {photo.name:<28} {matches.verdict or '':<9} first: {first:<14} really: {truth}")
    _step("The pictures are drawings: what they are judged by was measured on other rendered pets, not on photos.")
    typer.echo("Your own photos go in with: petfinder register FOLDER --registry pets.db")


def _step(text: str) -> None:
    typer.echo(f"\n{text}")


def _show(registry: Registry, photo: Path, picture: Path) -> Matches:
    matches = registry.dogs.find(photo)
    typer.echo(f"\n{matches}\n")
    try:
        save_picture(matches, picture)
    except ConfigError as error:
        note(f"no picture of the result: {error}")
    return matches
