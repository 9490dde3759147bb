"""A registry on three nodes, one of which is killed in the middle of a bulk load: nothing that was reported is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import petfinder as pf
from tests.conftest import TableEncoder
from tests.elastic.servers import START_SECONDS, Cluster, Node, ServerUnavailable, get_json
from tests.elastic.test_faults import check_recount, dogs
from tests.stores.samples import directions

PETS, KILLED_AT = 6000, 2200


def searching(registry: pf.Registry, found: list[int], ended: threading.Event) -> None:
    """Go on searching through a connection of one's own; how many were found each time."""
    query = directions(1, seed=1)[0]
    while not ended.wait(0.05):
        found.append(len(registry.dogs.find_by_embedding(query, k=5)))


def master_of(cluster: Cluster) -> Node:
    """The node that leads the cluster, by all its nodes; on a busy machine it may be chosen anew after the start."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        states = [get_json(f"{url}/_cluster/state/master_node,nodes?local=true") for url in cluster.urls]
        names = {state["nodes"].get(state["master_node"], {}).get("name") for state in states}
        leaders = [node for node in cluster.nodes if names == {node.name}]
        if leaders:
            return leaders[0]
        time.sleep(0.2)
    raise ServerUnavailable(f"the nodes name no common master in {START_SECONDS} s")


@pytest.mark.parametrize(
    "leader", [pytest.param(True, id="the master"), pytest.param(False, id="another", marks=pytest.mark.slow)]
)
def test_a_node_killed_in_the_middle_of_a_bulk_load_loses_nothing_that_was_reported(
    three_nodes: Cluster, table_encoder: TableEncoder, leader: bool
) -> None:
    master = master_of(three_nodes)
    victim = master if leader else next(node for node in three_nodes.nodes if node is not master)
    everywhere, given = ",".join(three_nodes.urls), dogs(PETS)
    found: list[int] = []
    found_before: list[int] = []
    ended = threading.Event()

    def meanwhile() -> Iterator[pf.Dog]:
        for number, pet in enumerate(given):
            if number == KILLED_AT:
                found_before.extend(found)
                victim.kill()
            yield pet

    with (
        pf.connect(everywhere, encoder=table_encoder, timeout=10, retries=6) as registry,
        pf.connect(everywhere, encoder=table_encoder, timeout=10, retries=6) as another,
        ThreadPoolExecutor(1) as pool,
    ):
        settings = {"shards": 2, "replicas": 1}
        registry.util.create_index("pets-dogs", pf.Dog, encoder=table_encoder, settings=settings)
        three_nodes.wait()
        registry.dogs.register_many(given[:10], progress=False)
        search = pool.submit(searching, another, found, ended)
        try:
            report = registry.dogs.register_many(meanwhile(), progress=False)
        finally:
            ended.set()
        search.result()
        three_nodes.wait(status="yellow")

        assert victim.process is None
        assert len(found) > len(found_before) > 0
        assert set(found) == {5}
        with pf.connect(three_nodes.url, encoder=table_encoder) as direct:
            check_recount(report, given, direct)
            again = registry.dogs.register_many(given, progress=False)
            assert len(again.added) == len(report.failures)
            assert again.failures == ()
            check_recount(again, given, direct)
