"""The query beside its matches as a matplotlib figure, to be saved in one call."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from petfinder.display import wording
from petfinder.display.colours import paint_of
from petfinder.display.figures.sheet import GROUND, INK, QUIET, Sheet, new_sheet
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Photo
from petfinder.domain.verdicts import Cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_A_ROW, _FEWEST = 5, 4  # matches in a row; columns that the head needs at least
_QUERY_PHOTOS, _MOST = 3, 20
_TILE, _GAP, _MARGIN = 2.0, 0.4, 0.5  # inches, as all that follows
_HEAD, _UNDER, _FOOT = 1.35, 2.05, 0.35  # above the first row, below each picture, below the small print
_LINE, _SMALL_LINE = 0.225, 0.165


def plot_matches(matches: Matches) -> Figure:
    """The query photos (at most 3) at the left, the matches (at most 20) beside them, each with its verdict.

    Raises ConfigError where matplotlib is missing.
    """
    first_column = 1 if matches.query else 0
    found = matches.found[:_MOST]
    rows = max(1, math.ceil(len(found) / _A_ROW))
    columns = max(_FEWEST, first_column + min(len(found), _A_ROW))
    width = 2 * _MARGIN + columns * (_TILE + _GAP) - _GAP
    small_print = textwrap.wrap(wording.small_print(matches, shown=_MOST), int((width - 2 * _MARGIN) * 14))
    height = _HEAD + rows * (_TILE + _UNDER) + len(small_print) * _SMALL_LINE + _FOOT
    sheet = new_sheet(width, height)
    _draw_head(sheet, matches)
    for line, text in enumerate(reversed(small_print)):
        foot = height - _FOOT - line * _SMALL_LINE
        sheet.write(text, _MARGIN, foot, size=8, room=width - 2 * _MARGIN, colour=QUIET)
    if matches.query:
        _draw_query(sheet, matches.query, _MARGIN, _HEAD)
    for place, match in enumerate(found):
        row, column = divmod(place, _A_ROW)
        x = _MARGIN + (first_column + column) * (_TILE + _GAP)
        _draw_match(sheet, match, matches.cut, x, _HEAD + row * (_TILE + _UNDER))
    return sheet.figure


def _draw_head(sheet: Sheet, matches: Matches) -> None:
    left, room = _MARGIN, sheet.width - 2 * _MARGIN
    if matches.verdict:
        paint, word = paint_of(matches.verdict), str(matches.verdict)
        left += 0.07  # the ground reaches out beyond the word
        reach = sheet.write(word, left, 0.62, size=13, room=room, colour=paint.ink, weight="bold", ground=paint.fill)
        left = reach + 0.22
    said = wording.finding(matches)
    sheet.write(wording.begun(said), left, 0.63, size=17, room=sheet.width - _MARGIN - left, weight="bold")
    sheet.write(wording.advice(matches), _MARGIN, 1.0, size=11, room=room, colour=QUIET)


def _draw_query(sheet: Sheet, photos: Sequence[Photo], x: float, y: float) -> None:
    """The first query photo as large as the matches, up to two more below it at half the size."""
    first, *more = photos[:_QUERY_PHOTOS]
    sheet.picture(first, x, y, _TILE)
    under = y + _TILE + 0.3
    title = "Your photo" if len(photos) == 1 else f"Your {len(photos)} photos"
    sheet.write(title, x, under, size=11.5, room=_TILE, weight="bold")
    if not more and first.taken_at:
        sheet.write(f"taken {wording.day(first.taken_at)}", x, under + _LINE, size=9, room=_TILE, colour=QUIET)
    half = (_TILE - 0.1) / 2
    for column, photo in enumerate(more):
        sheet.picture(photo, x + column * (half + 0.1), under + 0.15, half)


def _draw_match(sheet: Sheet, match: Match, cut: Cut | None, x: float, y: float) -> None:
    sheet.picture(match.photo, x, y, _TILE)
    sheet.fill(x, y + _TILE, _TILE, 0.06, paint_of(match.verdict).fill)
    under = y + _TILE + 0.3
    sheet.write(wording.name_of(match.pet), x, under, size=11.5, room=_TILE, weight="bold")
    away, day = wording.distance_of(match), wording.day(match.photo.taken_at)
    facts = [match.pet.breed, wording.status_of(match.pet), away and f"{away} away", day and f"photo taken {day}"]
    for line, fact in enumerate(filter(None, facts), 1):
        sheet.write(fact, x, under + line * _LINE, size=9, room=_TILE, colour=QUIET)
    _draw_similarity(sheet, match, cut, x, under + 5 * _LINE + 0.06)


def _draw_similarity(sheet: Sheet, match: Match, cut: Cut | None, x: float, y: float) -> None:
    """The verdict's word and the similarity, over a bar from 0 to 1 with a tick at each threshold."""
    paint, left = paint_of(match.verdict), x
    if match.verdict:
        word, start = str(match.verdict), x + 0.045
        reach = sheet.write(word, start, y, size=8.5, room=_TILE, colour=paint.ink, weight="bold", ground=paint.fill)
        left = reach + 0.13
    sheet.write(f"similarity {match.similarity:.3f}", left, y, size=8.5, room=_TILE)
    bar = y + 0.14
    sheet.fill(x, bar, _TILE, 0.05, GROUND)
    sheet.fill(x, bar, _TILE * min(max(match.similarity, 0.0), 1.0), 0.05, paint.fill)
    for tick in (cut.possible, cut.match) if cut else ():
        if 0 <= tick <= 1:
            sheet.fill(x + _TILE * tick, bar - 0.03, 0.02, 0.11, INK)
