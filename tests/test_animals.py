"""Which animals there are in a photo: boxes from a map of what is pet, what a search and a registration say of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.display.data import matches_as_data, report_as_data
from petfinder.display.html.gallery import matches_as_html
from petfinder.display.html.reports import report_as_html
from petfinder.display.thumbnails import boxed
from petfinder.domain.animals import animals_of, close_up, several_animals
from petfinder.domain.vectors import unit
from petfinder.encoders.pocket import PocketEncoder
from tests.conftest import ROOT, TableEncoder


def drawn(*lines: str) -> tuple[pf.Box, ...]:
    """The animals in a map of which each character is a cell, in tenths; a dot is 0."""
    cells = [[0 if sign == "." else int(sign) / 10 + 0.05 for sign in line] for line in lines]
    return animals_of(np.array(cells, np.float32))


def numbers(box: pf.Box) -> tuple[float, ...]:
    return box.x, box.y, box.w, box.h


def test_each_part_that_is_surely_pet_somewhere_is_an_animal_the_largest_first() -> None:
    found = drawn("9....", ".....", "...57", "...9.", "...4.")

    assert [numbers(box) for box in found] == [pytest.approx((0.6, 0.4, 0.4, 0.6)), pytest.approx((0, 0, 0.2, 0.2))]
    assert several_animals(found) == "two animals; choose one with Photo(box=...)"


def test_cells_that_touch_at_a_corner_only_are_two_animals_and_a_bridge_makes_them_one() -> None:
    assert len(drawn("99..", "..99")) == 2
    assert [numbers(box) for box in drawn("995.", "..99")] == [(0, 0, 1, 1)]
    assert len(drawn("993.", "..99")) == 2


def test_what_may_be_pet_counts_where_nothing_surely_is() -> None:
    assert drawn("88..", "8..6") == (pf.Box(x=0, y=0, w=0.5, h=1),)
    assert [len(drawn("88..", "8..9")), len(drawn("5555", "5555")), len(drawn("....", "...."))] == [1, 0, 0]
    assert several_animals(drawn("8...")) == several_animals(()) == ""


def test_a_small_animal_alone_is_framed_with_its_surroundings_and_no_other() -> None:
    small = np.zeros((10, 10), np.float32)
    small[0:2, 5:7] = 0.95
    near = close_up(small, animals_of(small))

    assert near == pytest.approx((0.42, 0, 0.78, 0.28))
    large, unsure, two = np.full((2, 2), 0.95, np.float32), small * np.float32(0.8), np.roll(small, 5, 0) + small
    assert [close_up(each, animals_of(each)) for each in (large, unsure, two, small * 0)] == [None] * 4


@pytest.fixture(scope="module")
def seeing() -> PocketEncoder:
    """The built-in encoder."""
    return PocketEncoder(threads=1)


@pytest.fixture(scope="module")
def two(shared: Path) -> Image.Image:
    """A dog at the left, a cat at the right."""
    picture = Image.new("RGB", (800, 400), "white")
    for place, pet in enumerate(("dog6", "cat2")):
        photo = Image.open(min((shared / "identity" / "photos" / pet).glob("*.jpg")))
        picture.paste(photo.convert("RGB").resize((400, 400)), (400 * place, 0))
    return picture


def test_one_pass_gives_the_same_embeddings_and_the_animals_at_their_places(
    seeing: PocketEncoder, two: Image.Image
) -> None:
    rows, animals = seeing.encode_with_animals([two, two.crop((0, 0, 400, 400))])

    np.testing.assert_allclose(
        rows, PocketEncoder(threads=1).encode_images([two, two.crop((0, 0, 400, 400))]), atol=1e-5
    )
    assert [len(found or ()) for found in animals] == [2, 1]
    assert sorted(round(box.x + box.w / 2) for box in animals[0] or ()) == [0, 1]


def test_a_small_animal_alone_is_encoded_with_its_surroundings_too_and_is_nearer_to_itself(
    seeing: PocketEncoder,
) -> None:
    with Image.open(ROOT / "dataset/photos/faisca/1.jpg") as photo:
        near = photo.crop((photo.width // 5, 0, photo.width // 5 + photo.height, photo.height)).resize((320, 320))
    far = Image.new("RGB", (1000, 800), "gray")
    far.paste(near, (500, 200))

    (row, itself), (found, _) = seeing.encode_with_animals([far, near])

    whole = unit(seeing._open_session(1).run(["embeddings"], {"pictures": seeing._views(far)})[0][0])
    assert found is not None
    assert found[0].w * found[0].h < 0.2
    assert float(row @ itself) > float(whole @ itself) + 0.1
    np.testing.assert_allclose(seeing.encode_images([far])[0], row, atol=1e-6)


def test_a_box_from_animals_in_chooses_one_of_them(seeing: PocketEncoder, two: Image.Image) -> None:
    boxes = pf.animals_in(pf.Photo(source=two, box=(0, 0, 0.5, 1)), seeing)

    assert len(boxes) == 2, "the whole picture's, whatever box the photo has"
    assert boxes[0].w * boxes[0].h >= boxes[1].w * boxes[1].h
    with pytest.raises(pf.ConfigError, match="'table-1' does not say where animals are"):
        pf.animals_in(two, TableEncoder())


SAID = "two animals; choose one with Photo(box=...)"


def test_a_search_says_that_there_are_two_animals_until_one_is_chosen(seeing: PocketEncoder, two: Image.Image) -> None:
    with pf.connect(":memory:", encoder=seeing) as registry:
        registry.cats.register(pf.Cat(pet_id="mimi", photos=[two.crop((400, 0, 800, 400))]))
        matches = registry.cats.find(two)
        chosen = [registry.cats.find(pf.Photo(source=two, box=box)) for box in matches.animals]
        (listed,), over_all = registry.cats.find_many([two]), registry.find(two)
        alone = registry.cats.find(two.crop((400, 0, 800, 400)))

    assert len(matches.animals) == 2
    assert matches.animals == listed.animals == over_all.animals
    assert [found.animals for found in chosen] == [(), ()]
    assert max(found[0].similarity for found in chosen) > matches[0].similarity
    for shown in (str(matches), repr(matches), matches_as_html(matches)):
        assert SAID in shown.replace("Two", "two")
    assert matches_as_data(matches)["animals"] == [box.model_dump(exclude={"margin"}) for box in matches.animals]
    assert len(alone.animals) == 1
    assert "animals" not in repr(alone) + matches_as_html(alone)


def test_the_query_is_shown_with_a_box_around_each_animal(seeing: PocketEncoder, two: Image.Image) -> None:
    with pf.connect(":memory:", encoder=seeing) as registry:
        matches = registry.dogs.find(two)

    (query,) = matches.query
    drawn_in = np.asarray(Image.open(io.BytesIO(boxed(query, matches.animals).thumbnail or b"")), np.int16)
    changed = np.abs(drawn_in - np.asarray(Image.open(io.BytesIO(query.thumbnail or b"")))).max(axis=2) > 60
    for box in matches.animals:
        x, y = int((box.x + box.w / 2) * 512), int(box.y * 256) + 1
        assert changed[y, x]
        assert not changed[int((box.y + box.h / 2) * 256), x]
    assert boxed(query, matches.animals[:1]) is query


def test_a_registration_names_the_photos_with_several_animals_and_takes_them_in(
    seeing: PocketEncoder, two: Image.Image, tmp_path: Path
) -> None:
    two.save(tmp_path / "two.png")
    photos: list[Any] = [tmp_path / "two.png", two.crop((0, 0, 400, 400)), pf.Photo(source=two, box=(0, 0, 0.5, 1))]
    with pf.connect(":memory:", encoder=seeing) as registry:
        report = registry.dogs.register_many([pf.Dog(pet_id="rex", photos=photos), pf.Dog(pet_id="bella")])
        again = registry.dogs.register_many([pf.Dog(pet_id="rex", photos=photos)])

    (one,) = report.odd
    assert (report.added, one.pet_id, again.odd) == (("rex", "bella"), "rex", ())
    assert f"rex ({tmp_path / 'two.png'}): {SAID}" in str(report)
    assert SAID in report_as_html(report)
    assert report_as_data(report)["odd"] == [{"pet_id": "rex", "photo": str(tmp_path / "two.png"), "reason": SAID}]


def test_an_encoder_that_cannot_tell_says_nothing_of_animals(two: Image.Image) -> None:
    with pf.connect(":memory:", encoder=TableEncoder()) as registry:
        report = registry.dogs.register_many([pf.Dog(pet_id="rex", photos=[two])])
        matches = registry.dogs.find(two)

    assert (report.odd, matches.animals, len(matches)) == ((), (), 1)
