"""How values show themselves without importing their pictures: they ask one table, which the display fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Way = Literal["html", "text", "figure", "places"]
Renderers = Mapping[tuple[str, Way], str]

_load: Callable[[], Renderers] = dict


def use_renderers(load: Callable[[], Renderers]) -> None:
    """Take the table of renderers from `load`, which is called when a value is first shown."""
    global _load
    _load = load


def as_html(value: object) -> str:
    """Show a value in a notebook."""
    return str(_shown(value, "html"))


def as_text(value: object) -> str:
    """Show a value in a terminal."""
    return str(_shown(value, "text"))


def as_figure(value: object, way: Literal["figure", "places"] = "figure") -> Figure:
    """Draw a value, or the places in it; raises ConfigError where the `notebook` extra is missing."""
    figure: Figure = _shown(value, way)
    return figure


def _shown(value: object, way: Way) -> Any:
    from pkgutil import resolve_name  # not at import: `import petfinder` costs next to nothing

    renderers = _load()
    for base in type(value).__mro__:  # a Dog is shown as a Pet
        if function := renderers.get((base.__name__, way)):
            return resolve_name(function)(value)
    raise LookupError(f"nothing shows a {type(value).__name__} as {way}")
