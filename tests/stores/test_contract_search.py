"""What every store finds: the clauses of the port on listing and searching, against NumPy and `matches`."""

from __future__ import annotations

import random

import numpy as np
import pytest

from petfinder.domain.errors import IndexMismatch, InvalidEmbedding
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
    ids,
    pet_document,
    random_documents,
    random_filter,
    random_pet,
    write,
)

ONE_QUERY = directions(1, seed=1)


def test_scan_goes_by_code_points_and_resumes_behind_an_id(store: Store) -> None:
    names = ["Z", "a", "a/1", "a1", "ä", "z", "ß", "\U0001f415", "\uffee"]
    write(store, [document(name) for name in reversed(names)])
    assert ids(store.scan("dogs", EVERYTHING)) == sorted(names)
    assert ids(store.scan("dogs", EVERYTHING, after="z")) == [name for name in sorted(names) if name > "z"]
    assert ids(store.scan("dogs", EVERYTHING, after="b")) == [name for name in sorted(names) if name > "b"]


def test_scan_gives_owners_and_vectors_if_asked_for(store: Store) -> None:
    write(store, [document("a", directions(2, seed=1), owner={"name": "Ully"})])
    (light,) = store.scan("dogs", EVERYTHING)
    (whole,) = store.scan("dogs", EVERYTHING, vectors=True)
    assert light.owner == whole.owner == {"name": "Ully"}
    assert (len(light.vectors), len(whole.vectors)) == (0, 2)


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


def test_words_must_all_be_there_and_nothing_passes_an_empty_choice(store: Store) -> None:
    write(store, [document("a", terms={"words": ("old", "dog")}), document("b", terms={"words": ("old",)})])
    both = Restriction(terms=(("words", ("old",)), ("words", ("dog",))))
    assert ids(store.scan("dogs", both)) == ["a"]
    assert ids(store.scan("dogs", Restriction(terms=(("words", ("old", "dog")),)))) == ["a", "b"]
    for nothing in (breed(), Restriction(ids=frozenset())):
        assert store.count("dogs", nothing) == 0
        answer = store.nearest("dogs", Query(ONE_QUERY, k=3, restriction=nothing))[0]
        assert (answer.hits, answer.searched) == ((), 0)


def test_more_ids_than_a_query_has_room_for(store: Store) -> None:
    write(store, [document("a"), document("b")])
    many = frozenset(f"none{number}" for number in range(70_000))
    assert ids(store.scan("dogs", Restriction(ids=many | {"b"}))) == ["b"]
    assert store.nearest("dogs", Query(ONE_QUERY, k=5, restriction=Restriction(exclude=many | {"b"})))[0].searched == 1


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


def test_a_hit_names_the_best_photo_even_where_the_portrait_is_nearer(store: Store) -> None:
    left, right = np.eye(DIMS, dtype=np.float32)[:2]
    photos = np.stack([right, left])
    pet = document("a", photos)
    write(store, [pet])
    query = (left * 1.1 + right) / np.linalg.norm(left * 1.1 + right)
    (hit,) = store.nearest("dogs", Query(query[None], k=1))[0].hits
    assert hit.photo_id == "photo1"
    assert pet.portrait is not None
    assert hit.similarity == pytest.approx(float(pet.portrait @ query), abs=1e-6)
    assert hit.similarity > float(photos[1] @ query) + 0.1


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


def test_a_hit_tells_neither_owner_nor_vectors_nor_thumbnails(store: Store) -> None:
    write(store, [document("a", directions(2, seed=1), owner={"phone": "123"}, thumbnails={"photo0": b"x"})])
    (hit,) = store.nearest("dogs", Query(ONE_QUERY, k=1))[0].hits
    assert (hit.document.owner, len(hit.document.vectors), hit.document.portrait) == (None, 0, None)
    assert hit.document.thumbnails == {}
    assert (hit.document.body, hit.document.photo_ids) == ({"name": "a"}, ("photo0", "photo1"))


def test_pets_without_vectors_are_not_searched_and_a_query_of_other_dims_is_refused(store: Store) -> None:
    write(store, [document("a"), document("b", directions(0, seed=1), pending=1)])
    answer = store.nearest("dogs", Query(ONE_QUERY, k=5))[0]
    assert ([hit.document.id for hit in answer.hits], answer.searched) == (["a"], 1)
    with pytest.raises((InvalidEmbedding, IndexMismatch), match=str(DIMS)):
        store.nearest("dogs", Query(directions(1, seed=1, dims=DIMS + 1), k=1))
