"""The verbs that take pets in: register (one, folders, tables), import (what export wrote, or others' index)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.options import EncoderOption, PetOptions
from petfinder.cli.output import STANDARD_STREAM, note, reported, standard_input
from petfinder.cli.pets import changes_of, new_owner, owner_changes_of
from petfinder.display.data import report_as_data
from petfinder.domain.errors import ConfigError
from petfinder.domain.field_names import FIFTYONE, FLASK_IMAGE_SEARCH, PUPPIES, FieldNames
from petfinder.domain.pets import SPECIES, Pet
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.domain.text import clean, fold
from petfinder.encoders.load import load_encoder
from petfinder.registry.repository import OnConflict
from petfinder.registry.settings import load_settings
from petfinder.tables.folders import PHOTO_ENDINGS
from petfinder.tables.manifests import Held
from petfinder.tables.readers import Grouping, read_csv, read_folder, read_json

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", ".tsv", *JSON_ENDINGS)
Maker = Literal["puppies", "flask", "fiftyone"]
FIELDS: dict[Maker, FieldNames] = {"puppies": PUPPIES, "flask": FLASK_IMAGE_SEARCH, "fiftyone": FIFTYONE}
"""What the fields of an index that is taken over are called, by who made it."""
OnConflictOption = Annotated[OnConflict, Option("--on-conflict", help="If a pet is registered already.")]
VerboseOption = Annotated[bool, Option("--verbose", "-v", help="Name all that was left out, not only the first.")]


@verb(facts=changes_of, contact=owner_changes_of, options=PetOptions)
def register(
    sources: Annotated[
        list[str], Argument(metavar="SOURCE", help="Photos of ONE pet; or folders of photos, tables, - for a table.")
    ],
    facts: dict[str, Any],
    contact: dict[str, str],
    pet_id: Annotated[str | None, Option("--id", metavar="PET_ID", help="Else of its name, or its photo's.")] = None,
    by: Annotated[Grouping, Option("--by", help="What is one pet: of a folder, or of several photos.")] = "pet",
    on_conflict: OnConflictOption = "skip",
    encoder: EncoderOption = None,
    verbose: VerboseOption = False,
    *,
    options: PetOptions,
) -> None:
    """Register one pet by its photos, or many from folders and tables. Run it again to go on where it stopped.

    What describes a pet goes with its photos: --name is the pet's, --registry-name the registry's. A table is CSV, TSV,
    JSON or JSON lines; - reads one from standard input.

    Example: petfinder register luigi.png --name Luigi --breed "Jack Russell" --owner-name Ully --owner-phone 555-0142

    Example: petfinder register photos/ --registry pets.db

    Example: petfinder register shelter.csv --species cat --on-conflict replace

    Exits with 1 if anything failed.
    """
    pet_class, known = SPECIES[options.species], facts | ({"pet_id": pet_id} if pet_id else {})
    known |= {"owner": new_owner(contact)} if contact else {}
    photos = [one for one in sources if Path(one).suffix.lower() in PHOTO_ENDINGS and not Path(one).is_dir()]
    if known and (len(photos) < len(sources) or by != "pet"):
        raise ConfigError("what describes a pet (--name, --breed, ...) goes with photos of that one pet alone")
    drawn = [_pet_of(some, pet_class, known) for some in ([photos] if by == "pet" else zip(photos)) if some]
    if len({pet.pet_id for pet in drawn}) < len(drawn) or (drawn and by == "breed"):
        raise ConfigError("folders tell these photos apart: register the folder that holds them")
    pets = [iter(drawn), *(read(source, pet_class, by) for source in sources if source not in photos)]
    with options.pets(encoder, create=True) as service, reported(partial(_show, options, verbose)) as tell:
        report = service.register_many(chain.from_iterable(pets), on_conflict=on_conflict, tell=tell)
        one = drawn[0].pet_id if len(drawn) == 1 else ""
        if one in report.changed:
            note(f"another pet than the registered {one} wants an --id of its own")
        elif one and len(photos) > 1 and not known:
            again = f"petfinder remove {shlex.quote(one)}, then register with --by file"
            note(f"{len(photos)} photos became one pet, {one}; if they show {len(photos)} pets: {again}")


@verb("import", options=PetOptions)
def import_(
    files: Annotated[
        list[str] | None, Argument(metavar="FILE", help="CSV, TSV, JSON or JSON lines; - for standard input.")
    ] = None,
    index: Annotated[
        str | None, Option("--index", metavar="NAME", help="An index on the same server, made by others, instead.")
    ] = None,
    fields: Annotated[
        Maker | None, Option("--fields", help="Who made that index, else puppies; Python's FieldNames describe others.")
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
        if file != STANDARD_STREAM and Path(file).suffix.lower() not in TABLE_ENDINGS:
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
    for report in reports:
        ids = [*report.added, *report.replaced, *report.skipped]
        only = f": {clean(ids[0])}" if len(ids) == sum(report.counts.values()) == 1 else ""
        lines = [str(report).split("\n", 1)[0] + only]
        if report.changed:
            way = "--on-conflict replace puts what is read now in their place, owner included"
            lines.append(f"  {len(report.changed)} of the skipped have other photos than are registered: {way}")
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
    """The pets of a folder or a table; raises ConfigError."""
    if path == STANDARD_STREAM:
        held = Held(standard_input())
        return (read_json if held.lstrip()[:1] in (b"[", b"{") else read_csv)(held, pet_class)
    source = named(path)
    if source.suffix.lower() in TABLE_ENDINGS:
        return (read_json if source.suffix.lower() in JSON_ENDINGS else read_csv)(source, pet_class)
    if source.is_file():
        raise ConfigError(f"{path} is no photo and no table by its ending; a table ends in {', '.join(TABLE_ENDINGS)}")
    return read_folder(source, pet_class, by=by)


def _pet_of(photos: Sequence[str], pet_class: type[Pet], known: dict[str, Any]) -> Pet:
    """One pet, named like its folder or its only photo where nobody says how; raises ConfigError, InvalidPet."""
    for photo in photos:
        if not Path(photo).is_file():
            raise ConfigError(f"{photo} is no file here; what lies at an address is to be downloaded first")
    first = Path(photos[0])
    name = known.get("name") or (len(photos) > 1 and first.parent.name) or first.stem
    return pet_class(**{"pet_id": "-".join(fold(name).split()), "name": name, **known, "photos": photos})
