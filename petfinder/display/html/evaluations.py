"""Evaluations and comparisons as HTML: each measure in words, with its interval as a bar, and the thresholds."""

from __future__ import annotations

from petfinder.display.html.markup import render
from petfinder.display.html.reports import failure_rows
from petfinder.evaluation.calibration import Estimate
from petfinder.evaluation.compare import Comparison
from petfinder.evaluation.result import BACKGROUND, EQUAL_ERRORS, FOUND, MEAN_PRECISION, RANK1, RANK5, Evaluation

MEANING = {
    RANK1: "the right pet comes first",
    RANK5: "the right pet is among the first five",
    MEAN_PRECISION: "how far in front the pet's other photos stand, 100% is best",
    FOUND: "the right pet comes first, and nearer than 99 of 100 strangers' best matches",
    BACKGROUND: "the right pet comes first though it was painted out: what the background gives away, low is good",
    EQUAL_ERRORS: "pairs of photos that are judged wrongly, low is good",
}


def evaluation_as_html(evaluation: Evaluation) -> str:
    """Each measure of the encoder, the thresholds measured, how they are kept, and what was left out."""
    first = f"{evaluation.found_first:,} of {evaluation.queries:,} photos"
    headline = f"{evaluation.encoder} puts the right pet first for {first}"
    measures = [
        (row.measure, MEANING[row.measure], [("", row.value, row.low, row.high, "")])
        for row in evaluation.as_rows()
        if row.unit == "share"
    ]
    failures = failure_rows(evaluation.failures)
    return render("evaluations", "evaluation", evaluation, headline, measures, _times(evaluation), failures)


def comparison_as_html(comparison: Comparison) -> str:
    """Each measure with the encoders below one another on the same scale, and who could not be tried."""
    tried = [(column, column.evaluation) for column in comparison.columns if column.evaluation]
    names = [column.encoder for column, _ in tried]
    measures = {
        measure: [
            (column.encoder, row.value, row.low, row.high, _difference(column.differences.get(measure), names[0]))
            for column, _ in tried
            if (row := column.row(measure))
        ]
        for measure in MEANING
    }
    return render(
        "evaluations",
        "comparison",
        tried[0][1] if tried else None,
        f"On the same photos: {', '.join(names)}",
        [(measure, MEANING[measure], lines) for measure, lines in measures.items() if lines],
        [f"{column.encoder}: {_times(evaluation)}" for column, evaluation in tried],
        comparison.errors,
        failure_rows(tried[0][1].failures) if tried else [],
    )


def _difference(found: Estimate | None, first: str) -> str:
    if found is None:
        return ""
    between = f"{found.low * 100:+.1f} to {found.high * 100:+.1f}"
    points = f"{abs(found.value) * 100:.1f}"
    if float(points) == 0:
        return f"the same as {first} ({between})"
    return f"{points} points {'more' if found.value > 0 else 'less'} than {first} ({between})"


def _times(evaluation: Evaluation) -> str:
    times = [f"{row.measure} {row.value:.2f} ms" for row in evaluation.as_rows() if row.unit == "ms"]
    return f"Time a photo: {', '.join(times)}."
