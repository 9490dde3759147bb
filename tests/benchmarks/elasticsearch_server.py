"""A server for the benchmarks of Elasticsearch, and what people would do with it instead of petfinder.

The server is the tests' own (no native vector library): its absolute times mean nothing, ratios in one run do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import batches
from petfinder.stores.elasticsearch.documents import to_source
from tests.benchmarks.common import DIMS, K, Row, Step, memory_mb, pet_id, pets
from tests.elastic.servers import running_cluster

REST_SECONDS = 3.0  # an index that has not merged for so long is taken to be at rest
BULK = 500


@contextmanager
def server(url: str | None, *, heap: str = "4g") -> Iterator[Elasticsearch]:
    """A client of the server at this URL, or of one that is started for this run and gone after it."""
    if url is None:
        with running_cluster(heap=heap, warm=True) as cluster, server(cluster.url) as client:
            yield client
    else:
        with Elasticsearch(url, request_timeout=600) as client:
            yield client


def rest(client: Elasticsearch, name: str = "_all") -> None:
    """Wait until indexes no longer merge, without forcing them to."""
    client.indices.refresh(index=name)
    calm_since = time.perf_counter()
    while time.perf_counter() - calm_since < REST_SECONDS:
        time.sleep(0.25)
        there = client.indices.stats(index=name, metric="merge")["_all"]["total"]
        if there and there["merges"]["current"]:
            calm_since = time.perf_counter()
    client.indices.refresh(index=name)  # lets go of the segments that were merged away


def room(client: Elasticsearch, name: str) -> Row:
    """Megabytes of an index on disk, and of its vectors and graph that want to be in memory; its segments."""
    client.indices.flush(index=name, force=True)
    segments: Any = client.cat.segments(index=name, bytes="b", h="size", format="json")  # the store's size is 10 s old
    vectors = client.indices.stats(index=name, metric="dense_vector")["_all"]["primaries"]["dense_vector"]
    off_heap = vectors.get("off_heap", {})
    veq, veb, vec, vex = (off_heap.get(f"total_{kind}_size_bytes", 0) / 1e6 for kind in ("veq", "veb", "vec", "vex"))
    disk = sum(int(one["size"]) for one in segments) / 1e6
    return {"disk MB": disk, "hot MB": (veq + veb or vec) + vex, "segments": len(segments)}


def server_mb(client: Elasticsearch) -> float:
    """Megabytes of memory that a server on this machine holds."""
    (process,) = client.nodes.info(metric="process")["nodes"].values()
    return memory_mb(process["process"]["id"])


def make_flat(client: Elasticsearch, name: str, field: str = "vector", **options: Any) -> None:
    """Make an index of documents with one vector each: anew, all else the server's default."""
    client.options(ignore_status=404).indices.delete(index=name)
    vector = {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine", **options}
    client.indices.create(index=name, mappings={"properties": {field: vector}})


def fiftyone_writes(client: Elasticsearch, name: str, rows: Matrix, first: int = 0) -> None:
    """Vectors as FiftyOne sends them: JSON lists, in bulks of 500, each refreshed."""
    for start in range(0, len(rows), BULK):
        lines: list[Row] = []
        for number, row in enumerate(rows[start : start + BULK], first + start):
            own = {"sample_id": pet_id(number), "vector": row.tolist()}
            lines += [{"index": {"_index": name, "_id": pet_id(number)}}, own]
        assert not client.bulk(index=name, operations=lines, refresh=True)["errors"]


def fiftyone_fills(client: Elasticsearch, name: str, rows: Matrix, **options: Any) -> None:
    """An index as FiftyOne makes and fills it; it states no `options` of the vector's."""
    make_flat(client, name, **options)
    fiftyone_writes(client, name, rows)
    client.indices.refresh(index=name)


def fiftyone_asks(
    client: Elasticsearch, name: str, view: Sequence[str] | None = None, *, k: int = K, width: int = 10 * K, **more: Any
) -> Step:
    """The request of FiftyOne's similarity index, whose view is a filter that names the ids of its samples."""
    if view is not None:
        more["filter"] = {"terms": {"_id": view}}

    def ask(query: Any) -> list[str]:
        knn = {"field": "vector", "query_vector": query.tolist(), "k": k, "num_candidates": width, **more}
        answer = client.search(index=name, knn=knn, size=k, source=False)
        return [hit["_id"] for hit in answer["hits"]["hits"][:K]]

    return ask


def sources(repository: pf.PetRepository[pf.Dog], rows: Matrix, *, packed: bool = True) -> list[Row]:
    """What petfinder sends for these rows, vectors as base64 or (not packed) as lists."""
    made = (repository.to_document(pet) for pet in pets(rows) if isinstance(pet, pf.Dog))
    return [to_source(one, dims=DIMS, packed=packed, run="run") for one in made]


def bare_bulk(client: Elasticsearch, name: str, documents: Sequence[Row]) -> None:
    """The documents of petfinder, ready made, in bulks of 500 by two threads, refreshed at the end."""

    def send(part: Sequence[Row]) -> None:
        lines = [line for one in part for line in ({"create": {"_index": name, "_id": one["id"]}}, one)]
        assert not client.bulk(operations=lines)["errors"]

    with ThreadPoolExecutor(2) as pool:
        [*pool.map(send, batches(iter(documents), BULK))]
    client.indices.refresh(index=name)


def one_by_one(client: Elasticsearch, name: str, documents: Iterable[Row], *, refresh: bool) -> None:
    """The loop of a notebook: a request a pet, its vector as a list."""
    for document in documents:
        client.index(index=name, document=document, refresh=refresh)
    client.indices.refresh(index=name)
