"""Lost meets found on the page: who a report may be, and pairs that volunteers confirm or dismiss."""

from __future__ import annotations

from datetime import timedelta

import ipywidgets as ipw
import pytest

import petfinder as pf
from petfinder.display.wording import chance_of
from petfinder.domain.values import now
from petfinder.page.access import Access
from petfinder.page.desk import Desk
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.pairs import PairsPanel
from petfinder.page.widgets.register import RegisterPanel, StrayPanel
from tests.test_evidence import BERLIN, crowd, direction, photo
from tests.widgets.conftest import (
    CONTACT,
    EXACT,
    NEARLY_RED,
    PASSPHRASE,
    PHONE,
    RED,
    Sent,
    buttons,
    chosen,
    jpeg,
    opened,
    press,
    section,
    states,
    text_of,
)

NONE_YET = "No report of the other side is like it yet."


@pytest.fixture
def registry() -> pf.Registry:
    """Ten dogs, and Luigi, lost with an owner; all at home but him."""
    opened = pf.connect(encoder="pocket")
    at_home = [pf.Dog(**dict(one) | {"status": "home", "status_at": None}) for one in crowd()[:10]]
    opened.dogs.register_many(at_home, progress=False)
    owner = pf.Owner(name="Ully", phone=PHONE)
    luigi = pf.Dog(pet_id="luigi", name="Luigi", photos=[jpeg(RED)], owner=owner, place=EXACT)
    opened.dogs.report_lost(luigi, place=BERLIN, at=now() - timedelta(days=2))
    return opened


def found(registry: pf.Registry, pet_id: str, red: int = 210) -> None:
    pet = pf.Dog(pet_id=pet_id, photos=[jpeg((red, 44, 41))])
    registry.dogs.report_found(pet, place=BERLIN, finder=pf.Owner(name="Finn", phone=PHONE))


def test_right_after_a_report_its_counterparts_are_shown(front: Front, registry: pf.Registry) -> None:
    luigi = opened(front)
    press(luigi.widget, "Reunited")
    press(luigi.widget, "Report lost")
    press(luigi.widget, "Report as lost")
    assert "Luigi is reported lost." in luigi.messages.widget.value
    assert NONE_YET in text_of(luigi.answer)

    stray = section(front, StrayPanel)
    stray.upload.button.value = (chosen(NEARLY_RED),)
    stray.fields["note"].value = "by the fountain"
    press(stray.widget, "Register as found")
    assert "registered as found" in stray.messages.widget.value
    assert "This looks like Luigi" in text_of(stray.answer)
    assert "Your photo" in text_of(stray.answer)

    luigi = opened(front)
    press(luigi.widget, "Reunited")
    press(luigi.widget, "Report lost")
    press(luigi.widget, "Report as lost")
    assert NONE_YET not in text_of(luigi.answer)
    [stray_id] = [pet.pet_id for pet in registry.dogs.list(pf.PetFilter(status="found"))]
    assert stray_id in text_of(luigi.answer)

    form = section(front, RegisterPanel)
    form.upload.button.value = (chosen(NEARLY_RED, name="again.jpg"),)
    press(form.widget, "Register")
    assert "This looks like" not in text_of(form.answer)


def test_a_report_without_a_photo_says_what_it_lacks(front: Front, registry: pf.Registry) -> None:
    registry.dogs.register(pf.Dog(pet_id="bella", name="Bella"))
    panel = opened(front, "bella")
    press(panel.widget, "Report lost")
    press(panel.widget, "Report as lost")

    assert "Bella is reported lost." in panel.messages.widget.value
    assert "Add a photo" in text_of(panel.answer)


def test_a_pair_is_dismissed_taken_back_and_confirmed(front: Front, registry: pf.Registry) -> None:
    panel = section(front, PairsPanel)
    assert "No pair is open here." in text_of(panel.answer)
    found(registry, "stray")
    panel.shown()
    shown = text_of(panel.answer)
    [pair] = registry.dogs.open_pairs()
    assert "Luigi and stray" in shown
    assert f"{chance_of(pair)} that they are one animal: " in shown
    assert pair.reasons[0].words in shown
    assert shown.count("data:image/jpeg") == shown.count("Who to call") == 2

    press(panel.widget, "Not the same")
    assert "Luigi and stray: not the same." in panel.messages.widget.value
    assert registry.dogs.open_pairs() == []
    press(panel.widget, "Undo")
    assert "taken back" in panel.messages.widget.value
    assert buttons(panel.widget, "Undo") == []
    press(panel.widget, "One animal")
    assert registry.dogs.get("luigi").status == registry.dogs.get("stray").status == "reunited"
    assert "0 lost" in front.counts.value
    press(panel.widget, "Undo")
    assert registry.dogs.get("luigi").status == "lost"
    assert "1 lost, 1 found" in front.counts.value
    assert buttons(panel.widget, "One animal")


def test_two_finders_of_one_animal_are_asked_for_once_more_as_that_cannot_be_undone(
    front: Front, registry: pf.Registry
) -> None:
    registry.dogs.remove("luigi")
    found(registry, "one")
    found(registry, "two", 214)
    panel = section(front, PairsPanel)

    press(panel.widget, "One animal")
    assert "cannot be undone" in text_of(panel.answer)
    press(panel.widget, "Cancel")
    assert registry.dogs.get("two").pet_id == "two"
    press(panel.widget, "One animal")
    press(panel.widget, "Yes, one report")

    assert "one and two: one report now." in panel.messages.widget.value
    assert buttons(panel.widget, "Undo") == []
    assert registry.dogs.get("two").pet_id == registry.dogs.get("one").pet_id


def test_pairs_come_in_pages_of_twenty(front: Front, registry: pf.Registry) -> None:
    for number in range(21):
        for report in (registry.dogs.report_lost, registry.dogs.report_found):
            looks = photo(direction(500 + number), f"{report.__name__} {number}")
            report(pf.Dog(pet_id=f"{report.__name__}-{number}", photos=[looks]), place=BERLIN)
    total = len(registry.dogs.open_pairs())
    panel = section(front, PairsPanel)
    assert total > 20
    assert len(buttons(panel.widget, "One animal")) == 20
    first, widgets = text_of(panel.answer), len(ipw.widgets.widget._instances)

    press(panel.widget, "Next")
    assert len(buttons(panel.widget, "One animal")) == min(total - 20, 20)
    press(panel.widget, "First page")
    assert (text_of(panel.answer), len(ipw.widgets.widget._instances)) == (first, widgets)


def test_a_locked_visitor_sees_no_pair_and_the_lock_takes_them_away(
    registry: pf.Registry, hashed: str, sent: Sent
) -> None:
    found(registry, "waif")
    front = Front(Desk(registry, Access(hashed, sleep=lambda _: None)))
    panel = section(front, PairsPanel)
    assert "need the passphrase" in panel.messages.widget.value
    assert not sent.holds("waif", "Luigi", *CONTACT)
    for call in ("confirm", "dismiss", "undo"):
        with pytest.raises(pf.PassphraseNeeded):
            getattr(front.visit.pets, call)("luigi", "waif")
    with pytest.raises(pf.PassphraseNeeded):
        front.visit.pets.counterparts("luigi")

    front.lock.passphrase.value = PASSPHRASE
    assert "Luigi and waif" in text_of(panel.answer)
    assert not sent.holds("Finn", *CONTACT, "38.712", "9.1432")
    press(front.widget, "Lock")
    assert "waif" not in states()
