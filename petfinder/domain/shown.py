"""How values show themselves and leave Python without importing their display: they ask one table, which it fills."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

T = TypeVar("T")
Way = Literal["html", "text", "figure", "places", "data", "table", "file"]
Renderers = Mapping[tuple[str, Way], str]
ReadThumbnails = Callable[[Sequence[tuple[str, str]]], Sequence[bytes | None]]
"""Gives the JPEG of each photo, named by (pet_id, photo_id); None where there is none."""

_load: Callable[[], Renderers] = dict


def use_renderers(load: Callable[[], Renderers]) -> None:
    """Take the table of renderers from `load`, which is called when a value is first shown."""
    global _load
    _load = load


def as_text(value: object) -> str:
    """Show a value in a terminal."""
    return str(_shown(value, "text"))


def as_figure(value: object, way: Literal["figure", "places"] = "figure") -> Figure:
    """Draw a value, or the places in it; raises ConfigError where the `notebook` extra is missing."""
    figure: Figure = _shown(value, way)
    return figure


class Shown:
    """What shows itself in a notebook."""

    def _repr_html_(self) -> str:
        return str(_shown(self, "html"))


class Result(Shown):
    """What a call answers, as data and files: in the form of the command line's --json, without contact."""

    def to_dict(self) -> dict[str, Any]:
        """Give the result as plain data that JSON can hold."""
        return dict(_shown(self, "data"))

    def to_json(self, *, indent: int | None = None) -> str:
        """Give the result as JSON text."""
        from json import dumps

        return dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_table(self) -> pandas.DataFrame:
        """Give a pandas table, a row for each match, item or measure; raises ConfigError without pandas."""
        table: pandas.DataFrame = _shown(self, "table")
        return table

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write "result.html", its pictures inside, or "result.json"; "result.png", ".pdf", ... where it has a plot.

        Raises ConfigError for other endings and for what cannot be written.
        """
        _shown(self, "file", path)


class Listing(list[T], Shown):
    """A list that a notebook shows, with the thumbnails that `read` can fetch then."""

    def __init__(self, items: Iterable[T] = (), read: ReadThumbnails | None = None) -> None:
        super().__init__(items)
        self.read = read

    def __reduce__(self) -> tuple[type[Listing[T]], tuple[list[T]]]:
        return type(self), ([*self],)  # what reads has a connection, which cannot be pickled


def _shown(value: object, way: Way, *more: object) -> Any:
    from pkgutil import resolve_name  # not at import: `import petfinder` costs next to nothing

    renderers = _load()
    for base in type(value).__mro__:  # a Dog is shown as a Pet
        if function := renderers.get((base.__name__, way)):
            return resolve_name(function)(value, *more)
    raise LookupError(f"nothing shows a {type(value).__name__} as {way}")
