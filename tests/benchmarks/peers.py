"""petfinder beside what people would pick instead, in one run: python -m tests.benchmarks.peers [PART ...] [--help]

Parts: `server` (filling, asking, asking while others write, on Elasticsearch), `kinds` (the same documents under other
index options), `file` (the same in a file), `photos` (registering pictures). FiftyOne's way: JSON lists, bulks of 500,
a refresh after each; its request: 10 k candidates, no index options stated. Ratios count; an idle machine is wanted.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain.vectors import Matrix, unit
from petfinder.stores.documents import IndexSpec, batches
from petfinder.stores.elasticsearch import documents, mapping
from petfinder.stores.elasticsearch import queries as bodies
from tests.benchmarks import common
from tests.benchmarks.common import BREEDS, DIMS, Row, Step, pet_id, print_table, timed
from tests.benchmarks.elasticsearch_recall import QUERIES, K, crowd, fill_flat, flat
from tests.benchmarks.elasticsearch_server import server

BULK = 500
PARTS = ("server", "kinds", "file", "photos")


def fields(count: int, first: int = 0) -> dict[str, dict[str, str]]:
    return {pet_id(number): {"breed": f"breed {number % BREEDS}"} for number in range(first, first + count)}


def register(registry: pf.Registry, rows: Matrix, first: int = 0) -> None:
    """Register a pet for each row by the public call."""
    known = fields(len(rows), first)
    report = registry.dogs.register_many(pf.from_arrays([*known], rows, fields=known), progress=False)
    assert len(report.added) == len(rows), report


def bare_bulk(client: Elasticsearch, name: str, sources: Sequence[Row]) -> None:
    """The documents of petfinder, ready made, in bulks of 500 by two threads, refreshed at the end."""

    def send(part: Sequence[Row]) -> None:
        lines = [line for one in part for line in ({"create": {"_index": name, "_id": one["id"]}}, one)]
        assert not client.bulk(operations=lines)["errors"]

    with ThreadPoolExecutor(2) as pool:
        [*pool.map(send, batches(iter(sources), BULK))]
    client.indices.refresh(index=name)


def sources_of(registry: pf.Registry, rows: Matrix) -> list[Row]:
    """What petfinder sends for these rows."""
    pets = pf.from_arrays([pet_id(number) for number in range(len(rows))], rows, fields=fields(len(rows)))
    repository = registry.dogs.repository
    made = (repository.to_document(pet) for pet in pets if isinstance(pet, pf.Dog))
    return [documents.to_source(one, dims=DIMS, packed=True, run="run") for one in made]


def ours(registry: pf.Registry, breeds: int = BREEDS) -> Step:
    where = pf.PetFilter(breed=[f"breed {n}" for n in range(breeds)]) if breeds < BREEDS else None
    return lambda query: [match.pet.pet_id for match in registry.dogs.repository.search(query, K, where)]


@contextmanager
def writing(write: Callable[[int], object], a_second: int) -> Iterator[None]:
    """Write a tenth of so many pets every tenth of a second, from another thread, until the block is left."""
    ended = threading.Event()

    def run() -> None:
        began = time.perf_counter()
        for turn in range(10**6):
            write(turn)
            if ended.wait(max(0.0, began + (turn + 1) / 10 - time.perf_counter())):
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def on_server(client: Elasticsearch, count: int) -> None:
    pets = crowd(count)
    rows, queries = pets.pets[:, 0], pets.queries
    registry = pf.connect(client, name="peers")
    for index in [*registry.indexes()]:
        registry.util.delete_index(index.name)
    registry.dogs.count()
    bare = registry.dogs.repository
    sources = sources_of(registry, rows)
    filled: list[Row] = []
    ways: dict[str, Callable[[], object]] = {
        "FiftyOne's way": lambda: fill_flat(client, "peers-fiftyone", pets.pets, {}, refresh=True),
        "bare bulk of petfinder's documents": lambda: bare_bulk(client, "peers-bare", sources),
        "register_many(from_arrays(...))": lambda: register(registry, rows),
    }
    registry.util.store.create_index("peers-bare", bare.spec)
    for name, way in ways.items():
        filled.append({"filling": name, "pets": count, "pets/s": count / (timed(way).ms / 1e3)})
    for row, index in zip(filled, ("peers-fiftyone", "peers-bare", bare.index), strict=True):
        stats = client.indices.stats(index=index, metric="segments,store")["_all"]["primaries"]
        row |= {"x FiftyOne": row["pets/s"] / filled[0]["pets/s"], "segments": stats["segments"]["count"]}
    print_table(filled)
    for breeds in (BREEDS, BREEDS // 10):
        view = [pet_id(number) for number in pets.passing(breeds)] if breeds < BREEDS else None
        steps = {"FiftyOne": flat(client, "peers-fiftyone", view, 10 * K), "petfinder": ours(registry, breeds)}
        compared(f"asking, {breeds} % kept", steps, queries, pets.truth(breeds))
    late = np.concatenate([*common.embeddings(20 * QUERIES * 10)])

    def write(turn: int) -> None:
        register(registry, late[20 * turn : 20 * turn + 20], first=10**6 + 20 * turn)

    quiet = common.in_turns({"quiet": ours(registry)}, queries)
    with writing(write, 200):
        busy = common.in_turns({"while 200 pets a second are written": ours(registry)}, queries)
    turns = {**quiet, **busy}
    print_table([{"asking": name, **common.times(own)} for name, own in turns.items()])


def kinds(client: Elasticsearch, count: int) -> None:
    """Bare bulks of petfinder's documents beside FiftyOne's way, by the kind of graph, each kind filled twice."""
    pets = crowd(count)
    rows, nearest = pets.pets[:, 0], pets.truth(BREEDS)
    with pf.connect(client, name="peers") as registry:
        sources, spec = sources_of(registry, rows), registry.dogs.repository.spec
    fill_flat(client, "peers-fiftyone", pets.pets[: count // 4], {}, refresh=True)  # warm
    base = count / (timed(lambda: fill_flat(client, "peers-fiftyone", pets.pets, {}, refresh=True)).ms / 1e3)
    table: list[Row] = []
    for kind, width in 2 * [("int8_hnsw", 100), ("int8_hnsw", 40), ("bbq_hnsw", 100), ("bbq_hnsw", 40)]:
        client.options(ignore_status=404).indices.delete(index="peers-kind")
        body = mapping.pets_index(replace(spec, settings={"vectors": kind, "ef_construction": width}), {})
        client.indices.create(index="peers-kind", **body)
        filled = count / (timed(bare_bulk, client, "peers-kind", sources).ms / 1e3)
        request = queries_of(spec, kind)
        search = partial(asked, client, "peers-kind", request)
        turns = common.in_turns({kind: search}, pets.queries, warm=20)[kind]
        found = {"recall": common.share_found(turns, nearest), **common.times(turns)}
        table.append({"kind": kind, "ef": width, "pets/s": filled, "x FiftyOne": filled / base, **found})
    print_table(table)


def queries_of(spec: IndexSpec, kind: str) -> Callable[[Any], Row]:
    """The request that petfinder sends to an index of this kind."""
    of_kind = replace(spec, settings={"vectors": kind})
    return lambda query: bodies.nearest(query, of_kind, k=K, num_candidates=10 * K, clauses=())


def asked(client: Elasticsearch, name: str, body: Callable[[Any], Row], query: Any) -> list[str]:
    made = body(query)
    answer = client.search(index=name, knn=made["knn"], size=K, source_includes=made["_source"]["includes"])
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def compared(what: str, steps: dict[str, Step], queries: Matrix, nearest: list[list[str]]) -> None:
    turns = common.in_turns(steps, queries, warm=20)
    base = np.quantile([turn.ms for turn in turns["FiftyOne"]], [0.5, 0.95])
    table = []
    for name, own in turns.items():
        p50, p95 = np.quantile([turn.ms for turn in own], [0.5, 0.95])
        row = {what: name, "p50 ms": p50, "p95 ms": p95, "x p50": p50 / base[0], "x p95": p95 / base[1]}
        table.append({**row, "recall": common.share_found(own, nearest)})
    print_table(table)


def in_file(count: int, folder: Path) -> None:
    pets = crowd(count)
    rows, queries = pets.pets[:, 0], pets.queries

    def bare() -> None:
        """SQLite and NumPy alone: an id, a body and the vector of each, synced once."""
        with sqlite3.connect(folder / "bare.db") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE pets (id TEXT PRIMARY KEY, body TEXT, vector BLOB) WITHOUT ROWID")
            made = (
                (pet_id(n), json.dumps({"breed": f"breed {n % BREEDS}"}), row.tobytes()) for n, row in enumerate(rows)
            )
            connection.executemany("INSERT INTO pets VALUES (?, ?, ?)", made)

    with pf.connect(folder / "pets.db") as registry:
        filled = [
            {"filling a file": name, "rows/s": count / (timed(way).ms / 1e3)}
            for name, way in {"SQLite and NumPy": bare, "petfinder": lambda: register(registry, rows)}.items()
        ]
        print_table(filled)
        steps = {"bare product": lambda query: np.argpartition(-(rows @ query), K)[:K], "petfinder": ours(registry)}
        print_table(common.compared(common.in_turns(steps, unit(queries), warm=20), "bare product"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--pets", type=int, default=50_000)
    parser.add_argument("--url", help="a server that runs already; else one is started")
    options = parser.parse_args()
    for part, run in {"server": on_server, "kinds": kinds}.items():
        if part in options.parts:
            with server(options.url, heap="1g") as client:
                run(client, options.pets)
    if "file" in options.parts:
        with tempfile.TemporaryDirectory() as folder:
            in_file(options.pets, Path(folder))
    if "photos" in options.parts:
        from tests.benchmarks import registration

        registration.main()


if __name__ == "__main__":
    main()
