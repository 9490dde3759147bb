"""Whatever way vectors are kept, cosines are exact; with one bit a dimension a near neighbour may be missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from petfinder.stores.documents import Document, Query
from petfinder.stores.elasticsearch.mapping import VECTOR_TYPES
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import EVERYTHING, SPEC, breed, directions, document, expected

DIMS = 64  # the fewest that one bit a dimension is offered for


@pytest.fixture(scope="module")
def pets() -> list[Document]:
    """Pets with one photo each, or two and a portrait, near forty directions."""
    clusters = directions(40, seed=1, dims=DIMS)
    noise = np.random.default_rng(2)
    made = []
    for number in range(600):
        rows = clusters[number % 40] + 0.1 * noise.normal(size=(1 + number % 2, DIMS))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        made.append(document(f"pet{number:03d}", rows, terms={"breed": (f"breed{number % 10}",)}))
    return made


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
    store.close()


def test_these_are_all_the_types_that_there_are() -> None:
    assert sorted(VECTOR_TYPES) == ["bbq_hnsw", "hnsw", "int8_hnsw"]
