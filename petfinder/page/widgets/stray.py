"""Report a stray: first see whether it is registered, then register it as found."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.domain.errors import InvalidPet
from petfinder.domain.pets import Owner
from petfinder.page.desk import check_some
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import PLACE
from petfinder.page.widgets.filters import moment_of, place_in
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.register import NOBODY, registered_shown, told_if_open
from petfinder.page.widgets.results import matches_shown
from petfinder.page.widgets.uploads import PhotoUpload


class StrayPanel(Panel):
    """Photos of a stray; who it may be; and a short form that keeps it as found."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.upload = PhotoUpload(visit, self.messages, "Choose a photo of the stray", changed=self.search)
        self.answer = parts.column([])
        self.place = parts.place_field(f"Where it was found: {PLACE.lower()}")
        self._place_of_photos = ""  # what stands in the field if nobody wrote there
        self.day = parts.field(ipw.DatePicker, "Found on")
        self.breed = parts.field(ipw.Text, "Breed")
        self.colour = parts.field(ipw.Text, "Colour")
        self.note = parts.field(ipw.Textarea, "Note (collar, behaviour, street)")
        self.name = parts.field(ipw.Text, "Who has it now")
        self.phone = parts.field(ipw.Text, "Their phone")
        self.button = parts.button("Register as found", self.register, kind="primary")
        self.locked = parts.html("")
        self.told = parts.Messages()
        self.card = parts.column([])
        self.form = parts.column(
            [
                parts.heading("None of these? Register it as found", 3),
                parts.row([self.place, self.day]),
                parts.row([self.breed, self.colour]),
                self.note,
                parts.row([self.name, self.phone]),
                parts.row([self.button]),
            ],
            "pf-area",
        )
        parts.see(self.form, False)
        self.widget = parts.column(
            [
                parts.heading("Report a stray"),
                parts.note("Somebody may be looking for it: first we look whether it is registered."),
                self.locked,
                self.upload.widget,
                self.messages.widget,
                self.answer,
                self.form,
                self.told.widget,
                self.card,
            ]
        )
        self.access_changed()

    def search(self) -> None:
        """Show who the stray may be, and the form below."""
        uploads = self.upload.uploads
        parts.see(self.form, bool(uploads))
        self.told.clear()
        parts.show(self.card, [])
        self._put_in_place()
        if not uploads:
            parts.show(self.answer, [])
            return
        with self.messages.trying("Searching …", self.upload.button):
            parts.show(self.answer, [matches_shown(self.visit, self.visit.pets.find(uploads))])

    def _put_in_place(self) -> None:
        """Put in where the photos were taken, unless somebody wrote another place."""
        if self.place.value.strip() not in ("", self._place_of_photos):
            return
        place = self.upload.place
        self._place_of_photos = f"{place.lat:.4f}, {place.lon:.4f}" if place else ""
        self.place.value = self._place_of_photos

    def register(self) -> None:
        """Keep the stray as found, with the person who has it as the one to call.

        A second click, when the photos are gone, leaves what the first one said.
        """
        if self.card.children and not self.upload.uploads:
            return
        with self.told.trying("Registering …", self.button):
            check_some(self.upload.uploads, of="the stray")
            fields = self._fields()
            pet = self.visit.pets.report_found(self.upload.uploads, fields)
            for field in (self.place, self.breed, self.colour, self.note, self.name, self.phone):
                field.value = ""
            self.day.value = None
            self.upload.clear()
            parts.see(self.form, False)
            parts.show(self.answer, [])
            parts.show(self.card, [registered_shown(self.visit, pet)])
            self.told.say(
                f"Thank you. {wording.name_of(pet)} is registered as found. {'' if fields['owner'] else NOBODY}"
            )
            self.visit.changed()

    def _fields(self) -> dict[str, object]:
        name, phone = self.name.value.strip(), self.phone.value.strip()
        if phone and not name:
            raise InvalidPet("write who has it now beside the phone number")
        return {
            "breed": self.breed.value.strip(),
            "colour": self.colour.value.strip(),
            "note": self.note.value.strip(),
            "place": place_in(self.place.value),
            "status_at": moment_of(self.day.value),
            "owner": Owner(name=name, phone=phone or None) if name else None,
        }

    def species_changed(self) -> None:
        """The same photo is looked for among the other species."""
        self.search()

    def access_changed(self) -> None:
        """Say that it is locked; locking empties who has it, the exact place, and what was answered."""
        if told_if_open(self.visit, self.locked):
            self._put_in_place()
        else:
            self.name.value = self.phone.value = self.place.value = ""
            parts.show(self.card, [])
