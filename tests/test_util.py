"""Index management: create, list, rename, delete, and encoding anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.vectors import Matrix
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.conftest import TableEncoder
from tests.test_service import BLUE, GREEN, RED, dog, picture, sure


@pytest.fixture(params=["memory", "file"])
def util(request: pytest.FixtureRequest, tmp_path: Path) -> pf.Util:
    return pf.Util(EmbeddedStore(None if request.param == "memory" else tmp_path / "pets.db"))


def test_an_index_is_made_listed_renamed_and_deleted(util: pf.Util, table_encoder: TableEncoder) -> None:
    made = util.create_index("dogs", pf.Dog, encoder=table_encoder)
    util.create_index("cats", pf.Cat, dims=4)

    assert (made.spec.encoder, made.spec.dims, made.spec.fingerprint) == ("table-1", 8, "t1")
    assert [info.name for info in util.list_indexes()] == ["cats", "dogs"]
    util.rename("dogs", "all-dogs")
    assert (util.exists("dogs"), util.exists("all-dogs")) == (False, True)
    util.delete_index("all-dogs")
    assert [info.name for info in util.list_indexes()] == ["cats"]
    for lost in (util.info, util.delete_index, util.refresh):
        with pytest.raises(errors.IndexNotFound):
            lost("all-dogs")


def test_an_index_that_is_there_is_kept_only_if_it_is_the_same(util: pf.Util, table_encoder: TableEncoder) -> None:
    util.create_index("dogs", pf.Dog, encoder=table_encoder)

    with pytest.raises(errors.IndexExists):
        util.create_index("dogs", pf.Dog, encoder=table_encoder)
    assert util.create_index("dogs", pf.Dog, encoder=table_encoder, exist_ok=True).name == "dogs"
    with pytest.raises(errors.IndexMismatch, match="dims"):
        util.create_index("dogs", pf.Dog, encoder=TableEncoder(dims=9), exist_ok=True)
    with pytest.raises(errors.IndexMismatch, match="species"):
        util.create_index("dogs", pf.Cat, encoder=table_encoder, exist_ok=True)


@pytest.mark.parametrize("name", ["", "Dogs", "*", "a b", "-x", "../x"])
def test_a_name_that_no_store_would_take_is_refused(util: pf.Util, name: str) -> None:
    with pytest.raises(errors.InvalidQuery, match="index name"):
        util.create_index(name, pf.Dog, dims=4)


def test_a_rebuild_encodes_every_photo_anew_from_original_or_thumbnail(registry: pf.Registry, tmp_path: Path) -> None:
    for name, colour in (("stays", RED), ("goes", BLUE), ("changes", GREEN)):
        picture(colour).save(tmp_path / f"{name}.png")
        photos: list[Any] = [tmp_path / f"{name}.png", picture((90, 20, colour[2]))]
        registry.dogs.register(pf.Dog(pet_id=name, photos=photos, owner=pf.Owner(name="U", phone="555-0101")))
    registry.dogs.register(pf.Dog(pet_id="vector-only", photos=[pf.Photo(embedding=[1.0] * 8)]))
    (tmp_path / "goes.png").unlink()
    picture((1, 2, 3)).save(tmp_path / "changes.png")
    wider = TableEncoder(dims=12, fingerprint="wider")

    report = registry.util.rebuild("pets-dogs", wider, progress=False)

    assert (report.pets, report.originals, report.thumbnails) == (4, 1, 5)
    assert [failure.item for failure in report.failures] == ["vector-only"]
    info = registry.util.info("pets-dogs")
    assert (info.spec.dims, info.spec.fingerprint, info.stats.pending) == (12, "wider", 1)
    rebuilt = pf.DogService(pf.DogRepository(registry.util.store, "pets-dogs"), wider)
    for name, colour in (("stays", RED), ("goes", BLUE), ("changes", GREEN)):
        best = rebuilt.find(picture(colour), k=1)[0]
        assert best.pet.pet_id == name
        assert best.similarity > 0.99
        assert best.photo.thumbnail
    assert sure(rebuilt.owner_of("goes")).phone == "555-0101"


def test_a_photo_that_comes_while_an_index_is_rebuilt_is_embedded_too(registry: pf.Registry) -> None:
    registry.dogs.register(dog("a", RED))
    registry.dogs.register(dog("b", BLUE))
    added: list[pf.Dog] = []

    class Slow(TableEncoder):
        def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
            if not added:
                added.append(registry.dogs.add_photo("a", picture(GREEN)))
            return super().encode_images(pictures)

    report = registry.util.rebuild("pets-dogs", Slow(fingerprint="slow"), progress=False)

    assert registry.util.info("pets-dogs").stats.pending == 0
    assert (report.thumbnails, report.failures) == (3, ())
