"""A server for the benchmarks of Elasticsearch: indexes that are filled and at rest, and what they take there.

The server is the tests' own (no native vector library): its absolute times mean nothing, ratios in one run do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from elasticsearch import Elasticsearch

from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks.common import Row
from tests.elastic.servers import running_cluster

REST_SECONDS = 3.0  # an index that has not merged for so long is taken to be at rest


@contextmanager
def server(url: str | None, *, heap: str = "4g") -> Iterator[Elasticsearch]:
    """A client of the server at this URL, or of one that is started for this run and gone after it."""
    if url is None:
        with running_cluster(heap=heap, warm=True) as cluster, server(cluster.url) as client:
            yield client
    else:
        with Elasticsearch(url, request_timeout=600) as client:
            yield client


def store_on(client: Elasticsearch) -> ElasticsearchStore:
    """A store over a client that stays open when it is closed."""
    return ElasticsearchStore(client, owns_client=False)


def make_flat(client: Elasticsearch, name: str, field: str, vector: Row) -> None:
    """Make an index of documents with one vector each, as a notebook would: anew, all else the server's default."""
    client.options(ignore_status=404).indices.delete(index=name)
    whole = {"type": "dense_vector", "index": True, "similarity": "cosine", **vector}
    client.indices.create(index=name, mappings={"properties": {field: whole}})


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


def room(client: Elasticsearch, name: str) -> Row:
    """Megabytes of an index on disk, and of its vectors and graph that want to be in memory; its segments."""
    client.indices.flush(index=name, force=True)
    stats = client.indices.stats(index=name, metric="store,dense_vector,segments")["_all"]["primaries"]
    off_heap = stats["dense_vector"].get("off_heap", {})
    veq, veb, vec, vex = (off_heap.get(f"total_{kind}_size_bytes", 0) / 1e6 for kind in ("veq", "veb", "vec", "vex"))
    return {
        "disk MB": stats["store"]["size_in_bytes"] / 1e6,
        "quantised MB": veq + veb,
        "whole vectors MB": vec,
        "graph MB": vex,
        "segments": stats["segments"]["count"],
    }
