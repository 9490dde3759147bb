"""How much of the truth a search on Elasticsearch finds and what it costs, beside the request that FiftyOne sends.

Part `recall` of tests.benchmarks.elasticsearch_store. The truth is exact search in NumPy. Queries are photos drawn as
the registered ones are, but not registered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix, unit
from petfinder.stores.documents import Document
from petfinder.stores.elasticsearch import queries
from petfinder.stores.elasticsearch.mapping import VECTOR_TYPES
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks.elasticsearch_server import (
    Ids,
    Step,
    Taken,
    fill,
    in_turns,
    keep,
    print_table,
    rest,
    room,
    spec,
    store_on,
)
from tests.benchmarks.embedded_store import BREEDS, SEED, documents

K = 10
QUERIES = 200
DIMS = 512
WIDTHS = (20, 50, 100, 200, 400, 800, 1600, 3200, 10_000)
GOAL = 0.99
FIFTYONE = "FiftyOne"  # flat documents, index options not stated
FIFTYONE_K = "FiftyOne, k raised"  # its own num_candidates = 10 k; the first ten of k hits count
FLOOR = "flat, int8_hnsw, rescored"  # what its request would be with index options like ours
DEFAULT = "petfinder, int8_hnsw"
OURS = {f"petfinder, {kind}": kind for kind in VECTOR_TYPES}
FILTERS = {
    "no filter": range(BREEDS),
    "10 % kept": range(BREEDS // 10),
    "1 % kept": range(BREEDS // 100),
}  # the breeds that pass
Way = tuple[str, int | None]
Row = dict[str, object]


@dataclass(frozen=True)
class Crowd:
    """Pets by the rows of their vectors: `vectors` (n, a photo each), `queries` not among them."""

    vectors: Matrix
    queries: Matrix
    photos_a_pet: int = 1

    @property
    def ids(self) -> list[str]:
        return [f"pet{number:07d}" for number in range(len(self.vectors) // self.photos_a_pet)]

    def documents(self) -> Iterator[Document]:
        """The pets as a store takes them, with portraits where they have two photos or more."""
        rows = self.vectors.reshape(-1, self.photos_a_pet, self.vectors.shape[1])
        for one, own in zip(documents(rows[:, 0]), rows, strict=True):
            if self.photos_a_pet == 1:
                yield one
                continue
            names = tuple(f"{one.photo_ids[0]}-{number}" for number in range(self.photos_a_pet))
            body = {**one.body, "photos": [{"photo_id": name} for name in names]}
            yield replace(one, body=body, photo_ids=names, vectors=own, portrait=unit(own.mean(axis=0)))

    def truth(self, breeds: range) -> list[Ids]:
        """The ids of the pets nearest to each query, among those of these breeds, by every one of their vectors."""
        rows = self.vectors.reshape(-1, self.photos_a_pet, self.vectors.shape[1])
        if self.photos_a_pet > 1:
            rows = np.concatenate([rows, unit(rows.mean(axis=1))[:, None]], axis=1)
        passing = np.array([number for number in range(len(rows)) if number % BREEDS in breeds])
        ids, found = self.ids, list[Ids]()
        for query in self.queries:
            best = (rows[passing] @ query).max(axis=1) if len(breeds) < BREEDS else (rows @ query).max(axis=1)
            found.append([ids[passing[place]] for place in np.argsort(-best)[:K]])
        return found


def crowd(photos: int, photos_a_pet: int = 1, *, queries: int = QUERIES) -> Crowd:
    """So many photos, one centre for every hundred; the photos of one pet are of one centre. Up to 200 queries."""
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(max(1, (photos + QUERIES) // 100), DIMS)).astype(np.float32)
    of_pets = random.integers(len(centres), size=photos // photos_a_pet).repeat(photos_a_pet)
    of_centre = [*of_pets, *random.integers(len(centres), size=QUERIES)]
    matrix = np.empty((len(of_centre), DIMS), dtype=np.float32)
    for first in range(0, len(matrix), 10_000):
        some = of_centre[first : first + 10_000]
        matrix[first : first + len(some)] = unit(centres[some] + random.normal(size=(len(some), DIMS)))
    return Crowd(matrix[:-QUERIES], matrix[-QUERIES:][:queries], photos_a_pet)


def ours(store: ElasticsearchStore, name: str, breeds: range, width: int | None) -> Step:
    """A search through the store, with so many candidates or (None) as many as it chooses by itself."""
    restriction = Restriction(terms=(("breed", tuple(f"breed {n}" for n in breeds)),) if len(breeds) < BREEDS else ())
    chosen = queries.candidates

    def search(query: Any) -> Ids:
        if width is not None:
            queries.candidates = lambda *given, **named: width
        try:
            found = store.nearest(name, query[None], k=K, restriction=restriction)[0]
        finally:
            queries.candidates = chosen
        return [hit.document.id for hit in found.hits]

    return search


def flat(
    client: Elasticsearch, name: str, ids: Sequence[str], breeds: range, width: int, *, k: int = K, **more: Any
) -> Step:
    """The request of FiftyOne's similarity index, whose view is a filter that names the ids of its samples."""
    view = [one for number, one in enumerate(ids) if number % BREEDS in breeds]
    if len(view) < len(ids):
        more["filter"] = {"terms": {"_id": view}}

    def search(query: Any) -> Ids:
        knn = {"field": "vector", "query_vector": query.tolist(), "k": k, "num_candidates": width, **more}
        answer = client.search(index=name, knn=knn, size=k, source=False)
        return [hit["_id"] for hit in answer["hits"]["hits"][:K]]

    return search


def fill_flat(client: Elasticsearch, name: str, pets: Crowd, options: Mapping[str, Any] | None) -> float:
    """An index as FiftyOne makes and fills it, refreshed once at the end as ours is; returns the seconds."""
    vector = {"type": "dense_vector", "dims": DIMS, "index": "true", "similarity": "cosine"}
    vector |= {"index_options": dict(options)} if options else {}
    client.options(ignore_status=404).indices.delete(index=name)
    client.indices.create(index=name, mappings={"properties": {"vector": vector}})
    began, ids = time.perf_counter(), pets.ids
    for start in range(0, len(ids), 500):
        lines: list[Mapping[str, Any]] = []
        for id_, row in zip(ids[start : start + 500], pets.vectors[start : start + 500], strict=True):
            lines += [{"index": {"_index": name, "_id": id_}}, {"sample_id": id_, "vector": row.tolist()}]
        assert not client.bulk(index=name, operations=lines)["errors"]
    client.indices.refresh(index=name)
    return time.perf_counter() - began


def build(client: Elasticsearch, pets: Crowd, *, one_segment: bool, kept: bool) -> dict[str, str]:
    """The indexes to be compared, at rest: name of each by how it is called; prints what each took.

    `kept`: those of an earlier run are taken as they are, where all their pets are there.
    """
    store, indexes, rows = store_on(client), dict[str, str](), list[Row]()
    flats: dict[str, Mapping[str, Any] | None] = {FIFTYONE: None, FLOOR: {"type": "int8_hnsw"}}
    for number, who in enumerate([*OURS, *(flats if pets.photos_a_pet == 1 else ())]):
        indexes[who] = name = f"recall-{len(pets.vectors)}-{pets.photos_a_pet}-{number}"
        if kept and client.indices.exists(index=name) and client.count(index=name)["count"] == len(pets.ids):
            rows.append({"index": who, "load s": "kept", "and merge s": "", **room(client, name)})
            continue
        if who in OURS:
            took = fill(store, name, spec(DIMS, vectors=OURS[who]), pets.documents())
        else:
            took = fill_flat(client, name, pets, flats[who])
        merged = rest(client, name)
        if one_segment:
            client.indices.forcemerge(index=name, max_num_segments=1)
            rest(client, name)
        rows.append({"index": who, "load s": took, "and merge s": merged, **room(client, name)})
    print_table(rows)
    return indexes


def curves(
    client: Elasticsearch, pets: Crowd, indexes: Mapping[str, str], breeds: range, widths: Sequence[int]
) -> dict[Way, Taken]:
    """Recall and times of each way of asking and each number of candidates (None: our default), taken in turns."""
    store, steps = store_on(client), dict[Way, Step]()
    for who, name in indexes.items():
        if who in OURS:
            steps |= {(who, width): ours(store, name, breeds, width) for width in (None, *widths)}
        elif who == FLOOR:
            again: dict[str, Any] = {"rescore_vector": {"oversample": 2.0}}
            steps |= {(who, width): flat(client, name, pets.ids, breeds, width, **again) for width in widths}
        else:
            steps |= {(who, width): flat(client, name, pets.ids, breeds, width) for width in widths}
            wide = [width for width in widths if width >= 10 * K]
            steps |= {(FIFTYONE_K, w): flat(client, name, pets.ids, breeds, w, k=w // 10) for w in wide}
    return in_turns(steps, pets.queries, pets.truth(breeds))


def verdict(taken: Mapping[Way, Taken]) -> str:
    """Our defaults beside the quickest flat request that finds as much as is asked for, or else the most it can."""
    mine = taken[DEFAULT, None]
    text = f"our defaults: recall {mine.recall:.4f}, p50 {mine.p50_ms:.1f} ms"
    for who in (FIFTYONE, FIFTYONE_K, FLOOR):
        theirs = {width: one for (asked, width), one in taken.items() if asked == who}
        if not theirs:
            continue
        most = min(GOAL, max(one.recall for one in theirs.values()))
        width, best = min(
            ((width, one) for width, one in theirs.items() if one.recall >= most), key=lambda item: item[1].p50_ms
        )
        text += (
            f"\n{who}: {'reaches' if most == GOAL else 'finds no more than'} {best.recall:.4f} with num_candidates "
            f"{width}, p50 {best.p50_ms:.1f} ms: our defaults take {mine.p50_ms / best.p50_ms:.2f} times as long"
        )
    return text


def plot(taken: Mapping[str, Mapping[Way, Taken]], path: Path) -> None:
    """Recall over the median time, a panel for each filter, a line for each way of asking."""
    figure = Figure(figsize=(5 * len(taken), 4.2), dpi=120, layout="constrained")
    for number, (what, some) in enumerate(taken.items()):
        panel = figure.add_subplot(1, len(taken), number + 1)
        panel.set(title=what, xlabel="p50 of a search, ms (compare, do not quote)", ylabel=f"recall@{K}", xscale="log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        for colour, who in enumerate(dict.fromkeys(who for who, _ in some)):
            line = [(one.p50_ms, one.recall) for (asked, width), one in some.items() if asked == who and width]
            panel.plot(*zip(*line, strict=True), "o-", ms=3, lw=1, color=f"C{colour}", label=who)
            if (who, None) in some:
                chosen = some[who, None]
                panel.plot(chosen.p50_ms, chosen.recall, "*", ms=13, color=f"C{colour}")
        panel.axhline(GOAL, color="grey", lw=0.6)
    panel.legend(fontsize=7, loc="lower right", title="num_candidates raised; star: our default", title_fontsize=7)
    figure.savefig(path)


def recall(client: Elasticsearch, pets: Crowd, *, one_segment: bool, kept: bool, path: Path) -> None:
    """Fill the indexes, search them all ways, and print tables; the plot and its numbers go to `path`."""
    indexes = build(client, pets, one_segment=one_segment, kept=kept)
    widths = [width for width in WIDTHS if width <= len(pets.vectors)]
    taken = {what: curves(client, pets, indexes, breeds, widths) for what, breeds in FILTERS.items()}
    rows: list[Row] = []
    for what, some in taken.items():
        for (who, width), one in some.items():
            asked = "default" if width is None else width
            numbers = {"recall": one.recall, "p50 ms": one.p50_ms, "p90 ms": one.p90_ms}
            rows.append({"pets": what, "request": who, "num_candidates": asked, **numbers})
    print_table(rows)
    for what, some in taken.items():
        print(f"\n{what}: {verdict(some)}")
    keep(rows, path.with_suffix(".json"))
    plot(taken, path)
