"""Register a pet: its photos, what is known of it, and who to call."""

from __future__ import annotations

from datetime import datetime

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.cards import pet_card
from petfinder.domain.pets import Pet, Status
from petfinder.page.desk import check_some
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import OwnerFields, PetFields
from petfinder.page.widgets.filters import moment_of
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.uploads import PhotoUpload

LOCKED = "Registering needs the passphrase of whoever runs this page: unlock at the top first."
NOBODY = "Nobody to call is known for it yet: Details, then Edit, adds who."


class RegisterPanel(Panel):
    """The form; after success it is empty again and the pet's card is shown, after an error it stays as it is."""

    title, hint, is_missing = "Register a pet", "Two or three photos from different sides help most.", False

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.upload = PhotoUpload(visit, self.messages, "Choose photos of the pet")
        self.fields = PetFields()
        self.owner = OwnerFields(visit, self.messages)
        self.missing = parts.tick("It is missing right now", value=self.is_missing)
        self.since = parts.field(ipw.DatePicker, "Missing since")
        parts.see(self.since, self.is_missing)
        self.missing.observe(lambda change: parts.see(self.since, change["new"]), "value")
        self.pet_id = parts.field(ipw.Text, "Id (leave empty to have one made of the name)")
        self.button = parts.button("Register", self.register, kind="primary")
        self.locked = parts.html("")
        self.answer = parts.column([])
        self.widget = parts.column(
            [
                parts.heading(self.title),
                self.locked,
                parts.note(self.hint),
                self.upload.widget,
                parts.heading("The pet", 3),
                self.fields.widget,
                self.missing,
                self.since,
                parts.heading("Who to call", 3),
                self.owner.widget,
                self.pet_id,
                parts.row([self.button]),
                self.messages.widget,
                self.answer,
            ]
        )
        self.access_changed()

    def register(self) -> None:
        """Register what is in the form; a second click, when it is empty again, leaves what the first one said."""
        if self.answer.children and self._empty:
            return
        with self.messages.trying("Registering …", self.button):
            check_some(self.upload.uploads)
            fields = {**self.fields.read(), "owner": self.owner.read(), "pet_id": self.pet_id.value.strip()}
            if self.missing.value:
                at = moment_of(self.since.value) or datetime.now().astimezone()
                fields |= {"status": Status.LOST, "status_at": at}
            parts.show(self.answer, [])
            pet = self.visit.pets.register(self.upload.uploads, fields, picture=self.owner.picture)
            for part in (self.upload, self.fields, self.owner):
                part.clear()
            self.pet_id.value, self.missing.value, self.since.value = "", self.is_missing, None
            parts.show(self.answer, [registered_shown(self.visit, pet)])
            self.messages.say(
                f"{wording.name_of(pet)} is registered, with the id {pet.pet_id}. {'' if fields['owner'] else NOBODY}"
            )
            self.visit.changed()

    @property
    def _empty(self) -> bool:
        """Whether nobody has begun to fill in the form."""
        written = self.upload.uploads or self.pet_id.value.strip() or self.since.value
        ticked = self.missing.value != self.is_missing
        return not written and not ticked and self.fields.empty and self.owner.empty

    def access_changed(self) -> None:
        """Say that it is locked; locking empties what was written of the owner, chip, place, and what was answered."""
        if not told_if_open(self.visit, self.locked):
            self.owner.clear()
            self.fields.clear_private()
            parts.show(self.answer, [])


class LostPanel(RegisterPanel):
    """The same form for a pet that is missing."""

    title, is_missing = "Report a lost pet", True
    hint = (
        "Is it registered already? Find it under “All pets” and press “Report lost” there. If it is not, register it"
        " here, with two or three photos from different sides: whoever finds it can then see whose it is."
    )


def told_if_open(visit: Visit, locked: ipw.HTML) -> bool:
    """Whether the visitor may register; where not, `locked` says what it needs."""
    is_open = visit.desk.access.is_open
    parts.write(locked, "" if is_open else f'<p class="pf-said">{LOCKED}</p>')
    return is_open


def registered_shown(visit: Visit, pet: Pet) -> ipw.Widget:
    """The card of a pet that was just registered, and the way to it."""
    details = parts.button("Details", lambda: visit.open_pet(pet.pet_id), tooltip=f"Details of {wording.name_of(pet)}")
    return parts.column([parts.html(pet_card(pet)._repr_html_()), parts.row([details])])
