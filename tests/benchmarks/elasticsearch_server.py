"""What the benchmarks of Elasticsearch share: a server of their own, indexes filled and at rest, times taken in turns.

The server is the tests' own (no native vector library): its absolute times mean nothing, ratios in one run do.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from elasticsearch import Elasticsearch

from petfinder.domain.vectors import Matrix
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks.embedded_store import memory_mb
from tests.elastic.servers import running_cluster

BLOCK = 1000  # pets that are made, or written between two looks at the memory
REST_SECONDS = 3.0  # an index that has not merged for so long is taken to be at rest
Key = TypeVar("Key")
Ids = Sequence[str]
Step = Callable[[np.ndarray[Any, Any]], Ids]


@dataclass(frozen=True)
class Taken:
    """One way of asking: how many of the true neighbours it found, and its times."""

    recall: float
    p50_ms: float
    p90_ms: float


@contextmanager
def server(url: str | None, *, heap: str = "4g") -> Iterator[Elasticsearch]:
    """A client of the server at this URL, or of one that is started for this run and gone after it."""
    if url is None:
        with running_cluster(heap=heap, warm=True) as cluster, server(cluster.url) as client:
            yield client
        return
    client = Elasticsearch(url, request_timeout=600)
    try:
        yield client
    finally:
        client.close()


def store_on(client: Elasticsearch) -> ElasticsearchStore:
    """A store over a client that stays open when it is closed."""
    return ElasticsearchStore(client, owns_client=False)


def spec(dims: int, **settings: Any) -> IndexSpec:
    """Dogs with given embeddings, under settings of the store's own."""
    return IndexSpec(species="dog", encoder="given", dims=dims, settings=settings)


def fill(store: ElasticsearchStore, name: str, index: IndexSpec, documents: Iterable[Document]) -> float:
    """Make an index and write documents into it, all of which must go in; returns the seconds that took."""
    if name in store.index_names():
        store.delete_index(name)
    store.create_index(name, index)
    return write(store, name, documents)[0]


def write(store: Store, name: str, documents: Iterable[Document]) -> tuple[float, float]:
    """Write documents, all of which must go in; returns the seconds, and by how many MB this process grew at most."""
    began, before = time.perf_counter(), memory_mb()
    most = before
    for number, outcome in enumerate(store.write(name, documents, mode="create")):
        assert outcome.result == "added", outcome
        if number % BLOCK == 0:
            most = max(most, memory_mb())
    return time.perf_counter() - began, max(most, memory_mb()) - before


def rest(client: Elasticsearch, name: str) -> float:
    """Wait until an index no longer merges, without forcing it to; returns the seconds."""
    client.indices.refresh(index=name)
    began = calm_since = time.perf_counter()
    while time.perf_counter() - calm_since < REST_SECONDS:
        time.sleep(0.25)
        if client.indices.stats(index=name, metric="merge")["_all"]["total"]["merges"]["current"]:
            calm_since = time.perf_counter()
    client.indices.refresh(index=name)  # lets go of the segments that were merged away
    return calm_since - began


def room(client: Elasticsearch, name: str) -> dict[str, float]:
    """Megabytes of an index on disk, and of its vectors and graph that want to be in memory; its segments."""
    client.indices.flush(index=name, force=True)
    stats = client.indices.stats(index=name, metric="store,dense_vector,segments")["_all"]["primaries"]
    off_heap = stats["dense_vector"].get("off_heap", {})
    return {
        "disk MB": stats["store"]["size_in_bytes"] / 1e6,
        "quantised MB": (off_heap.get("total_veq_size_bytes", 0) + off_heap.get("total_veb_size_bytes", 0)) / 1e6,
        "whole vectors MB": off_heap.get("total_vec_size_bytes", 0) / 1e6,
        "graph MB": off_heap.get("total_vex_size_bytes", 0) / 1e6,
        "segments": stats["segments"]["count"],
    }


def in_turns(steps: Mapping[Key, Step], queries: Matrix, truth: Sequence[Ids], *, warm: int = 20) -> dict[Key, Taken]:
    """Each step over all queries, one query of each after the other in random order, so that noise hits all alike."""
    names, order = [*steps], random.Random(1)
    times: dict[Key, list[float]] = {name: [] for name in names}
    found: dict[Key, int] = dict.fromkeys(names, 0)
    for query in queries[:warm]:
        for step in steps.values():
            step(query)
    for query, nearest in zip(queries, truth, strict=True):
        order.shuffle(names)
        for name in names:
            began = time.perf_counter()
            ids = steps[name](query)
            times[name].append(time.perf_counter() - began)
            found[name] += len(set(ids) & set(nearest))
    total = sum(len(nearest) for nearest in truth)
    return {
        name: Taken(found[name] / total, statistics.median(took) * 1e3, float(np.quantile(took, 0.9)) * 1e3)
        for name, took in times.items()
    }


def heap_mb(client: Elasticsearch) -> float:
    """The heap that the server uses at this moment, in MB."""
    nodes = client.nodes.stats(metric="jvm")["nodes"].values()
    return float(sum(node["jvm"]["mem"]["heap_used_in_bytes"] for node in nodes)) / 1e6


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Rows as a table in Markdown; numbers rounded to what can be told apart."""
    columns = [*rows[0]]
    lines = [columns, ["---"] * len(columns), *[[_cell(row[column]) for column in columns] for row in rows]]
    print("\n".join("| " + " | ".join(line) + " |" for line in lines), flush=True)


def _cell(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def keep(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """The rows of a table as JSON, beside its plot."""
    path.write_text(json.dumps(rows, indent=1))
