"""Matches and owners as plain text for a terminal; only `owner_as_text` shows contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petfinder.display import wording
from petfinder.display.colours import paint_of
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Owner
from petfinder.domain.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

_HEADER = ("name", "breed", "verdict", "chance", "similarity", "distance", "why", "photo", "id")
_RIGHT = frozenset({"chance", "similarity", "distance"})
_WIDEST = 28


def matches_as_text(matches: Matches, *, colour: bool = False) -> str:
    """The verdict in a sentence, then a table of the matches, nearest first, and what stands behind the verdicts.

    `colour` paints the verdicts with a terminal's escape codes; no other control character is in the text.
    """
    from rich.text import Text

    headline = wording.finding(matches)
    parts: list[RenderableType] = [
        Text.assemble(_verdict(matches.verdict), ": ", headline) if matches.verdict else Text(headline)
    ]
    parts += [Text(advice)] if (advice := wording.advice(matches)) else []
    parts += [Text(noted)] if (noted := wording.noted(matches)) else []
    parts += ["", _table(matches)] if matches.found else []
    parts += ["", Text(small_print)] if (small_print := wording.small_print(matches)) else []
    return _printed(parts, colour=colour)


def owner_as_text(owner: Owner) -> str:
    """The owner with every way to reach them, one a line."""
    ways = {"phone": owner.phone, "email": owner.email, "address": owner.address}
    known = {name: wording.clean(value) for name, value in ways.items() if value}
    widest = max(map(len, known), default=0)
    return "\n".join([wording.clean(owner.name), *(f"  {name:<{widest}}  {value}" for name, value in known.items())])


def _verdict(verdict: Verdict | None) -> tuple[str, str]:
    return str(verdict or ""), f"bold {paint_of(verdict).terminal}"


def _cells(match: Match) -> tuple[str | tuple[str, str], ...]:
    return (
        wording.clip(wording.name_of(match.pet), _WIDEST),
        wording.clip(match.pet.breed or "", _WIDEST),
        _verdict(match.verdict),
        wording.chance_of(match),
        f"{match.similarity:.3f}",
        wording.distance_of(match),
        wording.clean(wording.reasons_of(match)),
        wording.clip(wording.photo_name(match.photo), _WIDEST),
        wording.clean(match.pet.pet_id),
    )


def _table(matches: Matches) -> RenderableType:
    """A row for each match under its header; columns that are empty everywhere are left out."""
    from rich.table import Table
    from rich.text import Text

    rows = [[Text.assemble(cell) for cell in _cells(match)] for match in matches]
    columns = [column for column in zip(map(Text, _HEADER), *rows, strict=True) if any(column[1:])]
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    for head, *_ in columns:
        table.add_column(justify="right" if str(head) in _RIGHT else "left", no_wrap=True)
    for line in zip(*columns, strict=True):
        table.add_row(*line)
    return table


def _printed(parts: list[RenderableType], *, colour: bool) -> str:
    """What rich prints on a terminal that is wide enough for everything, without blanks at the ends of lines."""
    from rich.console import Console

    painted: Any = {"color_system": "standard", "force_terminal": True} if colour else {"color_system": None}
    console = Console(width=10_000, legacy_windows=False, force_jupyter=False, no_color=not colour, **painted)
    with console.capture() as capture:
        console.print(*parts, sep="\n", soft_wrap=True)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
