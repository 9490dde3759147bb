"""Awkward input gets a typed error that says what to do, and loses nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.vectors import Matrix
from tests.conftest import TableEncoder
from tests.test_service import BLUE, RED, dog, picture, sure


@pytest.fixture
def stocked(registry: pf.Registry) -> pf.Registry:
    registry.dogs.register_many([dog("a", RED), dog("b", BLUE)], progress=False)
    return registry


CALLS: dict[str, tuple[Callable[[Any], object], type[errors.PetfinderError]]] = {  # Any: types would forbid most
    "an unknown conflict policy": (lambda r: r.dogs.register(dog("a"), on_conflict="Replace"), errors.InvalidQuery),
    "the same for many": (lambda r: r.dogs.register_many([dog("a")], on_conflict="no"), errors.InvalidQuery),
    "an unknown way to combine": (lambda r: r.dogs.find(picture(RED), combine="median"), errors.InvalidQuery),
    "an unknown way with missing ids": (lambda r: r.dogs.remove(["zz"], missing="raise"), errors.InvalidQuery),
    "one photo for many": (lambda r: r.dogs.find_many(picture(RED)), errors.InvalidQuery),
    "one path for many": (lambda r: r.dogs.find_many("stray.jpg"), errors.InvalidQuery),
    "no photo at all": (lambda r: r.dogs.find(None), errors.UnreadablePhoto),
    "a path that is not Unicode": (lambda r: r.dogs.find("a\ud800.jpg"), errors.UnreadablePhoto),
    "k as a word": (lambda r: r.dogs.find(picture(RED), k="5"), errors.InvalidQuery),
    "k below one": (lambda r: r.dogs.find(picture(RED), k=0), errors.InvalidQuery),
    "k below zero": (lambda r: r.dogs.find(picture(RED), k=-1), errors.InvalidQuery),
    "k above what a server takes": (lambda r: r.dogs.find(picture(RED), k=10_001), errors.InvalidQuery),
    "a minimum that is no cosine": (lambda r: r.dogs.find(picture(RED), min_similarity=np.nan), errors.InvalidQuery),
    "a filter in words": (lambda r: r.dogs.find(picture(RED), where="a pug"), errors.InvalidQuery),
    "a status that does not exist": (lambda r: pf.PetFilter(status="losst"), errors.InvalidQuery),
    "a breed that is a number": (
        lambda r: pf.PetFilter(breed=5),  # type: ignore[arg-type]
        errors.InvalidQuery,
    ),
    "tags that are numbers": (
        lambda r: pf.Dog(pet_id="x", tags=[1]),  # type: ignore[list-item]
        errors.InvalidPet,
    ),
    "a vector of other dims": (lambda r: r.dogs.find_by_embedding(np.ones(3)), errors.InvalidEmbedding),
    "a vector of zeros": (lambda r: r.dogs.find_by_embedding(np.zeros(8)), errors.InvalidEmbedding),
    "a vector of NaN": (lambda r: r.dogs.find_by_embedding(np.full(8, np.nan)), errors.InvalidEmbedding),
    "a ragged matrix": (lambda r: r.dogs.find_by_embedding([[1, 2], [3]]), errors.InvalidEmbedding),
    "a text for an encoder of pictures": (lambda r: r.dogs.find_by_text("a small white dog"), errors.TextNotSupported),
    "a text without words": (lambda r: r.dogs.search_text(" ,; "), errors.InvalidQuery),
    "another species": (lambda r: r.dogs.update("a", species="cat"), errors.InvalidPet),
    "photos by update": (lambda r: r.dogs.update("a", photos=[]), errors.InvalidPet),
    "an attribute that pets have not": (lambda r: r.dogs.update("a", colr="red"), errors.InvalidPet),
    "a status that does not exist, by update": (lambda r: r.dogs.update("a", status="asleep"), errors.InvalidPet),
    "a place in words": (lambda r: r.dogs.report_lost("a", place="Lisbon"), errors.InvalidPet),
    "a chip of dashes": (lambda r: r.dogs.find_by_microchip(" - "), errors.InvalidQuery),
    "a photo for a pet": (lambda r: r.dogs.register("x.jpg"), errors.InvalidPet),
    "one pet for many": (lambda r: r.dogs.register_many(dog("x")), errors.InvalidPet),
    "a class of no pets": (lambda r: r.of(int), errors.InvalidPet),
    "the best of nothing": (lambda r: r.owner_of(None), errors.InvalidQuery),
    "an encoder that is none": (lambda r: pf.connect(":memory:", encoder=5), errors.ConfigError),  # type: ignore[arg-type]
    "a server without https": (lambda r: pf.connect("elastic:secret@localhost:9200"), errors.ConfigError),
    "dims below one": (lambda r: r.util.create_index("x", pf.Dog, dims=0), errors.InvalidQuery),
}


@pytest.mark.parametrize("name", CALLS)
def test_awkward_input_is_refused_and_changes_nothing(stocked: pf.Registry, name: str) -> None:
    call, refusal = CALLS[name]

    with pytest.raises(refusal) as caught:
        call(stocked)

    assert "secret" not in str(caught.value)
    assert [pet.pet_id for pet in stocked.dogs.list()] == ["a", "b"]


def test_a_single_id_is_never_taken_letter_by_letter(stocked: pf.Registry) -> None:
    assert stocked.dogs.repository.remove("ab", missing="ignore") == ()
    assert stocked.dogs.embeddings("a").pet_ids == ("a",)
    assert stocked.dogs.count() == 2


def test_a_match_of_another_registry_names_no_owner_here(table_encoder: TableEncoder) -> None:
    with pf.connect(":memory:", encoder=table_encoder) as one, pf.connect(":memory:", encoder=table_encoder) as other:
        one.dogs.register(dog("luigi", owner=pf.Owner(name="One")))
        other.dogs.register(dog("luigi", owner=pf.Owner(name="Other")))

        with pytest.raises(errors.IndexMismatch):
            other.owner_of(one.dogs.find(picture(RED))[0])


def test_things_that_are_no_pets_are_failures_of_their_own(registry: pf.Registry) -> None:
    report = registry.dogs.register_many(["x.jpg", dog("a")], progress=False)  # type: ignore[list-item]

    assert report.added == ("a",)
    assert [failure.item for failure in report.failures] == ["x.jpg"]


def test_what_a_stream_gave_before_it_broke_off_is_registered(registry: pf.Registry) -> None:
    def breaking() -> Iterator[pf.Dog]:
        yield from (dog(f"d{number}", (number * 20, 40, 90)) for number in range(10))
        raise OSError("the disk with the photos was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        registry.dogs.register_many(breaking(), progress=False)

    assert registry.dogs.count() == 10


class Spoilt(TableEncoder):
    """Fails in one of three ways on pictures that are mostly blue."""

    def __init__(self, how: Literal["nan", "raise", "short"]) -> None:
        super().__init__()
        self.how = how

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        rows = super().encode_images(pictures)
        for position, shown in enumerate(pictures):
            red, _, blue = np.asarray(shown).reshape(-1, 3).mean(axis=0)
            if blue > red:
                if self.how == "raise":
                    raise RuntimeError("device out of memory")
                if self.how == "short":
                    return rows[:-1]
                rows[position] = np.nan
        return rows


def test_a_photo_that_the_encoder_spoils_fails_alone() -> None:
    with pf.connect(":memory:", encoder=Spoilt("nan")) as registry:
        report = registry.dogs.register_many([dog("a", RED), dog("b", BLUE), dog("c", (180, 180, 60))], progress=False)

        assert report.added == ("a", "c")
        assert [failure.item for failure in report.failures] == ["b"]
        for call in (lambda: registry.dogs.add_photo("a", picture(BLUE)), lambda: registry.dogs.find(picture(BLUE))):
            with pytest.raises(errors.InvalidEmbedding, match="NaN"):
                call()
        assert registry.util.info("pets-dogs").stats.pending == 0


@pytest.mark.parametrize("how", ["raise", "short"])
def test_an_encoder_that_fails_is_an_error_and_what_it_encoded_before_is_in(how: Literal["raise", "short"]) -> None:
    red = [dog(f"d{number}", (250, number, 9)) for number in range(32)]
    with pf.connect(":memory:", encoder=Spoilt(how)) as registry:
        with pytest.raises(errors.EncoderError, match="table-1"):
            registry.dogs.register(dog("b", BLUE))
        with suppress(errors.EncoderError):
            registry.dogs.register_many([*red, dog("b", BLUE)], progress=False)
        assert registry.dogs.count() == 32


def test_a_class_with_a_field_of_its_own_has_a_service_of_its_own(registry: pf.Registry) -> None:
    class ShelterDog(pf.Dog):
        kennel: str | None = None

    with pytest.raises(errors.InvalidPet, match="kennel"):
        registry.dogs.register(ShelterDog(pet_id="a", kennel="7", photos=[picture(RED)]))
    registry.of(ShelterDog).register(ShelterDog(pet_id="a", kennel="7", photos=[picture(RED)]))
    registry.dogs.update("a", breed="Pug")

    assert registry.of(ShelterDog).get("a").kennel == "7"
    assert registry.dogs.get("a").pet_id == "a"
    assert registry.find(picture(RED)).best is not None


def test_a_box_without_a_pixel_is_no_photo(registry: pf.Registry) -> None:
    photo = pf.Photo(source=picture(RED), box=(0.5, 0.5, 1e-9, 1e-9))

    with pytest.raises(errors.UnreadablePhoto, match="box"):
        registry.dogs.register(pf.Dog(pet_id="a", photos=[photo]))


def test_a_thumbnail_given_with_a_vector_loses_what_its_camera_wrote(registry: pf.Registry) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 42.0, 44.0), 3: "W", 4: (9.0, 8.0, 35.0)})
    file = io.BytesIO()
    picture(RED).save(file, "JPEG", exif=exif)
    photo = pf.Photo(embedding=np.eye(8)[0], thumbnail=file.getvalue())
    registry.dogs.register(pf.Dog(pet_id="a", photos=[photo], owner=pf.Owner(name="U", picture=file.getvalue())))

    shown = registry.dogs.find_by_embedding(np.eye(8)[0])[0].photo.thumbnail or b""

    assert shown[:2] == b"\xff\xd8"
    assert not dict(Image.open(io.BytesIO(shown)).getexif())
    assert sure(sure(registry.dogs.owner_of("a")).picture).place is None


def test_replacing_one_pet_keeps_when_it_was_registered(registry: pf.Registry) -> None:
    first = registry.dogs.register(dog("a", RED, registered_at="2020-01-01T00:00:00Z"))

    again = registry.dogs.register(dog("a", BLUE), on_conflict="replace")
    copied: Any = registry.dogs.register(registry.dogs.list()[0], on_conflict="replace")

    assert again.registered_at == first.registered_at
    assert copied.photos == again.photos


def test_a_pet_that_is_there_is_skipped_without_reading_its_photos(registry: pf.Registry, tmp_path: Path) -> None:
    registry.dogs.register(dog("a", RED, name="A"))

    kept = registry.dogs.register(pf.Dog(pet_id="a", photos=[tmp_path / "gone.jpg"]), on_conflict="skip")

    assert kept.name == "A"


def test_documents_show_no_owner(stocked: pf.Registry) -> None:
    stocked.dogs.update("a", owner=pf.Owner(name="Ully", phone="555-0147-90210"))

    assert "555-0147-90210" not in repr(stocked.dogs.repository.get_document("a"))
