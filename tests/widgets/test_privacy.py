"""What the browser gets: no contact before the passphrase and none after the lock, no exact place, no live markup."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import ipywidgets as ipw
import pytest

import petfinder as pf
from petfinder.domain.text import install_line
from petfinder.page.desk import Desk
from petfinder.page.widgets.page import SECTIONS, Front
from petfinder.page.widgets.search import FindPanel
from tests.display.test_gallery import HOSTILE, Reader
from tests.widgets.conftest import CONTACT, PASSPHRASE, Sent, chosen, inside, opened, press, section, states, text_of

CHIP = "985 112 003"
ACTIONS = ("Who to call", "Edit", "Reunited")


def go_everywhere(front: Front) -> None:
    for name in SECTIONS:
        front.ways.value = name
    section(front, FindPanel).upload.button.value = (chosen(),)
    front.visit.open_pet("luigi")
    front.visit.open_similar("luigi")
    press(front.widget, "← Back")


def owner_picture(registry: pf.Registry) -> str:
    owner = registry.dogs.owner_of("luigi")
    assert owner is not None
    assert owner.picture is not None
    return base64.b64encode(owner.picture.thumbnail or b"").decode()


def test_no_contact_is_sent_before_the_passphrase(locked: Front, sent: Sent, registry: pf.Registry) -> None:
    go_everywhere(locked)
    for action in ACTIONS:
        press(locked.widget, action)
        assert "need the passphrase" in locked.panel.messages.widget.value
    press(locked.widget, "Remove")
    press(locked.widget, "Yes, remove for ever")
    assert "need the passphrase" in locked.panel.messages.widget.value
    panel = opened(locked)
    panel.lost.click()  # as who enables the button in the browser
    press(panel.answer, "Report as lost")
    assert "need the passphrase" in panel.messages.widget.value

    luigi = registry.dogs.get("luigi")
    assert (luigi.status, luigi.status_at) == (pf.Status.LOST, None)
    assert len(sent) > 100
    assert sent.holds("Luigi")
    assert not sent.holds(*CONTACT, owner_picture(registry), "38.712", "9.1432")
    assert not any(text in states() for text in (*CONTACT, "38.712", "9.1432"))


def test_contact_and_chip_come_and_go_with_the_lock(locked: Front, sent: Sent, registry: pf.Registry) -> None:
    registry.dogs.update("luigi", microchip=CHIP)  # which proves who owns a pet
    go_everywhere(locked)
    assert CHIP not in states()
    locked.lock.passphrase.value = "not this one"
    assert "not the passphrase" in locked.lock.messages.widget.value
    locked.lock.passphrase.value = PASSPHRASE
    assert not sent.holds(*CONTACT)
    assert CHIP in text_of(locked.panel.widget)

    for action, seen in (("Who to call", (*CONTACT, owner_picture(registry))), ("Edit", CONTACT)):
        press(locked.widget, action)
        assert all(text in states() for text in seen)
        press(locked.widget, "Lock")
        assert not any(text in states() for text in (*seen, CHIP))
        assert "need the passphrase" not in text_of(locked.panel.widget)
        locked.lock.passphrase.value = PASSPHRASE
    press(locked.widget, "Who to call")
    locked.ways.value = "All pets"
    assert not any(text in states() for text in CONTACT[1:])
    assert PASSPHRASE not in states()


def test_what_leaves_the_page_is_closed(locked: Front) -> None:
    go_everywhere(locked)
    before = len(ipw.widgets.widget._instances)

    go_everywhere(locked)

    assert len(ipw.widgets.widget._instances) == before


def test_hostile_names_show_as_text_everywhere(registry: pf.Registry) -> None:
    registry.dogs.update(
        "luigi", name=HOSTILE, breed=HOSTILE, note=HOSTILE, owner=pf.Owner(name=HOSTILE, phone=HOSTILE)
    )
    front = Front(Desk(registry))
    photo = (chosen(name=HOSTILE + ".jpg"),)
    steps: list[Callable[[], object]] = [
        *(partial(setattr, front.ways, "value", name) for name in SECTIONS),
        lambda: setattr(section(front, FindPanel).upload.button, "value", photo),
        lambda: press(opened(front).widget, "Who to call"),
        lambda: press(front.widget, "Edit"),
        lambda: front.visit.open_similar("luigi"),
    ]
    shown: list[str] = []

    for step in steps:
        step()
        shown += _html(front)

    read = [Reader(one) for one in shown]
    assert any("<script>alert(1)</script>" in "".join(page.text) for page in read)
    tags = {tag for page in read for tag, _, _ in page.attributes}
    assert "script" not in tags
    assert not [name for page in read for _, name, _ in page.attributes if name.startswith("on")]


def _html(front: Front) -> list[str]:
    values = [one.value for one in inside(front.widget) if isinstance(one, ipw.HTML)]
    names = [
        layer.icon.html
        for one in inside(front.widget)
        for layer in getattr(one, "layers", ())
        if getattr(layer, "icon", None)
    ]
    return [value for value in [*values, *names] if not value.startswith("<style>")]


def test_every_input_has_a_label_and_every_picture_says_what_it_shows(front: Front) -> None:
    labelled = (ipw.Text, ipw.Textarea, ipw.Dropdown, ipw.DatePicker, ipw.BoundedFloatText, ipw.Checkbox, ipw.Button)
    go_everywhere(front)
    press(front.widget, "Edit")

    every = [*ipw.widgets.widget._instances.values()]
    assert [one for one in every if isinstance(one, labelled) and not one.description.strip()] == []
    for one in every:
        if isinstance(one, ipw.HTML) and "<img" in one.value:
            assert all(Reader(one.value).values("alt"))


@pytest.mark.parametrize("missing", ["ipywidgets", "ipyleaflet"])
def test_a_missing_package_is_named_with_its_pip_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import petfinder as pf, petfinder.page.widgets as widgets\n"
        "for home in (pf, widgets):\n"
        "    try: home.front_page\n"
        "    except pf.ConfigError as error: print(error)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.count(f"widgets need {missing}: {install_line('notebook')}") == 2
