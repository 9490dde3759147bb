"""Registering, reporting and changing pets on the page."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image
from PIL.ExifTags import IFD

import petfinder as pf
from petfinder.domain.errors import InvalidQuery
from petfinder.domain.fields import FIELDS
from petfinder.page.widgets.fields import PetFields, place_in
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.register import LostPanel, RegisterPanel, StrayPanel
from tests.widgets.conftest import (
    BLUE,
    GREEN,
    NEARLY_RED,
    PASSPHRASE,
    PHONE,
    buttons,
    chosen,
    field,
    opened,
    press,
    section,
    states,
    text_of,
)

CHIP = "985112003456789"
TYPED = "11.222333, 4.555666"
NEVER_YET = date.today() + timedelta(days=400)


@pytest.fixture
def form(front: Front) -> RegisterPanel:
    return section(front, RegisterPanel)


@pytest.fixture
def stray(front: Front) -> StrayPanel:
    return section(front, StrayPanel)


def fill(form: RegisterPanel) -> None:
    form.upload.button.value = (chosen((90, 200, 10)), chosen((90, 220, 20)))
    form.fields["name"].value, form.fields["breed"].value = "Faísca", "Dalmatian"
    form.fields["sex"].value, form.fields["tags"].value = "female", "red collar, shy"
    form.fields["place"].value = "37.76, -122.43"
    form.owner["name"].value, form.owner["phone"].value = "Inês", "555-0100"
    form.owner.upload.button.value = (chosen(GREEN, name="me.jpg"),)


def photo_from(lat: float, lon: float, colour: tuple[int, int, int], name: str) -> Any:
    """A photo that says where it was taken, north and west in degrees."""
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update(
        {1: "N", 2: (int(lat), lat % 1 * 60, 0.0), 3: "W", 4: (int(lon), lon % 1 * 60, 0.0)}
    )
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "JPEG", exif=exif)
    return chosen(name=name, content=out.getvalue())


def test_a_pet_is_registered_once_with_photos_fields_and_owner(form: RegisterPanel, registry: pf.Registry) -> None:
    fill(form)
    press(form.widget, "Register")
    press(form.widget, "Register")

    pet = registry.dogs.get("faísca")
    assert (pet.name, pet.breed, pet.sex, pet.tags) == ("Faísca", "Dalmatian", "female", ("red collar", "shy"))
    assert pet.place == pf.Place(lat=37.76, lon=-122.43)
    assert len(pet.photos) == 2
    assert pet.owner is not None
    assert (pet.owner.name, pet.owner.phone) == ("Inês", "555-0100")
    assert pet.owner.picture is not None
    assert "Faísca is registered, with the id faísca." in form.messages.widget.value
    assert "pf-warned" not in text_of(form.widget)
    assert "Dalmatian" in text_of(form.answer)
    assert len(buttons(form.answer, "Details")) == 1
    assert (form.fields["name"].value, form.owner["phone"].value, form.upload.uploads) == ("", "", [])
    assert registry.dogs.count() == 4


def test_every_field_that_people_fill_in_stands_in_the_form_and_comes_back(form: RegisterPanel) -> None:
    said: dict[str, Any] = {name: name for name in ("name", "breed", "note")}
    pet = pf.Dog(pet_id="x", sex="both", tags=("shy", "old"), **said)
    shown = text_of(form.fields.widget)
    assert [one.label for one in FIELDS if one.label not in shown] == []

    fields = PetFields()
    fields.fill(pet)

    read = fields.read()
    assert {one.name: read[one.name] for one in FIELDS} == {
        one.name: [*pet.tags] if one.several else getattr(pet, one.name) for one in FIELDS
    }


def test_after_an_error_nothing_is_written_and_the_fields_stay(form: RegisterPanel, registry: pf.Registry) -> None:
    fill(form)
    form.fields["place"].value = "behind the church"
    press(form.widget, "Register")
    assert "two numbers" in form.messages.widget.value
    form.fields["place"].value, form.owner["name"].value = "", ""
    press(form.widget, "Register")
    assert "owner's name" in form.messages.widget.value.replace("&#x27;", "'")
    form.owner["name"].value, form.pet_id.value = "Inês", "luigi"
    press(form.widget, "Register")
    assert "registered already" in form.messages.widget.value

    assert registry.dogs.count() == 3
    assert (form.fields["name"].value, form.owner["phone"].value) == ("Faísca", "555-0100")
    assert len(form.upload.uploads) == 2
    assert not form.button.disabled
    assert form.button.description == "Register"


@pytest.mark.parametrize("kind", [RegisterPanel, StrayPanel])
def test_an_animal_without_a_photo_is_not_registered(
    front: Front, registry: pf.Registry, kind: type[RegisterPanel | StrayPanel]
) -> None:
    panel = section(front, kind)
    panel.fields["breed"].value = "Dalmatian"

    panel.button.click()

    assert f"at least one photo of the {'stray' if kind is StrayPanel else 'pet'}" in panel.messages.widget.value
    assert registry.dogs.count() == 3


def test_a_missing_pet_is_registered_as_lost_at_once(front: Front, form: RegisterPanel, registry: pf.Registry) -> None:
    fill(form)
    assert "Missing since" not in text_of(form.widget)
    form.missing.value = True
    form.since.value = date(2025, 10, 2)
    press(form.widget, "Register")

    pet = registry.dogs.get("faísca")
    assert (pet.status, pet.status_at) == (pf.Status.LOST, datetime(2025, 10, 2))
    assert "5 pets registered, 2 lost" in front.counts.value
    front.species.value = "cat"
    panel = section(front, LostPanel)
    panel.upload.button.value = (chosen(BLUE),)
    press(panel.widget, "Register")
    assert "lost since" in text_of(panel.answer)
    assert "Nobody to call is known" in panel.messages.widget.value
    assert (registry.dogs.count(), registry.cats.count()) == (4, 2)


@pytest.mark.parametrize("part", ["pet", "owner", "id", "missing"])
def test_who_has_begun_with_the_next_pet_is_told_that_it_needs_a_photo(form: RegisterPanel, part: str) -> None:
    form.upload.button.value = (chosen((90, 200, 10)),)
    form.button.click()
    fields = {"pet": form.fields["breed"], "owner": form.owner["phone"], "id": form.pet_id, "missing": form.missing}
    fields[part].value = True if part == "missing" else "written"

    form.button.click()

    assert "at least one photo" in text_of(form.messages.widget)
    assert buttons(form.answer, "Details")


def test_a_stray_is_searched_and_then_registered_once(front: Front, stray: StrayPanel, registry: pf.Registry) -> None:
    assert not buttons(stray.widget, "Register as found")

    stray.upload.button.value = (chosen(NEARLY_RED),)
    assert "Luigi" in text_of(stray.matches)
    stray.fields["place"].value, stray.day.value = "38.7, -9.1", date(2025, 11, 20)
    stray.fields["note"].value = "by the fountain"
    stray.holder["phone"].value = "555-0199"
    press(stray.widget, "Register as found")
    assert "who has it now" in stray.messages.widget.value
    stray.holder["name"].value = "Ana"
    press(stray.widget, "Register as found")
    stray.button.click()

    assert "Thank you." in stray.messages.widget.value
    assert "registered as found" in stray.messages.widget.value
    assert "found" in text_of(stray.answer)
    [pet] = registry.dogs.list(pf.PetFilter(status="found"))
    assert (pet.note, pet.status_at, len(pet.photos)) == ("by the fountain", datetime(2025, 11, 20), 1)
    assert pet.owner == pf.Owner(name="Ana", phone="555-0199")
    assert stray.upload.uploads == []
    assert "1 found" in front.counts.value


def test_a_stray_has_its_photos_place_unless_another_is_written(stray: StrayPanel, registry: pf.Registry) -> None:
    def place_with(*photos: Any) -> str:
        stray.upload.button.value = photos
        return str(stray.fields["place"].value)

    assert place_with(photo_from(38.7, 9.14, GREEN, "one.jpg")) == "38.7000, -9.1400"
    press(stray.upload.widget, "Take out")
    assert stray.fields["place"].value == ""
    assert place_with(photo_from(41.15, 8.61, (1, 90, 200), "two.jpg")) == "41.1500, -8.6100"
    press(stray.widget, "Register as found")
    [found] = registry.dogs.list(pf.PetFilter(status="found"))
    assert (found.status_place, found.place) == (pf.Place(lat=41.15, lon=-8.61), None)
    assert stray.fields["place"].value == ""

    place_with(photo_from(38.7, 9.14, GREEN, "one.jpg"))
    stray.fields["place"].value = "38.71, -9.15"
    press(stray.upload.widget, "Take out")
    assert place_with(photo_from(41.15, 8.61, BLUE, "two.jpg")) == "38.71, -9.15"


def test_the_lock_takes_contact_chip_and_place_from_the_forms_and_from_what_was_registered(locked: Front) -> None:
    def in_the_browser() -> list[bool]:
        return [text in states() for text in (CHIP, "11.2223", "555-0100")]

    locked.lock.passphrase.value = PASSPHRASE
    form = section(locked, RegisterPanel)
    form.upload.button.value = (chosen(GREEN),)
    form.fields["name"].value, form.fields["microchip"].value, form.fields["place"].value = "Neo", CHIP, TYPED
    press(form.widget, "Register")
    assert CHIP in states()
    press(locked.widget, "Lock")
    assert not any(in_the_browser())

    locked.lock.passphrase.value = PASSPHRASE
    stray = section(locked, StrayPanel)
    stray.upload.button.value = (photo_from(38.7, 9.14, BLUE, "one.jpg"),)
    stray.fields["place"].value = TYPED
    form.fields["microchip"].value, form.fields["place"].value = CHIP, TYPED
    form.fields["name"].value, form.owner["phone"].value = "Rex", "555-0100"
    assert all(in_the_browser())
    press(locked.widget, "Lock")
    assert not any(in_the_browser())
    assert (form.fields["name"].value, form.owner["phone"].value, stray.fields["place"].value) == ("Rex", "", "")
    assert "Registering needs the passphrase" in text_of(form.widget)
    form.upload.button.value = (chosen(BLUE),)
    press(section(locked, RegisterPanel).widget, "Register")
    assert "need the passphrase" in form.messages.widget.value

    locked.lock.passphrase.value = PASSPHRASE
    assert stray.fields["place"].value == "38.7000, -9.1400"  # the photo's own is known again


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


def test_a_day_that_is_still_to_come_is_refused(form: RegisterPanel, stray: StrayPanel, registry: pf.Registry) -> None:
    form.upload.button.value = (chosen(GREEN),)
    form.missing.value, form.since.value = True, NEVER_YET
    stray.upload.button.value = (chosen(BLUE),)
    stray.day.value = NEVER_YET
    for panel in (form, stray):
        panel.button.click()
        assert "That day is still to come" in text_of(panel.messages.widget)
    assert registry.dogs.count() == 3

    stray.day.value = datetime.now(timezone(timedelta(hours=14))).date()  # it has begun in the east
    stray.button.click()
    assert "Thank you." in text_of(stray.messages.widget)


def test_a_button_says_what_runs_and_is_pressed_once(form: RegisterPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(form)
    during: list[tuple[str, bool, str]] = []

    def seen(*_: object, **__: object) -> None:
        during.append((form.button.description, form.button.disabled, form.messages.widget.value))
        raise pf.PetfinderError("enough")

    monkeypatch.setattr("petfinder.page.desk.PetDesk.register", seen)
    press(form.widget, "Register")

    [(label, disabled, said)] = during
    assert (label, disabled) == ("Registering …", True)
    assert 'role="status"' in said
    assert (form.button.description, form.button.disabled) == ("Register", False)
    assert "Enough." in form.messages.widget.value


def test_fields_and_owner_are_edited_and_what_others_changed_stays(front: Front, registry: pf.Registry) -> None:
    panel = opened(front)
    press(panel.widget, "Edit")
    assert field(panel.answer, "Phone").value == PHONE
    field(panel.answer, "Breed").value = "Terrier"
    field(panel.answer, "Phone").value = "555-0111"
    registry.dogs.update("luigi", colour="white")

    press(panel.answer, "Save")

    pet = registry.dogs.get("luigi")
    assert (pet.breed, pet.colour, pet.name) == ("Terrier", "white", "Luigi")
    assert pet.owner is not None
    assert (pet.owner.phone, pet.owner.name) == ("555-0111", "Ully")
    assert pet.owner.picture is not None
    assert "Luigi is saved." in panel.messages.widget.value
    assert "Terrier" in panel.card.value
    press(panel.widget, "Edit")
    press(panel.answer, "Save")
    assert "Nothing was changed." in panel.messages.widget.value


def test_photos_are_added_and_removed(front: Front, registry: pf.Registry) -> None:
    panel = opened(front)
    press(panel.widget, "Edit")
    field(panel.answer, "Add photos").value = (chosen(BLUE),)
    assert len(registry.dogs.get("luigi").photos) == 2
    assert "Luigi has 2 photos now." in panel.messages.widget.value

    press(panel.widget, "Edit")
    press(panel.answer, "Remove photo")

    [left] = registry.dogs.get("luigi").photos
    assert left.photo_id == registry.dogs.find(chosen(BLUE)["content"].tobytes())[0].photo.photo_id


def test_a_pet_is_reported_lost_and_reunited(front: Front, registry: pf.Registry) -> None:
    panel = opened(front, "bella")
    assert not buttons(panel.widget, "Reunited")
    press(panel.widget, "Report lost")
    field(panel.answer, "Missing since").value = date(2025, 10, 2)
    field(panel.answer, "Last seen: place (latitude, longitude)").value = "38.7, -9.1"
    press(panel.answer, "Report as lost")

    pet = registry.dogs.get("bella")
    assert (pet.status, pet.status_at) == (pf.Status.LOST, datetime(2025, 10, 2))
    assert pet.status_place == pf.Place(lat=38.7, lon=-9.1)
    assert "2 lost" in front.counts.value
    assert not buttons(panel.widget, "Report lost")
    press(panel.widget, "Reunited")
    assert registry.dogs.get("bella").status is pf.Status.REUNITED
    assert "reunited" in panel.card.value

    press(panel.widget, "Report lost")
    press(panel.answer, "Report as lost")  # without a day: now
    at = registry.dogs.get("bella").status_at
    assert at is not None
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 3600


def test_a_pet_is_removed_only_after_a_second_click(front: Front, registry: pf.Registry) -> None:
    panel = opened(front)

    with patch("ipywidgets.Button.focus", autospec=True) as focus:
        press(panel.widget, "Remove")
    assert [call.args[0].description for call in focus.call_args_list] == ["Keep it"]  # which a key held down presses
    press(panel.answer, "Keep it")
    assert registry.dogs.count() == 3
    press(panel.widget, "Remove")
    press(panel.answer, "Yes, remove for ever")

    assert registry.dogs.count() == 2
    assert "Removed" in panel.messages.widget.value
    assert "Luigi" not in panel.card.value
    assert not buttons(panel.widget, "Edit")
    assert "no longer registered" in opened(front).messages.widget.value
