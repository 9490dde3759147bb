"""The demonstration: the bundled pets registered, a stray's owner found, and a pet that nobody registered."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from petfinder.cli.app import verb
from petfinder.cli.puppies import download_puppies
from petfinder.display.html.cards import owner_card
from petfinder.domain.errors import ConfigError
from petfinder.domain.matches import Matches
from petfinder.domain.pets import SPECIES, Cat, Dog, Owner, species_of
from petfinder.domain.verdicts import Thresholds
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.tables.readers import read_csv, read_folder

_DATASET = Path(__file__).parents[2] / "dataset"  # beside the package in a checkout
_FOUND, _UNKNOWN = Path("petfinder-demo.png"), Path("petfinder-demo-unknown.png")
_PUPPIES = Path("petfinder-puppies")
_SHOWN = "on-the-steps-after-rain.jpg"


@dataclass(frozen=True)
class Stray:
    """A query photo of the demonstration: `pet_id` is who it shows, empty where nobody registered that pet."""

    photo: Path
    species: str
    pet_id: str
    where: str


def bundled() -> Path:
    """The folder of bundled pictures; raises ConfigError where it is missing."""
    if not (_DATASET / "manifest.csv").is_file():
        raise ConfigError(
            "the bundled pictures stand beside the code in a checkout and are not here; "
            "run the demo in a checkout, or petfinder demo --puppies"
        )
    return _DATASET


def strays(folder: Path) -> list[Stray]:
    """The query photos of the dataset and what they show."""
    with (folder / "queries.csv").open(encoding="utf-8", newline="") as table:
        rows = [*csv.DictReader(table)]
    return [Stray(folder / row["file"], row["species"], row["pet_id"], row["where"]) for row in rows]


def register_bundled(registry: Registry, folder: Path, *, progress: bool | None = None) -> None:
    """Register the bundled pets, and keep the thresholds that were measured on other rendered pets."""
    for pet_class in (Dog, Cat):
        service = registry.of(pet_class)
        service.register_many(read_csv(folder / "manifest.csv", pet_class), progress=progress).raise_for_failures()
        measured = (folder / f"thresholds-{species_of(pet_class)}.json").read_text()
        service.repository.keep_thresholds(Thresholds.model_validate_json(measured))


@verb(bare=True)
def demo(
    puppies: Annotated[
        bool, typer.Option("--puppies", help="Download the pictures of “Finding your puppy” and find Luigi.")
    ] = False,
) -> None:
    """Show the whole story on bundled pictures. Pets registered, a stray recognised, the owner found.

    Example: petfinder demo
    """
    if puppies:
        _puppies_demo()
    else:
        _bundled_demo()


def _bundled_demo() -> None:
    folder = bundled()
    finders = strays(folder)
    known = next(stray for stray in finders if stray.photo.name == _SHOWN)
    unknown = next(stray for stray in finders if stray.species == "dog" and not stray.pet_id)
    with connect(":memory:", name="demo") as registry:
        _step("1. Registering the bundled pets, in memory: no server, no download.")
        register_bundled(registry, folder)
        typer.echo(f"   {registry.dogs.count()} dogs and {registry.cats.count()} cats are registered.")
        _step(f"2. Somebody photographed a stray dog, {known.where} ({known.photo.name}).")
        _show_owner(registry, _show(registry, known.photo, _FOUND))
        _step(f"3. Another stray, {unknown.where} ({unknown.photo.name}); nobody registered this dog.")
        _show(registry, unknown.photo, _UNKNOWN)
        _step("4. All seven finders' pictures, and who they really show:\n")
        for stray in finders:
            matches = registry.of(SPECIES[stray.species]).find(stray.photo, k=1)
            nearest = f"{matches[0].pet.pet_id} {matches[0].similarity:.2f}" if matches else "nobody"
            truth = stray.pet_id or "nobody's"
            typer.echo(f"   {stray.photo.name:<28} {matches.verdict or '':<9} nearest: {nearest:<14} really: {truth}")
    _step("The pictures are drawings: their thresholds were measured on other rendered pets, not on photos.")
    typer.echo("Your own photos go in with: petfinder register FOLDER --registry pets.db")


def _puppies_demo() -> None:
    typer.echo("Fetching the 13 pictures of “Finding your puppy with image search” (MIT, (c) 2023 Alex Salgado).")
    pictures = download_puppies(_PUPPIES)
    with connect(":memory:", name="puppies") as registry:
        registry.dogs.register_many(read_folder(pictures.dogs, Dog)).raise_for_failures()
        registry.dogs.update("luigi", owner=Owner(name="Ully", picture=pictures.owner))
        _step(f"{registry.dogs.count()} puppies are registered. Whose is the one in {pictures.lost.name}?")
        _show_owner(registry, _show(registry, pictures.lost, _FOUND))


def _step(text: str) -> None:
    typer.echo(f"\n{text}")


def _show(registry: Registry, photo: Path, picture: Path) -> Matches:
    matches = registry.dogs.find(photo)
    typer.echo(f"\n{matches}\n")
    try:
        matches.plot().savefig(picture)
    except ConfigError as error:
        typer.echo(f"No picture of the result: {error}")
    else:
        typer.echo(f"Picture of the result: {picture.resolve()}")
    return matches


def _show_owner(registry: Registry, matches: Matches) -> None:
    owner = registry.owner_of(matches[0])
    typer.echo("\n" + (owner_card(owner).as_text() if owner else "No owner is registered with this pet."))
