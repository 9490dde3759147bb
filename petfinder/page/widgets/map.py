"""Where reports are: circles on a map, places to about 1 km.

Circles are drawn, not loaded: they show without the map's tiles too, and with tiles=False nobody is asked anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import ipyleaflet as leaflet
import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.html import markup
from petfinder.domain.filters import place_of
from petfinder.domain.pets import REPORTED, Pet, Place
from petfinder.page.widgets import parts

_LISTED = 6  # pets named for one place
_ROOM, _WORLD = 300, 256  # pixels: the map's narrower side without its edges; the whole earth at zoom 0
_WIDEST_ZOOM, _CLOSEST_ZOOM = 1, 13


class MapPanel(parts.Panel):
    """The lost, found and seen of both species on a map."""

    title = "Map"

    def __init__(self, visit: parts.Visit) -> None:
        super().__init__(visit)
        self.lay_out()

    def shown(self) -> None:
        """Draw the places as they are now."""
        with self.messages.trying("Drawing the map …"):
            self.desk.board.look_anew()
            pets = self.desk.board.pets()
            legend = " ".join(f'<span style="color:{STATUS_COLOURS[one]}">⬤</span> {one}' for one in REPORTED)
            said = parts.note("Places are rounded to about 1 km. Click on a circle to see who is there.")
            there = pet_map(pets, tiles=self.visit.tiles)
            parts.show(self.answer, parts.html(legend), there, said, self.choice(pets))


def pet_map(pets: Iterable[Pet], *, tiles: bool) -> ipw.Widget:
    """Reports with a known place as circles, rounded to 0.01 degree; a click on one says below who is there.

    The colour is that of the most urgent one. `tiles`: OpenStreetMap's map under it, from its servers.
    """
    at: dict[Place, list[Pet]] = {}
    for pet in pets:
        if place := place_of(pet):
            at.setdefault(place.rounded(), []).append(pet)
    below, (centre, zoom) = parts.html(""), _view([*at])
    ground = [leaflet.basemap_to_tiles(leaflet.basemaps.OpenStreetMap.Mapnik)] if tiles else []
    circles = [_circle(place, there, below) for place, there in at.items()]
    layers, layout = (*ground, *circles), ipw.Layout(width="100%", height="420px")
    shown = _PlaceMap(center=centre, zoom=zoom, layout=layout, layers=layers, attribution_control=tiles)
    shown.add(leaflet.ScaleControl(position="bottomright"))
    return parts.column(shown, below)


class _PlaceMap(leaflet.Map):  # type: ignore[misc]
    """A map that has no bounds while it is out of sight: browsers then send none, which are no numbers."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        super().set_state({name: value for name, value in sync_data.items() if value is not None})


def _circle(place: Place, pets: list[Pet], below: ipw.HTML) -> leaflet.CircleMarker:
    colour = STATUS_COLOURS[min((pet.status for pet in pets), key=REPORTED.index)]
    who = [", ".join(filter(None, [wording.name_of(pet), wording.status_of(pet), pet.breed])) for pet in pets[:_LISTED]]
    more = [f"and {len(pets) - _LISTED} more"] if len(pets) > _LISTED else []
    circle = leaflet.CircleMarker(
        location=(place.lat, place.lon), radius=10, color="#ffffff", weight=2, fill_color=colour, fill_opacity=0.9
    )

    def say(**_: object) -> None:  # no popup: closing one that was never opened is an error in the browser
        below.value = "".join(map(markup.line, [f"Near {wording.near(place)}:", *who, *more]))

    circle.on_click(say)
    return circle


def _view(places: list[Place]) -> tuple[tuple[float, float], int]:
    """The middle of the places, and a zoom at which all are seen."""
    if not places:
        return (20.0, 0.0), _WIDEST_ZOOM
    lats, lons = [place.lat for place in places], [place.lon for place in places]
    wide = math.cos(math.radians(sum(lats) / len(lats)))  # of a degree of longitude, as a share of one of latitude
    span = max((max(lats) - min(lats)) / max(wide, 0.1), max(lons) - min(lons), 0.02)
    zoom = math.floor(math.log2(_ROOM * 360 / (_WORLD * span)))
    return ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2), max(_WIDEST_ZOOM, min(zoom, _CLOSEST_ZOOM))
