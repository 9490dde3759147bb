"""One pet: its card, who to call, more like it, and reports: lost, reunited."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.cards import owner_card, pet_as_html
from petfinder.domain.pets import REPORTED, Pet, Status
from petfinder.page.desk import place_in
from petfinder.page.widgets import parts


class PetPanel(parts.Panel):
    """The card of one pet and what can be done; contact shows only when somebody asks for it."""

    def __init__(self, visit: parts.Visit, species: str, pet_id: str) -> None:
        super().__init__(visit)
        self._pets, self._pet_id = self.desk.of(species), pet_id
        self.card = parts.html("")
        self.call = parts.button("Who to call", self._show_owner, kind="primary")
        self.more = parts.button("More like this", self._show_similar)
        self.reunited = parts.button("Reunited", self._reunite)
        self.place, self.since = parts.field(ipw.Text, parts.PLACE), parts.field(ipw.DatetimePicker, "Missing since")
        self.lost = parts.button("Report lost", self._report_lost)
        self.missing = parts.row(self.place, self.since, self.lost)
        buttons = parts.row(parts.button("← Back", visit.back), self.call, self.more, self.reunited)
        self.widget = parts.column(buttons, self.card, self.missing, self.messages.widget, self.answer)

    def shown(self) -> None:
        """Show the pet as it is now."""
        with self.messages.trying("One moment …"):
            self._show(self._pets.pet(self._pet_id))

    def _show(self, pet: Pet) -> None:
        self.card.value = pet_as_html(pet)
        parts.see(self.reunited, pet.status in REPORTED)
        parts.see(self.missing, pet.status is not Status.LOST)

    def _show_owner(self) -> None:
        with self.messages.trying("One moment …", self.call):
            owner = self._pets.unlocked.owner_of(self._pet_id)
            if owner is None:
                self.messages.say("Nobody to call is registered for this pet.")
            else:
                parts.show(self.answer, parts.html(owner_card(owner)._repr_html_()))

    def _show_similar(self) -> None:
        with self.messages.trying("Searching …", self.more):
            parts.show(self.answer, *self.found(self._pets.similar(self._pet_id)))

    def _report_lost(self) -> None:
        with self.messages.trying("One moment …", self.lost):
            place = place_in(self.place.value)
            self._pets.unlocked.report_lost(self._pet_id, place=place, at=self.since.value)
            pet = self._pets.pet(self._pet_id)
            self._show(pet)
            self.place.value, self.since.value = "", None
            self.messages.say(f"{wording.name_of(pet)} is reported lost.")
            parts.show(self.answer, *self.counterparts(pet))

    def _reunite(self) -> None:
        with self.messages.trying("One moment …", self.reunited):
            self._pets.unlocked.reunite(self._pet_id)
            pet = self._pets.pet(self._pet_id)
            self._show(pet)
            self.messages.say(f"{wording.name_of(pet)} is back with its people.")
            parts.show(self.answer)
