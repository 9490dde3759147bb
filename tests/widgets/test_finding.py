"""Looking for a pet in a notebook: by photo, page by page, on the map."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone

import ipyleaflet
import pytest

import petfinder as pf
from petfinder.domain.text import install_line
from petfinder.page.desk import Desk
from petfinder.page.widgets.map import MapPanel
from petfinder.page.widgets.page import SECTIONS, Front
from petfinder.page.widgets.search import BrowsePanel, FindPanel
from tests.display.test_gallery import HOSTILE, Reader
from tests.widgets.conftest import (
    CONTACT,
    NEARLY_RED,
    RED,
    buttons,
    chosen,
    inside,
    opened,
    press,
    section,
    states,
    text_of,
)


@pytest.fixture
def found(front: Front) -> FindPanel:
    """The section in which a photo, almost Luigi's, was searched with."""
    panel = section(front, FindPanel)
    panel.upload.button.value = (chosen(NEARLY_RED),)
    return panel


def test_front_page_shows_each_section_under_its_heading(registry: pf.Registry) -> None:
    widget = pf.front_page(registry)
    ways = next(one for one in inside(widget) if hasattr(one, "options"))

    assert list(ways.options) == list(SECTIONS)
    for name in SECTIONS:
        ways.value = name
        said = text_of(widget)
        assert [each for each in SECTIONS if f"<h2>{each}</h2>" in said] == [name]
        assert 'role="alert"' not in said


def test_a_photo_is_searched_at_once_and_shown_beside_the_best_match(found: FindPanel) -> None:
    said = text_of(found.answer)

    assert "Your photo" in said
    assert said.index("Luigi") < said.index("Bella")
    assert "4 pets with 4 photos searched" in said
    assert not found.upload.button.disabled
    assert 'role="' not in found.messages.widget.value


def test_place_and_time_of_a_search_count_and_what_is_no_place_is_said(found: FindPanel) -> None:
    found.place.value, found.at.value = "by the church", datetime(2026, 10, 2, 14, tzinfo=timezone.utc)
    press(found.widget, "Search")
    assert "latitude, longitude in degrees" in found.messages.widget.value
    assert not found.button.disabled

    found.place.value = "38.71, -9.14"
    press(found.widget, "Search")
    assert 'role="alert"' not in text_of(found.widget)
    assert "km" in text_of(found.answer)


def test_a_file_that_is_no_picture_is_named_and_the_photos_before_are_not_kept(front: Front) -> None:
    panel = section(front, FindPanel)
    panel.upload.button.value = (chosen(RED),)
    assert text_of(panel.upload.widget).count("data:image/jpeg") == 1

    panel.upload.button.value = (chosen(RED), chosen(name="notes<b>.jpg", content=b"not a picture"))

    assert "Notes&lt;b&gt;.jpg is not a picture" in panel.messages.widget.value.replace("notes", "Notes")
    assert panel.upload.uploads == []
    assert "data:image" not in text_of(panel.upload.widget)
    press(panel.widget, "Search")
    assert "at least one photo" in panel.messages.widget.value


def test_a_match_leads_to_its_pet_to_who_to_call_to_others_like_it_and_back(front: Front, found: FindPanel) -> None:
    press(found.answer, "Details")
    assert "Jack Russell" in text_of(front.widget)
    assert not any(contact in states() for contact in CONTACT)
    press(front.widget, "Who to call")
    assert all(contact in text_of(front.widget) for contact in CONTACT)
    press(front.widget, "More like this")
    assert not any(contact in states() for contact in CONTACT)
    choice = next(one for one in inside(front.panel.answer) if hasattr(one, "options"))
    choice.value = ("dog", "bella")
    press(front.panel.answer, "Details")
    press(front.widget, "Who to call")
    assert "Nobody to call is registered" in text_of(front.widget)
    press(front.widget, "← Back")
    assert "Jack Russell" in text_of(front.widget)
    press(front.widget, "← Back")
    assert front.panel is found
    assert "Luigi" in text_of(found.answer)


def test_who_leaves_a_pet_leaves_no_contact_behind(front: Front) -> None:
    press(opened(front).widget, "Who to call")
    front.ways.value = BrowsePanel.title
    assert not any(contact in states() for contact in CONTACT)


def test_a_pet_that_somebody_else_removed_is_said_to_be_gone(front: Front, registry: pf.Registry) -> None:
    registry.dogs.remove("luigi")

    assert "luigi" in opened(front).messages.widget.value
    assert 'role="alert"' in front.panel.messages.widget.value


def test_all_pets_go_by_pages_of_48_and_back(front: Front, registry: pf.Registry) -> None:
    registry.dogs.register_many([pf.Dog(pet_id=f"d{number:03}") for number in range(97)], progress=False)
    panel = section(front, BrowsePanel)
    choice = [one for one in inside(panel.answer) if hasattr(one, "options")]

    assert panel.where_we_are.value == "page 1 of 3, 100 dogs"
    assert len(choice[0].options) == 48
    assert panel.back.disabled
    press(panel.widget, "Next")
    press(panel.widget, "Next")
    assert panel.where_we_are.value == "page 3 of 3, 100 dogs"
    assert panel.next.disabled
    press(panel.widget, "Previous")
    assert panel.where_we_are.value == "page 2 of 3, 100 dogs"
    panel.status.value = "lost"
    assert panel.where_we_are.value == "page 1 of 1, 1 dog"
    assert "Luigi" in text_of(panel.answer)
    panel.status.value, panel.breed.value = "", " beagle "
    assert "Bella" in text_of(panel.answer)
    panel.species.value = "cat"
    assert panel.where_we_are.value == "page 1 of 1, 0 cats"
    assert buttons(panel.answer, "Details") == []


def test_the_map_has_circles_at_rounded_places_which_say_who_is_there(registry: pf.Registry) -> None:
    registry.cats.report_found(pf.Cat(pet_id="stray", place=(38.713, -9.144)))
    for tiles in (False, True):
        front = Front(Desk(registry), tiles=tiles)
        panel = section(front, MapPanel)
        shown = next(one for one in inside(panel.widget) if isinstance(one, ipyleaflet.Map))
        kinds = [type(layer) for layer in shown.layers]
        assert kinds == [ipyleaflet.TileLayer] * tiles + [ipyleaflet.CircleMarker]
        assert shown.attribution_control is tiles

    [circle] = [layer for layer in shown.layers if isinstance(layer, ipyleaflet.CircleMarker)]
    assert circle.location == [38.71, -9.14]
    circle._handle_mouse_events(None, {"event": "interaction", "type": "click"}, None)
    assert "Luigi, lost, Jack Russell" in text_of(panel.widget)
    assert "stray, found" in text_of(panel.widget)
    shown.set_state({"east": None, "north": None, "zoom": 5.0})  # out of sight it has no bounds: no error
    assert shown.zoom == 5.0
    press(panel.widget, "Details")
    assert "Jack Russell" in text_of(front.widget)


def test_hostile_names_show_as_text_everywhere(front: Front, registry: pf.Registry) -> None:
    owner = pf.Owner(name=HOSTILE, phone=HOSTILE)
    registry.dogs.update("luigi", name=HOSTILE, breed=HOSTILE, note=HOSTILE, owner=owner)
    shown: list[str] = []
    for name in SECTIONS:
        front.ways.value = name
        shown.append(text_of(front.widget))
    section(front, FindPanel).upload.button.value = (chosen(name=HOSTILE + ".jpg"),)
    shown.append(text_of(front.widget))
    press(opened(front).widget, "Who to call")
    shown.append(text_of(front.widget))

    read = [Reader(one) for one in shown]
    assert any("<script>alert(1)</script>" in "".join(page.text) for page in read)
    assert "script" not in {tag for page in read for tag, _, _ in page.attributes}
    assert not [name for page in read for _, name, _ in page.attributes if name.startswith("on")]


def test_an_unexpected_error_is_said_and_raised(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of <paper>")

    monkeypatch.setattr("petfinder.page.desk.Desk.of", broken)

    with pytest.raises(RuntimeError):
        section(front, BrowsePanel)
    assert "RuntimeError: out of &lt;paper&gt;" in front.panel.messages.widget.value


@pytest.mark.parametrize("missing", ["ipywidgets", "ipyleaflet"])
def test_a_missing_package_is_named_with_its_pip_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import petfinder as pf\n"
        "try: pf.front_page(pf.connect(':memory:', encoder=None))\n"
        "except pf.ConfigError as error: print(error)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert f"widgets need {missing}: {install_line('notebook')}" in said
