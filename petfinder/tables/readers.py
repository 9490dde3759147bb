"""Folders, CSV and JSON manifests and tables become a stream of pets, as `register_many` takes it.

What is wrong with one pet is a Failure in the stream, what is wrong with the whole is raised at the call.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from petfinder.domain.errors import (
    ConfigError,
    DuplicatePet,
    InvalidPet,
    PetfinderError,
    UnreadablePhoto,
)
from petfinder.domain.field_names import FieldNames
from petfinder.domain.pets import Dog, species_of
from petfinder.domain.reports import Failure, Ignored
from petfinder.domain.values import check_kind
from petfinder.tables.columns import Columns, as_columns, renamed
from petfinder.tables.folders import AnyPath, PhotoFolder, as_path, shown, walk
from petfinder.tables.manifests import Held, LabelledRow, check_columns, csv_rows, json_rows
from petfinder.tables.rows import PetT, Row, as_text, cells, column, is_of_species, known_columns, pet_from_row

Grouping = Literal["pet", "file", "breed"]
AnyTable = AnyPath | Held
AnyColumns = Columns | FieldNames | None
Found = Iterator["PetT | Failure | Ignored"]
_DOG: Any = Dog  # as a default of type[PetT], which Python 3.11 has no words for (PEP 696)


def read_folder(path: AnyPath, pet_class: type[PetT] = _DOG, *, by: Grouping = "pet") -> Found[PetT]:
    """Read pets from a folder of photos, one by one, in the order of their paths.

    `by="pet"`: a sub-folder that holds photos is a pet, at any depth, and so is a photo at the top. `by="file"`: each
    photo is a pet. `by="breed"`: each photo is a pet, the folder that it lies in names its breed. The `pet_id` is the
    relative path without ending, lower case, with `/`; a second file or folder that comes to the same id is a Failure.
    Raises ConfigError, at the call, for a path that is not a folder.
    """
    species_of(pet_class)
    if by not in get_args(Grouping):
        raise ConfigError(f"by={by!r} is unknown; choose from {', '.join(get_args(Grouping))}")
    root = as_path(path)
    try:
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ConfigError(f"{shown(root)} cannot be read as a folder ({reason}); name one that holds photos") from error
    return _folder_pets(root, pet_class, by)


def read_csv(path: AnyTable, pet_class: type[PetT] = _DOG, *, columns: AnyColumns = None) -> Found[PetT]:
    """Read pets from a CSV file with a header, `,` or `;` between its cells, in UTF-8.

    Columns are the fields of Pet, with `lat` and `lon` (or `place` as `lat,lon`), `status_lat` and `status_lon` (or
    `status_place`), `owner_name`, `owner_phone`, `owner_email`, `owner_address`, `owner_picture`, and the same of
    `finder_`; `photos` and `tags` hold several with `;` between them, paths are relative to the file. Rows of another
    species are Ignored, a row that cannot be used is a Failure.

    `columns` is for tables of others: what their columns are called here ({"dog_id": "pet_id"}, pf.PUPPIES, pf.ASM3,
    pf.PET_FBI); those of which it says nothing are not read, and a row without a photo takes the picture beside the
    table that is called by its pet_id. Raises ConfigError, at the call, for an unreadable file and unknown columns.
    """
    return _read_table(csv_rows, path, pet_class, columns)


def read_json(path: AnyTable, pet_class: type[PetT] = _DOG, *, columns: AnyColumns = None) -> Found[PetT]:
    """Read pets from a JSON file: an array of objects, alone or under one name ({"dogs": [...]}), or one object a line.

    Keys and `columns` are those of `read_csv`; beside that people and places may be objects, `photos` and `tags` lists.
    Raises ConfigError, at the call, for a file that cannot be read and for unknown keys.
    """
    return _read_table(json_rows, path, pet_class, columns)


def _read_table(
    rows_of: Callable[..., Iterator[LabelledRow]], path: AnyTable, pet_class: type[PetT], columns: AnyColumns
) -> Found[PetT]:
    species_of(pet_class)
    table, named = path if isinstance(path, Held) else as_path(path), as_columns(columns, known_columns(pet_class))
    folder = table.parent
    rows = rows_of(table, known_columns(pet_class), named)
    if named is not None:
        rows = ((at, row if isinstance(row, InvalidPet) else renamed(row, named, folder)) for at, row in rows)
    return _manifest_pets(rows, pet_class, folder)


def from_table(frame: Iterable[Mapping[str, Any]] | Any, pet_class: type[PetT] = _DOG) -> Found[PetT]:
    """Read pets from a pandas DataFrame, or any iterable of mappings, with the columns of `read_csv`.

    A DataFrame's index counts as a column where it has the name of one. Paths stay as they are. What `write_csv` wrote
    is for `read_csv`: pandas would take its phone numbers for numbers. Failures name the row, counted from 1. Raises
    ConfigError, at the call, for unknown columns of a DataFrame.
    """
    species_of(pet_class)
    check_kind(frame, Iterable, "from_table takes a DataFrame, or rows as mappings", refusal=ConfigError)
    table: Any = frame
    if hasattr(table, "columns") and hasattr(table, "itertuples"):
        known = known_columns(pet_class)
        if table.index.name not in table.columns and column(str(table.index.name)) in known:
            table = table.reset_index()
        columns = [str(header) for header in table.columns]
        check_columns(columns, known, where="the table")
        table = (dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False, name=None))
    labelled = ((f"row {number}", row) for number, row in enumerate(table, 1))
    return _manifest_pets(labelled, pet_class, None)


def _folder_pets(root: Path, pet_class: type[PetT], by: Grouping) -> Found[PetT]:
    first_at: dict[str, Path] = {}
    for item in walk(root):
        if not isinstance(item, PhotoFolder):
            yield item
            continue
        whole = by == "pet" and item.path != root
        breed = item.path.name if by == "breed" and item.path != root else None
        for where, photos in [(item.path, item.photos)] if whole else [(photo, (photo,)) for photo in item.photos]:
            named = where if whole else where.with_suffix("")
            # macOS spells accents in two characters, others in one: the same folder must come to the same id on both.
            pet_id = unicodedata.normalize("NFC", named.relative_to(root).as_posix().lower()).strip()
            if pet_id in first_at:
                both = f"{shown(first_at[pet_id])} and {shown(where)}"
                yield Failure(pet_id, DuplicatePet(f"{both} come to one id, {pet_id!r}; rename one of them"))
            else:
                first_at[pet_id] = where
                yield from _folder_pet({"pet_id": pet_id, "name": named.name, "breed": breed}, where, photos, pet_class)


def _folder_pet(row: Row, where: Path, paths: Sequence[Path], pet_class: type[PetT]) -> Iterator[PetT | Failure]:
    usable = [str(path) for path in paths if str(path) == shown(path)]
    for path in paths:
        if str(path) not in usable:
            error = UnreadablePhoto("the file's name is not UTF-8, so that no record can hold it; rename the file")
            yield Failure(shown(where), error, photo=shown(path))
    if usable:
        try:
            yield pet_from_row({**row, "photos": usable}, pet_class)
        except PetfinderError as refused:
            yield Failure(shown(where), refused)


def _manifest_pets(rows: Iterable[LabelledRow], pet_class: type[PetT], folder: Path | None) -> Found[PetT]:
    species = species_of(pet_class)
    first_at: dict[str, str] = {}
    for label, row in rows:
        if not isinstance(row, (Mapping, PetfinderError)):
            row = InvalidPet("a row is a mapping of columns")
        if isinstance(row, PetfinderError):
            yield Failure(label, row)
            continue
        item = _named(row) or label
        if not is_of_species(row, species):
            yield Ignored(item, f"{label} is about another species than {species}")
            continue
        try:
            pet = pet_from_row(row, pet_class, folder=folder)
        except PetfinderError as error:
            labelled = type(error)(f"{label}: {error}")
            labelled.__cause__ = error
            yield Failure(item, error if item == label else labelled)
            continue
        if pet.pet_id in first_at:
            both = f"{first_at[pet.pet_id]} and {label}"
            yield Failure(item, DuplicatePet(f"{both} name one pet; put all its photos into one row"))
        else:
            first_at[pet.pet_id] = label
            yield pet


def _named(row: Row) -> str | None:
    """The row's pet_id where it can be shown in a report."""
    try:
        pet_id = as_text(cells(row).get("pet_id"))
    except PetfinderError:
        return None
    tame = isinstance(pet_id, str) and pet_id.strip().isprintable() and len(pet_id) <= 512
    return pet_id.strip() if tame else None
