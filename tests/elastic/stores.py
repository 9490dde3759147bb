"""Stores on the tests' Elasticsearch, empty when a test begins."""

from __future__ import annotations

from elasticsearch import Elasticsearch

from petfinder.stores.elasticsearch.indexes import all_opened
from petfinder.stores.elasticsearch.store import ElasticsearchStore


def empty_elasticsearch_store(url: str) -> ElasticsearchStore:
    """A store on this server, after everything that earlier tests made there is erased."""
    client = Elasticsearch(url, request_timeout=60)
    erase_everything(client)
    return ElasticsearchStore(client, location=url)


def erase_everything(client: Elasticsearch) -> None:
    """Erase all indexes of petfinder, hidden ones too."""
    names = client.indices.get(index="*", expand_wildcards="open,hidden", filter_path="*.mappings._meta").body
    ours = [name for name, described in names.items() if "petfinder" in described.get("mappings", {}).get("_meta", {})]
    for name in ours:
        client.indices.delete(index=name)
    assert not all_opened(client)
