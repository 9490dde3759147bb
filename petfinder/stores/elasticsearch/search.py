"""The nearest documents on Elasticsearch: one multi-search for all queries, and the exact answer where it is asked for.

The similarity cut-off is made here, on exact cosines, for the server would make it on those of quantised vectors.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from elasticsearch import ApiError, Elasticsearch

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Vector
from petfinder.stores.documents import Document, Hit, Nearest, Query, batches
from petfinder.stores.elasticsearch import documents, queries, read
from petfinder.stores.elasticsearch.errors import body_of
from petfinder.stores.elasticsearch.indexes import Opened
from petfinder.stores.elasticsearch.retry import pause, worth_retrying
from petfinder.stores.elasticsearch.session import Session

_AT_ONCE = 50  # searches in one request
_HITS_AT_ONCE, _IDS_AT_ONCE = 10_000, 50_000  # and what all of them may answer, and name
_SPARE = 5  # hits beyond k where all are looked at: of several photos of a pet, quantised, the nearest may not be seen


def nearest(session: Session, opened: Opened, query: Query, *, retries: int) -> list[Nearest]:
    """Find the nearest documents, for each of the query's vectors, by the graph of each shard."""
    client, k, restriction = session.client, query.k, query.restriction
    clauses = queries.filters(restriction)

    def ask(bodies: list[Any], at_once: int = _AT_ONCE) -> list[Mapping[str, Any]]:
        """Answers to searches, and behind them to those that count, as far as that is not known."""
        writes, unknown = session.writes, [one for one in counts if counts[one] is None]
        bodies += [queries.photos_counted(one, embedded=True) for one in unknown]
        answers = together(client, opened.handle, bodies, retries=retries, at_once=at_once)
        for one in reversed(unknown):
            counts[one] = answers.pop()
            session.keep_count(opened, one, counts[one], writes=writes)
        return answers

    counts: dict[Restriction, Any] = {one: session.count_of(opened, one) for one in (restriction, Restriction())}
    share = 1.0
    if clauses:
        ask([])
        passing = total(counts[restriction])
        if not passing:
            return [Nearest((), searched=0, photos=0) for _ in query.vectors]
        share = passing / max(passing, total(counts[Restriction()]))
    effort = queries.effort(k, opened.vectors, share=share)
    asking = [(effort, clauses)]
    if query.cells:
        asking.append((queries.effort(k, share=0.0), queries.filters(query.in_cells().restriction)))
    one_each = counts[restriction] is not None and photos_in(counts[restriction]) == total(counts[restriction])
    more = min(queries.MOST_CANDIDATES, k if one_each or effort[0] < queries.MOST_CANDIDATES else k + _SPARE)
    sent = [documents.vector_sent(vector, packed=session.packed) for vector in query.vectors]
    bodies = [
        queries.nearest(vector, opened.spec, k=more, effort=some, clauses=which, photos_named=not one_each)
        for some, which in asking
        for vector in sent
    ]
    named = len(restriction.ids or ()) + len(restriction.exclude)
    at_once = max(1, min(_AT_ONCE, _HITS_AT_ONCE // more, _IDS_AT_ONCE // max(1, named)))
    answers, count = ask(bodies, at_once), counts[restriction]
    if one_each and any(len(hit["_source"]["photos"]) > 1 for answer in answers for hit in answer["hits"]["hits"]):
        session.count_anew()  # others have added a photo since
        return nearest(session, opened, query, retries=retries)
    hits = [cut([_hit(one) for one in answer["hits"]["hits"]], query) for answer in answers]
    found = [Nearest(some, total(count), photos_in(count)) for some in hits]
    found, beside = found[: len(query.vectors)], found[len(query.vectors) :]
    return [one.joined(other) for one, other in zip(found, beside, strict=True)] if beside else found


def exactly(client: Elasticsearch, opened: Opened, query: Query, *, retries: int) -> list[Nearest]:
    """Find the same without approximation: all vectors that pass are read and compared; InvalidQuery if too many."""
    [counted] = together(client, opened.handle, [queries.photos_counted(query.restriction)], retries=retries)
    refuse_too_many(photos_in(counted), otherwise="leave exact out")
    return nearest_of(read.scan(client, opened, query.restriction, vectors=True), query)


def nearest_of(passing: Iterable[Document], query: Query) -> list[Nearest]:
    """Find the nearest of these documents, all of which are compared with each of the query's vectors."""
    there = [document for document in passing if document.photo_ids]
    photos = sum(len(document.photo_ids) for document in there)
    found = [cut(compared(there, vector, query.k), query) for vector in query.vectors]
    return [Nearest(hits, len(there), photos) for hits in found]


def refuse_too_many(photos: int, *, otherwise: str) -> None:
    """Raise InvalidQuery for more photos than an exact search looks at, with what to do otherwise."""
    if photos > queries.MOST_CANDIDATES:
        most = f"an exact search looks at up to {queries.MOST_CANDIDATES} photos here, and {photos} pass"
        raise InvalidQuery(f"{most}; narrow it by a filter, or {otherwise}")


def compared(there: Sequence[Document], vector: Vector, k: int) -> list[Hit]:
    """Return the k nearest of documents, all compared in one product, equal ones in the order of their ids."""
    rows = [np.vstack([one.vectors, *([] if one.portrait is None else [one.portrait])]) for one in there]
    cosines = np.vstack(rows) @ vector if rows else np.zeros(0)
    found, start = [], 0
    for document, own in zip(there, rows, strict=True):
        of_photos = cosines[start : start + len(document.photo_ids)]
        best = float(cosines[start : start + len(own)].max())
        found.append((-best, document.id, int(of_photos.argmax()), document))
        start += len(own)
    found.sort(key=lambda one: one[:2])
    return [
        Hit(Document(one.id, one.body, photo_ids=one.photo_ids, pending=one.pending), one.photo_ids[photo], -best)
        for best, _, photo, one in found[:k]
    ]


def total(answer: Mapping[str, Any]) -> int:
    """Return how many documents a search says that there are."""
    return int(answer["hits"]["total"]["value"])


def photos_in(answer: Mapping[str, Any]) -> int:
    """Return how many embedded photos a search says that its documents have."""
    return int(answer["aggregations"]["photo_count"]["value"])


def _hit(found: Mapping[str, Any]) -> Hit:
    """A hit by its two nearest vectors, whose scores are exact where those of hits may be of another photo as near."""
    kept, nearest_two = found["_source"], [(0, found["_score"])]
    if "inner_hits" in found:
        two = found["inner_hits"]["photos"]["hits"]["hits"]
        nearest_two = [(one["_nested"]["offset"], one["_score"]) for one in two]
    photo_ids = tuple(photo["photo_id"] for photo in kept["photos"] if "photo_id" in photo)
    photo = next(photo_ids[place] for place, _ in nearest_two if place < len(photo_ids))
    document = Document(kept["id"], kept["body"], photo_ids=photo_ids, pending=kept.get("pending", 0))
    return Hit(document, photo, 2 * nearest_two[0][1] - 1)  # a score is (1 + cos) / 2


def cut(hits: Sequence[Hit], query: Query) -> tuple[Hit, ...]:
    """Return the k nearest of these hits, without those that are not near enough."""
    ordered = sorted(hits, key=lambda hit: (-hit.similarity, hit.document.id))[: query.k]
    return tuple(hit for hit in ordered if query.min_similarity is None or hit.similarity >= query.min_similarity)


def together(
    client: Elasticsearch, index: str, bodies: Sequence[Mapping[str, Any]], *, retries: int, at_once: int = _AT_ONCE
) -> list[Mapping[str, Any]]:
    """Return the answers to several searches, `at_once` in a request; again where a node is busy or has just gone."""
    answers: list[Mapping[str, Any]] = []
    header = {"index": index, "allow_partial_search_results": False}
    for some in batches(bodies, at_once):
        lines = [line for body in some for line in (header, body)]
        for attempt in range(retries + 1):
            answer = client.msearch(searches=lines)
            responses = body_of(answer)["responses"]
            failed = next((one for one in responses if "error" in one), None)
            if failed is None:
                break
            error = ApiError("a search failed", replace(answer.meta, status=failed["status"]), failed)
            if attempt == retries or not worth_retrying(error):
                raise error
            time.sleep(pause(attempt + 1))
        answers += responses
    return answers
