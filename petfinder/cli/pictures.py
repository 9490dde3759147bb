"""The option --save: a result as a picture, its name checked before the work begins, the file whole or not there.

Knows files; figures are drawn by whoever has the result.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petfinder.cli.shell import note
from petfinder.errors import ConfigError
from petfinder.replacing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".jpg", ".webp", ".svg", ".pdf")
SaveOption = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help=f"Save a picture too; the name ends in {', '.join(ENDINGS)}."),
]


def check_picture(path: Path | None) -> None:
    """Raise ConfigError for a name that no picture can be saved under."""
    if path is None:
        return
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"--save: {str(path)!r} names no picture; let it end in {', '.join(ENDINGS)}")
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(
            f"--save: {str(path)!r} cannot be written as a picture; name a file in a folder that is there"
        )


def save_picture(figure: Figure, path: Path) -> None:
    """Save a figure in the format that the path ends in, and say so; raises ConfigError, and nothing is changed."""
    try:
        with replacing(path) as part, part.open("xb") as file:
            figure.savefig(file, format=path.suffix[1:].lower())
    except OSError as error:
        raise ConfigError(f"--save: {str(path)!r} cannot be written as a picture: {error.strerror or error}") from error
    note(f"saved {path}")
