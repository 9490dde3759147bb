"""Pets out: as rows, as CSV and JSON files, as a pandas table. What goes out is read back by intake.

Without `contact=True` there is no owner, no finder and no place more exact than 0.01 degree in it, because exports are
passed around. What is held back never goes out.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from petfinder.domain.errors import ConfigError, InvalidPet
from petfinder.domain.pets import CONTACT, PEOPLE, Pet, PetT, Photo, as_found
from petfinder.domain.text import install_line
from petfinder.domain.values import check_kind
from petfinder.tables.atomic import replacing
from petfinder.tables.folders import AnyPath, as_path, named_from
from petfinder.tables.manifests import FORMULA_SIGNS
from petfinder.tables.rows import PEOPLE_COLUMNS, WRITTEN, Cell, row_of

if TYPE_CHECKING:
    import pandas

_ONE_A_LINE = (".jsonl", ".ndjson")
_NUMBER = r"-?\d+(\.\d+)?(e-?\d+)?"
_NUMBERS = re.compile(rf"{_NUMBER}([,;]({_NUMBER})?)*")


def to_rows(pets: Iterable[Pet], *, contact: bool = False) -> Iterator[dict[str, Cell]]:
    """Each pet as a flat row with the columns that `read_csv` reads; `contact` gives people and exact places too."""
    for pet in _checked(pets):
        if contact:
            yield row_of(pet)
        else:
            yield {name: cell for name, cell in row_of(as_found(pet)).items() if name not in PEOPLE_COLUMNS}


def _checked(pets: Iterable[Pet]) -> Iterator[Pet]:
    check_kind(pets, Iterable, "pets are written from a list or stream", refusal=InvalidPet)
    for pet in [pets] if isinstance(pets, Pet) else pets:
        check_kind(pet, Pet, "a pet is written", refusal=InvalidPet)
        yield pet


def write_csv(pets: Iterable[Pet], path: AnyPath, *, contact: bool = False) -> int:
    """Write pets to a CSV file (UTF-8) and return how many; with `contact`, `read_csv` gives back all but `held_back`.

    A file that ends in .tsv has tabs between its cells. A cell that a spreadsheet would run as a formula gets an
    apostrophe in front, which `read_csv` takes away. Photos are named relative to the file, unless their paths are
    absolute. Raises ConfigError, and then leaves what was there.
    """
    target = as_path(path)
    count = 0
    with _written(target, private=contact) as file:
        rows = to_rows((_named_from(pet, target.parent) for pet in _checked(pets)), contact=contact)
        columns, table = _columns(contact), csv.writer(file, delimiter="\t" if target.suffix.lower() == ".tsv" else ",")
        for count, row in enumerate(rows, 1):
            if count == 1:
                columns = tuple(row)
                table.writerow(columns)
            if tuple(row) != columns:
                raise ConfigError("pets of classes with different fields do not fit into one file; write one for each")
            table.writerow([_protected(cell) if isinstance(cell, str) else cell for cell in row.values()])
        if not count:
            table.writerow(columns)
    return count


def write_json(pets: Iterable[Pet], path: AnyPath, *, contact: bool = False) -> int:
    """Write pets to a JSON file and return how many; with `contact`, `read_json` gives back all but `held_back`.

    One object a line for a name that ends in .jsonl or .ndjson, else an array. Photos are named relative to the file,
    unless their paths are absolute. Raises ConfigError, and then leaves what was there.
    """
    target = as_path(path)
    before, between, after = ("", "\n", "\n") if target.suffix.lower() in _ONE_A_LINE else ("[\n", ",\n", "\n]\n")
    count = 0
    with _written(target, private=contact) as file:
        file.write(before)
        for count, pet in enumerate(_checked(pets), 1):
            shown = _named_from(pet if contact else as_found(pet), target.parent)
            row = shown.model_dump(mode="json", context=CONTACT, exclude_none=True)
            file.write((between if count > 1 else "") + json.dumps(row, ensure_ascii=False))
        file.write(after if count else after.lstrip())
    return count


def to_table(pets: Iterable[Pet], *, contact: bool = False) -> pandas.DataFrame:
    """Give the pets as a pandas table with the columns of `to_rows`, which `from_table` reads; dates as ISO 8601 text.

    Take it with `contact` where it shall replace registered pets: a pet put back without its owner has none. Embeddings
    are not in it: pets are embedded anew elsewhere, from their photos. Raises ConfigError where pandas is missing.
    """
    rows = list(to_rows(pets, contact=contact))
    return as_table(rows, rows[0] if rows else _columns(contact))


def as_table(rows: Iterable[object], columns: Iterable[str] | None = None) -> pandas.DataFrame:
    """Give mappings or tuples as a pandas table, with these columns or their own; raises ConfigError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise ConfigError(f"tables need pandas: {install_line('notebook')}") from error
    return pandas.DataFrame(list(rows), columns=None if columns is None else list(columns))


def _columns(contact: bool) -> tuple[str, ...]:
    return tuple(name for name in WRITTEN if contact or name not in PEOPLE_COLUMNS)


def _protected(cell: str) -> str:
    dangerous = cell.lstrip("'")[:1] in tuple(FORMULA_SIGNS)
    return f"'{cell}" if dangerous and not _NUMBERS.fullmatch(cell) else cell


def _named_from(pet: PetT, folder: Path) -> PetT:
    def renamed(photo: Photo) -> Photo:
        return photo.model_copy(update={"uri": named_from(photo.uri, folder)}) if photo.uri else photo

    people = {
        who: person.model_copy(update={"picture": renamed(person.picture)})
        for who in PEOPLE
        if (person := getattr(pet, who)) and person.picture
    }
    return pet.model_copy(update={"photos": tuple(map(renamed, pet.photos)), **people})


@contextmanager
def _written(target: Path, *, private: bool) -> Iterator[IO[str]]:
    """The target as a new text file, whole or not at all; raises ConfigError.

    Where there was none, a `private` one is for its owner's eyes only.
    """
    opener = (lambda name, flags: os.open(name, flags, 0o600)) if private else None
    try:
        with replacing(target) as part, open(part, "x", encoding="utf-8", newline="", opener=opener) as file:
            yield file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used, or a name in it is not UTF-8"
        raise ConfigError(f"{target} cannot be written: {reason}") from error
