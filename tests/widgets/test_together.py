"""Several people, and several panels, at once: nothing is undone, shown that is gone, or done twice."""

from __future__ import annotations

from unittest.mock import patch

import petfinder as pf
from petfinder.page.desk import Desk, PetDesk
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.pet import DetailsPanel
from petfinder.page.widgets.search import BrowsePanel, FindPanel
from tests.widgets.conftest import RED, buttons, chosen, press, searching, text_of


def opened(front: Front, pet_id: str = "luigi") -> DetailsPanel:
    front.visit.open_pet(pet_id)
    panel = front.panel
    assert isinstance(panel, DetailsPanel)
    return panel


def remove(front: Front) -> None:
    """Open Luigi, remove him, and come back."""
    details = opened(front)
    press(details.widget, "Remove")
    press(details.widget, "Yes, remove for ever")
    press(details.widget, "← Back")


def field(panel: DetailsPanel, label: str) -> object:
    return next(one for one in _inside(panel.widget) if getattr(one, "description", "") == label)


def _inside(widget: object) -> list[object]:
    return [widget, *(one for child in getattr(widget, "children", ()) for one in _inside(child))]


def test_two_who_edit_one_owner_keep_each_others_changes(registry: pf.Registry) -> None:
    one, other = opened(Front(Desk(registry))), opened(Front(Desk(registry)))
    press(one.widget, "Edit")
    press(other.widget, "Edit")

    field(one, "Phone").value = "+1 415 555 0100"  # type: ignore[attr-defined]
    press(one.widget, "Save")
    field(other, "E-mail").value = "new@example.org"  # type: ignore[attr-defined]
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


def test_a_removed_pet_is_gone_from_the_answer_one_comes_back_to(front: Front) -> None:
    panel = front.panel
    assert isinstance(panel, FindPanel)
    panel.upload.button.value = (chosen(RED),)
    assert "Luigi" in text_of(panel.answer)

    remove(front)

    assert "Luigi" not in text_of(panel.answer)


def test_words_are_searched_again_where_a_pet_was_removed_meanwhile(front: Front) -> None:
    panel = searching(front)
    panel.text.value = "jack"
    assert "Luigi" in text_of(panel.answer)

    remove(front)

    assert "Luigi" not in text_of(panel.answer)
    assert "No dog has “jack”" in panel.messages.widget.value


def test_a_key_held_down_on_remove_erases_nobody(front: Front, registry: pf.Registry) -> None:
    details = opened(front)
    with patch("ipywidgets.Button.focus", autospec=True) as focus:
        press(details.widget, "Remove")

    assert [call.args[0].description for call in focus.call_args_list] == ["Keep it"]
    assert registry.dogs.count() == 3


def test_a_page_whose_last_pet_was_removed_is_left(front: Front, registry: pf.Registry) -> None:
    for number in range(46):
        registry.dogs.register(pf.Dog(pet_id=f"x{number:02}"))
    front.ways.value = "All pets"
    panel = front.panel
    assert isinstance(panel, BrowsePanel)
    press(panel.above.widget, "Next")
    assert "page 2 of 2" in panel.where_we_are.value

    registry.dogs.remove("x45")
    panel.shown()

    assert "48 dogs" in panel.where_we_are.value
    assert "bella" in text_of(panel.answer).lower()


def test_another_species_is_asked_for_once_and_only_where_it_is_seen(front: Front) -> None:
    find = front.panel
    assert isinstance(find, FindPanel)
    find.upload.button.value = (chosen(RED),)
    front.ways.value = "All pets"

    with (
        patch.object(PetDesk, "page", autospec=True, side_effect=PetDesk.page) as page,
        patch.object(PetDesk, "find", autospec=True, side_effect=PetDesk.find) as search,
    ):
        front.species.value = "cat"
        assert (page.call_count, search.call_count) == (1, 0)
        front.ways.value = "Find by photo"
        assert search.call_count == 1
    assert "Mimi" in text_of(find.answer)
