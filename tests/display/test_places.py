"""Where pets are, as a figure: marks, names, the scale, and that nothing lies on anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.figures.places import plot_places
from petfinder.domain.errors import InvalidPet
from petfinder.domain.matches import Matches
from petfinder.domain.pets import Dog, Place, Status
from tests.display.conftest import check_texts_lie_apart_and_inside, photo, texts


def dog(pet_id: str, lat: float, lon: float, *, status: Status = Status.HOME) -> Dog:
    return Dog(pet_id=pet_id, name=pet_id.title(), place=(lat, lon), status=status)


def marks(figure: Figure) -> list[tuple[float, float, str, int]]:
    """Each pet's mark on the map: its middle in inches (from the left, from below), its colour, its corners."""
    figure.draw_without_rendering()
    found = []
    for mark in figure.axes[0].collections:
        colour, corners = to_hex(np.asarray(mark.get_facecolor())[0]), len(np.asarray(mark.get_paths()[0].vertices))
        for x, y in figure.axes[0].transData.transform(np.asarray(mark.get_offsets())) / figure.dpi:
            found.append((float(x), float(y), colour, corners))
    return found


FOUR = [
    dog("ana", 38.70, -9.10, status=Status.LOST),
    dog("bob", 38.80, -9.10, status=Status.FOUND),
    dog("cid", 38.75, -9.20),
    dog("dot", 38.75, -9.00, status=Status.REUNITED),
]


def test_every_place_has_its_name_and_mark_kilometres_are_equally_long_and_north_is_up() -> None:
    figure = plot_places(FOUR)
    (ana_x, ana_y, *_), (bob_x, bob_y, *_), (cid_x, _, *_), (dot_x, _, *_) = marks(figure)
    _, _, colours, corners = zip(*marks(figure), strict=True)

    for said in ("4 pets on the map", "Ana", "Bob", "Cid", "Dot", "lost: 1", "found: 1", "at home: 1", "reunited: 1"):
        assert said in texts(figure)
    assert (len(set(colours)), len(set(corners))) == (4, 4)  # of its status
    northwards = Place(lat=38.70, lon=-9.10).km_to(Place(lat=38.80, lon=-9.10))
    eastwards = Place(lat=38.75, lon=-9.20).km_to(Place(lat=38.75, lon=-9.00))
    assert ana_x == pytest.approx(bob_x, abs=0.02)
    assert (bob_y - ana_y) / northwards > 0.1
    assert (bob_y - ana_y) / northwards == pytest.approx((dot_x - cid_x) / eastwards, rel=0.02)


def test_each_status_has_a_mark_and_a_colour_of_its_own() -> None:
    spread = [dog(status.value, 38.7, number / 10, status=status) for number, status in enumerate(Status)]
    _, _, colours, corners = zip(*marks(plot_places(spread)), strict=True)

    assert {*STATUS_COLOURS} == {*Status}
    assert len(set(colours)) == len(set(corners)) == len(Status)


def test_places_are_rounded_so_that_one_house_cannot_be_told_from_the_next() -> None:
    exact, rounded = plot_places([dog("ana", 38.7123, -9.1432)]), plot_places([dog("ana", 38.71, -9.14)])

    assert marks(exact) == marks(rounded)
    assert not any("38.71" in text for text in texts(exact))


def test_the_date_line_does_not_tear_neighbours_apart_and_the_poles_can_be_drawn_too() -> None:
    (one, *_), (other, *_) = marks(plot_places([dog("fiji", -17.0, 179.9), dog("samoa", -17.0, -179.9)]))[:2]

    assert 1 < other - one < 6
    for lat in (90.0, -90.0, 0.0):
        assert "2 pets on the map" in texts(plot_places([dog("a", lat, 10.0), dog("b", lat, -170.0)]))


def test_pets_at_one_place_share_a_mark_and_a_crowd_is_named_as_far_as_there_is_room() -> None:
    same = [dog(name, 38.7, -9.1) for name in ("ana", "bob", "cid")] + [dog("dot", 38.7, -9.1, status=Status.LOST)]
    crowd = [dog(f"dog number {number}", 38.7 + number % 10 / 100, -9.1 + number // 10 / 100) for number in range(100)]
    at_one, figure = plot_places(same), plot_places(crowd)

    assert ("Ana, Bob and 2 more" in texts(at_one), len(marks(at_one))) == (True, 2)  # one for each status
    check_texts_lie_apart_and_inside(figure)
    assert len(marks(figure)) == 100
    assert any("found no room." in text for text in texts(figure))


def test_matches_are_shown_around_where_the_search_was_centred_and_distances_are_counted_from(matches: Matches) -> None:
    figure = replace(matches, centre=Place(lat=38.7, lon=-9.2)).plot_places()
    shot = photo("a.jpg").model_copy(update={"place": Place(lat=38.7, lon=-9.2)})
    far = dog("ana", 41.1, -8.6)
    near = far.model_copy(update={"photos": (shot,)})

    assert {"searched from here", "Luigi, rex"} <= set(texts(figure))
    assert "searched from here" in texts(plot_places(matches, centre=(38.7, -9.2)))
    assert "searched from here" not in texts(plot_places([match.pet for match in matches]))
    with pytest.raises(InvalidPet):
        plot_places(matches, centre=(200.0, 0.0))
    for pet, distance in ((near, "0.5 km"), (far, "100 km")):
        written = texts(plot_places([pet], centre=(38.71, -9.21)))
        assert [text for text in written if text.endswith(" km")] == [distance]


def test_a_photos_place_counts_and_pets_without_one_are_counted() -> None:
    by_photo = Dog(pet_id="w", photos=[photo("a.jpg", taken_at=datetime(2026, 1, 1))])
    figure = plot_places([by_photo, Dog(pet_id="x"), Dog(pet_id="y")])

    assert {"1 pet on the map", "2 pets without a place."} <= set(texts(figure))
    assert "No pet here has a place" in texts(plot_places([]))
