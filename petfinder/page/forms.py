"""A pet as a form: what is typed in, and the fields of a pet that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from petfinder.domain.fields import FIELDS
from petfinder.domain.pets import Owner, Pet, Place
from petfinder.page.desk import place_in
from petfinder.page.visit import moment_in
from petfinder.page.words import minute

PERSON = ("name", "phone", "email", "address")
_PLACES = ("place", "status_place")
_YES_NO = {"": None, "yes": True, "no": False}


def typed_of(pet: Pet) -> dict[str, str]:
    """What stands in the form of a pet before anything is changed."""
    typed = {field.name: ", ".join(field.values(pet)) for field in FIELDS}
    typed |= {name: _written(getattr(pet, name)) for name in _PLACES}
    typed["status_at"] = minute(pet.status_at)
    typed["indoor"] = {value: said for said, value in _YES_NO.items()}[pet.indoor]
    typed["held_back"] = pet.held_back or ""
    for who in ("owner", "finder"):
        person = getattr(pet, who)
        typed |= {f"{who}_{name}": getattr(person, name, None) or "" for name in PERSON}
    return typed


def fields_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a pet that a form's words stand for, those that it has; raises InvalidPet, InvalidQuery."""
    fields: dict[str, Any] = {}
    for field in FIELDS:
        if field.name in typed:
            text = typed[field.name].strip()
            fields[field.name] = [part.strip() for part in text.split(",") if part.strip()] if field.several else text
    fields |= {name: place_in(typed[name]) for name in _PLACES if name in typed}
    fields |= {"status_at": moment_in(typed["status_at"])} if "status_at" in typed else {}
    fields |= {"indoor": _YES_NO.get(typed["indoor"])} if "indoor" in typed else {}
    fields |= {"held_back": typed["held_back"].strip() or None} if "held_back" in typed else {}
    for who in ("owner", "finder"):
        if f"{who}_name" in typed:
            person = {name: typed.get(f"{who}_{name}", "").strip() for name in PERSON}
            fields[who] = Owner(**person) if any(person.values()) else None
    return fields


def changes(typed: Mapping[str, str], before: Mapping[str, str], pet: Pet) -> dict[str, Any]:
    """What was changed in the form, and nothing else, so that what others changed meanwhile stays."""
    now, then = fields_of(typed), fields_of(before)
    changed = {name: value for name, value in now.items() if value != then.get(name)}
    for who in ("owner", "finder"):
        if isinstance(changed.get(who), Owner) and (person := getattr(pet, who)):
            was = then.get(who)
            own = {name: getattr(changed[who], name) for name in PERSON}
            new = {name: value for name, value in own.items() if value != getattr(was, name, None)}
            changed[who] = person.model_copy(update=new)
    return changed


def _written(place: Place | None) -> str:
    return f"{place.lat}, {place.lon}" if place else ""
