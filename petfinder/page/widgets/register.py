"""Register a pet, report one lost, report a stray: photos, what is known of it, and who to call."""

from __future__ import annotations

from datetime import datetime

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.cards import pet_as_html
from petfinder.domain.errors import InvalidPet
from petfinder.domain.fields import FIELD
from petfinder.domain.pets import Owner, Pet, Status
from petfinder.page.desk import check_some
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import PLACE, Inputs, OwnerFields, PetFields, moment_of, pet_input, place_in
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import counterparts_shown, details_button, matches_shown
from petfinder.page.widgets.uploads import PhotoUpload

LOCKED = "Registering needs the passphrase of whoever runs this page: unlock at the top first."
NOBODY = "Nobody to call is known for it yet: Details, then Edit, adds who."


class Form(Panel):
    """What the forms share: a line about the locked desk, what goes with the lock, the card of who was registered."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.locked = parts.html("")

    def access_changed(self) -> None:
        """Say what is needed while it is locked; the lock empties what only those with the passphrase may see."""
        is_open = self.visit.desk.access.is_open
        parts.write(self.locked, "" if is_open else f'<p class="pf-said">{LOCKED}</p>')
        if is_open:
            self.unlocked()
        else:
            self.clear_private()
            parts.show(self.answer, [])

    def unlocked(self) -> None:
        """Put in again what the lock had emptied and is known."""

    def clear_private(self) -> None:
        """Empty what only those with the passphrase may see."""

    def show_registered(self, pet: Pet, owner: Owner | None, sentence: str) -> None:
        """Show the card of a pet that was just registered, say what it lacks, and show who a report may be."""
        card, details = parts.html(pet_as_html(pet)), details_button(self.visit, pet)
        parts.show(self.answer, [parts.column(card, parts.row(details))])
        self.messages.say(f"{sentence} {'' if owner else NOBODY}")
        self.visit.changed()
        if pet.status is not Status.HOME:
            self.answer.children += (counterparts_shown(self.visit, pet.pet_id),)


class RegisterPanel(Form):
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
        self.lay_out(
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
            parts.row(self.button),
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
            self.upload.clear()
            self.fields.clear()
            self.owner.clear()
            self.pet_id.value, self.missing.value, self.since.value = "", self.is_missing, None
            sentence = f"{wording.name_of(pet)} is registered, with the id {pet.pet_id}."
            self.show_registered(pet, fields["owner"], sentence)

    @property
    def _empty(self) -> bool:
        """Whether nobody has begun to fill in the form."""
        written = self.upload.uploads or self.pet_id.value.strip() or self.since.value
        ticked = self.missing.value != self.is_missing
        return not written and not ticked and self.fields.empty and self.owner.empty

    def clear_private(self) -> None:
        """Empty what was written of the owner, the chip number and the exact place."""
        self.owner.clear()
        self.fields.clear_private()


class LostPanel(RegisterPanel):
    """The same form for a pet that is missing."""

    title, is_missing = "Report a lost pet", True
    hint = (
        "Is it registered already? Find it under “All pets” and press “Report lost” there. If it is not, register it"
        " here, with two or three photos from different sides: whoever finds it can then see whose it is."
    )


class StrayPanel(Form):
    """Photos of a stray; who it may be; and a short form that keeps it as found."""

    title = "Report a stray"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.looking, self.matches = parts.Messages(), parts.column()
        self.upload = PhotoUpload(visit, self.looking, "Choose a photo of the stray", changed=self.search)
        self._place_of_photos = ""  # what stands in the field if nobody wrote there
        self.day = parts.field(ipw.DatePicker, "Found on")
        self.fields = Inputs(
            place=parts.place_field(f"Where it was found: {PLACE.lower()}"),
            breed=pet_input(FIELD["breed"]),
            colour=pet_input(FIELD["colour"]),
            note=pet_input(FIELD["note"], " (collar, behaviour, street)"),
        )
        self.holder = Inputs(name=parts.field(ipw.Text, "Who has it now"), phone=parts.field(ipw.Text, "Their phone"))
        self.button = parts.button("Register as found", self.register, kind="primary")
        self.form = parts.column(
            parts.heading("None of these? Register it as found", 3),
            parts.row(self.fields["place"], self.day),
            parts.row(self.fields["breed"], self.fields["colour"]),
            self.fields["note"],
            parts.row(self.holder["name"], self.holder["phone"]),
            parts.row(self.button),
            css="pf-area",
        )
        parts.see(self.form, False)
        hint = "Somebody may be looking for it: first we look whether it is registered."
        shown = (self.locked, self.upload.widget, self.looking.widget, self.matches, self.form)
        self.lay_out(parts.note(hint), *shown)
        self.access_changed()

    def search(self) -> None:
        """Show who the stray may be, and the form below."""
        uploads = self.upload.uploads
        parts.see(self.form, bool(uploads))
        self.messages.clear()
        parts.show(self.answer, [])
        self.unlocked()
        if not uploads:
            parts.show(self.matches, [])
            return
        with self.looking.trying("Searching …", self.upload.button):
            parts.show(self.matches, [matches_shown(self.visit, self.visit.pets.find(uploads))])

    def species_changed(self) -> None:
        """Look for the same photo among the other species."""
        self.search()

    def register(self) -> None:
        """Keep the stray as found, with the person who has it as the one to call.

        A second click, when the photos are gone, leaves what the first one said.
        """
        if self.answer.children and not self.upload.uploads:
            return
        with self.messages.trying("Registering …", self.button):
            check_some(self.upload.uploads, of="the stray")
            owner, texts = self._owner(), self.fields.texts()
            known = {"place": place_in(texts["place"] or ""), "status_at": moment_of(self.day.value), "owner": owner}
            pet = self.visit.pets.report_found(self.upload.uploads, {**texts, **known})
            self.fields.clear()
            self.holder.clear()
            self.day.value = None
            self.upload.clear()
            parts.see(self.form, False)
            parts.show(self.matches, [])
            self.show_registered(pet, owner, f"Thank you. {wording.name_of(pet)} is registered as found.")

    def _owner(self) -> Owner | None:
        holder = self.holder.texts()
        if holder["phone"] and not holder["name"]:
            raise InvalidPet("write who has it now beside the phone number")
        return Owner(**holder) if holder["name"] else None

    def unlocked(self) -> None:
        """Put in where the photos were taken, unless somebody wrote another place."""
        if self.fields["place"].value.strip() not in ("", self._place_of_photos):
            return
        place = self.upload.place
        self._place_of_photos = f"{place.lat:.4f}, {place.lon:.4f}" if place else ""
        self.fields["place"].value = self._place_of_photos

    def clear_private(self) -> None:
        """Empty who has it and the exact place."""
        self.holder.clear()
        self.fields.clear("place")
