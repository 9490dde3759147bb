"""How a verb speaks: results on standard output, notes and errors in one sentence each on standard error, an exit code.

Knows the errors, and what was left out.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import typer

from petfinder.errors import EncoderError, PetfinderError, PetNotFound, StoreError
from petfinder.reports import Failure

NOTHING_FOUND, BAD_USE, TROUBLE, INTERRUPTED = 1, 2, 3, 130
P = ParamSpec("P")
R = TypeVar("R")


def told(function: Callable[P, R]) -> Callable[P, R]:
    """The verb, with its errors as one sentence and an exit code."""

    @functools.wraps(function)
    def in_words(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except PetfinderError as error:
            note(str(error))
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt as error:
            note("stopped; what was done so far is kept")
            raise typer.Exit(INTERRUPTED) from error

    return in_words


def say(result: Any) -> None:
    """Print text as it is, anything else as JSON."""
    typer.echo(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=2))


def note(sentence: str) -> None:
    """Print a sentence beside the results, on standard error."""
    typer.echo(f"petfinder: {sentence}", err=True)


def left_out_as_data(failures: Iterable[Failure]) -> list[dict[str, str | None]]:
    """What was left out, as data: each item, its photo where it was but one, and the reason with its kind."""
    return [{"item": failure.item, "photo": failure.photo, "reason": failure.reason} for failure in failures]


def exit_code(error: PetfinderError) -> int:
    """1 for a pet that is not there, 3 for trouble with store or encoder, 2 for whatever was asked wrongly."""
    if isinstance(error, PetNotFound):
        return NOTHING_FOUND
    return TROUBLE if isinstance(error, (StoreError, EncoderError)) else BAD_USE
