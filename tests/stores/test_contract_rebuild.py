"""What every store does when an index is rebuilt: the clauses of the port on targets, versions and the swap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from threading import Event

import pytest

from petfinder.domain.errors import EditConflict, IndexMismatch, IndexNotFound, PetfinderError
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, Query, Record
from tests.stores.samples import (
    EVERYTHING,
    SPEC,
    breed,
    check_nearest,
    directions,
    document,
    found,
    ids,
    random_documents,
    write,
)

ONE_QUERY = directions(1, seed=1)
OTHER = replace(SPEC, encoder="table-2", fingerprint="t2")
OTHER_DIMS = replace(OTHER, dims=5)
OTHER_SETTINGS = replace(SPEC, settings={"vectors": "hnsw"})
AFTER = pytest.mark.parametrize("after", [OTHER_SETTINGS, OTHER], ids=["settings", "encoder"])


def nothing() -> None:
    """What there is to catch up with where nobody else writes."""


def made_from_all(store: Store, *, dims: int = SPEC.dims) -> Iterator[Document]:
    """Every document of the index "dogs", with vectors of the new encoder."""
    for one in store.scan("dogs", EVERYTHING, vectors=True):
        rows = directions(len(one.photo_ids), seed=len(one.id), dims=dims)
        yield replace(one, vectors=rows, portrait=None, made_from=one.version)


def fill(store: Store, target: str, documents: Iterable[Document]) -> None:
    """Write to an index that is to take the place of another."""
    assert {outcome.error for outcome in store.write(target, documents, mode="index")} <= {None}


def begun(store: Store, spec: IndexSpec) -> str:
    """The target of a rebuild of the index "dogs" to this spec, filled with all that is there."""
    target = store.begin_rebuild("dogs", spec)
    fill(store, target, made_from_all(store, dims=spec.dims))
    return target


def rebuilt(store: Store, spec: IndexSpec) -> str:
    """The index "dogs" rebuilt to this spec, nobody else writing."""
    return store.finish_rebuild("dogs", begun(store, spec), nothing)


def test_a_rebuild_puts_everything_new_in_its_place(store: Store) -> None:
    documents = random_documents(1100, seed=1)
    write(store, [replace(one, private={"owner": {"name": one.id}}) for one in documents])
    write(store, [document("seen", directions(2, seed=1), thumbnails={"photo0": b"keep", "photo1": b"drop"})])
    old = found(store, "dogs", "seen")
    target = store.begin_rebuild("dogs", OTHER_DIMS)
    fill(store, target, made_from_all(store, dims=5))
    (seen,) = (one for one in made_from_all(store, dims=5) if one.id == "seen")
    fill(store, target, [replace(seen, vectors=seen.vectors[:1], photo_ids=seen.photo_ids[:1])])

    assert (store.index_names(), store.spec("dogs")) == (["dogs"], SPEC)
    check_nearest(store, [*documents, old], ONE_QUERY, k=5)

    store.finish_rebuild("dogs", target, nothing)

    assert (store.spec("dogs"), store.stats("dogs").pets) == (OTHER_DIMS, 1101)
    assert found(store, "dogs", documents[0].id).private == {"owner": {"name": documents[0].id}}
    assert store.thumbnails("dogs", [("seen", "photo0"), ("seen", "photo1")]) == [b"keep", None]
    answer = store.nearest("dogs", Query(directions(1, seed=3, dims=5), k=3, restriction=breed("breed2")))[0]
    assert len(answer.hits) == 3
    with pytest.raises(EditConflict):
        store.replace("dogs", replace(old, vectors=directions(2, seed=1, dims=5), portrait=None))


def test_the_old_index_is_kept_until_it_is_deleted(store: Store) -> None:
    write(store, [document("luigi", thumbnails={"photo0": b"jpeg"})])

    kept = rebuilt(store, OTHER)

    assert (kept, store.index_names()) == ("dogs-000001", ["dogs", "dogs-000001"])
    assert store.spec(kept) == SPEC
    assert ids(store.scan(kept, EVERYTHING)) == ["luigi"]
    assert len(store.nearest(kept, Query(ONE_QUERY, k=1))[0].hits) == 1
    assert rebuilt(store, SPEC) == "dogs-000002"
    for name in ("dogs-000001", "dogs-000002"):
        assert store.thumbnails("dogs", [("luigi", "photo0")]) == [b"jpeg"]
        store.delete_index(name)
    assert store.thumbnails("dogs", [("luigi", "photo0")]) == [b"jpeg"]
    assert (store.index_names(), ids(store.scan("dogs", EVERYTHING))) == (["dogs"], ["luigi"])


def test_versions_tell_what_has_changed_and_what_was_made_of_it(store: Store) -> None:
    write(store, random_documents(1500, seed=2))
    versions = list(store.versions("dogs"))
    assert [id_ for id_, _, _ in versions] == sorted(one.id for one in store.scan("dogs", EVERYTHING))
    assert {made_from for _, _, made_from in versions} == {0}
    assert all(version == found(store, "dogs", id_).version for id_, version, _ in versions[:3])

    target = begun(store, OTHER)
    store.replace("dogs", replace(found(store, "dogs", "pet00007"), body={"name": "new"}))
    store.delete("dogs", ["pet00008"])
    write(store, [document("pet00009")], mode="index")
    write(store, [document("late")])

    now = {id_: version for id_, version, _ in store.versions("dogs")}
    made = {id_: made_from for id_, _, made_from in store.versions(target)}
    assert {id_ for id_ in now if made.get(id_) != now[id_]} == {"pet00007", "pet00009", "late"}
    assert made.keys() == now.keys() - {"late"}
    assert found(store, target, "pet00001").made_from == now["pet00001"]


def test_versions_may_be_read_while_what_they_name_is_written(store: Store) -> None:
    write(store, random_documents(2500, seed=2))
    target = store.begin_rebuild("dogs", OTHER)
    seen = []
    for id_, version, _ in store.versions("dogs"):
        seen.append(id_)
        if len(seen) % 500 == 1:
            assert list(store.versions(target)) == [*store.versions(target)]
            fill(store, target, [document(id_, made_from=version)])
            store.delete("dogs", [id_])
    assert seen == [f"pet{number:05d}" for number in range(2500)]


def test_what_is_written_while_nobody_else_may_is_in_the_new_index(store: Store) -> None:
    write(store, [document("a"), document("b"), document("gone")])
    target = begun(store, OTHER)
    store.delete("dogs", ["gone"])

    def catch_up() -> None:
        fill(store, target, [document("late", made_from=1)])
        assert store.delete(target, ["gone"]) <= {"gone"}
        assert ids(store.scan(target, EVERYTHING)) == ["a", "b", "late"]
        assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b"]
        assert store.spec("dogs") == SPEC

    store.finish_rebuild("dogs", target, catch_up)

    assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b", "late"]


def test_what_is_done_to_a_target_leaves_the_index_alone(store: Store) -> None:
    write(store, [document(name, thumbnails={"photo0": name.encode()}) for name in ("a", "b", "c")])
    target = store.begin_rebuild("dogs", OTHER)
    for _ in range(2):
        fill(store, target, made_from_all(store))
    assert store.delete(target, ["b"]) == {"b"}
    store.replace(target, replace(found(store, target, "c"), photo_ids=(), vectors=directions(0, seed=1)))
    for _ in range(2):
        assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b", "c"]
        assert store.thumbnails("dogs", [(id_, "photo0") for id_ in ("a", "b", "c")]) == [b"a", b"b", b"c"]
        store.begin_rebuild("dogs", OTHER_DIMS)


@AFTER
def test_no_write_lands_in_the_old_index_after_the_last_look(store: Store, after: IndexSpec) -> None:
    write(store, [document("a"), document("b"), document("c")])
    target = store.begin_rebuild("dogs", after)
    looking, ended = Event(), Event()
    as_it_was = found(store, "dogs", "b")

    def catch_up() -> None:
        fill(store, target, made_from_all(store))
        looking.set()
        ended.wait(0.5)  # the others try meanwhile

    def tried(change: Callable[[], object]) -> str:
        assert looking.wait(30)
        try:
            change()
        except PetfinderError as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(4) as pool:
        changes: list[Callable[[], object]] = [
            lambda: list(store.write("dogs", [document("late")], mode="create", expected=SPEC)),
            lambda: store.replace("dogs", replace(as_it_was, body={"name": "new"}), expected=SPEC),
            lambda: store.delete("dogs", ["c"]),
        ]
        running = [pool.submit(tried, change) for change in changes]
        kept = store.finish_rebuild("dogs", target, catch_up)
        said = [one.result(60) for one in running]

    if after is OTHER:
        assert said == ["IndexMismatch", "IndexMismatch", "done"]
        assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b"]
    else:
        assert said == ["done", "EditConflict", "done"]
        assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b", "late"]
    assert found(store, kept, "b").body == {"name": "b"}
    assert store.get(kept, ["late"]) == [None]


@AFTER
def test_a_stream_that_meets_the_swap_goes_on_or_says_so(store: Store, after: IndexSpec) -> None:
    def stream() -> Iterator[Document]:
        for number in range(1200):
            if number == 600:
                rebuilt(store, after)
            yield document(f"pet{number:05d}", ONE_QUERY)

    written: list[str] = []
    outcomes = store.write("dogs", stream(), mode="create", expected=SPEC)
    with pytest.raises(IndexMismatch, match="table-2") if after is OTHER else nullcontext():
        written.extend(outcome.id for outcome in outcomes)
    assert (len(written) == 1200) is (after is not OTHER)
    assert ids(store.scan("dogs", EVERYTHING)) == written


def test_a_rebuild_that_breaks_off_changes_nothing_and_is_taken_up_again(store: Store) -> None:
    documents = random_documents(700, seed=1)
    write(store, documents)
    target = begun(store, OTHER)

    def breaks_off() -> None:
        raise KeyError("no power")

    with pytest.raises(KeyError):
        store.finish_rebuild("dogs", target, breaks_off)

    assert (store.spec("dogs"), store.index_names()) == (SPEC, ["dogs"])
    check_nearest(store, documents, ONE_QUERY, k=5)
    assert write(store, [document("new")])[0].result == "added"
    assert store.begin_rebuild("dogs", replace(OTHER, thresholds={"match": 0.9})) == target
    assert store.count(target, EVERYTHING) == 700
    store.finish_rebuild("dogs", target, nothing)
    assert store.count("dogs", EVERYTHING) == 700


def test_an_unfinished_rebuild_is_dropped_for_another_and_goes_with_its_index(store: Store) -> None:
    write(store, [document("a")])
    target = begun(store, OTHER)
    other = store.begin_rebuild("dogs", OTHER_DIMS)
    assert (store.spec(other), store.count(other, EVERYTHING)) == (OTHER_DIMS, 0)
    with pytest.raises((IndexMismatch, IndexNotFound)):
        list(store.write(target, [document("a")], mode="index", expected=OTHER))

    begun(store, OTHER)
    store.rename_index("dogs", "hounds")
    assert store.count(store.begin_rebuild("hounds", OTHER), EVERYTHING) == 1
    store.delete_index("hounds")
    store.create_index("hounds", SPEC)
    assert store.count(store.begin_rebuild("hounds", OTHER), EVERYTHING) == 0


def test_only_the_unfinished_target_of_an_index_can_take_its_place(store: Store) -> None:
    store.create_index("cats", SPEC)
    target = store.begin_rebuild("dogs", OTHER)
    for wrong in ("none", "cats", store.begin_rebuild("cats", OTHER)):
        with pytest.raises(IndexNotFound):
            store.finish_rebuild("dogs", wrong, nothing)
    store.finish_rebuild("dogs", target, nothing)
    with pytest.raises(IndexNotFound):
        store.finish_rebuild("dogs", target, nothing)
    assert store.index_names() == ["cats", "dogs", "dogs-000001"]


def test_thresholds_stay_with_the_encoder(store: Store) -> None:
    target = store.begin_rebuild("dogs", OTHER_SETTINGS)
    store.change_thresholds("dogs", {"match": 0.9})
    store.finish_rebuild("dogs", target, nothing)
    assert store.spec("dogs") == replace(OTHER_SETTINGS, thresholds={"match": 0.9})

    rebuilt(store, OTHER)

    assert store.spec("dogs") == OTHER


def test_who_is_erased_is_erased_from_what_a_rebuild_left_too(store: Store) -> None:
    write(store, [document("luigi", private={"owner": {"phone": "555"}}), document("bella")])
    kept = rebuilt(store, OTHER)
    older = rebuilt(store, SPEC)
    target = begun(store, OTHER)

    assert store.delete("dogs", ["luigi", "nobody"]) == {"luigi"}

    for name in ("dogs", kept, older, target):
        assert ids(store.scan(name, EVERYTHING)) == ["bella"]
    store.delete(older, ["bella"])
    assert ids(store.scan("dogs", EVERYTHING)) == ids(store.scan(target, EVERYTHING)) == ["bella"]


def test_vectors_of_another_encoder_than_expected_are_neither_taken_nor_given(store: Store) -> None:
    write(store, [document("a")])
    read = found(store, "dogs", "a")
    calls: list[Callable[[IndexSpec], object]] = [
        lambda spec: list(store.write("dogs", [document("a")], mode="index", expected=spec)),
        lambda spec: store.get("dogs", ["a"], vectors=True, expected=spec),
        lambda spec: list(store.scan("dogs", EVERYTHING, vectors=True, expected=spec)),
        lambda spec: store.nearest("dogs", Query(ONE_QUERY, k=1), expected=spec),
        lambda spec: store.replace("dogs", found(store, "dogs", "a"), expected=spec),
    ]
    for other in (replace(SPEC, species="cat"), replace(SPEC, fingerprint="t2"), OTHER, OTHER_DIMS):
        for call in calls:
            with pytest.raises(IndexMismatch, match="table-1"):
                call(other)
    assert found(store, "dogs", "a").version == read.version
    for call in calls:
        call(replace(SPEC, thresholds={"match": 0.9}, settings={}))


def test_records_go_over_to_the_new_index_and_erasing_in_others_leaves_them(store: Store) -> None:
    def keys() -> list[str]:
        assert store.records("dogs", ["1"]) == [*store.scan_records("dogs")][:1]
        return [record.key for record in store.scan_records("dogs")]

    write(store, [document("luigi"), document("bella")])
    store.put_record("dogs", Record("1", {"body": 1}, ("luigi",)))
    target = begun(store, OTHER)
    store.delete(target, ["luigi"])
    assert store.put_record("dogs", Record("2", {}, ("bella",)))
    assert keys() == ["1", "2"]

    kept = store.finish_rebuild("dogs", target, nothing)
    older = rebuilt(store, SPEC)

    assert (keys(), store.put_record("dogs", Record("1", {}))) == (["1", "2"], False)
    for name in (kept, older):
        store.delete(name, ["luigi"])
        assert keys() == ["1", "2"]
    store.delete_index(older)
    begun(store, OTHER)
    store.begin_rebuild("dogs", OTHER_DIMS)
    assert keys() == ["1", "2"]
    store.delete("dogs", ["bella"])
    assert keys() == ["1"]
    store.delete_index("dogs")
    store.create_index("dogs", SPEC)
    assert [*store.scan_records("dogs")] == []
    assert [*store.scan_records(kept)] == []
