"""A registry on three nodes, one of which is killed in the middle of a bulk load: nothing that was reported is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import petfinder as pf
from petfinder.domain.errors import PetfinderError
from tests.conftest import TableEncoder
from tests.elastic.servers import Cluster, Node, get_json
from tests.elastic.test_faults import check_recount, dogs
from tests.stores.samples import directions

PETS, KILLED_AT = 6000, 2200


class Searching:
    """Somebody who goes on searching in a thread, through a connection of their own."""

    def __init__(self, registry: pf.Registry) -> None:
        self.registry = registry
        self.found: list[int] = []
        self.errors: list[PetfinderError] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._search)

    def _search(self) -> None:
        query = directions(1, seed=1)[0]
        while not self._ended.wait(0.05):
            try:
                self.found.append(len(self.registry.dogs.find_by_embedding(query, k=5)))
            except PetfinderError as error:
                self.errors.append(error)

    def __enter__(self) -> Searching:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()


def master_of(cluster: Cluster) -> Node:
    """The node that leads the cluster."""
    state = get_json(f"{cluster.url}/_cluster/state/master_node,nodes")
    name = state["nodes"][state["master_node"]]["name"]
    return next(node for node in cluster.nodes if node.name == name)


@pytest.mark.parametrize(
    "leader", [pytest.param(True, id="the master"), pytest.param(False, id="another", marks=pytest.mark.slow)]
)
def test_a_node_killed_in_the_middle_of_a_bulk_load_loses_nothing_that_was_reported(
    three_nodes: Cluster, table_encoder: TableEncoder, leader: bool
) -> None:
    master = master_of(three_nodes)
    victim = master if leader else next(node for node in three_nodes.nodes if node is not master)
    everywhere, given = ",".join(three_nodes.urls), dogs(PETS)
    searched_before = 0

    def meanwhile() -> Iterator[pf.Dog]:
        nonlocal searched_before
        for number, pet in enumerate(given):
            if number == KILLED_AT:
                searched_before = len(searching.found)
                victim.kill()
            yield pet

    with (
        pf.connect(everywhere, encoder=table_encoder, timeout=10, retries=6) as registry,
        pf.connect(everywhere, encoder=table_encoder, timeout=10, retries=6) as another,
    ):
        settings = {"shards": 2, "replicas": 1}
        registry.util.create_index("pets-dogs", pf.Dog, encoder=table_encoder, settings=settings)
        three_nodes.wait()
        registry.dogs.register_many(given[:10], progress=False)
        with Searching(another) as searching:
            report = registry.dogs.register_many(meanwhile(), progress=False)
        three_nodes.wait(status="yellow")

        assert victim.process is None
        assert searching.errors == []
        assert len(searching.found) > searched_before > 0
        assert set(searching.found) == {5}
        with pf.connect(three_nodes.url, encoder=table_encoder) as direct:
            check_recount(report, given, direct)
            again = registry.dogs.register_many(given, progress=False)
            assert len(again.added) == len(report.failures)
            assert again.failures == ()
            check_recount(again, given, direct)
