"""Results as files, written whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from petfinder.domain.errors import ConfigError
from petfinder.domain.shown import Result
from petfinder.tables.atomic import replacing

PICTURES = (".png", ".jpg", ".webp", ".svg", ".pdf")


def save(result: Result, path: Any) -> None:
    """Write a result as its path ends: its figure, a page that stands alone, or JSON.

    Raises ConfigError, and then leaves what was there.
    """
    from petfinder.display.html.markup import render  # not at import: the command line needs no templates

    kind, plot = type(result).__name__, getattr(result, "plot", None)
    endings = (*(PICTURES if plot else ()), ".html", ".json")
    ending = Path(path).suffix.lower() if isinstance(path, (str, os.PathLike)) else None
    if ending not in endings:
        raise ConfigError(f"{kind} cannot be saved as {str(path)!r}: name a file that ends in {', '.join(endings)}")
    content = io.BytesIO()
    if plot and ending in PICTURES:
        plot().savefig(content, format=ending[1:])
    else:
        text = render("page", "page", kind, result) if ending == ".html" else result.to_json(indent=2)
        content.write(text.encode("utf-8", "backslashreplace"))  # the name of a file may be no Unicode
    try:
        with replacing(Path(path)) as part:
            part.write_bytes(content.getvalue())
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror or error}") from error
