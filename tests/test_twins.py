"""The benches with their twins as one animal, and the variants that the ablations measure."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnx", reason="the extra 'train' is not installed")
pytest.importorskip("torch", reason="the extra 'train' is not installed")

from petfinder.encoders.projection import unit_rows
from petfinder.evaluation.calibration import found_at
from petfinder.evaluation.metrics import leave_one_out
from petfinder.training.pocket.ablations import CHANGES, SHIPPED, STEPS, Variant, embeddings
from petfinder.training.pocket.benches import REPORTS, TWINS_FILE, Benches, BenchPhoto, as_one_animal, read_twins
from petfinder.training.pocket.make import Features
from petfinder.training.pocket.photos import read_held_out, read_manifest
from petfinder.training.pocket.reader import PARTS, fit_projection, joined_parts

NAMES = ["animal002", "animal002", "animal004", "animal004", "x.jpg", "y.jpg", "identity/a", "identity/a"]


def some_benches() -> Benches:
    def photo(place: int, name: str) -> BenchPhoto:
        bench = "albums" if name.startswith("animal") else "identity" if name.startswith("identity") else ""
        return BenchPhoto(f"training/{place}.jpg", name, "dog", bench=bench, half=REPORTS if bench else "")

    photos = tuple(photo(place, name) for place, name in enumerate(NAMES))
    return Benches(Path(), photos, np.array([not photo.bench for photo in photos]))


def on_albums(embeddings: NDArray[np.float64], benches: Benches) -> dict[str, float]:
    photos = benches.labelled(embeddings.astype(np.float32))
    (bench,) = [bench for bench in benches.each(photos) if bench.name == "albums, reports"]
    ranking = leave_one_out(bench.photos, queries=bench.queries)
    return {"rank1": ranking.within(1).mean(), "found": found_at(ranking, ranking).share.value}


def test_twins_and_all_other_photos_of_theirs_become_one_animal() -> None:
    pairs = [("training/1.jpg", "training/2.jpg"), ("training/3.jpg", "training/4.jpg")]

    names = [photo.animal for photo in as_one_animal(some_benches(), pairs).photos]

    assert len(set(names[:5])) == 1
    assert names[5:] == NAMES[5:]


def test_a_stranger_that_is_a_twin_no_longer_raises_the_bar() -> None:
    angles = np.array([0, 40, 90, 130, 1, 200, 300, 305]) / 57.3  # the crowd's first lies on the first album's first
    found = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    benches = some_benches()

    before = on_albums(found, benches)
    after = on_albums(found, as_one_animal(benches, [("training/0.jpg", "training/4.jpg")]))

    assert before["found"] == 0
    assert after["found"] > 0.5
    assert after["rank1"] > before["rank1"]


def test_the_listed_twins_are_photos_of_pets_that_taught_nothing_or_are_looked_for(shared: Path) -> None:
    listed = {f"training/{photo.file}" for photo in read_manifest(shared / "training") if photo.species}

    pairs = read_twins()

    with TWINS_FILE.open(newline="", encoding="utf-8") as lines:
        found_by = Counter(row["found_by"] for row in csv.DictReader(lines))
    assert found_by == {"pocket-2": 40, "lite2": 59}
    assert list(pairs) == sorted(set(pairs))
    assert all(one < other and {one, other} <= listed for one, other in pairs)
    assert any(f in {f"training/{name}" for name in read_held_out()} for pair in pairs for f in pair)


def some_features() -> Features:
    draw = np.random.default_rng(6)
    clean = [np.abs(draw.normal(size=(120, 10))).astype(np.float32) for _ in PARTS]
    views = [[part + draw.normal(0, 0.1, part.shape).astype(np.float32) for part in clean] for _ in range(2)]
    return Features(clean, views, (np.array([0, 1]),), reading=None, steps=None)  # type: ignore[arg-type]


def test_the_shipped_variant_is_what_training_fits() -> None:
    features = some_features()
    units = [unit_rows(part.astype(np.float64)).astype(np.float32) for part in features.clean]
    views = [[unit_rows(part.astype(np.float64)).astype(np.float32) for part in view] for view in features.views]
    reader = fit_projection(units, views, features.positives, dims=512)

    found = embeddings(SHIPPED, features, features.clean)

    expected = unit_rows(joined_parts(units, reader.means) @ reader.matrix.astype(np.float64))
    np.testing.assert_allclose(np.abs(found @ found.T), np.abs(expected @ expected.T), atol=2e-3)


@pytest.mark.parametrize("variant", [*STEPS, *CHANGES], ids=lambda variant: variant.name)
def test_every_variant_gives_embeddings_of_its_own(variant: Variant) -> None:
    features = some_features()

    found = embeddings(variant, features, features.clean)

    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    shipped = embeddings(SHIPPED, features, features.clean)
    same = np.allclose(found @ found.T, shipped @ shipped.T)
    too_few = variant.dims < SHIPPED.dims or variant.first  # the toy has 40 numbers only
    assert same == bool(variant == SHIPPED or too_few)
