"""A registry file and Elasticsearch indexes that version 0.1.0 wrote, at commit 052d686, open, and are moved.

Fixtures: three drawn dogs and two cats, their photos made small. `registry-0.1.0.db` is the file, `index-0.1.0.json`
the indexes with mappings, aliases and documents, `registry-0.1.0.json` what that commit answered on either of them.
They were filled by `pocket-2`, which is no longer in the package: what needs it is refused until the index is moved.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain.errors import EncoderUnavailable, InvalidQuery
from petfinder.encoders import load
from petfinder.encoders.base import Encoder, EncoderIdentity
from petfinder.encoders.pocket import NAME
from petfinder.registry.copy import copy_registry
from petfinder.registry.documents import remembered_by
from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store
from tests.encoders.test_tuned import made_up, pictures

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS = json.loads((FIXTURES / "registry-0.1.0.json").read_text(encoding="utf-8"))
DATASET = ROOT / "dataset"
PHOTO = DATASET / "photos" / "mel" / "1.jpg"
MOVES = (
    "the index pets-dogs was made by pocket-2, which is no longer in petfinder:"
    " `petfinder index rebuild pets-dogs --encoder pocket` moves it"
)


@pytest.fixture(params=["file", "elasticsearch"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[pf.Registry]:
    """The old registry, opened by today's code with the encoder that it remembers."""
    if request.param == "file":
        place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    else:
        place = request.getfixturevalue("elasticsearch_url")
        restore_indexes(place)
    with pf.connect(place, create=False) as opened:
        yield opened


def restore_indexes(url: str) -> None:
    """Lay the indexes out as they lay on the server then, by the plain client."""
    empty_elasticsearch_store(url).close()
    with Elasticsearch(url) as client:
        for name, index in json.loads((FIXTURES / "index-0.1.0.json").read_text(encoding="utf-8")).items():
            documents = index.pop("documents")
            client.indices.create(index=name, **index)
            for id_, document in documents.items():
                client.index(index=name, id=id_, document=document, refresh=True)


def service(registry: pf.Registry, species: str) -> Any:
    return registry.dogs if species == "dog" else registry.cats


def check_pets(registry: pf.Registry) -> None:
    """What needs no encoder is answered as it was."""
    for species, pets in ANSWERS["list"].items():
        assert [json.loads(pet.model_dump_json()) for pet in service(registry, species).list()] == pets
    microchip, pet_id = ANSWERS["microchip"]
    chipped = registry.dogs.find_by_microchip(microchip)
    assert chipped is not None
    assert chipped.pet_id == pet_id
    told = ANSWERS["owner"]
    owner = registry.dogs.owner_of(told["pet_id"])
    assert owner is not None
    assert (owner.name, owner.phone, owner.email) == (told["name"], told["phone"], told["email"])
    assert registry.dogs.get(told["pet_id"]).photos[0].thumbnail


def test_what_an_earlier_version_wrote_opens_and_needs_no_encoder_but_for_photos(registry: pf.Registry) -> None:
    assert {index.spec.encoder for index in registry.indexes()} == {"pocket-2"}
    check_pets(registry)
    similar = registry.dogs.find_similar("bento")
    assert {match.pet.pet_id for match in similar} == {"luna", "trigo"}
    registry.dogs.update("bento", note="swims at once")
    assert registry.dogs.get("bento").note == "swims at once"
    with pf.connect() as elsewhere:
        assert sum(report.copied for report in copy_registry(registry, elsewhere)) == 5
        assert [match.pet.pet_id for match in elsewhere.dogs.find_similar("bento")] == [
            match.pet.pet_id for match in similar
        ]


def test_what_needs_the_encoder_that_is_gone_is_refused_in_one_sentence_and_nothing_is_written(
    registry: pf.Registry,
) -> None:
    dogs, mel = registry.dogs, pf.Dog(pet_id="mel", photos=[PHOTO])
    calls: list[Callable[[], object]] = [
        lambda: dogs.find(PHOTO),
        lambda: dogs.find_many([PHOTO]),
        lambda: dogs.embed([PHOTO]),
        lambda: dogs.find_by_text("brown"),
        lambda: dogs.register(mel),
        lambda: dogs.register_many([mel], progress=False),
        lambda: dogs.add_photo("bento", PHOTO),
    ]
    for call in calls:
        with pytest.raises(EncoderUnavailable) as refusal:
            call()
        assert str(refusal.value) == MOVES
    with pytest.raises(EncoderUnavailable, match="rebuild pets-cats"):
        registry.cats.find(PHOTO)
    with pytest.raises(EncoderUnavailable, match="moves it"):
        registry.find(PHOTO)
    check_pets(registry)

    vector = np.eye(1, 512, dtype=np.float32)[0]
    registry.dogs.register(pf.Dog(pet_id="mel", photos=[pf.Photo(embedding=vector)]))
    assert registry.dogs.find_by_embedding(vector)[0].pet.pet_id == "mel"


@pytest.mark.parametrize("encoder", [None, pf.load_encoder("pocket")])
def test_a_rebuild_moves_it_also_for_who_had_it_open(registry: pf.Registry, encoder: Encoder | None) -> None:
    dogs = registry.dogs
    with pytest.raises(EncoderUnavailable):
        dogs.find(PHOTO)

    registry.util.rebuild("pets-dogs", encoder, progress=False)

    with pytest.raises(InvalidQuery, match="what is to change"):
        registry.util.rebuild("pets-dogs")
    assert dogs.find(PHOTO).best is not None
    assert registry.util.info("pets-dogs").spec.encoder == NAME
    assert registry.util.info("pets-dogs").stats.pending == 0
    dogs.register_many([pf.Dog(pet_id="mel", photos=[PHOTO])], progress=False).raise_for_failures()
    found = dogs.find(PHOTO)
    assert found.best is not None
    assert found.best.pet.pet_id == "mel"
    assert found.best.similarity == pytest.approx(1, abs=1e-4)
    assert dogs.repository.thresholds is None, "those of the new encoder hold"
    dogs.remove("mel")
    check_pets(registry)


def test_a_new_index_beside_it_is_filled_by_the_encoder_of_today(tmp_path: Path) -> None:
    place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    with pf.connect(place) as registry:
        registry.util.delete_index("pets-cats")
        registry.cats.register(pf.Cat(pet_id="mia", photos=[PHOTO]))
        encoders = {index.name: index.spec.encoder for index in registry.indexes()}
    assert encoders == {"pets-dogs": "pocket-2", "pets-cats": NAME}


def test_what_was_tuned_on_it_says_to_tune_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_TUNED", {})
    place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    with pf.connect(place) as registry:
        base = remembered_by(registry.specs()["pets-dogs"])
    file = str(tmp_path / "shelter.npz")
    made_up(base, dims=2).save(file)
    with pf.connect(tmp_path / "new.db", encoder=file) as new, pytest.raises(EncoderUnavailable, match="tune anew"):
        new.dogs.count()
    monkeypatch.setattr(load, "_TUNED", {})
    identity = EncoderIdentity("tuned:shelter@pocket-2", 2, "f")
    tuned = load.load_remembered(identity, "pets-dogs", device=None, default=file)
    assert not tuned.supports_text
    for encoder in (tuned, pf.load_encoder(file)):
        with pytest.raises(EncoderUnavailable, match="petfinder train"):
            encoder.encode_images(pictures(1))
