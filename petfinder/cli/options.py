"""The options that several verbs share, and what they come to: a registry, a filter, a pet's fields."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer import Argument, Option

from petfinder.cli.output import note, say
from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.fields import FIELDS, PetField
from petfinder.domain.filters import PetFilter
from petfinder.domain.matches import Matches, Pets
from petfinder.domain.pets import SPECIES, Place, Status
from petfinder.domain.values import epoch_seconds
from petfinder.encoders.base import identity_of
from petfinder.encoders.load import load_encoder
from petfinder.registry.connect import open_registry, place_of
from petfinder.registry.registry import Registry
from petfinder.registry.service import PetService
from petfinder.registry.settings import Settings, load_settings

DEFAULT_FILE = "petfinder.db"
Species = StrEnum("Species", {name: name for name in SPECIES})  # type: ignore[misc]  # mypy knows literals only
DOG = Species("dog")

RegistryOption = Annotated[
    str | None, Option("--registry", metavar="URL", help="The registry: a file or a server; else PETFINDER_REGISTRY.")
]
RegistryNameOption = Annotated[
    str | None, Option("--registry-name", metavar="NAME", help="Which of the store's: pets-dogs belongs to pets.")
]
SpeciesOption = Annotated[Species, Option("--species", help="Whose registry.")]
EncoderOption = Annotated[str | None, Option("--encoder", metavar="NAME", help="The encoder; else the registry's own.")]
JsonOption = Annotated[bool, Option("--json", help="Print JSON for scripts.")]
PetIdArgument = Annotated[str, Argument(metavar="PET_ID", help="As find and list show it.")]


@dataclass(frozen=True)
class RegistryOptions:
    """The registry that a verb works on, and how it prints."""

    registry: RegistryOption = None
    registry_name: RegistryNameOption = None
    as_json: JsonOption = False

    def open(self, encoder: str | None = None, *, create: bool = False) -> Registry:
        """The registry that was named, or the file in this folder, opened.

        Nothing is made where the encoder that was named for a new one cannot be had: raises EncoderUnavailable.
        """
        settings = load_settings(name=self.registry_name)
        if create and encoder:
            identity_of(load_encoder(encoder, device=settings.device))
        return open_registry(place_of_registry(self.registry, settings), settings, encoder=encoder, create=create)

    def say(self, data: Any, text: str | Matches | Pets[Any], *, nothing: bool = False) -> None:
        """Print the data as JSON where that was asked for, else the text or a table; `nothing`: exit with 1."""
        say(data if self.as_json else text, nothing=nothing)


@dataclass(frozen=True)
class PetOptions(RegistryOptions):
    """The registry and the species that a verb works on, and how it prints."""

    species: SpeciesOption = DOG

    @contextmanager
    def pets(self, encoder: str | None = None, *, create: bool = False) -> Iterator[PetService[Any]]:
        """The service of the species, as long as it is needed."""
        with self.open(encoder, create=create) as opened:
            yield opened.of(SPECIES[self.species])


def place_of_registry(url: str | None, settings: Settings) -> str | None:
    """The registry that was named, or the file in this folder; says which where nobody named one."""
    if not (url or settings.registry or settings.cloud_id):
        note(f"using ./{DEFAULT_FILE}; --registry or PETFINDER_REGISTRY name another")
    return place_of(url or None, settings, default=DEFAULT_FILE)


def with_field_options(
    fields: Iterable[PetField], about: Callable[[PetField], tuple[bool, str]]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The maker with an option for each of these fields of a pet in the place of its `**keywords`.

    `about` says whether a field's option may be repeated, and its help; of several values the option is singular.
    """

    def option_of(field: PetField) -> inspect.Parameter:
        repeated, words = about(field)
        names = [f"--{field.name.removesuffix('s') if field.several else field.name}"]
        names += ["--color"] if field.name == "colour" else []
        option = Option(*names, metavar="TEXT", help=words)
        annotation: Any = Annotated[list[str] | None, option] if repeated else Annotated[str | None, option]
        return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    def with_them(maker: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(maker, eval_str=True)
        kept = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        maker.__signature__ = own.replace(parameters=[*map(option_of, fields), *kept])  # type: ignore[attr-defined]
        return maker

    return with_them


def moment(text: str) -> datetime:
    """The date that was written; raises BadParameter for what is none."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter("write a date as 2026-10-02, or 2026-10-02T18:30") from error


def lat_lon(text: str) -> Place:
    """The place that was written; raises BadParameter for what is none."""
    try:
        return Place.model_validate(text)
    except ValidationError as error:
        raise typer.BadParameter("write LAT,LON in degrees, -90 to 90 and -180 to 180: -23.5,-46.6") from error


PlaceOption = Annotated[Place | None, Option("--place", metavar="LAT,LON", parser=lat_lon, help="Where that was.")]
AtOption = Annotated[datetime | None, Option("--at", metavar="DATE", parser=moment, help="When, 2026-10-02; else now.")]


def _similarity(number: float | None) -> float | None:
    if number is not None and not -1 <= number <= 1:
        raise typer.BadParameter("write a number from -1 to 1, such as 0.9")
    return number


def similarity_option(words: str) -> Any:
    """The option --min-similarity with this help."""
    return Option("--min-similarity", metavar="NUMBER", help=words, callback=_similarity)


@with_field_options(
    [field for field in FIELDS if field.filtered],
    lambda field: (True, f"Only pets with this {field.label.lower().removesuffix('s')}; may be repeated."),
)
def filter_of(
    *,
    status: Annotated[
        list[Status] | None, Option("--status", metavar="STATUS", help="Only home, lost, found, sighted or reunited.")
    ] = None,
    taken_after: Annotated[
        datetime | None,
        Option("--taken-after", metavar="DATE", parser=moment, help="Only pets with a photo since then."),
    ] = None,
    taken_before: Annotated[
        datetime | None, Option("--taken-before", metavar="DATE", parser=moment, help="Until then, a day's midnight.")
    ] = None,
    near: Annotated[
        Place | None, Option("--near", metavar="LAT,LON", parser=lat_lon, help="Only pets seen around this place.")
    ] = None,
    within_km: Annotated[float | None, Option("--within-km", metavar="KM", help="How far from --near.")] = None,
    **words: list[str] | None,
) -> PetFilter:
    """The filter that the options describe; raises InvalidQuery, naming the option."""
    if taken_after and taken_before and epoch_seconds(taken_after) > epoch_seconds(taken_before):
        raise InvalidQuery("--taken-after is later than --taken-before")
    if (near is None) != (within_km is None):
        raise InvalidQuery("--near and --within-km go together: around which place, and how far from it")
    if within_km is not None and not 0 < within_km < math.inf:
        raise InvalidQuery("--within-km wants a number above 0: --within-km 20")
    chosen: dict[str, Any] = {name: values or None for name, values in {**words, "status": status}.items()}
    return PetFilter(**chosen, taken_after=taken_after, taken_before=taken_before, near=near, within_km=within_km)


def server_settings(assignments: Sequence[str] | None, url: str | None) -> dict[str, str | int] | None:
    """What --setting says by name, numbers as numbers; raises ConfigError for no NAME=VALUE, and for a file's index."""
    if not assignments:
        return None
    pairs = [setting.partition("=") for setting in assignments]
    if not all(name and value for name, _, value in pairs):
        raise ConfigError("--setting wants NAME=VALUE: --setting shards=3")
    where = place_of(url or None, load_settings(), default=DEFAULT_FILE)
    if where is not None and "://" not in where:
        raise ConfigError("--setting is for an index on a server; in a file there is nothing to set")
    return {name: int(value) if value.isdecimal() else value for name, _, value in pairs}
