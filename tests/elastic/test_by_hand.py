"""What people and killed processes leave behind on a server, and what a store makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import elasticsearch
import pytest

from petfinder.domain.errors import IndexMismatch, IndexNotFound
from petfinder.domain.filters import Restriction
from petfinder.stores.documents import Query, WriteMode
from petfinder.stores.elasticsearch.store import ElasticsearchStore
from tests.elastic import faults
from tests.elastic.proxy import FaultProxy
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import EVERYTHING, SPEC, directions, document, found, ids, write


@pytest.fixture
def store(elasticsearch_url: str) -> Iterator[ElasticsearchStore]:
    made = empty_elasticsearch_store(elasticsearch_url)
    made.create_index("dogs", SPEC)
    yield made
    made.close()


def rebuilt(store: ElasticsearchStore, name: str) -> tuple[str, str]:
    """Rebuild an index with its own documents; the names of the target and of what was kept."""
    target = store.begin_rebuild(name, replace(SPEC, settings={"vectors": "hnsw"}))
    list(store.write(target, [*store.scan(name, EVERYTHING, vectors=True)], mode="index"))
    return target, store.finish_rebuild(name, target, lambda: None)


def test_a_renamed_index_can_be_rebuilt(store: ElasticsearchStore) -> None:
    write(store, [document("luigi")])
    store.rename_index("dogs", "hounds")

    rebuilt(store, "hounds")

    assert ids(store.scan("hounds", EVERYTHING)) == ["luigi"]
    assert store.spec("hounds").settings == {"vectors": "hnsw"}


def test_a_kept_index_that_was_left_blocked_still_forgets_a_pet(store: ElasticsearchStore) -> None:
    write(store, [document("luigi"), document("bella")])
    _, kept = rebuilt(store, "dogs")
    store.client.indices.add_block(index=kept, block="write")

    assert store.delete("dogs", ["luigi"]) == {"luigi"}

    assert ids(store.scan(kept, EVERYTHING)) == ids(store.scan("dogs", EVERYTHING)) == ["bella"]


def test_who_still_rebuilds_what_others_have_finished_writes_nothing(store: ElasticsearchStore) -> None:
    write(store, [document("luigi")])
    target, _ = rebuilt(store, "dogs")

    with pytest.raises(IndexNotFound, match="finished by others"):
        list(store.write(target, [document("luigi", body={"name": "late"})], mode="index"))
    with pytest.raises(IndexNotFound, match="finished by others"):
        store.delete(target, ["luigi"])

    assert found(store, "dogs", "luigi").body == {"name": "luigi"}


def test_a_copy_made_by_hand_is_no_index_and_disturbs_none(store: ElasticsearchStore) -> None:
    write(store, [document("luigi")])
    store.client.indices.add_block(index="dogs", block="write")
    for copy in ("my-backup", "dogs-000001-backup"):
        store.client.indices.clone(index="dogs-000001", target=copy)
    store.client.indices.put_settings(index="dogs-000001", settings={"index.blocks.write": None})

    assert store.index_names() == ["dogs"]
    assert store.delete("dogs", ["luigi"]) == {"luigi"}
    with pytest.raises(IndexMismatch, match="by hand"):
        store.spec("my-backup")


def test_a_listing_goes_on_where_the_server_has_let_go_of_its_moment(store: ElasticsearchStore) -> None:
    write(store, [document(f"pet{number:04d}") for number in range(1500)])

    listing = store.scan("dogs", EVERYTHING)
    first = next(listing)
    store.client.indices.close(index="dogs-000001")
    store.client.indices.open(index="dogs-000001", wait_for_active_shards=1)

    assert [first.id, *ids(listing)] == [f"pet{number:04d}" for number in range(1500)]


def test_many_queries_that_each_name_many_ids_are_parted(store: ElasticsearchStore) -> None:
    write(store, [document("a"), document("b")])
    nobody = frozenset(f"none{number}" for number in range(70_000))

    answers = store.nearest("dogs", Query(directions(50, seed=1), k=2, restriction=Restriction(exclude=nobody | {"b"})))

    assert [[hit.document.id for hit in answer.hits] for answer in answers] == [["a"]] * 50


@pytest.mark.parametrize("mode", ["create", "index"])
def test_an_id_that_comes_twice_in_a_stream_is_not_taken_for_done_where_an_answer_is_lost(
    proxy: FaultProxy, store: ElasticsearchStore, mode: WriteMode
) -> None:
    first, second = document("a"), document("a", body={"name": "second"})
    stream = [first, *(document(f"pet{number}") for number in range(499)), second]
    outcomes: list[str] = []
    with elasticsearch.Elasticsearch(proxy.url, max_retries=0) as client:
        for outcome in ElasticsearchStore(client, retries=2, owns_client=False).write("dogs", stream, mode=mode):
            if not outcomes:
                proxy.add(faults.cut_before, path="_bulk", times=1)
            outcomes.append(outcome.result)

    assert outcomes[-1] == ("replaced" if mode == "index" else "exists")
    assert found(store, "dogs", "a").body == (second if mode == "index" else first).body
