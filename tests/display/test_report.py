"""What a bulk call did, as HTML."""

from __future__ import annotations

from petfinder.display.report import report_as_html
from petfinder.errors import UnreadablePhoto
from petfinder.reports import BulkReport, Failure, Ignored
from tests.display.test_gallery import Reader


def test_counts_and_failures_are_shown() -> None:
    cut_off = Failure("luigi", UnreadablePhoto("<b>.jpg is cut off"), photo="<b>.jpg")
    report = BulkReport(
        added=("a",) * 1204, failures=(cut_off,), ignored=(Ignored("notes.txt", "not a picture"),), changed=("bella",)
    )

    text = Reader(report_as_html(report)).text

    for said in ("1,204", "added", "failed", "<b>.jpg", "UnreadablePhoto: <b>.jpg is cut off", "notes.txt", "bella"):
        assert said in text
    assert "replaced" not in text


def test_a_long_table_is_cut_and_says_so() -> None:
    failures = tuple(Failure(f"pet-{number}", UnreadablePhoto("cut off")) for number in range(23))

    text = Reader(report_as_html(BulkReport(failures=failures))).text

    assert "pet-19" in text
    assert "pet-20" not in text
    assert "and 3 more in .failures" in text


def test_an_empty_report_says_that_there_was_nothing_to_do() -> None:
    assert Reader(report_as_html(BulkReport())).text == ["nothing to do"]
