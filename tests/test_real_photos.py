"""The whole path with the built-in encoder: the puppies of the original notebook, and the bundled pets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import petfinder as pf
from petfinder.cli.demo import bundled, register_bundled, strays
from tests.test_service import sure


@pytest.fixture(scope="module")
def bundled_pets() -> Iterator[pf.Registry]:
    with pf.connect(":memory:", name="demo") as registry:
        register_bundled(registry, bundled(), progress=False)
        yield registry


@pytest.mark.parametrize("place", ["file", "elasticsearch"], indirect=True)
def test_luigi_is_found_among_the_puppies_and_his_owner_is_named(shared: Path, place: str) -> None:
    puppies = shared / "lost-puppy"
    with pf.connect(place) as registry:
        report = registry.dogs.register_many(pf.read_folder(puppies / "dogs", pf.Dog), progress=False)
        ully = pf.Owner(name="Ully", phone="555-0101", picture=puppies / "lost-dogs" / "Ully.png")
        registry.dogs.update("luigi", owner=ully)

        matches = registry.dogs.find(puppies / "lost-dogs" / "lost_dog1.png")

        assert len(report.added) == 11
        assert matches[0].pet.pet_id == "luigi"
        assert matches[0].similarity - matches[1].similarity > 0.1
        owner = sure(registry.owner_of(matches[0]))
        assert (owner.name, owner.phone) == ("Ully", "555-0101")
        assert sure(owner.picture).thumbnail


def test_every_bundled_stray_is_recognised_or_most_probably_nobody(bundled_pets: pf.Registry) -> None:
    answers = {}
    for photo, row in strays(bundled()).items():
        service = bundled_pets.dogs if row["species"] == "dog" else bundled_pets.cats
        matches = service.find(photo)
        assert (matches.verdict is pf.Verdict.MATCH) == bool(row["pet_id"])
        answers[photo] = matches[0].pet.pet_id if sure(matches[0].probability) > sure(matches.nobody) else ""

    assert answers == {photo: row["pet_id"] for photo, row in strays(bundled()).items()}


def test_the_thresholds_of_drawings_say_that_they_are(bundled_pets: pf.Registry) -> None:
    matches = bundled_pets.dogs.find(next(iter(strays(bundled()))))

    assert "rendered" in matches.thresholds_source
    assert "rendered" in str(matches)


def test_the_built_in_thresholds_were_measured_with_the_weights_that_are_there() -> None:
    encoder = pf.load_encoder("pocket")
    fingerprint = str(getattr(encoder, "fingerprint", ""))

    assert isinstance(encoder.thresholds, dict)
    assert set(encoder.thresholds) == {"cat", "dog"}
    for thresholds in encoder.thresholds.values():
        assert fingerprint[:16] in thresholds.source
        assert thresholds.at(1000).match > thresholds.at(10).match > thresholds.at(10).possible
