"""The small parts that every panel is made of: headings, fields with their labels, buttons, messages.

Whatever is a name or a text of somebody is escaped here.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import ipywidgets as ipw
from ipywidgets.widgets.widget_string import HTMLStyle

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.domain import errors
from petfinder.domain.errors import PetfinderError

W = TypeVar("W", bound=ipw.DOMWidget)
_log = logging.getLogger("petfinder.page.widgets")
_WIDE = {"width": "auto", "max_width": "100%"}
_OUT_OF_ORDER = "The registry does not answer. Try again in a minute, and tell whoever runs this page if it stays so."
_UNEXPECTED = "Something went wrong here, and nothing was changed that you do not see. Please try once more."
_LOCKED = "Contact details and changes need the passphrase of whoever runs this page. Ask them, or unlock at the top."
_SENTENCES: dict[type[PetfinderError], str] = {
    errors.PassphraseNeeded: _LOCKED,
    errors.PetNotFound: "This pet is no longer registered.",
    errors.DuplicatePet: "A pet with this id is registered already. Choose another id, or leave it empty.",
    errors.EditConflict: "Somebody else changed this pet at the same moment. Look at it again, then try once more.",
    errors.EncoderUnavailable: "Photos cannot be compared at the moment. Tell whoever runs this page.",
    errors.StoreError: _OUT_OF_ORDER,
    errors.ConfigError: _OUT_OF_ORDER,
}


class SharedStyles:
    """Layouts and styles that the widgets of one answer share: each of their own would be a message to the browser.

    A message is lost without a word where more than 1,000 wait for a slow server. Who changes one changes all.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Any] = {}

    def of(self, kind: Callable[..., Any], **traits: str) -> Any:
        """The one layout or style of this kind with these traits."""
        key = (kind, *sorted(traits.items()))
        if key not in self._made:
            self._made[key] = kind(**traits)
        return self._made[key]


def style_sheet() -> ipw.HTML:
    """How the page looks, in the page itself."""
    return html(f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>")


def html(content: str, *classes: str, styles: SharedStyles | None = None) -> ipw.HTML:
    """Ready HTML as a widget."""
    styles = styles or SharedStyles()
    layout, style = styles.of(ipw.Layout, **_WIDE, min_width="0"), styles.of(HTMLStyle)
    return ipw.HTML(content, layout=layout, style=style, _dom_classes=("pf-html", *classes))


def heading(text: str, level: int = 2) -> ipw.HTML:
    """A heading, escaped; the page has one of level 1, its panels have 2."""
    return html(heading_html(text, level))


def heading_html(text: str, level: int = 2) -> str:
    """The HTML of a heading, for one that changes."""
    return f"<h{level}>{markup.escape(text)}</h{level}>"


def note(text: str) -> ipw.HTML:
    """A quiet line that explains, escaped."""
    return html(f'<p class="pf-quiet">{markup.escape(text)}</p>')


def write(place: ipw.HTML, content: str) -> None:
    """Put other HTML in; without any it takes no room."""
    place.value = content
    see(place, bool(content))


def see(widget: ipw.Widget, visible: bool) -> None:
    """Show a widget, or hide it without taking room."""
    widget.layout.display = None if visible else "none"


def column(*children: ipw.Widget, css: str = "", styles: SharedStyles | None = None) -> ipw.VBox:
    """Widgets below each other."""
    layout = (styles or SharedStyles()).of(ipw.Layout, **_WIDE)
    return ipw.VBox(children, layout=layout, _dom_classes=("pf-column", *css.split()))


def row(*children: ipw.Widget, css: str = "", styles: SharedStyles | None = None) -> ipw.HBox:
    """Widgets side by side, going on below where the screen ends."""
    layout = (styles or SharedStyles()).of(ipw.Layout, **_WIDE, flex_flow="row wrap")
    return ipw.HBox(children, layout=layout, _dom_classes=("pf-row", *css.split()))


def tiles(children: Iterable[ipw.Widget], *, least: int) -> ipw.GridBox:
    """Widgets in as many columns, each at least so many pixels wide, as the screen has room for."""
    columns = f"repeat(auto-fill, minmax(min(100%, {least}px), 1fr))"
    layout = ipw.Layout(grid_template_columns=columns, **_WIDE)
    return ipw.GridBox([*children], layout=layout, _dom_classes=("pf-tiles",))


def field(kind: Callable[..., W], label: str, *classes: str, **traits: Any) -> W:
    """An input of this kind with its label above it; the label is tied to the input."""
    return _labelled(kind, label, "pf-field", *classes, **traits)


def place_field(label: str) -> ipw.Text:
    """A field for a place as two numbers; the page offers to put in where the visitor is."""
    return field(ipw.Text, label, "pf-place")


def tick(label: str, *, value: bool = False) -> ipw.Checkbox:
    """A box to tick."""
    return _labelled(ipw.Checkbox, label, "pf-tick", value=value, indent=False)


def chooser(options: Iterable[tuple[str, str]], label: str, *classes: str) -> ipw.ToggleButtons:
    """Real buttons of which one is chosen; each option is (what it says, its value)."""
    return _labelled(ipw.ToggleButtons, label, "pf-chooser", *classes, options=[*options])


def _labelled(kind: Callable[..., W], label: str, *classes: str, **traits: Any) -> W:
    style, layout = {"description_width": "auto"}, ipw.Layout(**_WIDE)
    return kind(description=label, style=style, layout=layout, _dom_classes=classes, **traits)


def button(
    label: str, clicked: Callable[[], object], *, kind: str = "", tooltip: str = "", styles: SharedStyles | None = None
) -> ipw.Button:
    """A button; `kind`: "primary", "danger" or "" for a plain one."""
    styles = styles or SharedStyles()
    made = ipw.Button(
        description=label,
        tooltip=tooltip or None,
        layout=styles.of(ipw.Layout, width="auto", height="auto"),
        style=styles.of(ipw.ButtonStyle),
        _dom_classes=("pf-button", *([f"pf-{kind}"] if kind else [])),
    )

    def press(_: ipw.Button) -> None:
        made.pressed = True
        try:
            clicked()
        finally:
            made.pressed = False

    made.on_click(press)
    return made


def on_enter(text: ipw.Text, entered: Callable[[], object]) -> None:
    """Call when Enter is pressed in a text field, or it is left, after it was changed.

    The browser says that Enter was pressed before it says what was typed, so that the text itself is waited for.
    """
    text.continuous_update = False
    text.observe(lambda _: entered(), "value")


def show(box: ipw.Box, children: Iterable[ipw.Widget]) -> None:
    """Put these widgets in a box in the place of what was there, which is closed with all that it holds."""
    before, after = box.children, tuple(children)
    box.children = after
    for child in before:
        if child not in after:
            close(child)


def close(widget: ipw.Widget) -> None:
    """Close a widget and all that is in it, so that nothing of it stays in kernel or browser."""
    for several in ("children", "layers", "controls"):
        for child in getattr(widget, several, ()):
            close(child)
    for part in ("layout", "style", "default_style", "dragging_style", "popup", "icon"):
        if isinstance(own := getattr(widget, part, None), ipw.Widget):
            close(own)
    widget.close()


def sentence_of(error: PetfinderError) -> str:
    """One sentence for a visitor: no path, host or index name of whoever runs the page."""
    for kind, known in _SENTENCES.items():
        if isinstance(error, kind):
            return known
    sentence = str(error).strip()
    if "." not in sentence.split(" ", 1)[0]:  # a file is called as its owner calls it
        sentence = wording.begun(sentence)
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


class Fold:
    """Something folded away behind a button that says what it is; made when it is opened for the first time."""

    def __init__(self, label: str, inner: Callable[[], Iterable[ipw.Widget]]) -> None:
        self._label, self._make = label, inner
        self._inner = column()
        self.button = button(f"▸ {label}", self.turn)
        self.widget = column(self.button, self._inner)
        self.open = False
        see(self._inner, False)

    def turn(self) -> None:
        """Open what is folded, or fold it."""
        self.open = not self.open
        if self.open and not self._inner.children:
            self._inner.children = tuple(self._make())
        see(self._inner, self.open)
        self.button.description = f"{'▾' if self.open else '▸'} {self._label}"


class Messages:
    """Where a panel says how things went: read out by screen readers, errors at once."""

    def __init__(self) -> None:
        self.widget = html("")
        self.clear()

    def say(self, text: str) -> None:
        """Something went as it should, or is on its way."""
        write(self.widget, f'<p role="status" aria-live="polite" class="pf-said">{markup.escape(text)}</p>')

    def warn(self, text: str) -> None:
        """Something is wrong, and what to do about it."""
        write(self.widget, f'<p role="alert" class="pf-warned">{markup.escape(text)}</p>')

    def clear(self) -> None:
        """Say nothing."""
        write(self.widget, "")

    @contextmanager
    def trying(self, doing: str, *controls: ipw.Widget) -> Iterator[None]:
        """While something runs, say so and disable the controls (a first button says it too); say what goes wrong."""
        first = controls[0] if controls and isinstance(controls[0], ipw.Button) else None
        label = first.description if first else ""
        before = [control.disabled for control in controls]
        self.say(doing)
        for control in controls:
            control.disabled = True
        if first:
            first.description = doing
        message = self.widget.value
        try:
            yield
        except PetfinderError as error:
            if sentence_of(error) == _OUT_OF_ORDER:
                _log.error("%s: %s", type(error).__name__, error)
            self.warn(sentence_of(error))
        except Exception as error:  # a visitor sees a sentence, never a traceback
            where = [f"{step.filename}:{step.lineno}" for step in traceback.extract_tb(error.__traceback__)]
            _log.error("%s at %s", type(error).__name__, ", ".join(where))  # its words may hold contact
            self.warn(_UNEXPECTED)
        finally:
            if self.widget.value == message:
                self.clear()
            if first:
                first.description = label
            for control, disabled in zip(controls, before, strict=True):
                control.disabled = disabled
            if first and first.comm is not None and getattr(first, "pressed", False):
                first.focus()  # a button that is disabled loses it
