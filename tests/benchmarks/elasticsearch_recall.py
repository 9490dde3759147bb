"""How much of the truth a search on Elasticsearch finds and what it costs, beside the request that FiftyOne sends.

Part `recall` of tests.benchmarks.elasticsearch_store. The truth is exact search in NumPy. Queries are photos drawn as
the registered ones are, but not registered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from elasticsearch import Elasticsearch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix, unit
from petfinder.stores.documents import VECTOR_TYPES, Query
from petfinder.stores.elasticsearch import queries
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.benchmarks import common
from tests.benchmarks.common import BREEDS, DIMS, Row, Step, pet_id
from tests.benchmarks.elasticsearch_server import make_flat, rest, room, store_on

K = 10
QUERIES = 200
WIDTHS = (20, 50, 100, 200, 400, 800, 1600, 3200, 10_000)
GOAL = 0.99
DEFAULT = "petfinder, int8_hnsw"
OURS = {f"petfinder, {kind}": kind for kind in VECTOR_TYPES}
FIFTYONE = "FiftyOne"  # flat documents, index options not stated
FIFTYONE_K = "FiftyOne, k raised"  # its own num_candidates = 10 k; the first ten of k hits count
FLOOR = "flat, int8_hnsw, rescored"  # what its request would be with index options like ours
FLATS: dict[str, Row] = {FIFTYONE: {}, FLOOR: {"index_options": {"type": "int8_hnsw"}}}
FILTERS = {"no filter": BREEDS, "10 % kept": BREEDS // 10, "1 % kept": BREEDS // 100}  # so many breeds pass
CHOSEN = 0  # in the place of num_candidates: as many as the store chooses by itself


@dataclass(frozen=True)
class Crowd:
    """Pets by the embeddings of their photos (pets, photos, dims), and `queries` (n, dims) not among them."""

    pets: Matrix
    queries: Matrix

    def passing(self, breeds: int) -> list[int]:
        """The numbers of the pets of the first so many breeds."""
        return [number for number in range(len(self.pets)) if number % BREEDS < breeds]

    def truth(self, breeds: int) -> list[list[str]]:
        """The ids of the pets nearest to each query, among those of these breeds, by every one of their vectors."""
        rows, passing = self.pets, np.array(self.passing(breeds))
        if rows.shape[1] > 1:
            rows = np.concatenate([rows, unit(rows.mean(axis=1))[:, None]], axis=1)
        kept = rows[passing]
        nearest = [passing[np.argsort(-(kept @ query).max(axis=1))[:K]] for query in self.queries]
        return [[pet_id(number) for number in numbers] for numbers in nearest]


def crowd(photos: int, photos_a_pet: int = 1, *, queries: int = QUERIES) -> Crowd:
    """So many photos, and up to 200 queries drawn after them."""
    pets = np.stack([*common.embeddings(photos + QUERIES * photos_a_pet, photos_a_pet=photos_a_pet)])
    return Crowd(pets[:-QUERIES], pets[-QUERIES:, 0][:queries])


def ours(store: ElasticsearchStore, name: str, breeds: int, width: int) -> Step:
    """A search through the store with so many candidates, or as many as it chooses."""
    names = tuple(f"breed {number}" for number in range(breeds))
    restriction = Restriction(terms=(("breed", names),) if breeds < BREEDS else ())
    candidates = queries.candidates if width == CHOSEN else lambda *_, **__: width

    def search(query: Any) -> list[str]:
        with patch.object(queries, "candidates", candidates):
            found = store.nearest(name, Query(query[None], k=K, restriction=restriction))[0]
        return [hit.document.id for hit in found.hits]

    return search


def flat(client: Elasticsearch, name: str, view: Sequence[str] | None, width: int, *, k: int = K, **more: Any) -> Step:
    """The request of FiftyOne's similarity index, whose view is a filter that names the ids of its samples."""
    if view is not None:
        more["filter"] = {"terms": {"_id": view}}

    def search(query: Any) -> list[str]:
        knn = {"field": "vector", "query_vector": query.tolist(), "k": k, "num_candidates": width, **more}
        answer = client.search(index=name, knn=knn, size=k, source=False)
        return [hit["_id"] for hit in answer["hits"]["hits"][:K]]

    return search


def fill_flat(client: Elasticsearch, name: str, pets: Matrix, options: Row, *, refresh: bool = False) -> None:
    """An index as FiftyOne makes and fills it; `refresh`: after each request too, as it does, not once as ours is."""
    make_flat(client, name, "vector", {"dims": DIMS, **options})
    for start in range(0, len(pets), 500):
        lines: list[Row] = []
        for number, photos in enumerate(pets[start : start + 500], start):
            own = {"sample_id": pet_id(number), "vector": photos[0].tolist()}
            lines += [{"index": {"_index": name, "_id": pet_id(number)}}, own]
        assert not client.bulk(index=name, operations=lines, refresh=refresh)["errors"]
    client.indices.refresh(index=name)


def build(client: Elasticsearch, pets: Matrix, *, one_segment: bool, kept: bool) -> dict[str, str]:
    """The indexes to be compared, at rest: name of each by how it is called; prints what each took.

    `kept`: those of an earlier run are taken as they are, where all their pets are there.
    """
    store, indexes, rows = store_on(client), dict[str, str](), list[Row]()
    for number, who in enumerate([*OURS, *(FLATS if pets.shape[1] == 1 else ())]):
        indexes[who] = name = f"recall-{pets.shape[0] * pets.shape[1]}-{pets.shape[1]}-{number}"
        took: Row = {"load s": "kept", "and merge s": ""}
        if not (kept and client.indices.exists(index=name) and client.count(index=name)["count"] == len(pets)):
            if who in OURS:
                load = common.timed(common.fill, store, name, common.spec(vectors=OURS[who]), common.documents(pets))
            else:
                load = common.timed(fill_flat, client, name, pets, FLATS[who])
            took = {"load s": load.ms / 1e3, "and merge s": rest(client, name)}
            if one_segment:
                client.indices.forcemerge(index=name, max_num_segments=1)
                rest(client, name)
        rows.append({"index": who, **took, **room(client, name)})
    common.print_table(rows)
    return indexes


def measured(client: Elasticsearch, pets: Crowd, indexes: Mapping[str, str], what: str) -> pd.DataFrame:
    """Recall and times of each way of asking under one filter, with each number of candidates, taken in turns."""
    store, breeds = store_on(client), FILTERS[what]
    view = [pet_id(number) for number in pets.passing(breeds)] if breeds < BREEDS else None
    steps: dict[tuple[str, int], Step] = {}
    for who, name in indexes.items():
        for width in (width for width in (CHOSEN, *WIDTHS) if width <= pets.pets[..., 0].size):
            if who in OURS:
                steps[who, width] = ours(store, name, breeds, width)
            elif width:
                again: Row = {"rescore_vector": {"oversample": 2.0}} if who == FLOOR else {}
                steps[who, width] = flat(client, name, view, width, **again)
                if who == FIFTYONE and width >= 10 * K:
                    steps[FIFTYONE_K, width] = flat(client, name, view, width, k=width // 10)
    turns, truth = common.in_turns(steps, pets.queries, warm=20), pets.truth(breeds)
    return pd.DataFrame(
        {
            "pets": what,
            "request": who,
            "num_candidates": width,
            "recall": common.share_found(own, truth),
            **common.times(own),
        }
        for (who, width), own in turns.items()
    )


def verdict(table: pd.DataFrame) -> list[Row]:
    """Our defaults, then the quickest of each flat request that finds as much as is asked for, or else the most."""
    mine = table[(table["request"] == DEFAULT) & (table["num_candidates"] == CHOSEN)].iloc[0]
    rows = [{**mine, "num_candidates": "default", "our defaults take x": 1.0}]
    for _, theirs in table[table["request"].isin([*FLATS, FIFTYONE_K])].groupby("request", sort=False):
        enough = theirs[theirs["recall"] >= min(GOAL, theirs["recall"].max())]
        best = enough.sort_values("p50 ms").iloc[0]
        rows.append({**best, "our defaults take x": mine["p50 ms"] / best["p50 ms"]})
    return rows


def plot(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Recall over the median time, a panel for each filter, a line for each way of asking."""
    figure = Figure(figsize=(5 * len(tables), 4.2), dpi=120, layout="constrained")
    for panel, (what, table) in zip(figure.subplots(1, len(tables)), tables.items(), strict=True):
        panel.set(title=what, xlabel="p50 of a search, ms (compare, do not quote)", ylabel=f"recall@{K}", xscale="log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        for number, (who, own) in enumerate(table.groupby("request", sort=False)):
            line, star = own[own["num_candidates"] != CHOSEN], own[own["num_candidates"] == CHOSEN]
            panel.plot(line["p50 ms"], line["recall"], "o-", ms=3, lw=1, color=f"C{number}", label=who)
            panel.plot(star["p50 ms"], star["recall"], "*", ms=13, color=f"C{number}")
        panel.axhline(GOAL, color="grey", lw=0.6)
    panel.legend(fontsize=7, loc="lower right", title="num_candidates raised; star: our default", title_fontsize=7)
    figure.savefig(path)


def recall(client: Elasticsearch, pets: Crowd, *, one_segment: bool, kept: bool, path: Path) -> None:
    """Fill the indexes, search them all ways, and print tables; the plot and its numbers go to `path`."""
    indexes = build(client, pets.pets, one_segment=one_segment, kept=kept)
    tables = {what: measured(client, pets, indexes, what) for what in FILTERS}
    whole = pd.concat(tables.values()).replace({"num_candidates": {CHOSEN: "default"}})
    common.print_table(whole)
    common.print_table([row for table in tables.values() for row in verdict(table)])
    whole.to_json(path.with_suffix(".json"), orient="records", indent=1)
    plot(tables, path)
