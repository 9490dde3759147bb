"""The built-in encoder read with the mirror image too, under a name of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import petfinder as pf
from petfinder.domain.errors import EncoderUnavailable, IndexMismatch
from petfinder.domain.vectors import unit
from petfinder.encoders.load import load_encoder
from petfinder.encoders.pocket import NAME, SIDE, PocketEncoder
from petfinder.training.pocket.benches import encoder_named

THRESHOLDS = '{"dog": {"measured": [{"pets": 10, "match": 0.7, "possible": 0.5}], "source": "a test"}}'


def picture(width: int, height: int, *, seed: int = 3) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def test_the_mirrored_embedding_is_the_mean_of_the_photos_and_its_mirror_images() -> None:
    given = [picture(SIDE, SIDE), picture(SIDE, SIDE, seed=4)]
    plain = PocketEncoder(threads=1)
    both = plain.encode_images(given) + plain.encode_images([ImageOps.mirror(one) for one in given])

    found = PocketEncoder(mirrored=True, threads=1).encode_images([*given, ImageOps.mirror(given[0])])

    np.testing.assert_allclose(found[:2], unit(both), atol=1e-5)
    assert float(found[0] @ plain.encode_images(given)[0]) < 0.9999
    assert float(found[0] @ found[2]) > 0.9999


def test_thresholds_are_those_measured_for_the_same_reading(tmp_path: Path) -> None:
    weights = tmp_path / "mine.onnx"
    (tmp_path / "mine.thresholds.json").write_text(THRESHOLDS)
    assert PocketEncoder(weights=weights).thresholds is not None
    assert PocketEncoder(weights=weights, mirrored=True).thresholds is None

    (tmp_path / "mine-mirrored.thresholds.json").write_text(THRESHOLDS.replace("0.7", "0.6"))

    measured = PocketEncoder(weights=weights, mirrored=True).thresholds
    assert measured is not None
    assert measured["dog"].at(10).match == 0.6
    plain, mirrored = PocketEncoder().thresholds, PocketEncoder(mirrored=True).thresholds
    assert plain is not None
    assert mirrored is not None
    assert set(plain) == set(mirrored) == {"cat", "dog"}
    assert "mirrored" in mirrored["dog"].source
    assert mirrored["dog"].at(300).match != plain["dog"].at(300).match


def test_every_reading_has_a_name_with_the_version_or_without_and_a_fingerprint(tmp_path: Path) -> None:
    readings = {"": PocketEncoder(), "-mirrored": PocketEncoder(mirrored=True)}

    assert len({encoder.fingerprint for encoder in readings.values()}) == 2
    for reading, encoder in readings.items():
        for name in (f"pocket{reading}", NAME + reading):
            measured = encoder_named(name, tmp_path, threads=1)
            assert isinstance(measured, PocketEncoder)
            assert measured.threads == 1
            assert load_encoder(name).name == measured.name == encoder.name == NAME + reading


@pytest.mark.parametrize("name", ["pocket-0", "pocket-0-mirrored", "pocket-2-384", f"{NAME}-384"])
def test_a_reading_that_this_version_lacks_is_refused(name: str) -> None:
    with pytest.raises(EncoderUnavailable, match=NAME):
        load_encoder(name)


def test_a_registry_remembers_how_its_photos_were_read(tmp_path: Path) -> None:
    place = str(tmp_path / "pets.db")
    with pf.connect(place, encoder="pocket-mirrored") as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(80, 60)]))
    for encoder in (None, "pocket-mirrored", f"{NAME}-mirrored"):
        with pf.connect(place, encoder=encoder) as registry:
            assert registry.encoder.name == f"{NAME}-mirrored"
            assert registry.dogs.find(ImageOps.mirror(picture(80, 60)))[0].similarity > 0.999

    with pytest.raises(IndexMismatch, match="mirrored"):
        pf.connect(place, encoder="pocket")
