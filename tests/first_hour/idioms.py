"""What a stranger's program writes, for type checkers: each line is one that the README or a notebook shows."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal, assert_type

import numpy as np
from PIL import Image

import petfinder as pf


class Rabbit(pf.Pet):
    """A class of one's own."""

    species: Literal["rabbit"] = "rabbit"
    ears: str | None = None


def registering(registry: pf.Registry) -> None:
    luigi = pf.Dog(pet_id="luigi", owner="Ully", photos="a.jpg", place=(1, 2), tags="shy", status="lost")
    assert_type(luigi.place, pf.Place | None)
    assert_type(luigi.owner, pf.Owner | None)
    assert_type(luigi.photos, tuple[pf.Photo, ...])
    assert_type(luigi.status, pf.Status)
    assert_type(registry.dogs.register(luigi), pf.Dog)
    pf.Dog(pet_id="b", photos=["a.jpg", Path("b.jpg"), Image.new("RGB", (9, 9)), b""], status_at=date(2026, 1, 1))
    pf.Cat(pet_id="c", photos={"a.jpg"}, status_at="2026-01-01", owner=pf.Owner(name="Ully", picture="ully.png"))
    rabbit = Rabbit(pet_id="r", ears="lop", photos=np.zeros((9, 9, 3), np.uint8), place="1,2")
    assert_type(registry.of(Rabbit).register(rabbit).ears, str | None)
    report = registry.dogs.register_many(pf.read_folder("photos/", pf.Dog))
    assert_type(report.added, tuple[str, ...])
    registry.cats.register_many(pf.read_csv("pets.csv", pf.Cat, columns={"id": "pet_id"}))
    registry.dogs.register_many(pf.read_json("puppies.json", columns=pf.PUPPIES))


def finding(registry: pf.Registry) -> None:
    near = pf.PetFilter(near=(-23.5, -46.6), within_km=20, status="lost", breed=["pug", "boxer"])
    matches = registry.dogs.find("lost_dog1.png", k=5, where=near, place=(1, 2), at=datetime(2026, 1, 1))
    assert_type(matches, pf.Matches)
    assert_type(matches.best, pf.Match | None)
    if matches.best:
        assert_type(matches.best.photo.uri, str | None)
        assert_type(registry.owner_of(matches.best), pf.Owner | None)
        registry.dogs.update(matches.best, breed="pug")
        registry.dogs.report_lost(matches.best, place=(1, 2), at="2026-01-01")
        assert_type(registry.dogs.find_similar(matches.best), pf.Matches)
    registry.dogs.find(["a.jpg", "b.jpg"], where={"breed": "pug"}, combine="best")
    registry.find(pf.Photo("two.jpg", box=(0, 0, 0.5, 1)))
    assert_type(registry.dogs.find_by_embedding([0.1, 0.2]), pf.Matches)
    assert_type(registry.dogs.find_by_embedding(registry.dogs.embeddings().matrix)[0], pf.Matches)
    assert_type(registry.dogs["luigi"], pf.Dog)
    assert_type([pet.name for pet in registry.dogs.list(status="lost")], list[str | None])
    print(len(registry.dogs), "luigi" in registry.dogs)


def layers() -> None:
    store = pf.open_store("puppies.db")
    pf.Util(store).delete_index("dogs", missing="ignore")
    repository = pf.DogRepository(store, "dogs", create=True)
    service = pf.DogService(repository)
    assert_type(service.get("luigi"), pf.Dog)
    print(pf.evaluate_folder("photos/"), pf.evaluate_registry(service))
