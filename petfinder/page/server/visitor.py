"""What the page's notebook does for one visitor, in a process of their own: open the registry, show the front end."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from petfinder.domain.errors import PetfinderError
from petfinder.page.access import Access
from petfinder.page.server.handover import PageOptions
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.registry.settings import load_settings, revealed

if TYPE_CHECKING:
    from ipywidgets import Widget


def prepare() -> None:
    """Load the front end's packages and open the registry, before the visitor comes."""
    import petfinder.page.widgets.page  # noqa: F401

    _log_where_the_server_does()
    os.chdir(PageOptions.from_environment().folder)
    with contextlib.suppress(PetfinderError):  # shown to the visitor, who may come when the server is up again
        _registry()


def page() -> Widget:
    """Make the front end for the visitor who has come, or a sentence that says why there is none."""
    from petfinder.page.widgets.page import front_page
    from petfinder.page.widgets.parts import html, sentence_of

    try:
        options = PageOptions.from_environment()
        access = Access(revealed(load_settings().passphrase_hash), attempts=Path(options.attempts))
        return front_page(_registry(), access=access, tiles=options.tiles, greeting=options.greeting)
    except PetfinderError as error:
        logging.getLogger(__name__).error("%s: %s", type(error).__name__, error)  # for whoever runs the page
        return html(f'<p role="alert">{escape(sentence_of(error))}</p>')


def wait_for_visitor() -> None:
    """Wait until somebody asks for the page, so that it shows what is registered by then."""
    from voila.utils import wait_for_request

    wait_for_request()


def _log_where_the_server_does() -> None:
    """Write what goes wrong to the server's own output: what a visitor's process prints is dropped on its way."""
    original = getattr(sys.stderr, "_original_stdstream_copy", None)  # where ipykernel keeps what it replaced
    stream = sys.__stderr__ if original is None else os.fdopen(original, "w", buffering=1, closefd=False)
    log = logging.getLogger("petfinder")
    log.addHandler(logging.StreamHandler(stream))
    log.propagate = False


@lru_cache(maxsize=1)
def _registry() -> Registry:
    """The registry that the page shows, opened once."""
    options = PageOptions.from_environment()
    return connect(options.registry, encoder=options.encoder, name=options.name)
