"""Two connections to one registry: no change is lost, and each sees at once what the other did."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

import petfinder as pf
from petfinder.domain import errors
from tests.conftest import TableEncoder
from tests.test_service import BLUE, GREEN, RED, dog, picture

Pair = tuple[pf.Registry, pf.Registry]
pytestmark = pytest.mark.parametrize("place", ["file", "elasticsearch"], indirect=True)


@pytest.fixture
def pair(place: str, table_encoder: TableEncoder) -> Iterator[Pair]:
    """One registry, opened twice."""
    with pf.connect(place, encoder=table_encoder) as one, pf.connect(place, encoder=table_encoder) as other:
        one.dogs.register(dog("luigi", RED, name="Luigi"))
        yield one, other


@pytest.mark.parametrize(("changes", "breed"), [(1, "Jack Russell"), (9, None)])
def test_a_change_made_while_another_is_under_way_is_kept_and_endless_ones_are_a_clear_conflict(
    pair: Pair, changes: int, breed: str | None
) -> None:
    one, other = pair
    seen = []

    def with_breed(pet: pf.Dog) -> pf.Dog:
        seen.append(pet.name)
        if len(seen) <= changes:
            other.dogs.update("luigi", name=f"Luigi {len(seen)}")
        return pet.model_copy(update={"breed": "Jack Russell"})

    with nullcontext() if breed else pytest.raises(errors.EditConflict, match="5 times"):
        one.dogs.repository.update("luigi", with_breed)

    kept = other.dogs.get("luigi")
    assert (kept.name, kept.breed) == (f"Luigi {min(changes, len(seen))}", breed)
    assert seen == ["Luigi", *(f"Luigi {number}" for number in range(1, len(seen)))]


def test_a_photo_added_while_another_is_added_is_kept(pair: Pair) -> None:
    one, other = pair
    with ThreadPoolExecutor(2) as pool:
        added = [
            pool.submit(registry.dogs.add_photo, "luigi", picture(c)) for registry, c in ((one, BLUE), (other, GREEN))
        ]
    assert all(photo.result() for photo in added)

    assert len(one.dogs.get("luigi").photos) == 3
    for colour in (RED, BLUE, GREEN):
        assert other.dogs.find(picture(colour))[0].similarity > 0.999


def test_what_one_registers_and_removes_the_other_sees_without_reopening(pair: Pair) -> None:
    one, other = pair
    assert len(other.dogs.find(picture(BLUE))) == 1

    one.dogs.register(dog("bella", BLUE))
    assert other.dogs.find(picture(BLUE))[0].pet.pet_id == "bella"
    other.dogs.remove("bella")

    assert [match.pet.pet_id for match in one.dogs.find(picture(BLUE))] == ["luigi"]


def test_a_registry_of_another_name_has_its_own_pets_and_is_opened_by_its_new_name(
    place: str, table_encoder: TableEncoder
) -> None:
    for name in ("pets", "shelter"):
        with pf.connect(place, name=name, encoder=table_encoder) as registry:
            registry.dogs.register(dog(name, RED))
            assert [match.pet.pet_id for match in registry.dogs.find(picture(RED))] == [name]
    with pf.connect(place, encoder=table_encoder) as registry:
        assert [info.name for info in registry.util.list_indexes()] == ["pets-dogs", "shelter-dogs"]
        registry.util.rename("shelter-dogs", "refuge-dogs")
        registry.util.delete_index("pets-dogs")

    with pf.connect(place, name="refuge", encoder=table_encoder, create=False) as renamed:
        assert renamed.dogs.get("shelter").pet_id == "shelter"
