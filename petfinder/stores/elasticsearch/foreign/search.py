"""The nearest pets of an index that petfinder did not make: the server proposes, the vectors themselves decide.

Similarities are computed here, so that they are raw cosines whatever metric and quantisation the index has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import Hit, Nearest
from petfinder.stores.elasticsearch.foreign import queries as queries
from petfinder.stores.elasticsearch.foreign import read as reading
from petfinder.stores.elasticsearch.foreign.queries import Clause
from petfinder.stores.elasticsearch.foreign.read import Existing
from petfinder.stores.elasticsearch.search import check_asked, compared, cut, refuse_too_many

_AT_ONCE = 50  # queries whose proposed pets are read together


def nearest(
    existing: Existing,
    asked: Matrix,
    *,
    k: int,
    restriction: Restriction,
    min_similarity: float | None,
    exact: bool,
) -> list[Nearest]:
    """For each query (m, dims) the k nearest pets that pass; `exact`, or without a vector index, by looking at all."""
    check_asked(asked, dims=existing.spec.dims, k=k)
    found = reading.clauses(existing, restriction, embedded=True)
    photos, pets = reading.counted(existing, found)
    if exact or not existing.fields.indexed:
        near, pets, photos = _of_all(existing, asked, k, restriction, photos=photos)
    else:
        parts = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        near = [hits for part in parts for hits in _of_proposed(existing, part, k, found)]
    return [Nearest(cut(hits, k, min_similarity), pets, photos) for hits in near]


def _of_all(
    existing: Existing, asked: Matrix, k: int, restriction: Restriction, *, photos: int
) -> tuple[list[list[Hit]], int, int]:
    refuse_too_many(photos, otherwise="import the index")
    passing = reading.scan(existing, restriction, after=None, vectors=True)
    there = [pet for pet in passing if pet.photo_ids]
    return [compared(there, query, k) for query in asked], len(there), sum(len(pet.photo_ids) for pet in there)


def _of_proposed(existing: Existing, asked: Matrix, k: int, found: Sequence[Clause]) -> list[list[Hit]]:
    most = queries.shortlist(k, existing.fields)
    proposed = [ids[:most] for ids in _proposed(existing, asked, k, found)]
    every = sorted({id_ for ids in proposed for id_ in ids})
    whole = {pet.id: pet for pet in reading.whole(existing, every, vectors=True) if pet.photo_ids}
    there = [[whole[id_] for id_ in ids if id_ in whole] for ids in proposed]
    return [compared(pets, query, k) for pets, query in zip(there, asked, strict=True)]


def _proposed(existing: Existing, asked: Matrix, k: int, found: Sequence[Clause]) -> list[list[str]]:
    """For each query the pets of the nearest photos, nearest first.

    A query that has not k of them is asked again without those that it has, until there are or no photo is left.
    """
    size = queries.width(k, existing.fields)
    pets: list[dict[str, None]] = [{} for _ in asked]
    waiting = [*range(len(asked))]
    while waiting:
        bodies = [
            queries.nearest(asked[number], [*found, *_others(existing, pets[number])], existing.fields, size=size)
            for number in waiting
        ]
        more = []
        for number, answer in zip(waiting, existing.asked(*bodies), strict=True):
            hits = answer["hits"]["hits"]
            pets[number] |= dict.fromkeys(str(hit["fields"][existing.fields.pet][0]) for hit in hits)
            if len(hits) == size and sum(map(reading.usable, pets[number])) < k:
                more.append(number)
        waiting = more
    return [[*filter(reading.usable, ids)] for ids in pets]


def _others(existing: Existing, pets: Mapping[str, None]) -> list[Clause]:
    return [{"bool": {"must_not": [queries.of_pets([*pets], existing.fields)]}}] if pets else []
