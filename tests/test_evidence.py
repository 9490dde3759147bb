"""A photo, a place, a day and facts weighed together, by the calls that people make."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import petfinder as pf
from petfinder.display.data import matches_as_data
from petfinder.domain.matches import percent
from petfinder.domain.pets import Place
from petfinder.domain.vectors import Vector, unit

BERLIN = (52.51, 13.41)
NOW = datetime.now(timezone.utc).replace(microsecond=0)
CROWD = 60


def direction(seed: int) -> Vector:
    return unit(np.random.default_rng(seed).normal(size=512))


def like(vector: Vector, cosine: float, seed: int) -> Vector:
    """A unit vector with this cosine to another."""
    other = direction(seed)
    across = unit(other - (other @ vector) * vector)
    return unit(cosine * vector + np.sqrt(1 - cosine**2) * across)


def photo(vector: Vector, name: str = "asked", **known: Any) -> pf.Photo:
    return pf.Photo(photo_id=name, embedding=vector, **known)


def lost(name: str, *vectors: Vector, place: Any = BERLIN, days: float = 2, **known: Any) -> pf.Dog:
    photos = [photo(vector, f"{name} {number}") for number, vector in enumerate(vectors)]
    return pf.Dog(pet_id=name, photos=photos, place=place, status="lost", status_at=NOW - timedelta(days=days), **known)


def crowd(seed: int = 0) -> list[pf.Dog]:
    """Lost dogs that live all over the town."""
    random = np.random.default_rng(seed)
    places = np.array(BERLIN) + random.uniform(-0.15, 0.15, size=(CROWD, 2))
    return [
        lost(f"dog{number:02d}", direction(100 + number), place=tuple(place), days=float(random.uniform(0, 90)))
        for number, place in enumerate(places.tolist())
    ]


@pytest.fixture
def town() -> pf.Registry:
    registry = pf.connect(encoder="pocket")
    registry.dogs.register_many(crowd(), progress=False)
    return registry


QUERY = direction(1)


def test_the_photo_alone_is_judged_where_nothing_else_is_known_and_all_probabilities_sum_to_one(
    town: pf.Registry,
) -> None:
    town.dogs.register(lost("luna", like(QUERY, 0.7, 2)))
    found = town.dogs.find(photo(QUERY))
    assert found.best is not None
    assert found.best.pet.pet_id == "luna"
    assert [reason.kind for reason in found.best.reasons] == ["photo"]
    assert found.best.probability is not None
    assert found.best.probability > 0.9
    assert found.verdict == "match"
    assert found.nobody is not None
    assert found.others is not None
    assert sum(match.probability or 0 for match in found) + found.nobody + found.others == pytest.approx(1)
    assert found.best.similarity == pytest.approx(0.7, abs=1e-5)
    assert [match.similarity for match in found] == sorted((match.similarity for match in found), reverse=True)
    assert found.evidence == pf.Evidence()


def test_place_and_day_find_a_pet_that_the_photo_alone_misses(town: pf.Registry) -> None:
    town.dogs.register(lost("luna", like(QUERY, 0.2, 2)))
    town.dogs.register(lost("bella", like(QUERY, 0.22, 3), place=(52.4, 13.2), days=60))
    alone = town.dogs.find(photo(QUERY))
    assert alone.best is not None
    assert alone.best.pet.pet_id == "bella"
    assert alone.verdict != "match"
    known = town.dogs.find(photo(QUERY), place=BERLIN, at=NOW)
    assert known.best is not None
    assert known.best.pet.pet_id == "luna"
    assert known.best.probability is not None
    assert known.best.probability > 3 * (alone[1].probability or 0)
    kinds = {reason.kind: reason for reason in known.best.reasons}
    assert kinds["place"].words == "under 1 km from home"
    assert kinds["place"].log10 > 1
    assert kinds["days"].words == "lost 2 days before"
    assert kinds["days"].log10 > 1
    assert known.centre == Place(lat=52.51, lon=13.41)
    assert known.best.distance_km == 0


def test_a_pet_that_lives_near_is_weighed_though_hundreds_look_more_alike() -> None:
    registry = pf.connect(encoder="pocket")
    crowd_of = [lost(f"far{n:03d}", like(QUERY, 0.15, 1000 + n), place=(48.1, 11.5)) for n in range(150)]
    registry.dogs.register_many([*crowd_of, lost("near", like(QUERY, 0.1, 2))], progress=False)
    assert "near" not in [match.pet.pet_id for match in registry.dogs.find(photo(QUERY), k=100)]
    assert registry.dogs.find(photo(QUERY), place=BERLIN)[0].pet.pet_id == "near"


def answer_of(registry: pf.Registry, place: tuple[float, float]) -> list[tuple[object, ...]]:
    found = registry.dogs.find(photo(QUERY), place=place, at=NOW, k=100)
    said: list[tuple[object, ...]] = [(m.pet.pet_id, m.probability, m.reasons, m.distance_km) for m in found]
    return [*said, (found.nobody, found.others, found.centre)]


def test_a_thousand_forged_places_tell_no_more_of_a_home_than_its_cell() -> None:
    random = np.random.default_rng(4)
    homes = np.array(BERLIN) + random.uniform(-0.00499, 0.00499, size=(2, 2))
    registries = []
    for home in homes.tolist():
        registry = pf.connect(encoder="pocket")
        registry.dogs.register_many(crowd(), progress=False)
        registry.dogs.register(lost("luna", like(QUERY, 0.4, 2), place=tuple(home)))
        registries.append(registry)
    for scale in (0.01, 0.1, 2.0):  # from the next house, from the next town, from far away
        for place in (np.array(BERLIN) + random.normal(scale=scale, size=(334, 2))).tolist():
            one, other = (answer_of(registry, tuple(place)) for registry in registries)
            assert one == other


@pytest.mark.parametrize(
    ("known", "least"),
    [
        ({"place": (-52.51, 13.41)}, 0.5),  # a swapped sign: the photo still speaks
        ({"place": (13.41, 52.51)}, 0.5),
        ({"place": (90, 180), "at": NOW}, 0.5),
        ({"at": NOW + timedelta(days=4000)}, 0.5),  # a date to come
        ({"at": NOW - timedelta(days=30)}, 0.5),  # before the loss
        ({"at": "0001-01-01"}, 0.5),
        ({"place": BERLIN}, 0.9),
        ({"about": pf.Dog(pet_id="asked", sex="female", colour="purple", breed="Unheard of")}, 0.9),
        ({"about": pf.Dog(pet_id="asked")}, 0.9),
    ],
)
def test_what_is_wrong_or_unknown_beside_a_clear_photo_neither_fails_nor_misleads(
    town: pf.Registry, known: dict[str, Any], least: float
) -> None:
    town.dogs.register(lost("luna", *(like(QUERY, 0.75, seed) for seed in (2, 3, 4)), sex="female"))
    found = town.dogs.find(photo(QUERY), **known)
    assert found.best is not None
    assert found.best.pet.pet_id == "luna"
    assert found.best.probability is not None
    assert found.best.probability > least
    stranger = town.dogs.find(photo(direction(9)), **known)
    assert stranger.nobody is not None
    assert stranger.nobody > 0.5
    assert stranger.verdict != "match"


def test_the_same_dog_300_km_away_is_found_by_three_clear_photos(town: pf.Registry) -> None:
    town.dogs.register(lost("luna", *(like(QUERY, 0.75, seed) for seed in (2, 3, 4))))
    found = town.dogs.find(photo(QUERY), place=(53.55, 10.0), at=NOW)
    assert found.best is not None
    assert found.best.pet.pet_id == "luna"
    assert found.verdict == "match"
    assert found.best.distance_km is not None
    assert found.best.distance_km > 200


def test_two_black_labradors_of_one_district_and_one_day_are_both_possible(town: pf.Registry) -> None:
    for name, seed in (("rex", 2), ("max", 3)):
        town.dogs.register(lost(name, like(QUERY, 0.5, seed), breed="Labrador", colour="black"))
    about = pf.Dog(pet_id="asked", breed="labrador", colour="black")
    found = town.dogs.find(photo(QUERY), place=BERLIN, at=NOW, about=about)
    assert {match.pet.pet_id for match in found[:2]} == {"rex", "max"}
    assert [match.verdict for match in found[:2]] == ["possible", "possible"]
    assert 0.9 < sum(match.probability or 0 for match in found[:2]) <= 1


def test_an_old_photo_of_ones_own_says_nothing_about_the_day_on_which_others_found_a_pet(town: pf.Registry) -> None:
    stray = pf.Dog(pet_id="stray", photos=[photo(like(QUERY, 0.5, 2), "stray")], status_at=NOW, status_place=BERLIN)
    town.dogs.report_found(stray)
    by_exif = town.dogs.find(photo(QUERY, place=BERLIN, taken_at=NOW - timedelta(days=700)))
    assert {reason.kind for reason in by_exif[0].reasons} == {"photo", "place"}
    told = town.dogs.find(photo(QUERY), place=BERLIN, at=NOW - timedelta(days=3))
    words = [reason.words for reason in told[0].reasons]
    assert "found 3 days later" in words
    assert "under 1 km from where it was found" in words


def test_a_pet_reported_lost_is_more_often_asked_for_than_one_at_home_where_more_than_the_photo_is_known(
    town: pf.Registry,
) -> None:
    same = like(QUERY, 0.5, 2)
    town.dogs.register(pf.Dog(pet_id="at home", photos=[photo(same, "h")], place=BERLIN))
    town.dogs.register(lost("missing", same))
    assert [match.probability for match in town.dogs.find(photo(QUERY), k=2)] == [pytest.approx(0.5, abs=0.02)] * 2
    found = town.dogs.find(photo(QUERY), place=BERLIN, k=2)
    assert [match.pet.pet_id for match in found] == ["missing", "at home"]
    assert (found[0].probability or 0) > 10 * (found[1].probability or 1)


def test_photos_of_a_batch_are_weighed_as_each_alone_by_what_stands_in_them(town: pf.Registry) -> None:
    town.dogs.register(lost("luna", like(QUERY, 0.3, 2)))
    photos = [
        photo(QUERY, place=BERLIN, taken_at=NOW),
        photo(direction(8)),
        photo(direction(9), place=(52.6, 13.5)),
        photo(like(QUERY, 0.9, 5), place=BERLIN),
    ]
    together = town.dogs.find_many(photos)
    for one, answer in zip(photos, together, strict=True):
        alone = town.dogs.find(one)
        assert [(m.pet.pet_id, m.reasons) for m in answer] == [(m.pet.pet_id, m.reasons) for m in alone]
        assert answer.nobody == pytest.approx(alone.nobody)


def test_what_is_assumed_can_be_given_and_a_gallery_of_a_few_says_that_it_cannot_judge() -> None:
    few = crowd()[:3]
    often, seldom = (
        pf.connect(encoder="pocket", evidence=pf.Evidence(registered=registered)) for registered in (0.9, 0.01)
    )
    for registry in (often, seldom):
        registry.dogs.register_many([*few, lost("luna", like(QUERY, 0.5, 2))], progress=False)
    sure, doubtful = (registry.dogs.find(photo(QUERY)) for registry in (often, seldom))
    assert (sure[0].probability or 0) > (doubtful[0].probability or 1)
    assert sure.verdict == doubtful.verdict  # the promise holds whatever is assumed
    stranger = often.dogs.find(photo(direction(9)))
    assert stranger.verdict == "unknown"
    assert "too few pets to judge" in repr(stranger)
    with pytest.raises(pf.ConfigError, match="registered"):
        pf.Evidence(registered=1.5)


def test_over_dogs_and_cats_there_is_one_nobody() -> None:
    registry = pf.connect(encoder="pocket")
    registry.dogs.register_many([*crowd(), lost("luna", like(QUERY, 0.5, 2))], progress=False)
    cats = [pf.Cat(pet_id=f"cat{n}", photos=[photo(direction(500 + n), f"c{n}")]) for n in range(30)]
    registry.cats.register_many(
        [*cats, pf.Cat(pet_id="mimi", photos=[photo(like(QUERY, 0.5, 7), "m")])], progress=False
    )
    found = registry.find(photo(QUERY), k=4, place=BERLIN, at=NOW)
    assert {match.pet.species for match in found} == {"dog", "cat"}
    assert found.nobody is not None
    assert found.others is not None
    assert sum(match.probability or 0 for match in found) + found.nobody + found.others == pytest.approx(1)
    assert found[0].pet.pet_id == "luna"


def test_bad_evidence_is_refused_with_what_to_write_and_without_repeating_it(town: pf.Registry) -> None:
    for wrong in ({"place": (91, 0)}, {"place": "Berlin"}, {"at": "yesterday"}, {"at": 2026}, {"about": "black"}):
        with pytest.raises(pf.InvalidQuery) as refused:
            town.dogs.find(photo(QUERY), **wrong)
        assert "Berlin" not in str(refused.value)
        assert "yesterday" not in str(refused.value)


def test_an_encoder_without_curves_keeps_its_thresholds_and_gives_no_probability(registry: pf.Registry) -> None:
    from tests.test_service import RED, picture

    registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(RED)], place=BERLIN))
    found = registry.dogs.find(picture(RED), place=BERLIN)
    assert found.best is not None
    assert found.best.probability is None
    assert found.nobody is None
    assert found.best.distance_km == 0
    assert found.verdict == "possible"


def test_every_store_weighs_the_same_candidates_to_the_same_probabilities(place: str) -> None:
    pets = [*crowd(), lost("luna", like(QUERY, 0.3, 2), sex="female"), lost("rex", like(QUERY, 0.3, 3), place=None)]
    answers = []
    for where in (":memory:", place):
        with pf.connect(where, encoder="pocket") as registry:
            registry.dogs.register_many(pets, progress=False)
            about = pf.Dog(pet_id="asked", sex="female")
            answers.append(registry.dogs.find(photo(QUERY), place=BERLIN, at=NOW, about=about, k=60))
    one, other = answers
    assert [match.pet.pet_id for match in one] == [match.pet.pet_id for match in other]
    for mine, theirs in zip(one, other, strict=True):
        assert theirs.probability == pytest.approx(mine.probability, abs=1e-4)
        assert [reason.words for reason in theirs.reasons] == [reason.words for reason in mine.reasons]
    assert other.nobody == pytest.approx(one.nobody, abs=1e-4)


def test_answers_say_in_words_and_as_data_what_a_pet_is_worth_and_why(town: pf.Registry) -> None:
    town.dogs.register(lost("luna", like(QUERY, 0.35, 2), breed="Beagle"))
    found = town.dogs.find(photo(QUERY), place=BERLIN, at=NOW)
    why = "under 1 km from home; lost 2 days before"
    for shown in (repr(found), found._repr_html_()):
        assert why in shown
        assert "Assumed: 30% of those that are looked for are registered." in shown
    assert percent(found[0].probability or 0) in str(found[0])
    data = matches_as_data(found)
    assert data["matches"][0]["probability"] == found[0].probability
    assert {reason["kind"] for reason in data["matches"][0]["reasons"]} == {"photo", "place", "days"}
    assert data["evidence"]["registered"] == 0.3
    assert json.dumps(data)
    assert found.plot()
