"""How quick the embedded store is: python tests/benchmarks/embedded_store.py [PHOTOS] [DIMS]

Photos are given as embeddings, clustered as `embeddings` in tests.benchmarks.common says; every pet has one. Prints
rows written a second, median times of a query beside the bare NumPy product, the two measured in turns, opening,
memory and file size.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import unit
from petfinder.stores.documents import Query
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.benchmarks import common
from tests.benchmarks.common import DIMS

QUERIES = 50
EVERYTHING, ONE_BREED = Restriction(), Restriction(terms=(("breed", ("breed 7",)),))


def main(count: int = 100_000, dims: int = DIMS) -> None:
    matrix = np.concatenate([*common.embeddings(count, dims)])
    queries = unit(matrix[:: max(1, count // QUERIES)][:QUERIES] + 0.02)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pets.db"
        store = EmbeddedStore(path)
        seconds = common.fill(store, "dogs", common.spec(dims), common.documents(matrix[:, None]))
        print(f"{count} photos x {dims}: {count / seconds:,.0f} rows/s durably written ({seconds:.1f} s)")
        print(f"close {common.timed(store.close).ms / 1e3:.2f} s, file {path.stat().st_size / 1e6:.0f} MB")

        before, opening = common.memory_mb(), common.timed(EmbeddedStore, path)
        store = opening.answer

        def search(some: np.ndarray, restriction: Restriction = EVERYTHING) -> object:
            return store.nearest("dogs", Query(np.atleast_2d(some), k=10, restriction=restriction))

        first = common.timed(search, queries[0])
        print(f"open {opening.ms:.0f} ms, with the first search {(opening.ms + first.ms) / 1e3:.2f} s")
        grown = common.memory_mb() - before
        print(f"memory grows by {grown:.0f} MB, {grown * 1e6 / count:.0f} bytes a photo")
        steps = {
            "bare product": lambda query: matrix @ query,
            "top 10, no filter": search,
            "top 10, 1 % kept": lambda query: search(query, ONE_BREED),
        }
        common.print_table(common.compared(common.in_turns(steps, queries), "bare product"))
        together, bare = common.timed(search, queries), common.timed(lambda: queries @ matrix.T)
        print(f"{len(queries)} queries in one call {together.ms:.0f} ms, bare product {bare.ms:.0f} ms")
        store.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
