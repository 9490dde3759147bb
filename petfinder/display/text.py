"""Matches, pets and owners as plain text, wrapped at a `width` in characters; only `owner_as_text` shows contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from petfinder.display import wording
from petfinder.display.colours import paint_of
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Owner, Pet
from petfinder.domain.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

_RIGHT = frozenset({"chance", "similarity", "distance", "photos"})
_WIDEST = 28
_SPARED = ("", "similarity", "photo", "distance", "why", "sex", "colour", "breed")  # in turn, on a narrow terminal
_ANY_WIDTH = 10_000
Cells = Mapping[str, str | tuple[str, str]]


def matches_as_text(matches: Matches, *, colour: bool = False, width: int | None = None) -> str:
    """The verdict in a sentence, then a table of the matches, nearest first, and what stands behind the verdicts.

    `colour` paints the verdicts with a terminal's escape codes; no other control character is in the text.
    """
    from rich.text import Text

    verdict: list[str | tuple[str, str]] = [_verdict(matches.verdict), ": "] if matches.verdict else []
    parts: list[RenderableType] = [Text.assemble(*verdict, wording.finding(matches))]
    parts += [Text(sentence) for sentence in (wording.advice(matches), wording.noted(matches)) if sentence]
    mixed = len({match.pet.species for match in matches}) > 1
    parts += ["", _table([_cells(match, mixed=mixed) for match in matches], width)] if matches.found else []
    parts += ["", Text(small_print)] if (small_print := wording.small_print(matches)) else []
    return _printed(parts, width, colour=colour)


def pets_as_text(pets: Sequence[Pet], *, width: int | None = None) -> str:
    """A table of pets without their people."""
    return _printed([_table([*map(_cells_of_pet, pets)], width)], width, colour=False)


def owner_as_text(owner: Owner) -> str:
    """The owner with every way to reach them, one a line."""
    ways = {"phone": owner.phone, "email": owner.email, "address": owner.address}
    known = {name: wording.clean(value) for name, value in ways.items() if value}
    widest = max(map(len, known), default=0)
    return "\n".join([wording.clean(owner.name), *(f"  {name:<{widest}}  {value}" for name, value in known.items())])


def _verdict(verdict: Verdict | None) -> tuple[str, str]:
    return str(verdict or ""), f"bold {paint_of(verdict).terminal}"


def _cells(match: Match, *, mixed: bool) -> Cells:
    return {
        "name": wording.clip(wording.name_of(match.pet), _WIDEST),
        "species": match.pet.species if mixed else "",
        "breed": wording.clip(match.pet.breed or "", _WIDEST),
        "verdict": _verdict(match.verdict),
        "chance": wording.chance_of(match),
        "similarity": f"{match.similarity:.3f}",
        "distance": wording.distance_of(match),
        "why": wording.clean(wording.reasons_of(match)),
        "photo": wording.clip(wording.photo_name(match.photo), _WIDEST),
        "id": wording.clean(match.pet.pet_id),
    }


def _cells_of_pet(pet: Pet) -> Cells:
    cells = {name: wording.clip(getattr(pet, name) or "", _WIDEST) for name in ("name", "breed", "colour", "sex")}
    return cells | {"status": wording.status_of(pet), "photos": str(len(pet.photos)), "id": wording.clean(pet.pet_id)}


def _table(rows: Sequence[Cells], width: int | None) -> RenderableType:
    """A line for each row under the header, words whole; what is empty everywhere or finds no room is left out."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    columns = {head: [Text(head), *(Text.assemble(row[head]) for row in rows)] for head in rows[0]}
    columns = {head: cells for head, cells in columns.items() if any(cells[1:])}
    for spared in _SPARED:
        columns.pop(spared, None)
        least = [max(cell_len(word) for cell in cells for word in cell.plain.split()) for cells in columns.values()]
        widths = [max(cell.cell_len for cell in cells) for cells in columns.values()]
        room = (width or _ANY_WIDTH) - 2 * len(columns)
        while sum(widths) > room and widths != least:
            widths[max(range(len(widths)), key=lambda at: widths[at] - least[at])] -= 1
        if sum(widths) <= room:
            break
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    for head, size in zip(columns, widths, strict=True):
        table.add_column(justify="right" if head in _RIGHT else "left", width=size)
    for line in zip(*columns.values(), strict=True):
        table.add_row(*line)
    return table


def _printed(parts: list[RenderableType], width: int | None, *, colour: bool) -> str:
    """What rich prints on a terminal of this width, without blanks at the ends of lines."""
    from rich.console import Console

    painted: Any = {"color_system": "standard" if colour else None, "force_terminal": colour, "no_color": not colour}
    console = Console(width=width or _ANY_WIDTH, legacy_windows=False, force_jupyter=False, **painted)
    with console.capture() as capture:
        console.print(*parts, sep="\n")
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
