"""Parts `file` and `curve` of tests.benchmarks.peers: a file beside SQLite and NumPy alone, and as it grows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from itertools import chain, count, islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import petfinder as pf
from petfinder.domain.vectors import Matrix
from tests.benchmarks import common
from tests.benchmarks.common import BREEDS, K, Row, Step

BARE, PRODUCT, OURS = "SQLite and NumPy alone", "bare product", "petfinder"
WARM, PIECE = 2000, 50_000


def bare(path: Path, rows: Matrix) -> None:
    """An id, a body and the vector of each pet, synced once."""
    bodies = (json.dumps({"breed": f"breed {n % BREEDS}"}) for n in range(len(rows)))
    made = zip(map(common.pet_id, range(len(rows))), bodies, (row.tobytes() for row in rows), strict=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE pets (id TEXT PRIMARY KEY, body TEXT, vector BLOB) WITHOUT ROWID")
        with connection:
            connection.executemany("INSERT INTO pets VALUES (?, ?, ?)", made)


def opened(path: Path, queries: Matrix) -> Row:
    """What it takes to open a file and find in it, and by how much a process of its own grows."""
    before = common.memory_mb()
    opening = common.timed(lambda: pf.connect(path, create=False).dogs.repository)
    find = common.search(opening.answer)
    first = common.timed(find, queries[0])
    asked = common.times(common.in_turns({"": find}, queries, warm=20)[""])
    grown = {"memory MB": common.memory_mb() - before, "at most MB": common.memory_mb(peak=True) - before}
    return {"open ms": opening.ms, "first find ms": first.ms, **asked, **grown}


def opened_elsewhere(path: Path, queries: Matrix) -> Row:
    """The same in a new process; with the file's size."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        row = pool.submit(opened, path, queries).result()
    return {"disk MB": sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*")) / 1e6, **row}


def in_file(pets: int, runs: int, folder: Path) -> list[Row]:
    """Fill, ask and open a file; the lines of the summary."""
    some, numbers = common.crowd(pets), count()
    with ExitStack() as kept:
        registries: list[pf.Registry] = []

        def ready() -> pf.Registry:
            registries.append(kept.enter_context(pf.connect(folder / f"pets{next(numbers)}.db")))
            registries[-1].dogs.count()
            return registries[-1]

        common.register(ready(), some.rows[:WARM])
        ways: dict[str, tuple[Step, Step]] = {
            BARE: (lambda: folder / f"bare{next(numbers)}.db", lambda path: bare(path, some.rows)),
            OURS: (ready, lambda registry: common.register(registry, some.rows)),
        }
        filled = common.filling("filling a file", ways, pets, runs)
        common.print_table([row | {"x alone": row["a second"] / filled[BARE]["a second"]} for row in filled.values()])
        repository = registries[-1].dogs.repository
        steps = {
            PRODUCT: lambda query: np.argpartition(-(some.rows @ query), K)[:K],
            OURS: common.search(repository),
            f"{OURS}, 10 % kept": common.search(repository, BREEDS // 10),
            f"{OURS}, 1 % kept": common.search(repository, BREEDS // 100),
        }
        asked = common.beside("nearest in a file", common.in_turns(steps, some.queries, warm=50), PRODUCT)
        common.print_table(asked)
    row = opened_elsewhere(Path(repository.store.location), some.queries)
    common.print_table([{"a process of its own": f"{pets:,} pets", **row}])
    return [
        common.line(f"{pets:,} pets into a file, a second", filled[OURS]["a second"], filled[BARE]["a second"], BARE),
        common.line(f"nearest {K} in a file, p50 ms", asked[1]["p50 ms"], asked[0]["p50 ms"], PRODUCT),
    ]


def curve(most: int, folder: Path) -> Iterator[Row]:
    """A file that grows tenfold from 1,000 photos to so many: a row for each size, as soon as it is known."""
    path, total, there = folder / "curve.db", most + common.QUERIES, 0
    stream = chain.from_iterable(common.embeddings(total))
    queries = np.concatenate([*common.embeddings(total, first=most)])
    with pf.connect(":memory:") as warm:
        common.register(warm, queries)
    for size in sorted({most, *(10**power for power in range(3, 7) if 10**power < most)}):
        ms, added = 0.0, size - there
        with pf.connect(path) as registry:
            registry.dogs.count()
            while rows := [*islice(stream, min(PIECE, size - there))]:
                ms += common.timed(common.register, registry, np.stack(rows), there).ms
                there += len(rows)
        row = {"pets": size, "store": "file", "a second": added / ms * 1e3, **opened_elsewhere(path, queries)}
        common.print_table([row])
        yield row
