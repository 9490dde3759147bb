"""The protocol that measures finding: on a made-up crowd, and on the shared folder's lists (no full run)."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from petfinder.evaluation.calibration import Estimate
from petfinder.evaluation.metrics import Labelled
from petfinder.training.pocket import protocol, robustness
from petfinder.training.pocket.benches import (
    Benches,
    BenchPhoto,
    EmbeddingCache,
    MaskNetwork,
    Record,
    encoder_named,
    read_benches,
)
from petfinder.training.pocket.photos import read_manifest, read_places
from petfinder.training.pocket.protocol import SPECIES, measure, species_thresholds, tables, write_thresholds
from tests.conftest import TableEncoder

ANIMALS = 8


class NoiseEncoder(TableEncoder):
    name = "noise-1"

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        self.encoded += len(pictures)
        rows = [np.asarray(picture).reshape(-1)[: self.dims].astype(np.float32) for picture in pictures]
        return unit(np.array(rows) - 127.5)


def synthetic(folder: Path) -> Benches:
    """Eight known animals with four photos each and a crowd of 80, every other one a cat."""
    random = np.random.default_rng(1)
    photos, roles = [], []
    for number in range(ANIMALS):
        role = "identity" if number < ANIMALS // 2 else "albums"
        middle = random.integers(60, 196, size=48)
        for photo in range(4):
            photos.append(_saved(folder, f"{role}{number}-{photo}", f"{role}{number}", number, middle, random))
            roles.append(role)
    for number in range(80):
        photos.append(_saved(folder, f"crowd{number}", f"crowd{number}", number, random.integers(60, 196, 48), random))
        roles.append("crowd")
    role_of = np.array(roles)
    albums = role_of == "albums"
    return Benches(
        folder=folder,
        photos=tuple(photos),
        identity=role_of == "identity",
        training=role_of != "identity",
        crowd=role_of == "crowd",
        albums=albums,
        queries=albums,
        several=albums & (np.arange(len(photos)) < 24),
    )


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


def test_every_bench_of_the_protocol_is_measured(figures: Record) -> None:
    assert {bench["bench"]: (bench["queries"], bench["gallery"]) for bench in figures["benches"]} == {
        "identity": (16, 96),
        "identity, cats": (8, 48),
        "identity, dogs": (8, 48),
        "albums": (16, 96),
        "albums, several places": (8, 96),
    }
    # Four photos an animal: a fifth cannot be registered, nor three registered and two brought.
    plain = [few for few in figures["few"] if few["way"] == "photos and portrait"]
    assert [(few["bench"], few["registered"], few["brought"]) for few in plain if not few["least"]] == [
        (bench, *photos)
        for bench in ("identity", "albums", "albums, several places")
        for photos in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (1, 2), (1, 3), (2, 2))
    ]
    assert [few["registered"] for few in plain if few["least"] == 4] == [1, 2, 3] * 3
    assert {few["way"] for few in figures["few"]} == {"photos and portrait", "portrait alone", "photos alone"}


def test_animals_are_found_their_background_is_not_and_strangers_set_thresholds(figures: Record) -> None:
    for bench in figures["benches"]:
        assert bench["rank1"].value == bench["mean_precision"].value == bench["found_crowd"].share.value == 1
        assert bench["erased_queries"] == bench["queries"]
        assert bench["erased_rank1"].value < 0.5
    crowd, others = (figures["benches"][0][kind].threshold for kind in ("found_crowd", "found_bench"))
    assert crowd != others
    assert max(crowd, others) < 0.8


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
    assert all(row["photos"] == row["pets"] == 30 and not row["extrapolated"] for row in written)
    assert all(row["match"].value <= 0.03 and row["possible"].value <= 0.35 for row in written)
    assert all(row["match"].low <= row["match"].value <= row["match"].high for row in written)


def test_the_tables_mark_a_broken_promise_and_one_that_is_more_than_kept(figures: Record) -> None:
    check = {**figures["checks"][0], "match": Estimate(0.02, 0.015, 0.03), "possible": Estimate(0.2, 0.15, 0.25)}
    kept = {**check, "match": Estimate(0.01, 0.005, 0.02), "possible": Estimate(0.3, 0.2, 0.4)}

    text = tables({**figures, "checks": [check, kept]})

    assert "0.0200 (0.0150-0.0300)!  0.2000 (0.1500-0.2500)<\n" in text
    assert "0.0100 (0.0050-0.0200)   0.3000 (0.2000-0.4000)\n" in text
    for words in ("noise-1 t1", "albums, several places", "rank1 ", "1.000 (1.000-1.000)", "painted out"):
        assert words in text


def test_a_second_run_encodes_nothing_again(benches: Benches, tmp_path: Path) -> None:
    first, second, other = NoiseEncoder(dims=48), NoiseEncoder(dims=48), NoiseEncoder(dims=48, fingerprint="t2")

    rows = EmbeddingCache(tmp_path, first).whole(benches)
    again = EmbeddingCache(tmp_path, second).whole(benches)
    EmbeddingCache(tmp_path, other).whole(benches)

    assert (first.encoded, second.encoded, other.encoded) == (112, 0, 112)
    assert (rows == again).all()


def test_strangers_that_are_like_nobody_set_a_threshold_of_zero(benches: Benches) -> None:
    nobody = Labelled(np.array([photo.animal for photo in benches.photos]), np.eye(112, 120, dtype=np.float32))

    measured, _ = species_thresholds(benches, nobody, "dog", NoiseEncoder(dims=120))

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


def test_the_shared_benches_hold_what_the_protocol_says(shared: Path) -> None:
    benches = read_benches(shared)

    counts = {
        name: int(getattr(benches, name).sum()) for name in ("identity", "training", "crowd", "queries", "several")
    }
    animals = np.array([photo.animal for photo in benches.photos])

    assert counts == {"identity": 58, "training": 6605, "crowd": 1500, "queries": 369, "several": 93}
    assert len(np.unique(animals[benches.identity])) == 11
    assert len(np.unique(animals[benches.several])) == 22
    assert len(np.unique(animals[benches.crowd])) == 1500, "no animal is in the crowd twice"
    assert [int((benches.crowd & benches.of_species(species)).sum()) for species in ("cat", "dog")] == [600, 900]
    assert not (benches.identity & benches.training).any()
    assert sum(photo.box is not None for photo in benches.photos) > 6000


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
