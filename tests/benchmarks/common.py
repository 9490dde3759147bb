"""What the benchmarks share: pets around made-up centres, times taken in turns, writing and its memory, tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from petfinder.domain.vectors import Matrix, portrait, unit
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec

SEED, DIMS, BREEDS = 1, 512, 100
BLOCK = 1000  # pets that are made, or written between two looks at the memory
Key = TypeVar("Key")
Step = Callable[..., Any]
Row = dict[str, Any]


class Turn(NamedTuple):
    """One call in milliseconds, by the clock and of processor time (sub-processes with it), and its answer."""

    ms: float
    processor_ms: float
    answer: Any


def embeddings(photos: int, dims: int = DIMS, *, photos_a_pet: int = 1) -> Iterator[Matrix]:
    """Unit vectors, those of a pet (photos_a_pet, dims) at a time, made a thousand pets at once.

    There is one Gaussian centre for every hundred photos; a photo is its pet's centre plus noise of equal variance.
    """
    centres = np.random.default_rng(SEED).normal(size=(max(1, photos // 100), dims)).astype(np.float32)
    pets = photos // photos_a_pet
    for first in range(0, pets, BLOCK):
        chance = np.random.default_rng([SEED, first])
        near = centres[chance.integers(len(centres), size=min(BLOCK, pets - first)).repeat(photos_a_pet)]
        yield from unit(near + chance.normal(size=near.shape)).reshape(-1, photos_a_pet, dims)


def documents(pets: Iterable[Matrix]) -> Iterator[Document]:
    """Pets with these photos, one of 100 breeds and an owner each."""
    for number, own in enumerate(pets):
        breed = f"breed {number % BREEDS}"
        names = tuple(f"photo{number}-{photo}" for photo in range(len(own)))
        photos = [{"photo_id": name} for name in names]
        yield Document(
            id=pet_id(number),
            body={"species": "dog", "name": f"Pet {number}", "breed": breed, "photos": photos},
            private={"owner": {"name": "Ully", "phone": f"+49 170 {number:07d}"}},
            terms={"breed": (breed,), "status": ("home",), "words": ("pet", str(number), "breed")},
            photo_ids=names,
            vectors=own,
            portrait=portrait(own),
        )


def pet_id(number: int) -> str:
    return f"pet{number:07d}"


def spec(dims: int = DIMS, **settings: Any) -> IndexSpec:
    """Dogs with given embeddings, under settings of the store's own."""
    return IndexSpec(species="dog", encoder="given", dims=dims, settings=settings)


def write(store: Store, name: str, some: Iterable[Document]) -> tuple[float, float]:
    """Write documents, all of which must go in; returns the seconds, and by how many MB this process grew at most."""
    began, before = perf_counter(), memory_mb()
    most = before
    for number, outcome in enumerate(store.write(name, some, mode="create")):
        assert outcome.result == "added", outcome
        if number % BLOCK == 0:
            most = max(most, memory_mb())
    return perf_counter() - began, max(most, memory_mb()) - before


def fill(store: Store, name: str, index: IndexSpec, some: Iterable[Document]) -> float:
    """Make an index anew and write documents into it; returns the seconds."""
    if name in store.index_names():
        store.delete_index(name)
    store.create_index(name, index)
    return write(store, name, some)[0]


def memory_mb(process: int | str = "self") -> float:
    """What a process holds in memory, in MB, the files that it maps with it (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


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


def times(turns: Sequence[Turn]) -> Row:
    """The median and the 90th percentile by the clock, as fields of a row."""
    p50, p90 = np.quantile([turn.ms for turn in turns], [0.5, 0.9])
    return {"p50 ms": float(p50), "p90 ms": float(p90)}


def compared(turns: Mapping[str, Sequence[Turn]], base: str) -> list[Row]:
    """A row for each step: median times, and how many times as long as `base` it took in the same turn."""
    spent = {name: np.array([turn[:2] for turn in own]) for name, own in turns.items()}
    columns = ("p50 ms", "processor ms", f"x {base}", "by processor")
    return [
        {"": name, **dict(zip(columns, np.median(np.hstack([own, own / spent[base]]), axis=0), strict=True))}
        for name, own in spent.items()
    ]


def share_found(turns: Sequence[Turn], truth: Sequence[Sequence[str]]) -> float:
    """The share of the true ids that the answers (ids) hold."""
    found = sum(len({*turn.answer} & {*nearest}) for turn, nearest in zip(turns, truth, strict=True))
    return found / sum(map(len, truth))


def print_table(rows: Sequence[Row] | pd.DataFrame) -> None:
    """Print rows as a table; numbers are rounded to what can be told apart."""
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:,.4g}".format), flush=True)
