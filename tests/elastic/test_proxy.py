"""The tests' own tools: a real server that outlives nobody, a proxy whose faults reach the client as what they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import elasticsearch as es
import pytest
from elasticsearch import Elasticsearch

from tests.elastic import faults
from tests.elastic.proxy import Fault, FaultProxy
from tests.elastic.servers import ServerUnavailable, chosen_version, get_json, running_cluster

NO_RETRY: dict[str, Any] = {"max_retries": 0, "request_timeout": 30}
REFUSALS = {
    400: es.BadRequestError,
    401: es.AuthenticationException,
    403: es.AuthorizationException,
    404: es.NotFoundError,
    409: es.ConflictError,
    **dict.fromkeys((413, 429, 500, 502, 503), es.ApiError),
}
# Each fault with what the client raises, and how many of forty documents reached the server all the same.
FAULTS: list[tuple[Fault, type[Exception], int]] = [
    *((faults.elastic_error(status), kind, 0) for status, kind in REFUSALS.items()),
    *((faults.gateway_page(status), kind, 0) for status, kind in REFUSALS.items()),
    (faults.hold, es.ConnectionTimeout, 0),
    (faults.slow, es.ConnectionTimeout, 40),
    (faults.cut_before, es.ConnectionError, 0),
    (faults.cut_after, es.ConnectionError, 40),
    (faults.gateway_page(200), es.UnsupportedProductError, 0),
    (faults.not_elasticsearch, es.UnsupportedProductError, 40),
    (faults.broken_json, es.SerializationError, 0),
    (faults.garbled, es.SerializationError, 40),
    (faults.too_large(10_000), es.ApiError, 0),
]


@pytest.fixture
def through(proxy: FaultProxy) -> Iterator[Elasticsearch]:
    """A client that speaks to the server through the proxy."""
    with Elasticsearch(proxy.url, **NO_RETRY) as opened:
        yield opened


@pytest.fixture
def index(client: Elasticsearch) -> Iterator[str]:
    name = f"proxy-{uuid4().hex}"
    client.indices.create(index=name, mappings={"properties": {"name": {"type": "keyword"}}})
    yield name
    client.indices.delete(index=name)


def bulk_lines(count: int) -> list[dict[str, Any]]:
    return [part for number in range(count) for part in ({"index": {"_id": str(number)}}, {"name": "x" * 500})]


def count_of(client: Elasticsearch, index: str) -> int:
    client.indices.refresh(index=index)
    return int(client.count(index=index)["count"])


def test_without_rules_everything_passes_and_is_logged(proxy: FaultProxy, through: Elasticsearch, index: str) -> None:
    through.index(index=index, id="luna", document={"name": "Luna"}, refresh=True)

    assert through.get(index=index, id="luna")["_source"] == {"name": "Luna"}
    assert not through.exists(index=index, id="nobody")
    written, read, asked = proxy.log
    assert (written.method, written.status, written.passed) == ("PUT", 201, len('{"name":"Luna"}'))
    assert (read.method, read.path, read.status, read.fault) == ("GET", f"/{index}/_doc/luna", 200, "")
    assert (asked.method, asked.status) == ("HEAD", 404)


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case[0].__name__)
def test_each_fault_reaches_the_client_as_what_it_stands_for(
    proxy: FaultProxy, through: Elasticsearch, index: str, case: tuple[Fault, type[Exception], int]
) -> None:
    fault, raised, arrived = case
    proxy.add(fault, path="_bulk")

    with pytest.raises(raised) as caught:
        through.options(request_timeout=2).bulk(index=index, operations=bulk_lines(40))

    (one,) = proxy.log
    if isinstance(caught.value, es.ApiError):
        assert caught.value.status_code == one.status
        assert one.fault.endswith((f" {one.status}", "not_elasticsearch", "too_large"))
    assert (one.passed is not None) == (arrived > 0)
    assert count_of(through, index) == arrived
    through.bulk(index=index, operations=bulk_lines(10))
    assert count_of(through, index) == max(arrived, 10)


@pytest.mark.parametrize("make", [faults.elastic_error, faults.gateway_page])
def test_too_many_requests_may_say_when_to_come_back(
    proxy: FaultProxy, through: Elasticsearch, make: Callable[..., Fault]
) -> None:
    proxy.add(make(429, retry_after="3"))
    with pytest.raises(es.ApiError) as raised:
        through.search(index="dogs")
    assert raised.value.meta.headers["Retry-After"] == "3"


def test_a_cut_within_a_bulk_request(proxy: FaultProxy, through: Elasticsearch, index: str) -> None:
    proxy.add(faults.cut_within, path="_bulk")

    with pytest.raises(es.ConnectionError):
        through.bulk(index=index, operations=bulk_lines(4000))

    (cut,) = proxy.log
    assert cut.passed is not None
    assert cut.received == cut.passed > 500_000
    assert count_of(through, index) < 4000


@pytest.mark.parametrize("compressed", [False, True])
def test_some_items_of_a_bulk_request_are_refused(proxy: FaultProxy, index: str, compressed: bool) -> None:
    proxy.add(faults.reject_items(lambda id: int(id) % 3 == 0), path="_bulk")
    operations = [*bulk_lines(10), {"delete": {"_id": "1"}}]

    with Elasticsearch(proxy.url, http_compress=compressed, **NO_RETRY) as packed:
        answer = packed.bulk(index=index, operations=operations)
        assert count_of(packed, index) == 5

    items = [next(iter(item.values())) for item in answer["items"]]
    assert answer["errors"]
    assert [item["_id"] for item in items] == [*map(str, range(10)), "1"]
    assert [item["status"] for item in items] == [429, 201, 201, 429, 201, 201, 429, 201, 201, 429, 200]


def test_rules_count_their_requests_and_a_closed_proxy_refuses_until_it_is_opened(
    proxy: FaultProxy, through: Elasticsearch
) -> None:
    proxy.add(faults.elastic_error(500), method="GET", path="_cluster", skip=1, times=2)
    statuses = [through.options(ignore_status=500).cluster.health().meta.status for _ in range(4)]

    assert statuses == [200, 500, 500, 200]
    assert len(proxy.seen("GET", "_cluster/health")) == 4
    proxy.clear()
    assert proxy.seen() == []

    proxy.close()
    with pytest.raises(es.ConnectionError) as raised:
        through.cluster.health()
    assert "refused" in repr(raised.value.__cause__)
    proxy.open()
    assert through.cluster.health()["number_of_nodes"] >= 1


def test_the_server_answers_with_the_version_asked_for(elasticsearch_url: str) -> None:
    nodes = get_json(f"{elasticsearch_url}/_nodes/_local")["nodes"]

    if not os.environ.get("PETFINDER_TEST_ELASTICSEARCH"):
        assert {node["version"] for node in nodes.values()} == {chosen_version()}
    assert len(nodes) >= 1


def test_a_node_ends_when_the_process_that_started_it_is_killed(own_servers: None, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from tests.elastic.servers import running_cluster\n"
        "with running_cluster() as cluster:\n"
        "    print(cluster.url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed does not tidy up
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=root, env=environment, stdin=-1, stdout=-1, text=True) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        answered = get_json(f"{url}/_cluster/health")["status"]
        starter.kill()

    assert answered == "green"
    assert stops_listening(int(url.rpartition(":")[2]), seconds=60)


def stops_listening(port: int, *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.1)
    return False


def test_a_version_that_does_not_exist_is_named_in_the_reason() -> None:
    with pytest.raises(ServerUnavailable, match=r"0\.0\.1"), running_cluster(version="0.0.1"):
        pass
