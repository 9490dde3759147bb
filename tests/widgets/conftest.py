"""The widgets of a notebook, driven without a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, TypeVar

import ipywidgets as ipw
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

import petfinder as pf
from petfinder.page.desk import Desk
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.parts import Panel
from petfinder.page.widgets.pet import PetPanel
from tests.conftest import TableEncoder

PASSPHRASE = "four small paws"
PHONE, EMAIL, ADDRESS = "555-0147-90210", "planted@example.org", "13 Planted Lane"
CONTACT = ("Ully", PHONE, EMAIL, ADDRESS)
EXACT = (38.712345, -9.143217)
RED, NEARLY_RED, BLUE, GREEN, PURPLE = (200, 40, 40), (204, 44, 41), (50, 60, 210), (40, 180, 60), (180, 40, 180)

PanelT = TypeVar("PanelT", bound=Panel)


def jpeg(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "JPEG")
    return out.getvalue()


def chosen(colour: tuple[int, int, int] = RED, *, name: str = "photo.jpg", content: bytes | None = None) -> Any:
    whole = jpeg(colour) if content is None else content
    at = datetime(2026, 5, 3, tzinfo=timezone.utc)
    return {"name": name, "type": "image/jpeg", "size": len(whole), "content": memoryview(whole), "last_modified": at}


def inside(widget: Any) -> Iterator[Any]:
    if getattr(widget.layout, "display", None) == "none":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def text_of(widget: Any) -> str:
    return "\n".join(
        one.value if isinstance(one, ipw.HTML) else str(getattr(one, "description", "")) for one in inside(widget)
    )


def buttons(widget: Any, label: str) -> list[ipw.Button]:
    return [one for one in inside(widget) if isinstance(one, ipw.Button) and one.description == label]


def press(widget: Any, label: str) -> None:
    """Click a button in view that is not disabled."""
    [button] = buttons(widget, label)
    assert not button.disabled
    button.click()


def states() -> str:
    return "\n".join(repr(one.get_state()) for one in [*_instances.values()])


def section(front: Front, kind: type[PanelT]) -> PanelT:
    front.ways.value = kind.title
    assert isinstance(front.panel, kind)
    return front.panel


def opened(front: Front, pet_id: str = "luigi") -> PetPanel:
    front.open_pet("dog", pet_id)
    assert isinstance(front.panel, PetPanel)
    return front.panel


@pytest.fixture(autouse=True)
def no_widget_stays() -> Iterator[None]:
    yield
    ipw.Widget.close_all()


@pytest.fixture
def registry(table_encoder: TableEncoder) -> Iterator[pf.Registry]:
    """Three dogs and a cat: Luigi is lost and has an owner and an exact place."""
    owner = pf.Owner(name="Ully", phone=PHONE, email=EMAIL, address=ADDRESS, picture=Image.new("RGB", (40, 40), GREEN))
    with pf.connect(":memory:", encoder=table_encoder) as opened:
        opened.dogs.register(
            pf.Dog(
                pet_id="luigi",
                name="Luigi",
                breed="Jack Russell",
                note="comes for cheese",
                status="lost",
                place=EXACT,
                owner=owner,
                finder=owner,
                held_back=ADDRESS,
                photos=[jpeg(RED)],
            )
        )
        opened.dogs.register(pf.Dog(pet_id="bella", name="Bella", breed="Beagle", photos=[jpeg(BLUE)]))
        opened.dogs.register(pf.Dog(pet_id="rex", name="Rex", photos=[jpeg(GREEN)]))
        opened.cats.register(pf.Cat(pet_id="mimi", name="Mimi", photos=[jpeg(PURPLE)]))
        yield opened


@pytest.fixture
def front(registry: pf.Registry) -> Front:
    return Front(Desk(registry))
