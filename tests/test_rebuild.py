"""Rebuilding an index while others use it: no failed search, no lost write, no mixed encoders, resumed when broken."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.filters import Restriction
from petfinder.domain.reports import BulkFailed
from petfinder.domain.vectors import Matrix
from petfinder.domain.verdicts import Quantiles
from petfinder.encoders.base import Encoder
from petfinder.registry.registry import Registry
from petfinder.registry.repository import OnConflict
from petfinder.stores.base import Store
from petfinder.stores.documents import IndexSpec
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.conftest import TableEncoder
from tests.rebuilding_processes import (
    INDEX,
    OtherTable,
    choose,
    opened,
    rebuild,
    shade,
    stock,
    stop_while_nobody_may_write,
    use,
)
from tests.stores.processes import heard, start
from tests.test_service import BLUE, GREEN, RED, dog, picture

ON_SHARED_STORES = pytest.mark.parametrize("place", ["file", "elasticsearch"], indirect=True)
"""A new registry where other processes can open it too."""
THRESHOLDS = pf.Thresholds(measured=(Quantiles(pets=10, match=0.8, possible=0.5),), source="a test")


def by_the_other(spec: IndexSpec) -> IndexSpec:
    """The spec of an index as a rebuild with the other encoder leaves it."""
    return replace(spec, encoder=OtherTable.name, fingerprint="t2")


@pytest.fixture
def named(place: str) -> Iterator[Registry]:
    """A registry that chooses its encoder by the name that the index remembers."""
    with opened(place) as registry:
        yield registry


def check_all_by(registry: Registry, encoder: TableEncoder) -> None:
    """Check that each embedding in the index is what this encoder says of that very photo, and that none is missing."""
    store = registry.util.store
    spec = store.spec(INDEX)
    assert (spec.encoder, spec.dims, spec.fingerprint) == (encoder.name, encoder.dims, encoder.fingerprint)
    by_hand = pf.DogService(pf.DogRepository(store, INDEX), encoder)
    there = list(store.scan(INDEX, Restriction(), vectors=True))
    names = [(one.id, photo_id) for one in there for photo_id in one.photo_ids]
    assert names == [(one.id, photo["photo_id"]) for one in there for photo in one.body["photos"]], "some are pending"
    rows = by_hand.embed([pf.Photo(source=data) for data in store.thumbnails(INDEX, names)])
    cosines = np.einsum("ij,ij->i", rows, np.concatenate([one.vectors for one in there]))
    assert [name for name, cosine in zip(names, cosines, strict=True) if cosine < 0.99] == []


@pytest.mark.parametrize("place", ["file", pytest.param("elasticsearch", marks=pytest.mark.slow)], indirect=True)
def test_a_second_process_searches_and_writes_all_through_a_rebuild(place: str, tmp_path: Path) -> None:
    registry = opened(place)
    stock(registry, 200)
    until = tmp_path / "until"
    process, pipe = start(use, place, str(until))
    with ThreadPoolExecutor(1) as pool:
        hearing = pool.submit(heard, pipe)
        report = registry.util.rebuild(INDEX, OtherTable(seconds=0.2), progress=False)
        others_until_then = registry.dogs.count()
        until.touch()
        *calls, last = hearing.result(120)
    process.join()

    assert [one for one in calls if one[0] == "failed"] == []
    assert last == ("encoder", "table-2", None)
    assert {one[0] for one in calls} == {"register", "rename", "add a photo", "find", "remove"}
    names = {f"old{n:04d}": (f"Old {n}", 1) for n in range(200)}
    for what, pet_id, value in calls:
        if what == "register":
            names[pet_id] = (value, 1)
        elif what == "rename":
            names[pet_id] = (value, names[pet_id][1])
        elif what == "add a photo":
            names[pet_id] = (names[pet_id][0], 2)
        elif what == "remove":
            del names[pet_id]
    assert {pet.pet_id: (pet.name, len(pet.photos)) for pet in registry.dogs.list()} == names
    check_all_by(registry, OtherTable())
    assert report.kept == "pets-dogs-000001"
    assert report.failures == ()
    assert others_until_then > 150
    registry.close()


def settled(store: Store, index: str) -> int:
    """How many photos an index has, once a server has worked off what it was sent last."""
    seen = -1
    while True:
        store.refresh(index)
        now = store.stats(index).photos
        if now == seen:
            return now
        seen = now
        time.sleep(1)


@ON_SHARED_STORES
def test_a_rebuild_that_is_killed_goes_on_where_it_stopped(place: str) -> None:
    registry = opened(place)
    stock(registry, 300)
    store = registry.util.store
    after = by_the_other(store.spec(INDEX))
    target = store.begin_rebuild(INDEX, after)
    process, pipe = start(rebuild, place, 0.3)
    pid = pipe.recv()
    while process.is_alive() and not store.stats(target).photos:
        time.sleep(0.05)
        store.refresh(target)
    os.kill(pid, signal.SIGKILL)
    process.join()
    assert heard(pipe) == []
    done = settled(store, target)
    assert 0 < done < 300
    assert registry.dogs.find(picture(shade(7)), k=1)[0].pet.pet_id == "old0007"
    registry.dogs.update("old0000", name="Renamed")
    registry.dogs.add_photo("old0001", picture(RED))
    registry.dogs.remove("old0002")

    encoder = OtherTable()
    report = registry.util.rebuild(INDEX, encoder, progress=False)

    assert encoder.encoded == report.originals + report.thumbnails == 300 - done + 1
    assert (report.pets, report.failures) == (299, ())
    assert registry.dogs.get("old0000").name == "Renamed"
    assert len(registry.dogs.get("old0001").photos) == 2
    check_all_by(registry, encoder)
    registry.close()


@ON_SHARED_STORES
def test_a_rebuild_that_is_killed_in_its_last_step_can_be_finished(place: str) -> None:
    registry = opened(place)
    stock(registry, 20)
    target = registry.util.store.begin_rebuild(INDEX, by_the_other(registry.util.store.spec(INDEX)))
    process, pipe = start(stop_while_nobody_may_write, place, target)
    assert pipe.recv() == "inside"
    assert registry.dogs.find(picture(shade(7)), k=1)[0].pet.pet_id == "old0007"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    if not place.startswith("http"):  # a server keeps the index closed for writes until somebody finishes
        registry.dogs.register(dog("new", RED))
    assert registry.util.info(INDEX).spec.encoder == "table-1"
    assert registry.util.rebuild(INDEX, OtherTable(), progress=False).pets == registry.dogs.count()
    registry.dogs.register(dog("newer", RED))
    check_all_by(registry, OtherTable())
    registry.close()


def test_threads_that_share_a_service_never_mix_encoders(named: Registry) -> None:
    stock(named, 100)
    stopped: list[bool] = []

    def work(thread: int) -> int:
        for step in range(10_000):
            if stopped and step > 5:
                return step
            colour = shade(1000 * thread + step)
            named.dogs.register(dog(f"thread{thread}/{step}", colour))
            (found,) = named.dogs.find_many([picture(colour)], k=1, where=pf.PetFilter(ids=[f"thread{thread}/{step}"]))
            assert found[0].similarity > 0.999
            time.sleep(0.01)
        return 10_000

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work, thread) for thread in (1, 2)]
        named.util.rebuild(INDEX, OtherTable(seconds=0.1), progress=False)
        stopped.append(True)
        steps = [one.result(60) for one in working]

    assert named.dogs.count() == 100 + sum(steps)
    assert named.dogs.encoder.name == "table-2"
    check_all_by(named, OtherTable())


def test_the_old_index_is_kept_and_can_still_be_searched_or_is_let_go_of(named: Registry) -> None:
    stock(named, 10)

    report = named.util.rebuild(INDEX, OtherTable(dims=12), progress=False)

    assert report.kept == "pets-dogs-000001"
    assert [info.name for info in named.util.list_indexes()] == [INDEX, "pets-dogs-000001"]
    assert [info.name for info in named.indexes()] == [INDEX]
    old = pf.DogService(pf.DogRepository(named.util.store, report.kept), TableEncoder())
    assert old.find(picture(shade(3)), k=1)[0].similarity > 0.999
    named.dogs.remove("old0003")
    assert old.count() == 9

    named.util.delete_index("pets-dogs-000001")
    report = named.util.rebuild(INDEX, OtherTable(), keep_old=False, progress=False)
    assert (report.kept, named.util.store.index_names()) == (None, [INDEX])
    check_all_by(named, OtherTable())


def test_other_settings_take_the_embeddings_over_as_they_are(named: Registry) -> None:
    stock(named, 10)
    named.dogs.register(pf.Dog(pet_id="vector only", photos=[pf.Photo(embedding=[1.0] * 8)]))
    named.dogs.register_many([dog("pending", RED)], embed=False, progress=False)
    named.dogs.repository.keep_thresholds(THRESHOLDS)
    before = named.dogs.embeddings()
    pictures = [named.dogs.get(f"old{n:04d}").photos[0].thumbnail for n in range(10)]

    named.util.rebuild(INDEX, settings={"vectors": "hnsw"}, progress=False)
    report = named.util.rebuild(INDEX, settings={"shards": 1}, progress=False)

    after = named.dogs.embeddings()
    assert (after.pet_ids, after.photo_ids) == (before.pet_ids, before.photo_ids)
    np.testing.assert_allclose(after.matrix, before.matrix, atol=1e-6)
    assert (report.pets, report.originals, report.thumbnails, report.failures) == (12, 0, 0, ())
    spec = named.util.info(INDEX).spec
    assert (spec.encoder, spec.settings) == ("table-1", {"vectors": "hnsw", "shards": 1})
    assert pf.DogRepository(named.util.store, INDEX).thresholds == THRESHOLDS
    assert [named.dogs.get(f"old{n:04d}").photos[0].thumbnail for n in range(10)] == pictures
    assert named.dogs.embed_pending().replaced == ("pending",)


def test_thresholds_go_with_the_encoder_that_they_were_measured_for(named: Registry) -> None:
    stock(named, 3)
    named.dogs.repository.keep_thresholds(THRESHOLDS)
    with pytest.raises(errors.InvalidQuery, match="settings"):
        named.util.rebuild(INDEX)
    named.util.rebuild(INDEX, OtherTable(), progress=False)
    assert named.util.info(INDEX).spec.thresholds is None
    assert named.dogs.find(picture(RED)).thresholds_source != THRESHOLDS.source


def test_photos_that_had_neither_original_nor_thumbnail_are_tried_again(named: Registry) -> None:
    class BreaksOff(OtherTable):
        calls = 0

        def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
            self.calls += 1
            if self.calls == 2:
                raise errors.EncoderError("out of memory")
            return super().encode_images(pictures)

    named.dogs.register(pf.Dog(pet_id="a", photos=[picture(RED), pf.Photo(embedding=[1.0] * 8)]))
    stock(named, 80)
    with pytest.raises(errors.EncoderError):
        named.util.rebuild(INDEX, BreaksOff(), progress=False)
    encoder = OtherTable()
    report = named.util.rebuild(INDEX, encoder, progress=False)
    assert encoder.encoded < 81
    assert [failure.item for failure in report.failures] == ["a"]
    assert named.util.info(INDEX).stats.pending == 1


def test_photos_are_encoded_together_whatever_is_looked_up_and_written_at_once(
    named: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Counts(OtherTable):
        sizes: ClassVar[list[int]] = []

        def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
            self.sizes.append(len(pictures))
            return super().encode_images(pictures)

    stock(named, 40)
    monkeypatch.setattr("petfinder.registry.rebuild._BATCH", 8)
    assert named.util.rebuild(INDEX, Counts(), progress=True).thumbnails == 40
    assert Counts.sizes == [32, 8]
    assert "40/40" in capsys.readouterr().err
    check_all_by(named, OtherTable())


def test_a_thumbnail_that_others_are_just_writing_is_waited_for(tmp_path: Path) -> None:
    class Slow(EmbeddedStore):
        requests: ClassVar[Counter[str]] = Counter()

        def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
            self.requests.update(pet_id for pet_id, _ in photos)
            there = zip(photos, super().thumbnails(name, photos), strict=True)
            return [data if self.requests[pet_id] > 1 else None for (pet_id, _), data in there]

    registry = Registry(Slow(tmp_path / "pets.db"), choose)
    stock(registry, 3)

    report = registry.util.rebuild(INDEX, OtherTable(), progress=False)

    assert (report.thumbnails, report.failures) == (3, ())
    assert registry.util.info(INDEX).stats.pending == 0
    registry.close()


CALLS: dict[str, Callable[[Registry], object]] = {
    "find": lambda registry: _own(registry.dogs.find(picture(RED))),
    "find with several": lambda registry: _own(registry.dogs.find([picture(RED), picture(RED)], combine="best")),
    "find_many of a stream": lambda registry: _own(registry.dogs.find_many(iter([picture(RED)]))[0]),
    "find over all species": lambda registry: _own(registry.find(picture(RED))),
    "find_similar": lambda registry: registry.dogs.find_similar("luigi").best,
    "duplicates": lambda registry: registry.dogs.duplicates(-1.0)[0],
    "embeddings of a stream": lambda registry: registry.dogs.embeddings(iter(["luigi"])).matrix[0],
    "embed": lambda registry: registry.dogs.find_by_embedding(registry.dogs.embed([picture(RED)])[0])[0],
    "register": lambda registry: registry.dogs.register(dog("new", BLUE)),
    "register again": lambda registry: registry.dogs.register(dog("luigi", BLUE), on_conflict="replace"),
    "register_many": lambda registry: registry.dogs.register_many([dog("new", BLUE)], progress=False).added[0],
    "embed_pending": lambda registry: registry.dogs.embed_pending(),
    "add_photo": lambda registry: registry.dogs.add_photo("luigi", picture(BLUE)),
    "remove_photo": lambda registry: registry.dogs.remove_photo("bella", _photo_of(registry, "bella")),
    "update": lambda registry: registry.dogs.update("luigi", name="Luigi"),
    "report_lost": lambda registry: registry.dogs.report_lost("luigi"),
    "reunite": lambda registry: registry.dogs.reunite("luigi"),
    "remove": lambda registry: registry.dogs.remove("luigi")[0],
}


def _photo_of(registry: Registry, pet_id: str) -> str:
    return str(registry.dogs.get(pet_id).photos[0].photo_id)


def _own(matches: pf.Matches) -> str:
    assert matches[0].similarity > 0.999
    return matches[0].pet.pet_id


@pytest.mark.parametrize(("place", "dims"), [("file", 8), ("file", 12), ("elasticsearch", 8)], indirect=["place"])
@pytest.mark.parametrize("call", CALLS)
def test_an_open_service_goes_on_with_the_encoder_of_the_rebuilt_index(place: str, call: str, dims: int) -> None:
    with opened(place) as registry, opened(place) as other:
        registry.dogs.register(dog("luigi", RED))
        registry.dogs.register(dog("bella", GREEN))
        assert registry.dogs.find(picture(RED))[0].pet.pet_id == "luigi"
        other.util.rebuild(INDEX, OtherTable(dims=dims), progress=False)

        assert CALLS[call](registry) is not None

        check_all_by(registry, OtherTable(dims=dims))


@pytest.mark.parametrize("dims", [8, 12])
def test_a_vector_of_the_old_encoder_is_refused_and_a_new_one_found(tmp_path: Path, dims: int) -> None:
    path = str(tmp_path / "pets.db")
    with opened(path) as registry, opened(path) as other:
        dogs = registry.dogs
        dogs.register(dog("luigi", RED))
        old = dogs.embed([picture(RED)])
        photo = pf.Photo(embedding=old[0])
        pet = pf.Dog(pet_id="new", photos=[photo])
        calls: list[Callable[[], object]] = [
            lambda: dogs.find_by_embedding(old[0]),
            lambda: dogs.find_by_embedding(old[0].tolist()),
            lambda: dogs.find(photo),
            lambda: dogs.register(pet),
            lambda: dogs.add_photo("luigi", photo),
            lambda: dogs.register_many([pet], progress=False).raise_for_failures(),
        ]
        for call in calls:
            other.util.rebuild(INDEX, OtherTable(dims=dims), progress=False)
            with pytest.raises((errors.IndexMismatch, BulkFailed), match="rebuilt"):
                call()
            assert dogs.find(dogs.get("luigi").photos[0]).best is not None
            assert _own(dogs.find(picture(RED))) == "luigi"
            other.util.rebuild(INDEX, TableEncoder(), keep_old=False, progress=False)
            assert _own(dogs.find(picture(RED))) == "luigi"
        assert dogs.count() == 1


def test_who_gave_an_encoder_of_their_own_is_told_and_nothing_is_searched_with_it(registry: Registry) -> None:
    registry.dogs.register(dog("luigi", RED))
    registry.util.rebuild(INDEX, OtherTable(), progress=False)
    calls: list[Callable[[], object]] = [
        lambda: registry.dogs.find(picture(RED)),
        lambda: registry.dogs.register(dog("bella", BLUE)),
        lambda: registry.dogs.update("luigi", name="x"),
        lambda: registry.dogs.register_many([dog("bella", BLUE)], progress=False).raise_for_failures(),
    ]
    for call in [*calls, *calls]:
        with pytest.raises((errors.IndexMismatch, BulkFailed), match="table-2"):
            call()
    assert [pet.pet_id for pet in registry.dogs.list()] == ["luigi"]
    assert registry.dogs.get("luigi").name is None


def stream(registry: Registry, count: int, *, rebuild_at: int) -> Iterator[pf.Dog]:
    """Dogs, the index rebuilt when so many are taken; every tenth has a photo too many that cannot be read."""
    for number in range(count):
        if number == rebuild_at:
            registry.util.rebuild(INDEX, OtherTable(), progress=False)
        broken = [b"no picture"] if number % 10 == 0 else []
        yield pf.Dog(pet_id=f"pet{number:04d}", photos=[picture(shade(number)), *broken])


@pytest.mark.parametrize(
    ("on_conflict", "rebuild_at"), [("skip", 1), ("skip", 300), ("skip", 699), ("replace", 650), ("error", 650)]
)
def test_a_stream_of_pets_that_meets_a_rebuild_is_in_whole_and_reported_once(
    named: Registry, on_conflict: OnConflict, rebuild_at: int
) -> None:
    stock(named, 1)

    report = named.dogs.register_many(
        stream(named, 700, rebuild_at=rebuild_at), on_conflict=on_conflict, progress=False
    )

    assert sorted(report.added) == [f"pet{number:04d}" for number in range(700)]
    assert [failure.item for failure in report.failures] == [f"pet{number:04d}" for number in range(0, 700, 10)]
    assert all(failure.photo for failure in report.failures)
    assert (report.skipped, report.replaced, report.pending) == ((), (), 0)
    assert named.dogs.count() == 701
    spec = named.util.info(INDEX)
    assert (spec.spec.encoder, spec.stats.photos, spec.stats.pending) == ("table-2", 701, 0)
    assert named.dogs.find(picture(shade(640)), k=1)[0].pet.pet_id == "pet0640"
    matrix = named.dogs.embeddings().matrix
    assert (matrix[:, 3] < 0).all()  # what the first encoder says is above 0 there


def test_a_stream_whose_rest_cannot_be_encoded_is_reported_to_the_last_pet(place: str) -> None:
    with pf.connect(place, encoder=TableEncoder()) as registry:
        stock(registry, 1)
        report = registry.dogs.register_many(stream(registry, 700, rebuild_at=650), progress=False)
        lost = {failure.item for failure in report.failures if isinstance(failure.error, errors.IndexMismatch)}
        assert sorted([*report.added, *lost]) == [f"pet{number:04d}" for number in range(700)]
        assert lost
        assert {pet.pet_id for pet in registry.dogs.list()} == {"old0000", *report.added}


def test_what_waits_is_embedded_by_the_new_encoder_when_the_index_is_rebuilt_meanwhile(named: Registry) -> None:
    names = [f"pet{number:03d}" for number in range(100)]
    dogs = [dog(name, shade(number)) for number, name in enumerate(names)]
    assert named.dogs.register_many(dogs, embed=False, progress=False).pending == 100

    class Rebuilds(TableEncoder):
        def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
            if not self.encoded:
                store = named.util.store
                target = store.begin_rebuild(INDEX, by_the_other(store.spec(INDEX)))
                assert list(store.write(target, store.scan(INDEX, Restriction()), mode="index"))
                store.finish_rebuild(INDEX, target, lambda: None)
            return super().encode_images(pictures)

    first = Rebuilds()

    def chosen(remembered: tuple[str, IndexSpec] | None) -> Encoder:
        return first if remembered and remembered[1].encoder == "table-1" else choose(remembered)

    registry = Registry(named.util.store, chosen)
    report = registry.dogs.embed_pending()

    assert (sorted(report.replaced), report.failures) == (names, ())
    assert first.encoded > 0
    check_all_by(named, OtherTable())
