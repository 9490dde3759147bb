"""Where pets are, as a figure: home, lost and found, told apart by colour and shape, around the search's centre.

Places are shown to 0.01 degree (about 1 km), on a plane whose squares are equally many kilometres wide and high.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.figures.style import GROUND, INK, MARGIN, drawable, headed_figure, in_own_style, write
from petfinder.domain.filters import places_of
from petfinder.domain.matches import Matches
from petfinder.domain.pets import EARTH_RADIUS_KM, Pet, Place, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAP, _LOWEST, _LEGEND = 6.4, 3.6, 2.0  # inches: how wide the map is, how low it may become, room for the legend
_LEAST_KM = 2.0
_MARK = 14  # points across
_NAMED = 60  # places that are tried to be named; more would hide the map
_BESIDE = (
    ((14, 0), "left", "center"),
    ((-14, 0), "right", "center"),
    ((0, -11), "center", "top"),
    ((0, 11), "center", "bottom"),
)
_KM_A_DEGREE = math.radians(1) * EARTH_RADIUS_KM
_MARKERS = {Status.LOST: "^", Status.FOUND: "s", Status.HOME: "o", Status.REUNITED: "p"}


@in_own_style
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
    plane = _plane([*by_place, *([middle] if middle else [])])
    placed = sum(map(len, by_place.values()))
    step = _round_step(1.2 * plane.wide / _MAP)
    figure = headed_figure(
        2 * MARGIN + _MAP + _LEGEND,
        plane.high / plane.wide * _MAP + 2.3,
        title=f"{wording.counted(placed, 'pet')} on the map" if placed else "No pet here has a place",
        about=f"North is up; a square is {step:g} km wide. Places are shown to about 1 km.",
    )
    axes = figure.subplots()
    _draw_plane(axes, plane, step)
    marks = _draw_pets(axes, plane, by_place)
    if middle:
        marks.append(plane.at(middle))
        axes.plot(*marks[-1], "P", color=INK, markersize=19, markeredgecolor="white", label="searched from here")
    if marks:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), frameon=False, fontsize=10.5, labelspacing=0.9)
    figure.draw_without_rendering()  # names are measured where the layout has put the marks
    figure.set_layout_engine("none")
    unnamed = _draw_names(axes, plane, by_place, marks)
    left_out = [f"{wording.counted(unnamed, 'name')} found no room."] if unnamed else []
    left_out += [f"{wording.counted(len(shown) - placed, 'pet')} without a place."] if len(shown) > placed else []
    write(figure, MARGIN, 0.15, " ".join(left_out), room=_MAP + _LEGEND, fontsize=8.5)
    return figure


def _centre(pets: Iterable[Pet] | Matches, given: Place | tuple[float, float] | None) -> Place | None:
    if given is not None:
        return (given if isinstance(given, Place) else Place(lat=given[0], lon=given[1])).rounded()
    return pets.centre if isinstance(pets, Matches) else None


def _shown_place(pet: Pet, middle: Place | None) -> Place:
    places = places_of(pet)
    return (min(places, key=middle.km_to) if middle else places[0]).rounded()


class _Plane(NamedTuple):
    """Kilometres east and north of a middle, and how many of them the map is wide and high."""

    lat: float
    lon: float
    wide: float
    high: float

    def at(self, place: Place) -> tuple[float, float]:
        """Kilometres east and north of the middle, the shorter way round the earth."""
        east = (place.lon - self.lon + 180) % 360 - 180
        return east * _KM_A_DEGREE * math.cos(math.radians(self.lat)), (place.lat - self.lat) * _KM_A_DEGREE


def _plane(places: Sequence[Place]) -> _Plane:
    """The plane whose map holds all places, as large as it goes."""
    places = places or [Place(lat=0, lon=0)]
    first = places[0]
    easts = [(place.lon - first.lon + 180) % 360 - 180 for place in places]
    lats = [place.lat for place in places]
    plane = _Plane((min(lats) + max(lats)) / 2, first.lon + (min(easts) + max(easts)) / 2, 0, 0)
    far_east, far_north = np.abs([plane.at(place) for place in places]).max(axis=0)
    wide = max(2.4 * far_east, 2.4 * far_north, _LEAST_KM)
    high = min(max(2.4 * far_north, wide * _LOWEST / _MAP), wide)
    return plane._replace(wide=wide, high=high)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= rough)


def _draw_plane(axes: Axes, plane: _Plane, step: float) -> None:
    """Squares of a round number of kilometres, and a bar below the map that long."""
    axes.set_aspect("equal", anchor="NW")
    axes.set(xlim=(-plane.wide / 2, plane.wide / 2), ylim=(-plane.high / 2, plane.high / 2), facecolor=GROUND)
    for axis, long in ((axes.xaxis, plane.wide), (axes.yaxis, plane.high)):
        most = math.floor(long / 2 / step)
        axis.set_ticks([number * step for number in range(-most, most + 1)], [])
    axes.grid(color="white")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    left, below = -plane.wide / 2, axes.get_xaxis_transform()
    axes.plot([left, left + step], [-0.03, -0.03], color=INK, linewidth=2.5, transform=below, clip_on=False)
    axes.text(left + step * 1.1, -0.03, f"{step:g} km", transform=below, va="center")


def _draw_pets(axes: Axes, plane: _Plane, by_place: Mapping[Place, Sequence[Pet]]) -> list[tuple[float, float]]:
    """A mark for each status at each place, side by side; returns where they lie, in kilometres."""
    counts = Counter(pet.status for pets in by_place.values() for pet in pets)
    apart = _MARK / 72 * plane.wide / _MAP
    marks: dict[Status, list[tuple[float, float]]] = defaultdict(list)
    for place, pets in by_place.items():
        statuses = [status for status in _MARKERS if any(pet.status is status for pet in pets)]
        east, north = plane.at(place)
        for number, status in enumerate(statuses):
            marks[status].append((east + (number - (len(statuses) - 1) / 2) * apart, north))
    for status in filter(counts.__getitem__, _MARKERS):
        x, y = np.transpose(marks[status])
        look: dict[str, Any] = {"color": STATUS_COLOURS[status], "edgecolors": "white", "zorder": 3}
        label = f"{wording.status_word(status)}: {counts[status]:,}"
        axes.scatter(x, y, _MARK**2, marker=_MARKERS[status], label=label, **look)
    return [mark for at_status in marks.values() for mark in at_status]


def _draw_names(
    axes: Axes,
    plane: _Plane,
    by_place: Mapping[Place, Sequence[Pet]],
    marks: Sequence[tuple[float, float]],
) -> int:
    """Each place's names beside its mark, where they fit without lying on anything; returns how many names did not."""
    from matplotlib.transforms import Bbox

    half, unnamed = _MARK / 72 * axes.figure.dpi / 2, 0
    occupied = [Bbox([middle - half, middle + half]) for middle in map(axes.transData.transform, marks)]
    for number, (place, pets) in enumerate(by_place.items()):
        named = ", ".join(wording.clip(wording.name_of(pet), 22) for pet in pets[:2])
        said = drawable(named + (f" and {len(pets) - 2} more" if len(pets) > 2 else ""))
        for offset, ha, va in _BESIDE if number < _NAMED else ():
            name = axes.annotate(said, plane.at(place), offset, textcoords="offset points", ha=ha, va=va)
            box = name.get_window_extent()
            if all(axes.bbox.contains(*corner) for corner in (box.min, box.max)) and not box.count_overlaps(occupied):
                occupied.append(box)
                break
            name.remove()
        else:
            unnamed += len(pets)
    return unnamed
