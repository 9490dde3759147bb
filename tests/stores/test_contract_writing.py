"""What every store does with documents: the clauses of the port on writing, reading, changing and erasing them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from petfinder.domain.errors import EditConflict, InvalidEmbedding, PetfinderError
from petfinder.domain.filters import Restriction
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, Query
from tests.stores.samples import (
    DIMS,
    EVERYTHING,
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


def test_a_document_comes_back_as_it_was_written(store: Store) -> None:
    given = document(
        "höf/luigi ✓",
        directions(2, seed=3),
        body={"name": "Luigi", "deep": {"list": [1, 2.5, None, True]}, "note": "ß\n\U0001f415"},
        owner={"name": "Ully", "phone": "+49"},
        terms={"breed": ("jack russell",), "tags": ("shy", "old")},
        dates=(-5, 1_700_000_000),
        places=((48.1, 11.6), (-90.0, 180.0)),
        pending=1,
    )
    write(store, [given])
    whole = found(store, "dogs", given.id)
    assert whole.vectors.dtype == np.float32
    np.testing.assert_allclose(whole.vectors, given.vectors, atol=1e-7)
    assert whole.portrait is not None
    assert given.portrait is not None
    np.testing.assert_allclose(whole.portrait, given.portrait, atol=1e-7)
    for field in ("id", "body", "owner", "terms", "dates", "places", "photo_ids", "pending"):
        assert getattr(whole, field) == getattr(given, field), field
    light = store.get("dogs", [given.id])[0]
    assert light is not None
    assert (light.owner, len(light.vectors), light.portrait) == (given.owner, 0, None)
    assert light.photo_ids == given.photo_ids


def test_create_leaves_alone_what_is_there_and_get_keeps_the_order(store: Store) -> None:
    outcomes = write(store, [document("a"), document("b"), document("a", body={"name": "second"})])
    assert [(one.id, one.result) for one in outcomes] == [("a", "added"), ("b", "added"), ("a", "exists")]
    assert [one.result for one in write(store, [document("b", body={})])] == ["exists"]
    assert [one.body["name"] for one in store.scan("dogs", EVERYTHING)] == ["a", "b"]
    assert [one and one.id for one in store.get("dogs", ["b", "none", "a", "b"])] == ["b", None, "a", "b"]
    assert store.get("dogs", []) == []


def test_index_puts_the_new_one_in_its_place(store: Store) -> None:
    write(store, [document("a", directions(3, seed=1), terms={"breed": ("pug",)}, thumbnails={"photo0": b"old"})])
    check_nearest(store, [found(store, "dogs", "a")], ONE_QUERY, k=1)
    newest = document("a", directions(1, seed=9), terms={"breed": ("boxer",)}, thumbnails={"photo1": b"new"})
    outcomes = write(store, [document("a"), document("b"), newest], mode="index")
    assert [(one.id, one.result) for one in outcomes] == [("a", "replaced"), ("b", "added"), ("a", "replaced")]
    assert (store.count("dogs", breed("pug")), store.count("dogs", breed("boxer"))) == (0, 1)
    assert store.thumbnails("dogs", [("a", "photo0"), ("a", "photo1")]) == [None, b"new"]
    check_nearest(store, [newest, document("b")], directions(3, seed=5), k=5)


def test_what_cannot_be_stored_is_an_outcome_that_repeats_no_contact_and_the_others_go_in(store: Store) -> None:
    zero, nan = np.zeros((1, DIMS), np.float32), np.full((1, DIMS), np.nan, np.float32)
    bad = [
        document("wrong dims", directions(1, seed=1, dims=DIMS + 1)),
        document("zero", zero, portrait=None),
        document("nan", nan, portrait=None),
        document("too few", directions(1, seed=1), photo_ids=("a", "b")),
        document("no JSON", body={"name": object()}),
        document("not a number", body={"name": float("nan")}),
        document("half a letter \ud800"),
        document("far future", dates=(2**70,)),
        document("no JSON either", owner={"phone": "555-1234", "picture": object()}),
    ]
    mixed = [one for number, wrong in enumerate(bad) for one in (wrong, document(f"good{number}"))]
    outcomes = write(store, mixed)
    assert [one.id for one in outcomes] == ids(mixed)
    assert [one.result for one in outcomes] == ["failed", "added"] * len(bad)
    assert all(isinstance(one.error, PetfinderError) for one in outcomes if one.result == "failed")
    assert all(isinstance(one.error, InvalidEmbedding) for one in outcomes[:8:2])
    assert not [one for one in outcomes if "555-1234" in str(one.error)]
    assert store.stats("dogs").pets == len(bad)


def test_writing_streams_and_what_it_reports_is_there(store: Store) -> None:
    given: list[weakref.ref[Document]] = []

    def stream() -> Iterator[Document]:
        for number in range(5000):
            one = document(f"pet{number:05d}", ONE_QUERY)
            given.append(weakref.ref(one))
            yield one

    most_alive = 0
    for number, outcome in enumerate(store.write("dogs", stream(), mode="create")):
        assert outcome.id == f"pet{number:05d}"
        assert len(given) <= number + 2000
        if number % 500 == 250:
            most_alive = max(most_alive, sum(reference() is not None for reference in given))
        if number % 10 == 7 and number < 1200:
            assert store.get("dogs", [outcome.id])[0] is not None
    assert number == 4999
    assert most_alive <= 2500


def test_a_stream_that_breaks_off_keeps_what_came_before(store: Store) -> None:
    def stream() -> Iterator[Document]:
        yield document("a")
        yield document("b")
        raise KeyError("the camera fell into the water")

    outcomes = store.write("dogs", stream(), mode="create")
    assert [next(outcomes).id, next(outcomes).id] == ["a", "b"]
    with pytest.raises(KeyError, match="camera"):
        next(outcomes)
    assert ids(store.scan("dogs", EVERYTHING)) == ["a", "b"]


def test_replace_puts_a_change_in_and_refuses_what_cannot_be_stored(store: Store) -> None:
    write(store, [document("a", directions(2, seed=1), terms={"breed": ("pug",)}), document("b")])
    store.nearest("dogs", Query(ONE_QUERY, k=1))
    read = found(store, "dogs", "a")
    with pytest.raises(InvalidEmbedding):
        store.replace("dogs", replace(read, vectors=np.zeros((1, DIMS), np.float32)))
    fields: dict[str, Any] = {
        "body": {"name": "new"},
        "terms": {"breed": ("boxer",)},
        "dates": (7,),
        "places": ((1.0, 2.0),),
    }
    changed = replace(read, **fields)
    store.replace("dogs", changed)
    again = found(store, "dogs", "a")
    assert {name: getattr(again, name) for name in fields} == fields
    assert again.version != read.version
    assert (store.count("dogs", breed("pug")), store.count("dogs", Restriction(after=7, before=7))) == (0, 1)
    check_nearest(store, [changed, document("b")], directions(4, seed=2), k=3)


def test_replace_refuses_a_version_that_others_changed_or_removed(store: Store) -> None:
    write(store, [document("a")])
    old = found(store, "dogs", "a")
    store.replace("dogs", replace(old, body={"name": "first"}))
    with pytest.raises(EditConflict, match="'a'"):
        store.replace("dogs", replace(old, body={"name": "second"}))
    assert found(store, "dogs", "a").body == {"name": "first"}
    newer = found(store, "dogs", "a")
    store.delete("dogs", ["a"])
    for others in ([], [document("a")]):
        write(store, others)
        for wrong in (newer, document("never there")):
            with pytest.raises(EditConflict):
                store.replace("dogs", wrong)


def test_replace_keeps_the_thumbnails_of_photos_that_stay(store: Store) -> None:
    three = {"photo0": b"zero", "photo1": b"one", "waiting": b"two"}
    write(store, [document("a", directions(2, seed=1), thumbnails=three, terms={"photo": tuple(three)}, pending=1)])
    read = found(store, "dogs", "a")
    assert read.thumbnails == {}
    names = [("a", photo_id) for photo_id in ("photo0", "photo1", "waiting", "photo9")]
    store.replace("dogs", replace(read, body={"name": "new"}))
    assert store.thumbnails("dogs", names) == [b"zero", b"one", b"two", None]
    photos = ("photo1", "photo9")
    changed = replace(
        found(store, "dogs", "a"), photo_ids=photos, terms={"photo": photos}, thumbnails={"photo9": b"nine"}, pending=0
    )
    store.replace("dogs", changed)
    assert store.thumbnails("dogs", names) == [None, b"one", None, b"nine"]


def test_delete_erases_and_says_what_was_there(store: Store) -> None:
    documents = random_documents(50, seed=6)
    write(store, documents)
    store.nearest("dogs", Query(ONE_QUERY, k=1))
    gone = ids(documents[:20])
    assert store.delete("dogs", [*gone, "none"]) == frozenset(gone)
    assert store.delete("dogs", gone) == frozenset()
    assert ids(store.scan("dogs", EVERYTHING)) == sorted(ids(documents[20:]))
    assert store.get("dogs", gone[:1]) == [None]
    check_nearest(store, documents[20:], directions(3, seed=8), k=50)


def test_thumbnails_come_in_the_order_asked_for(store: Store) -> None:
    write(store, [document("a", thumbnails={"photo0": b"a0"}), document("b", thumbnails={"photo0": b"b0"})])
    asked = [("b", "photo0"), ("a", "none"), ("none", "photo0"), ("a", "photo0")]
    assert store.thumbnails("dogs", asked) == [b"b0", None, None, b"a0"]
    store.delete("dogs", ["b"])
    assert store.thumbnails("dogs", asked) == [None, None, None, b"a0"]


def test_scan_pages_through_thousands_while_they_are_deleted(store: Store) -> None:
    documents = random_documents(2500, seed=2)
    write(store, documents)
    seen = []
    for one in store.scan("dogs", EVERYTHING):
        seen.append(one.id)
        if len(seen) % 100 == 0:
            store.delete("dogs", [one.id])
    assert seen == sorted(ids(documents))
    assert store.count("dogs", EVERYTHING) == 2475
