"""What the panels of one page share: the visitor's desk, the species, and where a pet is opened."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.page.desk import Desk, PetDesk
from petfinder.page.widgets import parts


def _nowhere(_: str) -> None:
    return None


def _nothing() -> None:
    return None


class Visit:
    """One visitor's way through a page.

    `open_pet`, `open_owner` and `open_similar` show a pet, who to call about it, or those that look like it, by its id;
    `changed` says that pets came, went or changed their status.
    """

    def __init__(self, desk: Desk, *, species: str = "dog", tiles: bool = False) -> None:
        self.desk = desk
        self.species = species
        self.tiles = tiles
        self.open_pet: Callable[[str], object] = _nowhere
        self.open_owner: Callable[[str], object] = _nowhere
        self.open_similar: Callable[[str], object] = _nowhere
        self.changed: Callable[[], None] = _nothing

    @property
    def pets(self) -> PetDesk:
        """The desk for the chosen species."""
        return self.desk.of(self.species)


class Panel:
    """One part of the page: its `widget` is what is shown, `messages` where it says how things went.

    `stale`: pets came, went or changed since it was in view.
    """

    widget: ipw.Box

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.species_seen: str | None = None
        self.stale = False
        self.messages = parts.Messages()

    def shown(self) -> None:
        """The panel comes into view."""

    def species_changed(self) -> None:
        """Another species was chosen."""

    def access_changed(self) -> None:
        """The desk was unlocked or locked; whatever shows contact lets go of it."""

    def out_of_sight(self) -> None:
        """Another panel was opened over this one; whatever shows contact lets go of it."""

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
