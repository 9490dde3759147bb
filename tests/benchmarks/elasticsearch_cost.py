"""What pets cost on each store as they become more: time of a search, memory and disk of one index that grows.

Part `cost` of tests.benchmarks.elasticsearch_store. Searches are those of a repository, both stores in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from elasticsearch import Elasticsearch
from matplotlib.figure import Figure

from petfinder.registry.repository import DogRepository
from petfinder.stores.base import Store
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.benchmarks import common
from tests.benchmarks.common import Row, Step
from tests.benchmarks.elasticsearch_server import rest, store_on

K, QUERIES = 5, 200
STEPS = (1000, 10_000, 100_000, 300_000)
EMBEDDED, ELASTICSEARCH = "embedded file", "Elasticsearch"
PANELS = ("p50 ms", "memory MB", "disk MB")


def server_room(client: Elasticsearch) -> Row:
    """Megabytes that a server on this machine holds, the heap in use, and the index on disk at this moment."""
    (node,) = client.nodes.stats(metric="jvm,process")["nodes"].items()
    (process,) = client.nodes.info(metric="process")["nodes"].values()
    client.indices.flush(index="cost", force=True)
    segments: Any = client.cat.segments(index="cost", bytes="b", h="size", format="json")  # statistics are 10 s old
    return {
        "memory MB": common.memory_mb(process["process"]["id"]),
        "of it heap in use MB": node[1]["jvm"]["mem"]["heap_used_in_bytes"] / 1e6,
        "disk MB": sum(int(one["size"]) for one in segments) / 1e6,
    }


def searching(store: Store) -> Step:
    repository = DogRepository(store, "cost")
    return lambda query: [match.pet.pet_id for match in repository.search(query, K)]


def steps(client: Elasticsearch, folder: Path, sizes: Sequence[int]) -> Iterator[list[Row]]:
    """The rows of one size after the other, as soon as they are known; `found` is the share of the exact answer."""
    most = max(sizes) + QUERIES
    queries = [pet[0] for pet in islice(common.embeddings(most), max(sizes), None)]
    before = common.memory_mb()
    stores: dict[str, Store] = {EMBEDDED: EmbeddedStore(folder / "pets.db"), ELASTICSEARCH: store_on(client)}
    streams = {who: common.documents(common.embeddings(most)) for who in stores}
    for store in stores.values():
        common.fill(store, "cost", common.spec(), ())
    own, there = common.memory_mb() - before, 0
    for size in sizes:
        before = common.memory_mb()
        written = {EMBEDDED: common.write(stores[EMBEDDED], "cost", islice(streams[EMBEDDED], size - there))}
        exact = [searching(stores[EMBEDDED])(query) for query in queries]
        own += common.memory_mb() - before
        written[ELASTICSEARCH] = common.write(
            stores[ELASTICSEARCH], "cost", islice(streams[ELASTICSEARCH], size - there)
        )
        merged = rest(client, "cost")
        turns = common.in_turns({who: searching(store) for who, store in stores.items()}, queries, warm=100)
        disk = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        room = {EMBEDDED: {"memory MB": own, "disk MB": disk}, ELASTICSEARCH: server_room(client)}
        rows = []
        for who, (seconds, growth) in written.items():
            found = {**common.times(turns[who]), "found": common.share_found(turns[who], exact)}
            writing = {"pets added/s": (size - there) / seconds, "writer grew MB": growth}
            rows.append({"pets": size, "store": who, **found, **room[who], **writing})
        rows[-1]["then merged s"] = merged
        yield rows
        there = size
    stores[EMBEDDED].close()


def plot(rows: Sequence[Row], path: Path) -> None:
    """Search time, memory and disk over the number of pets, a line for each store."""
    figure = Figure(figsize=(5 * len(PANELS), 4), dpi=120, layout="constrained")
    table = pd.DataFrame(rows)
    for panel, what in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        panel.set(xlabel="pets (one photo, 512 dims)", ylabel=what, xscale="log", yscale="log")
        for who, line in table.groupby("store", sort=False):
            panel.plot(line["pets"], line[what], "o-", label=who)
    panel.legend()
    figure.savefig(path)


def cost(client: Elasticsearch, *, sizes: Sequence[int], path: Path) -> None:
    """Grow both stores size by size; each prints its rows and draws the plot anew, so that Ctrl-C leaves what is."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for some in steps(client, Path(folder), sizes):
                rows += some
                common.print_table(rows)
                pd.DataFrame(rows).to_json(path.with_suffix(".json"), orient="records", indent=1)
                plot(rows, path)
        except KeyboardInterrupt:
            print("stopped before the end")
