"""A page of pets, the indexes of a store, and what a bulk call, a rebuild or a copy did, as HTML."""

from __future__ import annotations

import base64

import pytest

from petfinder.display.html.lists import pets_as_html
from petfinder.display.html.reports import report_as_html
from petfinder.domain.errors import IndexNotFound, UnreadablePhoto
from petfinder.domain.pets import Cat, Dog
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.registry.connect import connect
from petfinder.registry.copy import CopyReport
from petfinder.registry.rebuild import RebuildReport
from tests.conftest import TableEncoder
from tests.display.conftest import photo
from tests.display.test_gallery import Reader


def test_each_pet_has_its_picture_and_what_is_known_and_of_a_thousand_a_page_shows_48(luigi: Dog, rex: Dog) -> None:
    blank, face = photo("a.jpg", colour=None), luigi.photos[1]
    first_at_hand = luigi.model_copy(update={"photos": (blank, face, luigi.photos[2])})
    page = Reader(pets_as_html([first_at_hand, rex]))
    many = Reader(pets_as_html([Dog(pet_id=f"dog-{number}") for number in range(1000)])).text

    assert page.values("alt") == ["Luigi, Jack Russell"]
    assert page.values("src") == [f"data:image/jpeg;base64,{base64.b64encode(face.thumbnail or b'').decode()}"]
    for said in ("2 pets", "Luigi", "lost since ", "2026-10-02", "38.71, -9.14 (to about 1 km)", "rex", "at home"):
        assert said in page.text
    assert "photo taken 2026-05-03" in "".join(page.text)
    assert "rex: no picture here" in page.values("aria-label")
    assert ("dog-47" in many, "dog-48" in many) == (True, False)
    assert (many[0], many[-1]) == ("1,000 pets", "and 952 more")
    assert Reader(pets_as_html([])).text == ["No pet here."]


def test_the_indexes_of_a_store_are_a_table(table_encoder: TableEncoder) -> None:
    with connect(":memory:", encoder=table_encoder) as registry:
        assert "There is no index yet" in "".join(Reader(registry.util.list_indexes()._repr_html_()).text)
        assert repr(registry.util.list_indexes()) == "no index"
        registry.dogs.register(Dog(pet_id="rex"))
        registry.cats.register(Cat(pet_id="mimi"))
        indexes = registry.util.list_indexes()
        registry.util.delete_index("pets-cats")
        with pytest.raises(IndexNotFound):
            registry.util.info("pets-cats")

    page = Reader(indexes._repr_html_())
    assert page.values("scope") == ["col"] * 7
    for said in ("pets-dogs", "pets-cats", "dog", "cat", "table-1", "8 dims, cosine", "the encoder's"):
        assert said in page.text
    assert repr(indexes).splitlines() == [str(index) for index in indexes]
    assert Reader(indexes[0]._repr_html_()).text.count("pets-cats") == 1


def test_counts_and_failures_of_a_bulk_call_are_shown_and_a_long_table_is_cut() -> None:
    cut_off = Failure("luigi", UnreadablePhoto("<b>.jpg is cut off"), photo="<b>.jpg")
    ignored = (Ignored("notes.txt", "not a picture"),)
    others = (Failure(f"pet-{number}", UnreadablePhoto("cut off")) for number in range(22))
    report = BulkReport(added=("a",) * 1204, failures=(cut_off, *others), ignored=ignored, changed=("bella",))

    text = Reader(report_as_html(report)).text

    for said in ("1,204", "added", "failed", "<b>.jpg", "UnreadablePhoto: <b>.jpg is cut off", "notes.txt", "bella"):
        assert said in text
    assert ("replaced" in text, "pet-18" in text, "pet-19" in text) == (False, True, False)
    assert "and 3 more in .failures" in text
    assert Reader(report_as_html(BulkReport())).text == ["nothing to do"]


def test_a_rebuild_says_what_was_encoded_and_where_the_old_index_is_and_a_copy_how_many_went_where() -> None:
    lost = Failure("rex", UnreadablePhoto("<b> is gone"), photo="<b>")
    report = RebuildReport(pets=1204, originals=3000, thumbnails=310, failures=(lost,), kept="pets-dogs-000001")
    copied = CopyReport("pets-dogs", copied=7, already=2, others=1)

    text = Reader(report._repr_html_()).text

    for said in ("1,204", "3,000", "photos encoded from their thumbnails", "UnreadablePhoto: <b> is gone"):
        assert said in text
    assert "The old index is kept as pets-dogs-000001." in text
    assert "The old index was deleted." in Reader(RebuildReport(1, 1, 0)._repr_html_()).text
    told = ["Copied into pets-dogs", "7", "pets copied", "2", "there already", "1", "others left alone"]
    assert Reader(copied._repr_html_()).text == told
