"""All pets, 48 on a page."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.domain.filters import PetFilter
from petfinder.page.desk import PAGE
from petfinder.page.widgets import parts
from petfinder.page.widgets.filters import STATUSES
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import pets_shown


class Pager:
    """The buttons for the page before and the one behind; out of sight where there is only one page."""

    def __init__(self, back: Callable[[], None], forth: Callable[[], None]) -> None:
        self.previous = parts.button("Previous", back)
        self.next = parts.button("Next", forth)
        self.widget = parts.row([self.previous, self.next])

    def can_go(self, *, back: bool, forth: bool) -> None:
        """Which ways are open."""
        self.previous.disabled, self.next.disabled = not back, not forth
        parts.see(self.widget, back or forth)

    def focus(self) -> None:
        """Bring the buttons into view, to go on with the keyboard."""
        (self.previous if self.next.disabled else self.next).focus()


class BrowsePanel(Panel):
    """Pets in the order of their ids, forwards and back."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.status = parts.field(ipw.Dropdown, "Status", options=[*STATUSES])
        self.breed = parts.field(ipw.Text, "Breed")
        self.button = parts.button("Show", lambda: self.first_page(self.button))
        self.status.observe(lambda _: self.first_page(), "value")
        parts.on_enter(self.breed, self.first_page)
        self.where_we_are = parts.html("")
        self.above, self.below = Pager(self._back, self._forth), Pager(self._back, self._forth)
        self.answer = parts.column([])
        self._starts: list[str | None] = [None]  # the ids behind which the pages up to this one begin
        self._following: str | None = None
        self.widget = parts.column(
            [
                parts.heading("All pets"),
                parts.row([self.status, self.breed, self.button], "pf-narrow"),
                self.messages.widget,
                self.where_we_are,
                self.above.widget,
                self.answer,
                self.below.widget,
            ]
        )

    def shown(self) -> None:
        """The page anew, for pets may have changed."""
        self._show()

    def species_changed(self) -> None:
        """Begin at the first page of the other species."""
        self.first_page()

    def first_page(self, *pressed: ipw.Button) -> None:
        """Show the first page of what the fields ask for."""
        self._starts = [None]
        self._show(*pressed)

    def _forth(self) -> None:
        self._starts.append(self._following)
        self._show()
        self.above.focus()

    def _back(self) -> None:
        self._starts = self._starts[:-1] or [None]
        self._show()
        self.above.focus()

    def _show(self, *pressed: ipw.Button) -> None:
        with self.messages.trying("Looking …", *pressed):
            asked = {"status": self.status.value, "breed": self.breed.value.strip()}
            given = {name: value for name, value in asked.items() if value}
            where = PetFilter(**given) if given else None
            page = self.visit.pets.page(after=self._starts[-1], where=where)
            while not page.pets and len(self._starts) > 1:  # its last pet was removed
                self._starts.pop()
                page = self.visit.pets.page(after=self._starts[-1], where=where)
            self._following = page.following
            parts.show(self.answer, [pets_shown(self.visit, page.pets)])
            count, number = page.count, len(self._starts)
            pages = max(1, -(-count // PAGE))
            species = self.visit.species if count == 1 else f"{self.visit.species}s"
            said = f"{count:,} {species}" + (f", page {number} of {pages}" if pages > 1 else "")
            self.where_we_are.value = f'<p role="status">{said}</p>'
            for pager in (self.above, self.below):
                pager.can_go(back=number > 1, forth=page.following is not None)
