"""The tests' own tools: a real server that outlives nobody, a proxy whose faults reach the client as what they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import elasticsearch as es
import pytest
from elasticsearch import Elasticsearch

from tests.elastic import faults
from tests.elastic.proxy import Fault, FaultProxy
from tests.elastic.servers import get_json

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
