"""The verbs that take pets in: register (folders and tables), import (what export wrote, or another maker's index)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from petfinder.cli.app import app
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import (
    CLASSES,
    EncoderOption,
    JsonOption,
    RegistryOption,
    Species,
    SpeciesOption,
    encoder_named,
    open_registry,
)
from petfinder.cli.output import say, stopped, told
from petfinder.display.data import report_as_data
from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import Pet
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.registry.opened_index import check_encoder
from petfinder.registry.registration import Incoming, Registration
from petfinder.registry.registry import Registry
from petfinder.registry.repository import OnConflict
from petfinder.registry.service import PetService
from petfinder.stores.field_names import FIFTYONE, FLASK_IMAGE_SEARCH, PUPPIES, FieldNames
from petfinder.tables.readers import Grouping, read_csv, read_folder, read_json

SHOWN = 5
OnConflictOption = Annotated[OnConflict, typer.Option("--on-conflict", help="If a pet is registered already.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Name all that was left out, not only the first.")]


class Maker(StrEnum):
    """Who made an index that is taken over: what its fields are called."""

    PUPPIES = "puppies"
    FLASK = "flask"
    FIFTYONE = "fiftyone"


FIELDS: dict[Maker, FieldNames] = {
    Maker.PUPPIES: PUPPIES,
    Maker.FLASK: FLASK_IMAGE_SEARCH,
    Maker.FIFTYONE: FIFTYONE,
}


@app.command(no_args_is_help=True)
@told
def register(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Folders of photos, CSV or JSON files.")],
    by: Annotated[Grouping, typer.Option("--by", help="What is one pet in a folder.")] = "pet",
    on_conflict: OnConflictOption = "skip",
    verbose: VerboseOption = False,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register pets from folders of photos and tables. Run it again to go on where it stopped.

    Example: petfinder register photos/ --registry pets.db

    Example: petfinder register shelter.csv --species cat --on-conflict replace

    Exits with 1 if anything failed.
    """
    incoming = [read(source, CLASSES[species], by) for source in sources]
    with open_registry(registry, encoder, create=True) as opened:
        service = opened.of(CLASSES[species])
        _take_in(service, chain.from_iterable(incoming), on_conflict, verbose=verbose, as_json=as_json)


@app.command("import", no_args_is_help=True)
@told
def import_(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="CSV, JSON or JSON lines.")] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", metavar="NAME", help="An index on the same server, made by others, instead."),
    ] = None,
    fields: Annotated[
        Maker | None,
        typer.Option(
            "--fields", help="Who made that index: puppies if not said; FieldNames in Python describe others."
        ),
    ] = None,
    on_conflict: OnConflictOption = "skip",
    verbose: VerboseOption = False,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: EncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in exported pets, or an index that others made.

    A file holds no pictures: photos are read where it names them. `petfinder copy` moves a registry with its pictures.
    Take a file without contact in with --on-conflict replace, and the pets in it lose their owners.

    Example: petfinder import pets.jsonl --registry new.db

    Example: petfinder import --index puppies --fields puppies --encoder clip-ViT-B-32 --registry https://host:9200

    Exits with 1 if anything failed; each row that did is named.
    """
    if bool(files) == bool(index):
        raise ConfigError("name files, or an --index that others made, one of the two")
    if files and fields:
        raise ConfigError("--fields says who made an --index; a file's columns are told by its header: leave it out")
    for file in files or ():
        if Path(file).suffix.lower() not in TABLE_ENDINGS:
            raise ConfigError(f"{file} is no CSV, JSON or JSON lines by its ending; petfinder register takes folders")
    incoming: list[Incoming[Any]] = [read(file, CLASSES[species], "pet") for file in files or ()]
    with open_registry(registry, encoder, create=True) as opened:
        if index:
            incoming = [_pets_of(opened, index, CLASSES[species], FIELDS[fields or Maker.PUPPIES], encoder)]
        service = opened.of(CLASSES[species])
        _take_in(service, chain.from_iterable(incoming), on_conflict, verbose=verbose, as_json=as_json)


def _pets_of(
    registry: Registry, index: str, pet_class: type[Pet], fields: FieldNames, encoder: str | None
) -> Incoming[Any]:
    """The pets of another maker's index; raises IndexMismatch where another encoder than the registry's made it."""
    made_by = encoder_named(encoder) if encoder else registry.encoder
    existing = registry.open_existing(index, pet_class, fields, encoder=made_by)
    repository = registry.of(pet_class).repository
    check_encoder(repository.encoder_identity, existing.encoder, index=repository.index)
    return existing.pets()


def _take_in(
    service: PetService[Any], incoming: Incoming[Any], on_conflict: OnConflict, *, verbose: bool, as_json: bool
) -> None:
    """Register a stream and say what became of it, of what was done before Ctrl-C too."""
    work = Registration(service, on_conflict=on_conflict, embed=True)
    interrupted = None
    try:
        report = work.run(incoming, progress=None)
    except KeyboardInterrupt as stop:
        report, interrupted = work.report(), stop
    say(report_as_data(report) if as_json else _report_as_text(report, verbose=verbose))
    if interrupted:
        raise stopped("what is counted here is kept; run it again to go on") from interrupted
    if report.failures:
        raise typer.Exit(NOTHING_FOUND)


def _report_as_text(report: BulkReport, *, verbose: bool) -> str:
    """The counts, and each failure and each passed-over file with its reason: all, or the first of them."""
    lines = [str(report).split("\n", 1)[0]]
    if report.changed:
        lines.append(
            f"  {len(report.changed)} of the skipped have other photos than are registered: "
            "--on-conflict replace puts what is read now in their place, owner included"
        )
    lines += _first(report.failures, None if verbose else 20)
    lines += _first(report.ignored, None if verbose else SHOWN)
    return "\n".join(lines)


def _first(things: Sequence[Failure | Ignored], most: int | None) -> list[str]:
    left = 0 if most is None else max(0, len(things) - most)
    return [
        *(f"  {thing}" for thing in things[:most]),
        *([f"  … and {left} more: --verbose names all"] if left else []),
    ]


JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", *JSON_ENDINGS)


def named(path: str) -> Path:
    """The path; raises ConfigError for an empty one, which would mean the working folder."""
    if not path.strip():
        raise ConfigError("an empty name was given where a folder or a file is wanted; . is the folder that you are in")
    return Path(path)


def read(path: str, pet_class: type[Pet], by: Grouping) -> Iterator[Pet | Failure | Ignored]:
    """The pets of a folder or a manifest; raises ConfigError."""
    source = named(path)
    if source.suffix.lower() == ".csv":
        return read_csv(source, pet_class)
    if source.suffix.lower() in JSON_ENDINGS:
        return read_json(source, pet_class)
    return read_folder(source, pet_class, by=by)
