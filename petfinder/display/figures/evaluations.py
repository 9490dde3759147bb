"""Evaluations as figures: how near same and other pets come, with the thresholds; encoders side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from petfinder.display import wording
from petfinder.display.colours import NEUTRAL, paint_of
from petfinder.display.figures.sheet import GROUND, INK, QUIET, Sheet, new_sheet
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Cut, Verdict
from petfinder.evaluation.compare import Column, Comparison
from petfinder.evaluation.metrics import Numbers
from petfinder.evaluation.result import FOUND, MEAN_PRECISION, RANK1, Evaluation, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARGIN, _WIDTH = 0.5, 9.6  # inches, as all that follows
_LEFT, _ACROSS, _HIGH = 0.95, 6.6, 1.75  # where the charts begin; how wide and how high each is
_TOP, _BETWEEN = 2.1, 0.55
_BINS = 40
_OWN, _OTHER, _PALE = NEUTRAL.fill, "#b34700", "#8fc1e0"
_TINTS = {Verdict.MATCH: "#dcefe8", Verdict.POSSIBLE: "#fcefd0", Verdict.UNKNOWN: GROUND}
_COMPARED = {
    RANK1: "the right pet comes first",
    MEAN_PRECISION: "its other photos stand in front",
    FOUND: "first, and nearer than 99 of 100 strangers",
}
_LINE = "#dfe3e7"
_NAMES, _PANEL, _AXIS, _ROW = 2.1, 2.95, 2.35, 0.62


def plot_evaluation(evaluation: Evaluation) -> Figure:
    """Of each query photo the similarity with its own pet, and with the nearest other pet, over the verdicts' ranges.

    The thresholds are those for a registry of just these pets. Raises ConfigError where matplotlib is missing.
    """
    sheet = new_sheet(_WIDTH, _TOP + 2 * _HIGH + _BETWEEN + 1.2)
    room = _WIDTH - 2 * _MARGIN
    first = f"{evaluation.found_first:,} of {evaluation.queries:,} photos"
    title = f"{evaluation.encoder}: the right pet comes first for {first}"
    sheet.write(title, _MARGIN, 0.62, size=17, room=room, weight="bold")
    about = f"{wording.counted(evaluation.pets, 'pet')} with {wording.counted(evaluation.photos, 'photo')}"
    said = f"{about}; each photo taken out once and looked for among all others"
    sheet.write(said, _MARGIN, 0.95, size=11, room=room, colour=QUIET)
    own, other = (values[np.isfinite(values)] for values in (evaluation.ranking.own, evaluation.ranking.other))
    cut = evaluation.cut
    edges = _edges(own, other, cut)
    counts = [np.histogram(values, edges)[0].tolist() for values in (own, other)]
    tallest = max(max(column) for column in counts)
    named = [
        ("its own pet, nearest photo", own, _OWN),
        ("the nearest other pet, as a stranger would get it", other, _OTHER),
    ]
    for place, ((name, values, colour), column) in enumerate(zip(named, counts, strict=True)):
        top = _TOP + place * (_HIGH + _BETWEEN)
        _draw_bands(sheet, edges, cut, top)
        _draw_bars(sheet, column, tallest, top, colour)
        sheet.write(
            f"Similarity with {name}",
            _LEFT,
            top - (0.1 if place else 0.7),
            size=10.5,
            room=_ACROSS,
            weight="bold",
            colour=colour,
        )
        _draw_shares(sheet, values, cut, top)
    bottom = _TOP + 2 * _HIGH + _BETWEEN
    _draw_thresholds(sheet, edges, cut, bottom)
    _draw_scale(sheet, edges, bottom)
    small = f"At most {MATCH_ALARMS:.0%} of strangers reach match, {POSSIBLE_ALARMS:.0%} possible."
    small += f" {wording.begun(evaluation.doubt)}." if evaluation.doubt else ""
    sheet.write(small, _MARGIN, sheet.height - 0.35, size=8.5, room=room, colour=QUIET)
    return sheet.figure


def _edges(own: Numbers, other: Numbers, cut: Cut) -> Numbers:
    """The edges of the bars, from a tenth below the lowest similarity to 1 or a tenth above the highest."""
    known = np.concatenate([own, other, [each for each in (cut.match, cut.possible) if math.isfinite(each)]])
    low, high = math.floor(known.min() * 10 - 0.2) / 10, math.ceil(known.max() * 10 + 0.2) / 10
    return np.linspace(max(low, -1.0), min(max(high, low + 0.1), 1.0), _BINS + 1)


def _at(edges: Numbers, similarity: float) -> float:
    """Where a similarity lies on the charts, from the left of the sheet."""
    way = (similarity - edges[0]) / (edges[-1] - edges[0])
    return _LEFT + _ACROSS * float(min(max(way, 0.0), 1.0))


def _draw_bands(sheet: Sheet, edges: Numbers, cut: Cut, top: float) -> None:
    """The range of each verdict as a pale ground."""
    ends = [_LEFT, _at(edges, cut.possible), _at(edges, cut.match), _LEFT + _ACROSS]
    verdicts = (Verdict.UNKNOWN, Verdict.POSSIBLE, Verdict.MATCH)
    for verdict, start, end in zip(verdicts, ends, ends[1:], strict=False):
        sheet.fill(start, top, end - start, _HIGH, _TINTS[verdict])


def _draw_bars(sheet: Sheet, counts: Sequence[int], tallest: int, top: float, colour: str) -> None:
    wide = _ACROSS / _BINS
    for place, count in enumerate(counts):
        tall = (_HIGH - 0.12) * count / tallest
        if count:
            sheet.fill(_LEFT + place * wide + 0.01, top + _HIGH - tall, wide - 0.02, tall, colour)
    sheet.fill(_LEFT, top + _HIGH, _ACROSS, 0.012, INK)
    sheet.fill(_LEFT - 0.06, top + 0.12, 0.06, 0.012, INK)
    sheet.write(f"{tallest:,}", _LEFT - 0.1, top + 0.17, size=8.5, room=0.6, colour=QUIET, side="right")
    sheet.write("photos", _LEFT - 0.1, top + 0.33, size=8.5, room=0.6, colour=QUIET, side="right")
    sheet.write("0", _LEFT - 0.1, top + _HIGH, size=8.5, room=0.6, colour=QUIET, side="right")


def _draw_shares(sheet: Sheet, values: Numbers, cut: Cut, top: float) -> None:
    """At the right of a chart: each verdict, and the photos that get it."""
    left = _LEFT + _ACROSS + 0.25
    verdicts = [cut.verdict(float(value)) for value in values]
    for line, verdict in enumerate((Verdict.MATCH, Verdict.POSSIBLE, Verdict.UNKNOWN)):
        paint, y = paint_of(verdict), top + 0.45 + line * 0.42
        reach = sheet.write(str(verdict), left, y, size=9, room=1.2, colour=paint.ink, weight="bold", ground=paint.fill)
        count = verdicts.count(verdict)
        sheet.write(f"{count:,} of {len(verdicts):,}", reach + 0.14, y, size=9, room=_WIDTH - reach - 0.14)


def _draw_thresholds(sheet: Sheet, edges: Numbers, cut: Cut, bottom: float) -> None:
    """A line through both charts at each threshold; its name and value above them, each on a line of its own."""
    for row, verdict, value in ((0.36, Verdict.MATCH, cut.match), (0.1, Verdict.POSSIBLE, cut.possible)):
        if not math.isfinite(value):
            continue
        x, paint, said = _at(edges, value), paint_of(verdict), f"{verdict} from {value:.3f}"
        sheet.fill(x - 0.01, _TOP - row, 0.02, row + _HIGH, INK)
        sheet.fill(x - 0.01, bottom - _HIGH, 0.02, _HIGH, INK)
        half = sheet.width_of(said, size=9, room=3, weight="bold") / 2 + 0.06
        middle = min(max(x, _LEFT + half), _LEFT + _ACROSS - half)
        sheet.write(
            said, middle, _TOP - row, size=9, room=3, colour=paint.ink, weight="bold", ground=paint.fill, side="center"
        )


def _draw_scale(sheet: Sheet, edges: Numbers, bottom: float) -> None:
    step = 0.1 if edges[-1] - edges[0] <= 1.05 else 0.2
    for tick in range(math.ceil(edges[0] / step - 1e-9), math.floor(edges[-1] / step + 1e-9) + 1):
        x = _at(edges, tick * step)
        sheet.fill(x - 0.006, bottom, 0.012, 0.06, INK)
        sheet.write(f"{tick * step + 0:.1f}", x, bottom + 0.22, size=8.5, room=0.5, colour=QUIET, side="center")
    middle = _LEFT + _ACROSS / 2
    sheet.write("similarity (cosine)", middle, bottom + 0.47, size=9.5, room=4, colour=QUIET, side="center")


def plot_comparison(comparison: Comparison) -> Figure:
    """Rank-1, mAP and found at 1 % of each encoder as dots with their 95 % intervals, all on the same axis.

    Raises ConfigError where matplotlib is missing.
    """
    columns = comparison.columns
    top = 1.95
    sheet = new_sheet(2 * _MARGIN + _NAMES + len(_COMPARED) * _PANEL, top + len(columns) * _ROW + 1.05)
    room = sheet.width - 2 * _MARGIN
    tried = next((column.evaluation for column in columns if column.evaluation), None)
    sheet.write("How well each encoder finds these pets", _MARGIN, 0.62, size=17, room=room, weight="bold")
    if tried:
        about = (
            f"{wording.counted(tried.queries, 'query photo')} of {wording.counted(tried.pets, 'pet')}, the same for all"
        )
        sheet.write(
            f"{about}; bars hold the true value with 95% confidence", _MARGIN, 0.95, size=11, room=room, colour=QUIET
        )
    lowest = _lowest(columns)
    for place, (measure, meaning) in enumerate(_COMPARED.items()):
        left = _MARGIN + _NAMES + place * _PANEL
        sheet.write(measure, left, top - 0.42, size=11.5, room=_PANEL - 0.3, weight="bold")
        sheet.write(meaning, left, top - 0.2, size=8.5, room=_PANEL - 0.1, colour=QUIET)
        _draw_axis(sheet, left, top, len(columns) * _ROW, lowest)
        for line, column in enumerate(columns):
            if row := _row_of(column, measure):
                _draw_dot(sheet, row, left, top + (line + 0.62) * _ROW, lowest)
    for line, column in enumerate(columns):
        y = top + (line + 0.62) * _ROW
        sheet.write(column.encoder, _MARGIN, y + 0.04, size=11, room=_NAMES - 0.2, weight="bold")
        if column.evaluation is None:
            sheet.write("could not be tried", _MARGIN, y + 0.22, size=8.5, room=_NAMES - 0.2, colour=QUIET)
    return sheet.figure


def _row_of(column: Column, measure: str) -> Row | None:
    rows = column.evaluation.as_rows() if column.evaluation else ()
    return next((row for row in rows if row.measure == measure), None)


def _lowest(columns: Sequence[Column]) -> float:
    """Where the axes begin: a fifth at or below the lowest interval."""
    rows = [row for column in columns for measure in _COMPARED if (row := _row_of(column, measure))]
    lows = [row.value if row.low is None else row.low for row in rows]
    return min(math.floor(min(lows, default=0.0) * 5 + 1e-9) / 5, 0.8)


def _along(left: float, value: float, lowest: float) -> float:
    return left + _AXIS * (min(max(value, lowest), 1.0) - lowest) / (1 - lowest)


def _draw_axis(sheet: Sheet, left: float, top: float, high: float, lowest: float) -> None:
    ticks = [lowest + part * (1 - lowest) / 2 for part in range(3)]
    for tick in ticks:
        x = _along(left, tick, lowest)
        sheet.fill(x - 0.008, top, 0.016, high + 0.05, _LINE)
        sheet.write(f"{tick:.0%}", x, top + high + 0.22, size=8.5, room=0.6, colour=QUIET, side="center")


def _draw_dot(sheet: Sheet, row: Row, left: float, y: float, lowest: float) -> None:
    x = _along(left, row.value, lowest)
    if row.low is not None and row.high is not None:
        start, end = _along(left, row.low, lowest), _along(left, row.high, lowest)
        sheet.fill(start, y - 0.055, max(end - start, 0.016), 0.11, _PALE)
    sheet.shape(
        [(x + 0.055 * math.cos(turn), y + 0.055 * math.sin(turn)) for turn in np.linspace(0, 2 * math.pi, 32)], _OWN
    )
    middle = min(max(x, left + 0.22), left + _AXIS - 0.1)
    sheet.write(f"{row.value:.1%}", middle, y - 0.16, size=9, room=0.8, weight="bold", side="center")
