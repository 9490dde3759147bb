"""Part `kinds` of tests.benchmarks.peers: vector types and graphs on Elasticsearch, by filling, room, recall and time.

All are bare bulks of petfinder's documents, so that the server's part is compared; the flat ones are filled and asked
as FiftyOne does. With --plots a picture of recall over time goes to elasticsearch_recall.png.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from elasticsearch import Elasticsearch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

import petfinder as pf
from petfinder.domain.vectors import Matrix
from petfinder.stores.elasticsearch import queries
from tests.benchmarks import common
from tests.benchmarks import elasticsearch_server as server
from tests.benchmarks.common import BREEDS, Crowd, K, Row, Step

WIDTHS = (20, 50, 100, 200, 400, 800, 1600, 3200, 10_000)
DEFAULT = 0  # in the place of num_candidates: as many as petfinder chooses by itself
GOAL = 0.99
OURS: dict[str, Row] = {kind: {"vectors": kind} for kind in ("int8_hnsw", "hnsw", "bbq_hnsw")}
OTHERS: dict[str, Row] = {
    "ef_construction 100": {"ef_construction": 100},
    "no refresh while filling": {"refresh_interval": "-1"},
}
LISTS, LOOP = "int8_hnsw, vectors as lists", "one request a pet, vectors as lists"
FIFTYONE = "FiftyOne"
FIFTYONE_K = "FiftyOne, k raised"  # its own num_candidates = 10 k; the first ten of k hits count
FLAT_INT8 = "flat int8_hnsw, rescored"  # what its request would be with index options like ours
FLATS: dict[str, Row] = {FIFTYONE: {}, FLAT_INT8: {"index_options": {"type": "int8_hnsw"}}}
KINDS = {**FLATS, **OURS, **OTHERS, LISTS: {}}
INDEXES = {kind: f"kinds-{number}" for number, kind in enumerate(KINDS)}
WARM, LOOPED = 5000, 1000


def kinds(client: Elasticsearch, count: int, runs: int, plots: Path | None) -> None:
    """Fill an index of each kind, ask them all ways, and print tables."""
    pets = common.crowd(count)
    registry = pf.connect(client, name="kinds")
    fill(client, registry, pets.rows, runs)
    tables = {f"{share} % kept": asked(client, registry, pets, share) for share in (BREEDS, 10, 1)}
    for what, table in tables.items():
        common.print_table(table.rename(columns={"request": what}).replace({"num_candidates": {DEFAULT: "default"}}))
        common.print_table(enough(table))
    if plots:
        plot(tables, plots / "elasticsearch_recall.png")


def ways_of(client: Elasticsearch, registry: pf.Registry, rows: Matrix) -> dict[str, tuple[Step, Step]]:
    """What makes an index of each kind ready, and what fills it."""
    documents = {packed: server.sources(registry.dogs.repository, rows, packed=packed) for packed in (True, False)}

    def ready(kind: str, settings: Row) -> str:
        name = INDEXES[kind]
        if kind not in FLATS:
            registry.util.delete_index(name, missing="ignore")
            registry.util.create_index(name, pf.Dog, settings=settings)
        server.rest(client)
        return name

    def flat(settings: Row, name: str) -> None:
        server.fiftyone_fills(client, name, rows, **settings)

    def nested(kind: str, name: str) -> None:
        server.bare_bulk(client, name, documents[kind != LISTS])

    return {
        kind: (partial(ready, kind, settings), partial(flat, settings) if kind in FLATS else partial(nested, kind))
        for kind, settings in KINDS.items()
    }


def fill(client: Elasticsearch, registry: pf.Registry, rows: Matrix, runs: int) -> None:
    """Fill an index of each kind, and some of one in a loop; what was filled last stays."""
    for ready, write in ways_of(client, registry, rows[:WARM]).values():
        write(ready())
    filled = common.filling("kind", ways_of(client, registry, rows), len(rows), runs)
    server.rest(client)
    for kind, row in filled.items():
        room = server.room(client, INDEXES[kind])
        row |= {f"{what} bytes a photo": room[f"{what} MB"] * 1e6 / len(rows) for what in ("disk", "hot")}
        row |= {"segments": room["segments"]}
    bodies = [{"vector": row.tolist()} for row in rows[:LOOPED]]
    make = partial(server.make_flat, client, "kinds-loop")
    loop = {LOOP: (make, lambda _: server.one_by_one(client, "kinds-loop", bodies, refresh=False))}
    filled |= common.filling("kind", loop, len(bodies), runs)
    theirs = filled[FIFTYONE]["a second"]
    common.print_table([row | {"x FiftyOne": row["a second"] / theirs} for row in filled.values()])


def ours(repository: pf.DogRepository, breeds: int, width: int) -> Step:
    """A search with so many candidates, or as many as petfinder chooses."""
    plain = common.search(repository, breeds)

    def ask(query: Any) -> object:
        with patch.object(queries, "candidates", lambda *_, **__: width):
            return plain(query)

    return ask if width != DEFAULT else plain


def asked(client: Elasticsearch, registry: pf.Registry, pets: Crowd, breeds: int) -> pd.DataFrame:
    """Recall and times of each way of asking under one filter, with each number of candidates, in turns."""
    view, steps = pets.view(breeds), dict[tuple[str, int], Step]()
    for kind in (*OURS, *OTHERS):
        repository = pf.DogRepository(registry.util.store, INDEXES[kind])
        for width in (DEFAULT, *(WIDTHS if kind in OURS else ())):
            steps[kind, width] = ours(repository, breeds, width)
    for kind, width in product(FLATS, WIDTHS):
        again: Row = {"rescore_vector": {"oversample": 2.0}} if kind == FLAT_INT8 else {}
        steps[kind, width] = server.fiftyone_asks(client, INDEXES[kind], view, width=width, **again)
        if kind == FIFTYONE and width >= 10 * K:
            steps[FIFTYONE_K, width] = server.fiftyone_asks(client, INDEXES[kind], view, k=width // 10, width=width)
    turns, truth = common.in_turns(steps, pets.queries, warm=20), pets.truth(breeds)
    return pd.DataFrame(
        {"request": kind, "num_candidates": width, "recall": common.share_found(own, truth), **common.times(own)}
        for (kind, width), own in turns.items()
    )


def enough(table: pd.DataFrame) -> list[Row]:
    """Our default, then the quickest of each flat request that finds as much as is asked for, or else the most."""
    mine = table.iloc[0]
    rows = [{**mine, "num_candidates": "default", "our default takes x": 1.0}]
    for _, theirs in table[table["request"].isin([*FLATS, FIFTYONE_K])].groupby("request", sort=False):
        best = theirs[theirs["recall"] >= min(GOAL, theirs["recall"].max())].sort_values("p50 ms").iloc[0]
        rows.append({**best, "our default takes x": mine["p50 ms"] / best["p50 ms"]})
    return rows


def plot(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Recall over the median time, a panel for each filter, a line for each way of asking."""
    figure = Figure(figsize=(5 * len(tables), 4.2), dpi=120, layout="constrained")
    for panel, (what, table) in zip(figure.subplots(1, len(tables)), tables.items(), strict=True):
        panel.set(title=what, xlabel="p50 of a search, ms (compare, do not quote)", ylabel=f"recall@{K}", xscale="log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        for number, (kind, own) in enumerate(table[~table["request"].isin(OTHERS)].groupby("request", sort=False)):
            line, star = own[own["num_candidates"] != DEFAULT], own[own["num_candidates"] == DEFAULT]
            panel.plot(line["p50 ms"], line["recall"], "o-", ms=3, lw=1, color=f"C{number}", label=kind)
            panel.plot(star["p50 ms"], star["recall"], "*", ms=13, color=f"C{number}")
        panel.axhline(GOAL, color="grey", lw=0.6)
    panel.legend(
        fontsize=7, loc="lower right", title="num_candidates raised; star: petfinder's choice", title_fontsize=7
    )
    figure.savefig(path)
