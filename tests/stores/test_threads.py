"""Threads that share one embedded store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from petfinder.domain.errors import StoreUnavailable
from petfinder.stores.documents import Document, Query
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.samples import EVERYTHING, SPEC, directions, document, found, opened, random_documents, write

QUERY = directions(1, seed=1)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedStore]:
    with opened(None if request.param == "memory" else tmp_path / "pets.db") as made:
        yield made


def test_threads_write_search_list_and_erase_together(store: EmbeddedStore) -> None:
    write(store, random_documents(200, seed=1))

    def work(number: int) -> None:
        for step in range(15):
            names = [f"thread{number}/{step}/{pet}" for pet in range(10)]
            assert [one.result for one in write(store, map(document, names))] == ["added"] * 10
            assert len(store.nearest("dogs", Query(QUERY, k=5))[0].hits) == 5
            assert len(list(store.scan("dogs", EVERYTHING))) >= 200
            assert store.delete("dogs", names[:5]) == frozenset(names[:5])
            assert store.get("dogs", names[4:6])[0] is None

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert store.count("dogs", EVERYTHING) == 200 + 4 * 15 * 5
    assert store.nearest("dogs", Query(QUERY, k=1))[0].searched <= 500


def test_searches_go_on_during_a_rebuild_and_never_see_half_of_it(store: EmbeddedStore) -> None:
    write(store, [document(f"old{number:04d}") for number in range(1200)])
    target = store.begin_rebuild("dogs", SPEC)
    halfway, searched = threading.Event(), threading.Event()

    def rebuilt() -> Iterator[Document]:
        for number in range(1100):
            yield document(f"new{number:04d}")
        halfway.set()
        assert searched.wait(30)

    def catch_up() -> None:
        assert len(list(store.write(target, rebuilt(), mode="index"))) == 1100

    with ThreadPoolExecutor(2) as pool:
        rebuilding = pool.submit(store.finish_rebuild, "dogs", target, catch_up)
        assert halfway.wait(30)
        answer = store.nearest("dogs", Query(QUERY, k=2000))[0]
        assert answer.searched == store.count("dogs", EVERYTHING) == 1200
        assert {hit.document.id[:3] for hit in answer.hits} == {"old"}
        waiting = pool.submit(write, store, [document("late")])
        searched.set()
        rebuilding.result(30)
        assert waiting.result(30)[0].result == "added"
    answer = store.nearest("dogs", Query(QUERY, k=2000))[0]
    assert {hit.document.id[:3] for hit in answer.hits} == {"new", "lat"}
    assert answer.searched == 1101


def test_a_rebuild_that_writes_to_what_it_replaces_is_refused(store: EmbeddedStore) -> None:
    write(store, [document("a")])
    target = store.begin_rebuild("dogs", SPEC)
    read = found(store, "dogs", "a")
    writes: list[Callable[[], Any]] = [
        lambda: write(store, [document("c")]),
        lambda: store.replace("dogs", read),
        lambda: store.delete("dogs", ["a"]),
        lambda: store.finish_rebuild("dogs", target, lambda: None),
    ]
    for one in writes:
        with pytest.raises(StoreUnavailable, match="rebuilt"):
            store.finish_rebuild("dogs", target, one)
    assert [one.id for one in store.scan("dogs", EVERYTHING)] == ["a"]


def test_a_stream_may_read_the_store_that_it_is_written_to(store: EmbeddedStore) -> None:
    write(store, [document(f"pet{number}") for number in range(1500)])
    copies = (document(f"copy of {one.id}") for one in store.scan("dogs", EVERYTHING, after="pet"))
    assert len(write(store, copies)) == 1500
