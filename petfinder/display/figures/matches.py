"""The query beside its matches as a matplotlib figure, to be saved in one call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petfinder.display import wording
from petfinder.display.colours import paint_of
from petfinder.display.figures import style
from petfinder.display.figures.style import QUIET, headed_figure, in_own_style, tile_picture, write
from petfinder.display.thumbnails import boxed
from petfinder.domain.matches import Match, Matches
from petfinder.domain.verdicts import Cut, Lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_A_ROW, _FEWEST = 5, 4  # matches in a row; columns that the head needs at least
_QUERY_PHOTOS, _MOST = 3, 20
_TILE, _UNDER, _GAP, _LINE = 2.0, 1.75, 0.4, 0.225  # inches, as all that follows


@in_own_style
def plot_matches(matches: Matches) -> Figure:
    """The query photos (at most 3) at the left, the matches (at most 20) beside them, each with its verdict."""
    first_column = 1 if matches.query else 0
    found = matches.found[:_MOST]
    rows = max(1, math.ceil(len(found) / _A_ROW))
    columns = max(_FEWEST, first_column + min(len(found), _A_ROW))
    figure = headed_figure(
        2 * style.MARGIN + columns * (_TILE + _GAP) - _GAP,
        rows * (_TILE + _UNDER + _GAP) - _GAP,
        title=wording.begun(wording.finding(matches)),
        about=f"{wording.begun(wording.noted(matches))}. {wording.advice(matches)}".removeprefix(". "),
        foot=wording.small_print(matches, shown=_MOST),
        verdict=matches.verdict,
    )
    figure.set_layout_engine("none")  # tiles are measured in inches
    grid = figure.add_gridspec(rows, columns, wspace=_GAP / _TILE, hspace=_GAP / (_TILE + _UNDER))
    if matches.query:
        _draw_query(_tile(figure.add_subplot(grid[0, 0])), matches)
    for place, match in enumerate(found):
        row, column = divmod(place, _A_ROW)
        _draw_match(_tile(figure.add_subplot(grid[row, first_column + column])), match, matches.lines or matches.cut)
    return figure


def _tile(axes: Axes) -> Axes:
    """Axes that are measured in inches from their upper left corner."""
    axes.set(xlim=(0, _TILE), ylim=(_TILE + _UNDER, 0), autoscale_on=False)
    axes.set_axis_off()
    return axes


def _draw_query(axes: Axes, matches: Matches) -> None:
    """The first query photo as large as the matches, up to two more below it at half the size."""
    photos = matches.query
    first, *more = photos[:_QUERY_PHOTOS]
    tile_picture(axes, boxed(first, matches.animals), 0, 0, _TILE)
    under = _TILE + 0.3
    title = "Your photo" if len(photos) == 1 else f"Your {len(photos)} photos"
    write(axes, 0, under, title, room=_TILE, fontsize=11.5, weight="bold")
    if not more and first.taken_at:
        write(axes, 0, under + _LINE, f"taken {wording.day(first.taken_at)}", room=_TILE, color=QUIET)
    half = (_TILE - 0.1) / 2
    for column, photo in enumerate(more):
        tile_picture(axes, photo, column * (half + 0.1), under + 0.15, half)


def _draw_match(axes: Axes, match: Match, cut: Cut | Lines | None) -> None:
    """The photo, the facts, the verdict; the probability (else the similarity) as a bar with a tick at each line."""
    paint = paint_of(match.verdict)
    tile_picture(axes, match.photo, 0, 0, _TILE)
    axes.barh(_TILE + 0.03, _TILE, 0.06, color=paint.fill)
    under = _TILE + 0.3
    write(axes, 0, under, wording.name_of(match.pet), room=_TILE, fontsize=11.5, weight="bold")
    day = wording.day(match.photo.taken_at)
    facts = [*wording.match_facts(match), f"photo taken {day}" if day else ""]
    if match.reasons:
        facts = [match.pet.breed or "", wording.status_of(match.pet), *wording.reasons_of(match).split("; ")]
    for line, fact in enumerate([*filter(None, facts)][:4], 1):
        write(axes, 0, under + line * _LINE, fact, room=_TILE, color=QUIET)
    y, left = under + 5 * _LINE + 0.06, 0.0
    known = match.similarity if match.probability is None else match.probability
    if match.verdict:
        word = write(axes, 0.045, y, str(match.verdict), room=_TILE, fontsize=8.5, **style.on_colour(paint))
        left = style.width_of(word) + 0.19
    said = wording.chance_of(match) or f"similarity {match.similarity:.3f}"
    write(axes, left, y, said, room=_TILE - left, fontsize=8.5)
    axes.barh(y + 0.165, _TILE, 0.05, color=style.GROUND)
    axes.barh(y + 0.165, _TILE * min(max(known, 0.0), 1.0), 0.05, color=paint.fill)
    ticks = [_TILE * tick for tick in (cut.possible, cut.match) if 0 <= tick <= 1] if cut else []
    axes.vlines(ticks, y + 0.11, y + 0.22, colors=style.INK, linewidth=1.5)
