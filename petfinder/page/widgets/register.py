"""Register a pet, or report one that is lost, found or was seen: photos, what is known of it, and who to call."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.cards import pet_as_html
from petfinder.domain.errors import InvalidQuery
from petfinder.domain.fields import FIELDS, PetField
from petfinder.domain.pets import REPORTED, SPECIES, TAKEN_IN, Owner, Status
from petfinder.page.desk import place_in
from petfinder.page.widgets import parts
from petfinder.page.widgets.uploads import PhotoUpload

_PERSON = {"name": "Who to call", "phone": "Phone", "email": "E-mail", "address": "Address"}
_KINDS = [(wording.status_word(status), status.value) for status in (Status.HOME, *REPORTED)]


class RegisterPanel(parts.Panel):
    """The form; after success it is empty again and the pet's card is shown, after an error it stays as it is."""

    title = "Register or report"

    def __init__(self, visit: parts.Visit) -> None:
        super().__init__(visit)
        self.species = parts.field(ipw.ToggleButtons, "It is a", options=[*SPECIES], value=None)
        self.status = parts.field(ipw.ToggleButtons, "and", options=_KINDS)
        self.upload = PhotoUpload(self.desk, self.messages)
        self.fields = {field.name: _input(field) for field in FIELDS}
        self.place, self.at = parts.field(ipw.Text, parts.PLACE), parts.field(ipw.DatetimePicker, "Since")
        self.person = {name: parts.field(ipw.Text, label) for name, label in _PERSON.items()}
        self.button = parts.button("Register", self.register, kind="primary")
        self.lay_out(
            parts.note("Two or three photos from different sides help most. The place is where it lives or was seen."),
            parts.row(self.species, self.status),
            self.upload.widget,
            parts.row(*self.fields.values(), self.place, self.at),
            parts.row(*self.person.values()),
            self.button,
        )

    def register(self) -> None:
        """Register what is in the form, and show which reports of the other side it may be."""
        with self.messages.trying("Registering …", self.button):
            if self.species.value is None:  # preset to dogs, cats would be registered as such
                raise InvalidQuery("choose whether it is a dog or a cat")
            status, place = Status(self.status.value), place_in(self.place.value)
            typed = {field: self.fields[field.name].value.strip() for field in FIELDS}
            known = {field.name: text.split(",") if field.several else text for field, text in typed.items()}
            person = {name: one.value.strip() for name, one in self.person.items()}
            pet = self.desk.of(self.species.value).register(
                self.upload.uploads,
                {
                    **known,
                    "status": status,
                    "status_at": self.at.value,
                    "status_place" if status in REPORTED else "place": place,
                    "finder" if status in TAKEN_IN else "owner": Owner(**person) if any(person.values()) else None,
                },
            )
            for one in (*self.fields.values(), *self.person.values(), self.place):
                one.value = ""
            self.at.value = None
            self.upload.clear()
            said = parts.note(f"{wording.name_of(pet)} is registered, with the id {pet.pet_id}.")
            parts.show(self.answer, said, parts.html(pet_as_html(pet)), self.choice([pet]), *self.counterparts(pet))


def _input(field: PetField) -> ipw.Widget:
    label = f"{field.label}, separated by commas" if field.several else field.label
    if field.choices:
        return parts.field(ipw.Dropdown, label, options=["", *field.choices])
    return parts.field(ipw.Textarea if field.long else ipw.Text, label)
