"""What is reported is kept: killed loads, writers and threads at once, full disks, files that may only be read."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petfinder.domain.errors import StoreUnavailable
from petfinder.domain.filters import Restriction, Span
from petfinder.stores.documents import Document, Query
from petfinder.stores.sqlite.session import Session
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.processes import (
    fill_until_refused,
    heard,
    load,
    make_and_write,
    named_documents,
    put_records,
    start,
    try_as_a_reader,
)
from tests.stores.samples import EVERYTHING, SPEC, directions, document, found, ids, opened, random_documents, write

Two = tuple[EmbeddedStore, EmbeddedStore]
KILLS = 50
QUERY = directions(1, seed=3)
TABLES = {"documents": 1, "terms": 4, "dates": 1, "places": 1, "thumbnail_of": 3, "thumbnails": 3}  # rows for each pet


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry file with the index "dogs", closed."""
    with opened(tmp_path / "pets.db"):
        return tmp_path / "pets.db"


@pytest.fixture
def two(path: Path) -> Iterator[Two]:
    """Two stores on one file, as two processes have it."""
    with opened(path) as one, opened(path) as other:
        yield one, other


def searched(store: EmbeddedStore, **options: Any) -> tuple[list[str], int]:
    """The id of the nearest pet to QUERY, and how many were looked at."""
    answer = store.nearest("dogs", Query(QUERY, k=1), **options)[0]
    return [hit.document.id for hit in answer.hits], answer.searched


def of_another(target: Callable[..., None], *arguments: Any) -> list[Any]:
    """All that another process says until it ends."""
    process, pipe = start(target, *arguments)
    said = heard(pipe)
    process.join()
    return said


def check_whole(path: Path, load_name: str, reported: set[str]) -> int:
    """Check that the file is sound, holds all that was reported, and nothing by halves; returns how many it holds."""
    of_this_load = Restriction(terms=(("load", (load_name,)),))
    with opened(path) as store:
        there = list(store.scan("dogs", of_this_load, vectors=True))
        assert reported <= set(ids(there))
        assert ids(there) == [f"{load_name}/{number:05d}" for number in range(len(there))]
        for one in there:
            assert (one.vectors.shape, one.portrait is not None, one.private) == (
                (3, 8),
                True,
                {"owner": {"name": "Ully"}},
            )
        photos = [(one.id, photo_id) for one in there for photo_id in one.photo_ids]
        assert store.thumbnails("dogs", photos) == [id_.encode() * 20 for id_, _ in photos]
        everything = store.count("dogs", EVERYTHING)
        assert store.count("dogs", Restriction(spans=(Span("taken", 0),))) == searched(store)[1] == everything
        rows = {table: store.client.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        assert rows == {table: each * everything for table, each in TABLES.items()}
        assert store.client.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return len(there)


def test_whatever_moment_a_load_is_killed_at_all_that_it_reported_is_there(tmp_path: Path) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")
    numbers = random.Random(seed)
    cut_short = 0
    for kill in range(KILLS):
        path = tmp_path / f"{kill // 10}.db"
        with opened(path):
            pass
        process, pipe = start(load, str(path), f"load{kill}", 4000)
        first = pipe.recv()
        time.sleep(numbers.uniform(0, 0.25))
        process.kill()
        reported = {id_ for id_, _ in [first, *heard(pipe)]}
        process.join()
        cut_short += check_whole(path, f"load{kill}", reported) < 4000
    assert cut_short > KILLS / 2


def test_two_processes_write_at_once_and_nothing_is_lost(path: Path) -> None:
    loads = [start(load, str(path), name, 1500) for name in ("left", "right", "left")]
    told = [heard(pipe) for _, pipe in loads]
    for process, _ in loads:
        process.join()
        assert process.exitcode == 0
    results = [[result for _, result in one] for one in told]
    assert results[1] == ["added"] * 1500
    assert sorted(results[0] + results[2]) == ["added"] * 1500 + ["exists"] * 1500
    assert check_whole(path, "left", set()) == check_whole(path, "right", set()) == 1500


def test_of_two_processes_one_puts_each_record(path: Path) -> None:
    both = [start(put_records, str(path)) for _ in range(2)]
    put = [heard(pipe) for _, pipe in both]
    assert sorted([*put[0], *put[1]]) == [*range(200)]
    with opened(path) as store:
        there = store.records("dogs", [f"pair/{number}" for number in range(200)])
    assert [record and record.body["process"] for record in there] == [
        both[number not in put[0]][0].pid for number in range(200)
    ]


def test_processes_that_make_the_same_file_at_once_share_it(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    makers = [start(make_and_write, str(path), f"index{number}") for number in range(4)]
    assert [heard(pipe) for _, pipe in makers] == [[20]] * 4
    for process, _ in makers:
        process.join()
    with closing(EmbeddedStore(path, create=False)) as store:
        assert store.index_names() == [f"index{number}" for number in range(4)]


def test_a_reader_sees_what_others_write_change_and_erase_without_opening_again(two: Two) -> None:
    reader, writer = two
    assert searched(reader) == ([], 0)
    write(writer, [document(f"pet{number}", directions(1, seed=100 + number)) for number in range(200)])
    assert searched(reader)[1] == 200
    write(writer, [document("same", QUERY)])
    assert searched(reader) == (["same"], 201)
    writer.replace("dogs", document("same", -QUERY, version=found(writer, "dogs", "same").version))
    assert searched(reader)[0] != ["same"]
    writer.delete("dogs", ["same", "pet7"])
    assert searched(reader)[1] == 199
    writer.delete("dogs", [f"pet{number}" for number in range(200)])
    assert searched(reader) == ([], 0)


def test_a_search_reads_only_what_changed(two: Two) -> None:
    store, other = two
    write(other, [document(f"pet{number:04d}") for number in range(1000)])
    searched(store)
    write(other, [document("new")])
    other.delete("dogs", ["pet0001"])
    statements: list[str] = []
    store.client.set_trace_callback(statements.append)
    assert searched(store)[1] == 1000
    store.client.set_trace_callback(None)
    (changes,) = [one for one in statements if one.startswith("SELECT doc, photos, portrait, vectors FROM")]
    assert len(store.client.execute(changes).fetchall()) == 2
    statements.clear()
    store.client.set_trace_callback(statements.append)
    searched(store)
    assert not [one for one in statements if "vectors" in one]


def test_a_full_disk_refuses_the_rest_and_keeps_what_was_reported(path: Path) -> None:
    refused, written, readable = of_another(fill_until_refused, str(path), 6_000_000)
    assert refused[0] == "StoreUnavailable"
    assert "disk" in refused[1]
    assert len(written) > 500
    assert set(written) == set(readable)
    assert check_whole(path, "full", set(written)) == len(written)
    with opened(path) as store:
        assert write(store, named_documents("afterwards", 1))[0].result == "added"


def test_a_registry_without_room_undoes_the_whole_chunk(path: Path) -> None:
    with opened(path) as store:
        write(store, named_documents("before", 300))
        pages = store.client.execute("PRAGMA page_count").fetchone()[0]
        store.client.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(StoreUnavailable, match="no room"):
            write(store, named_documents("more", 400))
        assert found(store, "dogs", "before/00001").id
        target = store.begin_rebuild("dogs", SPEC)
        everything = store.scan("dogs", EVERYTHING, vectors=True)
        with pytest.raises(StoreUnavailable, match="no room"):
            store.finish_rebuild("dogs", target, lambda: [*store.write(target, everything, mode="index")].clear())
        assert (store.index_names(), store.count("dogs", EVERYTHING)) == (["dogs"], 300)
        assert store.count(target, EVERYTHING) == 0
        store.client.execute("PRAGMA max_page_count = 1000000")
        assert len(write(store, named_documents("more", 400))) == 400
    assert check_whole(path, "before", set()) == 300


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter."""
    folder = Path(tempfile.mkdtemp(prefix="petfinder-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.parametrize("folder_mode", [0o777, 0o555])
def test_a_file_that_may_only_be_read_can_be_searched_and_says_so_when_written(
    open_folder: Path, folder_mode: int
) -> None:
    path = open_folder / "pets.db"
    with opened(path) as store:
        write(store, [document("a"), document("b")])
    path.chmod(0o444)
    open_folder.chmod(folder_mode)
    before = path.read_bytes()
    read, *written = of_another(try_as_a_reader, str(path))
    assert sorted(read[1]) == read[0] == ["a", "b"]
    assert [kind for kind, _ in written] == ["StoreUnavailable"] * 4
    assert all("may only be read" in message for _, message in written)
    assert path.read_bytes() == before


def test_a_file_that_another_process_writes_can_be_read_and_says_so_when_written(path: Path) -> None:
    with opened(path, wait=0.2) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        write(store, [document("a")])
        other.execute("BEGIN IMMEDIATE")
        assert searched(store)[1] == 1
        for one in (lambda: write(store, [document("b")]), lambda: store.delete("dogs", ["a"])):
            with pytest.raises(StoreUnavailable, match="another process"):
                one()
        other.execute("ROLLBACK")
        assert write(store, [document("b")])[0].result == "added"


def test_a_file_that_another_process_keeps_for_itself_is_unavailable(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE counters SET value = value")
        with pytest.raises(StoreUnavailable, match="another process"):
            EmbeddedStore(path, wait=0.2).index_names()


def test_vectors_written_are_the_very_bytes_that_come_back(path: Path) -> None:
    rows = directions(4, seed=8)
    with opened(path) as store:
        write(store, [document("a", rows)])
    with opened(path, create=False) as store:
        np.testing.assert_array_equal(found(store, "dogs", "a").vectors, rows)


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


@pytest.mark.parametrize("step", [Session.reading, Session.writing, Session.writing_in_steps])
def test_ctrl_c_just_after_the_beginning_of_a_transaction_leaves_none_behind(step: Callable[..., Any]) -> None:
    class Interrupted(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            cursor = super().execute(sql, *values)
            if sql.startswith("BEGIN"):
                raise KeyboardInterrupt
            return cursor

    with closing(sqlite3.connect(":memory:", isolation_level=None, factory=Interrupted)) as connection:
        with pytest.raises(KeyboardInterrupt), step(Session(connection, "pets.db")):
            pass
        assert not connection.in_transaction
