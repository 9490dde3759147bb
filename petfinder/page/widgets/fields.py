"""Fields to fill in: of a pet, of its owner, of a filter; and how places and days that are typed there are read.

What is typed here is the visitor's own; nothing is put in unless a panel that may do so does it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.domain.errors import InvalidPet, InvalidQuery
from petfinder.domain.fields import FIELDS, PetField
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import Owner, Pet, Place
from petfinder.page.desk import Upload
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Visit
from petfinder.page.widgets.uploads import PhotoUpload

PLACE = "Place (latitude, longitude)"
STATUSES = (("any", ""), *((wording.status_word(status), status.value) for status in STATUS_COLOURS))
OWNER_FIELDS = {"name": "Owner's name", "phone": "Phone", "email": "E-mail", "address": "Address"}
_FILTERED = tuple(field for field in FIELDS if field.filtered and field.words and not field.several)
_FAR = 20.0
_BAD_PLACE = "write the place as two numbers, latitude and longitude in degrees, such as 37.76, -122.43"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")  # 38,71 may be one number as well as two
_FIRST_ZONE = timezone(timedelta(hours=14))  # where a day begins first on earth


def place_in(text: str) -> Place | None:
    """The place that somebody typed as two numbers, None for nothing.

    Raises InvalidQuery where it is no place on earth, or may be one number with a decimal comma.
    """
    typed = text.replace("°", "").strip()
    if not typed:
        return None
    if _DECIMAL_COMMA.fullmatch(typed):
        raise InvalidQuery(_BAD_PLACE)
    try:
        lat, lon = (float(part) for part in typed.replace(",", " ").replace(";", " ").split())
        return Place(lat=lat, lon=lon)
    except (ValueError, InvalidPet) as error:
        raise InvalidQuery(_BAD_PLACE) from error


def moment_of(day: date | None) -> datetime | None:
    """The first second of the day on which something happened; raises InvalidQuery for a day still to come."""
    if day is not None and day > datetime.now(_FIRST_ZONE).date():
        raise InvalidQuery(f"that day is still to come: {day:%Y-%m-%d}; choose today or a day before it")
    return _bound(day)


def _bound(day: date | None, *, end: bool = False) -> datetime | None:
    """The first (or, with end=True, the last) second of a day."""
    return None if day is None else datetime.combine(day, time(23, 59, 59) if end else time())


def filter_of(**wanted: Any) -> PetFilter | None:
    """The filter by what is wanted of these fields of PetFilter, None where nothing is; raises InvalidQuery."""
    known = {name: value for name, value in wanted.items() if value}
    return PetFilter(**known) if known else None


def pet_input(field: PetField, hint: str = "") -> ipw.Widget:
    """An empty input for a field of a pet."""
    label = f"{field.label}{hint or (', separated by commas' if field.several else '')}"
    if field.choices:
        return parts.field(ipw.Dropdown, label, options=[("not known", ""), *((word, word) for word in field.choices)])
    return parts.field(ipw.Textarea if field.long else ipw.Text, label)


class Inputs:
    """Inputs for words by name, which are read and emptied together: `inputs["breed"].value`."""

    def __init__(self, **inputs: ipw.Widget) -> None:
        self._inputs = inputs

    def __getitem__(self, name: str) -> ipw.Widget:
        return self._inputs[name]

    @property
    def empty(self) -> bool:
        """Whether nothing is written in any of them."""
        return not any(self.texts().values())

    def texts(self) -> dict[str, Any]:
        """What is written in each, None for nothing."""
        return {name: one.value.strip() or None for name, one in self._inputs.items()}

    def clear(self, *names: str) -> None:
        """Empty those that are named, else all."""
        for name in names or self._inputs:
            self._inputs[name].value = ""


class PetFields(Inputs):
    """What people say about a pet, and its place."""

    def __init__(self) -> None:
        super().__init__(**{field.name: pet_input(field) for field in FIELDS}, place=parts.place_field(PLACE))
        short = [self[field.name] for field in FIELDS if not field.long]
        self.widget = parts.column(
            *(parts.row(*short[start : start + 3]) for start in range(0, len(short), 3)),
            *(self[field.name] for field in FIELDS if field.long),
            self["place"],
            parts.note("In a map on your phone, hold your finger on the place to read its two numbers."),
        )

    def read(self) -> dict[str, Any]:
        """The fields as a Pet takes them, None where nothing is written; raises InvalidQuery for a place."""
        texts = self.texts()
        several = {field.name: (texts[field.name] or "").split(",") for field in FIELDS if field.several}
        listed = {name: [word.strip() for word in words if word.strip()] for name, words in several.items()}
        return {**texts, **listed, "place": place_in(texts["place"] or "")}

    def fill(self, pet: Pet) -> None:
        """Put in what is known of a pet."""
        for field in FIELDS:
            text = ", ".join(field.values(pet))
            if field.choices and text not in ("", *field.choices):
                self[field.name].options = [*self[field.name].options, (text, text)]
            self[field.name].value = text
        self["place"].value = f"{pet.place.lat}, {pet.place.lon}" if pet.place else ""

    def clear_private(self) -> None:
        """Empty what only those with the passphrase may see: the chip number and the exact place."""
        self.clear("place", *(field.name for field in FIELDS if field.private))


class OwnerFields(Inputs):
    """Name, phone, e-mail, address and picture of who to call."""

    def __init__(self, visit: Visit, messages: parts.Messages) -> None:
        super().__init__(**{name: parts.field(ipw.Text, label) for name, label in OWNER_FIELDS.items()})
        self.upload = PhotoUpload(visit, messages, "Picture of the owner", several=False)
        self.widget = parts.column(
            parts.row(self["name"], self["phone"]), parts.row(self["email"], self["address"]), self.upload.widget
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is written in any field and no picture was handed in."""
        return super().empty and self.picture is None

    @property
    def picture(self) -> Upload | None:
        """The picture that was handed in."""
        return next(iter(self.upload.uploads), None)

    def read(self, before: Owner | None = None) -> Owner | None:
        """The owner, with the picture known `before`; None where no field is filled. Raises InvalidPet without name."""
        if self.empty:
            return None
        texts = self.texts()
        if not texts["name"]:
            raise InvalidPet("write the owner's name too, so that people know whom they call")
        return Owner(**texts, picture=before.picture if before else None)

    def fill(self, owner: Owner | None) -> None:
        """Put in what is known of an owner; only for a visitor who asked and may see it."""
        self.clear()
        for name in OWNER_FIELDS if owner else ():
            self[name].value = getattr(owner, name) or ""

    def clear(self, *names: str) -> None:
        """Empty all fields and let go of the picture."""
        super().clear(*names)
        self.upload.clear()


class FilterFields:
    """What a pet is like, its status, the photo's date, a place and how far around it; `button` searches by them."""

    def __init__(self, button: ipw.Button) -> None:
        self.inputs = Inputs(**{field.name: pet_input(field) for field in _FILTERED})
        self.status = parts.field(ipw.Dropdown, "Status", options=[*STATUSES])
        self.after = parts.field(ipw.DatePicker, "Photo taken after")
        self.before = parts.field(ipw.DatePicker, "Photo taken before")
        self.near = parts.place_field(f"Near this {PLACE.lower()}")
        self.km = parts.field(ipw.BoundedFloatText, "Within km", value=_FAR, min=0.1, max=20_000)
        self.near_photo = parts.tick("near the place in my photo")
        parts.see(self.near_photo, False)
        inner = parts.column(
            parts.row(*(self.inputs[field.name] for field in _FILTERED), self.status),
            parts.row(self.after, self.before),
            parts.row(self.near, self.km),
            self.near_photo,
            button,
        )
        self.fold = parts.Fold("Narrow the search: breed, colour, status, date, place", lambda: [inner])
        self.widget = self.fold.widget

    def offer_photo_place(self, place: Place | None) -> None:
        """Show the box for the photo's own place, where it has one."""
        parts.see(self.near_photo, place is not None)
        if place is None:
            self.near_photo.value = False

    def filter(self, photo_place: Place | None = None) -> PetFilter | None:
        """What the fields ask for, None for nothing; raises InvalidQuery."""
        near = photo_place if self.near_photo.value and photo_place else place_in(self.near.value)
        return filter_of(
            **self.inputs.texts(),
            status=self.status.value,
            taken_after=_bound(self.after.value),
            taken_before=_bound(self.before.value, end=True),
            near=near,
            within_km=self.km.value if near else None,
        )
