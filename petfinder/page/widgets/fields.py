"""The fields of a pet and of its owner, empty or filled in, and what was written in them.

What is typed here is the visitor's own; nothing is put in unless a panel that may do so does it.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from petfinder.domain.errors import InvalidPet
from petfinder.domain.pets import Owner, Pet
from petfinder.page.desk import Upload
from petfinder.page.widgets import parts
from petfinder.page.widgets.filters import place_in
from petfinder.page.widgets.panel import Visit
from petfinder.page.widgets.uploads import PhotoUpload

PLACE = "Place (latitude, longitude)"
_SEXES = (("not known", ""), ("female", "female"), ("male", "male"))
WAYS = ("phone", "email", "address")  # to reach an owner
_TEXTS = ("name", "breed", "colour", "microchip", "note")


class PetFields:
    """Name, breed, colour, sex, chip, tags, note and place of a pet."""

    def __init__(self) -> None:
        self.name = parts.field(ipw.Text, "Name")
        self.breed = parts.field(ipw.Text, "Breed")
        self.colour = parts.field(ipw.Text, "Colour")
        self.sex = parts.field(ipw.Dropdown, "Sex", options=[*_SEXES])
        self.microchip = parts.field(ipw.Text, "Chip or tattoo number")
        self.tags = parts.field(ipw.Text, "Marks, separated by commas")
        self.note = parts.field(ipw.Textarea, "Note")
        self.place = parts.place_field(PLACE)
        self.widget = parts.column(
            [
                parts.row([self.name, self.breed, self.colour]),
                parts.row([self.sex, self.microchip, self.tags]),
                self.note,
                self.place,
                parts.note("In a map on your phone, hold your finger on the place to read its two numbers."),
            ]
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is written in any field."""
        return not any(getattr(self, name).value.strip() for name in (*_TEXTS, "tags", "place")) and not self.sex.value

    def read(self) -> dict[str, Any]:
        """The fields as a Pet takes them, None where nothing is written; raises InvalidQuery for a place."""
        texts = {name: getattr(self, name).value.strip() or None for name in _TEXTS}
        tags = [tag.strip() for tag in self.tags.value.split(",") if tag.strip()]
        return {**texts, "sex": self.sex.value or None, "tags": tags, "place": place_in(self.place.value)}

    def fill(self, pet: Pet) -> None:
        """Put in what is known of a pet."""
        for name in _TEXTS:
            getattr(self, name).value = getattr(pet, name) or ""
        sex = pet.sex or ""
        if sex not in dict(_SEXES).values():
            self.sex.options = [*_SEXES, (sex, sex)]
        self.sex.value = sex
        self.tags.value = ", ".join(pet.tags)
        self.place.value = f"{pet.place.lat}, {pet.place.lon}" if pet.place else ""

    def clear(self) -> None:
        """Empty all fields."""
        for name in (*_TEXTS, "tags", "place"):
            getattr(self, name).value = ""
        self.sex.value = ""

    def clear_private(self) -> None:
        """Empty what only those with the passphrase may see: the chip number and the exact place."""
        self.microchip.value = self.place.value = ""


class OwnerFields:
    """Name, phone, e-mail, address and picture of who to call."""

    def __init__(self, visit: Visit, messages: parts.Messages) -> None:
        self.name = parts.field(ipw.Text, "Owner's name")
        self.phone = parts.field(ipw.Text, "Phone")
        self.email = parts.field(ipw.Text, "E-mail")
        self.address = parts.field(ipw.Text, "Address")
        self.upload = PhotoUpload(visit, messages, "Picture of the owner", several=False)
        self.widget = parts.column(
            [parts.row([self.name, self.phone]), parts.row([self.email, self.address]), self.upload.widget]
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is written in any field and no picture was handed in."""
        texts = (self.name, self.phone, self.email, self.address)
        return not any(field.value.strip() for field in texts) and self.picture is None

    @property
    def picture(self) -> Upload | None:
        """The picture that was handed in."""
        return next(iter(self.upload.uploads), None)

    def read(self, before: Owner | None = None) -> Owner | None:
        """The owner, with the picture known `before`; None where no field is filled. Raises InvalidPet without name."""
        ways = {name: getattr(self, name).value.strip() or None for name in WAYS}
        name = self.name.value.strip()
        if not name:
            if any(ways.values()) or self.picture:
                raise InvalidPet("write the owner's name too, so that people know whom they call")
            return None
        return Owner(name=name, **ways, picture=before.picture if before else None)

    def fill(self, owner: Owner | None) -> None:
        """Put in what is known of an owner; only for a visitor who asked and may see it."""
        self.clear()
        if owner is not None:
            self.name.value = owner.name
            for way in WAYS:
                getattr(self, way).value = getattr(owner, way) or ""

    def clear(self) -> None:
        """Empty all fields and let go of the picture."""
        for field in (self.name, self.phone, self.email, self.address):
            field.value = ""
        self.upload.clear()
