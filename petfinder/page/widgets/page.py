"""The whole page: header with lock, ways to go, species, the panel that is chosen; or one panel of it, for notebooks.

Every visitor has a page of their own: nothing here is shared between two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import ipywidgets as ipw

from petfinder.display.html import markup
from petfinder.page.access import Access
from petfinder.page.desk import UPLOAD_LIMIT, Desk
from petfinder.page.widgets import parts
from petfinder.page.widgets.browse import BrowsePanel
from petfinder.page.widgets.find import FindPanel
from petfinder.page.widgets.lock import Lock
from petfinder.page.widgets.map import MapPanel
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.pet import DetailsPanel, SimilarPanel
from petfinder.page.widgets.register import LostPanel, RegisterPanel
from petfinder.page.widgets.stray import StrayPanel
from petfinder.page.widgets.style import STYLE
from petfinder.page.widgets.text_search import WordsPanel
from petfinder.registry.registry import Registry

SECTIONS: Mapping[str, type[Panel]] = {
    "Find by photo": FindPanel,
    "Report a stray": StrayPanel,
    "Report a lost pet": LostPanel,
    "Search by words": WordsPanel,
    "All pets": BrowsePanel,
    "Register a pet": RegisterPanel,
    "Map": MapPanel,
}
PanelT = TypeVar("PanelT", bound=Panel)
_SPECIES = (("Dogs", "dog"), ("Cats", "cat"))


class Front:
    """One visitor's page; `widget` is what is shown."""

    def __init__(
        self, desk: Desk, sections: Sequence[str] = tuple(SECTIONS), *, tiles: bool = False, greeting: str = ""
    ) -> None:
        self.desk = desk
        self.visit = Visit(desk, tiles=tiles)
        self.visit.open_pet = partial(self._open, DetailsPanel)
        self.visit.open_owner = self._open_owner
        self.visit.open_similar = partial(self._open, SimilarPanel)
        self.visit.changed = self._changed
        self._panels: dict[str, Panel] = {}
        self._opened: list[Panel] = []  # pets and look-alikes, the one in view last
        self.counts = parts.html("")
        self._unsaid = parts.Messages()  # what goes wrong with counting is logged, and said nowhere
        self.lock = Lock(desk.access, self._access_changed)
        self.ways = parts.chooser([(name, name) for name in sections], "", "pf-nav")
        self.species = parts.chooser(_SPECIES, "", "pf-species")
        self.stage = parts.column([])
        self.ways.observe(lambda _: self._go(), "value")
        self.species.observe(lambda change: self._choose(change["new"]), "value")
        several = len(sections) > 1
        greeted = [parts.html(f'<p class="pf-greeting">{markup.escape(greeting)}</p>')] if greeting else []
        head = [parts.html("<h1>petfinder</h1>"), *greeted, self.counts] if several else []
        self.widget = parts.column(
            [
                parts.html(STYLE),
                parts.row([parts.column(head), self.lock.widget], "pf-head") if several else self.lock.widget,
                *([self.ways] if several else []),
                self.species,
                self.stage,
            ],
            "pf-page",
        )
        self._count()
        self._go()

    @property
    def panel(self) -> Panel:
        """The panel in view."""
        return self._opened[-1] if self._opened else self._section()

    def _section(self) -> Panel:
        name = self.ways.value
        if name not in self._panels:
            self._panels[name] = SECTIONS[name](self.visit)
        return self._panels[name]

    def _go(self) -> None:
        """Show the chosen section, and leave the pets that were opened."""
        left, self._opened = self._opened, []
        self._show()
        for panel in left:
            panel.close()

    def _open(self, kind: Callable[[Visit, str, Callable[[], None]], PanelT], pet_id: str) -> PanelT:
        panel = kind(self.visit, pet_id, self._back)
        self._opened.append(panel)
        self._show()
        return panel

    def _open_owner(self, pet_id: str) -> None:
        self._open(DetailsPanel, pet_id).show_owner()

    def _back(self) -> None:
        left = self._opened.pop()
        self._show()
        left.close()

    def _show(self) -> None:
        for panel in self._opened[:-1]:
            panel.out_of_sight()
        self.stage.children = (self.panel.widget,)
        self.panel.come_into_view()

    def _choose(self, species: str) -> None:
        self.visit.species = species
        self._go()

    def _access_changed(self) -> None:
        for panel in (*self._panels.values(), *self._opened):
            panel.access_changed()

    def _changed(self) -> None:
        """Pets came, went or changed: count them, and let the panels out of sight know."""
        for panel in self._panels.values():
            panel.stale = panel is not self.panel
        self._count()

    def _count(self) -> None:
        """Say how many pets there are."""
        with self._unsaid.trying(""):
            counts = self.desk.counts()
            found = f", {counts.found:,} found" if counts.found else ""
            pets = "pet" if counts.pets == 1 else "pets"
            said = f"{counts.pets:,} {pets} registered, {counts.lost:,} lost{found}"
            self.counts.value = f'<p class="pf-quiet">{said}</p>'


def front_page(
    registry: Registry,
    *,
    access: Access | None = None,
    tiles: bool = False,
    greeting: str = "",
    upload_limit_bytes: int = UPLOAD_LIMIT,
) -> ipw.Widget:
    """The page for volunteers: find, search, look through, register, report; reading is open, the rest by `access`.

    `tiles`: the map shows OpenStreetMap, from its servers; without, nothing is loaded from outside. `greeting`: whose
    page it is and how to reach them, for everybody to read.
    """
    desk = Desk(registry, access, upload_limit_bytes=upload_limit_bytes)
    return Front(desk, tiles=tiles, greeting=greeting).widget


def find_panel(registry: Registry, *, access: Access | None = None) -> ipw.Widget:
    """Find by photo, as on the page."""
    return Front(Desk(registry, access), ["Find by photo"]).widget


def words_panel(registry: Registry, *, access: Access | None = None) -> ipw.Widget:
    """Search by words, as on the page."""
    return Front(Desk(registry, access), ["Search by words"]).widget


def browse(registry: Registry, *, access: Access | None = None) -> ipw.Widget:
    """All pets, as on the page."""
    return Front(Desk(registry, access), ["All pets"]).widget


def register_form(registry: Registry, *, access: Access | None = None) -> ipw.Widget:
    """Register a pet, as on the page."""
    return Front(Desk(registry, access), ["Register a pet"]).widget


def stray_form(registry: Registry, *, access: Access | None = None) -> ipw.Widget:
    """Report a stray, as on the page."""
    return Front(Desk(registry, access), ["Report a stray"]).widget


def map_panel(registry: Registry, *, access: Access | None = None, tiles: bool = True) -> ipw.Widget:
    """Where the pets of a registry are: the map and the same as a list."""
    return Front(Desk(registry, access), ["Map"], tiles=tiles).widget
