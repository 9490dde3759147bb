"""What people click: the page for volunteers, and each of its parts for notebooks. Needs the `notebook` extra.

Names are loaded when they are first used; a missing package is a ConfigError that says what to install.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line

if TYPE_CHECKING:
    from petfinder.page.widgets.page import browse as browse
    from petfinder.page.widgets.page import find_panel as find_panel
    from petfinder.page.widgets.page import front_page as front_page
    from petfinder.page.widgets.page import map_panel as map_panel
    from petfinder.page.widgets.page import pet_map as pet_map
    from petfinder.page.widgets.page import register_form as register_form
    from petfinder.page.widgets.page import stray_form as stray_form
    from petfinder.page.widgets.page import words_panel as words_panel

_PACKAGES = ("ipywidgets", "ipyleaflet")
_NAMES = "browse find_panel front_page map_panel pet_map register_form stray_form words_panel"

__all__ = _NAMES.split()  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"petfinder.page.widgets has no {name!r}")
    try:
        return getattr(import_module("petfinder.page.widgets.page"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _PACKAGES:
            raise
        raise ConfigError(f"widgets need {error.name}: {install_line('notebook')}") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
