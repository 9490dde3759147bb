"""What pets cost on each store as they become more: time of a search, memory and disk of one index that grows.

Part `cost` of tests.benchmarks.elasticsearch_store. Searches are those of a repository, both stores in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from matplotlib.figure import Figure

from petfinder.registry.repository import DogRepository
from petfinder.stores.base import Store
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.benchmarks.elasticsearch_server import heap_mb, in_turns, keep, print_table, rest, spec, store_on, write
from tests.benchmarks.elasticsearch_upload import DIMS, pets
from tests.benchmarks.embedded_store import memory_mb

K = 5
QUERIES = 200
STEPS = (1000, 10_000, 100_000, 300_000)
EMBEDDED, ELASTICSEARCH = "embedded file", "Elasticsearch"
PANELS = ("p50 ms", "memory MB", "disk MB")
Row = dict[str, Any]


def server_mb(client: Elasticsearch) -> float:
    """Megabytes that a server on this machine holds, the files that it maps with them."""
    (node,) = client.nodes.info(metric="process")["nodes"].values()
    status = Path(f"/proc/{node['process']['id']}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def disk_mb(client: Elasticsearch) -> float:
    """Megabytes of the index on disk at this moment, where the store's statistics are up to ten seconds old."""
    client.indices.flush(index="cost", force=True)
    segments: Any = client.cat.segments(index="cost", bytes="b", h="size", format="json")
    return sum(int(one["size"]) for one in segments) / 1e6


def searching(store: Store) -> Callable[[Any], Sequence[str]]:
    """A search through a repository."""
    repository = DogRepository(store, "cost")
    return lambda query: [match.pet.pet_id for match in repository.search(query, K)]


def steps(client: Elasticsearch, folder: Path, sizes: Sequence[int]) -> Iterator[list[Row]]:
    """The rows of one size after the other, as soon as they are known; `found` is the share of the exact answer."""
    queries = np.stack([one.vectors[0] for one in islice(pets(max(sizes) + QUERIES), max(sizes), None)])
    before = memory_mb()
    embedded, elastic = EmbeddedStore(folder / "pets.db"), store_on(client)
    stores: dict[str, Store] = {EMBEDDED: embedded, ELASTICSEARCH: elastic}
    streams = {who: pets(max(sizes) + QUERIES) for who in stores}
    for store in stores.values():
        if "cost" in store.index_names():
            store.delete_index("cost")
        store.create_index("cost", spec(DIMS))
    own, there = memory_mb() - before, 0
    for size in sizes:
        before = memory_mb()
        grown = {EMBEDDED: write(embedded, "cost", islice(streams[EMBEDDED], size - there))}
        exact = [searching(embedded)(query) for query in queries]
        own += memory_mb() - before
        grown[ELASTICSEARCH] = write(elastic, "cost", islice(streams[ELASTICSEARCH], size - there))
        merged = rest(client, "cost")
        taken = in_turns({who: searching(store) for who, store in stores.items()}, queries, exact, warm=100)
        room_taken = {
            EMBEDDED: (own, "", sum(path.stat().st_size for path in folder.iterdir()) / 1e6, ""),
            ELASTICSEARCH: (server_mb(client), heap_mb(client), disk_mb(client), merged),
        }
        rows: list[Row] = []
        for who, (memory, heap, disk, merging) in room_taken.items():
            times = {"p50 ms": taken[who].p50_ms, "p90 ms": taken[who].p90_ms, "found": taken[who].recall}
            held = {"memory MB": memory, "of it heap in use MB": heap, "disk MB": disk}
            writing = {"pets added/s": (size - there) / grown[who][0], "then merged s": merging}
            rows.append({"pets": size, "store": who, **times, **held, **writing, "writer grew MB": grown[who][1]})
        yield rows
        there = size
    embedded.close()


def plot(rows: Sequence[Row], path: Path) -> None:
    """Search time, memory and disk over the number of pets, a line for each store."""
    figure = Figure(figsize=(5 * len(PANELS), 4), dpi=120, layout="constrained")
    for number, what in enumerate(PANELS):
        panel = figure.add_subplot(1, len(PANELS), number + 1)
        panel.set(xlabel="pets (one photo, 512 dims)", ylabel=what, xscale="log", yscale="log")
        for who in (EMBEDDED, ELASTICSEARCH):
            line = [(row["pets"], row[what]) for row in rows if row["store"] == who]
            panel.plot(*zip(*line, strict=True), "o-", label=who)
    panel.legend()
    figure.savefig(path)


def cost(client: Elasticsearch, *, sizes: Sequence[int], path: Path) -> None:
    """Grow both stores size by size; each prints its rows and draws the plot anew, so that Ctrl-C leaves what is."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for some in steps(client, Path(folder), sizes):
                rows += some
                print_table(some)
                keep(rows, path.with_suffix(".json"))
                plot(rows, path)
        except KeyboardInterrupt:
            print("stopped before the end")
    if rows:
        print_table(rows)
