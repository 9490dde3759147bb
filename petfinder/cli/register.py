"""The verbs that take pets in: register (folders and tables), import (what export wrote, or another maker's index)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.options import EncoderOption, PetOptions
from petfinder.cli.output import reported
from petfinder.display.data import report_as_data
from petfinder.domain.errors import ConfigError
from petfinder.domain.field_names import FIFTYONE, FLASK_IMAGE_SEARCH, PUPPIES, FieldNames
from petfinder.domain.pets import SPECIES, Pet
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.encoders.load import load_encoder
from petfinder.registry.service import OnConflict
from petfinder.registry.settings import load_settings
from petfinder.tables.readers import Grouping, read_csv, read_folder, read_json

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", *JSON_ENDINGS)
Maker = Literal["puppies", "flask", "fiftyone"]
FIELDS: dict[Maker, FieldNames] = {"puppies": PUPPIES, "flask": FLASK_IMAGE_SEARCH, "fiftyone": FIFTYONE}
"""What the fields of an index that is taken over are called, by who made it."""
OnConflictOption = Annotated[OnConflict, Option("--on-conflict", help="If a pet is registered already.")]
VerboseOption = Annotated[bool, Option("--verbose", "-v", help="Name all that was left out, not only the first.")]


@verb(options=PetOptions)
def register(
    sources: Annotated[list[str], Argument(metavar="SOURCE", help="Folders of photos, CSV or JSON files.")],
    by: Annotated[Grouping, Option("--by", help="What is one pet in a folder.")] = "pet",
    on_conflict: OnConflictOption = "skip",
    encoder: EncoderOption = None,
    verbose: VerboseOption = False,
    *,
    options: PetOptions,
) -> None:
    """Register pets from folders of photos and tables. Run it again to go on where it stopped.

    Example: petfinder register photos/ --registry pets.db

    Example: petfinder register shelter.csv --species cat --on-conflict replace

    Exits with 1 if anything failed.
    """
    pets = [read(source, SPECIES[options.species], by) for source in sources]
    with options.pets(encoder, create=True) as service, reported(partial(_show, options, verbose)) as tell:
        service.register_many(chain.from_iterable(pets), on_conflict=on_conflict, tell=tell)


@verb("import", options=PetOptions)
def import_(
    files: Annotated[list[str] | None, Argument(metavar="FILE", help="CSV, JSON or JSON lines.")] = None,
    index: Annotated[
        str | None, Option("--index", metavar="NAME", help="An index on the same server, made by others, instead.")
    ] = None,
    fields: Annotated[
        Maker | None,
        Option("--fields", help="Who made that index: puppies if not said; FieldNames in Python describe others."),
    ] = None,
    on_conflict: OnConflictOption = "skip",
    encoder: EncoderOption = None,
    verbose: VerboseOption = False,
    *,
    options: PetOptions,
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
    pet_class = SPECIES[options.species]
    pets = [read(file, pet_class, "pet") for file in files or ()]
    with options.open(encoder, create=True) as opened, reported(partial(_show, options, verbose)) as tell:
        if index:
            made_by = load_encoder(encoder, device=load_settings().device) if encoder else opened.encoder
            existing = opened.open_existing(index, pet_class, FIELDS[fields or "puppies"], encoder=made_by)
            opened.of(pet_class).import_index(existing, on_conflict=on_conflict, tell=tell)
        else:
            opened.of(pet_class).register_many(chain.from_iterable(pets), on_conflict=on_conflict, tell=tell)


def _show(options: PetOptions, verbose: bool, reports: Iterable[BulkReport]) -> None:
    """Print the counts, and each failure and each passed-over file with its reason: all, or the first of them."""
    for report in reports:
        lines = [str(report).split("\n", 1)[0]]
        if report.changed:
            lines.append(
                f"  {len(report.changed)} of the skipped have other photos than are registered: "
                "--on-conflict replace puts what is read now in their place, owner included"
            )
        for things, most in ((report.failures, 20), (report.ignored, 5), (report.odd, 5)):
            shown = things if verbose else things[:most]
            lines += [f"  {thing}" for thing in shown]
            lines += [f"  … and {len(things) - most} more: --verbose names all"] if len(shown) < len(things) else []
        options.say(report_as_data(report), "\n".join(lines))


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
