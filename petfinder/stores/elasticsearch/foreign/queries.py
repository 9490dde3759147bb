"""What is asked of an index that petfinder did not make, as request bodies; pure functions.

Its documents are photos: a document passes by itself, and a pet by any one document that passes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Vector
from petfinder.stores.elasticsearch.foreign.fields import KnownFields
from petfinder.stores.elasticsearch.queries import MOST_CANDIDATES, inside, one_of

PAGE = 1000
_OVERSAMPLE = 3.0  # of quantised vectors, whatever kind there is; plain ones are not touched by it
_LEAST_CANDIDATES = {"cosine": 200, "dot_product": 200}
_MANY_CANDIDATES = 1000  # where the index does not rank by the angle
_CANDIDATES_A_HIT = 4
_SPARE, _MOST_SPARE = 10, 50  # pets beyond k, for portraits, and vectors that are quantised, change the order
_PRECISE = 40_000  # the most that the server's estimate of different values takes
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}")
DATES = "strict_date_time"

Clause = dict[str, Any]


def clauses(
    restriction: Restriction, fields: KnownFields, *, stored: Mapping[str, Collection[str]], embedded: bool = False
) -> list[Clause]:
    """Clauses that all must hold; `stored` are, for each term asked for, the values as they are written there.

    Raises InvalidQuery for what no field of the index says.
    """
    found: list[Clause] = [{"exists": {"field": fields.pet}}]
    found += [{"exists": {"field": fields.vector}}] if embedded else []
    found += [one_of(fields.compared_by(field), stored[field]) for field, _ in restriction.terms]
    if restriction.ids is not None:
        found.append(of_pets(restriction.ids, fields))
    if restriction.exclude:
        found.append({"bool": {"must_not": [of_pets(restriction.exclude, fields)]}})
    if restriction.after is not None or restriction.before is not None:
        within: dict[str, Any] = {"format": "epoch_second"}
        within |= {} if restriction.after is None else {"gte": restriction.after}
        within |= (
            {} if restriction.before is None else {"lt": restriction.before + 1}
        )  # that whole second belongs to it
        found.append({"range": {fields.compared_by("taken_at"): within}})
    if restriction.circle is not None:
        found.append(inside(fields.compared_by("place"), restriction.circle))
    return found


def of_pets(ids: Collection[str], fields: KnownFields) -> Clause:
    """The documents of these pets."""
    return one_of(fields.pet, [one for one in ids if not fields.numbered or _WHOLE_NUMBER.fullmatch(one)])


def behind(id_: str, fields: KnownFields) -> Clause:
    """The documents of pets behind this one."""
    return {"range": {fields.pet: {"gt": id_}}}


def passing(found: Sequence[Clause]) -> Clause:
    """The query for what passes all clauses; nothing is scored."""
    return {"bool": {"filter": list(found)}}


def without_pet(fields: KnownFields) -> Clause:
    """The query for documents that name no pet."""
    return {"bool": {"must_not": [{"exists": {"field": fields.pet}}]}}


def values(field: str, query: Clause, *, after: Any = None) -> dict[str, Any]:
    """One page of the different values of a field, in their order, among the documents that pass a query."""
    pages: dict[str, Any] = {"size": PAGE, "sources": [{"value": {"terms": {"field": field}}}]}
    pages |= {} if after is None else {"after": after}
    return {"query": query, "size": 0, "track_total_hits": False, "aggs": {"values": {"composite": pages}}}


def pets_counted(found: Sequence[Clause], fields: KnownFields) -> dict[str, Any]:
    """The search that counts documents and, within about a thousandth, the pets that they belong to."""
    pets = {"cardinality": {"field": fields.pet, "precision_threshold": _PRECISE}}
    return {"query": passing(found), "size": 0, "track_total_hits": True, "aggs": {"pets": pets}}


def width(k: int, fields: KnownFields) -> int:
    """How many documents are looked at for the k nearest pets."""
    least = _LEAST_CANDIDATES.get(fields.metric, _MANY_CANDIDATES)
    return min(MOST_CANDIDATES, max(least, _CANDIDATES_A_HIT * k))


def shortlist(k: int, fields: KnownFields) -> int:
    """How many of the pets that the server proposes are read whole for the k nearest: all, where it ranks otherwise."""
    by_angle = fields.metric in _LEAST_CANDIDATES
    return k + min(k + _SPARE, _MOST_SPARE) if by_angle else MOST_CANDIDATES


def nearest(query: Vector, found: Sequence[Clause], fields: KnownFields, *, size: int) -> dict[str, Any]:
    """The search for the documents nearest to one query (dims,), of each only the pet that it belongs to."""
    knn = {
        "field": fields.vector,
        "query_vector": query.tolist(),
        "k": size,
        "num_candidates": size,
        "filter": list(found),
        "rescore_vector": {"oversample": _OVERSAMPLE},
    }
    return {"knn": knn, "size": size, "_source": False, "docvalue_fields": [fields.pet], "track_total_hits": False}


def read(fields: KnownFields, *, vectors: bool) -> dict[str, Any]:
    """What of a document is read: the known fields, and the vector from where it is indexed, in the source or not."""
    paths = {word: there.path for word, there in fields.known.items() if word != "embedding"}
    wanted = [{"field": path, **({"format": DATES} if word == "taken_at" else {})} for word, path in paths.items()]
    return {"source": False, "fields": wanted, "docvalue_fields": [fields.vector] if vectors else []}
