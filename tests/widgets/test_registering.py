"""The two forms that register a pet: a second click, what the lock takes, places and days that cannot be."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import IFD

import petfinder as pf
from petfinder.domain.errors import InvalidQuery
from petfinder.page.widgets.fields import place_in
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.register import RegisterPanel, StrayPanel
from tests.widgets.conftest import BLUE, GREEN, PASSPHRASE, buttons, chosen, press, searching, states, text_of

CHIP = "985112003456789"
TYPED = "11.222333, 4.555666"
NEVER_YET = date.today() + timedelta(days=400)


def registering(front: Front) -> RegisterPanel:
    front.ways.value = "Register a pet"
    assert isinstance(front.panel, RegisterPanel)
    return front.panel


def stray(front: Front) -> StrayPanel:
    front.ways.value = "Report a stray"
    assert isinstance(front.panel, StrayPanel)
    return front.panel


def photo_from(lat: float, lon: float, colour: tuple[int, int, int], name: str) -> Any:
    """A photo that says where it was taken, north and west in degrees."""
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update(
        {1: "N", 2: (int(lat), lat % 1 * 60, 0.0), 3: "W", 4: (int(lon), lon % 1 * 60, 0.0)}
    )
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "JPEG", exif=exif)
    return chosen(name=name, content=out.getvalue())


def test_a_second_click_on_register_leaves_the_success_in_view(front: Front, registry: pf.Registry) -> None:
    form = registering(front)
    form.upload.button.value = (chosen((90, 200, 10)),)
    form.fields["name"].value = "Neo"

    form.button.click()
    form.button.click()

    assert registry.dogs.count() == 4
    assert "Neo is registered, with the id neo." in text_of(form.messages.widget)
    assert "pf-warned" not in text_of(form.widget)
    assert len(buttons(form.answer, "Details")) == 1


@pytest.mark.parametrize("part", ["pet", "owner", "id", "missing"])
def test_who_has_begun_with_the_next_pet_is_told_that_it_needs_a_photo(front: Front, part: str) -> None:
    form = registering(front)
    form.upload.button.value = (chosen((90, 200, 10)),)
    form.button.click()
    fields = {"pet": form.fields["breed"], "owner": form.owner["phone"], "id": form.pet_id}
    if part == "missing":
        form.missing.value = True
    else:
        fields[part].value = "written"

    form.button.click()

    assert "at least one photo" in text_of(form.messages.widget)
    assert buttons(form.answer, "Details")


def test_a_second_click_keeps_a_stray_once_and_the_thanks_stay(front: Front, registry: pf.Registry) -> None:
    panel = stray(front)
    panel.upload.button.value = (chosen((10, 200, 200)),)

    panel.button.click()
    panel.button.click()

    [found] = registry.dogs.list(pf.PetFilter(status="found"))
    assert len(found.photos) == 1
    assert "Thank you." in text_of(panel.messages.widget)
    assert "found" in text_of(panel.answer)


def test_a_stray_without_a_photo_is_not_registered(front: Front, registry: pf.Registry) -> None:
    panel = stray(front)

    panel.button.click()

    assert "at least one photo of the stray" in text_of(panel.messages.widget)
    assert registry.dogs.count() == 3


def test_the_lock_takes_chip_and_place_from_the_forms_and_from_what_was_registered(locked: Front) -> None:
    locked.lock.passphrase.value = PASSPHRASE
    form = registering(locked)
    form.upload.button.value = (chosen(GREEN),)
    form.fields["name"].value, form.fields["microchip"].value, form.fields["place"].value = "Neo", CHIP, TYPED
    press(form.widget, "Register")
    assert CHIP in states()
    press(locked.widget, "Lock")
    assert not any(text in states() for text in (CHIP, "11.2223"))

    locked.lock.passphrase.value = PASSPHRASE
    panel = stray(locked)
    panel.upload.button.value = (chosen(BLUE),)
    panel.fields["place"].value = TYPED
    form.fields["microchip"].value, form.fields["place"].value = CHIP, TYPED
    assert all(text in states() for text in (CHIP, "11.2223"))
    press(locked.widget, "Lock")
    assert not any(text in states() for text in (CHIP, "11.2223"))


def test_a_stray_has_the_place_of_its_own_photo_not_of_the_one_before(front: Front, registry: pf.Registry) -> None:
    panel = stray(front)
    panel.upload.button.value = (photo_from(38.7, 9.14, GREEN, "one.jpg"),)
    assert panel.fields["place"].value == "38.7000, -9.1400"
    press(panel.upload.widget, "Take out")
    assert panel.fields["place"].value == ""
    panel.upload.button.value = (photo_from(41.15, 8.61, (1, 90, 200), "two.jpg"),)
    assert panel.fields["place"].value == "41.1500, -8.6100"

    press(panel.widget, "Register as found")

    [found] = registry.dogs.list(pf.PetFilter(status="found"))
    assert found.place == pf.Place(lat=41.15, lon=-8.61)
    assert panel.fields["place"].value == ""


def test_a_place_that_somebody_wrote_stays_when_the_photos_change(front: Front) -> None:
    panel = stray(front)
    panel.upload.button.value = (photo_from(38.7, 9.14, GREEN, "one.jpg"),)
    panel.fields["place"].value = "38.71, -9.15"

    press(panel.upload.widget, "Take out")
    panel.upload.button.value = (photo_from(41.15, 8.61, BLUE, "two.jpg"),)

    assert panel.fields["place"].value == "38.71, -9.15"


def test_the_place_of_the_photo_is_back_after_unlocking(locked: Front) -> None:
    panel = stray(locked)
    locked.lock.passphrase.value = PASSPHRASE
    panel.upload.button.value = (photo_from(38.7, 9.14, GREEN, "one.jpg"),)
    press(locked.widget, "Lock")
    assert panel.fields["place"].value == ""

    locked.lock.passphrase.value = PASSPHRASE

    assert panel.fields["place"].value == "38.7000, -9.1400"


@pytest.mark.parametrize("typed", ["nan, nan", "91, 0", "1e400, 0", "38,71", "38,71 -9,14", "38.7", "by the church"])
def test_all_that_is_no_place_is_answered_with_the_same_sentence(typed: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        place_in(typed)

    assert str(refused.value) == (
        "write the place as two numbers, latitude and longitude in degrees, such as 37.76, -122.43"
    )


@pytest.mark.parametrize("typed", ["38.71, -9.14", "38.71,-9.14", "38.71° -9.14°", "38.71; -9.14"])
def test_two_numbers_are_a_place_however_they_are_divided(typed: str) -> None:
    assert place_in(typed) == pf.Place(lat=38.71, lon=-9.14)


def test_a_day_that_is_still_to_come_is_refused(front: Front, registry: pf.Registry) -> None:
    form = registering(front)
    form.upload.button.value = (chosen(GREEN),)
    form.missing.value, form.since.value = True, NEVER_YET
    form.button.click()
    assert "That day is still to come" in text_of(form.messages.widget)
    panel = stray(front)
    panel.upload.button.value = (chosen(BLUE),)
    panel.day.value = NEVER_YET
    panel.button.click()
    assert "That day is still to come" in text_of(panel.messages.widget)
    assert registry.dogs.count() == 3

    panel.day.value = datetime.now(timezone(timedelta(hours=14))).date()  # it has begun in the east
    panel.button.click()
    assert "Thank you." in text_of(panel.messages.widget)


def test_nothing_to_search_for_finds_nothing(front: Front) -> None:
    panel = searching(front)
    panel.text.value = "jack"
    assert "Luigi" in text_of(panel.answer)

    panel.text.value = ""

    assert "Write a word or two" in text_of(panel.messages.widget)
    assert text_of(panel.answer).strip() == ""


def test_the_maps_list_names_the_pet_on_its_button(front: Front) -> None:
    front.ways.value = "Map"

    press(front.panel.widget, "Details of Luigi")

    assert "<h2>About Luigi</h2>" in text_of(front.widget)
