"""The figures of an encoder as plots: values with their intervals, gains, curves and thresholds."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from petfinder.training.pocket.report import MEASURES, TEACHER, encoders

COLOURS = ("#8a8a8a", "#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Grey for the teacher, then by the encoder's version; told apart by the colour-blind too (Okabe and Ito)."""

_SMOOTHED = 25
_USUAL_WAY = "photos and portrait"


def plot_benches(figures: pd.DataFrame, measures: Mapping[str, str] = MEASURES) -> Figure:
    """A panel for each measure: the benches one below the other, of each encoder a dot with its 95 % interval."""
    figure, panels = _figure(1, len(measures), width=3.3, height=0.62 * figures["bench"].nunique() + 1.2)
    for panel, (measure, title) in zip(panels, measures.items(), strict=True):
        _dots(panel, figures, measure, "bench")
        panel.set_title(title, fontsize=10)
    return _finished(figure, panels, empty=figures.empty)


def plot_ablations(figures: pd.DataFrame) -> Figure:
    """A panel for each bench: for each variant a bar of the points of mAP above the first one, with its mAP."""
    benches, variants = _order(figures["bench"]), _order(figures["variant"])
    figure, panels = _figure(1, max(1, len(benches)), width=3.9, height=0.34 * len(variants) + 1.2)
    reach = 100 * float(figures["gain"].abs().max()) if len(figures) else 1.0
    for panel, bench in zip(panels, benches, strict=False):
        rows = figures[figures["bench"] == bench].set_index("variant").reindex(variants)
        gains = 100 * rows["gain"].to_numpy()
        panel.barh(variants, gains, color=[COLOURS[1] if gain >= 0 else COLOURS[2] for gain in gains], height=0.62)
        for place, (gain, found) in enumerate(zip(gains, rows["map"], strict=True)):
            side = "left" if gain >= 0 else "right"
            panel.annotate(
                f"{found:.3f}", (gain, place), (4 if gain >= 0 else -4, 0), textcoords="offset points",
                ha=side, va="center", fontsize=8,
            )  # fmt: skip
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_xlim(-1.45 * reach, 1.45 * reach)
        panel.invert_yaxis()
        panel.set_title(bench, fontsize=10)
        panel.set_xlabel("points above the first line; at the bar: mAP", fontsize=9)
    return _finished(figure, panels, empty=figures.empty)


def plot_learning(figures: pd.DataFrame) -> Figure:
    """The loss of every batch of the light training, and its moving mean over 25 batches, by encoder."""
    figure, (panel,) = _figure(1, 1, width=7.0, height=3.2)
    for encoder, rows in figures.groupby("encoder", sort=False):
        colour = _colour(str(encoder))
        panel.plot(rows["step"], rows["loss"], color=colour, linewidth=0.6, alpha=0.35)
        mean = rows["loss"].rolling(_SMOOTHED, min_periods=1, center=True).mean()
        panel.plot(rows["step"], mean, color=colour, label=str(encoder))
    panel.set_xlabel("batch")
    panel.set_ylabel("loss (1 - cosine)")
    return _finished(figure, [panel], empty=figures.empty)


def plot_robustness(figures: pd.DataFrame) -> Figure:
    """A panel for each bench: rank-1 under each change with its interval; a small bar marks the photos unchanged."""
    benches = _order(figures["bench"])
    rows = figures["condition"].nunique()
    figure, panels = _figure(1, max(1, len(benches)), width=5.0, height=0.4 * rows + 1.2)
    for panel, bench in zip(panels, benches, strict=False):
        _dots(panel, figures[figures["bench"] == bench], "rank1", "condition", before="unchanged_rank1")
        panel.set_title(f"rank-1, {bench}", fontsize=10)
    return _finished(figure, panels, empty=figures.empty)


def plot_few_photos(figures: pd.DataFrame, encoder: str) -> Figure:
    """By the number of registered photos, a line for each number of brought ones: rank-1 above, found at 1 % below.

    A broken line follows the same pets all along, those with many photos; the others lose pets on their way.
    """
    usual = (figures["encoder"] == encoder) & (figures["way"] == _USUAL_WAY) & (figures["combine"] == "mean")
    shown = figures[usual]
    benches = _order(shown["bench"])
    figure, panels = _figure(2, max(1, len(benches)), width=3.9, height=5.4)
    for place, bench in enumerate(benches):
        for row, measure in enumerate(("rank1", "found_bench")):
            panel = panels[row * len(benches) + place]
            _lines(panel, shown[shown["bench"] == bench], measure)
            panel.set_ylim(0, 1.02)
            panel.set_xticks(sorted(shown["registered"].unique()))
            panel.set_title(f"{MEASURES[measure]}\n{bench}", fontsize=10)
            panel.set_xlabel("photos registered")
    return _finished(figure, panels, empty=shown.empty)


def _lines(panel: Axes, shown: pd.DataFrame, measure: str) -> None:
    """A measure by the number of registered photos."""
    for _, line in shown.groupby(["brought", "least"]):
        brought, least = int(line["brought"].iloc[0]), int(line["least"].iloc[0])
        colour, dashes = COLOURS[brought % len(COLOURS)], "--" if least else "-"
        title = f"{brought} brought" + (f", pets with {least} photos or more" if least else "")
        panel.plot(line["registered"], line[measure], dashes, color=colour, marker="o", markersize=4, label=title)
        panel.fill_between(*_band(line, "registered", measure), color=colour, alpha=0.12, linewidth=0)


def plot_thresholds(figures: pd.DataFrame, encoder: str) -> Figure:
    """A panel for each species: both thresholds by the number of pets, with intervals where they were measured."""
    shown = figures[figures["encoder"] == encoder]
    species = _order(shown["species"])
    figure, panels = _figure(1, max(1, len(species)), width=4.6, height=3.4)
    for panel, kind in zip(panels, species, strict=False):
        rows = shown[shown["species"] == kind]
        for colour, name in zip(COLOURS[1:], ("match", "possible"), strict=False):
            panel.plot(rows["pets"], rows[name], color=colour, marker="o", markersize=4, label=name)
            panel.fill_between(*_band(rows, "pets", name), color=colour, alpha=0.15, linewidth=0)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.set_title(f"{kind}s", fontsize=10)
        panel.set_xlabel("pets searched")
        panel.set_ylabel("similarity (cosine)")
    return _finished(figure, panels, empty=shown.empty)


def _dots(panel: Axes, figures: pd.DataFrame, measure: str, rows: str, *, before: str | None = None) -> None:
    """Each of `rows` on a line of its own from above, each encoder a little below the one before."""
    lines, known = _order(figures[rows]), encoders(figures)
    for place, encoder in enumerate(known):
        colour = _colour(encoder)
        found = figures[figures["encoder"] == encoder].set_index(rows).reindex(lines)
        at = np.arange(len(lines)) + (place - (len(known) - 1) / 2) * 0.7 / max(1, len(known))
        value, low, high = (found[name].to_numpy(float) for name in (measure, f"{measure}_low", f"{measure}_high"))
        panel.hlines(at, low, high, color=colour, linewidth=1.6, alpha=0.6)
        panel.plot(value, at, "o", color=colour, markersize=5, label=encoder)
        if before is not None:
            panel.plot(found[before], at, "|", color=colour, markersize=9)
    panel.set_yticks(range(len(lines)), lines)
    panel.set_ylim(max(len(lines), 1) - 0.5, -0.5)
    panel.set_xlim(-0.02, 1.02)


def _colour(encoder: str) -> str:
    version = re.search(r"\d+", encoder)
    return COLOURS[int(version[0]) % len(COLOURS) if version else int(encoder != TEACHER)]


def _band(rows: pd.DataFrame, across: str, measure: str) -> tuple[pd.Series, pd.Series, pd.Series]:
    """The interval round a line; of no height where it was not measured."""
    low, high = (rows[name].fillna(rows[measure]) for name in (f"{measure}_low", f"{measure}_high"))
    return rows[across], low.astype(float), high.astype(float)


def _figure(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(
        figsize=(max(6.0, width * columns + 1.2), max(1.8, height)), layout="constrained", facecolor="white"
    )
    return figure, list(figure.subplots(rows, columns, squeeze=False, sharey="row").flat)


def _finished(figure: Figure, panels: Sequence[Axes], *, empty: bool) -> Figure:
    """Quiet axes, one legend, and a form in which notebooks show the figure; says so where there is nothing to show."""
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="both", color="#e6e6e6", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    if empty:
        panels[0].text(0.5, 0.5, "not measured yet", ha="center", transform=panels[0].transAxes)
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]  # else notebooks show pyplot's figures only
    return figure


def _order(values: pd.Series) -> list[str]:
    return list(dict.fromkeys(values))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
