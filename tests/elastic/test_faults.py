"""A registry on an Elasticsearch that misbehaves: what can be mended is, the rest is a typed error, a true report."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain import errors
from petfinder.stores.documents import Record
from petfinder.stores.elasticsearch.retry import worth_retrying
from tests.conftest import TableEncoder
from tests.elastic import faults
from tests.elastic.proxy import Fault, FaultProxy
from tests.elastic.stores import erase_everything
from tests.stores.samples import directions
from tests.test_service import sure

PASSWORD, API_KEY = "hunter-2-secret", "c2VjcmV0LWlkOnNlY3JldC1rZXk="
CHUNK = 500
THUMBNAIL = (Path(__file__).parents[2] / "dataset" / "photos" / "luna" / "2.jpg").read_bytes()
SEVENTHS = faults.reject_items(lambda id_: id_.endswith("7"))
# Faults that pass: a request that meets one is sent again.
PASSING: dict[str, Fault] = {
    "429": faults.elastic_error(429),
    "429 with Retry-After": faults.elastic_error(429, retry_after="1"),
    "429 of a gateway": faults.gateway_page(429, retry_after="1"),
    "500": faults.elastic_error(500),
    "502": faults.gateway_page(502),
    "503": faults.elastic_error(503),
    "503 of a gateway": faults.gateway_page(503),
    "time-out": faults.hold,
    "time-out though done": faults.slow,
    "cut before": faults.cut_before,
    "cut within": faults.cut_within,
    "cut after": faults.cut_after,
}
FULL_DISK = faults.elastic_error(403, kind="cluster_block_exception", reason="index [dogs] blocked by: [/12/]")
# Faults that stay, the error that says so, and what it says when connecting; nothing reached the server.
LASTING: dict[str, tuple[Fault, type[errors.PetfinderError], str]] = {
    "401": (faults.elastic_error(401), errors.NotAuthorised, "check api_key"),
    "403": (faults.elastic_error(403), errors.NotAuthorised, "does not allow"),
    "403 of a gateway": (faults.gateway_page(403), errors.NotAuthorised, "does not allow"),
    "404 of a gateway": (faults.gateway_page(404), errors.StoreUnavailable, "no Elasticsearch answers"),
    "a page to log in": (faults.gateway_page(200), errors.StoreUnavailable, "is not Elasticsearch"),
    "not JSON": (faults.broken_json, errors.StoreUnavailable, "JSON"),
    "a disk that is full": (FULL_DISK, errors.StoreUnavailable, "free some space"),
    "429": (faults.elastic_error(429), errors.StoreUnavailable, "overloaded"),
    "500": (faults.elastic_error(500), errors.StoreUnavailable, "its own log"),
    "502": (faults.gateway_page(502), errors.StoreUnavailable, "overloaded"),
    "503": (faults.elastic_error(503), errors.StoreUnavailable, "moment"),
    "time-out": (faults.hold, errors.StoreUnavailable, "longer timeout"),
    "cut before": (faults.cut_before, errors.StoreUnavailable, "is it running"),
    "cut within": (faults.cut_within, errors.StoreUnavailable, "is it running"),
}
# More that may be met when connecting.
AT_FIRST: dict[str, tuple[Fault, type[errors.PetfinderError], str]] = {
    "401 of a gateway": (faults.gateway_page(401), errors.NotAuthorised, "check api_key"),
    "302 of a gateway": (faults.gateway_page(302), errors.StoreUnavailable, "redirect"),
    "400 of a gateway": (faults.gateway_page(400), errors.StoreUnavailable, "proxy"),
    "413 of a gateway": (faults.gateway_page(413), errors.InvalidPet, "larger"),
    "429 of a gateway": (faults.gateway_page(429), errors.StoreUnavailable, "overloaded"),
    "not Elasticsearch": (faults.not_elasticsearch, errors.StoreUnavailable, "is not Elasticsearch"),
    "cut after": (faults.cut_after, errors.StoreUnavailable, "broke off"),
}
# Faults of the answer only: the server has done what was asked.
DONE: dict[str, Fault] = {
    "time-out though done": faults.slow,
    "cut after": faults.cut_after,
    "not JSON though done": faults.garbled,
    "not Elasticsearch": faults.not_elasticsearch,
}


@dataclass
class Line:
    """A server that is reached through a proxy that makes faults, and directly: what is counted there is true."""

    proxy: FaultProxy
    direct: pf.Registry
    opened: ExitStack

    def through(self, **options: Any) -> pf.Registry:
        """The registry through the proxy."""
        options = {"encoder": TableEncoder(), "timeout": 1.5, "retries": 3, **options}
        return self.opened.enter_context(pf.connect(self.proxy.url, **options))

    def register(self, registry: pf.Registry, given: list[pf.Dog], **options: Any) -> pf.BulkReport:
        """Register dogs, and check that the report is true."""
        report = registry.dogs.register_many(given, progress=False, **options)
        check_recount(report, given, self.direct)
        return report


@pytest.fixture
def line(proxy: FaultProxy, client: Elasticsearch, elasticsearch_url: str) -> Iterator[Line]:
    """A new registry, with and without the proxy."""
    erase_everything(client)
    with ExitStack() as opened, pf.connect(elasticsearch_url, encoder=TableEncoder()) as direct:
        yield Line(proxy, direct, opened)
        proxy.clear()


def dogs(count: int, **photo: Any) -> list[pf.Dog]:
    """Dogs with an owner and a photo with its embedding."""
    return [
        pf.Dog(
            pet_id=f"dog{number:05d}",
            owner=pf.Owner(name="Ully", phone="555-0199"),
            photos=[pf.Photo(photo_id=f"photo{number}", uri="x.jpg", embedding=row, **photo)],
        )
        for number, row in enumerate(directions(count, seed=0))
    ]


def ids(pets: Iterable[pf.Pet]) -> list[str]:
    return [pet.pet_id for pet in pets]


def check_recount(report: pf.BulkReport, given: list[pf.Dog], direct: pf.Registry) -> None:
    """Every pet is told of once, and what the report says went in is what is there."""
    told = [*report.added, *report.replaced, *report.skipped, *(failure.item for failure in report.failures)]
    assert sorted(told) == sorted(ids(given))
    there = sorted(ids(direct.dogs.list()))
    assert there == sorted([*report.added, *report.replaced, *report.skipped])
    assert direct.dogs.count() == len(there)
    assert sorted(direct.dogs.repository.embeddings().pet_ids) == there


def patience(fault: str) -> float:
    """Seconds to wait for an answer: few where none comes, enough for a busy machine where one does."""
    return 2 if fault == "time-out" else 15


def check_secrets(error: BaseException) -> None:
    """Neither the error, nor what it came from, nor their traceback tells a password, a key or an owner's number."""
    text = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    assert not [secret for secret in (PASSWORD, API_KEY, "555-0199") if secret in text]


def test_no_time_is_lost_after_a_bulk_request_that_goes_well(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, pauses = line.through(), list[float]()
    monkeypatch.setattr("petfinder.stores.elasticsearch.bulk.time.sleep", pauses.append)

    line.register(registry, dogs(CHUNK + 1))

    assert pauses == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_bulk_request_that_meets_a_passing_fault_is_sent_again(line: Line, fault: str) -> None:
    registry = line.through()
    line.proxy.add(PASSING[fault], path="_bulk")

    report = line.register(registry, dogs(100))

    assert (len(report.added), report.failures) == (100, ())
    assert line.proxy.seen(path="_bulk")[0].fault


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_stays_ends_a_bulk_run_with_a_true_report(line: Line, fault: str) -> None:
    made, kind, _ = LASTING[fault]
    registry, given = line.through(retries=1, user="finder", password=PASSWORD), dogs(CHUNK + 100)
    line.proxy.add(made, path="_bulk", skip=1, times=None)

    report = line.register(registry, given)

    assert report.added[:CHUNK] == tuple(ids(given[:CHUNK]))
    assert {type(failure.error) for failure in report.failures} == {kind}
    check_secrets(report.failures[0].error)

    line.proxy.clear()
    again = line.register(registry, given)

    assert (len(again.added), len(again.skipped)) == (len(report.failures), len(report.added))


@pytest.mark.parametrize("fault", DONE)
def test_what_the_server_did_is_reported_as_done_though_its_answers_are_lost(line: Line, fault: str) -> None:
    registry = line.through(retries=1)
    line.proxy.add(DONE[fault], path="_bulk", times=None)

    assert len(line.register(registry, dogs(CHUNK + 100)).added) >= CHUNK


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_stays_is_a_typed_error_of_every_reading_call(line: Line, fault: str) -> None:
    made, kind, _ = LASTING[fault]
    line.register(line.direct, dogs(3))
    registry = line.through(retries=0, timeout=patience(fault), api_key=API_KEY)
    calls: list[Callable[[], object]] = [
        lambda: registry.dogs.find_by_embedding(directions(1, seed=0)[0]),
        lambda: registry.dogs.get("dog00000"),
        registry.dogs.count,
        registry.dogs.list,
        lambda: registry.dogs.owner_of("dog00000"),
        registry.util.list_indexes,
    ]
    for call in calls:
        line.proxy.clear()
        line.proxy.add(made, times=None)
        with pytest.raises(kind) as raised:
            call()
        check_secrets(raised.value)


@pytest.mark.parametrize("fault", ["429", "503 of a gateway", "time-out", "cut before", "cut after"])
def test_a_search_that_meets_a_passing_fault_is_made_again(line: Line, fault: str) -> None:
    registry, given = line.through(), dogs(3)
    line.register(registry, given)
    line.proxy.clear()
    line.proxy.add(PASSING[fault], path="_msearch")

    matches = registry.dogs.find_by_embedding(sure(given[1].photos[0].embedding), k=1)

    assert [match.pet.pet_id for match in matches] == ["dog00001"]
    assert len(line.proxy.seen(path="_msearch")) == 2


@pytest.mark.parametrize("fault", [*LASTING, *AT_FIRST])
def test_connecting_to_a_server_that_does_not_serve_is_a_typed_error(line: Line, fault: str) -> None:
    made, kind, said = (LASTING | AT_FIRST)[fault]
    line.proxy.add(made, times=None)

    with pytest.raises(kind, match=said) as raised:
        line.through(retries=0, timeout=patience(fault), user="finder", password=PASSWORD)

    assert type(raised.value) is kind
    assert line.proxy.url in str(raised.value)
    check_secrets(raised.value)
    cause = raised.value.__cause__
    assert isinstance(cause, Exception)
    assert worth_retrying(cause) is fault.startswith(("429", "50", "time-out", "cut"))


@pytest.mark.parametrize("stays", [False, True])
def test_items_that_are_refused_are_sent_again_alone_and_are_the_only_failures(line: Line, stays: bool) -> None:
    registry = line.through(retries=1)
    line.proxy.add(SEVENTHS, path="_bulk", times=None if stays else 1)

    report = line.register(registry, dogs(100))

    refused = [f"dog{number:05d}" for number in range(7, 100, 10)]
    assert [failure.item for failure in report.failures] == (refused if stays else [])
    assert {type(failure.error) for failure in report.failures} <= {errors.StoreUnavailable}
    first, second = line.proxy.seen(path="_bulk")
    assert second.received < first.received / 5


@pytest.mark.parametrize("second", ["401", "403", "not JSON", "a page to log in", "403 between two halves"])
def test_what_went_in_before_a_worse_fault_is_reported_as_in(line: Line, second: str) -> None:
    registry, halves = line.through(), "halves" in second
    if halves:
        line.proxy.add(LASTING["403"][0], path="_bulk", skip=2, times=None)
        line.proxy.add(faults.too_large(20_000), path="_bulk", times=None)
    else:
        line.proxy.add(SEVENTHS, path="_bulk")
        line.proxy.add(LASTING[second][0], path="_bulk", times=None)

    report = line.register(registry, dogs(100))

    assert report.failures
    assert len(report.added) >= (0 if halves else 90)


def test_a_bulk_request_too_large_for_a_gateway_is_cut_up(line: Line) -> None:
    registry, given = line.through(), dogs(200)
    given[50] = given[50].model_copy(update={"note": "x" * 50_000})
    line.proxy.add(faults.too_large(20_000), path="_bulk", times=None)

    report = line.register(registry, given)

    assert [(one.item, type(one.error)) for one in report.failures] == [("dog00050", errors.InvalidPet)]
    assert len(report.added) == 199


@pytest.mark.parametrize("call", ["register_many", "bulk_insert"])
def test_a_server_that_goes_away_in_the_middle(line: Line, call: str) -> None:
    registry, given = line.through(retries=1), dogs(2 * CHUNK)

    def going_away() -> Iterator[pf.Dog]:
        for number, pet in enumerate(given):
            if number == CHUNK + 300:
                line.proxy.close()
            yield pet

    if call == "register_many":
        report = registry.dogs.register_many(going_away(), progress=False)
    else:
        report = registry.dogs.repository.bulk_insert(going_away())
    line.proxy.open()
    line.direct.util.refresh(line.direct.dogs.repository.index)  # else others see it within a second

    assert {type(failure.error) for failure in report.failures} == {errors.StoreUnavailable}
    check_recount(report, given, line.direct)
    assert len(line.register(registry, given).added) == len(report.failures)


@pytest.mark.parametrize("fault", ["cut after", "time-out though done"])
def test_an_answer_that_was_lost_is_no_reason_to_call_a_pet_replaced_or_there(line: Line, fault: str) -> None:
    registry, given = line.through(), dogs(60)
    line.register(registry, given[:20])
    line.proxy.add(PASSING[fault], path="_bulk")

    report = line.register(registry, given, on_conflict="replace")

    assert (len(report.added), len(report.replaced), report.failures) == (40, 20, ())


@pytest.mark.parametrize("fault", ["cut after", "cut before", "time-out though done", "503"])
def test_a_change_that_meets_a_fault_is_made_once_or_said_to_have_failed(line: Line, fault: str) -> None:
    registry = line.through()
    line.register(registry, dogs(1))
    line.proxy.add(PASSING[fault], method="PUT|POST", path="_doc|_update")
    try:
        registry.dogs.update("dog00000", name="Luna")
        changed = True
    except errors.StoreError:
        changed = False

    pet = line.direct.dogs.get("dog00000")
    assert pet.owner is not None
    assert pet.owner.phone == "555-0199"
    assert pet.name == "Luna" or not changed
    registry.dogs.update("dog00000", name="Luna")
    assert line.direct.dogs.get("dog00000").name == "Luna"


@pytest.mark.parametrize("fault", ["cut after", "503", "time-out though done"])
def test_a_removal_that_meets_a_fault_leaves_nothing(line: Line, fault: str) -> None:
    registry, given = line.through(), dogs(20, thumbnail=THUMBNAIL)
    line.register(registry, given)
    line.proxy.add(PASSING[fault], path="_bulk")

    removed = registry.dogs.remove(ids(given[:10]))

    assert ids(line.direct.dogs.list()) == ids(given[10:])
    thumbnails = "pets-dogs-*-thumbnails-*"
    line.direct.util.client.indices.refresh(index=thumbnails, expand_wildcards="all")
    assert line.direct.util.client.count(index=thumbnails, expand_wildcards="all")["count"] == 10
    assert sorted(removed) == ids(given[:10])


def test_a_refused_thumbnail_leaves_a_true_report(line: Line) -> None:
    registry = line.through(retries=1)
    line.proxy.add(faults.elastic_error(403), path="_bulk", skip=1, times=None)
    line.register(registry, dogs(20, thumbnail=THUMBNAIL))


@pytest.mark.parametrize("fault", PASSING | DONE)
def test_a_record_whose_putting_meets_a_fault_is_put_by_one(line: Line, fault: str) -> None:
    line.register(line.direct, dogs(1))
    line.proxy.add((PASSING | DONE)[fault], path="_bulk")
    one, other = line.through().util.store, line.direct.util.store

    assert one.put_record("pets-dogs", Record("pair", {"phone": "555-0199"}))

    assert not other.put_record("pets-dogs", Record("pair", {}))
    assert [record.body for record in other.scan_records("pets-dogs")] == [{"phone": "555-0199"}]
