"""A cat among dogs: said when it is registered and when it is looked for, and never in the way."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import petfinder as pf
from petfinder.display.data import matches_as_data, report_as_data
from petfinder.display.html.gallery import matches_as_html
from petfinder.display.html.reports import report_as_html
from petfinder.domain.vectors import unit
from petfinder.encoders.base import species_shown
from petfinder.encoders.pocket import WEIGHTS, PocketEncoder
from petfinder.page.desk import Desk
from petfinder.page.widgets.page import Front
from petfinder.page.widgets.search import FindPanel
from petfinder.photos.read import read_photo
from petfinder.training.pocket.species import fit, write_species
from tests.conftest import ROOT, TableEncoder
from tests.test_service import sure
from tests.widgets.conftest import chosen, press, text_of

DRAWN = ROOT / "dataset"
CAT, DOG, STRAY_CAT = (
    DRAWN / "photos/figaro/1.jpg",
    DRAWN / "photos/faisca/1.jpg",
    DRAWN / "queries/hiding-among-leaves.jpg",
)
SAID = "looks like a cat"


@pytest.fixture(scope="module")
def seeing() -> PocketEncoder:
    """The built-in encoder."""
    return PocketEncoder(threads=1)


@pytest.fixture
def registry(seeing: PocketEncoder) -> Iterator[pf.Registry]:
    """One dog, and no index of cats."""
    with pf.connect(":memory:", encoder=seeing) as opened:
        opened.dogs.register(pf.Dog(pet_id="faisca", photos=[DOG]))
        yield opened


def test_a_cat_among_dogs_is_said_when_it_is_registered_and_goes_in(registry: pf.Registry) -> None:
    mixed = [pf.Dog(pet_id="mixed", photos=[DOG, CAT]), pf.Dog(pet_id="chip only")]
    report = registry.dogs.register_many(mixed)
    again = registry.dogs.register_many(mixed)
    cats = registry.cats.register_many([pf.Cat(pet_id="figaro", photos=[CAT])])

    (one,) = report.odd
    assert (report.added, again.odd, cats.odd) == (("mixed", "chip only"), (), ())
    assert (one.pet_id, one.photo, one.reason) == ("mixed", str(CAT), SAID)
    assert f"1 photos to look at\n  mixed ({CAT}): {SAID}" in str(report)
    assert SAID in report_as_html(report)
    assert report_as_data(report)["odd"] == [{"pet_id": "mixed", "photo": str(CAT), "reason": SAID}]


def test_a_cat_registered_alone_as_a_dog_is_said_in_the_log(
    registry: pf.Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        registry.dogs.register(pf.Dog(pet_id="mimi", photos=[CAT]))
        registry.dogs.register(pf.Dog(pet_id="spots", photos=[DOG]))

    assert caplog.messages == [f"mimi ({CAT}): {SAID}"]


def test_a_cat_looked_for_among_dogs_is_said_and_changes_no_answer(registry: pf.Registry) -> None:
    matches = registry.dogs.find(STRAY_CAT)
    (listed,), among_all = registry.dogs.find_many([STRAY_CAT]), registry.find(STRAY_CAT)

    assert [one.looks_like for one in (matches, listed, among_all)] == ["cat"] * 3
    for shown in (str(matches), matches_as_html(matches)):
        assert f"{SAID}, and no cats were searched" in shown
    assert matches_as_data(matches)["looks_like"] == "cat"
    by_embedding = registry.dogs.find_by_embedding(sure(matches.query[0].embedding))
    assert [one.similarity for one in matches] == [one.similarity for one in by_embedding]
    assert registry.dogs.find(DOG).looks_like is None
    assert registry.dogs.find([DOG, STRAY_CAT]).looks_like is None, "one of each: nobody is sure"


def test_a_cat_looked_for_among_all_is_not_said_where_cats_are(registry: pf.Registry) -> None:
    registry.cats.register(pf.Cat(pet_id="figaro", photos=[CAT]))

    assert registry.find(STRAY_CAT).looks_like is registry.cats.find(STRAY_CAT).looks_like is None
    assert SAID not in str(registry.find(STRAY_CAT))


def test_a_lost_cat_is_found_on_the_page_where_dogs_are_chosen_first(registry: pf.Registry) -> None:
    front = Front(Desk(registry))
    find = front.panel
    assert isinstance(find, FindPanel)
    find.upload.button.value = (chosen(content=STRAY_CAT.read_bytes()),)
    before = text_of(find.answer)
    registry.cats.register(pf.Cat(pet_id="ginja", name="Ginja", photos=[DRAWN / "photos/ginja/1.jpg"]))
    find.search()
    press(find.answer, "Details")

    assert "This looks like a cat, and no cats were searched" in before
    assert "Ginja" in text_of(find.answer)
    assert "no cats were searched" not in text_of(find.answer)
    assert "cat Ginja" in text_of(front.widget)


def test_an_encoder_that_knows_no_species_says_nothing() -> None:
    with pf.connect(":memory:", encoder=TableEncoder()) as registry:
        report = registry.dogs.register_many([pf.Dog(pet_id="mimi", photos=[CAT])])
        matches = registry.dogs.find(CAT)

    assert (report.odd, matches.looks_like) == ((), None)


@pytest.mark.parametrize("mirrored", [False, True])
def test_no_drawing_and_no_person_is_taken_for_the_other_species(mirrored: bool) -> None:
    with (DRAWN / "manifest.csv").open(encoding="utf-8") as lines:
        files = {file: row["species"] for row in csv.DictReader(lines) for file in row["photos"].split(";")}
    with (DRAWN / "queries.csv").open(encoding="utf-8") as lines:
        files |= {row["file"]: row["species"] for row in csv.DictReader(lines)}
    files |= {f"owners/{file.name}": "" for file in (DRAWN / "owners").iterdir()}
    encoder = PocketEncoder(mirrored=mirrored)
    rows = encoder.encode_images([read_photo(DRAWN / file).image for file in files])

    named = species_shown(encoder, [*rows])

    assert [file for file, one in zip(files, named, strict=True) if one and one != files[file]] == []
    assert sum(one == "cat" for one in named) >= 8
    assert sum(one == "dog" for one in named) >= 16


def test_what_was_fitted_on_other_weights_is_not_used(tmp_path: Path, seeing: PocketEncoder) -> None:
    (tmp_path / "own.onnx").symlink_to(WEIGHTS)
    encoder = PocketEncoder(weights=tmp_path / "own.onnx", threads=1)
    cat = seeing.encode_images([read_photo(CAT).image])
    fitted = json.loads(seeing.file_of("species").read_text())
    found: list[str | None] = []
    for fingerprint in (fitted["fingerprint"], "another"):
        encoder.file_of("species").write_text(json.dumps(fitted | {"fingerprint": fingerprint}))
        found += PocketEncoder(weights=encoder.weights, threads=1).species_shown(cat)
    encoder.file_of("species").write_text("{")

    assert (encoder.thresholds, found, seeing.species_shown(cat)) == (None, ["cat", None], ["cat"])
    with pytest.raises(pf.ConfigError, match=r"species\.json cannot be read"):
        encoder.species_shown(cat)
    assert seeing.species_shown(np.zeros((0, 512), np.float32)) == []


def test_the_fit_names_what_is_far_from_the_others_and_is_read_back_beside_the_weights(tmp_path: Path) -> None:
    kinds = ["", "cat", "dog"]
    rows = np.random.default_rng(1).normal(np.repeat(np.eye(3, 512) * 10, 40, axis=0)).astype(np.float32)
    (tmp_path / "own.onnx").symlink_to(WEIGHTS)

    write_species(PocketEncoder(weights=tmp_path / "own.onnx"), fit(unit(rows), np.repeat(kinds, 40).tolist()))
    encoder = PocketEncoder(weights=tmp_path / "own.onnx")

    between = np.eye(3, 512)[1] + np.eye(3, 512)[2]
    assert species_shown(encoder, [*np.eye(3, 512), between]) == [None, "cat", "dog", None]
