"""A page as one visitor has it, driven without a browser; and all that it would have sent to one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import ipywidgets as ipw
import pytest
from comm.base_comm import BaseComm
from ipywidgets.widgets import widget as ipywidgets_widget
from PIL import Image

import petfinder as pf
from petfinder.page.access import Access, hash_passphrase
from petfinder.page.desk import Desk
from petfinder.page.widgets.page import Front, PanelT
from petfinder.page.widgets.pet import DetailsPanel
from tests.conftest import TableEncoder

PASSPHRASE = "four small paws"
PHONE, EMAIL, ADDRESS = "555-0147-90210", "planted@example.org", "13 Planted Lane"
CONTACT = ("Ully", PHONE, EMAIL, ADDRESS)
EXACT = (38.712345, -9.143217)
RED, NEARLY_RED, BLUE, GREEN, PURPLE = (200, 40, 40), (204, 44, 41), (50, 60, 210), (40, 180, 60), (180, 40, 180)


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


def press(widget: Any, label: str, *, which: int = 0) -> None:
    """Click a button in view that is not disabled."""
    button = buttons(widget, label)[which]
    assert not button.disabled
    button.click()


def states() -> str:
    return "\n".join(repr(one.get_state()) for one in [*ipywidgets_widget._instances.values()])


def section(front: Front, kind: type[PanelT]) -> PanelT:
    front.ways.value = kind.title
    assert isinstance(front.panel, kind)
    return front.panel


def opened(front: Front, pet_id: str = "luigi") -> DetailsPanel:
    front.visit.open_pet(pet_id)
    assert isinstance(front.panel, DetailsPanel)
    return front.panel


def field(widget: Any, label: str) -> Any:
    return next(one for one in inside(widget) if getattr(one, "description", "") == label)


class Sent(list[str]):
    def holds(self, *texts: str) -> bool:
        return any(text in message for message in self for text in texts)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    messages = Sent()

    class Recorded(BaseComm):
        def publish_msg(
            self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
        ) -> None:
            messages.append(f"{msg_type} {data!r} {[bytes(buffer) for buffer in buffers or ()]!r}")

    monkeypatch.setattr("comm.create_comm", Recorded)
    return messages


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


@pytest.fixture(scope="session")
def hashed() -> str:
    return hash_passphrase(PASSPHRASE)


@pytest.fixture
def locked(registry: pf.Registry, hashed: str, sent: Sent) -> Front:
    """A page with a passphrase, which was not given yet."""
    return Front(Desk(registry, Access(hashed, sleep=lambda _: None)))
