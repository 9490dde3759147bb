"""One random script of operations on the embedded store and on Elasticsearch: the same pets, photos, order, cosines.

The seed is printed with every difference; PETFINDER_TEST_SEED runs another script.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import petfinder as pf
from petfinder.domain.errors import PetfinderError
from petfinder.registry.connect import connect
from petfinder.registry.repository import OnConflict
from tests.conftest import TableEncoder
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import SWAPPABLE, directions, random_filter, random_pet

DIMS = 16
SEED = int(os.environ.get("PETFINDER_TEST_SEED", "20261121"))
CLUSTERS = directions(40, seed=1, dims=DIMS)
NOON = datetime(2026, 5, 1, 12)
Result = Any


class Script:
    """A random script of operations on the registry at one place: alike at every place, for it draws by one seed."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.numbers, self.normal = random.Random(SEED), np.random.default_rng(SEED)
        self.choice = self.numbers.choice
        self.known: list[str] = []
        self.pets: list[pf.Pet] = []
        self.photos = 0
        self.open()

    def open(self) -> None:
        self.registry = connect(self.place, encoder=TableEncoder(dims=DIMS))
        self.dogs = self.registry.dogs

    def step(self) -> tuple[str, Result]:
        """Do the next operation; its kind and what it gave, or the kind of its error."""
        kind = self.numbers.choices(list(OPERATIONS), [weight for weight, _ in OPERATIONS.values()])[0]
        try:
            return kind, OPERATIONS[kind][1](self)
        except PetfinderError as error:
            return kind, type(error).__name__

    def near(self, spread: float) -> Result:
        """An embedding near one of forty directions, so that many pets look alike."""
        return CLUSTERS[self.numbers.randrange(len(CLUSTERS))] + spread * self.normal.normal(size=DIMS)

    def photo(self, **fields: Any) -> pf.Photo:
        """A photo with its embedding ready."""
        self.photos += 1
        name, photo_id = f"photo-{self.photos}.jpg", f"{self.photos:064x}"
        return pf.Photo(uri=name, photo_id=photo_id, embedding=self.near(0.15), **fields)

    def pet(self, pet_id: str) -> pf.Dog:
        """A dog with any of the fields that filters ask for, none to three photos, and some words."""
        plain = random_pet(self.numbers, pet_id)
        fields = {name: getattr(plain, name) for name in pf.Dog.model_fields if name != "species"}
        fields["photos"] = tuple(self.photo(taken_at=one.taken_at, place=one.place) for one in plain.photos)
        fields["registered_at"] = datetime(2026, 4, 1, tzinfo=timezone.utc)
        fields["name"] = self.choice(("Luigi", "Bella", "Señor Straße", None))
        self.pets.append(pf.Dog(**fields))
        return pf.Dog(**fields)

    def some_id(self) -> str:
        """An id that is there, most of the time."""
        return self.choice(self.known) if self.known and self.numbers.random() < 0.9 else "nobody"

    def new_pet(self) -> pf.Dog:
        """A pet whose id is new, most of the time."""
        if self.known and self.numbers.random() < 0.15:
            return self.pet(self.choice(self.known))
        self.known.append(f"pet/{len(self.known):04d}")
        return self.pet(self.known[-1])

    def where(self) -> pf.PetFilter | None:
        """A filter, most of the time."""
        return random_filter(self.numbers, self.pets) if len(self.pets) > 20 and self.numbers.random() < 0.7 else None

    def register_many(self) -> Result:
        pets = [self.new_pet() for _ in range(self.numbers.randrange(2, 9))]
        conflicts: tuple[OnConflict, ...] = ("skip", "error", "replace")
        report = self.dogs.register_many(pets, on_conflict=self.choice(conflicts), progress=False)
        failures = [(failure.item, type(failure.error).__name__) for failure in report.failures]
        return report.added, report.replaced, sorted(report.skipped), sorted(failures)

    def add_photo(self) -> Result:
        pet_id, photo = self.some_id(), self.photo()
        changed = self.dogs.repository.update(
            pet_id, lambda pet: pet.model_copy(update={"photos": (*pet.photos, photo)})
        )
        return len(changed.photos)

    def remove_photo(self) -> Result:
        pet_id = self.some_id()
        photos = self.dogs.get(pet_id).photos
        return len(self.dogs.remove_photo(pet_id, photos[0].photo_id or "").photos) if photos else 0

    def update(self) -> Result:
        note, breed = self.choice(("limps", "wears a red collar", None)), self.choice(("Boxer", "poodle", None))
        return self.dogs.update(self.some_id(), note=note, breed=breed).note

    def find(self) -> Result:
        k, cut = self.choice((1, 3, 10, 40)), self.choice((None, None, 0.3, 0.8))
        return self.dogs.find_by_embedding(self.near(0.1), k=k, where=self.where(), min_similarity=cut)

    def find_several(self) -> Result:
        return self.dogs.find_by_embedding(np.stack([self.near(0.1) for _ in range(7)]), k=4, where=self.where())

    def search_text(self) -> Result:
        words = self.choice(("luigi", "STRASSE", "red collar", "señor shy"))
        return [pet.pet_id for pet in self.dogs.search_text(words, self.where())]

    def microchip(self) -> Result:
        found = self.dogs.find_by_microchip("985 112 345 678")
        return found and found.pet_id

    def page(self) -> Result:
        return [pet.pet_id for pet in self.dogs.list(self.where(), after=self.some_id(), limit=7)]

    def reopen(self) -> None:
        self.registry.close()
        self.open()


# Each kind of operation: how often it comes, and what it does.
OPERATIONS: dict[str, tuple[int, Callable[[Script], Result]]] = {
    "register": (10, lambda script: script.dogs.register(script.new_pet()).pet_id),
    "register_many": (6, Script.register_many),
    "replace": (6, lambda script: script.dogs.register(script.pet(script.some_id()), on_conflict="replace").pet_id),
    "add_photo": (10, Script.add_photo),
    "remove_photo": (5, Script.remove_photo),
    "update": (10, Script.update),
    "report_lost": (4, lambda script: script.dogs.report_lost(script.some_id(), place=(48.1, 11.6), at=NOON).status),
    "remove": (5, lambda script: script.dogs.remove([script.some_id(), script.some_id()], missing="ignore")),
    "find": (25, Script.find),
    "find_several": (4, Script.find_several),
    "find_similar": (5, lambda script: script.dogs.find_similar(script.some_id(), k=5, where=script.where())),
    "search_text": (5, Script.search_text),
    "microchip": (3, Script.microchip),
    "count": (5, lambda script: script.dogs.count(script.where())),
    "page": (4, Script.page),
    "reopen": (2, Script.reopen),
}


def check_same_matches(one: pf.Matches, other: pf.Matches, told: str) -> None:
    """The same pets and photos in the same order, but for neighbours that are as near; the same cosines."""
    similarities = np.array([match.similarity for match in one])
    np.testing.assert_allclose([match.similarity for match in other], similarities, atol=1e-4, err_msg=told)
    assert (one.pets_searched, one.photos_searched) == (other.pets_searched, other.photos_searched), told
    assert one.cut == other.cut, told
    for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        near = np.abs(similarities - similarities[place]) < SWAPPABLE
        at_the_end = abs(similarities[-1] - similarities[place]) < SWAPPABLE
        if near.sum() == 1 and not at_the_end:
            assert (mine.pet, mine.photo.photo_id) == (theirs.pet, theirs.photo.photo_id), told


def check_same(mine: Result, theirs: Result, told: str) -> None:
    """Two answers to one operation."""
    if isinstance(mine, pf.Matches) and isinstance(theirs, pf.Matches):
        check_same_matches(mine, theirs, told)
    elif isinstance(mine, list) and mine and isinstance(mine[0], pf.Matches):
        for one, other in zip(mine, theirs, strict=True):
            check_same_matches(one, other, told)
    else:
        assert mine == theirs, told


def check_same_state(mine: pf.DogService, theirs: pf.DogService, told: str) -> None:
    """The same pets, owners and embeddings in both."""
    for one, other in zip(mine.list(), theirs.list(), strict=True):
        assert one == other, told
        assert one.owner == other.owner, told
    here, there = mine.embeddings(), theirs.embeddings()
    assert (here.pet_ids, here.photo_ids) == (there.pet_ids, there.photo_ids), told
    np.testing.assert_allclose(here.matrix, there.matrix, atol=1e-6, err_msg=told)


@pytest.mark.parametrize(
    ("steps", "kinds", "pets"), [(130, 14, 20), pytest.param(500, 16, 100, marks=pytest.mark.slow)]
)
def test_a_random_script_ends_alike_on_both_stores(
    tmp_path: Path, elasticsearch_url: str, steps: int, kinds: int, pets: int
) -> None:
    empty_elasticsearch_store(elasticsearch_url).close()
    here, there = Script(str(tmp_path / "pets.db")), Script(elasticsearch_url)
    done = set()
    for step in range(steps):
        (kind, mine), (same_kind, theirs) = here.step(), there.step()
        told = f"seed {SEED}, step {step}: {kind}"
        assert kind == same_kind, told
        check_same(mine, theirs, told)
        done.add(kind)
        if step % 50 == 49:
            check_same_state(here.dogs, there.dogs, told)
    assert len(done) >= kinds
    assert here.dogs.count() > pets
    for script in (here, there):
        script.registry.close()
