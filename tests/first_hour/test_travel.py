"""A model in a folder, and a tuned encoder in a file, that lie elsewhere than when the registry was filled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import petfinder as pf
from petfinder.domain.errors import EncoderUnavailable, IndexMismatch
from petfinder.encoders import load
from petfinder.encoders.base import identity_of
from petfinder.registry.copy import copy_registry
from petfinder.stores.documents import IndexSpec
from tests.encoders.test_tuned import made_up
from tests.encoders.tiny_models import blots, change_weights, save_clip

pytest.importorskip("sentence_transformers", reason="the clip extra is not installed")
DOG, OTHER = blots(2)
NOT_HERE = "there is no model folder '.*clipA' here: name the folder where it is now"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry that clipA filled, and the model, since renamed clipB."""
    folder = tmp_path_factory.mktemp("made")
    save_clip(folder / "clipA")
    with pf.connect(folder / "pets.db", encoder=str(folder / "clipA")) as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[DOG]))
    (folder / "clipA").rename(folder / "clipB")
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: registry and model are copied there, and nothing is where it was."""
    monkeypatch.setattr(load, "_TUNED", {})
    load._sentence_transformers.cache_clear()
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "here"))
    return tmp_path / "here"


def test_a_moved_model_folder_opens_the_registry_when_it_is_named(here: Path) -> None:
    for encoder in ("clipB", pf.load_encoder(str(here / "clipB"))):
        with pf.connect("pets.db", encoder=encoder) as registry:
            best = registry.dogs.find(DOG).best
            assert best is not None
            assert best.similarity > 0.999
            registry.cats.register(pf.Cat(pet_id="mia", photos=[OTHER]), on_conflict="skip")
    with pf.connect(encoder="clipB") as elsewhere:
        assert elsewhere.dogs.count() == 0
        with pf.connect("pets.db") as registry:
            assert sum(report.copied for report in copy_registry(registry, elsewhere)) == 2


def test_a_moved_model_folder_that_is_not_named_is_asked_for_in_one_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pf.connect("pets.db") as registry:
        assert [pet.pet_id for pet in registry.dogs.list()] == ["luigi"]
        with pytest.raises(EncoderUnavailable, match=NOT_HERE):
            registry.dogs.find(DOG)
    monkeypatch.setenv("PETFINDER_ENCODER", "clipB")
    with pf.connect("pets.db") as registry:
        assert registry.dogs.find(DOG).best is not None


def test_a_folder_with_other_weights_is_refused_named_or_found_where_the_model_was(made: Path, here: Path) -> None:
    other = change_weights(Path(shutil.copytree("clipB", "other")), add=0.01)
    with pytest.raises(IndexMismatch, match="name the folder of the model with those weights"):
        pf.connect("pets.db", encoder="other")
    with pytest.raises(IndexMismatch, match="weights"):
        pf.connect("pets.db", encoder=pf.load_encoder(str(other)))
    was = shutil.copytree(other, made / "clipA")
    try:
        with pf.connect("pets.db") as registry, pytest.raises(IndexMismatch, match="this index was filled by"):
            registry.dogs.find(DOG)
    finally:
        shutil.rmtree(was)


def test_a_moved_shelter_npz_opens_what_it_filled_also_where_its_base_has_moved(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = pf.load_encoder(str(here / "clipB"))
    made_up(identity_of(base), dims=2).save("shelter.npz")
    with pf.connect("tuned.db", encoder="shelter.npz") as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[DOG]))
    monkeypatch.setattr(load, "_TUNED", {})
    Path("shelter.npz").rename("renamed.npz")
    Path("clipB").rename("clipC")
    load._sentence_transformers.cache_clear()

    asked = pytest.raises(EncoderUnavailable, match=r"no model folder .*clipB' here.*base=load_encoder")
    with pf.connect("tuned.db", encoder="renamed.npz") as registry, asked:
        registry.dogs.find(DOG)
    whole = pf.load_encoder("renamed.npz", base=pf.load_encoder("clipC"))
    with pf.connect("tuned.db", encoder=whole) as registry:
        assert registry.dogs.find(DOG).best is not None


def test_what_may_have_moved_is_a_folder_and_never_an_encoder_of_another_name() -> None:
    def spec(encoder: str, fingerprint: str = "f") -> IndexSpec:
        return IndexSpec("dog", encoder, 2, fingerprint)

    for one, other, alike in [
        ("/home/ana/clip", "C:\\models\\clip", True),
        ("/home/ana/clip", "clip-ViT-B-32", True),
        ("clip-ViT-B-32", "clip-ViT-B-16", False),
    ]:
        assert (spec(one).difference(spec(other)) is None) is alike
    assert spec("/a", "").difference(spec("/b", "")) == "encoder '/a', not '/b'"
    assert spec("/a").difference(spec("/b", "g")) is not None
