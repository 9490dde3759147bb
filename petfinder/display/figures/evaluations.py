"""Evaluations as figures: how near a pet's own and other photos come, with the thresholds; encoders side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from petfinder.display import wording
from petfinder.display.colours import NEUTRAL, PAINT
from petfinder.display.figures.style import INK, QUIET, headed_figure, in_own_style, on_colour, write
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Cut, Verdict
from petfinder.evaluation.compare import Comparison
from petfinder.evaluation.metrics import Numbers
from petfinder.evaluation.result import FOUND, MEAN_PRECISION, RANK1, Evaluation, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40
_OFFSET: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
_COLOURS = {"its own pet, nearest photo": NEUTRAL.fill, "the nearest other pet, as a stranger would get it": "#b34700"}
_COMPARED = {
    RANK1: "the right pet comes first",
    MEAN_PRECISION: "its other photos stand in front",
    FOUND: "first, and nearer than 99 of 100 strangers",
}


@in_own_style
def plot_evaluation(evaluation: Evaluation) -> Figure:
    """Of each query photo the similarity with its own pet, and with the nearest other, over the verdicts' ranges.

    The thresholds are those for a registry of just these pets.
    """
    first = f"{evaluation.found_first:,} of {evaluation.queries:,} photos"
    about = f"{wording.counted(evaluation.pets, 'pet')} with {wording.counted(evaluation.photos, 'photo')}"
    foot = f"At most {MATCH_ALARMS:.0%} of strangers reach match, {POSSIBLE_ALARMS:.0%} possible."
    figure = headed_figure(
        9.6,
        5.2,
        title=f"{evaluation.encoder}: the right pet comes first for {first}",
        about=f"{about}; each photo taken out once and looked for among all others",
        foot=f"{foot} {wording.begun(evaluation.doubt)}." if evaluation.doubt else foot,
    )
    cut, ranking = evaluation.cut, evaluation.ranking
    similarities = [values[np.isfinite(values)] for values in (ranking.genuine, ranking.impostor)]
    edges = _edges(np.concatenate(similarities), cut)
    panels = figure.subplots(2, sharex=True, sharey=True)
    tallest = max(np.histogram(values, edges)[0].max() for values in similarities)
    for axes, values, (name, colour) in zip(panels, similarities, _COLOURS.items(), strict=True):
        axes.hist(values, edges, color=colour, rwidth=0.88, zorder=2)
        axes.set_title(f"Similarity with {name}", color=colour, pad=48 if axes is panels[0] else 6)
        axes.set(yticks=[0, int(tallest)], ylabel="photos", xlim=(edges[0], edges[-1]), ylim=(0, tallest * 1.06))
        _draw_verdicts(axes, values, cut, named=axes is panels[0])
    tenths = np.arange(round(edges[0] * 10), round(edges[-1] * 10) + 1)
    panels[1].set(xlabel="similarity (cosine)", xticks=tenths[:: 1 if len(tenths) <= 11 else 2] / 10)
    return figure


def _edges(similarities: Numbers, cut: Cut) -> Numbers:
    """The edges of the bars, from a tenth below the lowest similarity to 1 or a tenth above the highest."""
    known = np.append(similarities, [each for each in (cut.match, cut.possible) if math.isfinite(each)])
    low, high = math.floor(known.min() * 10 - 0.2) / 10, math.ceil(known.max() * 10 + 0.2) / 10
    return np.linspace(max(low, -1.0), min(max(high, low + 0.1), 1.0), _BINS + 1)


def _draw_verdicts(axes: Axes, values: Numbers, cut: Cut, *, named: bool) -> None:
    """Each verdict's range as a pale ground, a line at each threshold (`named`: its value above), how many photos."""
    verdicts = [cut.verdict(float(value)) for value in values]
    left, right = axes.get_xlim()
    ends = np.clip([right, cut.match, cut.possible, left], left, right)
    for line, (verdict, paint) in enumerate(PAINT.items()):
        axes.axvspan(ends[line + 1], ends[line], color=paint.fill, alpha=0.14, linewidth=0)
        count = f"{verdicts.count(verdict):,} of {len(values):,}"
        axes.text(1.03, 0.75 - line * 0.25, verdict, transform=axes.transAxes, **on_colour(paint))
        axes.text(1.145, 0.75 - line * 0.25, count, transform=axes.transAxes)
    for verdict, value, above in ((Verdict.MATCH, cut.match, 27), (Verdict.POSSIBLE, cut.possible, 8)):
        if math.isfinite(value):
            axes.axvline(value, color=INK, linewidth=1.5, zorder=3)
            if named:
                look = {**_OFFSET, "ha": "center", **on_colour(PAINT[verdict])}
                axes.annotate(f"{verdict} from {value:.3f}", (value, 1), (0, above), **look)


@in_own_style
def plot_comparison(comparison: Comparison) -> Figure:
    """Rank-1, mAP and found at 1 % of each encoder as dots with their 95 % intervals, all on the same axis."""
    columns = comparison.columns
    tried = next((column.evaluation for column in columns if column.evaluation), None)
    photos = f"{wording.counted(tried.queries, 'query photo')} of {wording.counted(tried.pets, 'pet')}" if tried else ""
    about = f"{photos}, the same for all; bars hold the true value with 95% confidence" if tried else ""
    title = "How well each encoder finds these pets"
    figure = headed_figure(12.0, 0.9 + 0.62 * len(columns), title=title, about=about)
    panels = figure.subplots(1, len(_COMPARED), sharex=True, sharey=True)
    rows = {measure: [column.row(measure) for column in columns] for measure in _COMPARED}
    lows = [row.value if row.low is None else row.low for each in rows.values() for row in each if row]
    lowest = min(math.floor(min(lows, default=0.0) * 5 + 1e-9) / 5, 0.8)
    for axes, (measure, meaning) in zip(panels, _COMPARED.items(), strict=True):
        axes.set_title(measure, pad=22)
        axes.annotate(meaning, (lowest, 1), (0, 8), color=QUIET, **_OFFSET)
        for place, row in enumerate(rows[measure]):
            if row:
                _draw_row(axes, row, place)
        axes.set(xlim=(lowest, 1), ylim=(len(columns) - 0.5, -0.6), xticks=np.linspace(lowest, 1, 3), yticks=[])
        axes.grid(axis="x")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.tick_params(length=0)
    for place, column in enumerate(columns):
        beside = {"transform": panels[0].get_yaxis_transform(), "ha": "right", "va": "center"}
        write(panels[0], -0.04, place, column.encoder, room=2.0, fontsize=11, weight="bold", **beside)
        if column.evaluation is None:
            write(panels[0], lowest + 0.02, place, "could not be tried", room=3, va="center", color=QUIET)
    return figure


def _draw_row(axes: Axes, row: Row, place: int) -> None:
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [place, place], color="#8fc1e0", linewidth=8, solid_capstyle="butt", zorder=2)
    axes.plot(row.value, place, "o", color=NEUTRAL.fill, markeredgecolor="white", markersize=9, zorder=3, clip_on=False)
    above: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "weight": "bold"}
    axes.annotate(f"{row.value:.1%}", (row.value, place), (0, 9), **above)
