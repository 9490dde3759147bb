"""What is asked of Elasticsearch: restrictions, pages and nearest-neighbour searches as request bodies.

Pure functions; tests compare what they return as data. Every filter stands on the pet's level, for a nested clause
inside `knn.filter` would choose pets, not photos.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from petfinder.domain.filters import Restriction
from petfinder.stores.documents import IndexSpec, batches
from petfinder.stores.elasticsearch.mapping import vector_type

MOST_CANDIDATES = 10_000  # what the server allows for num_candidates, k and the size of a page
_MOST_TERMS = 65_536  # index.max_terms_count
_ENOUGH_CANDIDATES = 100
_CANDIDATES_A_HIT = 10
_NARROW, _MANY_VECTORS = 1 / 3, 100_000
FOUND_FIELDS = ["id", "body", "photos.photo_id", "pending"]  # what a search may return: neither owner nor terms
WITH_VECTORS = {"photo_count": {"gt": 0}}

Clause = dict[str, Any]


def filters(restriction: Restriction) -> list[Clause]:
    """Return clauses that all must hold."""
    clauses = [one_of(f"terms.{field}", values) for field, values in restriction.terms]
    if restriction.ids is not None:
        clauses.append(one_of("id", restriction.ids))
    if restriction.exclude:
        clauses.append({"bool": {"must_not": [one_of("id", restriction.exclude)]}})
    clauses += [{"range": {"dates": dict(zip(("gte", "lte"), span.kept, strict=True))}} for span in restriction.spans]
    return clauses + inside(restriction, "places")


def inside(restriction: Restriction, field: str) -> list[Clause]:
    """Return the clauses that a field has a place in the circle and in the cells."""
    clauses: list[Clause] = []
    if circle := restriction.circle:
        centre = {"lat": circle.centre.lat, "lon": circle.centre.lon}
        clauses.append({"geo_distance": {"distance": f"{circle.km:.9f}km", field: centre}})
    if cells := restriction.cells:
        corners = {"top_left": [cells.west, cells.north], "bottom_right": [cells.east, cells.south]}
        clauses.append({"geo_bounding_box": {field: corners}})
    return clauses


def one_of(field: str, values: Collection[str]) -> Clause:
    """Return the clause that a field has one of these values; split where there are more than one clause takes."""
    if not values:
        return {"match_none": {}}
    if len(values) <= _MOST_TERMS:
        return {"terms": {field: sorted(values)}}
    parts = [{"terms": {field: part}} for part in batches(sorted(values), _MOST_TERMS)]
    return {"bool": {"should": parts, "minimum_should_match": 1}}


def passing(restriction: Restriction, *, embedded: bool = False) -> Clause:
    """Return the query for all pets that pass, or those of them that have an embedded photo; nothing is scored."""
    clauses = filters(restriction) + ([{"range": WITH_VECTORS}] if embedded else [])
    return {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def effort(k: int, vectors: int | None = None, *, share: float = 1.0) -> tuple[int, int]:
    """num_candidates for the k nearest, of the `share` of all pets that a filter keeps; how many are compared whole.

    Where there are no more vectors than that, or a filter keeps less than a third, all up to 10,000 are looked at: at
    100,000 photos with one in ten kept, 200 candidates found .91 of the ten nearest, and 10,000 all of them in 1.4
    times the time. A wide search is left to the graph, for which 100 are enough
    (`python -m tests.benchmarks.peers kinds`). Of 50,000 vectors of photos with one bit a dimension, 200 compared whole
    found .990 of the ten nearest, 400 .995, 1,000 .996 (1.000 where all were looked at); of 300,000 made-up ones 200
    found .975 and 400 .984; with one in a hundred kept 400 found .976.
    """
    if share < _NARROW or (vectors is not None and vectors <= MOST_CANDIDATES):
        return MOST_CANDIDATES, 1000
    enough = _ENOUGH_CANDIDATES if share == 1.0 else 2 * _ENOUGH_CANDIDATES
    few = vectors is not None and vectors <= _MANY_VECTORS
    return min(MOST_CANDIDATES, max(enough, _CANDIDATES_A_HIT * k)), 200 if few else 400


def oversampling(spec: IndexSpec, k: int, *, rescored: int) -> float | None:
    """Return how many times k quantised vectors are scored anew from the whole ones; None where vectors are kept whole.

    With one bit a dimension they are `rescored`, however few are asked for.
    """
    kind = vector_type(spec)
    if kind == "bbq_hnsw":
        return max(10.0, rescored / k)
    return 2.0 if kind == "int8_hnsw" else None


def nearest(
    query: str | list[float],
    spec: IndexSpec,
    *,
    k: int,
    effort: tuple[int, int],
    clauses: Sequence[Clause],
    photos_named: bool = True,
) -> dict[str, Any]:
    """Return the search for the k pets nearest to one query, as `vector_sent`, each with its two nearest vectors.

    Where every pet has one photo, none needs to be named, which saves a tenth of the time. Quantised vectors are
    searched with oversampling and scored anew from the whole ones.
    """
    num_candidates, rescored = effort
    knn: dict[str, Any] = {
        "field": "photos.vector",
        "query_vector": query,
        "k": k,
        "num_candidates": num_candidates,
    }
    if photos_named:
        knn["inner_hits"] = {"size": 2, "_source": False}
    if clauses:
        knn["filter"] = list(clauses)
    if oversample := oversampling(spec, k, rescored=rescored):
        knn["rescore_vector"] = {"oversample": oversample}
    return {"knn": knn, "size": k, "_source": {"includes": FOUND_FIELDS}}


def counted(restriction: Restriction, *, embedded: bool = False) -> dict[str, Any]:
    """Return the search that counts the pets that pass (`embedded`: those with vectors)."""
    return {"query": passing(restriction, embedded=embedded), "size": 0, "track_total_hits": True}


def photos_counted(restriction: Restriction, *, embedded: bool = False) -> dict[str, Any]:
    """Return the same search, counting their embedded and their waiting photos too."""
    sums = {field: {"sum": {"field": field}} for field in ("photo_count", "pending")}
    return {**counted(restriction, embedded=embedded), "aggs": sums}


def whole(*, vectors: bool) -> dict[str, Any]:
    """Return what of a document comes back where all may be seen."""
    return {"exclude_vectors": False} if vectors else {"excludes": ["photos.vector"]}
