"""What the benchmarks share: pets around made-up centres, times taken in turns, memory, tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

import petfinder as pf
from petfinder.domain.vectors import Matrix, unit

SEED, DIMS, BREEDS = 1, 512, 100
BLOCK = 1000  # embeddings that are made at once
K, QUERIES = 10, 200
Key = TypeVar("Key")
Step = Callable[..., Any]
Row = dict[str, Any]


class Turn(NamedTuple):
    """One call in milliseconds, by the clock and of processor time (sub-processes with it), and its answer."""

    ms: float
    processor_ms: float
    answer: Any


@dataclass(frozen=True)
class Crowd:
    """Pets by the embeddings of their photos, one each (pets, dims), and queries (n, dims) not among them."""

    rows: Matrix
    queries: Matrix

    def view(self, breeds: int) -> list[str] | None:
        """The ids of the pets of the first so many breeds; None: all."""
        ids = (pet_id(number) for number in range(len(self.rows)) if number % BREEDS < breeds)
        return [*ids] if breeds < BREEDS else None

    def truth(self, breeds: int = BREEDS) -> list[list[str]]:
        """The ids of the pets nearest to each query, among those of these breeds, by exact search in NumPy."""
        passing = np.flatnonzero(np.arange(len(self.rows)) % BREEDS < breeds)
        kept = self.rows[passing]
        nearest = (passing[np.argsort(-(kept @ query))[:K]] for query in self.queries)
        return [[pet_id(number) for number in numbers] for numbers in nearest]


def embeddings(count: int, first: int = 0) -> Iterator[Matrix]:
    """Unit vectors (up to 1,000, 512), those from `first` on: near a Gaussian centre, one for every hundred, as noise
    of equal variance."""
    centres = np.random.default_rng(SEED).normal(size=(max(1, count // 100), DIMS)).astype(np.float32)
    for start in range(first, count, BLOCK):
        chance = np.random.default_rng([SEED, start])
        near = centres[chance.integers(len(centres), size=min(BLOCK, count - start))]
        yield unit(near + chance.normal(size=near.shape))


def crowd(count: int) -> Crowd:
    """So many pets, and 200 queries drawn after them."""
    rows = np.concatenate([*embeddings(count + QUERIES)])
    return Crowd(rows[:-QUERIES], rows[-QUERIES:])


def pet_id(number: int) -> str:
    return f"pet{number:07d}"


def pets(rows: Matrix, first: int = 0) -> Iterator[pf.Dog | pf.Failure]:
    """A pet of one of 100 breeds for each embedding, numbered from `first` on."""
    fields = {pet_id(number): {"breed": f"breed {number % BREEDS}"} for number in range(first, first + len(rows))}
    return pf.from_arrays([*fields], rows, fields=fields)


def register(registry: pf.Registry, rows: Matrix, first: int = 0) -> None:
    """Register a pet for each row by the public call; all must go in."""
    report = registry.dogs.register_many(pets(rows, first), progress=False)
    assert len(report.added) == len(rows), report


def search(repository: pf.PetRepository[pf.Dog], breeds: int = BREEDS) -> Step:
    """The ids of the pets nearest to a query, among those of the first so many breeds."""
    where = pf.PetFilter(breed=[f"breed {n}" for n in range(breeds)]) if breeds < BREEDS else None
    return lambda query: [match.pet.pet_id for match in repository.search(query, K, where)]


def memory_mb(process: int | str = "self", *, peak: bool = False) -> float:
    """What a process holds in memory, or held at most, in MB, the files that it maps with it (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:" if peak else "VmRSS:")[1].split()[0]) / 1024


def timed(step: Step, *given: Any) -> Turn:
    """Call a step once."""
    began, used = perf_counter(), _processor_seconds()
    answer = step(*given)
    return Turn((perf_counter() - began) * 1e3, (_processor_seconds() - used) * 1e3, answer)


def _processor_seconds() -> float:
    children = getrusage(RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def in_turns(steps: Mapping[Key, Step], queries: Sequence[Any] | Matrix, *, warm: int = 1) -> dict[Key, list[Turn]]:
    """Each step over all queries, one query of each after the other in random order, so that noise hits all alike.

    The first `warm` queries are asked once more before the clock runs.
    """
    turns: dict[Key, list[Turn]] = {name: [] for name in steps}
    order = random.Random(SEED)
    for number, query in enumerate(chain(queries[:warm], queries), -min(warm, len(queries))):
        for name in order.sample([*steps], len(steps)):
            turn = timed(steps[name], query)
            if number >= 0:
                turns[name].append(turn)
    return turns


def filling(what: str, ways: Mapping[str, tuple[Step, Step]], count: int, runs: int) -> dict[str, Row]:
    """Fill so much in each way, all in turns, so many times over: medians of the speed and of how this process grew.

    A way: what makes ready, off the clock, and what then fills, given what the first returned.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for run in range(runs):
        for name in [*ways][:: -1 if run % 2 else 1]:
            ready, fill = ways[name]
            given = ready()
            Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
            before = memory_mb()
            ms = timed(fill, given).ms
            taken[name].append((count / ms * 1e3, memory_mb(peak=True) - before))
    columns = ("a second", "grew MB")
    return {
        name: {what: name, **dict(zip(columns, np.median(own, axis=0), strict=True))} for name, own in taken.items()
    }


def times(turns: Sequence[Turn]) -> Row:
    """The median and the 95th percentile by the clock, as fields of a row."""
    p50, p95 = np.quantile([turn.ms for turn in turns], [0.5, 0.95])
    return {"p50 ms": float(p50), "p95 ms": float(p95)}


def beside(what: str, turns: Mapping[str, Sequence[Turn]], base: str, truth: Sequence[Sequence[str]] = ()) -> list[Row]:
    """A row for each step: p50, p95, how many times those of `base` they are, and the share of the truth found."""
    theirs, rows = times(turns[base]), list[Row]()
    for name, own in turns.items():
        row = {what: name, **times(own)}
        row |= {f"x {column[:3]}": row[column] / theirs[column] for column in theirs}
        rows.append(row | ({"recall": share_found(own, truth)} if truth else {}))
    return rows


def compared(turns: Mapping[str, Sequence[Turn]], base: str) -> list[Row]:
    """A row for each step: median times, and how many times as long as `base` it took in the same turn."""
    spent = {name: np.array([turn[:2] for turn in own]) for name, own in turns.items()}
    columns = ("p50 ms", "processor ms", f"x {base}", "by processor")
    return [
        {"": name, **dict(zip(columns, np.median(np.hstack([own, own / spent[base]]), axis=0), strict=True))}
        for name, own in spent.items()
    ]


def line(what: str, ours: float, theirs: float, other: str, note: str = "") -> Row:
    """A line of the summary: petfinder beside what people would pick instead, and how many times as much it is."""
    return {"": what, "petfinder": ours, "beside it": theirs, "x": ours / theirs, "which is": other, "note": note}


def share_found(turns: Sequence[Turn], truth: Sequence[Sequence[str]]) -> float:
    """The share of the true ids that the answers (ids) hold."""
    found = sum(len({*turn.answer} & {*nearest}) for turn, nearest in zip(turns, truth, strict=True))
    return found / sum(map(len, truth))


def print_table(rows: Sequence[Row] | pd.DataFrame) -> None:
    """Print rows as a table; numbers are rounded to what can be told apart."""
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:,.4g}".format) + "\n", flush=True)
