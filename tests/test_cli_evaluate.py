"""The verb `evaluate`: encoders side by side, a registry as it is, thresholds kept where they belong, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree

import pytest
from PIL import Image

from petfinder.domain.pets import Dog
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import Encoder
from petfinder.encoders.load import load_encoder
from petfinder.evaluation import compare
from petfinder.registry.connect import connect
from tests.conftest import TableEncoder
from tests.test_cli import data, draw, folder, run

__all__ = ["folder"]
NAMED = ("--registry", "pets.db")


@pytest.fixture(autouse=True)
def photos(folder: Path) -> Path:
    """A working folder with three pets of two photos each."""
    rmtree(folder / "photos")
    for pet in range(3):
        for number in range(2):
            draw(folder / "photos" / f"pet{pet}" / f"{number}.png", 10 * pet + number)
    return folder / "photos"


def test_encoders_stand_side_by_side_and_one_that_is_missing_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    table = run("evaluate", "photos", "--encoder", "pocket", "--encoder", "pocket-99", "--save", "both.png")
    answer = run("evaluate", "photos", "--encoder", "pocket-99", "--encoder", "pocket", "--json")

    assert (table.exit_code, answer.exit_code) == (3, 3)
    assert table.stdout.splitlines()[1].split() == ["pocket", "pocket-99"]
    assert "EncoderUnavailable" in table.stdout
    missing, there = json.loads(answer.stdout)["encoders"]
    assert (missing["encoder"], missing["error"]) == ("pocket-99", "EncoderUnavailable")
    assert {"rank-1", "rank-5", "mAP", "equal error rate"} <= {row["measure"] for row in there["measures"]}
    assert Thresholds(**there["thresholds"]).measured[-1].photos == 4
    assert Path("both.png").is_file()

    monkeypatch.setenv("PETFINDER_ENCODER", "pocket-99")
    none = run("evaluate", "photos", "--save", "none.png")
    assert "pocket-99 could not be tried" in none.stdout
    assert (none.exit_code, Path("none.png").exists(), "nothing to draw" in none.stderr) == (3, False, True)


def test_thresholds_are_kept_with_the_index_whose_encoder_was_tried() -> None:
    assert run("register", "photos", *NAMED).exit_code == 0

    kept = run("evaluate", "photos", *NAMED, "--save-thresholds", "--yes", "--json")
    other = run("evaluate", "photos", "--encoder", "pocket-99", *NAMED, "--save-thresholds")

    assert (kept.exit_code, other.exit_code) == (0, 3)
    measured = Thresholds(**json.loads(kept.stdout)["encoders"][0]["thresholds"])
    with connect("pets.db", create=False) as registry:
        assert registry.dogs.repository.thresholds == measured
        assert registry.dogs.find("photos/pet0/0.png").thresholds_source == measured.source
    assert "kept with index 'pets-dogs'" in kept.stderr
    assert "no thresholds kept" in other.stderr


class ShelterEncoder(TableEncoder):
    """Goes by the name of a tuned encoder whose file is not at hand."""

    name = "tuned:shelter@pocket-3"


def test_an_index_whose_encoder_cannot_be_had_is_measured_and_says_how_to_name_it() -> None:
    with connect("pets.db", encoder=ShelterEncoder()) as registry:
        for pet in ("pet0", "pet1"):
            registry.dogs.register(Dog(pet_id=pet, photos=[f"photos/{pet}/0.png", f"photos/{pet}/1.png"]))

    measured = run("evaluate", *NAMED)
    remembered = run("evaluate", "photos", *NAMED, "--save-thresholds")
    lost = run("evaluate", "photos", "--encoder", "elsewhere/shelter.npz", *NAMED, "--save-thresholds")
    another = run("evaluate", "photos", "--encoder", "pocket", *NAMED, "--save-thresholds")

    assert (measured.exit_code, "tuned:shelter@pocket-3 on 2 pets" in measured.stdout) == (0, True)
    assert (remembered.exit_code, lost.exit_code, another.exit_code) == (3, 3, 2)
    for result in (remembered, lost, another):
        assert ("no thresholds kept" in result.stderr, "--encoder shelter.npz" in result.stderr) == (True, True)


def test_photo_limits_and_device_are_obeyed(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[str | None] = []

    def load(name: str, *, device: str | None) -> Encoder:
        devices.append(device)
        return load_encoder(name, device=device)

    monkeypatch.setattr(compare, "load_encoder", load)
    monkeypatch.setenv("PETFINDER_DEVICE", "cuda:1")
    Image.new("RGB", (200, 200)).save(photos / "pet0" / "large.png")
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_PIXELS", "10000")
    some = run("evaluate", "photos")
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_PIXELS", "1000")
    none = run("evaluate", "photos")

    assert (some.exit_code, none.exit_code) == (0, 2)
    assert "6 query photos of 3 pets" in some.stdout
    assert "large.png: " in some.stdout
    assert devices == ["cuda:1", "cuda:1"]


def test_without_a_folder_the_registry_is_measured_and_no_photo_is_read(photos: Path) -> None:
    run("register", "photos", *NAMED)
    rmtree(photos)

    table = run("evaluate", *NAMED, "--save", "measured.png")
    kept = run("evaluate", *NAMED, "--save-thresholds", "--yes", "--json")

    assert (table.exit_code, kept.exit_code) == (0, 0)
    assert "pocket-3 on 3 pets" in table.stdout
    assert "no background control" in table.stdout
    with Image.open("measured.png") as picture:
        assert picture.format == "PNG"
    answer = json.loads(kept.stdout)["encoders"][0]
    measures = {row["measure"] for row in answer["measures"]}
    assert ({"rank-1", "search"} <= measures, "encode" in measures) == (True, False)
    assert "no background control" in answer["notes"][0]
    with connect("pets.db", create=False) as registry:
        assert registry.dogs.repository.thresholds == Thresholds(**answer["thresholds"])


def test_thresholds_that_are_in_doubt_are_kept_only_with_yes_and_forgotten_again() -> None:
    run("register", "photos", *NAMED)

    def own() -> tuple[Thresholds | None, object, bool]:
        with connect("pets.db", create=False) as registry:
            thresholds = registry.dogs.repository.thresholds
        told = data("index", "info", "pets-dogs", *NAMED)["own_thresholds"]
        return thresholds, told, "its own thresholds: " in run("index", "info", "pets-dogs", *NAMED).stdout

    keep = (*NAMED, "--save-thresholds", "--json")
    refused = [run("evaluate", *keep), run("evaluate", "photos", *keep)]
    assert own() == (None, None, False)
    kept = run("evaluate", *NAMED, "--save-thresholds", "--yes")
    thresholds, source, shown = own()
    forgotten = run("evaluate", *NAMED, "--forget-thresholds")

    for result in refused:
        assert (result.exit_code, "few" in result.stderr, "--yes" in result.stderr) == (2, True, True)
        assert "few" in json.loads(result.stdout)["encoders"][0]["doubt"]
    assert (kept.exit_code, "few" in kept.stderr) == (0, True)
    assert thresholds is not None
    assert (source, shown) == (thresholds.source, True)
    assert (forgotten.exit_code, own()) == (0, (None, None, False))
    assert run("evaluate", *NAMED, "--forget-thresholds", "--species", "cat").exit_code == 3


def test_what_cannot_be_measured_says_what_is_missing() -> None:
    run("register", "photos/pet0", *NAMED)
    refusals = {
        "photos/pet0": (2, "sub-folder for each pet"),
        "photos --registry missing.db": (2, "--save-thresholds"),
        "photos --registry missing.db --save-thresholds": (3, "missing.db"),
        "--registry pets.db": (2, "two photos each of at least two pets"),
        "--registry pets.db --species cat": (3, "pets-cats"),
        "--registry pets.db --encoder pocket": (2, "FOLDER"),
        "--registry missing.db": (3, "missing.db"),
    }

    for words, (code, said) in refusals.items():
        refused = run("evaluate", *words.split())
        assert (refused.exit_code, said in refused.stderr) == (code, True), words
    assert not Path("missing.db").exists()
