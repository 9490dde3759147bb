"""Documents read from an index on Elasticsearch: by id, in pages of any depth, and their thumbnails."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from petfinder.domain.errors import IndexNotFound
from petfinder.domain.filters import Restriction
from petfinder.stores.documents import Document, Record, batches
from petfinder.stores.elasticsearch import documents, queries
from petfinder.stores.elasticsearch.errors import body_of, causes_of
from petfinder.stores.elasticsearch.indexes import Opened, have_records

_AT_ONCE = 1000
_WITH_VECTORS_AT_ONCE = 200
_KEEP_ALIVE = "5m"
Hits = Sequence[Mapping[str, Any]]


def at_once(*, vectors: bool) -> int:
    """Return how many documents are read in one request."""
    return _WITH_VECTORS_AT_ONCE if vectors else _AT_ONCE


def pages(
    client: Elasticsearch, index: str, *, sort: Sequence[str], size: int = _AT_ONCE, after: str = "", **body: Any
) -> Iterator[Hits]:
    """Yield all hits of a search, page by page, as they were when it began (a point in time).

    Where the caller took so long over a page that the server has let go of that moment, it goes on behind the last hit.
    """
    opened = _moment(client, index)
    try:
        behind = [after] if after else None
        while True:
            try:
                answer = body_of(
                    client.search(
                        pit={"id": opened, "keep_alive": _KEEP_ALIVE},
                        sort=[{field: "asc"} for field in sort],
                        size=size,
                        track_total_hits=False,
                        allow_partial_search_results=False,
                        search_after=behind,
                        **body,
                    )
                )
            except NotFoundError as error:
                if "search_context_missing_exception" not in {kind for kind, _ in causes_of(error)}:
                    raise
                opened = _moment(client, index)
                continue
            opened, hits = answer.get("pit_id", opened), answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < size:
                return
            behind = hits[-1]["sort"][: len(sort)]
    finally:
        client.options(ignore_status=404).close_point_in_time(id=opened)


def _moment(client: Elasticsearch, index: str) -> str:
    return str(body_of(client.open_point_in_time(index=index, keep_alive=_KEEP_ALIVE))["id"])


def scan(
    client: Elasticsearch, opened: Opened, restriction: Restriction, *, after: str = "", vectors: bool
) -> Iterator[Document]:
    """Yield all documents that pass, in the order of their ids, those behind `after`."""
    body: dict[str, Any] = {"query": queries.passing(restriction), "source": queries.whole(vectors=vectors)}
    size = at_once(vectors=vectors)
    for hits in pages(client, opened.handle, sort=["id"], size=size, after=after, seq_no_primary_term=True, **body):
        for hit in hits:
            yield documents.to_document(hit, made=opened.made, dims=opened.spec.dims)


def versions(client: Elasticsearch, opened: Opened) -> Iterator[tuple[str, int, int]]:
    """Yield id, version and what it was made from, of every document in the order of the ids."""
    body: dict[str, Any] = {"source": False, "docvalue_fields": ["made_from"], "seq_no_primary_term": True}
    for hits in pages(client, opened.handle, sort=["id"], size=queries.MOST_CANDIDATES, **body):
        for hit in hits:
            made_from = hit.get("fields", {}).get("made_from", ["0"])[0]
            yield hit["_id"], documents.version_of(hit, made=opened.made), int(made_from)


def by_id(client: Elasticsearch, opened: Opened, ids: Sequence[str], *, vectors: bool) -> dict[str, Document]:
    """Return the documents of these ids that there are; without vectors as they are now, refreshed or not."""
    found: dict[str, Document] = {}
    for part in batches(dict.fromkeys(ids), at_once(vectors=vectors)):
        if vectors:  # which an mget cannot give
            answer = client.search(
                index=opened.handle,
                query={"ids": {"values": part}},
                size=len(part),
                seq_no_primary_term=True,
                allow_partial_search_results=False,
                source=queries.whole(vectors=True),
            )
            hits = body_of(answer)["hits"]["hits"]
        else:
            answer = client.mget(index=opened.handle, ids=part, source_excludes=["photos.vector"])
            hits = found_in(body_of(answer), opened)
        found |= {hit["_id"]: documents.to_document(hit, made=opened.made, dims=opened.spec.dims) for hit in hits}
    return found


def found_in(answer: Mapping[str, Any], opened: Opened) -> Hits:
    """Return the documents that an mget found; IndexNotFound where the index is gone (answered 200)."""
    if any("error" in one for one in answer["docs"]):
        raise IndexNotFound(f"index {opened.concrete!r} is gone; open it again")
    return [one for one in answer["docs"] if one.get("found")]


def records(client: Elasticsearch, opened: Opened, keys: Sequence[str]) -> dict[str, Record]:
    """Return the records of these keys that there are, refreshed or not."""
    if not keys or not have_records(client, opened):
        return {}
    found = found_in(body_of(client.mget(index=opened.records, ids=list(keys))), opened)
    return {record.key: record for record in map(_record, found)}


def scan_records(client: Elasticsearch, opened: Opened, *, after: str, prefix: str) -> Iterator[Record]:
    """Yield records behind `after` that begin with `prefix`, by key."""
    some = {"range": {"key": {"gte": prefix, "lt": prefix + "\x7f"}}}  # which is behind all of ASCII
    if have_records(client, opened):
        for hits in pages(client, opened.records, sort=["key"], after=after, query=some):
            yield from map(_record, hits)


def _record(hit: Mapping[str, Any]) -> Record:
    return Record(hit["_id"], hit["_source"]["body"], tuple(hit["_source"]["pets"]))


def thumbnails(client: Elasticsearch, opened: Opened, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
    """Return the thumbnails of photos, each named by (document id, photo_id); None where there is none."""
    found: dict[str, bytes] = {}
    ids = [documents.thumbnail_id(*photo) for photo in photos]
    for part in batches(dict.fromkeys(ids), _WITH_VECTORS_AT_ONCE):
        for one in found_in(body_of(client.mget(index=opened.thumbnails, ids=part)), opened):
            found[one["_id"]] = base64.b64decode(one["_source"]["jpeg"])
    return [found.get(id_) for id_ in ids]
