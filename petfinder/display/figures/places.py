"""Where pets are, as a figure: home, lost and found, told apart by colour and shape, around the search's centre.

Places are shown to 0.01 degree (about 1 km), on a plane whose squares are equally many kilometres wide and high.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.figures.sheet import GROUND, INK, QUIET, Sheet, new_sheet
from petfinder.domain.filters import places_of
from petfinder.domain.matches import Matches
from petfinder.domain.pets import EARTH_RADIUS_KM, Pet, Place, Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARGIN, _HEAD, _FOOT, _LEGEND = 0.5, 1.2, 0.85, 2.0  # inches, as all that follows
_MAP, _LOWEST = 6.4, 3.6  # how wide the map is; how low it may become
_DOT, _PAD, _LETTERS = 0.11, 0.03, 9.0
_LEAST_KM = 2.0
_NAMED = 60  # places that are tried to be named; more would hide the map
_KM_A_DEGREE = math.radians(1) * EARTH_RADIUS_KM
_CORNERS = {Status.LOST: 3, Status.FOUND: 4, Status.HOME: 32, Status.REUNITED: 5}


class _Frame(NamedTuple):
    """A rectangle on the sheet in inches."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Frame) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: _Frame) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class _Plane:
    """Degrees to inches: equal kilometres are equally long in both directions, north is up."""

    middle: Place
    inches_a_km: float
    frame: _Frame

    def at(self, place: Place) -> tuple[float, float]:
        east, north = _km_from(self.middle, place)
        centre = (self.frame.left + self.frame.right) / 2, (self.frame.top + self.frame.bottom) / 2
        return centre[0] + east * self.inches_a_km, centre[1] - north * self.inches_a_km


def plot_places(pets: Iterable[Pet] | Matches, *, centre: Place | tuple[float, float] | None = None) -> Figure:
    """A map without tiles: where each pet is, with its name and status, and a scale in km.

    Of a pet's place and its photos' the first is shown; with a centre the nearest, from which distances are counted.
    `centre` is where the search was made from; matches know theirs. Raises InvalidPet for a centre that is no place,
    ConfigError where matplotlib is missing.
    """
    shown = [match.pet for match in pets] if isinstance(pets, Matches) else list(pets)
    middle = _centre(pets, centre)
    by_place: dict[Place, list[Pet]] = defaultdict(list)
    for pet in shown:
        if places_of(pet):
            by_place[_shown_place(pet, middle)].append(pet)
    plane, sheet = _laid_out([*by_place, *([middle] if middle else [])])
    placed = sum(map(len, by_place.values()))
    title = f"{wording.counted(placed, 'pet')} on the map" if placed else "No pet here has a place"
    sheet.write(title, _MARGIN, 0.62, size=17, room=sheet.width - 2 * _MARGIN, weight="bold")
    step = _draw_squares(sheet, plane)
    taken = [_cross(sheet, plane.at(middle))] if middle else []
    taken += [_draw_marks(sheet, plane.at(place), at_place) for place, at_place in by_place.items()]
    unnamed = _draw_names(sheet, plane, by_place, taken)
    _draw_legend(
        sheet, [pet for at_place in by_place.values() for pet in at_place], plane.frame, centre=middle is not None
    )
    rounded = f"North is up; a square is {step:g} km wide. Places are shown to about 1 km."
    sheet.write(rounded, _MARGIN, 0.95, size=11, room=sheet.width - 2 * _MARGIN, colour=QUIET)
    left_out = [f"{wording.counted(unnamed, 'name')} found no room."] if unnamed else []
    left_out += [f"{wording.counted(len(shown) - placed, 'pet')} without a place."] if len(shown) > placed else []
    sheet.write(" ".join(left_out), _MARGIN, sheet.height - 0.3, size=8.5, room=sheet.width - 2 * _MARGIN, colour=QUIET)
    return sheet.figure


def _centre(pets: Iterable[Pet] | Matches, given: Place | tuple[float, float] | None) -> Place | None:
    if given is not None:
        return (given if isinstance(given, Place) else Place(lat=given[0], lon=given[1])).rounded()
    return pets.centre if isinstance(pets, Matches) else None


def _shown_place(pet: Pet, middle: Place | None) -> Place:
    places = places_of(pet)
    return (min(places, key=middle.km_to) if middle else places[0]).rounded()


def _km_from(middle: Place, place: Place) -> tuple[float, float]:
    """Kilometres east and north of the middle, the shorter way round the earth."""
    degrees_east = (place.lon - middle.lon + 180) % 360 - 180
    return (
        degrees_east * _KM_A_DEGREE * math.cos(math.radians(middle.lat)),
        (place.lat - middle.lat) * _KM_A_DEGREE,
    )


def _laid_out(places: Sequence[Place]) -> tuple[_Plane, Sheet]:
    """A sheet whose map holds all places, as large as it goes."""
    first = places[0] if places else Place(lat=0, lon=0)
    offsets = [_km_from(first, place) for place in places] or [(0.0, 0.0)]
    east, north = ([offset[axis] for offset in offsets] for axis in (0, 1))
    lat = first.lat + (min(north) + max(north)) / 2 / _KM_A_DEGREE
    a_degree = _KM_A_DEGREE * max(math.cos(math.radians(first.lat)), 0.01)
    lon = (first.lon + (min(east) + max(east)) / 2 / a_degree + 180) % 360 - 180
    middle = Place(lat=min(max(lat, -90.0), 90.0), lon=lon)
    offsets = [_km_from(middle, place) for place in places] or [(0.0, 0.0)]
    wide, high = (max(2.4 * max(abs(offset[axis]) for offset in offsets), _LEAST_KM) for axis in (0, 1))
    map_height = min(max(_MAP * high / wide, _LOWEST), _MAP)
    frame = _Frame(_MARGIN, _HEAD, _MARGIN + _MAP, _HEAD + map_height)
    sheet = new_sheet(frame.right + 0.3 + _LEGEND + _MARGIN, frame.bottom + _FOOT)
    return _Plane(middle, min(_MAP / wide, map_height / high), frame), sheet


def _draw_squares(sheet: Sheet, plane: _Plane) -> float:
    """Squares of a round number of kilometres behind the map; returns that number."""
    frame = plane.frame
    sheet.fill(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top, GROUND)
    rough = 1.2 / plane.inches_a_km
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(part * power for part in (1, 2, 5, 10) if part * power >= rough)
    inches = step * plane.inches_a_km
    for start, end, upright in ((frame.left, frame.right, True), (frame.top, frame.bottom, False)):
        middle = (start + end) / 2
        each = range(math.ceil((start - middle) / inches), math.floor((end - middle) / inches) + 1)
        for line in (middle + number * inches for number in each):
            if upright:
                sheet.fill(line, frame.top, 0.01, frame.bottom - frame.top, "white")
            else:
                sheet.fill(frame.left, line, frame.right - frame.left, 0.01, "white")
    y = frame.bottom + 0.14
    sheet.fill(frame.left, y, inches, 0.035, INK)
    sheet.write(f"{step:g} km", frame.left + inches + 0.1, y + 0.07, size=_LETTERS, room=1.2)
    return step


def _mark(sheet: Sheet, status: Status, x: float, y: float) -> None:
    colour, corners = STATUS_COLOURS[status], _CORNERS[status]
    size = _DOT * (1.25 if corners in (3, 4) else 1.0)
    turn = math.pi / 4 if corners == 4 else -math.pi / 2
    around = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    sheet.shape([(x + size * math.cos(angle), y + size * math.sin(angle)) for angle in around], colour)


def _draw_marks(sheet: Sheet, at: tuple[float, float], pets: Sequence[Pet]) -> _Frame:
    """A mark for each status at one place, side by side."""
    statuses = [status for status in _CORNERS if any(pet.status is status for pet in pets)]
    left = at[0] - (len(statuses) - 1) * _DOT
    for number, status in enumerate(statuses):
        _mark(sheet, status, left + number * 2 * _DOT, at[1])
    return _Frame(left - _DOT, at[1] - _DOT, left + (2 * len(statuses) - 1) * _DOT, at[1] + _DOT)


def _cross(sheet: Sheet, at: tuple[float, float]) -> _Frame:
    """What marks the centre: a cross, which no pet has."""
    far, near = 0.15, 0.045
    quarter = [(-near, -far), (near, -far), (near, -near), (far, -near), (far, near), (near, near)]
    corners = [*quarter, *((-across, -down) for across, down in quarter)]
    sheet.shape([(at[0] + across, at[1] + down) for across, down in corners], INK)
    return _Frame(at[0] - far, at[1] - far, at[0] + far, at[1] + far)


def _draw_names(sheet: Sheet, plane: _Plane, by_place: Mapping[Place, Sequence[Pet]], taken: Sequence[_Frame]) -> int:
    """Each place's names beside its mark, where they fit without lying on anything; returns how many names did not."""
    occupied, unnamed = list(taken), 0
    for number, (place, pets) in enumerate(by_place.items()):
        named = ", ".join(wording.clip(wording.name_of(pet), 22) for pet in pets[:2])
        said = named + (f" and {len(pets) - 2} more" if len(pets) > 2 else "")
        frame = _room_for(sheet, plane, place, said, occupied) if number < _NAMED else None
        if frame is None:
            unnamed += len(pets)
            continue
        occupied.append(frame)
        sheet.write(said, frame.left + _PAD, frame.bottom - 0.05, size=_LETTERS, room=_MAP)
    return unnamed


def _room_for(sheet: Sheet, plane: _Plane, place: Place, said: str, occupied: Sequence[_Frame]) -> _Frame | None:
    """The first free place for a name: right of the mark, left, below, above."""
    x, y = plane.at(place)
    wide, tall, away = sheet.width_of(said, size=_LETTERS, room=_MAP) + 2 * _PAD, 0.19, 2 * _DOT
    corners = [
        (x + away, y - tall / 2),
        (x - away - wide, y - tall / 2),
        (x - wide / 2, y + away / 2 + 0.04),
        (x - wide / 2, y - away / 2 - 0.04 - tall),
    ]
    frames = [_Frame(left, top, left + wide, top + tall) for left, top in corners]
    return next(
        (frame for frame in frames if plane.frame.holds(frame) and not any(map(frame.meets, occupied))),
        None,
    )


def _draw_legend(sheet: Sheet, pets: Sequence[Pet], frame: _Frame, *, centre: bool) -> None:
    """Right of the map: each status that is there, and how many pets have it."""
    counts = Counter(pet.status for pet in pets)
    x, y = frame.right + 0.4, frame.top + 0.2
    for status in (status for status in _CORNERS if counts[status]):
        _mark(sheet, status, x, y)
        sheet.write(
            f"{wording.status_word(status)}: {counts[status]:,}", x + 0.25, y + 0.05, size=10.5, room=_LEGEND - 0.3
        )
        y += 0.34
    if centre:
        _cross(sheet, (x, y))
        sheet.write("searched from here", x + 0.25, y + 0.05, size=10.5, room=_LEGEND - 0.3)
