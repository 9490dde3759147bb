"""Lost meets found: reports matched both ways as they are written, told once, and closed by people."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

import petfinder as pf
from petfinder.display.data import pair_as_data
from petfinder.domain.pairs import Alert, Pair
from petfinder.domain.values import now
from tests.test_evidence import BERLIN, QUERY, crowd, direction, like, photo
from tests.test_service import GREY, NEARLY_RED, RED, picture

PHONE = "+49 170 9988776"
OWNER = pf.Owner(name="Ully", phone=PHONE)
FINDER = pf.Owner(name="Finn", phone=PHONE)


def dog(pet_id: str, alike: float, seed: int, **known: Any) -> pf.Dog:
    return pf.Dog(pet_id=pet_id, photos=[photo(like(QUERY, alike, seed), f"{pet_id} {seed}")], **known)


@pytest.fixture
def town(place: str) -> Iterator[pf.Registry]:
    """Thirty dogs at home, and Luna, lost from Berlin two days ago."""
    with pf.connect(place) as registry:
        at_home = [one.model_copy(update={"status": "home", "status_at": None}) for one in crowd()[:30]]
        registry.dogs.register_many([pf.Dog(**dict(one)) for one in at_home], progress=False)
        registry.dogs.register(dog("luna", 1.0, 31, owner=OWNER, place=BERLIN, held_back="webbed toes"))
        registry.dogs.report_lost("luna", place=(52.515, 13.42), at=now() - timedelta(days=2))
        yield registry


def ids(pairs: list[Pair]) -> list[set[str]]:
    return [{pet.pet_id for pet in pair.pets} for pair in pairs]


def told(registry: pf.Registry, after: str = "") -> list[Alert]:
    return [*registry.alerts(after)]


def test_a_dog_is_lost_seen_found_confirmed_and_back_home(town: pf.Registry) -> None:
    dogs, heard = town.dogs, list[Pair]()
    town.on_alert(heard.append)
    assert dogs.open_pairs() == []

    seen = dogs.report_sighting(dog("seen", 0.6, 2), place=BERLIN, finder=FINDER)
    assert (seen.status, seen.status_place, seen.place) == ("sighted", pf.Place(lat=52.51, lon=13.41), None)
    assert [match.pet.pet_id for match in dogs.counterparts("luna")] == ["seen"]
    dogs.report_found(dog("found", 0.7, 3, place=BERLIN), finder=FINDER)

    assert [match.pet.pet_id for match in dogs.counterparts("luna")] == ["found", "seen"]
    assert {match.pet.pet_id for match in dogs.counterparts("found", k=2)} == {"luna", "seen"}
    assert ids(heard) == ids([alert.pair for alert in told(town)])
    assert {"luna", "found"} in ids(heard)
    [pair] = [pair for pair in dogs.open_pairs() if {"luna", "found"} == {pet.pet_id for pet in pair.pets}]
    assert [pet.pet_id for pet in pair.pets] == ["luna", "found"]
    assert pair.probability > 0.9
    assert dogs.owner_of("found") == FINDER

    kept = dogs.confirm("luna", "found")
    assert (kept.pet_id, kept.status, kept.status_place) == ("luna", "reunited", None)
    assert kept.place == pf.Place(lat=52.51, lon=13.41), "where it lives was never touched"
    assert dogs.get("found").status == "reunited"
    assert dogs.open_pairs() == []
    assert told(town) == []

    dogs.undo("luna", "found")
    assert [dogs.get(one).status for one in ("luna", "found")] == ["lost", "found"]
    assert dogs.get("luna").status_place == pf.Place(lat=52.515, lon=13.42)
    assert {"luna", "found"} in ids(dogs.open_pairs())


def test_a_dog_with_two_finders_becomes_one_report_that_both_ids_lead_to(town: pf.Registry) -> None:
    dogs = town.dogs
    dogs.report_sighting(dog("first", 0.7, 2), place=BERLIN, at=now() - timedelta(days=1))
    dogs.report_found(dog("second", 0.8, 3, name="Bello"), place=BERLIN, finder=FINDER)
    assert "first" in [match.pet.pet_id for match in dogs.counterparts("second")]

    kept = dogs.confirm("second", "first")

    assert (kept.pet_id, kept.name, kept.status, kept.finder) == ("first", "Bello", "found", FINDER)
    assert len(kept.photos) == 2
    assert kept.status_at == pytest.approx(now() - timedelta(days=1), abs=timedelta(minutes=5))
    assert dogs.get("second").pet_id == "first"
    assert dogs.owner_of("second") == FINDER
    assert dogs.count() == 32
    assert ids(dogs.open_pairs()) == [{"luna", "first"}]
    with pytest.raises(pf.PetNotFound):
        dogs.undo("first", "second")
    dogs.report_found(dog("third", 0.8, 4), place=BERLIN, at=now() - timedelta(days=3))
    dogs.confirm("third", "first")
    assert {dogs.get(one).pet_id for one in ("first", "second", "third")} == {"third"}
    dogs.remove("third")
    for gone in ("first", "second", "third"):
        with pytest.raises(pf.PetNotFound):
            dogs.get(gone)


def test_a_wrong_pair_never_returns_also_after_a_rebuild_and_a_copy(town: pf.Registry, tmp_path: Path) -> None:
    town.dogs.report_lost(pf.Dog(pet_id="rex", photos=[picture(RED)]), place=BERLIN)
    town.dogs.report_found(pf.Dog(pet_id="other", photos=[picture(NEARLY_RED)]), place=BERLIN)
    assert {"rex", "other"} in ids(town.dogs.open_pairs())
    town.dogs.dismiss("other", "rex")
    town.util.rebuild("pets-dogs", encoder=pf.load_encoder("pocket-mirrored"))
    with pf.connect(str(tmp_path / "copy.db")) as copy:
        pf.copy_registry(town, copy, progress=False)
        for one in (town, copy):
            one.dogs.add_photo("other", picture(GREY))
            assert {"rex", "other"} not in ids(one.dogs.open_pairs())
            assert "other" not in [match.pet.pet_id for match in one.dogs.counterparts("rex")]
            assert {"rex", "other"} not in ids([alert.pair for alert in told(one)])
        copy.dogs.undo("other", "rex")
        assert {"rex", "other"} in ids(copy.dogs.open_pairs())


def test_a_copy_into_a_registry_with_other_reports_matches_and_tells_nobody(town: pf.Registry, tmp_path: Path) -> None:
    with pf.connect(str(tmp_path / "other.db")) as other:
        other.dogs.report_found(dog("found", 0.8, 3), place=BERLIN)
        pf.copy_registry(town, other, progress=False)
        assert ids(other.dogs.open_pairs()) == [{"luna", "found"}]
        assert told(other) == []
        assert pf.copy_registry(town, other, progress=False)[0].copied == 0


def test_alerts_come_in_order_each_once_and_imports_tell_nobody(town: pf.Registry) -> None:
    heard: list[Pair] = []
    town.on_alert(heard.append)
    town.on_alert(lambda pair: 1 / 0)  # a listener that fails harms nobody
    for number in range(3):
        town.dogs.report_found(dog(f"found{number}", 0.7 + number / 100, 10 + number), place=BERLIN)
    first, *rest = told(town)
    assert [alert.pair.pair_id for alert in (first, *rest)] == [pair.pair_id for pair in heard]
    assert [alert.pair for alert in told(town, first.position)] == [alert.pair for alert in rest]
    assert len({alert.pair.pair_id for alert in (first, *rest)}) == len(rest) + 1 >= 3
    last = rest[-1].position

    quiet = dog("imported", 0.75, 20, status="found", status_at=now(), status_place=BERLIN)
    town.dogs.register_many([quiet], progress=False)

    assert told(town, last) == []
    assert {"luna", "imported"} in ids(town.dogs.open_pairs())
    assert [pair.pair_id for pair in town.dogs.open_pairs(limit=2)] == sorted(
        pair.pair_id for pair in town.dogs.open_pairs()
    )[:2]
    town.dogs.report_found(dog("late", 0.72, 21), place=BERLIN)
    assert {"luna", "late"} in ids([alert.pair for alert in told(town, last)])
    with pytest.raises(pf.InvalidQuery, match="position"):
        told(town, "yesterday")


def test_a_report_past_its_days_is_listed_weighs_less_and_is_made_fresh(town: pf.Registry) -> None:
    town.dogs.report_found(dog("old", 0.6, 2), place=BERLIN, at=now() - timedelta(days=40))
    town.dogs.report_found(dog("fresh", 0.6, 2), place=BERLIN, at=now() - timedelta(days=20))
    assert [pet.pet_id for pet in town.dogs.stale()] == ["old"]
    weights = {match.pet.pet_id: match.reasons for match in town.dogs.find(photo(QUERY), place=BERLIN, k=9)}
    status = {name: sum(r.log10 for r in reasons if r.kind == "status") for name, reasons in weights.items()}
    assert status["old"] == pytest.approx(status["fresh"] - 0.699, abs=0.01)
    assert town.dogs.renew("old").status == "found"
    assert town.dogs.stale() == []


def test_no_contact_no_held_back_feature_and_no_exact_place_is_in_a_pair(town: pf.Registry) -> None:
    secret = {"finder": FINDER, "held_back": "scar under the chin"}
    town.dogs.report_found(dog("found", 0.7, 3, **secret), place=(52.5148321, 13.4198765))
    pairs = town.dogs.open_pairs()
    shown = [repr(pairs), pairs._repr_html_(), str(pair_as_data(pairs[0])), repr(told(town)), repr(pairs[0])]
    for text in shown:
        for private in (PHONE, "9988776", "webbed", "scar", "52.514", "13.4198"):
            assert private not in text
    assert "about 1 km from where it was" in shown[1]


def test_what_is_no_report_has_no_counterparts_and_cannot_be_confirmed(town: pf.Registry) -> None:
    with pytest.raises(pf.InvalidQuery, match="only lost, found and sighted"):
        town.dogs.counterparts("dog01")
    with pytest.raises(pf.InvalidQuery, match="report"):
        town.dogs.confirm("dog01", "dog02")
    with pytest.raises(pf.PetNotFound):
        town.dogs.dismiss("luna", "nobody")
    with pytest.raises(pf.InvalidQuery, match="two different"):
        town.dogs.dismiss("luna", "luna")
    with pytest.raises(pf.InvalidQuery, match="taken back"):
        town.dogs.undo("luna", "dog01")
    new = town.dogs.report_lost(dog("never registered", 0.5, 7), place=BERLIN)
    assert (new.status, new.status_place) == ("lost", pf.Place(lat=52.51, lon=13.41))


def _report(place: str, side: str, numbers: list[int], barrier: Barrier) -> None:
    with pf.connect(place, encoder="pocket") as registry:
        for number in numbers:
            one = pf.Dog(pet_id=f"{side}{number}", photos=[photo(direction(1000 + number), f"{side}{number}")])
            barrier.wait()
            getattr(registry.dogs, f"report_{side}")(one, place=BERLIN)


@pytest.mark.parametrize("place", ["file", "elasticsearch"], indirect=True)
def test_two_processes_that_write_both_sides_at_one_moment_meet_in_one_pair(place: str) -> None:
    times = 200 if "://" not in place else 30
    context = get_context("spawn")
    barrier = context.Barrier(2)
    pf.connect(place, encoder="pocket").dogs.register_many(crowd()[:10], progress=False)
    both = [context.Process(target=_report, args=(place, side, [*range(times)], barrier)) for side in ("lost", "found")]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    with pf.connect(place, encoder="pocket") as registry:
        paired = ids(registry.dogs.open_pairs(0.9))
        assert {paired.count({f"lost{number}", f"found{number}"}) for number in range(times)} == {1}
        alerts = [alert.pair.pair_id for alert in told(registry)]
        assert len(alerts) == len(set(alerts)) >= times


class _Killed:
    """A store that kills its own process at the n-th step, before or after a call."""

    def __init__(self, store: Any, step: int) -> None:
        self._store, self._steps, self._step = store, count(1), step

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        return self._counted(value) if callable(value) else value

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self._tick()
            answer = call(*given, **named)
            if isinstance(answer, Iterator):
                answer = iter([*answer])
            self._tick()
            return answer

        return counted

    def _tick(self) -> None:
        if next(self._steps) == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def _write_and_die(place: str, number: int, step: int) -> None:
    registry = pf.connect(place, encoder="pocket")
    dogs = registry.dogs
    dogs.repository.store = _Killed(dogs.repository.store, step)
    dogs.report_found(pf.Dog(pet_id=f"found{number}", photos=[photo(like(QUERY, 0.8, number), f"f{number}")]))


@pytest.mark.parametrize(("place", "steps"), [("file", 60), ("elasticsearch", 40)], indirect=["place"])
def test_killed_at_any_step_no_pair_is_lost_and_none_is_told_twice(place: str, steps: int) -> None:
    context, ended = get_context("spawn"), 0
    with pf.connect(place, encoder="pocket") as registry:
        registry.dogs.register_many(crowd()[:10], progress=False)
        registry.dogs.report_lost(dog("luna", 1.0, 31), place=BERLIN)
    for step in range(1, steps + 1):
        process = context.Process(target=_write_and_die, args=(place, step, step))
        process.start()
        process.join()
        ended += process.exitcode == 0
    assert 0 < ended < steps, "the last steps come to the end, the first do not"
    with pf.connect(place, encoder="pocket") as registry:
        found = {pet.pet_id for pet in registry.dogs.list(pf.PetFilter(status="found"))}
        meetings = [pair for pair in ids(registry.dogs.open_pairs()) if "luna" in pair]
        assert sorted(max(pair - {"luna"}) for pair in meetings) == sorted(found)
        alerts = [alert.pair.pair_id for alert in told(registry)]
        assert len(alerts) == len(set(alerts))
        assert {pair.pair_id for pair in registry.dogs.open_pairs()} == set(alerts)
