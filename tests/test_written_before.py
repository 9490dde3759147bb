"""A registry file and Elasticsearch indexes that version 0.1.0 wrote, at commit 052d686, open and answer as they did.

Fixtures: three drawn dogs and two cats, their photos made small. `registry-0.1.0.db` is the file, `index-0.1.0.json`
the indexes with mappings, aliases and documents, `registry-0.1.0.json` what that commit answered on either of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

import petfinder as pf
from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS = json.loads((FIXTURES / "registry-0.1.0.json").read_text(encoding="utf-8"))
DATASET = ROOT / "dataset"


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


def check_answers(registry: pf.Registry) -> None:
    for query, found in ANSWERS["find"].items():
        matches = service(registry, found["species"]).find(DATASET / "queries" / query, k=3)
        expected = found["matches"]
        assert [(one.pet.pet_id, one.photo.photo_id, one.verdict) for one in matches] == [
            (one["pet_id"], one["photo_id"], one["verdict"]) for one in expected
        ]
        assert [one.similarity for one in matches] == pytest.approx([one["similarity"] for one in expected], abs=1e-5)
        counted = (matches.verdict, matches.pets_searched, matches.photos_searched)
        assert counted == (found["verdict"], found["pets_searched"], found["photos_searched"])
    for species, pets in ANSWERS["list"].items():
        assert [json.loads(pet.model_dump_json()) for pet in service(registry, species).list()] == pets
    microchip, pet_id = ANSWERS["microchip"]
    chipped = registry.dogs.find_by_microchip(microchip)
    assert chipped is not None
    assert chipped.pet_id == pet_id
    told = ANSWERS["owner"]
    owner = registry.dogs.get(told["pet_id"]).owner
    assert owner is not None
    assert (owner.name, owner.phone, owner.email) == (told["name"], told["phone"], told["email"])


def test_what_an_earlier_version_wrote_answers_the_same(registry: pf.Registry) -> None:
    check_answers(registry)


def test_pets_can_be_registered_changed_and_removed_in_what_an_earlier_version_wrote(registry: pf.Registry) -> None:
    photo = DATASET / "photos" / "mel" / "1.jpg"

    registry.dogs.register(pf.Dog(pet_id="mel", name="Mel", photos=[photo]))
    registry.dogs.update("mel", note="swims at once")

    found = registry.dogs.find(photo).best
    assert found is not None
    assert found.pet.pet_id == "mel"
    assert found.similarity == pytest.approx(1, abs=1e-4)
    assert registry.dogs.get("mel").note == "swims at once"
    registry.dogs.remove("mel")
    check_answers(registry)
