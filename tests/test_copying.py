"""A registry copied to another store: all of it, again without writing twice, and after a copy that was broken off."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.verdicts import Quantiles, Thresholds
from petfinder.registry.copy import copy_index, copy_registry
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, Outcome, Record
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.conftest import TableEncoder
from tests.elastic import faults
from tests.elastic.proxy import FaultProxy
from tests.stores.processes import start
from tests.stores.samples import EVERYTHING, SPEC, directions, document
from tests.test_service import BLUE, GREEN, GREY, NEARLY_RED, RED, picture, sure

Registries = tuple[pf.Registry, pf.Registry]
Stores = tuple[EmbeddedStore, EmbeddedStore]
PHONE = "+55 11 5550-1234"
THRESHOLDS = Thresholds(measured=(Quantiles(pets=1, match=0.95, possible=0.9),), source="a test")
WAYS = [("memory", "file"), ("file", "memory"), ("file", "elasticsearch"), ("elasticsearch", "file")]


@pytest.fixture(params=WAYS, ids="-to-".join)
def registries(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registries]:
    """A registry to copy, with dogs and cats in it, and an empty one on another store."""
    name = f"copying-{uuid4().hex[:8]}"
    places = {"memory": ":memory:", "file": str(tmp_path / "pets.db")}
    if "elasticsearch" in request.param:
        places["elasticsearch"] = request.getfixturevalue("elasticsearch_url")
    first, second = (places[kind] for kind in request.param)
    with pf.connect(first, name=name, encoder=TableEncoder()) as source, pf.connect(second, name=f"{name}-2") as target:
        fill(source)
        yield source, target
        for registry in (source, target):
            for index in registry.specs():
                registry.util.delete_index(index)


def fill(registry: pf.Registry) -> None:
    """Dogs with several photos, one, none and one that waits for its embedding; two cats; thresholds."""
    owner = pf.Owner(name="Ully", phone=PHONE, picture=picture(GREY))
    registry.dogs.register_many(
        [
            pf.Dog(pet_id="luigi", name="Luigi", owner=owner, photos=[picture(RED), picture(NEARLY_RED)], tags=["shy"]),
            pf.Dog(
                pet_id="bella", breed="Straßenhund", place=pf.Place(lat=-23.5505, lon=-46.6333), photos=[picture(BLUE)]
            ),
            pf.Dog(pet_id="nobody", microchip="985 112"),
        ]
    )
    registry.dogs.register_many([pf.Dog(pet_id="waits", photos=[picture(GREEN)])], embed=False)
    registry.cats.register(pf.Cat(pet_id="mimi", photos=[picture(RED)]))
    registry.cats.register(pf.Cat(pet_id="luigi", photos=[picture(BLUE)]))
    registry.dogs.repository.keep_thresholds(THRESHOLDS)


def kept(store: Store, index: str) -> dict[str, tuple[Any, ...]]:
    """All that a store keeps of each pet."""
    documents = [*store.scan(index, EVERYTHING, vectors=True)]
    photos = [(one.id, photo) for one in documents for photo in one.terms.get("photo", ())]
    thumbnails = dict(zip(photos, store.thumbnails(index, photos), strict=True))
    return {
        one.id: (
            dict(one.body),
            one.private,
            {field: set(values) for field, values in one.terms.items() if values and field != "to_match"},
            (one.dates, one.places, one.photo_ids, one.pending),
            one.vectors.round(4).tolist(),
            None if one.portrait is None else one.portrait.round(4).tolist(),
            [thumbnails[one.id, photo] for photo in one.terms.get("photo", ())],
        )
        for one in documents
    }


def versions(registry: pf.Registry) -> dict[str, int]:
    """The version of each dog: another one after each writing."""
    return {id_: version for id_, version, _ in registry.util.store.versions(registry.index_name("dog"))}


def test_everything_is_copied_and_found_as_before_and_a_copy_back_is_the_same(registries: Registries) -> None:
    source, target = registries

    cats, dogs = copy_registry(source, target)

    assert (cats.index, cats.copied, dogs.index, dogs.copied) == (
        target.index_name("cat"), 2, target.index_name("dog"), 4
    )  # fmt: skip
    assert str(dogs) == f"{target.index_name('dog')}: 4 pets copied, 0 there already"
    for species in ("dog", "cat"):
        before = kept(source.util.store, source.index_name(species))
        after = kept(target.util.store, target.index_name(species))
        assert after == before
    assert after["mimi"][-1] == [target.cats.get("mimi").photos[0].thumbnail]
    assert after["mimi"][-1][0].startswith(b"\xff\xd8")
    specs = (source.specs()[source.index_name("dog")], target.specs()[target.index_name("dog")])
    assert specs[0] == specs[1]
    assert specs[1].thresholds == THRESHOLDS.model_dump(mode="json")
    for registry in registries:
        service = pf.DogService(pf.DogRepository(registry.util.store, registry.index_name("dog")), TableEncoder())
        match = service.find(picture(RED))[0]
        assert (match.pet.pet_id, match.verdict) == ("luigi", pf.Verdict.MATCH)
        owner = sure(service.owner_of(match))
        assert (owner.phone, owner.picture is not None) == (PHONE, True)
    with pf.connect(":memory:") as third:
        copy_registry(target, third)
        for species in ("dog", "cat"):
            back = kept(third.util.store, third.index_name(species))
            assert back == kept(source.util.store, source.index_name(species))


def test_what_changed_is_written_again_and_what_is_alike_or_only_in_the_target_is_not(
    registries: Registries,
) -> None:
    source, target = registries
    copy_registry(source, target)
    first = versions(target)

    again = copy_registry(source, target)
    assert [(report.copied, report.already) for report in again] == [(0, 2), (0, 4)]
    assert versions(target) == first

    source.dogs.update("luigi", name="Luigi II")
    source.dogs.report_lost("bella", place=pf.Place(lat=1, lon=2))
    source.dogs.register(pf.Dog(pet_id="anna", photos=[picture(GREY)]))
    reports = copy_registry(source, target)
    assert [(report.copied, report.already) for report in reports] == [(0, 2), (3, 2)]
    assert kept(target.util.store, target.index_name("dog")) == kept(source.util.store, source.index_name("dog"))
    assert {id_ for id_, version in versions(target).items() if first.get(id_) == version} == {"nobody", "waits"}

    source.dogs.remove("nobody")
    _, dogs = copy_registry(source, target)
    assert (dogs.copied, dogs.already, dogs.others) == (0, 4, 1)
    assert "1 others left alone" in str(dogs)
    assert target.dogs.count() == 5


def test_another_encoder_at_the_target_is_refused_before_anything_is_written(registries: Registries) -> None:
    source, target = registries
    target.util.create_index(target.index_name("dog"), pf.Dog, encoder=TableEncoder(fingerprint="t2"))

    with pytest.raises(errors.IndexMismatch, match="fingerprint 't2', not 't1'"):
        copy_registry(source, target)

    assert [*target.specs()] == [target.index_name("dog")]  # no index of cats was made
    assert target.dogs.count() == 0


def test_an_empty_registry_is_no_source() -> None:
    with pf.connect() as source, pf.connect() as target, pytest.raises(errors.IndexNotFound, match="no pets yet"):
        copy_registry(source, target)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Stores]:
    """Two registry files; the first has an index "dogs"."""
    source, target = EmbeddedStore(tmp_path / "source.db"), EmbeddedStore(tmp_path / "target.db")
    source.create_index("dogs", SPEC)
    yield source, target
    source.close()
    target.close()


def photographed(id_: str) -> Document:
    """A document with two photos and their thumbnails."""
    thumbnails = {f"photo{number}": id_.encode() * 500 for number in range(2)}
    terms = {"photo": ("photo0", "photo1")}
    return document(
        id_, directions(2, seed=len(id_)), thumbnails=thumbnails, terms=terms, private={"owner": {"phone": PHONE}}
    )


def test_a_thumbnail_that_did_not_arrive_is_brought_by_the_next_copy(files: Stores) -> None:
    source, target = files
    list(source.write("dogs", [photographed("anna"), photographed("bella")], mode="create"))
    copy_index(source, target, "dogs")
    there = sure(target.get("dogs", ["anna"], vectors=True)[0])
    target.delete("dogs", ["anna"])
    list(target.write("dogs", [there], mode="create"))
    assert target.thumbnails("dogs", [("anna", "photo0")]) == [None]

    report = copy_index(source, target, "dogs")

    assert (report.copied, report.already) == (1, 1)
    assert kept(target, "dogs") == kept(source, "dogs")


def test_records_come_after_the_pets_that_they_are_about_each_time(registries: Registries) -> None:
    source, target = registries
    here, there = (one.util.store for one in registries)
    index, copied = (one.index_name("dog") for one in registries)
    about = {"1": ("luigi", "bella"), "2": ("bella", "nobody yet"), "3": (), "4": ("nobody yet",)}
    for key, pets in about.items():
        here.put_record(index, Record(key, {"number": key}, pets))

    copy_registry(source, target)
    assert [*there.scan_records(copied)] == here.records(index, ["1", "3"])

    there.delete(copied, ["luigi"])
    there.put_record(copied, Record("3", {"other": True}))
    source.dogs.register(pf.Dog(pet_id="nobody yet"))
    here.put_record(index, Record("0", {}))
    copy_registry(source, target)
    assert [record.key for record in there.scan_records(copied)] == ["0", "1", "2", "3", "4"]
    assert there.records(copied, ["1", "3"]) == here.records(index, ["1", "3"])


class SlowStore(EmbeddedStore):
    """A store that gives its documents one by one, so that a copy of it can be killed in the middle."""

    def scan(self, *given: Any, **options: Any) -> Iterator[Document]:
        for one in super().scan(*given, **options):
            time.sleep(0.001)
            yield one


def copy_slowly(pipe: Connection, source: str, target: str) -> None:
    """What the process that is killed does."""
    copy_index(SlowStore(source), EmbeddedStore(target), "dogs")
    pipe.send("finished")


def test_a_copy_that_was_killed_is_completed_by_the_next(files: Stores, tmp_path: Path) -> None:
    source, target = files
    list(source.write("dogs", (photographed(f"pet{number:05d}") for number in range(1500)), mode="create"))

    process, _ = start(copy_slowly, str(tmp_path / "source.db"), str(tmp_path / "target.db"))
    deadline = time.monotonic() + 60
    while not _count(target) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    before = _count(target)
    assert 0 < before < 1500

    report = copy_index(source, target, "dogs")

    assert (report.copied, report.already) == (1500 - before, before)
    assert kept(target, "dogs") == kept(source, "dogs")


def _count(store: Store) -> int:
    return store.count("dogs", EVERYTHING) if "dogs" in store.index_names() else 0


def test_a_copy_whose_server_went_away_is_completed_by_the_next(files: Stores, elasticsearch_url: str) -> None:
    source, _ = files
    list(source.write("dogs", (photographed(f"pet{number:05d}") for number in range(1500)), mode="create"))
    name = f"copying-{uuid4().hex[:8]}"

    with FaultProxy(elasticsearch_url) as proxy, pf.connect(proxy.url, retries=0) as registry:
        store = registry.util.store
        proxy.add(faults.cut_within, path="_bulk", skip=2, times=None)
        with pytest.raises(errors.StoreUnavailable):
            copy_index(source, store, "dogs", to=name)
        proxy.clear()
        store.refresh(name)
        before = store.count(name, EVERYTHING)
        assert 0 < before < 1500

        report = copy_index(source, store, "dogs", to=name)

        assert report.copied + report.already == 1500
        assert report.copied >= 1500 - before
        assert kept(store, name) == kept(source, "dogs")
        registry.util.delete_index(name)


class LosingStore(EmbeddedStore):
    """A store that says of "bella" that it is in, and loses it."""

    def write(self, name: str, *given: Any, **options: Any) -> Iterator[Outcome]:
        yield from super().write(name, *given, **options)
        self.delete(name, ["bella"])


def test_what_is_missing_at_the_end_is_named(files: Stores) -> None:
    source, _ = files
    list(source.write("dogs", map(photographed, ("anna", "bella", "carla")), mode="create"))
    losing = LosingStore(None)

    with pytest.raises(errors.StoreError, match=r"1 pets of 'dogs' are not in 'dogs' of :memory:: bella; run the copy"):
        copy_index(source, losing, "dogs")
    losing.close()


def test_a_pet_that_the_target_cannot_keep_is_reported_and_the_others_go_on(
    files: Stores, elasticsearch_url: str
) -> None:
    source, _ = files
    too_long = document("b", terms={"breed": ("x" * 40_000,)}, private={"owner": {"phone": PHONE}})
    list(source.write("dogs", [document("a"), too_long, document("c")], mode="create"))

    with pf.connect(elasticsearch_url) as registry:
        name = f"copying-{uuid4().hex[:8]}"
        report = copy_index(source, registry.util.store, "dogs", to=name)
        there = [one.id for one in registry.util.store.scan(name, EVERYTHING)]
        again = copy_index(source, registry.util.store, "dogs", to=name)
        registry.util.delete_index(name)

    assert (report.copied, [failure.item for failure in report.failures], there) == (2, ["b"], ["a", "c"])
    assert isinstance(report.failures[0].error, errors.InvalidPet)
    assert "b: InvalidPet" in str(report)
    assert PHONE not in str(report)
    assert (again.copied, again.already, len(again.failures)) == (0, 2, 1)


def test_copying_needs_little_memory_however_much_there_is(files: Stores) -> None:
    source, target = files
    spec = IndexSpec(species="cat", encoder="given", dims=512)
    source.create_index("cats", spec)
    rows = directions(2, seed=3, dims=512)
    pictures = {f"photo{number}": bytes(5_000) for number in range(2)}
    terms: Mapping[str, tuple[str, ...]] = {"photo": ("photo0", "photo1")}
    many = (document(f"pet{n:05d}", rows, thumbnails=pictures, terms=terms) for n in range(5000))  # 80 MB
    list(source.write("cats", many, mode="create"))

    tracemalloc.start()
    report = copy_index(source, target, "cats")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert report.copied == 5000
    assert peak < 45e6


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_counts_the_pets(files: Stores, capsys: pytest.CaptureFixture[str], shown: bool) -> None:
    source, target = files
    list(source.write("dogs", map(document, "abc"), mode="create"))

    copy_index(source, target, "dogs", progress=shown)

    assert ("copying dogs: 100%" in capsys.readouterr().err) is shown
