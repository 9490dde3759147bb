"""What a call on many pets did, as HTML: the counts, then a table of each failure and of the files passed over."""

from __future__ import annotations

from collections.abc import Iterable

from petfinder.display import wording
from petfinder.display.colours import BAD, NEUTRAL, PAINT
from petfinder.display.html.markup import render
from petfinder.domain.reports import BulkReport, Failure
from petfinder.domain.verdicts import Verdict
from petfinder.registry.copy import CopyReport
from petfinder.registry.rebuild import RebuildReport

_GOOD, _ODD, _PLAIN = (PAINT[verdict].fill for verdict in Verdict)


def report_as_html(report: BulkReport) -> str:
    """The counts, each failure with its reason, the files that were passed over; long tables are cut and say so."""
    counts = [
        (len(report.added), "added", _GOOD),
        (len(report.replaced), "replaced", NEUTRAL.fill),
        (len(report.skipped), "skipped", _PLAIN),
        (len(report.failures), "failed", BAD),
        (len(report.ignored), "files passed over", _PLAIN),
        (report.pending, "photos without embedding yet", _ODD),
        (len(report.several), "photos with several animals", _ODD),
        (len(report.other_species), "photos of another species", _ODD),
    ]
    tables = [
        ("Did not go in", failure_rows(report.failures), ".failures"),
        ("Files passed over", [(file.uri, file.reason) for file in report.ignored], ".ignored"),
        ("Photos with several animals", [(photo.photo, photo.reason) for photo in report.several], ".several"),
        (
            "Photos of another species",
            [(photo.photo, str(photo)) for photo in report.other_species],
            ".other_species",
        ),
        ("Skipped, though their photos changed", [(pet_id, "") for pet_id in report.changed], ".changed"),
    ]
    return render("reports", "report", "What went in", counts, tables)


def rebuild_as_html(report: RebuildReport) -> str:
    """The pets in the new index, where their photos were read from, and where the old index is."""
    counts = [
        (report.pets, "pets in the new index", _GOOD),
        (report.originals, "photos encoded from their originals", NEUTRAL.fill),
        (report.thumbnails, "photos encoded from their thumbnails", _ODD),
        (len(report.failures), "photos without embedding", BAD),
    ]
    kept = f"The old index is kept as {report.kept}." if report.kept else "The old index was deleted."
    tables = [("Without an embedding", failure_rows(report.failures), ".failures")]
    return render("reports", "report", "What was rebuilt", counts, tables, note=kept)


def copy_as_html(report: CopyReport) -> str:
    """The pets that were copied into one index, and those that were there."""
    counts = [
        (report.copied, "pets copied", _GOOD),
        (report.already, "there already", _PLAIN),
        (report.others, "others left alone", _PLAIN),
        (len(report.failures), "failed", BAD),
    ]
    title = f"Copied into {wording.clean(report.index)}"
    tables = [("Did not go over", failure_rows(report.failures), ".failures")]
    return render("reports", "report", title, counts, tables, title)


def failure_rows(failures: Iterable[Failure]) -> list[tuple[str, str]]:
    """What was left out, and why."""
    return [(failure.photo or failure.item, failure.reason) for failure in failures]
