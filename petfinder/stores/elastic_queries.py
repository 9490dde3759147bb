"""What is asked of Elasticsearch: restrictions, pages and nearest-neighbour searches as request bodies.

Pure functions; tests compare what they return as data. Every filter stands on the pet's level, for a nested clause
inside `knn.filter` would choose pets, not photos. A score of cosine is (1 + cos) / 2: converted here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from petfinder.filters import Restriction
from petfinder.stores.port import IndexSpec
from petfinder.vectors import Vector

MOST_CANDIDATES = 10_000  # what the server allows for num_candidates, k and the size of a page
_MOST_TERMS = 65_536  # index.max_terms_count
_ENOUGH_CANDIDATES = 200
_CANDIDATES_A_HIT = 4
_OVERSAMPLE = {"int8_hnsw": 2.0, "bbq_hnsw": 3.0, "hnsw": None}
FOUND_FIELDS = ["id", "body", "photos.photo_id", "pending"]  # what a search may return: neither owner nor terms
WITH_VECTORS = {"photo_count": {"gt": 0}}

Clause = dict[str, Any]


def filters(restriction: Restriction) -> list[Clause]:
    """Clauses that all must hold."""
    clauses = [one_of(f"terms.{field}", values) for field, values in restriction.terms]
    if restriction.ids is not None:
        clauses.append(one_of("id", restriction.ids))
    if restriction.exclude:
        clauses.append({"bool": {"must_not": [one_of("id", restriction.exclude)]}})
    if restriction.after is not None or restriction.before is not None:
        bounds = {"gte": restriction.after, "lte": restriction.before}
        clauses.append({"range": {"dates": {end: at for end, at in bounds.items() if at is not None}}})
    if restriction.circle is not None:
        centre, km = restriction.circle.centre, restriction.circle.km
        point = {"lat": centre.lat, "lon": centre.lon}
        clauses.append({"geo_distance": {"distance": f"{km:.9f}km", "places": point}})
    return clauses


def one_of(field: str, values: Collection[str]) -> Clause:
    """The clause that a field has one of these values; split where there are more than one clause takes."""
    if not values:
        return {"match_none": {}}
    if len(values) <= _MOST_TERMS:
        return {"terms": {field: sorted(values)}}
    stream = iter(sorted(values))
    parts = iter(lambda: [*islice(stream, _MOST_TERMS)], [])
    return {"bool": {"should": [{"terms": {field: part}} for part in parts], "minimum_should_match": 1}}


def passing(restriction: Restriction, *, embedded: bool = False) -> Clause:
    """The query for all pets that pass, or those of them that have an embedded photo; nothing is scored."""
    clauses = filters(restriction) + ([{"range": WITH_VECTORS}] if embedded else [])
    return {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def candidates(k: int, photos: int | None = None) -> int:
    """num_candidates for the k nearest: enough for a recall of 0.99 at 100,000 photos; all where photos are few."""
    if photos is not None and photos <= MOST_CANDIDATES // 2:
        return MOST_CANDIDATES
    return min(MOST_CANDIDATES, max(_ENOUGH_CANDIDATES, _CANDIDATES_A_HIT * k))


def nearest(
    query: Vector, spec: IndexSpec, *, k: int, num_candidates: int, clauses: Sequence[Clause]
) -> dict[str, Any]:
    """The search for the k pets nearest to one query (dims,), each with its two nearest vectors.

    Quantised vectors are searched with oversampling and scored anew from the whole ones.
    """
    knn = _knn(query, spec, k=k, num_candidates=num_candidates, clauses=clauses)
    knn["inner_hits"] = {"size": 2, "_source": False}
    return {"knn": knn, "size": k, "_source": {"includes": FOUND_FIELDS}}


def scores(query: Vector, spec: IndexSpec, *, k: int, clauses: Sequence[Clause]) -> dict[str, Any]:
    """The search for ids and scores of up to 10,000 pets, with every candidate that there may be."""
    knn = _knn(query, spec, k=k, num_candidates=MOST_CANDIDATES, clauses=clauses)
    return {"knn": knn, "size": k, "_source": False}


def _knn(query: Vector, spec: IndexSpec, *, k: int, num_candidates: int, clauses: Sequence[Clause]) -> dict[str, Any]:
    knn: dict[str, Any] = {
        "field": "photos.vector",
        "query_vector": query.tolist(),
        "k": k,
        "num_candidates": num_candidates,
    }
    if clauses:
        knn["filter"] = list(clauses)
    oversample = _OVERSAMPLE[str(spec.settings.get("vectors", "int8_hnsw"))]
    if oversample:
        knn["rescore_vector"] = {"oversample": oversample}
    return knn


def counted(restriction: Restriction) -> dict[str, Any]:
    """The search that counts the pets with vectors that pass, and nothing else."""
    return {"query": passing(restriction, embedded=True), "size": 0, "track_total_hits": True}


def photos_counted(restriction: Restriction) -> dict[str, Any]:
    """The search that counts pets, embedded photos and waiting photos among those that pass."""
    sums = {field: {"sum": {"field": field}} for field in ("photo_count", "pending")}
    return {"query": passing(restriction), "size": 0, "track_total_hits": True, "aggs": sums}


def page(restriction: Restriction, *, size: int, after: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """One page of pets in the order of their ids, behind the id `after`."""
    body: dict[str, Any] = {
        "query": passing(restriction),
        "size": size,
        "sort": [{"id": "asc"}],
        "track_total_hits": False,
        "seq_no_primary_term": True,
        "_source": dict(fields),
    }
    return body if after is None else {**body, "search_after": [after]}


def whole(*, vectors: bool) -> dict[str, Any]:
    """What of a document comes back where all may be seen."""
    return {"exclude_vectors": False} if vectors else {"excludes": ["photos.vector"]}


def cosine(score: float) -> float:
    """The raw cosine of a score."""
    return 2 * score - 1
