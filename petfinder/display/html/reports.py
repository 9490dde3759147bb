"""What a call on many pets did, as HTML: the counts, then a table of each failure and of the files passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from petfinder.display import wording
from petfinder.display.colours import NEUTRAL, PAINT, Paint
from petfinder.display.html import markup
from petfinder.domain.reports import BulkReport, Failure
from petfinder.domain.verdicts import Verdict
from petfinder.registry.copy import CopyReport
from petfinder.registry.rebuild import RebuildReport

_ROWS = 20
_GOOD, _ODD, _BAD = PAINT[Verdict.MATCH], PAINT[Verdict.POSSIBLE], Paint(fill="#b34700", ink="#ffffff")
_PLAIN = PAINT[Verdict.UNKNOWN]
Counts = Sequence[tuple[int, str, Paint]]


def report_as_html(report: BulkReport) -> str:
    """The counts, each failure with its reason, the files that were passed over; long tables are cut and say so."""
    counts = [
        (len(report.added), "added", _GOOD),
        (len(report.replaced), "replaced", NEUTRAL),
        (len(report.skipped), "skipped", _PLAIN),
        (len(report.failures), "failed", _BAD),
        (len(report.ignored), "files passed over", _PLAIN),
        (report.pending, "photos without embedding yet", _ODD),
    ]
    passed_over = [(file.uri, file.reason) for file in report.ignored]
    changed = [(pet_id, "") for pet_id in report.changed]
    return markup.whole(
        [
            _tiles(counts),
            failures_as_html("Did not go in", report.failures),
            _table("Files passed over", passed_over, ".ignored"),
            _table("Skipped, though their photos changed", changed, ".changed"),
        ],
        label="What went in",
    )


def rebuild_as_html(report: RebuildReport) -> str:
    """The pets in the new index, where their photos were read from, and where the old index is."""
    counts = [
        (report.pets, "pets in the new index", _GOOD),
        (report.originals, "photos encoded from their originals", NEUTRAL),
        (report.thumbnails, "photos encoded from their thumbnails", _ODD),
        (len(report.failures), "photos without embedding", _BAD),
    ]
    kept = f"The old index is kept as {report.kept}." if report.kept else "The old index was deleted."
    failures = failures_as_html("Without an embedding", report.failures)
    return markup.whole([_tiles(counts), markup.quiet(kept), failures], label="What was rebuilt")


def copy_as_html(report: CopyReport) -> str:
    """The pets that were copied into one index, and those that were there."""
    counts = [
        (report.copied, "pets copied", _GOOD),
        (report.already, "there already", _PLAIN),
        (report.others, "others left alone", _PLAIN),
        (len(report.failures), "failed", _BAD),
    ]
    title = markup.line(f"Copied into {report.index}", "font-weight:700;margin-bottom:8px")
    failures = failures_as_html("Did not go over", report.failures)
    return markup.whole([title, _tiles(counts), failures], label=f"Copied into {wording.clean(report.index)}")


def failures_as_html(title: str, failures: Iterable[Failure]) -> str:
    """A table of what was left out, and why; nothing where nothing was."""
    return _table(title, [(failure.photo or failure.item, failure.reason) for failure in failures], ".failures")


def _tiles(counts: Counts) -> str:
    tiles = [markup.tile(count, what, paint.fill) for count, what, paint in counts if count]
    return markup.row(tiles) if tiles else markup.line("nothing to do")


def _table(title: str, rows: Sequence[tuple[str, str]], where: str) -> str:
    if not rows:
        return ""
    shown = [(markup.line(what, "font-weight:600;min-width:8em"), markup.line(why)) for what, why in rows[:_ROWS]]
    left = len(rows) - _ROWS
    return (
        markup.line(title, "font-weight:700;margin:16px 0 4px")
        + markup.table(["", ""], shown)
        + markup.quiet(f"and {left:,} more in {where}" if left > 0 else "")
    )
