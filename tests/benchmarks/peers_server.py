"""Part `server` of tests.benchmarks.peers: filling, asking, and asking while others write, on Elasticsearch."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain.vectors import Matrix
from tests.benchmarks import common
from tests.benchmarks import elasticsearch_server as server
from tests.benchmarks.common import BREEDS, Crowd, K, Row, Step, Turn

FIFTYONE, BARE, OURS = "FiftyOne's way", "bare bulk of petfinder's documents", "petfinder"
INDEXES = {FIFTYONE: "peers-fiftyone", BARE: "peers-bare", OURS: "peers-dogs"}
WARM = 5000  # pets that each way writes before the clock runs: the server compiles what is called often
WARM_ROUNDS = 10  # of the questions: a server that has answered few is still compiling
A_SECOND, LATE, ROUNDS, LEAD = 200, 20_000, 5, 2.0


def anew(client: Elasticsearch, way: str) -> pf.Registry:
    """A registry whose index is empty, or the index of another way beside it; the server is at rest."""
    registry = pf.connect(client, name="peers")
    if way == FIFTYONE:
        client.options(ignore_status=404).indices.delete(index=INDEXES[way])
    else:
        registry.util.delete_index(INDEXES[way], missing="ignore")
        registry.util.create_index(INDEXES[way], pf.Dog)
    registry.dogs.count()
    server.rest(client)
    return registry


def ways_of(client: Elasticsearch, rows: Matrix) -> dict[str, tuple[Step, Step]]:
    """What makes ready and what fills, for each way."""
    documents = server.sources(anew(client, OURS).dogs.repository, rows)
    fills: dict[str, Step] = {
        FIFTYONE: lambda _: server.fiftyone_fills(client, INDEXES[FIFTYONE], rows),
        BARE: lambda _: server.bare_bulk(client, INDEXES[BARE], documents),
        OURS: lambda registry: common.register(registry, rows),
    }
    return {way: (partial(anew, client, way), fill) for way, fill in fills.items()}


def on_server(client: Elasticsearch, count: int, runs: int) -> tuple[list[Row], Row]:
    """Fill, ask, and ask while others write; the lines of the summary, and what this size takes."""
    pets = common.crowd(count)
    fiftyone, bare, own = filled(client, pets, runs)
    registry = pf.connect(client, name="peers")
    asks, memory = asked(client, registry, pets), server.server_mb(client)
    fiftyone_then, own_then = while_written(client, registry, pets.queries)
    what, speed = f"{count:,} pets into Elasticsearch, a second", own["a second"]
    lines = [common.line(what, speed, row["a second"], name) for name, row in ((FIFTYONE, fiftyone), (BARE, bare))]
    for breeds, (theirs, ours) in asks.items():
        note = f"recall {ours['recall']:.3f}, theirs {theirs['recall']:.3f}"
        for column in ("p50 ms", "p95 ms"):
            what = f"nearest {K} on Elasticsearch, {breeds} % kept, {column}"
            lines.append(common.line(what, ours[column], theirs[column], FIFTYONE, note))
    note = f"{own_then['a second']:.0f} a second; {FIFTYONE}: x {fiftyone_then['x p50']:.2f}"
    what, ms = "nearest while pets are written, p50 ms", own_then["p50 ms"]
    lines.append(common.line(what, ms, own_then["quiet p50 ms"], "the same when quiet", note))
    size = {"pets": count, "store": "Elasticsearch", "p50 ms": asks[BREEDS][1]["p50 ms"], "memory MB": memory}
    return lines, {**size, "disk MB": own["disk MB"], "a second": speed}


def filled(client: Elasticsearch, pets: Crowd, runs: int) -> list[Row]:
    """Fill all three indexes; a row each. What was filled last stays."""
    for ready, fill in ways_of(client, pets.rows[:WARM]).values():
        fill(ready())
    common.in_turns(asking(client, pf.connect(client, name="peers")), pets.queries, warm=common.QUERIES)
    ways = common.filling("filling Elasticsearch", ways_of(client, pets.rows), len(pets.rows), runs)
    server.rest(client)
    for way, row in ways.items():
        row |= {"x FiftyOne": row["a second"] / ways[FIFTYONE]["a second"], **server.room(client, INDEXES[way])}
    common.print_table([*ways.values()])
    return [*ways.values()]


def asking(
    client: Elasticsearch, registry: pf.Registry, breeds: int = BREEDS, view: Sequence[str] | None = None
) -> dict[str, Step]:
    """Both ways of asking, among the pets of the first so many breeds, of which `view` has the ids."""
    fiftyone = server.fiftyone_asks(client, INDEXES[FIFTYONE], view)
    return {FIFTYONE: fiftyone, OURS: common.search(registry.dogs.repository, breeds)}


def asked(client: Elasticsearch, registry: pf.Registry, pets: Crowd) -> dict[int, list[Row]]:
    """Ask both for the nearest, in turns, on the indexes as they are; by how many breeds a filter keeps."""
    rows = {}
    for breeds in (BREEDS, BREEDS // 10, BREEDS // 100):
        steps = asking(client, registry, breeds, pets.view(breeds))
        for _ in range(WARM_ROUNDS):
            common.in_turns(steps, pets.queries)
        turns = common.in_turns(steps, pets.queries)
        rows[breeds] = common.beside(f"asking, {breeds} % kept", turns, FIFTYONE, pets.truth(breeds))
        common.print_table(rows[breeds])
    return rows


@contextmanager
def writing(write: Callable[[Matrix, int], object], late: Matrix, first: int) -> Iterator[list[int]]:
    """Write what is due of 200 pets a second, every tenth of one, from another thread; how many each time."""
    ended, written, began = threading.Event(), list[int](), time.perf_counter()

    def run() -> None:
        while not ended.wait(0.1):
            there = sum(written)
            due = late[there : int(A_SECOND * (time.perf_counter() - began))]
            write(due, first + there)
            written.append(len(due))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield written
        finally:
            ended.set()
    running.result()


def while_written(client: Elasticsearch, registry: pf.Registry, queries: Matrix) -> list[Row]:
    """Ask each when all is quiet and while 200 pets a second are written to it, by turns of 40 queries."""
    late, order = np.concatenate([*common.embeddings(LATE)]), random.Random(common.SEED)
    asks = asking(client, registry)
    writes: dict[str, Callable[[Matrix, int], object]] = {
        FIFTYONE: lambda rows, first: server.fiftyone_writes(client, INDEXES[FIFTYONE], rows, first),
        OURS: lambda rows, first: common.register(registry, rows, first),
    }
    cases = [(way, busy) for way in asks for busy in (False, True)]
    turns, speeds = defaultdict[tuple[str, bool], list[Turn]](list), defaultdict[str, list[float]](list)
    for turn, some in enumerate(np.array_split(queries, ROUNDS), 1):
        for way, busy in order.sample(cases, len(cases)):
            began = time.perf_counter()
            with writing(writes[way], late, turn * 10**8) if busy else nullcontext() as written:
                time.sleep(LEAD)
                turns[way, busy] += common.in_turns({way: asks[way]}, some)[way]
            if written:
                speeds[way].append(sum(written) / (time.perf_counter() - began))
    server.rest(client)
    rows = []
    for way in asks:
        quiet, then = common.times(turns[way, False]), common.times(turns[way, True])
        rows.append({"asking while pets are written": way, "a second": np.median(speeds[way]), **then})
        rows[-1] |= {f"quiet {column}": ms for column, ms in quiet.items()}
        rows[-1] |= {f"x {column[:3]}": then[column] / quiet[column] for column in quiet}
    common.print_table(rows)
    return rows
