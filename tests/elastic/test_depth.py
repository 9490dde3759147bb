"""Beyond the ten thousand that one answer of the server holds: listing goes on, and a deep search stays in order."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import Query
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import DIMS, EVERYTHING, SPEC, breed, directions, document, ids, write

PETS = 12_000
BREEDS = 4
DEEP = 5000
VECTORS = directions(PETS, seed=1)


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


@pytest.fixture(scope="module")
def query() -> Matrix:
    """One photo's embedding (1, dims) that no pet has."""
    return directions(1, seed=3, dims=DIMS)


def test_a_listing_gives_each_of_twelve_thousand_pets_once_in_the_order_of_ids(registry: ElasticsearchStore) -> None:
    everyone = sorted(f"pet{number}" for number in range(PETS))
    assert ids(registry.scan("dogs", EVERYTHING)) == everyone
    assert ids(registry.scan("dogs", EVERYTHING, after=everyone[10_500])) == everyone[10_501:]
    assert registry.count("dogs", EVERYTHING) == PETS


def test_five_thousand_neighbours_are_that_many_pets_in_the_order_of_similarity(
    registry: ElasticsearchStore, query: Matrix
) -> None:
    found = registry.nearest("dogs", Query(query, k=DEEP))[0]

    numbers = [int(hit.document.id.removeprefix("pet")) for hit in found.hits]
    similarities = np.array([hit.similarity for hit in found.hits])
    cosines = VECTORS @ query[0]
    assert len(numbers) == len(set(numbers)) == DEEP
    assert (np.diff(similarities) <= 0).all()
    np.testing.assert_allclose(similarities, cosines[numbers], atol=1e-6)
    assert len(set(numbers) & set(np.argsort(-cosines)[:DEEP].tolist())) >= 0.95 * DEEP
    assert found.searched == PETS


def test_asking_for_more_than_a_filter_keeps_gives_all_that_pass_once(
    registry: ElasticsearchStore, query: Matrix
) -> None:
    found = registry.nearest("dogs", Query(query, k=DEEP, restriction=breed("breed1")))[0]

    numbers = [int(hit.document.id.removeprefix("pet")) for hit in found.hits]
    assert sorted(numbers) == [*range(1, PETS, BREEDS)]
    assert numbers == sorted(numbers, key=lambda number: -float(VECTORS[number] @ query[0]))
