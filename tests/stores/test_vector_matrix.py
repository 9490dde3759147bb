"""The embedded store's similarities: the same for the same two vectors, wherever they stand and whoever asks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import Query
from petfinder.stores.sqlite.matrix import Change, VectorMatrix
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.samples import EVERYTHING, SPEC, breed, directions, document, ids, write

DIMS = 512


@pytest.fixture
def store() -> Iterator[EmbeddedStore]:
    """Five hundred pets in random order, ten sharing each of fifty vectors."""
    rows = directions(50, seed=1, dims=DIMS)
    numbers = random.Random(3).sample(range(500), 500)
    with closing(EmbeddedStore(None)) as store:
        store.create_index("dogs", replace(SPEC, dims=DIMS))
        write(
            store, [document(f"pet{n:03d}", rows[n % 50][None], terms={"breed": (f"breed{n % 7}",)}) for n in numbers]
        )
        yield store


def order(store: EmbeddedStore, queries: Matrix, *, k: int, where: Restriction) -> list[list[str]]:
    """The ids of the hits of each query."""
    return [
        ids(hit.document for hit in one.hits) for one in store.nearest("dogs", Query(queries, k=k, restriction=where))
    ]


@pytest.mark.parametrize("where", [EVERYTHING, breed("breed1"), breed("breed1", "breed2", "breed3", "breed4")])
def test_twins_go_by_id_at_every_cut_alone_and_among_other_queries(store: EmbeddedStore, where: Restriction) -> None:
    queries = directions(40, seed=9, dims=DIMS)
    everything = order(store, queries, k=500, where=where)
    for whole in everything:
        twins = [id_ for id_ in whole if int(id_[3:]) % 50 == int(whole[0][3:]) % 50]
        assert whole[: len(twins)] == sorted(twins)
    for k in (1, 4, 13, 111):
        assert order(store, queries, k=k, where=where) == [whole[:k] for whole in everything]
        alone = [order(store, query[None], k=k, where=where)[0] for query in queries[:10]]
        assert alone == [whole[:k] for whole in everything[:10]]


def test_a_minimum_is_met_to_the_last_bit(store: EmbeddedStore) -> None:
    query = directions(1, seed=9, dims=DIMS)
    third = store.nearest("dogs", Query(query, k=30))[0].hits[25].similarity
    for least, count in ((third, 30), (math.nextafter(third, 2.0), 20)):
        answer = store.nearest("dogs", Query(query, k=500, min_similarity=least))[0]
        assert len(answer.hits) == count


def test_a_matrix_grows_over_many_blocks_without_moving_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petfinder.stores.sqlite.matrix._BLOCK_BYTES", 4 * 8 * 10)
    matrix = VectorMatrix(8)
    rows = directions(3000, seed=4)
    for number in range(0, 3000, 3):
        change = Change(number, 2, 1, rows[number : number + 3].tobytes())
        matrix.apply([[change]], rows=3, change=number)
    slots = matrix.chosen(None, without=np.zeros(0, dtype=np.int64))
    for some in (slots, np.arange(5, 300, 7), np.arange(1000)):
        for found, query in zip(matrix.nearest(rows[:5], some, k=3, min_similarity=None), rows[:5], strict=True):
            kept = range(1000) if some is None else some.tolist()
            best = sorted(kept, key=lambda slot: -(rows[slot * 3 : slot * 3 + 3] @ query).max())
            assert [one.doc for one in found] == [slot * 3 for slot in best[:3]]
