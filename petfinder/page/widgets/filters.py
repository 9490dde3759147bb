"""Fields that restrict a search, folded away until somebody wants them, and how what is typed there is read."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import ipywidgets as ipw

from petfinder.domain.errors import InvalidPet, InvalidQuery
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import Place, Status
from petfinder.page.widgets import parts

_ANY = ""
STATUSES = (
    ("any", _ANY),
    ("lost", Status.LOST.value),
    ("found", Status.FOUND.value),
    ("at home", Status.HOME.value),
    ("reunited", Status.REUNITED.value),
)
_NEAR = "Near this place (latitude, longitude)"
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


class FilterFields:
    """Breed, colour, status, the photo's date, a place and how far around it; `button` searches by them."""

    def __init__(self, button: ipw.Button, *, from_photo: bool = False) -> None:
        self.breed = parts.field(ipw.Text, "Breed")
        self.colour = parts.field(ipw.Text, "Colour")
        self.status = parts.field(ipw.Dropdown, "Status", options=[*STATUSES])
        self.after = parts.field(ipw.DatePicker, "Photo taken after")
        self.before = parts.field(ipw.DatePicker, "Photo taken before")
        self.near = parts.place_field(_NEAR)
        self.km = parts.field(ipw.BoundedFloatText, "Within km", value=_FAR, min=0.1, max=20_000)
        self.near_photo = parts.tick("near the place in my photo")
        parts.see(self.near_photo, False)
        inner = parts.column(
            [
                parts.row([self.breed, self.colour, self.status]),
                parts.row([self.after, self.before]),
                parts.row([self.near, self.km]),
                *([self.near_photo] if from_photo else []),
                button,
            ]
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
        asked: dict[str, Any] = {
            "breed": self.breed.value.strip(),
            "colour": self.colour.value.strip(),
            "status": self.status.value,
            "taken_after": _bound(self.after.value),
            "taken_before": _bound(self.before.value, end=True),
            "near": near,
            "within_km": self.km.value if near else None,
        }
        given = {name: value for name, value in asked.items() if value}
        return PetFilter(**given) if given else None
