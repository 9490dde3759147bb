"""Looking for a pet on the page: by photo, by words, page by page, on the map."""

from __future__ import annotations

from datetime import date

import ipyleaflet
import pytest

import petfinder as pf
from petfinder.domain.verdicts import Quantiles
from petfinder.page import widgets
from petfinder.page.desk import Desk
from petfinder.page.widgets.map import MapPanel
from petfinder.page.widgets.page import SECTIONS, Front
from petfinder.page.widgets.register import StrayPanel
from petfinder.page.widgets.search import BrowsePanel, FindPanel, WordsPanel
from tests.test_desk import TextEncoder
from tests.widgets.conftest import (
    BLUE,
    NEARLY_RED,
    RED,
    Sent,
    buttons,
    chosen,
    inside,
    jpeg,
    opened,
    press,
    section,
    text_of,
)


@pytest.fixture
def found(front: Front) -> FindPanel:
    """The section in which a photo, almost Luigi's, was searched with."""
    panel = section(front, FindPanel)
    panel.upload.button.value = (chosen(NEARLY_RED),)
    return panel


def test_the_page_says_whose_it_is_what_is_registered_and_offers_its_ways(registry: pf.Registry) -> None:
    front = Front(Desk(registry), greeting="Shelter <Lisbon>, +351 555 0100")
    said = text_of(front.widget)

    assert "Shelter &lt;Lisbon&gt;, +351 555 0100" in said
    assert "<h1>petfinder</h1>" in said
    assert "4 pets registered, 1 lost" in said
    assert [label for label, _ in front.ways.options] == list(SECTIONS)
    assert front.species.options == (("Dogs", "dog"), ("Cats", "cat"))
    assert "<h2>Find by photo</h2>" in said
    assert "Passphrase" not in said
    assert not buttons(front.widget, "Lock")


def test_a_photo_is_searched_at_once_and_shown_beside_the_best_match(found: FindPanel) -> None:
    said = text_of(found.answer)

    assert "Your photo" in said
    assert said.index("Luigi") < said.index("Bella")
    assert "lost" in said
    assert "no date in it, no place in it" in text_of(found.widget)
    assert [len(buttons(found.answer, label)) for label in ("Details", "More like this")] == [4, 4]
    assert not found.upload.button.disabled
    assert "searched" not in said  # the figures behind the verdict are folded away
    press(found.answer, "▸ How sure is this?")
    assert "4 pets with 4 photos searched" in text_of(found.answer)


def test_a_filter_narrows_the_search_and_the_photo_stays(found: FindPanel) -> None:
    def narrowed(**values: object) -> str:
        for name, value in values.items():
            (found.filters.inputs["breed"] if name == "breed" else getattr(found.filters, name)).value = value
        press(found.widget, "Search again")
        return text_of(found.answer)

    assert "Breed" not in text_of(found.widget)
    found.filters.fold.turn()

    said = narrowed(breed=" beagle ")
    assert "Bella" in said
    assert "Luigi" not in said
    narrowed(breed="", near="somewhere")
    assert "two numbers" in found.messages.widget.value
    said = narrowed(near="38.7, -9.1")
    assert "Luigi" in said
    assert "Rex" not in said
    narrowed(after=date(2026, 2, 1), before=date(2026, 1, 1))
    assert 'role="alert"' in found.messages.widget.value


def test_a_file_that_is_no_picture_is_named_and_the_others_count(front: Front) -> None:
    panel = section(front, FindPanel)

    panel.upload.button.value = (chosen(RED), chosen(name="notes.jpg", content=b"not a picture"))

    assert "notes.jpg is not a picture" in panel.messages.widget.value.lower()
    assert 'role="alert"' in panel.messages.widget.value
    assert "Luigi" in text_of(panel.answer)


def test_the_upload_button_counts_the_photos_and_keeps_no_bytes(front: Front) -> None:
    panel = section(front, FindPanel)

    panel.upload.button.value = (chosen(RED), chosen(BLUE), chosen(RED))  # one of them twice

    assert len(panel.upload.button.value) == len(panel.upload.uploads) == 2
    assert all(file["size"] == 0 for file in panel.upload.button.value)
    press(panel.widget, "Take out")
    assert len(panel.upload.button.value) == len(panel.upload.uploads) == 1
    press(panel.widget, "Take out")
    assert text_of(panel.answer).strip() == ""

    for name in ("blue.jpg", "red.jpg"):  # the next animal's takes the place of the one before
        panel.upload.button.value = (chosen(name=name),)
    assert [upload.name for upload in panel.upload.uploads] == ["red.jpg"]


def test_who_to_call_details_and_more_like_this_lead_there_and_back(front: Front, found: FindPanel) -> None:
    press(found.answer, "Who to call")
    assert "About Luigi" in text_of(front.panel.widget)
    assert "Ully" in text_of(front.panel.widget)
    press(front.panel.widget, "Hide")
    assert "Ully" not in text_of(front.widget)
    press(front.panel.widget, "← Back")
    assert front.panel is found
    press(opened(front, "bella").widget, "Who to call")
    assert "Nobody to call is registered" in front.panel.messages.widget.value
    press(front.panel.widget, "← Back")

    press(found.answer, "Details")
    assert "<h2>About Luigi</h2>" in text_of(front.widget)
    press(front.widget, "More like this")
    assert "<h2>Pets that look like Luigi</h2>" in text_of(front.widget)
    assert "Bella" in text_of(front.widget)
    press(front.widget, "← Back")
    assert "<h2>About Luigi</h2>" in text_of(front.widget)
    press(front.widget, "← Back")
    assert front.panel is found
    assert "Luigi" in text_of(found.answer)


def test_words_find_pets_and_the_page_says_how(front: Front, registry: pf.Registry) -> None:
    registry.dogs.update("luigi", microchip="985112003")
    panel = section(front, WordsPanel)
    assert "by what the photos look like" not in text_of(panel.widget)

    for words, sentence, pets in (
        ("cheese", "1 dog with “cheese” in name, breed, colour or note", "Luigi"),
        ("unicorn", "No dog has “unicorn”", ""),
        ("jack", "1 dog with “jack”", "Luigi"),
        ("985 112 003", "Found by chip number", "Luigi"),
        ("", "Write a word or two", None),
        (" ", "Write a word or two", None),
    ):
        panel.text.value = words
        press(panel.widget, "Search")
        assert sentence in panel.messages.widget.value
        assert text_of(panel.answer).strip() == "" if pets is None else pets in text_of(panel.answer)


def test_an_encoder_that_knows_text_offers_to_look_by_meaning() -> None:
    with pf.connect(":memory:", encoder=TextEncoder()) as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", name="Luigi", photos=[jpeg(RED)]))
        panel = section(Front(Desk(registry)), WordsPanel)

        panel.way.value = "meaning"
        panel.text.value = "a red dog"
        press(panel.widget, "Search")

        assert "by what the photos look like" in [label for label, _ in panel.way.options]
        assert "Found by what the photos look like" in panel.messages.widget.value
        assert "Luigi" in text_of(panel.answer)


def test_all_pets_go_by_pages_of_48_and_back(front: Front, registry: pf.Registry) -> None:
    registry.dogs.register_many([pf.Dog(pet_id=f"d{number:03}") for number in range(97)], progress=False)
    panel = section(front, BrowsePanel)

    assert "100 dogs, page 1 of 3" in text_of(panel.widget)
    assert len(buttons(panel.answer, "Details")) == 48
    assert panel.above.children[0].disabled
    press(panel.widget, "Next")
    press(panel.widget, "Next")
    assert "page 3 of 3" in text_of(panel.widget)
    assert len(buttons(panel.answer, "Details")) == 4
    assert panel.below.children[1].disabled
    press(panel.widget, "Previous")
    assert "page 2 of 3" in text_of(panel.widget)
    panel.status.value = "lost"
    assert "1 dog<" in text_of(panel.widget)
    assert "Luigi" in text_of(panel.answer)
    panel.status.value, panel.breed.value = "", "beagle"
    press(panel.widget, "Show")
    assert "Bella" in text_of(panel.answer)


def test_an_answer_is_a_few_hundred_messages(sent: Sent, front: Front, registry: pf.Registry) -> None:
    several = [pf.Dog(pet_id=f"d{n:03}", name="Dog", status="lost", place=(38 + n / 50, -9)) for n in range(97)]
    registry.dogs.register_many(several, progress=False)
    panel, messages = section(front, BrowsePanel), {}

    sent.clear()
    press(panel.widget, "Next")
    messages["a page in the place of another"] = len(sent)
    words = section(front, WordsPanel)
    sent.clear()
    words.text.value = "dog"
    messages["words"] = len(sent)
    assert len(buttons(words.widget, "Details")) == 48
    sent.clear()
    shown = section(front, MapPanel).widget
    messages["a map"] = len(sent)

    assert {what: many for what, many in messages.items() if not 48 < many < 400} == {}
    assert text_of(shown).count("<li>") == 98  # so many places are a list without a button each
    assert not buttons(shown, "Details")


def test_the_map_draws_circles_at_rounded_places_and_says_them_as_a_list(front: Front) -> None:
    panel = section(front, MapPanel)
    shown = next(one for one in inside(panel.widget) if isinstance(one, ipyleaflet.Map))
    circles = [layer for layer in shown.layers if isinstance(layer, ipyleaflet.CircleMarker)]

    assert [circle.location for circle in circles] == [[38.71, -9.14]]
    [name] = [layer for layer in shown.layers if isinstance(layer, ipyleaflet.Marker)]
    assert "Luigi, lost" in name.icon.html
    assert text_of(panel.widget).count("Luigi: lost") == 1
    circles[0]._handle_mouse_events(None, {"event": "interaction", "type": "click"}, None)
    assert text_of(panel.widget).count("Luigi: lost, Jack Russell, near 38.71, -9.14") == 2
    assert not any(isinstance(layer, ipyleaflet.TileLayer) for layer in shown.layers)
    assert not shown.attribution_control
    press(panel.widget, "Details of Luigi")
    assert "<h2>About Luigi</h2>" in text_of(front.widget)
    front.species.value = "cat"
    assert "No place is known" in text_of(panel.widget)


def test_a_map_in_a_notebook_has_tiles_and_the_same_circles() -> None:
    pets = [
        pf.Dog(pet_id="a", place=(38.712, -9.143), status="found"),
        pf.Dog(pet_id="b", place=(38.713, -9.144), status="lost"),
        pf.Dog(pet_id="c"),
    ]

    with_tiles, plain = widgets.pet_map(pets), widgets.pet_map(pets, tiles=False)

    for shown, tiles in ((with_tiles, 1), (plain, 0)):
        kinds = [type(layer) for layer in shown.children[0].layers]
        assert kinds.count(ipyleaflet.TileLayer) == tiles
        assert kinds.count(ipyleaflet.CircleMarker) == 1
    shown.children[0].set_state({"east": None, "north": None, "zoom": 5.0})  # out of sight it has no bounds: no error
    assert shown.children[0].zoom == 5.0
    assert "b, lost +1" in next(layer.icon.html for layer in plain.children[0].layers if hasattr(layer, "icon"))


def test_every_section_opens_with_its_heading_and_a_part_stands_alone_too(front: Front, registry: pf.Registry) -> None:
    alone = {
        "Find by photo": widgets.find_panel,
        "Report a stray": widgets.stray_form,
        "Search by words": widgets.words_panel,
        "All pets": widgets.browse,
        "Register a pet": widgets.register_form,
        "Map": widgets.map_panel,
    }

    for name in SECTIONS:
        front.ways.value = name
        said = text_of(front.widget)
        assert f"<h2>{name}</h2>" in said
        assert said.count("<h1>") == said.count("<h2>") == 1
        assert 'role="alert"' not in said
    for name, show in alone.items():
        said = text_of(show(registry))
        assert [each for each in SECTIONS if f"<h2>{each}</h2>" in said] == [name]
        assert "<h1>" not in said


def test_an_unexpected_error_is_a_sentence_and_logged_without_its_words(
    front: Front, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("call 555-0147-90210")

    monkeypatch.setattr(front.visit.pets.__class__, "page", broken)

    assert "Something went wrong" in section(front, BrowsePanel).messages.widget.value
    assert "RuntimeError" in caplog.text
    assert "555" not in caplog.text


def test_who_finds_nothing_alike_is_told_where_to_go_on(front: Front, registry: pf.Registry) -> None:
    """The hint names "Report a stray", which would send those in circles who stand in it."""
    strict = Quantiles(pets=1, match=0.95, possible=0.9)
    for pets in (registry.dogs, registry.cats):
        pets.repository.keep_thresholds(pf.Thresholds(measured=(strict,), source="a test"))

    for panel, told in ((section(front, FindPanel), True), (section(front, StrayPanel), False)):
        panel.upload.button.value = (chosen((220, 230, 180)),)
        said = text_of(panel.widget)
        assert "No registered pet is similar enough" in said
        assert ("Not among them?" in said) is told
