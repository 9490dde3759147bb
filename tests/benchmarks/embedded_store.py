"""How quick the embedded store is: python tests/benchmarks/embedded_store.py [photos] [dims]

Photos are given as embeddings: one centre for every hundred, each photo its centre plus noise of equal variance,
brought to unit length. Every pet has one photo, one of 100 breeds, and an owner. Prints rows written a second, median
times of a query beside the bare NumPy product, the two measured in turns, opening, memory and file size.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix, unit
from petfinder.stores.documents import Document, IndexSpec
from petfinder.stores.sqlite.store import EmbeddedStore

Step = Callable[[Matrix], object]
SEED = 1
BREEDS = 100
QUERIES = 50
EVERYTHING = Restriction()
ONE_BREED = Restriction(terms=(("breed", ("breed 7",)),))


def photos(count: int, dims: int) -> Matrix:
    """Unit vectors (count, dims) around count / 100 Gaussian centres."""
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(max(1, count // 100), dims)).astype(np.float32)
    of_centre = random.integers(len(centres), size=count)
    matrix = np.empty((count, dims), dtype=np.float32)
    for first in range(0, count, 10_000):
        some = of_centre[first : first + 10_000]
        matrix[first : first + len(some)] = unit(centres[some] + random.normal(size=(len(some), dims)))
    return matrix


def documents(matrix: Matrix) -> Iterator[Document]:
    """A pet for each vector."""
    for number in range(len(matrix)):
        breed = f"breed {number % BREEDS}"
        yield Document(
            id=f"pet{number:07d}",
            body={
                "species": "dog",
                "name": f"Pet {number}",
                "breed": breed,
                "photos": [{"photo_id": f"photo{number}"}],
            },
            owner={"name": "Ully", "phone": f"+49 170 {number:07d}"},
            terms={"breed": (breed,), "status": ("home",), "words": ("pet", str(number), "breed")},
            photo_ids=(f"photo{number}",),
            vectors=matrix[number : number + 1],
        )


def medians_ms(steps: Mapping[str, Step], queries: Matrix) -> dict[str, float]:
    """The median time of each step over the queries, in milliseconds; in turns, so that other work slows all alike."""
    times: dict[str, list[float]] = {what: [] for what in steps}
    for query in queries:
        for what, step in steps.items():
            began = time.perf_counter()
            step(query[None])
            times[what].append(time.perf_counter() - began)
    return {what: statistics.median(some) * 1000 for what, some in times.items()}


def memory_mb() -> float:
    """What this process holds in memory, in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main(count: int, dims: int) -> None:
    """Fill a store, search it, and print what it took."""
    matrix = photos(count, dims)
    queries = unit(matrix[:: max(1, count // QUERIES)][:QUERIES] + 0.02)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pets.db"
        store = EmbeddedStore(path)
        store.create_index("dogs", IndexSpec(species="dog", encoder="given", dims=dims))
        began = time.perf_counter()
        written = sum(outcome.result == "added" for outcome in store.write("dogs", documents(matrix), mode="create"))
        seconds = time.perf_counter() - began
        print(f"{written} photos x {dims}: {written / seconds:,.0f} rows/s durably written ({seconds:.1f} s)")
        began = time.perf_counter()
        store.close()
        print(f"close {time.perf_counter() - began:.2f} s, file {path.stat().st_size / 1e6:.0f} MB")

        before = memory_mb()
        began = time.perf_counter()
        store = EmbeddedStore(path)
        opened = time.perf_counter() - began
        store.nearest("dogs", queries[:1], k=10, restriction=EVERYTHING)
        print(f"open {opened * 1000:.0f} ms, with the first search {time.perf_counter() - began:.2f} s")
        grown = memory_mb() - before
        print(f"memory grows by {grown:.0f} MB, {grown * 1e6 / count:.0f} bytes a photo")

        def search(query: Matrix, restriction: Restriction) -> object:
            return store.nearest("dogs", query, k=10, restriction=restriction)

        medians = medians_ms(
            {
                "bare product": lambda query: matrix @ query[0],
                "top 10, no filter": lambda query: search(query, EVERYTHING),
                "top 10, 1 % kept": lambda query: search(query, ONE_BREED),
            },
            queries,
        )
        for what, ms in medians.items():
            print(f"{what}: p50 {ms:.2f} ms, {ms / medians['bare product']:.2f} x bare")
        began = time.perf_counter()
        store.nearest("dogs", queries, k=10, restriction=EVERYTHING)
        together = (time.perf_counter() - began) * 1000
        began = time.perf_counter()
        _ = queries @ matrix.T
        bare_together = (time.perf_counter() - began) * 1000
        print(f"{len(queries)} queries in one call {together:.0f} ms, bare product {bare_together:.0f} ms")
        store.close()


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(given[0] if given else 100_000, given[1] if len(given) > 1 else 512)
