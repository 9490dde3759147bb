"""What Elasticsearch and its client say, in petfinder's words: every exception has its place, none tells a secret."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import elastic_transport
import elasticsearch
import numpy as np
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, Elasticsearch

from petfinder.domain import errors
from petfinder.stores.elasticsearch.errors import error_of_item, is_write_block, translated, typed
from petfinder.stores.elasticsearch.retry import worth_retrying

PHONE = "555-0199"
MAPPING = {
    "dynamic": "strict",
    "properties": {
        "name": {"type": "keyword"},
        "seen": {"type": "date", "format": "epoch_second"},
        "places": {"type": "geo_point"},
        "photos": {"type": "nested", "properties": {"vector": {"type": "dense_vector", "dims": 3}}},
    },
}
# Every exception class of the client's two packages, and where it belongs.
PLACES: dict[type[Exception] | None, str] = {
    errors.StoreUnavailable: "ApiError BadRequestError ConnectionError ConnectionTimeout NotFoundError SniffingError"
    " SerializationError TlsError TransportError UnsupportedProductError",
    errors.StoreError: "BulkIndexError ElasticsearchDslException IllegalOperation ScanError UnknownDslObject"
    " ValidationException",
    errors.NotAuthorised: "AuthenticationException AuthorizationException",
    errors.EditConflict: "ConflictError",
    # Warnings are the user's to silence or to raise: they stay what they are.
    None: "ElasticsearchWarning GeneralAvailabilityWarning SecurityWarning TransportWarning",
}
STATUS_OF = {
    "AuthenticationException": 401,
    "AuthorizationException": 403,
    "BadRequestError": 400,
    "ConflictError": 409,
    "NotFoundError": 404,
    "UnsupportedProductError": 200,
}
Ask = Callable[[Elasticsearch, str], Any]


def exception_classes() -> dict[str, type[Exception]]:
    """Every exception class that the client's packages define, as far as what they need is installed, by its name."""
    found: dict[str, type[Exception]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in (elastic_transport, elasticsearch):
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda name: None):
                with suppress(ImportError):
                    values = vars(importlib.import_module(module.name)).values()
                    kinds = [kind for kind in values if isinstance(kind, type) and issubclass(kind, Exception)]
                    found |= {kind.__name__: kind for kind in kinds if kind.__module__.startswith("elastic")}
    return found


def meta(status: int) -> ApiResponseMeta:
    node = NodeConfig("https", "host", 9200)
    return ApiResponseMeta(status=status, http_version="1.1", headers=HttpHeaders(), duration=0.1, node=node)


def api_error(status: int, kind: str, reason: str = "", **more: Any) -> ApiError:
    """An error as the server words it, as the client raises it."""
    error = {"type": kind, "reason": reason, "root_cause": [{"type": kind, "reason": reason}], **more}
    return ApiError(kind, meta(status), {"error": error, "status": status})


def made(kind: type[Exception]) -> Exception:
    """An exception of this class whose text holds what may not be told."""
    if issubclass(kind, elastic_transport.ApiError):
        return kind(PHONE, meta(STATUS_OF.get(kind.__name__, 500)), {"error": PHONE})
    if kind.__name__ == "BulkIndexError":
        return kind(PHONE, [{"index": {"data": {"phone": PHONE}}}])
    if kind.__name__ == "ScanError":
        return kind("listing-1", PHONE)
    return kind(PHONE)


def everything_shown(error: BaseException) -> str:
    """What a traceback, and the repr of the errors in it, would show."""
    told = "".join(traceback.format_exception(error))
    return f"{told}{error!r}{error.__cause__!r}{getattr(error.__cause__, 'body', '')}{vars(error.__cause__ or error)}"


def test_every_exception_of_the_client_has_its_place() -> None:
    found = exception_classes()
    places = {name: place for place, names in PLACES.items() for name in names.split()}
    assert set(found) == set(places)

    for name, kind in found.items():
        place = places[name]
        with pytest.raises(place or kind) as caught, translated(location="https://host:9200"):
            raise made(kind)
        if place is None:
            assert type(caught.value) is kind
        else:
            assert type(caught.value) is place, name
            assert isinstance(caught.value.__cause__, kind), name
            assert "https://host:9200" in str(caught.value) or place is errors.EditConflict, name
            if not issubclass(kind, elastic_transport.TransportError) or name == "SerializationError":
                assert PHONE not in everything_shown(caught.value), name


@pytest.mark.parametrize("mine", [ValueError("mine"), errors.DuplicatePet("petfinder's own")])
def test_what_is_not_the_clients_passes_untouched(mine: Exception) -> None:
    with pytest.raises(type(mine)) as caught, translated():
        raise mine
    assert caught.value is mine


@pytest.fixture
def index(client: Elasticsearch) -> Iterator[str]:
    """An index with one document, of a mapping like petfinder's."""
    name = f"errors-{uuid4().hex[:8]}"
    client.indices.create(index=name, mappings=MAPPING, settings={"number_of_replicas": 0})
    client.indices.put_alias(index=name, name=f"{name}-alias")
    client.index(index=name, id="luigi", document={"name": "Luigi"}, refresh=True)
    yield name
    client.indices.delete(index=name)


def closed_listing(client: Elasticsearch, index: str) -> Any:
    point = client.open_point_in_time(index=index, keep_alive="1m")["id"]
    client.close_point_in_time(id=point)
    return client.search(pit={"id": point})


def knn(vector: list[float], **more: Any) -> Ask:
    wanted = {"field": "photos.vector", "query_vector": vector, "k": 1, "num_candidates": 10, **more}
    return lambda client, index: client.search(index=index, knn=wanted)


def put(**document: Any) -> Ask:
    return lambda client, index: client.index(index=index, id="a", document=document)


def search(**query: Any) -> Ask:
    return lambda client, index: client.search(index=index, query=query)


def nobody_home(client: Elasticsearch, index: str) -> Any:
    """Write to an index whose only shard may stand on no node."""
    client.indices.delete(index=index)
    away = {"number_of_replicas": 0, "routing.allocation.require._name": "nobody"}
    client.indices.create(index=index, settings=away, wait_for_active_shards="0")
    return client.index(index=index, id="luigi", document={"phone": PHONE}, timeout="100ms")


def of_another_version(client: Elasticsearch, index: str) -> Any:
    accept = "application/vnd.elasticsearch+json; compatible-with=99"
    return client.perform_request("GET", "/_cluster/health", headers={"accept": accept})


UNKNOWN = "index 'pets-dogs' is not in https://host:9200; register a pet first"
EXISTS, CHANGED = (errors.IndexExists, "already"), (errors.EditConflict, "read it again")
SAID_BY_A_REAL_SERVER: dict[str, tuple[Ask, type[errors.PetfinderError], str]] = {
    "no such index": (lambda c, i: c.search(index=f"{i}-not"), errors.IndexNotFound, UNKNOWN),
    "no such alias": (lambda c, i: c.indices.get_alias(name=f"{i}-not"), errors.IndexNotFound, "is not in"),
    "no such document": (lambda c, i: c.get(index=i, id="nobody"), errors.PetNotFound, "not in index 'pets-dogs'"),
    "update of nothing": (lambda c, i: c.update(index=i, id="nobody", doc={}), errors.PetNotFound, "not in index"),
    "index made twice": (lambda c, i: c.indices.create(index=i), *EXISTS),
    "index of an alias": (lambda c, i: c.indices.create(index=f"{i}-alias"), *EXISTS),
    "alias of an index": (lambda c, i: c.indices.update_aliases(actions=[{"add": {"index": i, "alias": i}}]), *EXISTS),
    "index name": (lambda c, i: c.indices.create(index="Upper"), errors.InvalidQuery, "name"),
    "created twice": (lambda c, i: c.create(index=i, id="luigi", document={}), *CHANGED),
    "changed": (lambda c, i: c.index(index=i, id="luigi", document={}, if_seq_no=9, if_primary_term=1), *CHANGED),
    "date that is none": (put(seen=PHONE), errors.InvalidPet, "document_parsing_exception in seen"),
    "place that is none": (put(places=PHONE), errors.InvalidPet, "in places"),
    "field of another schema": (put(phone=PHONE), errors.IndexMismatch, "in phone"),
    "query of other dims": (knn([1, 0]), errors.InvalidEmbedding, "length"),
    "query of zeros": (knn([0, 0, 0]), errors.InvalidEmbedding, "zero"),
    "k over candidates": (knn([1, 0, 0], k=100), errors.InvalidQuery, "illegal_argument_exception"),
    "query that is none": (search(match_some={"name": PHONE}), errors.InvalidQuery, "parsing_exception"),
    "query of a wrong date": (search(term={"seen": PHONE}), errors.InvalidQuery, "refuses"),
    "page too deep": (lambda c, i: c.search(index=i, size=10_001), errors.InvalidQuery, "illegal_argument"),
    "listing let go": (closed_listing, errors.StoreUnavailable, "begin it again"),
    "too many shards": (
        lambda c, i: c.indices.create(index=f"{i}-2", settings={"number_of_shards": 1024}),
        errors.StoreUnavailable,
        "no more shards",
    ),
    "mapping that is none": (
        lambda c, i: c.indices.create(index=f"{i}-2", mappings={"properties": {"a": {"type": "b"}}}),
        errors.InvalidQuery,
        "mapper_parsing_exception in a",
    ),
    "other major version": (of_another_version, errors.ConfigError, "pip install"),
    "shard on no node": (nobody_home, errors.StoreUnavailable, "look at its health"),
    "too large": (
        lambda c, i: c.bulk(operations=[{"index": {"_index": i}}, {"owner": PHONE * 13_200_000}]),
        errors.InvalidPet,
        "larger than https://host:9200 takes",
    ),
}


@pytest.mark.parametrize("case", SAID_BY_A_REAL_SERVER)
def test_what_a_real_server_refuses_is_typed_and_quotes_nothing(client: Elasticsearch, index: str, case: str) -> None:
    ask, expected, said = SAID_BY_A_REAL_SERVER[case]

    with pytest.raises(errors.PetfinderError) as caught, translated(index="pets-dogs", location="https://host:9200"):
        ask(client, index)

    assert (type(caught.value), said in str(caught.value)) == (expected, True), str(caught.value)
    assert isinstance(caught.value.__cause__, ApiError)
    assert PHONE not in everything_shown(caught.value)


def test_a_full_disk_a_write_block_and_a_closed_index_are_told_apart(client: Elasticsearch, index: str) -> None:
    def refusal() -> tuple[ApiError, errors.PetfinderError]:
        with pytest.raises(ApiError) as caught:
            client.index(index=index, id="a", document={"name": "Anna"})
        return caught.value, typed(caught.value, index="pets-dogs")

    def settings(**blocks: bool | None) -> None:
        client.indices.put_settings(index=index, settings={f"index.blocks.{name}": v for name, v in blocks.items()})

    client.indices.add_block(index=index, block="write")
    blocked, told = refusal()
    assert (type(told), is_write_block(told), is_write_block(blocked)) == (errors.StoreUnavailable, False, True)
    with pytest.raises(errors.StoreUnavailable, match="closed for writing") as caught, translated():
        raise blocked
    assert is_write_block(caught.value)
    item = client.bulk(operations=[{"index": {"_index": index, "_id": "a"}}, {}])["items"][0]["index"]
    assert is_write_block(item["error"])

    settings(write=None, read_only_allow_delete=True)
    blocked, told = refusal()
    assert (type(told), is_write_block(blocked), worth_retrying(blocked)) == (errors.StoreUnavailable, False, False)
    assert "free some space" in str(told)

    settings(read_only_allow_delete=None)
    client.indices.close(index=index)
    blocked, told = refusal()
    assert (type(told), is_write_block(blocked)) == (errors.StoreUnavailable, False)
    assert "open it" in str(told)


ITEMS: dict[str, tuple[dict[str, Any], type[errors.PetfinderError]]] = {
    "zero": ({"photos": [{"vector": [0, 0, 0]}]}, errors.InvalidEmbedding),
    "short": ({"photos": [{"vector": [1, 0]}]}, errors.InvalidEmbedding),
    "infinite": ({"photos": [{"vector": [1, 0, 1e39]}]}, errors.InvalidEmbedding),
    "words": ({"photos": [{"vector": PHONE}]}, errors.InvalidPet),
    "place": ({"places": PHONE}, errors.InvalidPet),
    "date": ({"seen": PHONE}, errors.InvalidPet),
    "name": ({"name": {PHONE: PHONE}}, errors.InvalidPet),
    "long": ({"name": PHONE * 5000}, errors.InvalidPet),
    "nan": ({"name": float("nan"), "seen": np.nan}, errors.InvalidPet),
    "field": ({"phone": PHONE}, errors.IndexMismatch),
}


def test_items_of_a_bulk_request_are_typed_and_quote_nothing(client: Elasticsearch, index: str) -> None:
    lines = [part for id_, (body, _) in ITEMS.items() for part in ({"index": {"_index": index, "_id": id_}}, body)]
    answered = [item["index"] for item in client.bulk(operations=lines)["items"]]

    told = {item["_id"]: error_of_item(item["status"], item["error"], item["_id"], index="dogs") for item in answered}

    assert type(told.pop("words")) in (errors.InvalidEmbedding, errors.InvalidPet)  # servers before 9 do not say which
    kinds = {id_: kind for id_, (_, kind) in ITEMS.items() if id_ != "words"}
    assert {id_: type(error) for id_, error in told.items()} == kinds
    assert [id_ for id_, error in told.items() if PHONE in str(error)] == []
    assert "pet 'date' cannot be stored in index 'dogs'" in str(told["date"])
    assert not any(worth_retrying(item["status"], item["error"]["type"]) for item in answered)


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (429, "es_rejected_execution_exception", True),
        (429, "circuit_breaking_exception", True),
        (503, "unavailable_shards_exception", True),
        (503, "cluster_block_exception", True),
        (502, None, True),
        (429, "cluster_block_exception", False),
        (403, "cluster_block_exception", False),
        (400, "document_parsing_exception", False),
        (409, "version_conflict_engine_exception", False),
        (401, None, False),
        (413, None, False),
    ],
)
def test_what_may_pass_is_worth_another_try(status: int, kind: str | None, again: bool) -> None:
    assert worth_retrying(status, kind) is again
    assert worth_retrying(api_error(status, kind) if kind else ApiError("", meta(status), "<html>")) is again


CREATE_REFUSED = (
    f"action [indices:admin/create] is unauthorized for user [{PHONE}], "
    "this action is granted by the index privileges [create_index,manage,all]"
)
PRIVILEGES = "one of the index privileges create_index,manage,all is needed"
NO_SHARD = api_error(503, "search_phase_execution_exception", "all shards failed", root_cause=[])
LICENCE = {"license.expired.feature": "rrf"}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (api_error(403, "security_exception", CREATE_REFUSED), errors.NotAuthorised, PRIVILEGES),
        (api_error(403, "security_exception", "x", **LICENCE), errors.StoreUnavailable, "licence"),
        (api_error(429, "circuit_breaking_exception", f"too large, {PHONE}"), errors.StoreUnavailable, "memory"),
        (NO_SHARD, errors.StoreUnavailable, "no running node"),
        (api_error(500, "illegal_state_exception", PHONE), errors.StoreUnavailable, "500: illegal_state_exception"),
        (api_error(404, "resource_not_found_exception", PHONE), errors.StoreUnavailable, "resource_not_found"),
    ],
)
def test_what_the_tests_server_cannot_say_is_typed_by_its_words(
    error: ApiError, kind: type[errors.PetfinderError], said: str
) -> None:
    with pytest.raises(errors.PetfinderError) as caught, translated(location="https://host:9200"):
        raise error

    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert PHONE not in everything_shown(caught.value)


def test_a_body_that_json_cannot_hold_is_not_repeated(client: Elasticsearch, index: str) -> None:
    with pytest.raises(errors.InvalidPet, match="JSON") as caught, translated():
        client.index(index=index, document={"owner": {"phone": PHONE, "since": object()}})

    assert PHONE not in everything_shown(caught.value)
