"""The whole page: header with lock, ways to go, species, the panel that is chosen; or one panel of it, for notebooks.

Every visitor has a page of their own: nothing here is shared between two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.page.access import Access
from petfinder.page.desk import UPLOAD_LIMIT, Desk
from petfinder.page.widgets import parts
from petfinder.page.widgets.map import MapPanel
from petfinder.page.widgets.map import pet_map as pet_map
from petfinder.page.widgets.pairs import PairsPanel
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.pet import DetailsPanel, SimilarPanel
from petfinder.page.widgets.register import LostPanel, RegisterPanel, StrayPanel
from petfinder.page.widgets.search import SPECIES_CHOICES, BrowsePanel, FindPanel, WordsPanel
from petfinder.registry.registry import Registry

_PANELS = (FindPanel, StrayPanel, LostPanel, WordsPanel, BrowsePanel, PairsPanel, RegisterPanel, MapPanel)
SECTIONS: Mapping[str, type[Panel]] = {panel.title: panel for panel in _PANELS}
PanelT = TypeVar("PanelT", bound=Panel)


class Lock:
    """A field for the passphrase while the page is locked, a button that locks it again while it is open.

    Nothing at all where no passphrase is set; `changed` is called when it was unlocked or locked.
    """

    def __init__(self, access: Access, changed: Callable[[], None]) -> None:
        self._access, self._changed = access, changed
        self.messages = parts.Messages()
        self.passphrase = parts.field(ipw.Password, "Passphrase")
        self.unlock = parts.button("Unlock", self._unlock)
        self.lock = parts.button("Lock", self._lock)
        parts.on_enter(self.passphrase, self._unlock)
        self._controls = parts.row()
        self._note = parts.note("Only to see contact details and to change something.")
        self.widget = parts.column(self._controls, self._note, self.messages.widget, css="pf-lock")
        self._show()

    def _show(self) -> None:
        open_now = self._access.is_open
        controls = (self.lock,) if open_now else (self.passphrase, self.unlock)
        self._controls.children = controls if self._access.needed else ()
        parts.see(self._note, not open_now)

    def _unlock(self) -> None:
        passphrase, self.passphrase.value = self.passphrase.value, ""
        if not passphrase:
            return
        with self.messages.trying("Checking …", self.unlock):
            if not self._access.unlock(passphrase):
                self.messages.warn("That is not the passphrase.")
                return
            self._show()
            self._changed()
            self.lock.focus()

    def _lock(self) -> None:
        self._access.lock()
        self.messages.clear()
        self._show()
        self._changed()
        self.passphrase.focus()


class Front:
    """One visitor's page; `widget` is what is shown."""

    def __init__(
        self, desk: Desk, sections: Sequence[str] = tuple(SECTIONS), *, tiles: bool = False, greeting: str = ""
    ) -> None:
        self.desk = desk
        self.visit = Visit(desk, tiles=tiles)
        self.visit.open_pet = partial(self._open, DetailsPanel)
        self.visit.open_owner = lambda *pet: self._open(DetailsPanel, *pet).show_owner()
        self.visit.open_similar = partial(self._open, SimilarPanel)
        self.visit.changed, self.visit.choose = self._changed, lambda species: self.species.set_trait("value", species)
        self._panels: dict[str, Panel] = {}
        self._opened: list[Panel] = []  # pets and look-alikes, the one in view last
        self.counts = parts.html("")
        self._unsaid = parts.Messages()  # what goes wrong with counting is logged, and said nowhere
        self.lock = Lock(desk.access, self._access_changed)
        self.ways = parts.chooser([(name, name) for name in sections], "", "pf-nav")
        self.species = parts.chooser(SPECIES_CHOICES, "", "pf-species")
        self.stage = parts.column()
        self.ways.observe(lambda _: self._go(), "value")
        self.species.observe(lambda _: self._go(), "value")
        head: list[ipw.Widget] = [self.lock.widget]
        if len(sections) > 1:
            greeted = [parts.html(f'<p class="pf-greeting">{markup.escape(greeting)}</p>')] if greeting else []
            title = parts.column(parts.html("<h1>petfinder</h1>"), *greeted, self.counts)
            head = [parts.row(title, self.lock.widget, css="pf-head"), self.ways]
        self.widget = parts.column(parts.style_sheet(), *head, self.species, self.stage, css="pf-page")
        self._count()
        self._go()

    @property
    def panel(self) -> Panel:
        """The panel in view."""
        name = self.ways.value
        if name not in self._panels:
            self._panels[name] = SECTIONS[name](self.visit)
        return self._opened[-1] if self._opened else self._panels[name]

    def _go(self) -> None:
        """Show the chosen section of the chosen species, and leave the pets that were opened."""
        self.visit.species = self.species.value
        left, self._opened = self._opened, []
        self._show()
        for panel in left:
            panel.close()

    def _open(self, kind: Callable[[Visit, str, Callable[[], None]], PanelT], pet_id: str, species: str = "") -> PanelT:
        panel = kind(replace(self.visit, species=species or self.visit.species), pet_id, self._back)
        self._opened.append(panel)
        self._show()
        return panel

    def _back(self) -> None:
        left = self._opened.pop()
        self._show()
        left.close()

    def _show(self) -> None:
        for panel in self._opened[:-1]:
            panel.out_of_sight()
        parts.see(self.species, self.ways.value != FindPanel.title)  # which has a choice of its own
        self.stage.children = (self.panel.widget,)
        self.panel.come_into_view()

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
            registered = wording.counted(counts.pets, "pet")
            self.counts.value = f'<p class="pf-quiet">{registered} registered, {counts.lost:,} lost{found}</p>'


def front_page(
    registry: Registry,
    *,
    access: Access | None = None,
    tiles: bool = False,
    greeting: str = "",
    upload_limit_bytes: int = UPLOAD_LIMIT,
) -> ipw.Widget:
    """Show the page for volunteers: find, search, look through, register, report; `access` may lock all but reading.

    `tiles`: the map shows OpenStreetMap, from its servers; without, nothing is loaded from outside. `greeting`: whose
    page it is and how to reach them, for everybody to read.
    """
    desk = Desk(registry, access, upload_limit_bytes=upload_limit_bytes)
    return Front(desk, tiles=tiles, greeting=greeting).widget


class ShowPanel(Protocol):
    """What shows one panel of the page alone, by the same rules."""

    def __call__(self, registry: Registry, *, access: Access | None = None, tiles: bool = True) -> ipw.Widget:
        """Show it; `tiles`: a map shows OpenStreetMap, from its servers."""


def _alone(panel: type[Panel]) -> ShowPanel:
    def show(registry: Registry, *, access: Access | None = None, tiles: bool = True) -> ipw.Widget:
        return Front(Desk(registry, access), [panel.title], tiles=tiles).widget

    show.__doc__ = f"Show “{panel.title}” of the page alone."
    return show


find_panel, stray_form, words_panel = _alone(FindPanel), _alone(StrayPanel), _alone(WordsPanel)
browse, register_form, map_panel = _alone(BrowsePanel), _alone(RegisterPanel), _alone(MapPanel)
