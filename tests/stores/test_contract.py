"""What every store does with indexes: the clauses of the port on making, naming, closing them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from petfinder.domain.errors import EditConflict, IndexExists, IndexMismatch, IndexNotFound, StoreUnavailable
from petfinder.stores.base import Store
from petfinder.stores.documents import SCHEMA, Query
from tests.stores.samples import EVERYTHING, SPEC, breed, directions, document, found, ids, write

ONE_QUERY = directions(1, seed=1)


def test_a_new_index_is_listed_and_remembers_its_spec_and_a_taken_name_is_refused(store: Store) -> None:
    spec = replace(SPEC, species="cat", thresholds={"match": [1, 2]})
    store.create_index("cats", spec)
    assert store.index_names() == ["cats", "dogs"]
    assert store.spec("cats") == spec
    with pytest.raises(IndexExists, match="dogs"):
        store.create_index("dogs", SPEC)


def test_every_call_on_an_index_that_is_not_there_says_so(store: Store) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.delete_index("none"),
        lambda: store.rename_index("none", "other"),
        lambda: store.spec("none"),
        lambda: store.change_thresholds("none", None),
        lambda: store.stats("none"),
        lambda: store.refresh("none"),
        lambda: store.begin_rebuild("none", SPEC),
        lambda: list(store.versions("none")),
        lambda: store.finish_rebuild("none", "none too", lambda: None),
        lambda: list(store.write("none", [document("a")], mode="create")),
        lambda: store.replace("none", document("a")),
        lambda: store.delete("none", ["a"]),
        lambda: store.get("none", ["a"]),
        lambda: list(store.scan("none", EVERYTHING)),
        lambda: store.count("none", EVERYTHING),
        lambda: store.nearest("none", Query(ONE_QUERY, k=1)),
        lambda: store.thumbnails("none", [("a", "photo0")]),
    ]
    for call in calls:
        with pytest.raises(IndexNotFound, match="none"):
            call()
    assert store.index_names() == ["dogs"]


def test_an_index_of_a_later_schema_is_a_mismatch(store: Store) -> None:
    store.create_index("future", replace(SPEC, schema=SCHEMA + 1))
    with pytest.raises(IndexMismatch, match="newer"):
        store.spec("future")


def test_thresholds_can_be_changed_and_forgotten(store: Store) -> None:
    store.change_thresholds("dogs", {"match": 0.9})
    assert store.spec("dogs") == replace(SPEC, thresholds={"match": 0.9})
    store.change_thresholds("dogs", None)
    assert store.spec("dogs") == SPEC


def test_a_renamed_index_keeps_what_is_in_it(store: Store) -> None:
    write(store, [document("luigi", thumbnails={"photo0": b"jpeg"})])
    store.create_index("cats", SPEC)
    with pytest.raises(IndexExists, match="cats"):
        store.rename_index("dogs", "cats")
    store.rename_index("dogs", "hounds")
    assert store.index_names() == ["cats", "hounds"]
    assert ids(store.scan("hounds", EVERYTHING)) == ["luigi"]
    assert store.thumbnails("hounds", [("luigi", "photo0")]) == [b"jpeg"]
    assert len(store.nearest("hounds", Query(ONE_QUERY, k=1))[0].hits) == 1


def test_indexes_do_not_see_each_other(store: Store) -> None:
    store.create_index("cats", SPEC)
    write(store, [document("luigi", terms={"breed": ("pug",)}, thumbnails={"photo0": b"dog"})])
    (outcome,) = store.write("cats", [document("luigi", directions(2, seed=4))], mode="create")
    assert outcome.result == "added"
    assert store.count("cats", breed("pug")) == 0
    assert store.thumbnails("cats", [("luigi", "photo0")]) == [None]
    store.delete_index("cats")
    assert ids(store.scan("dogs", breed("pug"))) == ["luigi"]
    assert store.thumbnails("dogs", [("luigi", "photo0")]) == [b"dog"]


def test_an_index_made_again_under_an_old_name_is_empty(store: Store) -> None:
    write(store, [document("luigi", terms={"breed": ("pug",)}, thumbnails={"photo0": b"jpeg"})])
    old = found(store, "dogs", "luigi")
    assert len(store.nearest("dogs", Query(ONE_QUERY, k=1))[0].hits) == 1
    store.delete_index("dogs")
    assert store.index_names() == []
    store.create_index("dogs", SPEC)
    assert store.stats("dogs").pets == store.count("dogs", breed("pug")) == 0
    assert store.nearest("dogs", Query(ONE_QUERY, k=1))[0].hits == ()
    write(store, [document("luigi")])
    assert store.thumbnails("dogs", [("luigi", "photo0")]) == [None]
    with pytest.raises(EditConflict):
        store.replace("dogs", old)


def test_stats_count_pets_photos_and_what_waits(store: Store) -> None:
    write(store, [document("a", directions(3, seed=1)), document("b", directions(0, seed=1), pending=2)])
    before = store.stats("dogs")
    assert (before.pets, before.photos, before.pending) == (2, 3, 2)
    write(store, [document("c", thumbnails={"photo0": b"x" * 100_000})])
    store.refresh("dogs")
    assert before.size_bytes > 0
    until = time.monotonic() + 30  # a server may count its bytes anew only every ten seconds
    while store.stats("dogs").size_bytes <= before.size_bytes:
        assert time.monotonic() < until
        time.sleep(0.5)


def test_a_closed_store_says_so(store: Store) -> None:
    write(store, [document("a")])
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.index_names()
    with pytest.raises(StoreUnavailable, match="closed"):
        _ = store.client
