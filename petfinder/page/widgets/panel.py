"""What the panels of one page share: the visitor's desk, the species, and where a pet is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import ipywidgets as ipw

from petfinder.page.desk import Desk, PetDesk
from petfinder.page.widgets import parts


@dataclass
class Visit:
    """One visitor's way through a page.

    `open_pet`, `open_owner` and `open_similar` show a pet, who to call about it, or those that look like it, by its id
    and species (that which is chosen where none is named);
    `changed` says that pets came, went or changed their status, `choose` that the page is to go on with a species.
    """

    desk: Desk
    species: str = "dog"
    tiles: bool = False
    open_pet: Callable[..., object] = lambda *_: None
    open_owner: Callable[..., object] = lambda *_: None
    open_similar: Callable[..., object] = lambda *_: None
    changed: Callable[[], object] = lambda: None
    choose: Callable[[str], object] = lambda _: None

    @property
    def pets(self) -> PetDesk:
        """The desk for the chosen species."""
        return self.desk.of(self.species)


class Panel:
    """One part of the page: its `widget` is what is shown, `messages` where it says how things went.

    `answer` holds what it found or made. `stale`: pets came, went or changed since it was in view.
    """

    title: ClassVar[str] = ""
    widget: ipw.Box

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.species_seen: str | None = None
        self.stale = False
        self.messages = parts.Messages()
        self.answer = parts.column()

    def lay_out(self, *children: ipw.Widget) -> None:
        """Make its widget: the title, these, and below them what it says and answers."""
        self.widget = parts.column(parts.heading(self.title), *children, self.messages.widget, self.answer)

    def shown(self) -> None:
        """Bring up to date what comes into view."""

    def species_changed(self) -> None:
        """Show the other species that was chosen."""
        self.shown()

    def access_changed(self) -> None:
        """Let go of whatever shows contact: the desk was unlocked or locked."""

    def out_of_sight(self) -> None:
        """Let go of whatever shows contact: another panel was opened over this one."""

    def come_into_view(self) -> None:
        """Show what is so now, for the species that is chosen."""
        other, self.species_seen = self.species_seen not in (None, self.visit.species), self.visit.species
        if other:
            self.species_changed()
        else:
            self.shown()
        self.stale = False

    def close(self) -> None:
        """Leave nothing behind, in the kernel or in the browser."""
        parts.close(self.widget)
