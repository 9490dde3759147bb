"""The columns that other systems use, by petfinder's words: what `columns=` takes when a table is read."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from petfinder.domain.errors import ConfigError
from petfinder.domain.field_names import FieldNames
from petfinder.domain.text import fold
from petfinder.tables.folders import PHOTO_ENDINGS

Columns = Mapping[str, str | tuple[str, Mapping[str, str]]]
"""Their column -> ours, or ours and what their values mean there; other values are left out."""

_SEX = {"m": "male", "f": "female", "male": "male", "female": "female"}
_OWNER = "ORIGINALOWNER"
# Animal Shelter Manager 3, the animal CSV. A movement of kind 4 is an escape, 5 a reclaim, 6 a theft.
ASM3: Columns = {
    "ANIMALCODE": "pet_id",
    "ANIMALNAME": "name",
    "ANIMALIMAGE": "photos",
    "ANIMALSEX": ("sex", _SEX),
    "ANIMALSPECIES": "species",
    "ANIMALCOLOR": "colour",
    "ANIMALBREED1": "breed",
    "ANIMALMARKINGS": "note",
    "ANIMALDESCRIPTION": "note",
    "ANIMALMICROCHIP": "microchip",
    "MOVEMENTTYPE": ("status", {"4": "lost", "5": "reunited", "6": "lost"}),
    "MOVEMENTDATE": "status_at",
    **{f"{_OWNER}{part}": "owner_name" for part in ("FIRSTNAME", "LASTNAME")},
    **{f"{_OWNER}{part}": "owner_address" for part in ("ADDRESS", "CITY", "STATE", "ZIPCODE")},
    f"{_OWNER}CELLPHONE": "owner_phone",
    f"{_OWNER}EMAIL": "owner_email",
}
# The feed of Pet FBI.
PET_FBI: Columns = {
    "PetID": "pet_id",
    "Status": ("status", {"lost": "lost", "found": "found", "sighted": "sighted", "reunited": "reunited"}),
    "Name": "name",
    "Species": "species",
    "Sex": ("sex", _SEX),
    "PrimaryBreed": "breed",
    "Description": "note",
    "Photo": "photos",
    "Colour": "colour",
    "IntakeDate": "status_at",
}


def as_columns(given: Columns | FieldNames | None, known: Collection[str]) -> Columns | None:
    """Take a mapping of columns, or the field names of an index; raises ConfigError for anything else."""
    if isinstance(given, FieldNames):
        ours = {"uri": "photos", "owner": "owner_name"}
        return {theirs: ours.get(word, word) for word, theirs in given.paths().items() if word != "embedding"}
    if given is None:
        return None
    if not isinstance(given, Mapping) or not set(meant_by(given, given)) <= {*known}:
        raise ConfigError(f'columns says what theirs are here, {{"dog_id": "pet_id"}}; ours are {", ".join(known)}')
    return given


def meant_by(headers: Iterable[str], columns: Columns) -> list[str]:
    """Our columns that these headers mean, each once."""
    meant = (columns.get(header) for header in headers)
    return [*dict.fromkeys(str(ours[0] if isinstance(ours, tuple) else ours) for ours in meant if ours)]


def renamed(row: Mapping[str, Any], columns: Columns, folder: Path | None) -> dict[str, Any]:
    """The row by our columns; columns of which nothing is said are left out, texts that mean one are joined.

    A row without a photo takes the picture beside the table that has its pet's id for a name.
    """
    found: dict[str, Any] = {}
    for header, value in row.items():
        meant = columns.get(str(header))
        ours, values = meant if isinstance(meant, tuple) else (meant, None)
        value = values.get(fold(str(value))) if values else value
        if ours and value not in (None, ""):
            found[ours] = f"{found[ours]} {value}" if ours in found else value
    picture, pet_id = found.get("photos"), str(found.get("pet_id"))
    if isinstance(picture, str) and picture.startswith("data:"):
        found["photos"] = base64.b64decode(picture.partition(",")[2])
    elif folder and not picture and Path(pet_id).name == pet_id:
        there = [f"{pet_id}{ending}" for ending in sorted(PHOTO_ENDINGS) if (folder / f"{pet_id}{ending}").is_file()]
        found["photos"] = there[:1]
    return found
