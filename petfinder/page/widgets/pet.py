"""One pet: its card with photos, and what can be done: more like it, who to call, edit, lost, reunited, remove.

Contact comes into the page when somebody asks who may see it, and goes when the desk is locked or the pet is left.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.cards import owner_card, pet_card
from petfinder.domain.pets import Pet, Status
from petfinder.page.widgets import parts
from petfinder.page.widgets.edit import EditForm
from petfinder.page.widgets.fields import PLACE
from petfinder.page.widgets.filters import moment_of, place_in
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import matches_shown


class DetailsPanel(Panel):
    """The page of one pet; `back` leads to where the visitor came from."""

    def __init__(self, visit: Visit, pet_id: str, back: Callable[[], None]) -> None:
        super().__init__(visit)
        self.species, self.pet_id = visit.species, pet_id
        self.back = parts.button("← Back", back)
        self.title = parts.heading("")
        self.card = parts.html("")
        self.more = parts.button("More like this", lambda: visit.open_similar(pet_id))
        self.call = parts.button("Who to call", self.show_owner, kind="primary")
        self.edit = parts.button("Edit", self._show_edit)
        self.lost = parts.button("Report lost", self._show_lost)
        self.reunited = parts.button("Reunited", self._reunite)
        self.remove = parts.button("Remove", self._ask_to_remove, kind="danger")
        self.area = parts.column([])
        self.buttons = parts.row([self.call, self.more, self.lost, self.reunited, self.edit, self.remove])
        parts.see(self.buttons, False)
        self.widget = parts.column(
            [
                parts.row([self.back]),
                self.title,
                self.buttons,
                self.messages.widget,
                self.area,
                self.card,
            ]
        )

    def shown(self) -> None:
        """The pet as it is now; where it was removed meanwhile nothing but the way back."""
        self._load()
        self.back.focus()

    def access_changed(self) -> None:
        """What was shown for the passphrase goes with it."""
        self._leave_area()
        self._load()

    def out_of_sight(self) -> None:
        """Contact, and what was being changed, goes; the pet comes anew with the way back."""
        self._leave_area()

    def _load(self) -> None:
        parts.see(self.buttons, False)
        self.card.value = ""
        with self.messages.trying("One moment …"):
            self._show(self.visit.desk.of(self.species).pet(self.pet_id))

    def _show(self, pet: Pet) -> None:
        self.title.value = parts.heading_html(f"About {wording.name_of(pet)}")
        self.card.value = pet_card(pet)._repr_html_()
        parts.see(self.lost, pet.status is not Status.LOST)
        parts.see(self.reunited, pet.status in (Status.LOST, Status.FOUND))
        parts.see(self.buttons, True)

    def _leave_area(self) -> None:
        self.messages.clear()
        parts.show(self.area, [])

    def show_owner(self) -> None:
        """Who to call, if the visitor may see it; else what is needed."""
        self._leave_area()
        with self.messages.trying("One moment …", self.call):
            owner = self.visit.desk.of(self.species).owner_of(self.pet_id)
            if owner is None:
                self.messages.say("Nobody to call is registered for this pet.")
                return
            hide = parts.button("Hide", self._leave_area)
            parts.show(self.area, [parts.html(owner_card(owner)._repr_html_()), parts.row([hide])])

    def _show_edit(self) -> None:
        self._leave_area()
        with self.messages.trying("One moment …", self.edit):
            whole = self.visit.desk.of(self.species).whole(self.pet_id)
            form = EditForm(self.visit, self.species, whole, self.messages, self._changed)
            parts.show(self.area, [form.widget])

    def _show_lost(self) -> None:
        self._leave_area()
        place = parts.field(ipw.Text, f"Last seen: {PLACE.lower()}")
        day = parts.field(ipw.DatePicker, "Missing since")

        def report() -> None:
            with self.messages.trying("One moment …", send):
                desk = self.visit.desk.of(self.species)
                pet = desk.report_lost(self.pet_id, place=place_in(place.value), at=moment_of(day.value))
                self._changed(pet, f"{wording.name_of(pet)} is reported lost. Everybody who searches sees it.")

        send = parts.button("Report as lost", report, kind="primary")
        cancel = parts.button("Cancel", self._leave_area)
        parts.show(
            self.area,
            [parts.heading("Report lost", 3), parts.row([place, day], "pf-narrow"), parts.row([send, cancel])],
        )

    def _reunite(self) -> None:
        self._leave_area()
        with self.messages.trying("One moment …", self.reunited):
            pet = self.visit.desk.of(self.species).reunite(self.pet_id)
            self._changed(pet, f"{wording.name_of(pet)} is back with its people.")

    def _ask_to_remove(self) -> None:
        self._leave_area()
        yes = parts.button("Yes, remove for ever", lambda: self._remove(yes), kind="danger")
        no = parts.button("Keep it", self._leave_area)
        question = parts.note("This erases the pet with its photos and its owner's contact. It cannot be undone.")
        parts.show(self.area, [question, parts.row([yes, no])])
        no.focus()  # a key that is held down must not erase a pet

    def _remove(self, pressed: ipw.Button) -> None:
        with self.messages.trying("Removing …", pressed):
            self.visit.desk.of(self.species).remove(self.pet_id)
            parts.see(self.buttons, False)
            self.card.value = ""
            self._leave_area()
            self.messages.say("Removed, with photos and contact.")
            self.visit.changed()
            self.back.focus()

    def _changed(self, pet: Pet, said: str) -> None:
        self._leave_area()
        self._show(pet)
        self.messages.say(said)
        self.visit.changed()


class SimilarPanel(Panel):
    """Pets that look like one that is registered."""

    def __init__(self, visit: Visit, pet_id: str, back: Callable[[], None]) -> None:
        super().__init__(visit)
        self.species, self.pet_id = visit.species, pet_id
        self.back = parts.button("← Back", back)
        self.title = parts.heading("")
        self.answer = parts.column([])
        self.widget = parts.column([parts.row([self.back]), self.title, self.messages.widget, self.answer])

    def shown(self) -> None:
        """Search anew."""
        with self.messages.trying("Searching …"):
            desk = self.visit.desk.of(self.species)
            name = wording.name_of(desk.pet(self.pet_id))
            self.title.value = parts.heading_html(f"Pets that look like {name}")
            parts.show(self.answer, [matches_shown(self.visit, desk.similar(self.pet_id))])
        self.back.focus()
