"""What the tests on Elasticsearch share: a client, and a proxy that makes faults on the way to the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from tests.elastic.proxy import FaultProxy


@pytest.fixture
def client(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """A client of the server itself."""
    with Elasticsearch(elasticsearch_url, request_timeout=60) as opened:
        yield opened


@pytest.fixture
def proxy(elasticsearch_url: str) -> Iterator[FaultProxy]:
    """A proxy on the way to the server; faults are added to it."""
    with FaultProxy(elasticsearch_url) as opened:
        yield opened
