"""Where pets are, as a figure: home, lost and found, told apart by colour and shape, around the search's centre.

Places are shown to 0.01 degree (about 1 km), on a plane whose squares are equally many kilometres wide and high.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.figures.style import GROUND, INK, MARGIN, drawable, headed_figure, in_own_style, write
from petfinder.domain.filters import places_of
from petfinder.domain.matches import Matches
from petfinder.domain.pets import EARTH_RADIUS_KM, AnyPlace, Pet, Photo, Place, Status
from petfinder.domain.values import check_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Spot = tuple[float, float]  # kilometres east and north of the map's middle

_MAP, _LOWEST, _LEGEND = 6.4, 3.6, 2.0  # inches: how wide the map is, how low it may become, room for the legend
_LEAST_KM = 2.0
_MARK = 14  # points across
_NAMED = 60  # places that are tried to be named; more would hide the map
_BESIDE = (
    (_MARK, 0, "left", "center"),
    (-_MARK, 0, "right", "center"),
    (0, -11, "center", "top"),
    (0, 11, "center", "bottom"),
)
_MARKERS = {Status.LOST: "^", Status.FOUND: "s", Status.SIGHTED: "X", Status.HOME: "o", Status.REUNITED: "p"}


@in_own_style
def plot_places(pets: Iterable[Pet] | Matches, *, centre: AnyPlace | None = None) -> Figure:
    """Draw a map without tiles: where each pet is, with its name and status, and a scale in km.

    Of a pet's places the first is shown; with a centre the nearest, from which distances are counted.
    `centre` is where the search was made from; matches know theirs. Raises InvalidPet for a centre that is no place,
    ConfigError where matplotlib is missing.
    """
    check_kind(pets, Iterable, "pets or matches are drawn")
    shown = [match.pet for match in pets] if isinstance(pets, Matches) else list(pets)
    middle = Photo(place=centre or (pets.centre if isinstance(pets, Matches) else None)).place
    by_place: dict[Place, list[Pet]] = defaultdict(list)
    for pet in shown:
        check_kind(pet, Pet, "pets or matches are drawn")
        if places := places_of(pet):
            by_place[(min(places, key=middle.rounded().km_to) if middle else places[0]).rounded()].append(pet)
    centres = [middle.rounded()] if middle else []
    spots = _spots([*by_place, *centres])
    far_east, far_north = np.abs([*spots.values(), (0.0, 0.0)]).max(axis=0)
    wide = max(2.4 * far_east, 2.4 * far_north, _LEAST_KM)
    high = max(2.4 * far_north, wide * _LOWEST / _MAP)
    step = _round_step(1.2 * wide / _MAP)
    placed = sum(map(len, by_place.values()))
    figure = headed_figure(
        2 * MARGIN + _MAP + _LEGEND,
        high / wide * _MAP + 0.5,
        title=f"{wording.counted(placed, 'pet')} on the map" if placed else "No pet here has a place",
        about=f"North is up; a square is {step:g} km wide. Places are shown to about 1 km.",
    )
    axes = figure.subplots()
    _draw_squares(axes, wide, high, step)
    at_spots = {spots[place]: at_place for place, at_place in by_place.items()}
    marks = [*_draw_pets(axes, at_spots, wide), *(spots[place] for place in centres)]
    if centres:
        axes.plot(*marks[-1], "P", color=INK, markersize=19, markeredgecolor="white", label="searched from here")
    if marks:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), frameon=False, fontsize=10.5, labelspacing=0.9)
    figure.draw_without_rendering()  # names are measured where the layout has put the marks
    figure.set_layout_engine("none")
    unnamed = _draw_names(axes, at_spots, marks)
    left_out = [f"{wording.counted(unnamed, 'name')} found no room."] if unnamed else []
    left_out += [f"{wording.counted(len(shown) - placed, 'pet')} without a place."] if len(shown) > placed else []
    write(figure, MARGIN, 0.15, " ".join(left_out), room=_MAP + _LEGEND, fontsize=8.5)
    return figure


def _spots(places: Sequence[Place]) -> dict[Place, Spot]:
    """Where each place lies about the middle of all, the shorter way round the earth."""
    if not places:
        return {}
    east = (np.array([place.lon for place in places]) - places[0].lon + 180) % 360 - 180
    north = np.array([place.lat for place in places])
    a_degree = math.radians(1) * EARTH_RADIUS_KM
    middle = (north.min() + north.max()) / 2
    x = (east - (east.min() + east.max()) / 2) * a_degree * math.cos(math.radians(middle))
    return dict(zip(places, zip(x.tolist(), ((north - middle) * a_degree).tolist(), strict=True), strict=True))


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= rough)


def _draw_squares(axes: Axes, wide: float, high: float, step: float) -> None:
    """Squares of a round number of kilometres, and a bar below the map that long."""
    axes.set_aspect("equal", anchor="NW")
    axes.set(xlim=(-wide / 2, wide / 2), ylim=(-high / 2, high / 2), facecolor=GROUND, axisbelow=True)
    for axis, long in ((axes.xaxis, wide), (axes.yaxis, high)):
        axis.set_ticks(np.arange(-math.floor(long / 2 / step), math.floor(long / 2 / step) + 1) * step, [])
    axes.grid(color="white")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    left, below = -wide / 2, axes.get_xaxis_transform()
    axes.plot([left, left + step], [-0.03, -0.03], color=INK, linewidth=2.5, transform=below, clip_on=False)
    axes.text(left + step * 1.1, -0.03, f"{step:g} km", transform=below, va="center")


def _draw_pets(axes: Axes, at_spots: Mapping[Spot, Sequence[Pet]], wide: float) -> list[Spot]:
    """A mark for each status at each spot, side by side; returns where they lie."""
    counts = Counter(pet.status for pets in at_spots.values() for pet in pets)
    apart = _MARK / 72 * wide / _MAP
    marks: dict[Status, list[Spot]] = defaultdict(list)
    for (east, north), pets in at_spots.items():
        statuses = [status for status in _MARKERS if any(pet.status is status for pet in pets)]
        for number, status in enumerate(statuses):
            marks[status].append((east + (number - (len(statuses) - 1) / 2) * apart, north))
    for status in filter(counts.__getitem__, _MARKERS):
        x, y = np.transpose(marks[status])
        look: dict[str, Any] = {"color": STATUS_COLOURS[status], "edgecolors": "white", "zorder": 3}
        label = f"{wording.status_word(status)}: {counts[status]:,}"
        axes.scatter(x, y, _MARK**2, marker=_MARKERS[status], label=label, **look)
    return [mark for of_status in marks.values() for mark in of_status]


def _draw_names(axes: Axes, at_spots: Mapping[Spot, Sequence[Pet]], marks: Sequence[Spot]) -> int:
    """Each spot's names beside its mark, where they fit without lying on anything; returns how many names did not."""
    from matplotlib.transforms import Bbox

    half, unnamed = _MARK / 72 * axes.figure.dpi / 2, 0
    occupied = [Bbox([middle - half, middle + half]) for middle in map(axes.transData.transform, marks)]
    for number, (spot, pets) in enumerate(at_spots.items()):
        named = ", ".join(wording.clip(wording.name_of(pet), 22) for pet in pets[:2])
        said = drawable(named + (f" and {len(pets) - 2} more" if len(pets) > 2 else ""))
        for across, up, ha, va in _BESIDE if number < _NAMED else ():
            name = axes.annotate(said, spot, (across, up), textcoords="offset points", ha=ha, va=va)
            box = name.get_window_extent()
            if all(axes.bbox.contains(*corner) for corner in (box.min, box.max)) and not box.count_overlaps(occupied):
                occupied.append(box)
                break
            name.remove()
        else:
            unnamed += len(pets)
    return unnamed
