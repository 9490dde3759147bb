"""How a server finds the nearest: exact cosines however vectors are kept, and order beyond ten thousand pets."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from petfinder.domain.vectors import unit
from petfinder.stores.documents import VECTOR_TYPES, Document, Query
from petfinder.stores.elasticsearch import write as stores_write
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import EVERYTHING, SPEC, breed, directions, document, expected, ids, write

DIMS = 64  # the fewest that one bit a dimension is offered for
PETS, BREEDS, DEEP = 12_000, 4, 5000
VECTORS, QUERY = directions(PETS, seed=1), directions(1, seed=3)


@pytest.fixture(scope="module")
def pets() -> list[Document]:
    """Pets with one photo each, or two and a portrait, near forty directions."""
    clusters = directions(40, seed=1, dims=DIMS)
    noise = np.random.default_rng(2)
    return [
        document(
            f"pet{number:03d}",
            unit(clusters[number % 40] + 0.1 * noise.normal(size=(1 + number % 2, DIMS))),
            terms={"breed": (f"breed{number % 10}",)},
        )
        for number in range(600)
    ]


@pytest.mark.parametrize(("kind", "recall"), [("int8_hnsw", 1.0), ("hnsw", 1.0), ("bbq_hnsw", 0.9)])
def test_every_vector_type_finds_the_nearest_with_exact_cosines(
    elasticsearch_url: str, pets: list[Document], kind: str, recall: float
) -> None:
    store = empty_elasticsearch_store(elasticsearch_url)
    store.create_index("dogs", replace(SPEC, dims=DIMS, settings={"vectors": kind}))
    assert all(outcome.result == "added" for outcome in store.write("dogs", pets, mode="create"))
    queries = directions(10, seed=3, dims=DIMS)

    found = there = 0
    for where, passing in ((EVERYTHING, pets), (breed("breed3"), pets[3::10])):
        for k in (1, 5, 20):
            for query, answer in zip(
                queries, store.nearest("dogs", Query(queries, k=k, restriction=where)), strict=True
            ):
                exact = {id_: similarity for id_, similarity, _ in expected(passing, query, k=len(passing))}
                similarities = [hit.similarity for hit in answer.hits]
                np.testing.assert_allclose(similarities, [exact[hit.document.id] for hit in answer.hits], atol=1e-6)
                assert similarities == sorted(similarities, reverse=True)
                assert (len(similarities), answer.searched) == (k, len(passing))
                found += len({hit.document.id for hit in answer.hits} & set([*exact][:k]))
                there += k
    assert found >= recall * there
    assert sorted(VECTOR_TYPES) == ["bbq_hnsw", "hnsw", "int8_hnsw"]  # there are no more to try
    store.close()


def test_after_a_load_an_index_becomes_one_segment_and_after_an_addition_stays_as_it_is(
    elasticsearch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores_write, "_A_LOAD", 40)
    store = empty_elasticsearch_store(elasticsearch_url)
    store.create_index("dogs", SPEC)

    def segments_after(first: int, count: int) -> int:
        write(store, [document(f"pet{number}") for number in range(first, first + count)])
        until = time.monotonic() + 3
        while (there := _segments(store)) > 1 and time.monotonic() < until:
            time.sleep(0.1)
            store.refresh("dogs")
        return there

    assert segments_after(0, 10) == 1
    assert segments_after(100, 39) == 2
    assert segments_after(200, 60) == 1  # more than half of all that are there
    assert segments_after(300, 45) == 2
    store.close()


def _segments(store: ElasticsearchStore) -> int:
    return len(store.client.cat.segments(index="dogs", format="json"))


@pytest.fixture(scope="module")
def registry(elasticsearch_url: str) -> Iterator[ElasticsearchStore]:
    """Pets written in no order, a photo each, whose ids have no leading zeros."""
    store = empty_elasticsearch_store(elasticsearch_url)
    store.create_index("dogs", SPEC)
    numbers = random.Random(2).sample(range(PETS), PETS)
    pets = (
        document(f"pet{n}", VECTORS[n : n + 1], portrait=None, terms={"breed": (f"breed{n % BREEDS}",)})
        for n in numbers
    )
    assert all(outcome.result == "added" for outcome in write(store, pets))
    yield store
    store.delete_index("dogs")
    store.close()


def test_a_listing_gives_each_of_twelve_thousand_pets_once_in_the_order_of_ids(registry: ElasticsearchStore) -> None:
    everyone = sorted(f"pet{number}" for number in range(PETS))
    assert ids(registry.scan("dogs", EVERYTHING)) == everyone
    assert ids(registry.scan("dogs", EVERYTHING, after=everyone[10_500])) == everyone[10_501:]
    assert registry.count("dogs", EVERYTHING) == PETS


def test_five_thousand_neighbours_are_that_many_pets_in_the_order_of_similarity(registry: ElasticsearchStore) -> None:
    found = registry.nearest("dogs", Query(QUERY, k=DEEP))[0]

    numbers = [int(hit.document.id.removeprefix("pet")) for hit in found.hits]
    similarities = np.array([hit.similarity for hit in found.hits])
    cosines = VECTORS @ QUERY[0]
    assert len(numbers) == len(set(numbers)) == DEEP
    assert (np.diff(similarities) <= 0).all()
    np.testing.assert_allclose(similarities, cosines[numbers], atol=1e-6)
    assert len(set(numbers) & set(np.argsort(-cosines)[:DEEP].tolist())) >= 0.95 * DEEP
    assert found.searched == PETS


def test_asking_for_more_than_a_filter_keeps_gives_all_that_pass_once(registry: ElasticsearchStore) -> None:
    found = registry.nearest("dogs", Query(QUERY, k=DEEP, restriction=breed("breed1")))[0]

    numbers = [int(hit.document.id.removeprefix("pet")) for hit in found.hits]
    assert sorted(numbers) == [*range(1, PETS, BREEDS)]
    assert numbers == sorted(numbers, key=lambda number: -float(VECTORS[number] @ QUERY[0]))


def test_a_photo_that_others_have_just_added_is_the_one_that_is_found(elasticsearch_url: str) -> None:
    store, others = (empty_elasticsearch_store(elasticsearch_url) for _ in range(2))
    store.create_index("dogs", SPEC)
    write(store, [document("spot", VECTORS[:1], portrait=None), document("rex", VECTORS[1:2], portrait=None)])
    assert [hit.photo_id for hit in store.nearest("dogs", Query(VECTORS[:1], k=1))[0].hits] == ["photo0"]

    two = document("spot", np.concatenate([VECTORS[:1], QUERY]), portrait=None)
    assert [outcome.result for outcome in others.write("dogs", [two], mode="index")] == ["replaced"]
    assert others.nearest("dogs", Query(QUERY, k=1))[0].photos == 3  # which refreshes
    (hit,) = store.nearest("dogs", Query(QUERY, k=1))[0].hits
    assert (hit.document.id, hit.photo_id) == ("spot", "photo1")
    assert hit.similarity == pytest.approx(1.0, abs=1e-6)
    for one in (store, others):
        one.close()
