"""The cluster of three that fault tests use: it is one cluster, and it outlives one of its nodes."""

from __future__ import annotations

from elasticsearch import Elasticsearch

from tests.elastic.servers import Cluster, get_json


def test_three_nodes_form_one_cluster_and_outlive_a_killed_one(three_nodes: Cluster) -> None:
    settings = {"number_of_shards": 2, "number_of_replicas": 1}
    with Elasticsearch(three_nodes.urls, retry_on_timeout=True) as client:
        client.indices.create(index="dogs", settings=settings, wait_for_active_shards="all")
        operations = [part for number in range(100) for part in ({"index": {"_id": str(number)}}, {"number": number})]
        before = client.bulk(index="dogs", operations=operations, refresh=True)
        three_nodes.nodes[0].kill()
        three_nodes.wait(status="yellow")
        after = client.search(index="dogs", size=0, track_total_hits=True)
        client.index(index="dogs", id="100", document={"number": 100}, refresh=True)

        assert not before["errors"]
        assert after["_shards"]["failed"] == 0
        assert after["hits"]["total"]["value"] == 100
        assert client.count(index="dogs")["count"] == 101
        assert len(three_nodes.urls) == 2

    three_nodes.nodes[0].start()
    three_nodes.wait()

    assert get_json(f"{three_nodes.nodes[0].url}/_cluster/health")["number_of_nodes"] == 3
