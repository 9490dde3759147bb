"""The whole: ways to go, and the section that is chosen, or a pet that was opened there."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.page.desk import Desk
from petfinder.page.widgets import parts
from petfinder.page.widgets.map import MapPanel
from petfinder.page.widgets.pet import PetPanel
from petfinder.page.widgets.register import RegisterPanel
from petfinder.page.widgets.search import BrowsePanel, FindPanel

SECTIONS = {panel.title: panel for panel in (FindPanel, BrowsePanel, RegisterPanel, MapPanel)}


class Front:
    """The sections over one desk; `widget` is what is shown."""

    def __init__(self, desk: Desk, *, tiles: bool = False) -> None:
        visit = parts.Visit(desk, tiles, self.open_pet, self._back)
        self._visit = visit
        self._sections = {title: panel(visit) for title, panel in SECTIONS.items()}
        self._opened: list[PetPanel] = []  # the one in view last
        self.ways = ipw.ToggleButtons(options=[*SECTIONS])
        self.ways.observe(lambda _: self._go(), "value")
        self.stage = parts.column()
        self.widget = parts.column(self.ways, self.stage)
        self._go()

    @property
    def panel(self) -> parts.Panel:
        """The section or the pet in view."""
        return self._opened[-1] if self._opened else self._sections[self.ways.value]

    def open_pet(self, species: str, pet_id: str) -> None:
        """Show a pet over what is in view."""
        self._opened.append(PetPanel(self._visit, species, pet_id))
        self._show()

    def _back(self) -> None:
        parts.close(self._opened.pop().widget)
        self._show()

    def _go(self) -> None:
        while self._opened:
            parts.close(self._opened.pop().widget)
        self._show()

    def _show(self) -> None:
        self.stage.children = (self.panel.widget,)
        self.panel.shown()
