"""Evaluations and comparisons as HTML: each measure in words, with its interval as a bar, and the thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from petfinder.display import wording
from petfinder.display.colours import NEUTRAL, PAINT
from petfinder.display.html import markup
from petfinder.display.html.reports import failures_as_html
from petfinder.domain.verdicts import Interval, Verdict
from petfinder.evaluation.calibration import Estimate
from petfinder.evaluation.compare import Column, Comparison
from petfinder.evaluation.result import BACKGROUND, EQUAL_ERRORS, FOUND, MEAN_PRECISION, RANK1, RANK5, Evaluation, Row

MEANING = {
    RANK1: "the right pet comes first",
    RANK5: "the right pet is among the first five",
    MEAN_PRECISION: "how far in front the pet's other photos stand, 100% is best",
    FOUND: "the right pet comes first, and nearer than 99 of 100 strangers' best matches",
    BACKGROUND: "the right pet comes first though it was painted out: what the background gives away, low is good",
    EQUAL_ERRORS: "pairs of photos that are judged wrongly, low is good",
}
_BARS = "Bars reach from 0 to 100%; the true value lies in the coloured part with 95% confidence."
_TRACK = "rgba(128,128,128,0.22)"
_TITLE = "font-weight:700;font-size:17px;margin:18px 0 6px"
_CODE = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;overflow-wrap:anywhere"


class _Line(NamedTuple):
    """A share with its interval, under a name; `beside` is small print about it."""

    name: str
    row: Row
    beside: str = ""


def evaluation_as_html(evaluation: Evaluation) -> str:
    """What the encoder reached, the thresholds measured, how they are kept, and what was left out."""
    shares = [row for row in evaluation.as_rows() if row.unit == "share"]
    first = f"{evaluation.found_first:,} of {evaluation.queries:,} photos"
    headline = f"{evaluation.encoder} puts the right pet first for {first}"
    title = markup.line(headline, "font-weight:700;font-size:21px;line-height:1.25")
    measures = markup.row((_measure(row.measure, [_Line("", row)]) for row in shares), gap=18)
    return markup.whole(
        [
            markup.block([title, markup.quiet(_about(evaluation)), _warning(evaluation.doubt)], "margin:4px 0 16px"),
            measures,
            markup.quiet(f"{_BARS} {_times(evaluation)}"),
            _thresholds(evaluation),
            _ending(evaluation),
        ],
        label=f"Evaluation. {wording.clean(headline)}",
    )


def comparison_as_html(comparison: Comparison) -> str:
    """Each measure with the encoders below one another on the same scale, and who could not be tried."""
    tried = [(column, column.evaluation) for column in comparison.columns if column.evaluation]
    missing = [
        markup.line(f"{name} could not be tried: {error}", "margin-top:6px")
        for name, error in comparison.errors.items()
    ]
    if not tried:
        return markup.whole(missing, label="Comparison of encoders")
    first = tried[0][1]
    names = ", ".join(column.encoder for column, _ in tried)
    title = markup.line(f"On the same photos: {names}", "font-weight:700;font-size:21px;line-height:1.25")
    measures = [row.measure for row in first.as_rows() if row.unit == "share"]
    times = [markup.quiet(f"{column.encoder}: {_times(evaluation)}") for column, evaluation in tried]
    return markup.whole(
        [
            markup.block([title, markup.quiet(_about(first)), _warning(first.doubt)], "margin:4px 0 16px"),
            markup.row((_measure(name, _lines(name, comparison.columns, tried[0][0])) for name in measures), gap=18),
            markup.quiet(_BARS),
            *times,
            *missing,
            _ending(first),
        ],
        label="Comparison of encoders",
    )


def _lines(measure: str, columns: Iterable[Column], first: Column) -> list[_Line]:
    return [
        _Line(column.encoder, row, _difference(column.differences.get(measure), first.encoder))
        for column in columns
        if column.evaluation
        for row in column.evaluation.as_rows()
        if row.measure == measure
    ]


def _difference(found: Estimate | None, first: str) -> str:
    if found is None:
        return ""
    between = f"{found.low * 100:+.1f} to {found.high * 100:+.1f}"
    points = f"{abs(found.value) * 100:.1f}"
    if float(points) == 0:
        return f"the same as {first} ({between})"
    return f"{points} points {'more' if found.value > 0 else 'less'} than {first} ({between})"


def _about(evaluation: Evaluation) -> str:
    return (
        f"{wording.counted(evaluation.pets, 'pet')} with {wording.counted(evaluation.photos, 'photo')}; each of the "
        f"{evaluation.queries:,} photos whose pet has another one was taken out once and looked for among all others."
    )


def _times(evaluation: Evaluation) -> str:
    times = [f"{row.measure} {row.value:.2f} ms" for row in evaluation.as_rows() if row.unit == "ms"]
    return f"Time a photo: {', '.join(times)}."


def _warning(doubt: str) -> str:
    edge = f"border-left:6px solid {PAINT[Verdict.POSSIBLE].fill};padding:2px 0 2px 12px;margin-top:10px"
    return markup.line(f"{wording.begun(doubt)}.", edge) if doubt else ""


def _measure(name: str, lines: Iterable[_Line]) -> str:
    inner = [
        markup.line(name, "font-weight:700"),
        markup.quiet(MEANING.get(name, "")),
        *(markup.block(_share(line), "margin-top:6px") for line in lines),
    ]
    return markup.block(inner, "flex:1 1 290px;max-width:350px")


def _share(line: _Line) -> str:
    row = line.row
    interval = "" if row.low is None or row.high is None else f"{row.low:.1%} to {row.high:.1%}"
    value = f'<strong style="font-size:17px">{row.value:.1%}</strong>'
    name = f'<span style="flex:1 1 auto;overflow-wrap:anywhere">{markup.escape(line.name)}</span>' if line.name else ""
    small = f'<span style="font-size:13px;opacity:0.72">{interval}</span>'
    said = "display:flex;flex-wrap:wrap;gap:0 10px;align-items:baseline"
    return markup.block(f"{name}{value} {small}", said) + _bar(row) + markup.quiet(line.beside)


def _bar(row: Row) -> str:
    """A track from 0 to 100 %, the interval in pale, a tick at the value."""
    paint = NEUTRAL.fill
    place = "position:absolute;top:0;height:10px"
    band = ""
    if row.low is not None and row.high is not None:
        band = (
            f'<div style="{place};left:{row.low:.1%};width:{row.high - row.low:.1%};background:{paint};opacity:0.45">'
        )
        band += "</div>"
    tick = f'<div style="{place};left:calc({row.value:.1%} - 2px);width:4px;background:currentColor"></div>'
    track = f"position:relative;height:10px;margin:4px 2px 2px;border-radius:3px;background:{_TRACK}"
    return markup.block(band + tick, track)


def _thresholds(evaluation: Evaluation) -> str:
    rows = [
        [
            f"{row.pets:,}",
            f"{row.looks:,}",
            f"<strong>{row.match:.3f}</strong>{_between(row.match_interval)}",
            f"<strong>{row.possible:.3f}</strong>{_between(row.possible_interval)}",
        ]
        for row in evaluation.thresholds.measured
    ]
    head = ["pets", "photos", "match from", "possible from"]
    keep = f'<code style="{_CODE}">registry.dogs.repository.keep_thresholds(evaluation.thresholds)</code>'
    return markup.block(
        [
            markup.line("Thresholds measured on these pets", _TITLE),
            markup.quiet("Of strangers' best matches 1% reach match and 30% possible; the more pets, the higher."),
            markup.table(head, rows, numbers=frozenset({"pets", "photos"})),
            markup.block(
                markup.quiet(f"To have a registry filled by {evaluation.encoder} judge by them (cats: registry.cats):")
                + keep,
                "margin-top:8px",
            ),
        ]
    )


def _between(interval: Interval | None) -> str:
    return "" if interval is None else markup.quiet(f"{interval.low:.3f} to {interval.high:.3f}")


def _ending(evaluation: Evaluation) -> str:
    said = [markup.quiet(f"{wording.begun(note)}.") for note in evaluation.notes]
    return markup.block(said, "margin-top:12px") + failures_as_html("Left out", evaluation.failures)
