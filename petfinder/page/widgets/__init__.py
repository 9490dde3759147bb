"""A registry to click through in a notebook. Needs the `notebook` extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line
from petfinder.page.desk import Desk
from petfinder.registry.registry import Registry

if TYPE_CHECKING:
    import ipywidgets as ipw

_PACKAGES = ("ipywidgets", "ipyleaflet")


def front_page(registry: Registry, *, tiles: bool = False) -> ipw.Widget:
    """Show widgets to find pets by photo, look through all, register, report, and see who to call and where they are.

    `tiles`: the map shows OpenStreetMap, from its servers; without, nothing is loaded from outside. Raises ConfigError
    where a package of the `notebook` extra is missing.
    """
    try:
        from petfinder.page.widgets.page import Front
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _PACKAGES:
            raise
        raise ConfigError(f"widgets need {error.name}: {install_line('notebook')}") from error
    return Front(Desk(registry), tiles=tiles).widget
