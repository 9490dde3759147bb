"""How good is it, on what is registered: the kept embeddings measured, no photo read and no encoder asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.pets import Dog, Photo
from petfinder.domain.verdicts import Verdict
from petfinder.evaluation.evaluate import evaluate_folder, evaluate_registry, measured
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.registry.repository import DogRepository
from petfinder.tables.readers import read_folder
from tests.conftest import TableEncoder
from tests.test_evaluate import dapples, scattered


def test_a_registry_is_measured_as_the_folder_it_was_filled_from(tmp_path: Path, registry: Registry) -> None:
    folder = dapples(tmp_path / "photos", pets=6)
    registry.dogs.register_many(read_folder(folder, Dog), progress=False)
    expected = evaluate_folder(folder, TableEncoder(), progress=False)
    shutil.rmtree(folder)

    found = evaluate_registry(registry.dogs)

    assert (found.pets, found.photos, found.queries) == (6, 18, 18)
    assert (found.rank1, found.rank5, found.mean_precision) == (expected.rank1, expected.rank5, expected.mean_precision)
    assert found.found.share == expected.found.share
    assert found.found.threshold == pytest.approx(expected.found.threshold, abs=1e-4)
    assert found.errors.equal == pytest.approx(expected.errors.equal)


def test_what_the_embeddings_cannot_tell_is_absent_and_thresholds_judge_searches(
    tmp_path: Path, table_encoder: TableEncoder
) -> None:
    first = dapples(tmp_path) / "pet0" / "0.png"
    with connect(":memory:", encoder=table_encoder) as registry:
        registry.dogs.register_many(read_folder(tmp_path, Dog), progress=False)
        registry.dogs.register_many([Dog(pet_id="late", photos=[first])], embed=False)
        before, encoded = registry.dogs.find(first).verdict, table_encoder.encoded
        found = evaluate_registry(registry.dogs)
        assert table_encoder.encoded == encoded
        registry.dogs.repository.keep_thresholds(found.thresholds)
        after = registry.dogs.find(first)

    assert (found.background, found.latency.decode, found.latency.encode) == (None, None, None)
    assert {row.measure for row in found.as_rows() if row.unit == "ms"} == {"search"}
    assert found.pets == 5
    assert "no background control" in str(found)
    assert "wait for their embedding: 1;" in found.notes[1]
    assert (before, after.verdict) == (Verdict.POSSIBLE, Verdict.MATCH)
    assert "index 'pets-dogs'" in after.thresholds_source


def test_embeddings_given_ready_are_measured_though_no_encoder_is_known(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    with connect(str(tmp_path / "pets.db"), encoder=TableEncoder()) as registry:
        registry.util.create_index("ready", Dog, dims=4)
        pets = DogRepository(registry.util.store, "ready")
        for number, middle in enumerate(random.normal(size=(4, 4))):
            photos = [Photo(embedding=middle + 0.01 * random.normal(size=4)) for _ in range(3)]
            pets.insert(Dog(pet_id=f"pet{number}", photos=photos))

        found = evaluate_registry(pets)

    assert (found.encoder, found.rank1.value) == ("embeddings given", 1)


@pytest.mark.parametrize(("pets", "photos"), [(0, 0), (1, 3), (4, 1)])
def test_too_few_pets_with_two_photos_are_told_what_is_needed(tmp_path: Path, pets: int, photos: int) -> None:
    with connect(":memory:", encoder=TableEncoder()) as registry:
        registry.dogs.register_many(read_folder(dapples(tmp_path, pets=pets, photos=photos), Dog), progress=False)
        with pytest.raises(InvalidQuery, match=r"two photos each of at least two pets.*add_photo"):
            evaluate_registry(registry.dogs)


def test_of_very_many_photos_some_pets_are_looked_for_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = scattered(pets=40, photos_each=3, dims=16, seed=5, spread=0.2)
    whole = measured(photos, encoder="given").evaluation
    monkeypatch.setattr("petfinder.evaluation.evaluate._PAIRS", 0)
    monkeypatch.setattr("petfinder.evaluation.evaluate._FEWEST", 31)

    some = measured(photos, encoder="given").evaluation

    assert (whole.queries, some.queries, some.pets, some.photos) == (120, 30, 40, 120)
    assert some.notes == ("30 of 120 photos, drawn by pet, were looked for among all others",)
    assert whole.notes == ()
    assert abs(some.rank1.value - whole.rank1.value) < 0.15
