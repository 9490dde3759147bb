"""What is asked of an index that petfinder did not make, as request bodies; pure functions.

Its documents are photos: a document passes by itself, and a pet by any one document that passes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from petfinder.domain.filters import EARLIEST, LATEST, Restriction
from petfinder.domain.vectors import Vector
from petfinder.stores.elasticsearch.foreign.fields import KnownFields
from petfinder.stores.elasticsearch.queries import MOST_CANDIDATES, Clause, inside, one_of

PAGE = 1000
_OVERSAMPLE = 3.0  # of quantised vectors, whatever kind there is; plain ones are not touched by it
_BY_ANGLE = ("cosine", "dot_product")
_CANDIDATES, _CANDIDATES_OTHERWISE = 200, 1000  # where the index ranks by the angle, and where it does not
_CANDIDATES_A_HIT = 4
_SPARE, _MOST_SPARE = 10, 50  # pets beyond k, for portraits, and vectors that are quantised, change the order
_PRECISE = 40_000  # the most that the server's estimate of different values takes
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}")


def clauses(
    restriction: Restriction, fields: KnownFields, *, stored: Mapping[str, Collection[str]], embedded: bool = False
) -> list[Clause]:
    """Return clauses that all must hold; `stored` are, for each term, its values as they are written there.

    Raises InvalidQuery for what no field of the index says.
    """
    found: list[Clause] = [{"exists": {"field": fields.pet}}]
    found += [{"exists": {"field": fields.vector}}] if embedded else []
    found += [one_of(fields.compared_by(field), stored[field]) for field, _ in restriction.terms]
    if restriction.ids is not None:
        found.append(of_pets(restriction.ids, fields))
    if restriction.exclude:
        found.append(but(of_pets(restriction.exclude, fields)))
    for span in restriction.spans:
        ends = {"gte": (span.first, EARLIEST), "lt": (span.last + 1, LATEST + 1)}  # the last second as a whole
        within = {end: at for end, (at, open_) in ends.items() if at != open_}
        found.append({"range": {fields.compared_by(f"{span.what}_at"): {"format": "epoch_second", **within}}})
    if restriction.circle or restriction.cells:
        found += inside(restriction, fields.compared_by("place"))
    return found


def of_pets(ids: Collection[str], fields: KnownFields) -> Clause:
    """Return the clause for the documents of these pets."""
    return one_of(fields.pet, [one for one in ids if not fields.numbered or _WHOLE_NUMBER.fullmatch(one)])


def but(clause: Clause) -> Clause:
    """Return the clause for the documents that do not meet another."""
    return {"bool": {"must_not": [clause]}}


def passing(found: Sequence[Clause]) -> Clause:
    """Return the query for what passes all clauses; nothing is scored."""
    return {"bool": {"filter": list(found)}}


def values(field: str, query: Clause, *, after: Any = None) -> dict[str, Any]:
    """Return the search for one page of a field's different values, in order, among the documents of a query."""
    page: dict[str, Any] = {"size": PAGE, "sources": [{"value": {"terms": {"field": field}}}]}
    page |= {} if after is None else {"after": after}
    return {"query": query, "size": 0, "track_total_hits": False, "aggs": {"values": {"composite": page}}}


def pets_counted(found: Sequence[Clause], fields: KnownFields) -> dict[str, Any]:
    """Return the search that counts documents and, within about a thousandth, the pets that they belong to."""
    pets = {"cardinality": {"field": fields.pet, "precision_threshold": _PRECISE}}
    return {"query": passing(found), "size": 0, "track_total_hits": True, "aggs": {"pets": pets}}


def width(k: int, fields: KnownFields) -> int:
    """Return how many documents are looked at for the k nearest pets."""
    least = _CANDIDATES if fields.metric in _BY_ANGLE else _CANDIDATES_OTHERWISE
    return min(MOST_CANDIDATES, max(least, _CANDIDATES_A_HIT * k))


def shortlist(k: int, fields: KnownFields) -> int:
    """Return how many of the proposed pets are read whole for the k nearest: all, where the server ranks otherwise."""
    return k + min(k + _SPARE, _MOST_SPARE) if fields.metric in _BY_ANGLE else MOST_CANDIDATES


def nearest(query: Vector, found: Sequence[Clause], fields: KnownFields, *, size: int) -> dict[str, Any]:
    """Return the search for the documents nearest to one query (dims,), of each only the pet that it belongs to."""
    knn = {
        "field": fields.vector,
        "query_vector": query.tolist(),
        "k": size,
        "num_candidates": size,
        "filter": list(found),
        "rescore_vector": {"oversample": _OVERSAMPLE},
    }
    return {"knn": knn, "size": size, "_source": False, "docvalue_fields": [fields.pet], "track_total_hits": False}


def whole(fields: KnownFields, *, vectors: bool) -> dict[str, Any]:
    """Return what of a document is read: its fields, and the vector from where it is indexed, in the source or not."""
    paths = {word: there.path for word, there in fields.known.items() if word != "embedding"}
    dated = {"taken_at": {"format": "strict_date_time"}}
    wanted = [{"field": path, **dated.get(word, {})} for word, path in paths.items()]
    return {"source": False, "fields": wanted, "docvalue_fields": [fields.vector] if vectors else []}
