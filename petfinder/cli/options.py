"""The options that several verbs share, and what they come to: a registry, a filter."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from petfinder.cli.output import note
from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import Cat, Dog, Pet, Status
from petfinder.domain.values import epoch_seconds
from petfinder.encoders.base import Encoder, identity_of
from petfinder.encoders.load import load_encoder
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.registry.settings import load_settings

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
    """The filter that the options describe; raises InvalidQuery, naming the option."""
    after, before = moment(taken_after, option="--taken-after"), moment(taken_before, option="--taken-before")
    if after and before and epoch_seconds(after) > epoch_seconds(before):
        raise InvalidQuery("--taken-after is later than --taken-before")
    if (near is None) != (within_km is None):
        raise InvalidQuery("--near and --within-km go together: around which place, and how far from it")
    if within_km is not None and not 0 < within_km < math.inf:
        raise InvalidQuery("--within-km wants a number above 0: --within-km 20")
    return PetFilter(
        breed=breed or None,
        colour=colour or None,
        sex=sex or None,
        status=status or None,
        tags=tag or None,
        microchip=microchip or None,
        taken_after=after,
        taken_before=before,
        near=lat_lon(near, option="--near"),
        within_km=within_km,
    )


def with_options(**makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The verb with options in the place of some parameters: those of the functions that make their values of them."""
    options = {name: inspect.signature(maker, eval_str=True).parameters for name, maker in makers.items()}

    def with_them(verb: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(verb, eval_str=True)

        @functools.wraps(verb)
        def made(*args: Any, **given: Any) -> None:
            values = {name: makers[name](**{one: given.pop(one) for one in options[name]}) for name in makers}
            verb(*args, **values, **given)

        parameters = [
            one
            for name, kept in own.parameters.items()
            for one in (options[name].values() if name in makers else [kept])
        ]
        in_order = sorted(parameters, key=lambda parameter: parameter.default is not parameter.empty)
        made.__signature__ = own.replace(parameters=in_order)  # type: ignore[attr-defined]
        made.__annotations__ = {one.name: one.annotation for one in in_order}
        return made

    return with_them


def lat_lon(text: str | None, *, option: str) -> tuple[float, float] | None:
    """The two numbers of a place, in degrees; raises InvalidQuery where there are not two in their ranges."""
    if text is None:
        return None
    try:
        lat, lon = map(float, text.split(","))
    except ValueError as error:
        raise InvalidQuery(f"{option} wants two numbers, LAT,LON: {option} -23.5,-46.6") from error
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise InvalidQuery(f"{option} wants a latitude from -90 to 90 and a longitude from -180 to 180")
    return lat, lon


def moment(text: str | None, *, option: str) -> datetime | None:
    """The date that was written; raises InvalidQuery for what is none."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidQuery(f"{option} wants a date: {option} 2026-10-02, or 2026-10-02T18:30") from error


def check_similarity(number: float | None) -> None:
    """Refuse a --min-similarity that is no number from -1 to 1; raises InvalidQuery."""
    if number is not None and not -1 <= number <= 1:
        raise InvalidQuery("--min-similarity wants a number from -1 to 1: --min-similarity 0.9")


def place_of_registry(url: str | None) -> str | None:
    """The registry that was named, or the file in this folder; says which where nobody named one."""
    settings = load_settings()
    if not (url or settings.registry or settings.cloud_id):
        note(f"using ./{DEFAULT_FILE}; --registry or PETFINDER_REGISTRY name another")
        return DEFAULT_FILE
    return url or None


def open_registry(url: str | None, encoder: str | None, *, create: bool) -> Registry:
    """The registry that was named, or the file in this folder, opened.

    Nothing is made where the encoder that was named for a new one cannot be had: raises EncoderUnavailable.
    """
    if create and encoder:
        identity_of(encoder_named(encoder))
    return connect(place_of_registry(url), encoder=encoder, create=create)


def encoder_named(name: str) -> Encoder:
    """The encoder of this name, on the device that is set; its weights are loaded when they are needed."""
    return load_encoder(name, device=load_settings().device)


def server_settings(given: Sequence[str] | None, url: str | None) -> dict[str, str | int] | None:
    """What --setting says by name, numbers as numbers; raises ConfigError for no NAME=VALUE, and for a file's index."""
    if not given:
        return None
    pairs = [setting.partition("=") for setting in given]
    if not all(name and value for name, _, value in pairs):
        raise ConfigError("--setting wants NAME=VALUE: --setting shards=3")
    ours = load_settings()
    place = url or ours.registry or (None if ours.cloud_id else DEFAULT_FILE)
    if place is not None and "://" not in place:
        raise ConfigError("--setting is for an index on a server; in a file there is nothing to set")
    return {name: int(value) if value.isdecimal() else value for name, _, value in pairs}
