"""The server that the tests run on: it is a real Elasticsearch, and it never outlives the process that started it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.elastic.servers import ServerUnavailable, chosen_version, get_json, running_cluster


def stops_answering(url: str, *, seconds: float) -> bool:
    """Whether a server's port closes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0:
                return True
        time.sleep(0.1)
    return False


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
    assert stops_answering(url, seconds=60)


def test_a_version_that_does_not_exist_is_named_in_the_reason() -> None:
    with pytest.raises(ServerUnavailable, match=r"0\.0\.1"), running_cluster(version="0.0.1"):
        pass
