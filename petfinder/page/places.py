"""A map to tap on that needs no tiles: a square of the earth in Web Mercator (EPSG:3857)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.filters import place_of
from petfinder.domain.pets import Pet, Place

SIDE = 328  # pixels of the map, which a browser must not scale: a tap comes as pixels
ZOOM, FARTHEST, NEAREST = 11, 2, 17
_TILE = 256
_MOST_LAT = 85.05
_EQUATOR_KM = 40_075.0
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 90, 360)


@dataclass(frozen=True)
class View:
    """A part of the earth, SIDE pixels each way around its centre."""

    centre: Place
    zoom: int = ZOOM

    @property
    def scale(self) -> float:
        """Pixels round the earth."""
        return float(_TILE * 2**self.zoom)

    @property
    def corner(self) -> tuple[float, float]:
        """The upper left corner, in pixels of the whole map."""
        x, y = self._pixels(self.centre)
        return x - SIDE / 2, y - SIDE / 2

    def _pixels(self, place: Place) -> tuple[float, float]:
        lat = math.radians(min(max(place.lat, -_MOST_LAT), _MOST_LAT))
        y = (1 - math.asinh(math.tan(lat)) / math.pi) / 2
        return (place.lon + 180) / 360 * self.scale, y * self.scale

    def at(self, place: Place) -> tuple[float, float]:
        """Where a place is on the map, in pixels."""
        (x, y), (left, top) = self._pixels(place), self.corner
        return round(x - left, 1), round(y - top, 1)

    def place(self, x: float, y: float) -> Place:
        """The place under a pixel of the map."""
        left, top = self.corner
        lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (top + y) / self.scale))))
        lon = ((left + x) / self.scale * 360) % 360 - 180
        return Place(lat=round(lat, 5), lon=round(lon, 5))

    def moved(self, right: float = 0, down: float = 0, nearer: int = 0) -> str:
        """The query of a view beside this one: so many halves of it, or so many steps of zoom, away."""
        there = self.place(SIDE / 2 * (1 + right), SIDE / 2 * (1 + down))
        return f"lat={there.lat}&lon={there.lon}&zoom={min(max(self.zoom + nearer, FARTHEST), NEAREST)}"

    def tiles(self) -> list[tuple[str, int, int]]:
        """The pictures of OpenStreetMap under the map: path, and pixels from the left and the top."""
        left, top = self.corner
        most = 2**self.zoom
        across = range(math.floor(left / _TILE), math.floor((left + SIDE) / _TILE) + 1)
        down = [y for y in range(math.floor(top / _TILE), math.floor((top + SIDE) / _TILE) + 1) if 0 <= y < most]
        placed = [(x, y, round(x * _TILE - left), round(y * _TILE - top)) for x in across for y in down]
        return [(f"{self.zoom}/{x % most}/{y}", right, under) for x, y, right, under in placed]

    def dots(self, pets: Iterable[Pet]) -> list[tuple[Pet, float, float]]:
        """The pets whose place is on the map, and where, in pixels."""
        placed = [(pet, *self.at(place)) for pet in pets if (place := place_of(pet))]
        return [(pet, x, y) for pet, x, y in placed if 0 <= x <= SIDE and 0 <= y <= SIDE]

    def grid(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Lines of longitude and of latitude, some five each way: pixels from the left, from the top, and degrees."""
        step = next(one for one in _STEPS if one >= 72 * SIDE / self.scale)
        middle = (self.centre.lon, self.centre.lat)
        lons, lats = ([(degree // step + number) * step for number in range(-6, 7)] for degree in middle)
        return (
            [(self.at(Place(lat=0, lon=lon))[0], lon) for lon in lons if abs(lon) <= 180],
            [(self.at(Place(lat=lat, lon=0))[1], lat) for lat in lats if abs(lat) < _MOST_LAT],
        )

    def bar(self) -> tuple[int, float]:
        """What a scale shows: pixels, and how many kilometres they are."""
        km = _EQUATOR_KM * math.cos(math.radians(self.centre.lat)) / self.scale * 100
        about = 10 ** math.floor(math.log10(km))
        length = max(step * about for step in (1, 2, 5) if step * about <= km)
        return round(100 * length / km), length


def view_of(asked: Mapping[str, str], centre: Place | None, pets: Iterable[Pet] = ()) -> View:
    """The view that an address or a form names, else that around `centre`, else amid the pets; raises InvalidQuery."""
    there = [centre] if centre else [place for pet in pets if (place := place_of(pet))]
    own = {"lat": median([one.lat for one in there] or [0]), "lon": median([one.lon for one in there] or [0])}
    lat, lon, zoom = (_number(asked.get(name) or own.get(name, ZOOM)) for name in ("lat", "lon", "zoom"))
    return View(Place(lat=lat, lon=lon), int(min(max(zoom, FARTHEST), NEAREST)))


def tapped(asked: Mapping[str, str]) -> Place | None:
    """The place that was tapped on a map, its centre for 0,0 (a keyboard); None where none was; raises InvalidQuery."""
    if "at.x" not in asked or "at.y" not in asked:
        return None
    x, y = (min(max(_number(asked[name]), 0), SIDE) for name in ("at.x", "at.y"))
    return view_of(asked, None).place(*((x, y) if x or y else (SIDE / 2, SIDE / 2)))


def _number(text: str | float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    raise InvalidQuery("the map could not be read; please tap once more")
