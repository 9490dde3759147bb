"""What a bulk call, a rebuild or a copy did, as HTML."""

from __future__ import annotations

from petfinder.display.html.reports import report_as_html
from petfinder.domain.errors import UnreadablePhoto
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.registry.copy import CopyReport
from petfinder.registry.rebuild import RebuildReport
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


def test_a_long_table_is_cut_and_an_empty_report_says_so() -> None:
    failures = tuple(Failure(f"pet-{number}", UnreadablePhoto("cut off")) for number in range(23))

    text = Reader(report_as_html(BulkReport(failures=failures))).text

    assert ("pet-19" in text, "pet-20" in text) == (True, False)
    assert "and 3 more in .failures" in text
    assert Reader(report_as_html(BulkReport())).text == ["nothing to do"]


def test_a_rebuild_says_what_was_encoded_and_where_the_old_index_is() -> None:
    lost = Failure("rex", UnreadablePhoto("<b> is gone"), photo="<b>")
    report = RebuildReport(pets=1204, originals=3000, thumbnails=310, failures=(lost,), kept="pets-dogs-000001")

    text = Reader(report._repr_html_()).text

    for said in ("1,204", "3,000", "photos encoded from their thumbnails", "UnreadablePhoto: <b> is gone"):
        assert said in text
    assert "The old index is kept as pets-dogs-000001." in text
    assert "The old index was deleted." in Reader(RebuildReport(1, 1, 0)._repr_html_()).text


def test_a_copy_says_into_which_index_and_how_many() -> None:
    text = Reader(CopyReport("pets-dogs", copied=7, already=2, others=1)._repr_html_()).text

    assert text == ["Copied into pets-dogs", "7", "pets copied", "2", "there already", "1", "others left alone"]
