"""The fixtures that give tests a real Elasticsearch: one server for the whole run, and clusters of three to be hurt."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.elastic.servers import Cluster, ServerUnavailable, chosen_version, fetch_jars, java_for, running_cluster


def no_server(reason: ServerUnavailable) -> None:
    """Skip the test for want of a server; where a server is required (CI), fail it."""
    if os.environ.get("CI") or os.environ.get("PETFINDER_REQUIRE_ELASTICSEARCH"):
        pytest.fail(f"no Elasticsearch for this test: {reason}")
    pytest.skip(f"no Elasticsearch for this test: {reason}")


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Elasticsearch. Tests empty it as they begin, so all that use it run in one worker."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    (run / "elasticsearch").mkdir()  # fails in a second worker
    given = os.environ.get("PETFINDER_TEST_ELASTICSEARCH")
    if given:
        yield given
        return
    try:
        with running_cluster() as cluster:
            yield cluster.url
    except ServerUnavailable as reason:
        no_server(reason)


@pytest.fixture(scope="session")
def own_servers() -> None:
    """For tests that start and kill servers of their own: not where a cluster is given, which is not ours to hurt."""
    if os.environ.get("PETFINDER_TEST_ELASTICSEARCH"):
        pytest.skip("PETFINDER_TEST_ELASTICSEARCH names a cluster: tests that kill servers do not run")
    try:
        java_for(chosen_version())
        fetch_jars(chosen_version())
    except ServerUnavailable as reason:
        no_server(reason)


@pytest.fixture
def three_nodes(own_servers: None) -> Iterator[Cluster]:
    """A green cluster of three nodes of which one may be killed."""
    with running_cluster(count=3) as cluster:
        yield cluster
