"""A registry in which one species was moved to a tuned encoder: what opens it, and what it answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import petfinder as pf
from petfinder.domain.errors import EncoderUnavailable, IndexMismatch
from petfinder.domain.verdicts import Quantiles, Thresholds
from petfinder.encoders import load
from petfinder.encoders.base import identity_of
from tests.encoders.test_tuned import made_up
from tests.test_service import sure


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((120, 120))


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_TUNED", {})


@pytest.fixture
def file(tmp_path: Path) -> str:
    made_up(identity_of(pf.load_encoder("pocket")), dims=2).save(tmp_path / "shelter.npz")
    return str(tmp_path / "shelter.npz")


@pytest.fixture
def mixed(tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with a dog by pocket and ten cats by the tuned encoder."""
    place = str(tmp_path / "pets.db")
    with pf.connect(place) as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(1)], owner=pf.Owner(name="Ully")))
        cats = [pf.Cat(pet_id=f"cat{number}", photos=[picture(10 + number)]) for number in range(10)]
        registry.cats.register_many(cats, progress=False)
        registry.util.rebuild("pets-cats", pf.load_encoder(file))
    monkeypatch.setattr(load, "_TUNED", {})
    return place


def test_the_file_opens_the_species_that_it_was_made_for_and_no_registry_that_it_did_not_fill(
    mixed: str, file: str, tmp_path: Path
) -> None:
    with pf.connect(mixed, encoder=file) as registry:
        assert registry.cats.repository.encoder_identity.name == "tuned:shelter@pocket-3"
        assert len(registry.cats.find(picture(10))) == 5
        assert sure(registry.dogs.find(picture(1)).best).pet.pet_id == "luigi"

    with pf.connect(tmp_path / "other.db") as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(1)]))
    with pytest.raises(IndexMismatch, match="rebuild"):
        pf.connect(tmp_path / "other.db", encoder=file)


def test_a_file_may_be_named_late_and_a_lost_one_stops_only_what_needs_it(
    mixed: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pf.connect(mixed) as late:
        with pytest.raises(EncoderUnavailable, match=r"shelter\.npz"):
            late.cats.find(picture(10))
        pf.load_encoder(file)
        found = late.cats.find(picture(10))
    with pf.connect(mixed, encoder=file) as registry:
        at_once = registry.cats.find(picture(10))
    assert (found.verdict, found.thresholds_source) == (at_once.verdict, at_once.thresholds_source)

    monkeypatch.setattr(load, "_TUNED", {})
    monkeypatch.setenv("PETFINDER_ENCODER", "gone.npz")
    with pf.connect(mixed) as registry:
        assert registry.cats.count() == 10
        assert sure(registry.dogs.owner_of("luigi")).name == "Ully"
        with pytest.raises(EncoderUnavailable, match=r"gone\.npz"):
            registry.cats.find(picture(10))


def test_cosines_of_two_encoders_are_not_compared_but_their_verdicts(mixed: str, file: str) -> None:
    lax, strict = Quantiles(pets=10, match=0.2, possible=0.1), Quantiles(pets=10, match=0.9999999, possible=0.9999998)
    with pf.connect(mixed, encoder=file) as registry:
        for service, measured in ((registry.dogs, lax), (registry.cats, strict)):
            service.repository.keep_thresholds(Thresholds(measured=(measured,), source="a test"))

        found = registry.find(ImageEnhance.Brightness(picture(1)).enhance(0.6), k=3)

    assert (sure(found.best).pet.pet_id, found.verdict) == ("luigi", "match")
    assert found[1].similarity > found[0].similarity
