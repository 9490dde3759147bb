"""Tuning on one's own pets: what helps is kept, what does not is refused with figures, and a registry moves to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import petfinder as pf
from petfinder.cli.app import app
from petfinder.domain.errors import ConfigError, EncoderUnavailable, IndexMismatch, InvalidQuery
from petfinder.encoders import load
from petfinder.encoders.tuned import Tuned, is_tuned_name
from petfinder.evaluation.evaluate import evaluate_folder
from petfinder.training.tune import tune_pets
from petfinder.training.views import changed_views
from tests.own_pets import BlindEncoder, LightEncoder, Pixels, draw_pets
from tests.test_service import sure


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pets(tmp_path_factory.mktemp("own") / "photos", alone=6)


@pytest.fixture(scope="module")
def tuned(photos: Path) -> Tuned:
    return tune_pets(pf.read_folder(photos), LightEncoder()).tuned


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_TUNED", {})


def test_an_encoder_that_sees_the_light_learns_to_see_pets_others_too(
    photos: Path, tuned: Tuned, tmp_path: Path
) -> None:
    others, card = draw_pets(tmp_path / "others", seed=9), tuned.card
    tuned.save(tmp_path / "light.npz")

    before = evaluate_folder(others, LightEncoder())
    after = evaluate_folder(others, pf.load_encoder(str(tmp_path / "light.npz"), base=LightEncoder()))
    again = tune_pets(pf.read_folder(photos), LightEncoder()).tuned

    assert (card.pets, card.several, card.photos) == (20, 14, 62)
    assert card.after.mean_precision > card.before.mean_precision + 0.1
    assert card.after.rank1 > card.before.rank1
    assert 0 < card.low <= card.gain <= card.high
    assert after.mean_precision.value > before.mean_precision.value + 0.1
    assert after.rank1.value > before.rank1.value
    assert (again.identity, again.card) == (tuned.identity, card)  # the same photos give the same encoder


class SameEncoder(LightEncoder):
    def _seen(self, pixels: Pixels) -> list[float]:
        return [1.0] * self.dims


def test_what_cannot_be_learned_is_refused_with_the_figures_of_both(photos: Path, tmp_path: Path) -> None:
    draw_pets(tmp_path, pets=3, photos=3, alone=40)

    with pytest.raises(InvalidQuery, match="does not make it better") as refused:
        tune_pets(pf.read_folder(photos), BlindEncoder())
    with pytest.raises(InvalidQuery, match="one embedding"):
        tune_pets(pf.read_folder(photos), SameEncoder())
    with pytest.raises(InvalidQuery, match="49 photos of 43 pets, 3 of them with two"):
        tune_pets(pf.read_folder(tmp_path), LightEncoder())

    assert len(re.findall(r"rank-1 [\d.]+%, mAP [\d.]+%, found at 1 % [\d.]+%", str(refused.value))) == 2


def test_an_unreadable_photo_is_reported_and_a_copy_counts_once(tmp_path: Path) -> None:
    draw_pets(tmp_path)
    (tmp_path / "pet00" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "pet01" / "copy.png").write_bytes((tmp_path / "pet01" / "0.png").read_bytes())

    tuning = tune_pets(pf.read_folder(tmp_path), LightEncoder())

    assert tuning.tuned.card.photos == 14 * 4
    assert [Path(str(failure.photo)).name for failure in tuning.failures] == ["broken.jpg"]
    assert "half of the pets held out, 3 times" in tuning.tuned.thresholds.source


class WatchingEncoder(LightEncoder):
    """Notes the sizes of the pictures that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[tuple[int, int]] = set()

    def _seen(self, pixels: Pixels) -> list[float]:
        self.sizes.add((pixels.shape[1], pixels.shape[0]))
        return super()._seen(pixels)


def test_the_species_is_that_of_the_pets_and_one_and_photos_are_cut_to_their_box(photos: Path) -> None:
    box, encoder = pf.Box(x=0.25, y=0.0, w=0.5, h=1.0, margin=0.0), WatchingEncoder()
    cats = [
        pet.model_copy(update={"photos": tuple(photo.model_copy(update={"box": box}) for photo in pet.photos)})
        for pet in pf.read_folder(photos, pf.Cat)
        if isinstance(pet, pf.Cat)
    ]

    assert tune_pets(cats, encoder).tuned.species == "cat"
    assert (24, 48) in encoder.sizes
    assert all(width <= 24 and height <= 48 for width, height in encoder.sizes)
    assert tune_pets(pf.read_folder(photos, pf.Cat), LightEncoder()).tuned.species == "cat"
    with pytest.raises(InvalidQuery, match="one species"):
        tune_pets([*cats, *pf.read_folder(photos, pf.Dog)], LightEncoder())


def test_settings_without_meaning_and_tuning_twice_are_refused(photos: Path, tuned: Tuned, tmp_path: Path) -> None:
    tuned.save(tmp_path / "once.npz")
    once = pf.load_encoder(str(tmp_path / "once.npz"), base=LightEncoder())

    with pytest.raises(ConfigError, match="not 0"):
        tune_pets(pf.read_folder(photos), LightEncoder(), views=0)
    for dims in (1, 9):
        with pytest.raises(ConfigError, match=f"not {dims}"):
            tune_pets(pf.read_folder(photos), LightEncoder(), dims=dims)
    with pytest.raises(ConfigError, match="tuned already"):
        tune_pets(pf.read_folder(photos), once)
    assert tune_pets(pf.read_folder(photos), LightEncoder(), dims=5).tuned.identity.dims == 5


def test_views_differ_are_decided_by_the_seed_and_leave_the_photo_alone_of_any_size() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8))
    before = picture.tobytes()

    views, again = (changed_views(picture, 5, np.random.default_rng(3)) for _ in range(2))

    assert [view.tobytes() for view in views] == [view.tobytes() for view in again]
    assert len({view.tobytes() for view in views}) == 5
    assert all(view.mode == "RGB" and view.width <= 90 and view.height <= 60 for view in views)
    assert picture.tobytes() == before
    for size in ((1, 1), (1, 40), (3000, 2)):
        assert len(changed_views(Image.new("L", size, 90), 8, np.random.default_rng(0))) == 8


def test_a_registry_moves_to_the_tuned_encoder_and_asks_for_its_file(
    photos: Path, tuned: Tuned, tmp_path: Path
) -> None:
    file, db = str(tmp_path / "light.npz"), tmp_path / "pets.db"
    name = tuned.save(file).name
    with pf.connect(db, encoder=LightEncoder()) as registry:
        registry.dogs.register_many(pf.read_folder(photos, pf.Dog))
        tuned_encoder = pf.load_encoder(file, base=LightEncoder())

        report = registry.util.rebuild("pets-dogs", tuned_encoder)
        kept = registry.util.info("pets-dogs").spec

    assert (report.originals, report.failures) == (62, ())
    assert (kept.encoder, kept.fingerprint) == (name, tuned.identity.fingerprint)
    with pf.connect(db, encoder=tuned_encoder) as registry:
        matches = registry.dogs.find(photos / "pet03" / "1.png")
        assert sure(matches.best).pet.pet_id == "pet03"
        assert "petfinder train" in matches.thresholds_source

    load._TUNED.clear()  # as in another process
    with pf.connect(db) as registry:
        assert registry.dogs.count() == 20
        with pytest.raises(EncoderUnavailable, match=r"light\.npz"):
            registry.dogs.find(photos / "pet03" / "1.png")
    with pytest.raises(IndexMismatch, match=r"light\.npz"):
        pf.connect(db, encoder="pocket")


def test_pocket_is_tuned_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys, petfinder as pf; from petfinder.domain.errors import InvalidQuery;"
        "from petfinder.training.tune import tune_pets\n"
        f"try: tune_pets(pf.read_folder({str(draw_pets(tmp_path))!r}), pf.load_encoder('pocket'), views=1)\n"
        "except InvalidQuery as error: assert 'Before' in str(error)\n"
        "print([name for name in ('torch', 'sentence_transformers', 'onnx') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "[]"


@pytest.fixture
def light_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of its own, and `light-1` a name that the shell knows."""
    monkeypatch.chdir(tmp_path)
    light = LightEncoder()
    monkeypatch.setattr(load, "_sentence_transformers", lambda name, device: {("light-1", None): light}[name, device])


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.usefixtures("light_named")
def test_the_verb_writes_a_file_that_the_other_verbs_take(photos: Path) -> None:
    made = run("train", photos, "--encoder", "light-1", "--out", "shelter.npz", "--json")
    told = json.loads(made.stdout)
    again = run("train", photos, "--encoder", "light-1", "--out", "shelter.npz")
    taken = ("--encoder", "shelter.npz", "--registry", "pets.db")
    registered = run("register", photos, *taken)
    found = run("find", photos / "pet05" / "2.png", *taken, "--json")

    assert (made.exit_code, registered.exit_code, found.exit_code) == (0, 0, 0)
    assert told["name"] == "tuned:shelter@light-1"
    assert is_tuned_name(told["name"])
    assert told["card"]["after"]["rank1"] > told["card"]["before"]["rank1"]
    assert "pet05" in found.stdout
    assert (again.exit_code, "there already" in again.stderr) == (2, True)


@pytest.mark.usefixtures("light_named")
def test_the_verb_tells_each_photo_left_out_and_why_nothing_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = draw_pets(tmp_path / "photos")
    (photos / "pet00" / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (100, 100)).save(photos / "pet01" / "large.png")
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_PIXELS", "3000")
    train = ("train", photos, "--encoder", "light-1", "--species", "cat", "--out")

    made = run(*train, "mine.npz", "--json")
    bad_name = run(*train, "mine.onnx")
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_PIXELS", "2000")
    refused = run(*train, "none.npz")

    told = json.loads(made.stdout)
    assert told["species"] == "cat"
    left_out = [(Path(failure["photo"]).name, failure["error"]) for failure in told["failures"]]
    assert left_out == [("broken.jpg", "UnreadablePhoto"), ("large.png", "PhotoTooLarge")]
    assert (refused.exit_code, bad_name.exit_code, ".npz" in bad_name.stderr) == (2, 2, True)
    assert "tuning needs" in refused.stderr
    assert refused.stderr.count("left out") == 14 * 4 + 2
    assert not (tmp_path / "none.npz").exists()
