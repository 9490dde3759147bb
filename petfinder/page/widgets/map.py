"""Where pets are: circles on a map and the same as a list, places to about 1 km.

Circles are drawn, not loaded: they show without the map's tiles too, and with tiles=False nobody is asked anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import ipyleaflet as leaflet
import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.html import markup
from petfinder.domain.filters import PetFilter, place_of
from petfinder.domain.pets import Pet, Status
from petfinder.page.desk import MOST_PLACED
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import details_button

_URGENT = (Status.LOST, Status.SIGHTED, Status.FOUND, Status.REUNITED, Status.HOME)
_SHOWN = (("lost and found", "missing"), ("all pets", "all"))
_CALLED = 18  # signs of a name on its button
_LISTED = 6  # pets named for one place
_NAMED = 40  # places with the name beside the circle; more would hide the map
_ROUNDED = "Places are rounded to about 1 km."
_NO_STREETS = "No streets are shown: whoever runs the page can load them, with --tiles."
_ROOM, _WORLD = 300, 256  # pixels: the map's narrower side without its edges; the whole earth at zoom 0
_WIDEST_ZOOM, _CLOSEST_ZOOM = 1, 13


def pet_map(pets: Iterable[Pet], *, tiles: bool = True) -> ipw.Widget:
    """Pets with a known place as circles, rounded to 0.01 degree; one circle for those at one place.

    Colour and word tell lost, found, reunited and at home apart; a click on a circle says below who is there.
    `tiles`: OpenStreetMap's map under it, from its servers.
    """
    at: dict[tuple[float, float], list[Pet]] = {}
    for pet in pets:
        if place := place_of(pet):
            rounded = place.rounded()
            at.setdefault((rounded.lat, rounded.lon), []).append(pet)
    centre, zoom = _view([*at])
    below = parts.html("")
    parts.see(below, False)
    ground = [leaflet.basemap_to_tiles(leaflet.basemaps.OpenStreetMap.Mapnik)] if tiles else []
    circles = [_circle(corner, there, below) for corner, there in at.items()]
    names = [_name(corner, there) for corner, there in at.items()] if len(at) <= _NAMED else []
    layers, layout = (*ground, *circles, *names), ipw.Layout(width="100%", height="420px")
    shown = _PlaceMap(center=centre, zoom=zoom, layout=layout, layers=layers, attribution_control=tiles)
    shown.add(leaflet.ScaleControl(position="bottomright"))
    return parts.column(shown, below)


class _PlaceMap(leaflet.Map):  # type: ignore[misc]
    """A map that has no bounds while it is out of sight: browsers then send none, which are no numbers."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        super().set_state({name: value for name, value in sync_data.items() if value is not None})


def _name(place: tuple[float, float], pets: list[Pet]) -> leaflet.Marker:
    """The name and status of who is at a place, beside the circle."""
    first, also = _most_urgent(pets), f" +{len(pets) - 1}" if len(pets) > 1 else ""
    label = markup.escape(f"{wording.clip(wording.name_of(first), 20)}, {wording.status_word(first.status)}{also}")
    drawn = leaflet.DivIcon(html=f'<span class="pf-map-name">{label}</span>', icon_size=(0, 0), icon_anchor=(-14, 9))
    return leaflet.Marker(location=place, icon=drawn, draggable=False, keyboard=False)


def _circle(place: tuple[float, float], pets: list[Pet], below: ipw.HTML) -> leaflet.CircleMarker:
    who = [markup.line(line_of(pet)) for pet in pets[:_LISTED]]
    if (left := len(pets) - _LISTED) > 0:
        who.append(markup.quiet(f"and {left} more"))
    circle = leaflet.CircleMarker(
        location=place,
        radius=min(8 + 2 * len(pets), 20),
        color="#ffffff",
        weight=2,
        fill_color=STATUS_COLOURS[_most_urgent(pets).status],
        fill_opacity=0.9,
    )
    # no popup: closing one that was never opened is an error in the browser
    circle.on_click(lambda **_: parts.write(below, f'<div role="status">{"".join(who)}</div>'))
    return circle


def _most_urgent(pets: list[Pet]) -> Pet:
    return min(pets, key=lambda pet: _URGENT.index(pet.status))


def _view(places: list[tuple[float, float]]) -> tuple[tuple[float, float], int]:
    """The middle of the places, and a zoom at which all are seen."""
    if not places:
        return (20.0, 0.0), _WIDEST_ZOOM
    lats, lons = [lat for lat, _ in places], [lon for _, lon in places]
    wide = math.cos(math.radians(sum(lats) / len(lats)))  # of a degree of longitude, as a share of one of latitude
    span = max((max(lats) - min(lats)) / max(wide, 0.1), max(lons) - min(lons), 0.02)
    zoom = math.floor(math.log2(_ROOM * 360 / (_WORLD * span)))
    return ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2), max(_WIDEST_ZOOM, min(zoom, _CLOSEST_ZOOM))


def line_of(pet: Pet) -> str:
    """A pet at its place in one line: "Bento: lost since 2026-10-02, Beagle, near 37.76, -122.43"."""
    place = place_of(pet)
    near = f"near {place.rounded().lat:.2f}, {place.rounded().lon:.2f}" if place else ""
    facts = ", ".join(filter(None, [wording.status_of(pet), pet.breed, near]))
    return f"{wording.name_of(pet)}: {facts}"


class MapPanel(Panel):
    """The map, and below it the same as a list."""

    title = "Map"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.which = parts.chooser(_SHOWN, "Show")
        self.which.observe(lambda _: self.shown(), "value")
        self.lay_out(self.which)

    def shown(self) -> None:
        """Draw the places as they are now."""
        with self.messages.trying("Drawing the map …"):
            missing = PetFilter(status=[Status.LOST.value, Status.SIGHTED.value, Status.FOUND.value])
            pets = self.visit.pets.placed(missing if self.which.value == "missing" else None)
            if not pets:
                parts.show(self.answer, [parts.note("No place is known of any of these pets.")])
                return
            statuses = {pet.status for pet in pets}
            legend = parts.html(f"<p>{''.join(_dot(status) for status in _URGENT if status in statuses)}</p>")
            ground = parts.note(_ROUNDED if self.visit.tiles else f"{_ROUNDED} {_NO_STREETS}")
            heading = parts.heading("The same as a list", 3)
            shown = [legend, pet_map(pets, tiles=self.visit.tiles), ground, heading, self._list(pets)]
            parts.show(self.answer, shown)

    def _list(self, pets: Sequence[Pet]) -> ipw.Widget:
        """The pets line by line, few ones with a button each."""
        if len(pets) <= _NAMED:
            return parts.column(*(self._line(pet) for pet in pets), css="pf-narrow")
        lines = "".join(f"<li>{markup.escape(line_of(pet))}</li>" for pet in pets)
        limit = markup.quiet(f"Only {MOST_PLACED} pets are shown.") if len(pets) >= MOST_PLACED else ""
        return parts.html(f"<ul>{lines}</ul>{limit}")

    def _line(self, pet: Pet) -> ipw.Widget:
        details = details_button(self.visit, pet, f"Details of {wording.clip(wording.name_of(pet), _CALLED)}")
        line = parts.html(markup.line(line_of(pet)), "pf-grow")
        line.layout.flex = "1 1 140px"  # beside a long name the button goes below
        return parts.row(line, details, css="pf-preview")


def _dot(status: Status) -> str:
    dot = f"display:inline-block;width:14px;height:14px;border-radius:50%;background:{STATUS_COLOURS[status]}"
    word = wording.status_word(status)
    return f'<span style="white-space:nowrap;margin-right:16px"><span style="{dot}"></span> {word}</span>'
