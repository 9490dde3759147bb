"""What an index on Elasticsearch is made of: its settings, its strict mapping, and what it remembers of itself.

Pure functions on IndexSpec: request bodies as data, and `_meta` back to a spec. An index of pets and those of its
thumbnails and records are described here; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from petfinder.stores.documents import VECTOR_TYPES, IndexSettings, IndexSpec

OURS = "petfinder"  # the key in `_meta` by which indexes of petfinder are known
PETS, THUMBNAILS, RECORDS = "pets", "thumbnails", "records"
READY, REBUILDING = "ready", "rebuilding"
_WORD = {"type": "keyword"}
_BITS_FROM = 384  # dims
_REFRESHED_FOR_SEARCHES = {"search.idle.after": "1s"}
_MARK, _KEPT_ONLY = {"type": "keyword", "index": False, "doc_values": False}, {"type": "object", "enabled": False}


def vector_type(spec: IndexSpec) -> str:
    """Return how the index keeps its vectors: int8_hnsw, hnsw or bbq_hnsw."""
    return str(spec.settings.get("vectors", VECTOR_TYPES[0]))


def with_vector_type(spec: IndexSpec) -> IndexSpec:
    """State how vectors are kept where the settings do not: with one bit a dimension from 384 on, as servers do."""
    if "vectors" in spec.settings or spec.dims < _BITS_FROM:
        return spec
    return replace(spec, settings={**spec.settings, "vectors": "bbq_hnsw"})


def pets_index(spec: IndexSpec, memory: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that creates an index of pets; `memory` is what `_meta` keeps beside the spec."""
    settings = IndexSettings(**spec.settings)
    vector = {
        "type": "dense_vector",
        "dims": spec.dims,
        "index": True,
        "similarity": spec.metric,
        "index_options": {
            "type": vector_type(spec),
            "m": settings.m,
            "ef_construction": settings.ef_construction,
        },
    }
    photo = {"photo_id": _WORD, "portrait": {"type": "boolean"}, "vector": vector}
    properties = {
        "id": _WORD,
        "body": _KEPT_ONLY,
        "owner": _KEPT_ONLY,
        "terms": {"type": "object", "dynamic": "true"},
        "dates": {"type": "long"},
        "places": {"type": "geo_point"},
        "photo_count": {"type": "integer"},
        "pending": {"type": "integer"},
        "run": _MARK,
        "made_from": {"type": "keyword", "index": False},
        "photos": {"type": "nested", "dynamic": "strict", "properties": photo},
    }
    body = _index(spec.settings, properties, {"kind": PETS, **asdict(spec), **memory})
    body["mappings"]["dynamic_templates"] = [{"terms": {"path_match": "terms.*", "mapping": _WORD}}]
    return body


def _index(settings: Mapping[str, Any], properties: Mapping[str, Any], memory: Mapping[str, Any]) -> dict[str, Any]:
    """A second copy as soon as there is a second node, and no refresh while nobody searches, unless settings say so.

    A refresh every second would cut what is loaded into many segments, and a search looks into each; the first search
    after a second without one refreshes.
    """
    whole = IndexSettings(**settings)
    copies = {"number_of_replicas": whole.replicas} if "replicas" in settings else {"auto_expand_replicas": "0-1"}
    own = (
        {"refresh_interval": str(whole.refresh_interval)} if "refresh_interval" in settings else _REFRESHED_FOR_SEARCHES
    )
    kept = {"number_of_shards": whole.shards, **copies, **own}
    return {"settings": kept, "mappings": {"dynamic": "strict", "_meta": {OURS: memory}, "properties": properties}}


def thumbnails_index(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that creates the index of thumbnails: one document a photo, found by pet and photo."""
    return _index(settings, {"pet": _WORD, "photo": _WORD, "jpeg": {"type": "binary"}}, {"kind": THUMBNAILS})


def records_index(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that creates the index of records, one document each, in one shard."""
    properties = {"key": _WORD, "pets": _WORD, "run": _MARK, "body": _KEPT_ONLY}
    return _index({**settings, "shards": 1}, properties, {"kind": RECORDS})


def memory_of(mappings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what an index of pets remembers, from its mapping; None for an index of another kind or maker."""
    kept = (mappings.get("_meta") or {}).get(OURS)
    if not isinstance(kept, Mapping) or kept.get("kind") != PETS:
        return None
    return dict(kept)
