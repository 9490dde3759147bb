"""Somebody retypes the original notebook: its four classes in its order, its JSON as it stands there, the owner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import petfinder as pf
from petfinder.domain import errors
from tests.conftest import ROOT
from tests.test_service import BLUE, RED, picture

PUPPY = ROOT / "dataset/photos/luna/1.jpg"
PEOPLE = {
    "dogs": [
        {"dog_id": "Bento", "image_path": "", "breed": "Beagle", "owner_name": "Amber North"},
        {"dog_id": "Mel", "image_path": "", "breed": "Golden Retriever", "owner_name": "Basil East"},
    ]
}


def test_its_four_classes_in_its_order(tmp_path: Path) -> None:
    store = pf.open_store(tmp_path / "puppies.db")
    util = pf.Util(store)
    util.delete_index("dog-image-index", missing="ignore")

    repository = pf.DogRepository(store, "dog-image-index", create=True)
    service = pf.DogService(repository)
    service.register(pf.Dog(pet_id="luna", photos=PUPPY, breed="Australian Shepherd", owner="Ully"))
    best = service.find(ROOT / "dataset/queries/found-in-the-park.jpg").best

    assert best is not None
    assert (best.pet.pet_id, best.pet.owner, best.photo.thumbnail is not None) == ("luna", None, True)
    owner = service.owner_of(best)
    assert (owner and owner.name, util.info("dog-image-index").spec.encoder) == ("Ully", service.encoder.name)
    util.delete_index("dog-image-index")
    with pytest.raises(errors.IndexNotFound):
        util.delete_index("dog-image-index")
    store.close()


def test_its_json_with_pictures_called_by_their_id(tmp_path: Path) -> None:
    (tmp_path / "puppies.json").write_text(json.dumps(PEOPLE, indent=2))
    (tmp_path / "one line.json").write_text(json.dumps(PEOPLE))
    for name, colour in (("Bento", RED), ("Mel", BLUE)):
        picture(colour).save(tmp_path / f"{name}.png")

    pets = [*pf.read_json(tmp_path / "puppies.json", pf.Dog, columns=pf.PUPPIES)]

    bento = pf.Dog(pet_id="Bento", breed="Beagle", owner="Amber North", photos=tmp_path / "Bento.png")
    assert pets[0] == bento
    assert [*pf.read_json(tmp_path / "one line.json", pf.Dog, columns=pf.PUPPIES)] == pets
    named = {"dog_id": "pet_id", "breed": "breed", "owner_name": "owner_name"}
    assert [*pf.read_json(tmp_path / "puppies.json", pf.Dog, columns=named)] == pets
    with pytest.raises(errors.ConfigError, match="unknown columns: dog_id"):
        pf.read_json(tmp_path / "puppies.json", pf.Dog)


def test_the_tables_of_other_systems(tmp_path: Path) -> None:
    (tmp_path / "asm.csv").write_text(
        "ANIMALCODE,ANIMALNAME,ANIMALSEX,ANIMALSPECIES,ANIMALMARKINGS,ANIMALDESCRIPTION,ANIMALAGE,MOVEMENTTYPE,"
        "MOVEMENTDATE,ORIGINALOWNERFIRSTNAME,ORIGINALOWNERLASTNAME,ORIGINALOWNERCELLPHONE,ANIMALIMAGE\n"
        'D1,Rex,M,Dog,white paw,shy,3 years,4,2026-10-02,Ana,Silva,"+1 415 555 0101",https://shelter.example/1.jpg\n'
        "C1,Tom,M,Cat,,,1 year,1,2026-10-02,,,,\n"
    )
    (tmp_path / "petfbi.csv").write_text("PetID,Status,Name,Sex,ZipPostal\n7,LOST,Rex,F,94110\n")

    rex, tom = pf.read_csv(tmp_path / "asm.csv", pf.Dog, columns=pf.ASM3)
    [lost] = pf.read_csv(tmp_path / "petfbi.csv", pf.Dog, columns=pf.PET_FBI)

    assert isinstance(rex, pf.Dog)
    assert (rex.pet_id, rex.sex, rex.status, rex.note) == ("D1", "male", "lost", "white paw shy")
    assert (rex.owner and rex.owner.name, rex.owner and rex.owner.phone) == ("Ana Silva", "+1 415 555 0101")
    assert not isinstance(tom, pf.Pet)
    assert "another species" in str(tom)
    assert isinstance(lost, pf.Dog)
    assert (lost.pet_id, lost.status, lost.sex) == ("7", "lost", "female")
    with pf.connect(":memory:") as registry:
        [failure] = registry.dogs.register_many([rex]).failures
    assert "addresses are not fetched: download" in failure.reason


def test_a_pet_without_its_embedding_is_refused_or_waits_and_the_search_says_so(
    registry: pf.Registry, tmp_path: Path
) -> None:
    picture(RED).save(tmp_path / "luigi.png")
    luigi = pf.Dog(pet_id="luigi", owner="Ully", photos=tmp_path / "luigi.png")

    with pytest.raises(errors.InvalidEmbedding, match="pending=True"):
        registry.dogs.repository.insert(luigi)
    refused = registry.dogs.repository.bulk_insert([luigi])
    assert (registry.dogs.count(), [one.item for one in refused.failures]) == (0, ["luigi"])

    registry.dogs.repository.insert(luigi, pending=True)
    matches = registry.dogs.find(picture(RED))
    assert ([*matches], matches.pending) == ([], 1)

    assert registry.dogs.embed_pending().replaced == ("luigi",)
    matches = registry.dogs.find(picture(RED))
    assert (matches[0].pet.pet_id, matches.pending) == ("luigi", 0)
    [photo] = registry.dogs.get("luigi").photos
    assert (photo.photo_id is not None, photo.thumbnail is not None) == (True, True)
