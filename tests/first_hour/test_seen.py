"""Whatever stands in the last line of a cell is seen: pets with their photos, lists, registries, figures."""

from __future__ import annotations

import base64
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

import petfinder as pf
from tests.conftest import ROOT, TableEncoder
from tests.photo_samples import saved

COLOURS = {"luigi": (200, 60, 60), "rex": (60, 60, 200), "mel": (190, 70, 60)}
PHONE = "555-0147-90210"


def photo_of(name: str) -> bytes:
    """A pet's photo as a phone writes it, with the place in it."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 42.0, 44.44), 3: "W", 4: (9.0, 8.0, 35.58)})
    return saved(Image.new("RGB", (60, 40), COLOURS[name]), "JPEG", exif=exif)


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """A photo of each pet by its id."""
    for name in COLOURS:
        (tmp_path / f"{name}.jpg").write_bytes(photo_of(name))
    return {name: tmp_path / f"{name}.jpg" for name in COLOURS}


@pytest.fixture
def registry(photos: dict[str, Path], table_encoder: TableEncoder) -> Iterator[pf.Registry]:
    """Three dogs whose photos are gone from the disk since they were registered."""
    with pf.connect(":memory:", encoder=table_encoder) as opened:
        owner = pf.Owner(name="Ully", phone=PHONE)
        opened.dogs.register_many(pf.Dog(pet_id=name, photos=photo, owner=owner) for name, photo in photos.items())
        for photo in photos.values():
            photo.rename(photo.with_suffix(".moved"))
        yield opened


def pictures(value: object) -> int:
    """How many photos a value shows in a notebook, without contact."""
    html: str = value._repr_html_()  # type: ignore[attr-defined]
    assert "Ully" not in html
    assert PHONE not in html
    return len(re.findall('src="data:image/jpeg;base64,', html))


def test_pets_of_a_list_of_a_text_search_and_of_a_registration_are_seen(registry: pf.Registry, tmp_path: Path) -> None:
    dogs = registry.dogs

    assert pictures(dogs.list()) == 3
    assert pictures(dogs.list(limit=2)) == 2
    dogs.update("rex", note="shy of cars")
    assert pictures(dogs.search_text("cars")) == 1
    assert pictures(dogs.register(pf.Dog(pet_id="new", photos=tmp_path / "mel.moved"))) == 1
    assert pictures(dogs.get("new")) == 1


def test_a_match_its_pet_and_its_photo_are_seen(registry: pf.Registry, tmp_path: Path) -> None:
    best = registry.dogs.find(tmp_path / "rex.moved").best
    assert best is not None

    assert (best.pet.pet_id, pictures(best), pictures(best.pet), pictures(best.photo)) == ("rex", 1, 1, 1)


def test_a_dog_that_is_not_registered_is_seen_without_the_place_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "luigi.jpg"
    file.write_bytes(photo_of("luigi"))
    dog = pf.Dog(pet_id="luigi", photos=[file, tmp_path / "missing.jpg"], owner=pf.Owner(name="Ully", phone=PHONE))
    shown = dog._repr_html_()

    assert pictures(dog) == 1
    assert "no picture here" in shown
    (inside,) = re.findall('base64,([^"]+)', shown)
    assert b"Exif" in file.read_bytes()
    assert b"Exif" not in base64.b64decode(inside)
    file.write_bytes(b"cut off")
    assert pictures(dog) == 0


def test_a_file_that_was_exchanged_since_is_not_shown_as_the_pet(photos: dict[str, Path]) -> None:
    other = pf.Photo(uri=str(photos["rex"]), photo_id="0" * 64)

    assert pictures(other) == 0
    assert pictures(pf.Photo(uri=str(photos["rex"]))) == 1


def test_many_answers_and_duplicates_are_seen_and_stay_lists(registry: pf.Registry, tmp_path: Path) -> None:
    answers = registry.dogs.find_many([tmp_path / "rex.moved", tmp_path / "mel.moved"])
    duplicates = registry.dogs.duplicates(0.9)

    assert pictures(answers) == 4  # what was asked, and the best match, of each
    assert pictures(duplicates) == 2
    for several in (answers, duplicates, registry.dogs.list()):
        assert isinstance(several, Sequence)
        assert several == [*several]
        assert pickle.loads(pickle.dumps(several)) == several
    assert registry.dogs.find_many([]) == []
    assert "No two pets are that alike." in registry.dogs.duplicates(1)._repr_html_()


def test_a_registry_and_its_dogs_say_what_is_in_them_and_that_they_are_closed(registry: pf.Registry) -> None:
    registry.dogs.register_many([pf.Dog(pet_id="late", photos=Image.new("RGB", (9, 9)))], embed=False)

    for shown in (registry, registry.dogs):
        html = shown._repr_html_()
        for said in ("pets-dogs", ">4<", "table-1", "1 wait for an embedding"):
            assert said in html
    registry.close()
    for closed in (registry, registry.dogs):
        assert "closed" in closed._repr_html_()


def test_figures_are_seen_before_and_after_somebody_used_pyplot(tmp_path: Path) -> None:
    figures = ["pf.plot_places([pf.Dog(pet_id='a', place=(1, 2))])", "Matches().plot()", "evaluation.plot()"]
    setup = """import pandas
import matplotlib.pyplot as plt
import petfinder as pf
from petfinder.domain.matches import Matches
from petfinder.evaluation.evaluate import measured
from tests.test_evaluate import scattered
evaluation = measured(scattered(pets=6, photos_each=2, dims=8, seed=3, spread=0.7), encoder="table-1").evaluation"""
    cells = [setup, *figures, "plt.plot([1, 2])", *figures, "pandas.DataFrame({'a': [1, 2]}).plot()", *figures]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])  # type: ignore[no-untyped-call]

    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()

    shown = [
        [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        for cell in notebook.cells
    ]
    assert [len(pngs) for pngs in shown] == [0, *[1] * 11]
    assert shown[1:4] == shown[5:8] == shown[9:12]  # and look the same
