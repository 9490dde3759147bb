"""What every store does with indexes and documents, and what it finds: the clauses of the port."""

from __future__ import annotations

import random
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from petfinder.domain import errors
from petfinder.domain.filters import Cells, Restriction, Span
from petfinder.domain.pets import Place
from petfinder.domain.vectors import unit
from petfinder.stores.base import Store
from petfinder.stores.documents import SCHEMA, Document, Query, Record
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.samples import (
    DIMS,
    EVERYTHING,
    SPEC,
    breed,
    check_nearest,
    directions,
    document,
    expected,
    found,
    held,
    ids,
    pet_document,
    random_documents,
    random_filter,
    random_pet,
    write,
)

ONE_QUERY = directions(1, seed=1)


def test_a_new_index_is_listed_and_remembers_its_spec_and_a_taken_name_is_refused(store: Store) -> None:
    spec = replace(SPEC, species="cat", thresholds={"match": [1, 2]})
    store.create_index("cats", spec)
    assert store.index_names() == ["cats", "dogs"]
    assert store.spec("cats") == spec
    with pytest.raises(errors.IndexExists, match="dogs"):
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
        lambda: store.put_record("none", Record("a", {})),
        lambda: store.records("none", ["a"]),
        lambda: list(store.scan_records("none")),
    ]
    for call in calls:
        with pytest.raises(errors.IndexNotFound, match="none"):
            call()
    assert store.index_names() == ["dogs"]


def test_thresholds_can_be_changed_and_forgotten_and_a_later_schema_is_a_mismatch(store: Store) -> None:
    for thresholds in ({"match": 0.9}, None):
        store.change_thresholds("dogs", thresholds)
        assert store.spec("dogs") == replace(SPEC, thresholds=thresholds)
    store.create_index("future", replace(SPEC, schema=SCHEMA + 1))
    with pytest.raises(errors.IndexMismatch, match="newer"):
        store.spec("future")


def test_indexes_do_not_see_each_other_and_a_renamed_one_keeps_what_is_in_it(store: Store) -> None:
    store.create_index("cats", SPEC)
    write(store, [document("luigi", terms={"breed": ("pug",)}, thumbnails={"photo0": b"dog"})])
    (outcome,) = store.write("cats", [document("luigi", directions(2, seed=4))], mode="create")
    assert outcome.result == "added"
    assert store.count("cats", breed("pug")) == 0
    assert store.thumbnails("cats", [("luigi", "photo0")]) == [None]
    with pytest.raises(errors.IndexExists, match="cats"):
        store.rename_index("dogs", "cats")
    store.rename_index("dogs", "hounds")
    assert store.index_names() == ["cats", "hounds"]
    store.delete_index("cats")
    assert ids(store.scan("hounds", breed("pug"))) == ["luigi"]
    assert store.thumbnails("hounds", [("luigi", "photo0")]) == [b"dog"]
    assert len(store.nearest("hounds", Query(ONE_QUERY, k=1))[0].hits) == 1


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
    with pytest.raises(errors.EditConflict):
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
    for call in (store.index_names, lambda: store.client):
        with pytest.raises(errors.StoreUnavailable, match="closed"):
            call()


def test_a_document_comes_back_as_it_was_written(store: Store) -> None:
    given = document(
        "höf/luigi ✓",
        directions(2, seed=3),
        body={"name": "Luigi", "deep": {"list": [1, 2.5, None, True]}, "note": "ß\n\U0001f415"},
        private={"owner": {"name": "Ully"}, "finder": {"name": "Ana", "phone": "+49"}, "held_back": "one blue eye"},
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
    for field in ("id", "body", "private", "terms", "dates", "places", "photo_ids", "pending"):
        assert getattr(whole, field) == getattr(given, field), field
    (scanned,) = store.scan("dogs", EVERYTHING, vectors=True)
    assert (scanned.private, len(scanned.vectors)) == (given.private, 2)
    for light in (*store.get("dogs", [given.id]), *store.scan("dogs", EVERYTHING)):
        assert light is not None
        assert (light.private, len(light.vectors), light.portrait) == (given.private, 0, None)
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
        document("no JSON either", private={"owner": {"phone": "555-1234", "picture": object()}}),
    ]
    mixed = [one for number, wrong in enumerate(bad) for one in (wrong, document(f"good{number}"))]
    outcomes = write(store, mixed)
    assert [one.id for one in outcomes] == ids(mixed)
    assert [one.result for one in outcomes] == ["failed", "added"] * len(bad)
    assert all(isinstance(one.error, errors.PetfinderError) for one in outcomes if one.result == "failed")
    assert all(isinstance(one.error, errors.InvalidEmbedding) for one in outcomes[:8:2])
    assert not [one for one in outcomes if "555-1234" in str(one.error)]
    assert store.stats("dogs").pets == len(bad)


def test_a_body_comes_back_as_json_says_it(store: Store) -> None:
    body = {"none": None, "text": "null", "large": 2**70, "words": ["ão", 0.1, True, {"deep": None}]}
    write(store, [document("a", body=body)])
    assert found(store, "dogs", "a").body == body


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
    with pytest.raises(errors.InvalidEmbedding):
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
    assert (store.count("dogs", breed("pug")), store.count("dogs", Restriction(spans=(Span("taken", 7, 7),)))) == (0, 1)
    check_nearest(store, [changed, document("b")], directions(4, seed=2), k=3)


def test_replace_refuses_a_version_that_others_changed_or_removed(store: Store) -> None:
    write(store, [document("a")])
    old = found(store, "dogs", "a")
    store.replace("dogs", replace(old, body={"name": "first"}))
    with pytest.raises(errors.EditConflict, match="'a'"):
        store.replace("dogs", replace(old, body={"name": "second"}))
    assert found(store, "dogs", "a").body == {"name": "first"}
    newer = found(store, "dogs", "a")
    store.delete("dogs", ["a"])
    for others in ([], [document("a")]):
        write(store, others)
        for wrong in (newer, document("never there")):
            with pytest.raises(errors.EditConflict):
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


def test_scan_goes_by_code_points_and_resumes_behind_an_id(store: Store) -> None:
    names = ["Z", "a", "a/1", "a1", "ä", "z", "ß", "\U0001f415", "\uffee"]
    write(store, [document(name) for name in reversed(names)])
    assert ids(store.scan("dogs", EVERYTHING)) == sorted(names)
    assert ids(store.scan("dogs", EVERYTHING, after="z")) == [name for name in sorted(names) if name > "z"]
    assert ids(store.scan("dogs", EVERYTHING, after="b")) == [name for name in sorted(names) if name > "b"]


def test_every_filter_means_what_matches_says(store: Store) -> None:
    seed = 20261121
    numbers = random.Random(seed)
    pets = [random_pet(numbers, f"pet{number:03d}") for number in range(300)]
    documents = [pet_document(pet, number=number) for number, pet in enumerate(pets)]
    write(store, documents)
    kept = 0
    for _ in range(200):
        where = random_filter(numbers, pets)
        passing = [pet.pet_id for pet in pets if where.matches(pet)]
        restriction = where.restriction()
        assert ids(store.scan("dogs", restriction)) == passing, f"seed {seed}: {where!r}"
        assert store.count("dogs", restriction) == len(passing), f"seed {seed}: {where!r}"
        some = [one for one in documents if one.id in set(passing)]
        check_nearest(store, some, ONE_QUERY, k=7, restriction=restriction)
        kept += len(passing)
    assert 2_000 < kept < 50_000


def test_words_must_all_be_there_and_a_choice_may_be_empty_or_very_long(store: Store) -> None:
    write(store, [document("a", terms={"words": ("old", "dog")}), document("b", terms={"words": ("old",)})])
    both = Restriction(terms=(("words", ("old",)), ("words", ("dog",))))
    assert ids(store.scan("dogs", both)) == ["a"]
    assert ids(store.scan("dogs", Restriction(terms=(("words", ("old", "dog")),)))) == ["a", "b"]
    for nothing in (breed(), Restriction(ids=frozenset())):
        assert store.count("dogs", nothing) == 0
        answer = store.nearest("dogs", Query(ONE_QUERY, k=3, restriction=nothing))[0]
        assert (answer.hits, answer.searched) == ((), 0)
    many = frozenset(f"none{number}" for number in range(70_000))  # more than a query has room for
    assert ids(store.scan("dogs", Restriction(ids=many | {"b"}))) == ["b"]
    assert store.nearest("dogs", Query(ONE_QUERY, k=5, restriction=Restriction(exclude=many | {"b"})))[0].searched == 1


def test_the_nearest_of_some_cells_come_with_the_nearest_of_all(store: Store) -> None:
    documents = [
        replace(one, places=((48.1 + 0.01 * (number % 20), 11.6 - 0.01 * (number // 20)),))
        for number, one in enumerate(random_documents(400, seed=5))
    ]
    write(store, documents)
    cells = Cells.around(Place(lat=48.142, lon=11.55), 2.5)
    inside = [one for one in documents if held(cells, Place(lat=one.places[0][0], lon=one.places[0][1]))]
    assert 10 < len(inside) < 100
    for query in directions(10, seed=6):
        for exact in (True, False):
            [answer] = store.nearest("dogs", Query(query[None], k=5, cells=cells, exact=exact))
            wanted = {id_ for some in (documents, inside) for id_, _, _ in expected(some, query, k=5)}
            assert {hit.document.id for hit in answer.hits} == wanted
            similarities = [hit.similarity for hit in answer.hits]
            assert similarities == sorted(similarities, reverse=True)
            assert answer.searched == sum(bool(one.photo_ids) for one in documents)


@pytest.mark.parametrize("k", [1, 3, 10, 500])
def test_the_nearest_are_those_that_numpy_finds(store: Store, k: int) -> None:
    documents = random_documents(400, seed=k)
    write(store, documents)
    check_nearest(store, documents, directions(30, seed=99), k=k)
    for some in (breed("breed1"), breed("breed1", "breed3", "breed4")):
        passing = [one for one in documents if set(one.terms["breed"]) & set(some.terms[0][1])]
        check_nearest(store, passing, directions(30, seed=98), k=k, restriction=some)


def test_the_nearest_stay_right_through_any_changes(store: Store) -> None:
    seed = 77
    numbers = random.Random(seed)
    there: dict[str, Document] = {}
    for step in range(40):
        some = random_documents(20, seed=seed + step)
        write(store, some, mode="index")
        there |= {one.id: one for one in some}
        gone = numbers.sample(sorted(there), numbers.randrange(5))
        store.delete("dogs", gone)
        for id_ in gone:
            del there[id_]
        check_nearest(store, list(there.values()), directions(2, seed=step), k=6)


def test_a_hit_names_the_best_photo_even_where_the_portrait_is_nearer_and_keeps_all_else_to_itself(
    store: Store,
) -> None:
    right, left = photos = np.eye(DIMS, dtype=np.float32)[:2]
    pet = document("a", photos, private={"finder": {"phone": "123"}}, thumbnails={"photo0": b"x"})
    write(store, [pet])
    query = unit(left * 1.1 + right)
    (hit,) = store.nearest("dogs", Query(query[None], k=1))[0].hits
    assert hit.photo_id == "photo1"
    assert pet.portrait is not None
    assert hit.similarity == pytest.approx(float(pet.portrait @ query), abs=1e-6)
    assert hit.similarity > float(left @ query) + 0.1
    assert (hit.document.private, len(hit.document.vectors), hit.document.portrait) == (None, 0, None)
    assert (hit.document.body, hit.document.photo_ids) == ({"name": "a"}, ("photo0", "photo1"))
    assert hit.document.thumbnails == {}


def test_equal_similarities_go_by_id_at_every_cut(store: Store) -> None:
    names = [f"pet{number:03d}" for number in random.Random(5).sample(range(300), 300)]
    write(store, [document(name, ONE_QUERY, terms={"breed": (f"b{name[-1]}",)}) for name in names])
    for k in (1, 2, 7, 299, 300, 301):
        answer = store.nearest("dogs", Query(ONE_QUERY, k=k, exact=True))[0]
        assert [hit.document.id for hit in answer.hits] == sorted(names)[:k]
    answer = store.nearest("dogs", Query(ONE_QUERY, k=5, restriction=breed("b3"), exact=True))[0]
    assert [hit.document.id for hit in answer.hits] == [name for name in sorted(names) if name[-1] == "3"][:5]


def test_a_minimum_similarity_cuts_off(store: Store) -> None:
    documents = random_documents(100, seed=4)
    write(store, documents)
    everything = store.nearest("dogs", Query(ONE_QUERY, k=100, exact=True))[0]
    enough = [hit for hit in everything.hits if hit.similarity >= 0.3]
    assert 0 < len(enough) < len(everything.hits)
    cut = store.nearest("dogs", Query(ONE_QUERY, k=100, min_similarity=0.3, exact=True))[0]
    assert [hit.document.id for hit in cut.hits] == [hit.document.id for hit in enough]
    assert cut.searched == everything.searched


def test_pets_without_vectors_are_not_searched(store: Store) -> None:
    write(store, [document("a"), document("b", directions(0, seed=1), pending=1)])
    answer = store.nearest("dogs", Query(ONE_QUERY, k=5))[0]
    assert ([hit.document.id for hit in answer.hits], answer.searched) == (["a"], 1)


def keys(store: Store, **some: str) -> list[str]:
    """The keys of the records of the index "dogs"."""
    return [record.key for record in store.scan_records("dogs", **some)]


def test_a_record_is_put_once_and_comes_back_as_it_was(store: Store) -> None:
    first = Record(
        "~ pair/luigi\\bella", {"deep": [1, 2.5, None, {"ß": "\n\U0001f415"}], "key": {}}, ("luigi", "hund ✓")
    )
    assert store.put_record("dogs", first)
    assert not store.put_record("dogs", Record(first.key, {"other": 1}))
    assert store.put_record("dogs", Record("x" * 200, {}))
    assert store.records("dogs", ["none", first.key, "x" * 200, first.key]) == [
        None,
        first,
        Record("x" * 200, {}),
        first,
    ]
    assert [*store.scan_records("dogs", after="x" * 200)] == [first]
    assert store.records("dogs", []) == []
    assert "ß" not in repr(first)


def test_of_two_at_once_one_puts_each_record(store: Store) -> None:
    many = 200 if isinstance(store, EmbeddedStore) else 30

    def put(who: int) -> list[bool]:
        return [store.put_record("dogs", Record(str(number), {"who": who})) for number in range(many)]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(put, (0, 1))
    assert [one != other for one, other in zip(first, second, strict=True)] == [True] * many
    there = store.records("dogs", [*map(str, range(many))])
    assert [record and record.body["who"] for record in there] == [0 if one else 1 for one in first]


def test_records_that_cannot_be_kept_are_refused(store: Store) -> None:
    bodies: list[Any] = [{"a": object()}, {"a": float("nan")}, [1], "text"]
    for wrong in (*(Record("a", body) for body in bodies), *(Record(key, {}) for key in ("", "ü", "a\n", "x" * 201))):
        with pytest.raises(errors.InvalidPet):
            store.put_record("dogs", wrong)
    assert keys(store) == []


def test_records_are_scanned_by_code_point_behind_a_key_and_by_prefix_while_others_change_them(store: Store) -> None:
    many = 1100 if isinstance(store, EmbeddedStore) else 60  # there a page ends at 1,000
    names = [*(f"b/{number * 10:05d}" for number in range(many)), "a", "B/1", "b", "b0", "b/~", "c", "~", " "]
    for name in random.Random(1).sample(names, len(names)):
        store.put_record("dogs", Record(name, {}, (name,)))
    pairs = sorted(name for name in names if name.startswith("b/"))
    assert keys(store) == sorted(names)
    for after in ("", "a", "b/00500", "b/005", "b/~", "c"):
        assert keys(store, after=after, prefix="b/") == [name for name in pairs if name > after]
    assert (keys(store, after="b0"), keys(store, prefix="ü")) == (["c", "~"], [])
    seen = []
    for record in store.scan_records("dogs", prefix="b/"):
        seen.append(record.key)
        if len(seen) == 5:
            store.delete("dogs", [record.key])
    assert (seen, len(keys(store))) == (pairs, len(names) - 1)


def test_records_go_with_the_pets_that_they_are_about_and_with_their_index(store: Store) -> None:
    store.create_index("cats", SPEC)
    write(store, [document("luigi"), document("bella")])
    about = {"1": ("luigi", "bella"), "2": ("bella",), "3": ("mario", "luigi"), "4": ("mario",), "5": ()}
    for index in ("dogs", "cats"):
        assert all(store.put_record(index, Record(key, {}, pets)) for key, pets in about.items())
    write(store, [document("luigi", body={})], mode="index")
    store.replace("dogs", found(store, "dogs", "luigi"))
    assert keys(store) == [*about]

    assert store.delete("dogs", ["luigi", "nobody"]) == {"luigi"}
    assert keys(store) == ["2", "4", "5"]
    assert store.put_record("dogs", Record("1", {"new": True}))
    store.delete("dogs", ["mario"])
    assert keys(store) == ["1", "2", "5"]
    store.delete("dogs", ["bella", "none"])
    assert keys(store) == ["1", "5"]

    store.rename_index("dogs", "hounds")
    assert [record.key for record in store.scan_records("hounds")] == ["1", "5"]
    assert [record and record.pets for record in store.records("cats", ["1", "4"])] == [("luigi", "bella"), ("mario",)]
    for name in ("hounds", "cats"):
        store.delete_index(name)
    store.create_index("dogs", SPEC)
    assert (keys(store), store.records("dogs", ["1"])) == ([], [None])
