"""Registering, reporting and changing pets on the page."""

from __future__ import annotations

from datetime import date, datetime, timezone

import ipywidgets as ipw
import pytest

import petfinder as pf
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.pet import DetailsPanel
from petfinder.page.widgets.register import RegisterPanel, StrayPanel
from tests.widgets.conftest import BLUE, GREEN, NEARLY_RED, PHONE, buttons, chosen, inside, press, text_of


@pytest.fixture
def form(front: Front) -> RegisterPanel:
    front.ways.value = "Register a pet"
    assert isinstance(front.panel, RegisterPanel)
    return front.panel


def details(front: Front, pet_id: str = "luigi") -> DetailsPanel:
    front.visit.open_pet(pet_id)
    assert isinstance(front.panel, DetailsPanel)
    return front.panel


def field(panel: object, label: str) -> ipw.Widget:
    return next(one for one in inside(panel) if getattr(one, "description", "") == label)


def fill(form: RegisterPanel) -> None:
    form.upload.button.value = (chosen((90, 200, 10)), chosen((90, 220, 20)))
    form.fields["name"].value, form.fields["breed"].value = "Faísca", "Dalmatian"
    form.fields["sex"].value, form.fields["tags"].value = "female", "red collar, shy"
    form.fields["place"].value = "37.76, -122.43"
    form.owner["name"].value, form.owner["phone"].value = "Inês", "555-0100"
    form.owner.upload.button.value = (chosen(GREEN, name="me.jpg"),)


def test_a_pet_is_registered_with_photos_fields_and_owner(form: RegisterPanel, registry: pf.Registry) -> None:
    fill(form)
    press(form.widget, "Register")

    pet = registry.dogs.get("faísca")
    assert (pet.name, pet.breed, pet.sex, pet.tags) == ("Faísca", "Dalmatian", "female", ("red collar", "shy"))
    assert pet.place == pf.Place(lat=37.76, lon=-122.43)
    assert len(pet.photos) == 2
    assert pet.owner is not None
    assert (pet.owner.name, pet.owner.phone) == ("Inês", "555-0100")
    assert pet.owner.picture is not None
    assert "Faísca is registered, with the id faísca." in form.messages.widget.value
    assert "Dalmatian" in text_of(form.answer)
    assert (form.fields["name"].value, form.owner["phone"].value, form.upload.uploads) == ("", "", [])


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
    assert (form.fields["name"].value, form.owner["phone"].value, len(form.upload.uploads)) == ("Faísca", "555-0100", 2)
    assert not form.button.disabled
    assert form.button.description == "Register"


def test_a_pet_without_a_photo_is_not_registered(form: RegisterPanel, registry: pf.Registry) -> None:
    form.fields["name"].value = "Faísca"

    press(form.widget, "Register")

    assert "at least one photo" in form.messages.widget.value
    assert registry.dogs.count() == 3


def test_a_pet_that_is_missing_is_registered_as_lost_at_once(
    front: Front, form: RegisterPanel, registry: pf.Registry
) -> None:
    fill(form)
    assert "Missing since" not in text_of(form.widget)
    form.missing.value = True
    form.since.value = date(2025, 10, 2)

    press(form.widget, "Register")

    pet = registry.dogs.get("faísca")
    assert (pet.status, pet.status_at) == (pf.Status.LOST, datetime(2025, 10, 2))
    assert "5 pets registered, 2 lost" in front.counts.value


def test_a_cat_is_registered_among_the_cats(front: Front, form: RegisterPanel, registry: pf.Registry) -> None:
    fill(form)

    front.species.value = "cat"
    press(form.widget, "Register")

    assert registry.cats.get("faísca").species == "cat"
    assert registry.dogs.count() == 3


def test_a_stray_is_searched_first_and_then_registered_as_found(front: Front, registry: pf.Registry) -> None:
    front.ways.value = "Report a stray"
    panel = front.panel
    assert isinstance(panel, StrayPanel)
    assert not buttons(panel.widget, "Register as found")

    panel.upload.button.value = (chosen(NEARLY_RED),)
    assert "Luigi" in text_of(panel.answer)
    panel.fields["place"].value, panel.day.value, panel.fields["note"].value = (
        "38.7, -9.1",
        date(2025, 11, 20),
        "by the fountain",
    )
    panel.holder["phone"].value = "555-0199"
    press(panel.widget, "Register as found")
    assert "who has it now" in panel.messages.widget.value
    panel.holder["name"].value = "Ana"
    press(panel.widget, "Register as found")

    assert "registered as found" in panel.messages.widget.value
    [stray] = registry.dogs.list(pf.PetFilter(status="found"))
    assert (stray.note, stray.status_at) == ("by the fountain", datetime(2025, 11, 20))
    assert stray.owner == pf.Owner(name="Ana", phone="555-0199")
    assert panel.upload.uploads == []
    assert "1 found" in front.counts.value


def test_who_to_call_is_shown_when_asked_and_hidden_again(front: Front) -> None:
    panel = details(front)
    assert PHONE not in text_of(front.widget)

    press(panel.widget, "Who to call")
    assert PHONE in text_of(panel.widget)
    press(panel.widget, "Hide")
    assert PHONE not in text_of(panel.widget)
    press(details(front, "bella").widget, "Who to call")
    assert "Nobody to call is registered" in front.panel.messages.widget.value


def test_fields_and_owner_are_edited_and_what_others_changed_stays(front: Front, registry: pf.Registry) -> None:
    panel = details(front)
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
    panel = details(front)
    press(panel.widget, "Edit")
    add = next(one for one in inside(panel.answer) if getattr(one, "description", "") == "Add photos")
    add.value = (chosen(BLUE),)
    assert len(registry.dogs.get("luigi").photos) == 2
    assert "Luigi has 2 photos now." in panel.messages.widget.value

    press(panel.widget, "Edit")
    press(panel.answer, "Remove photo")

    [left] = registry.dogs.get("luigi").photos
    assert left.photo_id == registry.dogs.find(chosen(BLUE)["content"].tobytes())[0].photo.photo_id


def test_a_pet_is_reported_lost_and_reunited(front: Front, registry: pf.Registry) -> None:
    panel = details(front, "bella")
    assert not buttons(panel.widget, "Reunited")
    press(panel.widget, "Report lost")
    field(panel.answer, "Missing since").value = date(2025, 10, 2)
    field(panel.answer, "Last seen: place (latitude, longitude)").value = "38.7, -9.1"
    press(panel.answer, "Report as lost")

    pet = registry.dogs.get("bella")
    assert (pet.status, pet.status_at, pet.place) == (
        pf.Status.LOST,
        datetime(2025, 10, 2),
        pf.Place(lat=38.7, lon=-9.1),
    )
    assert "2 lost" in front.counts.value
    assert not buttons(panel.widget, "Report lost")
    press(panel.widget, "Reunited")
    assert registry.dogs.get("bella").status is pf.Status.REUNITED
    assert "reunited" in panel.card.value


def test_a_pet_is_removed_only_after_a_second_click(front: Front, registry: pf.Registry) -> None:
    panel = details(front)

    press(panel.widget, "Remove")
    press(panel.answer, "Keep it")
    assert registry.dogs.count() == 3
    press(panel.widget, "Remove")
    press(panel.answer, "Yes, remove for ever")

    assert registry.dogs.count() == 2
    assert "Removed" in panel.messages.widget.value
    assert "Luigi" not in panel.card.value
    assert not buttons(panel.widget, "Edit")
    front.visit.open_pet("luigi")
    assert "no longer registered" in front.panel.messages.widget.value


def test_a_button_says_what_runs_and_cannot_be_pressed_twice(
    form: RegisterPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_dates_without_a_day_are_now(front: Front, registry: pf.Registry) -> None:
    panel = details(front, "bella")
    press(panel.widget, "Report lost")
    press(panel.answer, "Report as lost")

    at = registry.dogs.get("bella").status_at
    assert at is not None
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 3600
