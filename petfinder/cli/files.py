"""The verbs that carry pets elsewhere: export (to a file), copy (to another registry)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.options import JsonOption, PetOptions, RegistryNameOption, filter_of
from petfinder.cli.output import STANDARD_STREAM, note, reported, say, stopped, to_json
from petfinder.cli.register import JSON_ENDINGS, TABLE_ENDINGS
from petfinder.display.data import report_as_data
from petfinder.domain.errors import ConfigError
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import Pet
from petfinder.registry.connect import connect
from petfinder.registry.copy import CopyReport, copy_registry, specs_to_copy
from petfinder.registry.progress import progress_bar
from petfinder.tables.writers import to_rows, write_csv, write_json


@verb(where=filter_of, options=PetOptions)
def export(
    file: Annotated[str, Argument(metavar="FILE", help="Ends in .csv, .tsv, .json or .jsonl; - prints JSON lines.")],
    where: PetFilter,
    contact: Annotated[bool, Option("--contact", help="With owners and exact places: mind who gets the file.")] = False,
    *,
    options: PetOptions,
) -> None:
    """Write pets to a CSV or JSON file, without contact. `petfinder import` and spreadsheets read it.

    Example: petfinder export lost.csv --status lost --registry pets.db

    Example: petfinder export - --species cat | head

    Stopped by Ctrl-C it leaves the file as it was before.
    """
    if file != STANDARD_STREAM and Path(file).suffix.lower() not in TABLE_ENDINGS:
        raise ConfigError(f"{file} names no format; let it end in .csv, .tsv, .json or .jsonl, or print with -")
    read = 0
    with options.pets() as service, progress_bar(None, what="exporting", total=service.count(where)) as bar:

        def pets() -> Iterator[Pet]:
            nonlocal read
            for pet in service.repository.scan(where.restriction()):
                yield pet
                read += 1
                bar.update()

        try:
            _write(pets(), file, contact=contact)
        except KeyboardInterrupt as stop:
            became = "the rest is missing" if file == STANDARD_STREAM else f"{file} is as it was before"
            raise stopped(f"{read} {options.species}s were read, {became}") from stop
    if file == STANDARD_STREAM:
        note(f"{read} {options.species}s")
    else:
        options.say({"file": file, "pets": read}, f"{read} {options.species}s written to {file}")


@verb()
def copy(
    source: Annotated[str, Argument(metavar="SOURCE", help="The registry to copy: a file, or a server's URL.")],
    target: Annotated[str, Argument(metavar="TARGET", help="Where to: a file, or a server's URL.")],
    registry_name: RegistryNameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a registry to another place, owners and thumbnails too. Run it again to go on where it stopped.

    Example: petfinder copy pets.db https://search.example.org:9200

    Exits with 1 if a pet could not be copied. Pets that only TARGET has stay there.
    """

    def show(reports: list[CopyReport]) -> None:
        say([*map(report_as_data, reports)] if as_json else "\n".join(map(str, reports)))

    with connect(source, name=registry_name, create=False) as opened:
        specs_to_copy(opened)  # before anything is made at the target
        with connect(target, name=registry_name) as other, reported(show) as tell:
            copy_registry(opened, other, tell=tell)


def _write(pets: Iterator[Pet], file: str, *, contact: bool) -> None:
    if file != STANDARD_STREAM:
        (write_json if file.lower().endswith(JSON_ENDINGS) else write_csv)(pets, file, contact=contact)
        return
    for row in to_rows(pets, contact=contact):
        typer.echo(to_json({name: cell for name, cell in row.items() if cell is not None}))
