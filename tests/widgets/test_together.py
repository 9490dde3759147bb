"""Several people, and several panels, at once: nothing is undone, shown that is gone, or done twice."""

from __future__ import annotations

from unittest.mock import patch

import petfinder as pf
from petfinder.page.desk import Desk, PetDesk
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.search import BrowsePanel, FindPanel, WordsPanel
from tests.widgets.conftest import RED, buttons, chosen, field, opened, press, section, text_of


def remove(front: Front) -> None:
    details = opened(front)
    press(details.widget, "Remove")
    press(details.widget, "Yes, remove for ever")
    press(details.widget, "← Back")


def test_two_who_edit_one_owner_keep_each_others_changes(registry: pf.Registry) -> None:
    one, other = opened(Front(Desk(registry))), opened(Front(Desk(registry)))
    press(one.widget, "Edit")
    press(other.widget, "Edit")

    field(one.widget, "Phone").value = "+1 415 555 0100"
    press(one.widget, "Save")
    field(other.widget, "E-mail").value = "new@example.org"
    press(other.widget, "Save")

    owner = registry.dogs.get("luigi").owner
    assert owner is not None
    assert (owner.phone, owner.email) == ("+1 415 555 0100", "new@example.org")
    assert owner.picture is not None


def test_a_pet_that_somebody_else_removed_can_no_longer_be_changed(front: Front, registry: pf.Registry) -> None:
    panel = opened(front)
    registry.dogs.remove("luigi")

    panel.shown()

    assert "no longer registered" in panel.messages.widget.value
    assert buttons(panel.widget, "Who to call") == []
    assert "Jack Russell" not in text_of(panel.widget)


def test_a_removed_pet_is_gone_from_the_answers_one_comes_back_to(front: Front) -> None:
    words = section(front, WordsPanel)
    words.text.value = "jack"
    assert "Luigi" in text_of(words.answer)
    find = section(front, FindPanel)
    find.upload.button.value = (chosen(RED),)
    assert "Luigi" in text_of(find.answer)

    remove(front)

    assert "Luigi" not in text_of(find.answer)
    section(front, WordsPanel)
    assert "Luigi" not in text_of(words.answer)
    assert "No dog has “jack”" in words.messages.widget.value


def test_a_page_whose_last_pet_was_removed_is_left(front: Front, registry: pf.Registry) -> None:
    for number in range(46):
        registry.dogs.register(pf.Dog(pet_id=f"x{number:02}"))
    panel = section(front, BrowsePanel)
    press(panel.above, "Next")
    assert "page 2 of 2" in panel.where_we_are.value

    registry.dogs.remove("x45")
    panel.shown()

    assert "48 dogs" in panel.where_we_are.value
    assert "bella" in text_of(panel.answer).lower()


def test_another_species_is_asked_for_once_and_only_where_it_is_seen(front: Front) -> None:
    find = section(front, FindPanel)
    find.upload.button.value = (chosen(RED),)
    front.ways.value = "All pets"

    with (
        patch.object(PetDesk, "page", autospec=True, side_effect=PetDesk.page) as page,
        patch.object(PetDesk, "find", autospec=True, side_effect=PetDesk.find) as search,
    ):
        front.species.value = "cat"
        front.species.value = "dog"
        front.ways.value = "Find by photo"
        assert (page.call_count, search.call_count) == (2, 0), "a photo is looked for among all, whatever is listed"
        find.species.value = "cat"
        assert (search.call_count, front.species.value) == (1, "cat"), "chosen here, it holds elsewhere"
    assert "Mimi" in text_of(find.answer)
    assert "Luigi" not in text_of(find.answer)
