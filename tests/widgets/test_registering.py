"""Registering a pet in a notebook, and reporting one: lost, found, seen, reunited."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

import petfinder as pf
from petfinder.domain.fields import FIELDS
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.register import RegisterPanel
from tests.widgets.conftest import NEARLY_RED, buttons, chosen, opened, press, section, text_of

NONE_YET = "No report of the other side is like it yet."
AT = datetime(2025, 10, 2, 9, tzinfo=timezone.utc)


@pytest.fixture
def form(front: Front) -> RegisterPanel:
    """The form, filled."""
    form = section(front, RegisterPanel)
    form.species.value = "dog"
    form.upload.button.value = (chosen((90, 200, 10)), chosen((90, 220, 20)))
    form.fields["name"].value, form.fields["breed"].value = "Faísca", "Dalmatian"
    form.fields["sex"].value, form.fields["tags"].value = "female", "red collar, shy"
    form.place.value = "37.76, -122.43"
    form.person["name"].value, form.person["phone"].value = "Inês", "555-0100"
    return form


def test_a_pet_is_registered_once_with_photos_fields_and_owner(form: RegisterPanel, registry: pf.Registry) -> None:
    press(form.widget, "Register")
    press(form.widget, "Register")

    pet = registry.dogs.get("faísca")
    assert (pet.name, pet.breed, pet.sex, pet.tags) == ("Faísca", "Dalmatian", "female", ("red collar", "shy"))
    assert (pet.status, pet.place, pet.status_place) == ("home", pf.Place(lat=37.76, lon=-122.43), None)
    assert len(pet.photos) == 2
    assert pet.owner == pf.Owner(name="Inês", phone="555-0100")
    assert "registered, with the id fa" in text_of(form.answer)
    assert "Dalmatian" in text_of(form.answer)
    assert NONE_YET not in text_of(form.answer)
    assert (form.fields["name"].value, form.person["phone"].value, form.upload.uploads) == ("", "", [])
    assert "at least one photo" in form.messages.widget.value  # by the second click
    assert registry.dogs.count() == 4


def test_every_field_that_people_fill_in_stands_in_the_form(form: RegisterPanel) -> None:
    shown = text_of(form.widget)

    assert [one.label for one in FIELDS if one.label not in shown] == []


def test_after_an_error_nothing_is_written_and_the_fields_stay(form: RegisterPanel, registry: pf.Registry) -> None:
    form.place.value = "behind the church"
    press(form.widget, "Register")
    assert "latitude, longitude in degrees" in form.messages.widget.value
    form.place.value, form.species.value = "", None
    press(form.widget, "Register")
    assert "Choose whether it is a dog or a cat." in form.messages.widget.value
    form.species.value, form.person["name"].value = "dog", ""
    press(form.widget, "Register")
    assert "this Owner cannot be used: name" in form.messages.widget.value.replace("This", "this")

    assert registry.dogs.count() == 3
    assert (form.fields["name"].value, form.person["phone"].value) == ("Faísca", "555-0100")
    assert len(form.upload.uploads) == 2
    assert not form.button.disabled


def test_a_button_is_disabled_while_it_runs(form: RegisterPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    during: list[tuple[bool, str]] = []

    def seen(*_: object, **__: object) -> None:
        during.append((form.button.disabled, form.messages.widget.value))
        raise pf.PetfinderError("enough")

    monkeypatch.setattr("petfinder.page.desk.PetDesk.register", seen)
    press(form.widget, "Register")

    assert during == [(True, '<p role="status">Registering …</p>')]
    assert not form.button.disabled
    assert "Enough." in form.messages.widget.value


@pytest.mark.parametrize("status", ["lost", "found", "sighted"])
def test_a_report_keeps_where_and_when_and_whom_to_call(
    form: RegisterPanel, registry: pf.Registry, status: str
) -> None:
    form.species.value, form.status.value, form.at.value = "cat", status, AT
    press(form.widget, "Register")

    pet = registry.cats.get("faísca")
    assert (pet.status, pet.status_at, pet.place) == (status, AT, None)
    assert pet.status_place == pf.Place(lat=37.76, lon=-122.43)
    assert (pet.owner or pet.finder) == pf.Owner(name="Inês", phone="555-0100")
    assert (pet.finder is None) is (status == "lost")
    assert NONE_YET in text_of(form.answer)


def test_a_found_pet_is_shown_beside_the_report_that_it_may_be(front: Front, registry: pf.Registry) -> None:
    form = section(front, RegisterPanel)
    form.species.value, form.status.value = "dog", "found"
    form.upload.button.value = (chosen(NEARLY_RED),)
    press(form.widget, "Register")

    assert "Luigi" in text_of(form.answer)
    assert "Your photo" in text_of(form.answer)
    assert len(buttons(form.answer, "Details")) == 2  # of the pet, and of whom it may be


def test_a_pet_is_reported_lost_and_reunited(front: Front, registry: pf.Registry) -> None:
    panel = opened(front, "bella")
    assert not buttons(panel.widget, "Reunited")
    panel.place.value, panel.since.value = "38.7, -9.1", AT
    press(panel.widget, "Report lost")

    pet = registry.dogs.get("bella")
    assert (pet.status, pet.status_at, pet.status_place) == ("lost", AT, pf.Place(lat=38.7, lon=-9.1))
    assert "Bella is reported lost." in panel.messages.widget.value
    assert "2025-10-02" in panel.card.value
    assert NONE_YET in text_of(panel.answer)
    assert not buttons(panel.widget, "Report lost")
    press(panel.widget, "Reunited")
    assert registry.dogs.get("bella").status == "reunited"
    assert "reunited" in panel.card.value

    press(panel.widget, "Report lost")  # without a day: now
    at = registry.dogs.get("bella").status_at
    assert at is not None
    assert at > AT


def test_a_report_without_a_photo_says_what_it_lacks(front: Front, registry: pf.Registry) -> None:
    registry.dogs.register(pf.Dog(pet_id="rufus"))
    panel = opened(front, "rufus")
    press(panel.widget, "Report lost")

    assert "rufus is reported lost." in panel.messages.widget.value
    assert "Without a photo" in text_of(panel.answer)
