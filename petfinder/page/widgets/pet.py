"""One pet: its card with photos, and what can be done: more like it, who to call, edit, lost, reunited, remove.

Contact comes into the page when somebody asks who may see it, and goes when the desk is locked or the pet is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.display.html.cards import owner_card, pet_as_html
from petfinder.domain.pets import Owner, Pet, Photo, Status
from petfinder.page.desk import PetDesk
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import OWNER_FIELDS, PLACE, OwnerFields, PetFields, moment_of, place_in
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import counterparts_shown, matches_shown
from petfinder.page.widgets.uploads import PhotoUpload


class PetPanel(Panel):
    """A panel about one pet; `back` leads to where the visitor came from."""

    def __init__(self, visit: Visit, pet_id: str, back: Callable[[], None]) -> None:
        super().__init__(visit)
        self.species, self.pet_id = visit.species, pet_id
        self.back = parts.button("← Back", back)
        self.heading = parts.heading("")

    @property
    def pets(self) -> PetDesk:
        """The desk for the pet's species, whichever is chosen now."""
        return self.visit.desk.of(self.species)


class SimilarPanel(PetPanel):
    """Pets that look like one that is registered."""

    def __init__(self, visit: Visit, pet_id: str, back: Callable[[], None]) -> None:
        super().__init__(visit, pet_id, back)
        self.widget = parts.column(parts.row(self.back), self.heading, self.messages.widget, self.answer)

    def shown(self) -> None:
        """Search anew."""
        with self.messages.trying("Searching …"):
            name = wording.name_of(self.pets.pet(self.pet_id))
            self.heading.value = parts.heading_html(f"Pets that look like {name}")
            parts.show(self.answer, [matches_shown(self.visit, self.pets.similar(self.pet_id))])
        self.back.focus()


class DetailsPanel(PetPanel):
    """The page of one pet."""

    def __init__(self, visit: Visit, pet_id: str, back: Callable[[], None]) -> None:
        super().__init__(visit, pet_id, back)
        self.card = parts.html("")
        self.more = parts.button("More like this", lambda: visit.open_similar(pet_id, visit.species))
        self.call = parts.button("Who to call", self.show_owner, kind="primary")
        self.edit = parts.button("Edit", self._show_edit)
        self.lost = parts.button("Report lost", self._show_lost)
        self.reunited = parts.button("Reunited", self._reunite)
        self.remove = parts.button("Remove", self._ask_to_remove, kind="danger")
        self.buttons = parts.row(self.call, self.more, self.lost, self.reunited, self.edit, self.remove)
        parts.see(self.buttons, False)
        self.widget = parts.column(
            parts.row(self.back), self.heading, self.buttons, self.messages.widget, self.answer, self.card
        )

    def shown(self) -> None:
        """Show the pet as it is now; where it was removed meanwhile nothing but the way back."""
        self._load()
        self.back.focus()

    def access_changed(self) -> None:
        """Let what was shown for the passphrase go with it."""
        self._leave()
        self._load()

    def out_of_sight(self) -> None:
        """Let contact, and what was being changed, go; the pet comes anew with the way back."""
        self._leave()

    def _load(self) -> None:
        parts.see(self.buttons, False)
        self.card.value = ""
        with self.messages.trying("One moment …"):
            self._show(self.pets.pet(self.pet_id))

    def _show(self, pet: Pet) -> None:
        self.heading.value = parts.heading_html(f"About {wording.name_of(pet)}")
        self.card.value = pet_as_html(pet)
        parts.see(self.lost, pet.status is not Status.LOST)
        parts.see(self.reunited, pet.status in (Status.LOST, Status.FOUND, Status.SIGHTED))
        parts.see(self.buttons, True)

    def _leave(self) -> None:
        self.messages.clear()
        parts.show(self.answer, [])

    def _changed(self, pet: Pet, sentence: str) -> None:
        self._leave()
        self._show(pet)
        self.messages.say(sentence)
        self.visit.changed()

    def show_owner(self) -> None:
        """Show who to call, if the visitor may see it; else say what is needed."""
        self._leave()
        with self.messages.trying("One moment …", self.call):
            owner = self.pets.owner_of(self.pet_id)
            if owner is None:
                self.messages.say("Nobody to call is registered for this pet.")
                return
            hide = parts.button("Hide", self._leave)
            parts.show(self.answer, [parts.html(owner_card(owner)._repr_html_()), parts.row(hide)])

    def _show_edit(self) -> None:
        self._leave()
        with self.messages.trying("One moment …", self.edit):
            whole = self.pets.whole(self.pet_id)
            parts.show(self.answer, [EditForm(self.visit, self.pets, whole, self.messages, self._changed).widget])

    def _show_lost(self) -> None:
        self._leave()
        place = parts.field(ipw.Text, f"Last seen: {PLACE.lower()}")
        day = parts.field(ipw.DatePicker, "Missing since")

        def report() -> None:
            with self.messages.trying("One moment …", send):
                pet = self.pets.report_lost(self.pet_id, place=place_in(place.value), at=moment_of(day.value))
                self._changed(pet, f"{wording.name_of(pet)} is reported lost. Everybody who searches sees it.")
                parts.show(self.answer, [counterparts_shown(self.visit, self.pet_id)])

        send = parts.button("Report as lost", report, kind="primary")
        buttons = parts.row(send, parts.button("Cancel", self._leave))
        parts.show(self.answer, [parts.heading("Report lost", 3), parts.row(place, day, css="pf-narrow"), buttons])

    def _reunite(self) -> None:
        self._leave()
        with self.messages.trying("One moment …", self.reunited):
            pet = self.pets.reunite(self.pet_id)
            self._changed(pet, f"{wording.name_of(pet)} is back with its people.")

    def _ask_to_remove(self) -> None:
        self._leave()
        yes = parts.button("Yes, remove for ever", lambda: self._remove(yes), kind="danger")
        no = parts.button("Keep it", self._leave)
        question = parts.note("This erases the pet with its photos and its owner's contact. It cannot be undone.")
        parts.show(self.answer, [question, parts.row(yes, no)])
        no.focus()  # a key that is held down must not erase a pet

    def _remove(self, pressed: ipw.Button) -> None:
        with self.messages.trying("Removing …", pressed):
            self.pets.remove(self.pet_id)
            parts.see(self.buttons, False)
            self.card.value = ""
            self._leave()
            self.messages.say("Removed, with photos and contact.")
            self.visit.changed()
            self.back.focus()


class EditForm:
    """The form, filled with a whole pet; `done` gets the changed pet and a sentence about what was done.

    Holds contact: it is made only for a visitor who may see it and asked, and closed on lock.
    """

    def __init__(
        self, visit: Visit, pets: PetDesk, pet: Pet, messages: parts.Messages, done: Callable[[Pet, str], None]
    ) -> None:
        self._pets, self._pet, self._messages, self._done = pets, pet, messages, done
        self.fields, self.owner = PetFields(), OwnerFields(visit, messages)
        self.fields.fill(pet)
        self.owner.fill(pet.owner)
        self._before = self._read()
        self.save = parts.button("Save", self._save, kind="primary")
        self.upload = PhotoUpload(visit, messages, "Add photos", changed=self._add)
        self.widget = parts.column(
            parts.heading("Edit", 3),
            self.fields.widget,
            parts.heading("Who to call", 3),
            self.owner.widget,
            parts.row(self.save),
            parts.heading("Photos", 3),
            parts.tiles([self._photo(photo) for photo in pet.photos], least=150),
            self.upload.widget,
            css="pf-area",
        )

    def _read(self) -> dict[str, Any]:
        return {**self.fields.read(), "owner": self.owner.read(self._pet.owner)}

    def _save(self) -> None:
        """Write what was changed here and nothing else, so that others' changes stay."""
        with self._messages.trying("Saving …", self.save):
            now = self._read()
            changes = {name: value for name, value in now.items() if value != self._before[name]}
            if not changes and not self.owner.picture:
                self._messages.say("Nothing was changed.")
                return
            if self.owner.picture or "owner" in changes:
                changes["owner"] = self._merged(now["owner"])
            pet = self._pets.update(self._pet.pet_id, changes, picture=self.owner.picture)
            self._done(pet, f"{wording.name_of(pet)} is saved.")

    def _merged(self, owner: Owner | None) -> Owner | None:
        """The owner as it is now, with what was changed here: others may have changed something else meanwhile."""
        before, current = self._before["owner"], self._pets.whole(self._pet.pet_id).owner
        if owner is None or before is None or current is None:
            return owner
        values = {name: getattr(owner, name) for name in OWNER_FIELDS}
        changed = {name: value for name, value in values.items() if value != getattr(before, name)}
        return current.model_copy(update=changed)

    def _add(self) -> None:
        if uploads := self.upload.uploads:
            with self._messages.trying("Adding …", self.upload.button):
                pet = self._pets.add_photos(self._pet.pet_id, uploads)
                self._done(pet, f"{wording.name_of(pet)} has {len(pet.photos)} photos now.")

    def _photo(self, photo: Photo) -> ipw.Widget:
        name = wording.photo_name(photo)

        def remove() -> None:
            with self._messages.trying("Removing …", button):
                pet = self._pets.remove_photo(self._pet.pet_id, photo.photo_id or "")
                self._done(pet, "The photo is removed.")

        button = parts.button("Remove photo", remove, kind="danger", tooltip=f"Remove photo {name}")
        return parts.column(parts.html(markup.picture(photo, name) + markup.quiet(name)), button)
