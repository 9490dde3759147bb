"""How quickly pets go into Elasticsearch: vectors as base64 or as JSON lists, and one request a pet as in notebooks.

Part `upload` of tests.benchmarks.elasticsearch_store. The ways are taken in turns, a few thousand pets each.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from elasticsearch import Elasticsearch

from petfinder.domain.vectors import unit
from petfinder.stores.documents import Document
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks.elasticsearch_server import BLOCK, fill, print_table, spec, store_on, write
from tests.benchmarks.embedded_store import SEED, documents

DIMS = 512
TURNS = 4
LISTS, BASE64 = "JSON lists", "base64"
LOOP = "one client.index a pet, JSON lists"
INDEXES = {
    "as petfinder makes it": {},
    "with next to no graph": {"m": 2, "ef_construction": 4},  # what is left is what sending and reading cost
}


def pets(count: int) -> Iterator[Document]:
    """So many pets with a photo each, around count / 100 centres, made as they are asked for."""
    centres = np.random.default_rng(SEED).normal(size=(max(1, count // 100), DIMS)).astype(np.float32)
    for first in range(0, count, BLOCK):
        random = np.random.default_rng([SEED, first])
        size = min(BLOCK, count - first)
        near = centres[random.integers(len(centres), size=size)]
        made = documents(unit(near + random.normal(size=(size, DIMS))))
        yield from (replace(one, id=f"pet{number:07d}") for number, one in enumerate(made, first))


def sending(client: Elasticsearch, *, packed: bool) -> ElasticsearchStore:
    """A store that sends vectors in this way, whatever the server takes."""
    store = store_on(client)
    store._session.__dict__["packed"] = packed  # in the place of what the session finds out
    return store


def one_by_one(client: Elasticsearch, some: Iterable[Document]) -> float:
    """The loop of a notebook: a request a pet, its vector as a list, into an index with the server's own defaults."""
    name = "upload-loop"
    vector = {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine"}
    client.options(ignore_status=404).indices.delete(index=name)
    client.indices.create(index=name, mappings={"properties": {"image_embedding": vector}})
    began = time.perf_counter()
    for one in some:
        body = {"dog_id": one.id, "breed": one.terms["breed"][0], "image_embedding": one.vectors[0].tolist()}
        client.index(index=name, document=body)
    client.indices.refresh(index=name)
    return time.perf_counter() - began


def upload(client: Elasticsearch, *, count: int, loop: int) -> None:
    """Write so many pets in each way, and `loop` of them one by one; print pets a second and how the ways compare."""
    ways = {LISTS: sending(client, packed=False), BASE64: sending(client, packed=True)}
    took: dict[tuple[str, str], float] = {}
    for number, (index, settings) in enumerate(INDEXES.items()):
        stream, names = pets(count), {way: f"upload-{number}-{place}" for place, way in enumerate(ways)}
        for way, store in ways.items():
            took[index, way] = fill(store, names[way], spec(DIMS, **settings), ())
        for turn in range(TURNS):
            some = [*islice(stream, count // TURNS)]
            for way in [*ways][:: 1 if turn % 2 else -1]:
                took[index, way] += write(ways[way], names[way], some)[0]
    seconds = one_by_one(client, islice(pets(count), loop))
    rates = {(index, way): count // TURNS * TURNS / one for (index, way), one in took.items()}
    plain = {index: rates[index, LISTS] for index in INDEXES}
    rows: list[dict[str, object]] = [
        {"index": index, "sent as": way, "pets": count, "pets/s": rate, "x JSON lists": rate / plain[index]}
        for (index, way), rate in rates.items()
    ]
    first = next(iter(plain.values()))
    one, of = loop / seconds, {"index": "the server's defaults", "sent as": LOOP, "pets": loop}
    rows.append({**of, "pets/s": one, "x JSON lists": one / first})
    print_table(rows)


def memory(client: Elasticsearch, *, count: int) -> None:
    """Stream so many pets into an index with next to no graph; print by how much this process grows meanwhile."""
    store, name = store_on(client), "upload-memory"
    fill(store, name, spec(DIMS, m=2, ef_construction=4), pets(BLOCK))
    seconds, growth = write(store, name, islice(pets(BLOCK + count), BLOCK, None))
    vectors = count * DIMS * 4 / 1e6
    print_table([{"pets": count, "their vectors MB": vectors, "growth MB": growth, "pets/s": count / seconds}])
