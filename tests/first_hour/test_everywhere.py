"""What means the same on each store: settings, changes made at once, filters on any field, and the newest first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

import petfinder as pf
from petfinder.domain.errors import InvalidQuery, PetNotFound
from petfinder.registry.repository import PetRepository
from tests.conftest import TableEncoder
from tests.stores.samples import directions

DAY = datetime(2026, 3, 1, 12)


class Rabbit(pf.Pet):
    species: Literal["rabbit"] = "rabbit"
    ears: str | None = None
    weight: float | None = None


NO_SETTINGS: list[dict[str, Any]] = [
    *({"colour": "blue"}, {"vectors": "flat"}, {"shards": 0}, {"shards": 2.5}, {"replicas": -1}, {"replicas": None}),
    *({"m": 513}, {"ef_construction": 0}, {"refresh_interval": "soon"}, {"refresh_interval": 30}),
]


def test_a_setting_that_no_server_takes_is_refused_wherever_it_is_named(registry: pf.Registry) -> None:
    registry.util.create_index("pets-dogs", dims=3, settings={"vectors": "hnsw", "refresh_interval": "30s"})
    for settings in NO_SETTINGS:
        name = next(iter(settings))
        with pytest.raises(InvalidQuery, match=name):
            registry.util.create_index("refuge-dogs", dims=3, settings=settings)
        with pytest.raises(InvalidQuery, match=name):
            registry.util.rebuild("pets-dogs", settings=settings, progress=False)
    assert registry.util.store.index_names() == ["pets-dogs"]


def test_forty_changes_of_one_pet_by_eight_threads_are_all_kept(place: str, table_encoder: TableEncoder) -> None:
    with pf.connect(place, encoder=table_encoder) as registry:
        registry.dogs.register(pf.Dog(pet_id="luigi"))

        def mark(number: int) -> None:
            registry.dogs.change("luigi", lambda pet: pet.model_copy(update={"tags": (*pet.tags, f"mark {number}")}))

        with ThreadPoolExecutor(8) as pool:
            [*pool.map(mark, range(40))]
        assert sorted(registry.dogs.get("luigi").tags) == sorted(f"mark {number}" for number in range(40))


def test_pets_are_filtered_by_name_and_by_when_they_were_registered_and_lost(registry: pf.Registry) -> None:
    for number, name in enumerate(("Luigi", "LUIGI ", "Bella", None)):
        lost = {"status": "lost", "status_at": DAY + timedelta(days=number)} if number < 3 else {"status_at": DAY}
        at: dict[str, Any] = {"registered_at": DAY + timedelta(seconds=number)}
        registry.dogs.register(pf.Dog(pet_id=str(number), name=name, **lost, **at))

    def ids(**wanted: Any) -> str:
        where = pf.PetFilter(**wanted)
        found = [pet.pet_id for pet in registry.dogs.list(where)]
        assert found == [pet.pet_id for pet in registry.dogs.list() if where.matches(pet)]
        assert registry.dogs.count(where) == len(found)
        return "".join(found)

    assert (ids(name="luigi"), ids(name=["bella", "nobody"]), ids(name=[])) == ("01", "2", "")
    assert (ids(registered_after=DAY + timedelta(seconds=2)), ids(registered_before=DAY)) == ("23", "0")
    assert (ids(lost_after="2026-03-02"), ids(lost_after=DAY, lost_before=DAY)) == ("12", "0")
    assert ids(taken_after="2020-01-01") == ids(taken_before="2030-01-01") == ""
    with pytest.raises(InvalidQuery, match="lost_after is later than lost_before"):
        pf.PetFilter(lost_after="2026-03-02", lost_before="2026-03-01")


def test_pets_of_ones_own_class_are_filtered_by_its_fields(registry: pf.Registry) -> None:
    rabbits = registry.of(Rabbit)
    rabbits.register(Rabbit(pet_id="a", ears="Lop", weight=2))
    rabbits.register(Rabbit(pet_id="b", ears="upright", weight=2.5))
    plain = PetRepository(registry.util.store, "pets-rabbits", pet_class=pf.Pet)
    plain.update("a", lambda pet: pet.model_copy(update={"note": "changed by who knows no ears"}))

    def ids(**own: Any) -> list[str]:
        return [pet.pet_id for pet in rabbits.list(pf.PetFilter(own=own))]

    assert (ids(ears=" lop"), ids(ears=["lop", "UPRIGHT"]), ids(ears="lop", weight=2.5)) == (["a"], ["a", "b"], [])
    assert (ids(weight=2), ids(weight="2.5"), ids(tail=1)) == (["a"], ["b"], [])
    with pytest.raises(InvalidQuery, match="every pet has breed"):
        pf.PetFilter(own={"breed": "lop"})


def test_the_newest_are_listed_first_page_by_page(registry: pf.Registry) -> None:
    at = {"b": DAY, "c": DAY, "a": DAY, "new": DAY + timedelta(days=1), "old": datetime(1999, 1, 1)}
    for pet_id, moment in at.items():
        registry.dogs.register(pf.Dog(pet_id=pet_id, breed="pug" if pet_id < "n" else None, registered_at=moment))
    registry.dogs.repository.insert(pf.Dog(pet_id="undated"))

    def ids(pets: pf.Pets[pf.Dog] | list[pf.Dog]) -> str:
        return " ".join(pet.pet_id for pet in pets)

    assert ids(registry.dogs.list(newest=True)) == "new a b c old undated"
    assert ids(registry.dogs.list(pf.PetFilter(breed="pug"), newest=True, limit=2)) == "a b"
    assert ids(registry.dogs.list(newest=True, after="b", limit=2)) == "c old"
    assert ids(registry.dogs.list(newest=True, after="undated")) == ""
    with pytest.raises(PetNotFound):
        registry.dogs.list(newest=True, after="nobody")


@pytest.mark.parametrize("wanted", [{"name": "luigi"}, {"lost_after": DAY}, {"own": {"ears": "lop"}}], ids=str)
def test_pets_of_an_earlier_version_are_made_ready_for_new_filters_by_a_rebuild(
    registry: pf.Registry, wanted: dict[str, Any]
) -> None:
    service = registry.of(Rabbit)
    service.register(Rabbit(pet_id="luigi", name="Luigi", ears="lop", status="lost", status_at=DAY))
    written = service.repository.get_document("luigi")
    terms = {field: written.terms[field] for field in ("status", "words")}
    registry.util.store.replace(service.repository.index, replace(written, terms=terms, dates=()))

    where = pf.PetFilter(**wanted)
    asking: list[Callable[[], object]] = [
        lambda: service.list(where),
        lambda: service.count(where),
        lambda: service.find_by_embedding(directions(1, seed=1)[0], where=where),
    ]
    for ask in asking:
        with pytest.raises(InvalidQuery, match=r"1 of the pets in .* `petfinder index rebuild pets-rabbits`"):
            ask()
    assert service.count(pf.PetFilter(status="lost")) == 1
    registry.util.rebuild("pets-rabbits", progress=False)

    assert [pet.ears for pet in service.list(where)] == ["lop"]
    with pytest.raises(InvalidQuery, match="name what is to change"):
        registry.util.rebuild("pets-rabbits")
