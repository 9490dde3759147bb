"""How a verb speaks: results on standard output, notes and errors on standard error, an exit code."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from petfinder.cli.exit_codes import BAD_USE, INTERRUPTED, NOTHING_FOUND, TROUBLE
from petfinder.display.files import PICTURES
from petfinder.display.text import matches_as_text, pets_as_text
from petfinder.domain.errors import ConfigError, EncoderError, PetfinderError, PetNotFound, StoreError
from petfinder.domain.matches import Matches, Pets
from petfinder.domain.shown import Result
from petfinder.domain.text import clean_lines


@contextmanager
def errors_reported() -> Iterator[None]:
    """Errors inside become one sentence and an exit code.

    1 for a pet that is not there, 3 for trouble with store or encoder, 2 for whatever was asked wrongly.
    """
    try:
        yield
    except PetfinderError as error:
        note(str(error))
        trouble = TROUBLE if isinstance(error, (StoreError, EncoderError)) else BAD_USE
        raise typer.Exit(NOTHING_FOUND if isinstance(error, PetNotFound) else trouble) from error
    except (KeyboardInterrupt, typer.Abort) as error:
        raise stopped("what was done so far is kept") from error


def say(result: Any, *, nothing: bool = False) -> None:
    """Print matches with their verdicts in colour (on a terminal; NO_COLOR is obeyed), pets, other values as JSON.

    Text is printed without the signs that could rewrite a terminal. Exits with 1 where it says that there is `nothing`.
    """
    width = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else None
    if isinstance(result, Matches):  # typer takes colours out again where the output is no terminal
        typer.echo(matches_as_text(result, colour=not os.environ.get("NO_COLOR"), width=width))
    elif isinstance(result, Pets):
        typer.echo(pets_as_text(result, width=width) if result else "No pets.")
    else:
        typer.echo(clean_lines(result) if isinstance(result, str) else to_json(result, indent=2))
    if nothing:
        raise typer.Exit(NOTHING_FOUND)


def note(sentence: str) -> None:
    """Print a sentence beside the results, on standard error, without the signs that could rewrite a terminal.

    Further lines are set in, so that none passes for a sentence of its own.
    """
    lines = clean_lines(sentence).replace("\n", "\n  ")
    typer.echo(f"petfinder: {lines}", err=True)


def to_json(result: Any, *, indent: int | None = None) -> str:
    """The result as JSON that standard output can hold: other letters than ASCII's as they are only in UTF-8."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json.dumps(result, ensure_ascii=codecs.lookup(encoding).name != "utf-8", indent=indent)


STANDARD_STREAM = "-"


def standard_input() -> bytes:
    """Everything that comes on standard input; raises ConfigError where that is nothing."""
    if content := sys.stdin.buffer.read() if sys.stdin is not None else b"":
        return content
    raise ConfigError("- stands for standard input, and nothing comes from there")


def somebody_to_ask() -> bool:
    """Whether a person can answer: standard input is there, and a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(doing: str, question: str) -> str:
    """Ask on standard error before this is done and return the answer; raises ConfigError where nobody can answer."""
    if not somebody_to_ask():
        raise ConfigError(f"{doing} asks first, and here is nobody to ask: add --yes")
    typer.echo(f"{clean_lines(question)} ", nl=False, err=True)
    return sys.stdin.readline().strip()


def stopped(what_now: str) -> typer.Exit:
    """Say that Ctrl-C was heard and what became of the work; gives the exit to raise."""
    note(f"stopped; {what_now}")
    return typer.Exit(INTERRUPTED)


@contextmanager
def reported(show: Callable[[list[Any]], None]) -> Iterator[Callable[[Any], None]]:
    """Take the reports of what is done meanwhile and show them, after Ctrl-C too; exits with 1 if anything failed."""
    reports: list[Any] = []
    interrupted = None
    try:
        yield reports.append
    except KeyboardInterrupt as stop:
        interrupted = stop
    show(reports)
    if interrupted:
        raise stopped("what is counted here is kept; run it again to go on") from interrupted
    if any(report.failures for report in reports):
        raise typer.Exit(NOTHING_FOUND)


def _picture(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"{str(path)!r} names no picture; let it end in {', '.join(PICTURES)}")
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise typer.BadParameter(f"{str(path)!r} cannot be written as a picture; name a file in a folder that is there")
    return path


SaveOption = Annotated[
    Path | None, Option("--save", metavar="FILE", callback=_picture, help=f"Save a picture too: {', '.join(PICTURES)}.")
]


def save_picture(result: Result, path: Path) -> None:
    """Save the figure of a result in the format that the path ends in, and say so; raises ConfigError."""
    result.save(path)
    note(f"saved {path}")
