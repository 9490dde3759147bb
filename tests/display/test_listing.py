"""A page of pets, a pet and the indexes of a store, as HTML."""

from __future__ import annotations

import base64

import pytest

from petfinder.display.html.lists import pets_as_html
from petfinder.domain.errors import IndexNotFound
from petfinder.domain.pets import Cat, Dog
from petfinder.registry.connect import connect
from tests.conftest import TableEncoder
from tests.display.conftest import photo
from tests.display.test_gallery import Reader


def test_each_pet_has_its_picture_name_breed_status_place_and_date(luigi: Dog, rex: Dog) -> None:
    blank, face = photo("a.jpg", colour=None), luigi.photos[1]
    first_at_hand = luigi.model_copy(update={"photos": (blank, face, luigi.photos[2])})
    page = Reader(pets_as_html([first_at_hand, rex]))

    assert page.values("alt") == ["Luigi, Jack Russell"]
    assert page.values("src") == [f"data:image/jpeg;base64,{base64.b64encode(face.thumbnail or b'').decode()}"]
    for said in ("2 pets", "Luigi", "lost since ", "2026-10-02", "38.71, -9.14 (to about 1 km)", "rex", "at home"):
        assert said in page.text
    assert "photo taken 2026-05-03" in "".join(page.text)
    assert "rex: no picture here" in page.values("aria-label")


def test_a_thousand_pets_are_a_page_of_48_and_the_rest_is_counted() -> None:
    pets = [Dog(pet_id=f"dog-{number}") for number in range(60)]

    text = Reader(pets_as_html(pets, more=940)).text

    assert ("dog-47" in text, "dog-48" in text) == (True, False)
    assert (text[0], text[-1]) == ("1,000 pets", "and 952 more")
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
