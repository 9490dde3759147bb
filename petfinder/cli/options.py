"""The options that several verbs share, and what they come to: a registry, a filter.

Knows typer and connect.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from petfinder.cli.shell import note
from petfinder.connection import connect
from petfinder.errors import InvalidQuery
from petfinder.filters import PetFilter
from petfinder.pets import Cat, Dog, Pet, Status
from petfinder.registry import Registry
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


def filter_of(
    breed: Annotated[
        list[str] | None, typer.Option("--breed", metavar="TEXT", help="Only this breed; filters may be repeated.")
    ] = None,
    colour: Annotated[
        list[str] | None, typer.Option("--colour", "--color", metavar="TEXT", help="Only this colour.")
    ] = None,
    sex: Annotated[list[str] | None, typer.Option("--sex", metavar="TEXT", help="Only this sex.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option("--status", metavar="STATUS", help="Only home, lost, found or reunited ones.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TEXT", help="Only pets with this tag.")] = None,
    microchip: Annotated[
        list[str] | None, typer.Option("--microchip", metavar="NUMBER", help="Only the pet with this chip or tattoo.")
    ] = None,
    taken_after: Annotated[
        str | None, typer.Option("--taken-after", metavar="DATE", help="Only pets with a photo taken since then.")
    ] = None,
    taken_before: Annotated[
        str | None, typer.Option("--taken-before", metavar="DATE", help="... until then; 2026-10-02 is its midnight.")
    ] = None,
    near: Annotated[
        str | None, typer.Option("--near", metavar="LAT,LON", help="Only pets seen around this place.")
    ] = None,
    within_km: Annotated[float | None, typer.Option("--within-km", metavar="KM", help="How far from --near.")] = None,
) -> PetFilter:
    """The filter that the options describe; raises InvalidQuery."""
    return PetFilter(
        breed=breed or None,
        colour=colour or None,
        sex=sex or None,
        status=status or None,
        tags=tag or None,
        microchip=microchip or None,
        taken_after=taken_after,
        taken_before=taken_before,
        near=lat_lon(near, option="--near"),
        within_km=within_km,
    )


def filtered(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the options of a filter in the place of its parameter `where`."""
    options = inspect.signature(filter_of, eval_str=True).parameters
    own = inspect.signature(verb, eval_str=True)

    @functools.wraps(verb)
    def with_filter(*args: Any, **given: Any) -> None:
        where = filter_of(**{name: given.pop(name) for name in options})
        verb(*args, where=where, **given)

    parameters = [
        one for name, kept in own.parameters.items() for one in (options.values() if name == "where" else (kept,))
    ]
    in_order = sorted(parameters, key=lambda parameter: parameter.default is not parameter.empty)
    with_filter.__signature__ = own.replace(parameters=in_order)  # type: ignore[attr-defined]
    with_filter.__annotations__ = {one.name: one.annotation for one in in_order}
    return with_filter


def lat_lon(text: str | None, *, option: str) -> list[str] | None:
    """The two numbers of a place, as text; raises InvalidQuery where there are not two."""
    if text is None:
        return None
    sides = text.split(",")
    if len(sides) != 2:
        raise InvalidQuery(f"{option} wants two numbers, LAT,LON: {option} -23.5,-46.6")
    return sides


def place_of_registry(url: str | None) -> str | None:
    """The registry that was named, or the file in this folder; says which where nobody named one."""
    settings = load_settings()
    if not (url or settings.registry or settings.cloud_id):
        note(f"using ./{DEFAULT_FILE}; --registry or PETFINDER_REGISTRY name another")
        return DEFAULT_FILE
    return url or None


def open_registry(url: str | None, encoder: str | None, *, create: bool) -> Registry:
    """The registry that was named, or the file in this folder, opened."""
    return connect(place_of_registry(url), encoder=encoder, create=create)
