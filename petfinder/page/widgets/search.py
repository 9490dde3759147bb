"""Look for pets: by photo, or through all of them, 48 on a page."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html.lists import pets_as_html
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import SPECIES, Status, as_found
from petfinder.page.desk import PAGE, check_some, place_in
from petfinder.page.widgets import parts
from petfinder.page.widgets.uploads import PhotoUpload


class FindPanel(parts.Panel):
    """Photos of one animal in, the gallery of matches out; the search starts by itself."""

    title = "Find by photo"

    def __init__(self, visit: parts.Visit) -> None:
        super().__init__(visit)
        self.upload = PhotoUpload(self.desk, self.messages, self.search)
        self.place, self.at = parts.field(ipw.Text, parts.PLACE), parts.field(ipw.DatetimePicker, "When")
        self.button = parts.button("Search", self.search)
        hint = "Where and when it was tells look-alikes apart. Not among them? “Register or report” it."
        self.lay_out(parts.note(hint), self.upload.widget, parts.row(self.place, self.at, self.button))

    def search(self) -> None:
        """Look for the pet in the photos."""
        with self.messages.trying("Searching …", self.button):
            check_some(self.upload.uploads)
            photos = [upload.photo() for upload in self.upload.uploads]
            matches = self.desk.look_for(photos, place=place_in(self.place.value), at=self.at.value)
            parts.show(self.answer, *self.found(matches))


class BrowsePanel(parts.Panel):
    """Pets in the order of their ids, forwards and back."""

    title = "All pets"

    def __init__(self, visit: parts.Visit) -> None:
        super().__init__(visit)
        self.species = parts.field(ipw.Dropdown, "Species", options=[*SPECIES])
        statuses = [("any", ""), *((wording.status_word(status), status.value) for status in Status)]
        self.status = parts.field(ipw.Dropdown, "Status", options=statuses)
        self.breed = parts.field(ipw.Text, "Breed", continuous_update=False)
        for one in (self.species, self.status, self.breed):
            one.observe(lambda _: self._first_page(), "value")
        self.back, self.next = parts.button("Previous", self._back), parts.button("Next", self._next)
        self.where_we_are = ipw.Label()
        self._starts: list[str | None] = [None]  # the ids behind which the pages up to this one begin
        self._following: str | None = None
        filters = parts.row(self.species, self.status, self.breed)
        self.lay_out(filters, parts.row(self.back, self.where_we_are, self.next))

    def shown(self) -> None:
        """Show the page anew, for pets may have changed."""
        with self.messages.trying("Looking …"):
            asked = {"status": self.status.value, "breed": self.breed.value.strip()}
            where = PetFilter.of({name: value for name, value in asked.items() if value})
            service = self.desk.of(self.species.value).service
            pets = service.list(where, after=self._starts[-1], limit=PAGE + 1)
            shown = [as_found(pet) for pet in service.with_thumbnails(pets[:PAGE])]
            self._following = pets[PAGE - 1].pet_id if len(pets) > PAGE else None
            parts.show(self.answer, self.choice(shown), parts.html(pets_as_html(shown)))
            count, number = service.count(where), len(self._starts)
            pages, counted = max(1, -(-count // PAGE)), wording.counted(count, self.species.value)
            self.where_we_are.value = f"page {number} of {pages}, {counted}"
            self.back.disabled, self.next.disabled = number == 1, self._following is None

    def _first_page(self) -> None:
        self._starts = [None]
        self.shown()

    def _back(self) -> None:
        self._starts.pop()
        self.shown()

    def _next(self) -> None:
        self._starts.append(self._following)
        self.shown()
