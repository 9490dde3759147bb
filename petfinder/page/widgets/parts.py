"""What the sections are made of: fields, buttons, messages, and the pets that an answer shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.display.html.gallery import matches_as_html
from petfinder.domain.errors import InvalidQuery, PetfinderError
from petfinder.domain.matches import Matches
from petfinder.domain.pets import REPORTED, Pet
from petfinder.page.desk import Desk

W = TypeVar("W", bound=ipw.DOMWidget)
PLACE = "Place (latitude, longitude)"


def html(content: str) -> ipw.HTML:
    """Ready HTML as a widget."""
    return ipw.HTML(content)


def note(text: str) -> ipw.HTML:
    """A quiet line that explains."""
    return html(markup.quiet(text))


def heading(text: str) -> str:
    """A heading as HTML."""
    return f"<h2>{markup.escape(text)}</h2>"


def column(*children: ipw.Widget) -> ipw.VBox:
    """Widgets below each other."""
    return ipw.VBox(children)


def row(*children: ipw.Widget) -> ipw.HBox:
    """Widgets side by side, going on below where there is no room."""
    return ipw.HBox(children, layout=ipw.Layout(flex_flow="row wrap"))


def field(kind: Callable[..., W], label: str, **traits: Any) -> W:
    """An input of this kind with its label."""
    return kind(description=label, style={"description_width": "initial"}, **traits)


def button(label: str, clicked: Callable[[], object], *, kind: str = "") -> ipw.Button:
    """A button; `kind`: "primary" or "" for a plain one."""
    made = ipw.Button(description=label, button_style=kind, layout=ipw.Layout(width="max-content"))
    made.on_click(lambda _: clicked())
    return made


def see(widget: ipw.Widget, visible: bool) -> None:
    """Show a widget, or hide it without taking room."""
    widget.layout.display = None if visible else "none"


def show(box: ipw.Box, *children: ipw.Widget) -> None:
    """Put these widgets in a box in the place of what was there, which is closed with all that it holds."""
    before, box.children = box.children, children
    for child in before:
        close(child)


def close(widget: ipw.Widget) -> None:
    """Close a widget and all that is in it."""
    for child in (*getattr(widget, "children", ()), *getattr(widget, "layers", ())):
        close(child)
    widget.close()


class Messages:
    """Where a section says how things went."""

    def __init__(self) -> None:
        self.widget = html("")

    def say(self, text: str) -> None:
        """Something went as it should, or is on its way."""
        self.widget.value = f'<p role="status">{markup.escape(text)}</p>' if text else ""

    def warn(self, text: str) -> None:
        """Something is wrong, and what to do about it."""
        self.widget.value = f'<p role="alert"><b>{markup.escape(text)}</b></p>'

    @contextmanager
    def trying(self, doing: str, control: ipw.Widget | None = None) -> Iterator[None]:
        """Say that something runs, with its button disabled; then nothing, or what went wrong."""
        self.say(doing)
        before = self.widget.value
        if control:
            control.disabled = True
        try:
            yield
        except PetfinderError as error:
            self.warn(f"{wording.begun(str(error))}.")
        except Exception as error:
            self.warn(f"{type(error).__name__}: {error}")
            raise
        finally:
            if control:
                control.disabled = False
            if self.widget.value == before:
                self.say("")


@dataclass(frozen=True)
class Visit:
    """What the sections share: the desk, whether maps have tiles, and the ways to a pet (species, id) and back."""

    desk: Desk
    tiles: bool
    open_pet: Callable[[str, str], object]
    back: Callable[[], object]


class Panel:
    """A section: `widget` is what is shown, `messages` where it says how things went, `answer` what it found."""

    title: ClassVar[str] = ""
    widget: ipw.Box

    def __init__(self, visit: Visit) -> None:
        self.visit, self.desk = visit, visit.desk
        self.messages, self.answer = Messages(), column()

    def lay_out(self, *children: ipw.Widget) -> None:
        """Make its widget: the title, these, and below them what it says and answers."""
        self.widget = column(html(heading(self.title)), *children, self.messages.widget, self.answer)

    def shown(self) -> None:
        """Bring up to date what comes into view."""

    def choice(self, pets: Sequence[Pet]) -> ipw.Widget:
        """Choose one of the pets that an answer shows, to open it."""
        if not pets:
            return html("")
        options = [(_label(pet), (pet.species, pet.pet_id)) for pet in pets]
        which = field(ipw.Dropdown, "Which one", options=options)
        return row(which, button("Details", lambda: self.visit.open_pet(*which.value), kind="primary"))

    def found(self, matches: Matches) -> Iterable[ipw.Widget]:
        """A way to each match, and the gallery of them."""
        return self.choice([match.pet for match in matches]), html(matches_as_html(matches))

    def counterparts(self, pet: Pet) -> Iterable[ipw.Widget]:
        """The reports of the other side that this one may be; nothing for a pet that is not reported."""
        if pet.status not in REPORTED:
            return []
        try:
            matches = self.desk.of(pet.species).unlocked.counterparts(pet.pet_id)
        except InvalidQuery:
            return [note("Without a photo it cannot be compared with what others report.")]
        return (
            self.found(replace(matches, query=pet.photos))
            if matches
            else [note("No report of the other side is like it yet.")]
        )


def _label(pet: Pet) -> str:
    name = wording.name_of(pet)
    return name if name == wording.clean(pet.pet_id) else f"{name} (id {wording.clean(pet.pet_id)})"
