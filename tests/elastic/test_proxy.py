"""The proxy that makes faults: what passes is unchanged, and each fault reaches the client as the one it stands for."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import elasticsearch as es
import pytest
import trustme
from elastic_transport import TlsError
from elasticsearch import Elasticsearch

from tests.elastic import faults
from tests.elastic.proxy import FaultProxy

NO_RETRY: dict[str, Any] = {"max_retries": 0, "request_timeout": 30}


@pytest.fixture
def proxy(elasticsearch_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(elasticsearch_url) as opened:
        yield opened


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[Elasticsearch]:
    with Elasticsearch(proxy.url, **NO_RETRY) as opened:
        yield opened


@pytest.fixture
def direct(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url, **NO_RETRY) as opened:
        yield opened


@pytest.fixture
def index(direct: Elasticsearch) -> Iterator[str]:
    name = f"proxy-{uuid4().hex}"
    direct.indices.create(index=name, mappings={"properties": {"name": {"type": "keyword"}}})
    yield name
    direct.indices.delete(index=name)


def bulk_lines(count: int) -> list[dict[str, Any]]:
    return [part for number in range(count) for part in ({"index": {"_id": str(number)}}, {"name": "x" * 500})]


def count_of(direct: Elasticsearch, index: str) -> int:
    direct.indices.refresh(index=index)
    return int(direct.count(index=index)["count"])


def test_without_rules_everything_passes_and_is_logged(proxy: FaultProxy, client: Elasticsearch, index: str) -> None:
    client.index(index=index, id="luna", document={"name": "Luna"}, refresh=True)

    assert client.get(index=index, id="luna")["_source"] == {"name": "Luna"}
    assert not client.exists(index=index, id="nobody")
    written, read, asked = proxy.log
    assert (written.method, written.status, written.passed) == ("PUT", 201, len('{"name":"Luna"}'))
    assert (read.method, read.path, read.status, read.fault) == ("GET", f"/{index}/_doc/luna", 200, "")
    assert (asked.method, asked.status) == ("HEAD", 404)
    assert json.loads(proxy.log_as_json().splitlines()[1])["path"] == f"/{index}/_doc/luna"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, es.BadRequestError),
        (401, es.AuthenticationException),
        (403, es.AuthorizationException),
        (404, es.NotFoundError),
        (409, es.ConflictError),
        (413, es.ApiError),
        (429, es.ApiError),
        (500, es.ApiError),
        (502, es.ApiError),
        (503, es.ApiError),
    ],
)
@pytest.mark.parametrize("make", [faults.elastic_error, faults.gateway_page])
def test_an_error_arrives_with_its_status(
    proxy: FaultProxy, client: Elasticsearch, make: Any, status: int, expected: type[es.ApiError]
) -> None:
    proxy.add(make(status))

    with pytest.raises(expected) as raised:
        client.search(index="dogs")

    assert raised.value.status_code == status
    assert [(one.status, one.passed) for one in proxy.log] == [(status, None)]


def test_an_error_of_elasticsearch_names_its_type(proxy: FaultProxy, client: Elasticsearch) -> None:
    proxy.add(faults.elastic_error(403, kind="cluster_block_exception", reason="blocked by: [read-only]"))

    with pytest.raises(es.AuthorizationException, match="cluster_block_exception"):
        client.search(index="dogs")


@pytest.mark.parametrize("make", [faults.elastic_error, faults.gateway_page])
def test_too_many_requests_may_say_when_to_come_back(proxy: FaultProxy, client: Elasticsearch, make: Any) -> None:
    proxy.add(make(429, retry_after="3"))
    proxy.add(make(429))
    seen = []
    for _ in range(2):
        with pytest.raises(es.ApiError) as raised:
            client.search(index="dogs")
        seen.append(raised.value.meta.headers.get("Retry-After"))

    assert seen == ["3", None]


def test_a_request_that_is_held_times_out(proxy: FaultProxy, client: Elasticsearch, index: str) -> None:
    proxy.add(faults.hold(), path="_doc")

    with pytest.raises(es.ConnectionTimeout):
        client.options(request_timeout=0.3).index(index=index, id="luna", document={"name": "Luna"})

    assert not client.exists(index=index, id="luna")


def test_a_late_answer_times_out_though_the_server_did_it(
    proxy: FaultProxy, client: Elasticsearch, direct: Elasticsearch, index: str
) -> None:
    proxy.add(faults.slow(60), path="_doc")

    with pytest.raises(es.ConnectionTimeout):
        client.options(request_timeout=2).index(index=index, id="luna", document={"name": "Luna"})

    assert direct.exists(index=index, id="luna")


@pytest.mark.parametrize(("make", "arrived"), [(faults.cut_before, 0), (faults.cut_after, 40)])
def test_a_cut_before_or_after_the_server(
    proxy: FaultProxy, client: Elasticsearch, direct: Elasticsearch, index: str, make: Any, arrived: int
) -> None:
    proxy.add(make(), path="_bulk")

    with pytest.raises(es.ConnectionError):
        client.bulk(index=index, operations=bulk_lines(40))

    assert count_of(direct, index) == arrived
    assert proxy.log[0].status is None


def test_a_cut_within_a_bulk_request(
    proxy: FaultProxy, client: Elasticsearch, direct: Elasticsearch, index: str
) -> None:
    proxy.add(faults.cut_within(0.5), path="_bulk")

    with pytest.raises(es.ConnectionError):
        client.bulk(index=index, operations=bulk_lines(4000))

    (cut,) = proxy.log
    assert cut.passed is not None
    assert cut.received == cut.passed > 500_000
    assert count_of(direct, index) < 4000


def test_a_page_to_log_in_is_not_elasticsearch(proxy: FaultProxy, client: Elasticsearch) -> None:
    proxy.add(faults.gateway_page(200))
    proxy.add(faults.not_elasticsearch())

    for _ in range(2):
        with pytest.raises(es.UnsupportedProductError):
            client.cluster.health()

    assert [one.status for one in proxy.log] == [200, 200]


def test_json_that_breaks_off(proxy: FaultProxy, client: Elasticsearch) -> None:
    proxy.add(faults.broken_json())

    with pytest.raises(es.SerializationError):
        client.cluster.health()


def test_only_large_bodies_are_refused(
    proxy: FaultProxy, client: Elasticsearch, direct: Elasticsearch, index: str
) -> None:
    proxy.add(faults.too_large(10_000), path="_bulk", times=None)

    with pytest.raises(es.ApiError) as raised:
        client.bulk(index=index, operations=bulk_lines(400))
    client.bulk(index=index, operations=bulk_lines(10))

    assert raised.value.status_code == 413
    assert count_of(direct, index) == 10


@pytest.mark.parametrize("compressed", [False, True])
def test_some_items_of_a_bulk_request_are_refused(
    proxy: FaultProxy, direct: Elasticsearch, index: str, compressed: bool
) -> None:
    proxy.add(faults.reject_items(lambda id: int(id) % 3 == 0), path="_bulk")
    operations = [*bulk_lines(10), {"delete": {"_id": "1"}}]

    with Elasticsearch(proxy.url, http_compress=compressed, **NO_RETRY) as client:
        answer = client.bulk(index=index, operations=operations)

    items = [next(iter(item.values())) for item in answer["items"]]
    assert answer["errors"]
    assert [item["_id"] for item in items] == [*map(str, range(10)), "1"]
    assert [item["status"] for item in items] == [429, 201, 201, 429, 201, 201, 429, 201, 201, 429, 200]
    assert count_of(direct, index) == 5


def test_rules_count_their_requests(proxy: FaultProxy, client: Elasticsearch) -> None:
    proxy.add(faults.elastic_error(500), method="GET", path="_cluster", skip=1, times=2)
    statuses = []
    for _ in range(4):
        try:
            statuses.append(client.cluster.health().meta.status)
        except es.ApiError as error:
            statuses.append(error.status_code)

    assert statuses == [200, 500, 500, 200]
    assert len(proxy.seen("GET", "_cluster/health")) == 4
    proxy.clear()
    assert proxy.seen() == []


def test_a_closed_proxy_refuses_and_an_opened_one_answers_again(proxy: FaultProxy) -> None:
    proxy.close()
    with Elasticsearch(proxy.url, **NO_RETRY) as client:
        with pytest.raises(es.ConnectionError) as raised:
            client.cluster.health()
        proxy.open()

        assert "refused" in repr(raised.value.__cause__)
        assert client.cluster.health()["number_of_nodes"] >= 1


def test_a_certificate_must_be_vouched_for(elasticsearch_url: str) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)

    with FaultProxy(elasticsearch_url, tls=context) as proxy:
        with Elasticsearch(proxy.url, **NO_RETRY) as client, pytest.raises(TlsError):
            client.cluster.health()
        with Elasticsearch(proxy.url, ssl_context=trusted, **NO_RETRY) as client:
            assert client.cluster.health()["number_of_nodes"] >= 1
        assert len(proxy.log) == 1
