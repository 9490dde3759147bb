"""A pet as one flat row of a manifest or a table, and back.

No message repeats what stands in a cell: it may be a telephone number in the wrong column.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

from typing_extensions import TypeVar

from petfinder.domain.errors import InvalidPet
from petfinder.domain.fields import FIELDS
from petfinder.domain.pets import CONTACT, PEOPLE, Box, Dog, Owner, Pet, Photo, Place, species_of
from petfinder.domain.text import fold
from petfinder.tables.folders import located

Row = Mapping[str, Any]
Cell = str | float | None
PetT = TypeVar("PetT", bound=Pet, default=Dog)

_OWNER_FIELDS = tuple(Owner.model_fields)
PEOPLE_COLUMNS = tuple(f"{who}_{field}" for who in PEOPLE for field in _OWNER_FIELDS)
_DETAILS = {"photo_id": "photo_ids", "taken_at": "photo_dates", "place": "photo_places", "box": "photo_boxes"}
_OF_A_PHOTO = {"uri", *_DETAILS}
_TEXTS = {"pet_id", "species", "status", "status_at", *(field.name for field in FIELDS if not field.several)}
_PLAIN = tuple(name for name in Pet.model_fields if name in _TEXTS)
_PLACES = {"place": ("lat", "lon"), "status_place": ("status_lat", "status_lon")}
_MADE_OF_SEVERAL = {*sum(_PLACES.values(), ()), *_DETAILS.values(), *PEOPLE_COLUMNS}
_PLACES_AND_PEOPLE = {*_PLACES, *sum(_PLACES.values(), ()), *PEOPLE, *PEOPLE_COLUMNS}
_OTHERS = ("indoor", "confirmed", "registered_at", "renewed_at")
COLUMNS = (
    *_PLAIN,
    *(field.name for field in FIELDS if field.several),
    *(name for place, sides in _PLACES.items() for name in (*sides, place)),
    *_OTHERS,
    "photos",
    *_DETAILS.values(),
    *PEOPLE_COLUMNS,
)
WRITTEN = tuple(name for name in COLUMNS if name not in _PLACES)
"""The columns of a row that `row_of` makes, in their order."""
_ALIASES = {"photo": "photos", "image": "photos", "images": "photos", "color": "colour"}


@lru_cache(maxsize=1024)
def column(header: str) -> str:
    """The column that a header means: case, blanks and dashes do not matter, `photo`, `image` and `color` will do."""
    plain = re.sub(r"[\s\-]+", "_", fold(header))
    return _ALIASES.get(plain, plain)


@cache
def known_columns(pet_class: type[Pet]) -> tuple[str, ...]:
    """Every column that a row of this class of pets may have."""
    return tuple(dict.fromkeys((*COLUMNS, *PEOPLE, *pet_class.model_fields)))


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, blank, NaN, or what pandas puts there (its NA refuses to be compared)."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return (isinstance(value, str) and not value.strip()) or (isinstance(value, float) and math.isnan(value))


def as_text(value: Any) -> Any:
    """Text from a whole number (a microchip that a JSON file or a table holds as one); anything else unchanged."""
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and value == math.floor(value):
        return str(math.floor(value))
    return value


def cells(row: Row) -> dict[str, Any]:
    """The row's filled cells by the columns that they belong to; raises InvalidPet where two mean the same column."""
    filled: dict[str, Any] = {}
    for header, value in row.items():
        if not is_missing(value):
            if column(str(header)) in filled:
                raise InvalidPet(f"two columns mean {column(str(header))}; keep one")
            filled[column(str(header))] = value
    return filled


def is_of_species(row: Row, species: str) -> bool:
    """Whether the row is about this species; a row that names none is."""
    named = [value for header, value in row.items() if column(str(header)) == "species" and not is_missing(value)]
    return all(fold(str(value)) == fold(species) for value in named)


def pet_from_row(row: Row, pet_class: type[PetT], *, folder: Path | None = None) -> PetT:
    """The pet that a row describes; photos are named relative to `folder`. Raises InvalidPet."""
    filled, species = cells(row), species_of(pet_class)
    known = known_columns(pet_class)
    unknown = [name for name in filled if name not in known]
    if unknown:
        raise InvalidPet(f"{len(unknown)} columns are unknown; known are {', '.join(known)}")
    if "pet_id" not in filled:
        raise InvalidPet("pet_id is empty: give each pet an id of its own, and keep it from one reading to the next")
    if not is_of_species(row, species):
        raise InvalidPet(f"the row is about another species than {species}")
    fields = {name: value for name, value in filled.items() if name not in _MADE_OF_SEVERAL}
    fields |= {name: as_text(fields[name]) for name in _PLAIN if name in fields}
    pet_id = fields["pet_id"]
    fields["pet_id"] = pet_id.strip() if isinstance(pet_id, str) else pet_id
    fields |= {"species": species, "photos": _photos_of(filled, folder)}
    fields["tags"] = [as_text(tag) for tag in _parts(filled.get("tags")) if not is_missing(tag)]
    if not filled.keys().isdisjoint(_PLACES_AND_PEOPLE):
        fields |= {name: _place_of(filled, name) for name in _PLACES}
        fields |= {who: _person_of(filled, who, folder) for who in PEOPLE}
    return pet_class(**fields)


def row_of(pet: Pet) -> dict[str, Cell]:
    """The pet as a flat row, people and exact places and all, but what is held back: what `pet_from_row` reads."""
    shown = pet.model_dump(mode="json", context=CONTACT)
    row: dict[str, Cell] = {name: shown[name] for name in (*_PLAIN, *_OTHERS)}
    row |= {"tags": _joined(pet.tags), "photos": _joined([photo.uri for photo in pet.photos])}
    for name, sides in _PLACES.items():
        row |= dict(zip(sides, (shown[name] or dict.fromkeys(("lat", "lon"))).values(), strict=True))
    row |= {name: _joined([_detail_text(detail, photo) for photo in pet.photos]) for detail, name in _DETAILS.items()}
    for who in PEOPLE:
        person, known = getattr(pet, who), shown[who] or {}
        row |= {f"{who}_{field}": known.get(field) for field in _OWNER_FIELDS}
        row[f"{who}_picture"] = _picture_text(person.picture) if person and person.picture else None
    in_order = {name: row[name] for name in WRITTEN}
    return in_order | {name: shown[name] for name in type(pet).model_fields if name not in Pet.model_fields}


def _parts(cell: Any) -> list[Any]:
    """The entries of a cell that holds several: a list, a JSON list, or text with `;` between them; None for empty."""
    if cell is None:
        return []
    if not isinstance(cell, str):
        several = isinstance(cell, Sequence) and not isinstance(cell, (bytes, bytearray))
        return list(cell) if several else [cell]
    if cell.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            return [*json.loads(cell)]
    return [part.strip() or None for part in cell.split(";")]


def _joined(parts: Iterable[str | None]) -> str | None:
    entries = list(parts)
    if not any(entries):
        return None
    text = ";".join(entry or "" for entry in entries)
    return text if _parts(text) == entries else json.dumps(entries, ensure_ascii=False)


def _place_of(filled: Row, name: str) -> Any:
    """What the row says of this place; a decimal comma will do where lat and lon stand alone."""
    lat, lon = _PLACES[name]
    sides = [filled[side] for side in (lat, lon) if side in filled]
    if sides and name in filled:
        raise InvalidPet(f"give {name}, or {lat} and {lon}, not both")
    if len(sides) == 1:
        raise InvalidPet(f"{lon if lat in filled else lat} is empty: a place needs {lat} and {lon}, or neither")
    if not sides:
        return filled.get(name)
    numbers: list[Any] = [side.replace(",", ".") if isinstance(side, str) else side for side in sides]
    return Place(lat=numbers[0], lon=numbers[1])


def _photos_of(filled: Row, folder: Path | None) -> list[Photo]:
    pictures = _parts(filled.get("photos"))
    details = {detail: _parts(filled.get(name)) for detail, name in _DETAILS.items() if name in filled}
    if not details:
        return [_photo(picture, folder) for picture in pictures if not is_missing(picture)]
    counts = {len(entries) for entries in (pictures, *details.values()) if entries}
    if len(counts) > 1 or any(isinstance(picture, Mapping) for picture in pictures):
        raise InvalidPet(f"photos, {', '.join(_DETAILS.values())}: give an entry for each photo, in the same order")
    columns = {name: entries for name, entries in {"uri": pictures, **details}.items() if entries}
    return [_photo(dict(zip(columns, entry, strict=True)), folder) for entry in zip(*columns.values(), strict=True)]


def _photo(picture: Any, folder: Path | None) -> Photo:
    if isinstance(picture, Real):
        raise InvalidPet("photos: each must be a path or a picture, not a number")
    if isinstance(picture, (str, os.PathLike)):
        picture = {"uri": os.fspath(picture)}
    if not isinstance(picture, Mapping):
        return picture if isinstance(picture, Photo) else Photo(source=picture)
    if not set(picture) <= _OF_A_PHOTO:
        raise InvalidPet(f"photos: each may have {', '.join(sorted(_OF_A_PHOTO))} and nothing else")
    known = {name: value for name, value in picture.items() if not is_missing(value)}
    known |= {"photo_id": as_text(known.get("photo_id"))}
    if isinstance(known.get("uri"), str):
        known["uri"] = located(known["uri"], folder)
    return Photo(**known)


def _person_of(filled: Row, who: str, folder: Path | None) -> Any:
    nested = filled.get(who)
    flat = {field: filled[f"{who}_{field}"] for field in _OWNER_FIELDS if f"{who}_{field}" in filled}
    if nested is not None and flat:
        raise InvalidPet(f"give {who}, or the columns that begin with {who}_, not both")
    if nested is not None and not isinstance(nested, Mapping):
        return nested
    known = {str(name): value for name, value in (nested or flat).items() if not is_missing(value)}
    if not known:
        return None
    if "name" not in known:
        raise InvalidPet(f"{who}: a name is missing (column {who}_name)")
    person = {name: as_text(value) for name, value in known.items()}
    return Owner(**person | {"picture": _picture_of(known.get("picture"), folder)})


def _picture_of(picture: Any, folder: Path | None) -> Photo | None:
    if isinstance(picture, str) and picture.startswith("{"):
        with suppress(ValueError, RecursionError):
            picture = json.loads(picture)
    return None if picture is None else _photo(picture, folder)


def _picture_text(picture: Photo) -> str | None:
    known = picture.model_dump(mode="json", exclude_none=True)
    if not known:
        return None
    uri = known.get("uri", "{")
    return uri if set(known) == {"uri"} and not uri.startswith("{") else json.dumps(known, ensure_ascii=False)


def _detail_text(detail: str, photo: Photo) -> str | None:
    value = getattr(photo, detail)
    if isinstance(value, (Place, Box)):
        return ",".join(repr(number) for _, number in value)
    return value.isoformat() if isinstance(value, datetime) else value
