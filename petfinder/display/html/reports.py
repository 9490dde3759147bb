"""What a call on many pets did, as HTML: the counts, then a table of each failure and of the files passed over."""

from __future__ import annotations

from collections.abc import Iterable

from petfinder.display import wording
from petfinder.display.colours import BAD, NEUTRAL, PAINT
from petfinder.display.html.markup import render
from petfinder.domain.reports import BulkReport, Failure, Report
from petfinder.domain.verdicts import Verdict
from petfinder.registry.copy import CopyReport
from petfinder.registry.rebuild import RebuildReport

_GOOD, _ODD, _PLAIN = (PAINT[verdict].fill for verdict in Verdict)
_COLOURS = {
    **dict.fromkeys(("added", "pets in the new index", "pets copied"), _GOOD),
    **dict.fromkeys(("replaced", "photos encoded from their originals"), NEUTRAL.fill),
    **dict.fromkeys(("failed", "photos without embedding"), BAD),
    **dict.fromkeys(("skipped", "passed over", "there already", "others left alone"), _PLAIN),
}


def report_as_html(report: Report) -> str:
    """The counts, each failure with its reason, what was passed over; long tables are cut and say so."""
    title, failed, note, more = "What went in", "Did not go in", "", []
    if isinstance(report, RebuildReport):
        title, failed = "What was rebuilt", "Without an embedding"
        note = f"The old index is kept as {report.kept}." if report.kept else "The old index was deleted."
    elif isinstance(report, CopyReport):
        title, failed = f"Copied into {wording.clean(report.index)}", "Did not go over"
    elif isinstance(report, BulkReport):
        more = [
            ("Files passed over", [(file.uri, file.reason) for file in report.ignored], ".ignored"),
            ("Photos to look at", [(photo.photo, photo.reason) for photo in report.odd], ".odd"),
            ("Skipped, though their photos changed", [(pet_id, "") for pet_id in report.changed], ".changed"),
        ]
    counts = [(count, what, _COLOURS.get(what, _ODD)) for what, count in report.counts.items()]
    heading = title if isinstance(report, CopyReport) else ""
    tables = [(failed, failure_rows(report.failures), ".failures"), *more]
    return render("reports", "report", title, counts, tables, heading, note)


def failure_rows(failures: Iterable[Failure]) -> list[tuple[str, str]]:
    """What was left out, and why."""
    return [(failure.photo or failure.item, failure.reason) for failure in failures]
