"""How quickly pets go into Elasticsearch: vectors as base64 or as JSON lists, and one request a pet as in notebooks.

Part `upload` of tests.benchmarks.elasticsearch_store. The ways are taken in turns, a few thousand pets each.
"""

from __future__ import annotations

from itertools import islice

from elasticsearch import Elasticsearch

from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks.common import BLOCK, DIMS, Row, documents, embeddings, fill, print_table, spec, timed, write
from tests.benchmarks.elasticsearch_server import make_flat, store_on

TURNS = 4
LOOP = "one client.index a pet, JSON lists"
NO_GRAPH = {"m": 2, "ef_construction": 4}  # what is left is what sending and reading cost
INDEXES = {"as petfinder makes it": {}, "with next to no graph": NO_GRAPH}


def sending(client: Elasticsearch, *, packed: bool) -> ElasticsearchStore:
    """A store that sends vectors in this way, whatever the server takes."""
    store = store_on(client)
    store._session.__dict__["packed"] = packed  # in the place of what the session finds out
    return store


def one_by_one(client: Elasticsearch, count: int) -> None:
    """The loop of a notebook: a request a pet, its vector as a list, into an index with the server's own defaults."""
    make_flat(client, "upload-loop", "image_embedding", {"dims": DIMS})
    for one in documents(embeddings(count)):
        body = {"dog_id": one.id, "breed": one.terms["breed"][0], "image_embedding": one.vectors[0].tolist()}
        client.index(index="upload-loop", document=body)
    client.indices.refresh(index="upload-loop")


def upload(client: Elasticsearch, *, count: int, loop: int) -> None:
    """Write so many pets in each way, and `loop` of them one by one; print pets a second and how the ways compare."""
    ways = {"JSON lists": sending(client, packed=False), "base64": sending(client, packed=True)}
    rows: list[Row] = []
    for number, (index, settings) in enumerate(INDEXES.items()):
        stream = documents(embeddings(count))
        names = {way: f"upload-{number}-{place}" for place, way in enumerate(ways)}
        took = {way: fill(store, names[way], spec(**settings), ()) for way, store in ways.items()}
        for turn in range(TURNS):
            some = [*islice(stream, count // TURNS)]
            for way in [*ways][:: 1 if turn % 2 else -1]:
                took[way] += write(ways[way], names[way], some)[0]
        rows += [{"index": index, "sent as": way, "pets": count, "pets/s": count / took[way]} for way in ways]
    rate = loop / (timed(one_by_one, client, loop).ms / 1e3)
    rows.append({"index": "the server's defaults", "sent as": LOOP, "pets": loop, "pets/s": rate})
    plain = {row["index"]: row["pets/s"] for row in rows if row["sent as"] == "JSON lists"}
    print_table([{**row, "x JSON lists": row["pets/s"] / plain.get(row["index"], rows[0]["pets/s"])} for row in rows])


def memory(client: Elasticsearch, *, count: int) -> None:
    """Stream so many pets into an index with next to no graph; print by how much this process grows meanwhile."""
    store, stream = store_on(client), documents(embeddings(BLOCK + count))
    fill(store, "upload-memory", spec(**NO_GRAPH), islice(stream, BLOCK))
    seconds, growth = write(store, "upload-memory", stream)
    vectors = count * DIMS * 4 / 1e6
    print_table([{"pets": count, "their vectors MB": vectors, "growth MB": growth, "pets/s": count / seconds}])
