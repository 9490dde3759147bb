"""The options that several verbs share, and what they come to: a registry, a filter, a stream of pets.

Knows typer, connect and intake.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from petfinder.cli.shell import note
from petfinder.connection import connect
from petfinder.errors import InvalidQuery
from petfinder.filters import PetFilter
from petfinder.intake import Grouping, read_csv, read_folder, read_json
from petfinder.pets import Cat, Dog, Pet, Status
from petfinder.registry import Registry
from petfinder.reports import Failure, Ignored
from petfinder.settings import load_settings

DEFAULT_FILE = "petfinder.db"


class Species(StrEnum):
    """The species that have an index of their own in every registry."""

    DOG = "dog"
    CAT = "cat"


CLASSES: dict[Species, type[Pet]] = {Species.DOG: Dog, Species.CAT: Cat}

RegistryOption = Annotated[
    str | None,
    typer.Option("--registry", metavar="URL", help="The registry: a file, or a server's URL. Else PETFINDER_REGISTRY."),
]
SpeciesOption = Annotated[Species, typer.Option("--species", help="Whose registry.")]
EncoderOption = Annotated[
    str | None, typer.Option("--encoder", metavar="NAME", help="The encoder; else the one that the registry remembers.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
BreedOption = Annotated[list[str] | None, typer.Option("--breed", help="Only this breed; may be given several times.")]
StatusOption = Annotated[list[Status] | None, typer.Option("--status", help="Only pets of this status; several times.")]
NearOption = Annotated[str | None, typer.Option("--near", metavar="LAT,LON", help="Only pets seen around this place.")]
WithinOption = Annotated[float | None, typer.Option("--within-km", help="How far from --near.")]


def open_registry(url: str | None, encoder: str | None, *, create: bool) -> Registry:
    """The registry that was named, or the file in this folder; says which where nobody named one."""
    settings = load_settings()
    if not (url or settings.registry or settings.cloud_id):
        url = DEFAULT_FILE
        note(f"using ./{DEFAULT_FILE}; --registry or PETFINDER_REGISTRY name another")
    return connect(url or None, encoder=encoder, create=create)


def read(source: Path, pet_class: type[Pet], by: Grouping) -> Iterator[Pet | Failure | Ignored]:
    """The pets of a folder or a manifest, told apart by the ending; raises ConfigError."""
    if source.suffix.lower() == ".csv":
        return read_csv(source, pet_class)
    if source.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return read_json(source, pet_class)
    return read_folder(source, pet_class, by=by)


def filter_of(
    breed: list[str] | None, status: list[Status] | None, near: str | None, within_km: float | None
) -> PetFilter:
    """The filter that the options describe; raises InvalidQuery."""
    place = near.split(",") if near else None
    if place and len(place) != 2:
        raise InvalidQuery("--near wants two numbers, LAT,LON: --near -23.5,-46.6")
    return PetFilter(breed=breed or None, status=status or None, near=place, within_km=within_km)
