"""What a bulk call did, as HTML: the counts, then a table of each failure and of the files that were passed over.

Knows the report and nothing of how it came about.
"""

from __future__ import annotations

from collections.abc import Iterable

from petfinder.display import markup
from petfinder.display.paint import NEUTRAL, PAINT, Paint
from petfinder.reports import BulkReport
from petfinder.thresholds import Verdict

_ROWS = 20
_GOOD, _ODD, _BAD = PAINT[Verdict.MATCH], PAINT[Verdict.POSSIBLE], Paint(fill="#b34700", ink="#ffffff")
_CELL = "padding:4px 14px 4px 0;text-align:left;vertical-align:top;overflow-wrap:anywhere"


def report_as_html(report: BulkReport) -> str:
    """The counts, each failure with its reason, the files that were passed over; long tables are cut and say so."""
    counts = [
        (len(report.added), "added", _GOOD),
        (len(report.replaced), "replaced", NEUTRAL),
        (len(report.skipped), "skipped", PAINT[Verdict.UNKNOWN]),
        (len(report.failures), "failed", _BAD),
        (len(report.ignored), "files passed over", PAINT[Verdict.UNKNOWN]),
        (report.pending, "photos without embedding yet", _ODD),
    ]
    tiles = [_tile(count, what, paint) for count, what, paint in counts if count]
    failures = [(failure.photo or failure.item, failure.reason) for failure in report.failures]
    passed_over = [(file.uri, file.reason) for file in report.ignored]
    return markup.whole(
        [
            markup.row(tiles) if tiles else markup.line("nothing to do"),
            _table("Did not go in", failures, ".failures"),
            _table("Files passed over", passed_over, ".ignored"),
            _table("Skipped, though their photos changed", [(pet_id, "") for pet_id in report.changed], ".changed"),
        ],
        label="What went in",
    )


def _tile(count: int, what: str, paint: Paint) -> str:
    number = markup.line(f"{count:,}", "font-size:26px;font-weight:700;line-height:1.2")
    return markup.block(number + markup.quiet(what), f"border-left:6px solid {paint.fill};padding:2px 18px 2px 12px")


def _table(title: str, rows: Iterable[tuple[str, str]], where: str) -> str:
    every = list(rows)
    if not every:
        return ""
    lines = "".join(
        f'<tr><td style="{_CELL};font-weight:600">{markup.escape(what)}</td>'
        f'<td style="{_CELL}">{markup.escape(why)}</td></tr>'
        for what, why in every[:_ROWS]
    )
    left = len(every) - _ROWS
    return (
        markup.line(title, "font-weight:700;margin:16px 0 4px")
        + f'<table style="border-collapse:collapse;margin:0">{lines}</table>'
        + markup.quiet(f"and {left:,} more in {where}" if left > 0 else "")
    )
