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
Result = Any


class Script:
    """Draws operations; each is a function to be applied to both registries."""

    def __init__(self, seed: int) -> None:
        self.numbers = random.Random(seed)
        self.normal = np.random.default_rng(seed)
        self.known: list[str] = []
        self.pets: list[pf.Pet] = []
        self.photos = 0

    def photo(self) -> pf.Photo:
        """A photo with its embedding ready, near one of forty directions, so that many pets look alike."""
        self.photos += 1
        near = CLUSTERS[self.numbers.randrange(len(CLUSTERS))] + 0.15 * self.normal.normal(size=DIMS)
        return pf.Photo(uri=f"photo-{self.photos}.jpg", photo_id=f"{self.photos:064x}", embedding=near)

    def pet(self, pet_id: str) -> pf.Dog:
        """A dog with any of the fields that filters ask for, none to three photos, and some words."""
        plain = random_pet(self.numbers, pet_id)
        photos = tuple(
            photo.model_copy(update={"taken_at": other.taken_at, "place": other.place})
            for photo, other in zip([self.photo() for _ in plain.photos], plain.photos, strict=True)
        )
        fields = {name: getattr(plain, name) for name in pf.Dog.model_fields if name not in ("species", "photos")}
        fields["registered_at"] = datetime(2026, 4, 1, tzinfo=timezone.utc)
        fields["name"] = self.numbers.choice(("Luigi", "Bella", "Señor Straße", None))
        pet = pf.Dog(**fields, photos=photos)
        self.pets.append(pet)
        return pet

    def some_id(self) -> str:
        """An id that is there, most of the time."""
        if self.known and self.numbers.random() < 0.9:
            return self.numbers.choice(self.known)
        return "nobody"

    def new_id(self) -> str:
        """An id that is new, most of the time."""
        if self.known and self.numbers.random() < 0.15:
            return self.numbers.choice(self.known)
        self.known.append(f"pet/{len(self.known):04d}")
        return self.known[-1]

    def where(self) -> pf.PetFilter | None:
        """A filter, most of the time."""
        return random_filter(self.numbers, self.pets) if len(self.pets) > 20 and self.numbers.random() < 0.7 else None

    def operation(self) -> tuple[str, Callable[[pf.DogService], Result]]:
        """The next operation and what it is called."""
        kinds = {
            "register": 10,
            "register_many": 6,
            "replace": 6,
            "add_photo": 10,
            "remove_photo": 5,
            "update": 10,
            "report_lost": 4,
            "remove": 5,
            "find": 25,
            "find_several": 4,
            "find_similar": 5,
            "search_text": 5,
            "microchip": 3,
            "count": 5,
            "page": 4,
            "reopen": 2,
        }
        kind = self.numbers.choices(list(kinds), list(kinds.values()))[0]
        return kind, getattr(self, f"_{kind}")()

    def _register(self) -> Callable[[pf.DogService], Result]:
        pet = self.pet(self.new_id())
        return lambda dogs: dogs.register(pet).pet_id

    def _register_many(self) -> Callable[[pf.DogService], Result]:
        pets = [self.pet(self.new_id()) for _ in range(self.numbers.randrange(2, 9))]
        conflicts: tuple[OnConflict, ...] = ("skip", "error", "replace")
        conflict = self.numbers.choice(conflicts)

        def run(dogs: pf.DogService) -> Result:
            report = dogs.register_many(list(pets), on_conflict=conflict, progress=False)
            failures = [(failure.item, type(failure.error).__name__) for failure in report.failures]
            return report.added, report.replaced, sorted(report.skipped), sorted(failures)

        return run

    def _replace(self) -> Callable[[pf.DogService], Result]:
        pet = self.pet(self.some_id())
        return lambda dogs: dogs.register(pet, on_conflict="replace").pet_id

    def _add_photo(self) -> Callable[[pf.DogService], Result]:
        pet_id, photo = self.some_id(), self.photo()

        def change(pet: pf.Dog) -> pf.Dog:
            return pet.model_copy(update={"photos": (*pet.photos, photo)})

        return lambda dogs: len(dogs.repository.update(pet_id, change).photos)

    def _remove_photo(self) -> Callable[[pf.DogService], Result]:
        pet_id = self.some_id()

        def run(dogs: pf.DogService) -> Result:
            photos = dogs.get(pet_id).photos
            return len(dogs.remove_photo(pet_id, photos[0].photo_id or "").photos) if photos else 0

        return run

    def _update(self) -> Callable[[pf.DogService], Result]:
        pet_id, note = self.some_id(), self.numbers.choice(("limps", "wears a red collar", None))
        breed = self.numbers.choice(("Boxer", "poodle", None))
        return lambda dogs: dogs.update(pet_id, note=note, breed=breed).note

    def _report_lost(self) -> Callable[[pf.DogService], Result]:
        pet_id, at = self.some_id(), datetime(2026, 5, 1, 12)
        return lambda dogs: dogs.report_lost(pet_id, place=(48.1, 11.6), at=at).status

    def _remove(self) -> Callable[[pf.DogService], Result]:
        ids = [self.some_id() for _ in range(self.numbers.randrange(1, 3))]
        return lambda dogs: dogs.remove(ids, missing="ignore")

    def _find(self) -> Callable[[pf.DogService], Result]:
        query = CLUSTERS[self.numbers.randrange(len(CLUSTERS))] + 0.1 * self.normal.normal(size=DIMS)
        k, where = self.numbers.choice((1, 3, 10, 40)), self.where()
        cut = self.numbers.choice((None, None, 0.3, 0.8))
        return lambda dogs: dogs.find_by_embedding(query, k=k, where=where, min_similarity=cut)

    def _find_several(self) -> Callable[[pf.DogService], Result]:
        queries = CLUSTERS[:7] + 0.1 * self.normal.normal(size=(7, DIMS))
        where = self.where()
        return lambda dogs: dogs.find_by_embedding(queries, k=4, where=where)

    def _find_similar(self) -> Callable[[pf.DogService], Result]:
        pet_id, where = self.some_id(), self.where()
        return lambda dogs: dogs.find_similar(pet_id, k=5, where=where)

    def _search_text(self) -> Callable[[pf.DogService], Result]:
        words, where = self.numbers.choice(("luigi", "STRASSE", "red collar", "señor shy")), self.where()
        return lambda dogs: [pet.pet_id for pet in dogs.search_text(words, where)]

    def _microchip(self) -> Callable[[pf.DogService], Result]:
        def run(dogs: pf.DogService) -> Result:
            found = dogs.find_by_microchip("985 112 345 678")
            return found and found.pet_id

        return run

    def _count(self) -> Callable[[pf.DogService], Result]:
        where = self.where()
        return lambda dogs: dogs.count(where)

    def _page(self) -> Callable[[pf.DogService], Result]:
        where, after = self.where(), self.some_id()
        return lambda dogs: [pet.pet_id for pet in dogs.list(where, after=after, limit=7)]

    def _reopen(self) -> Callable[[pf.DogService], Result]:
        return lambda dogs: None


def outcome(dogs: pf.DogService, operation: Callable[[pf.DogService], Result]) -> Result:
    """What the operation gave, or the kind of its error."""
    try:
        return operation(dogs)
    except PetfinderError as error:
        return type(error).__name__


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


@pytest.fixture
def places(tmp_path: Path, elasticsearch_url: str) -> tuple[str, str]:
    """A file and a server with nothing in it."""
    empty_elasticsearch_store(elasticsearch_url).close()
    return str(tmp_path / "pets.db"), elasticsearch_url


@pytest.mark.parametrize(
    ("steps", "kinds", "pets"), [(130, 14, 20), pytest.param(500, 16, 100, marks=pytest.mark.slow)]
)
def test_a_random_script_ends_alike_on_both_stores(places: tuple[str, str], steps: int, kinds: int, pets: int) -> None:
    encoder = TableEncoder(dims=DIMS)
    script = Script(SEED)
    opened = [connect(place, encoder=encoder) for place in places]
    done: dict[str, int] = {}
    for step in range(steps):
        kind, operation = script.operation()
        told = f"seed {SEED}, step {step}: {kind}"
        if kind == "reopen":
            for registry in opened:
                registry.close()
            opened = [connect(place, encoder=encoder) for place in places]
        mine, theirs = [outcome(registry.dogs, operation) for registry in opened]
        check_same(mine, theirs, told)
        done[kind] = done.get(kind, 0) + 1
        if step % 50 == 49:
            check_same_state(opened[0].dogs, opened[1].dogs, told)
    assert len(done) >= kinds
    assert opened[0].dogs.count() > pets
    for registry in opened:
        registry.close()
