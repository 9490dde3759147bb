"""Thresholds by the number of photos that compete, and how surely they were measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from petfinder.domain.errors import ConfigError
from petfinder.domain.verdicts import Interval, Quantiles, Thresholds, Uncalibrated
from petfinder.evaluation.calibration import Impostors, measure_thresholds, stricter
from petfinder.evaluation.metrics import Labelled
from tests.test_evaluate import above, scattered
from tests.test_service import sure

ONE_PHOTO_EACH = Thresholds(
    measured=(
        Quantiles(pets=10, match=0.5, possible=0.3),
        Quantiles(pets=100, match=0.6, possible=0.4),
        Quantiles(pets=1000, match=0.8, possible=0.5),
    )
)
THREE_EACH = Thresholds(
    measured=(
        Quantiles(pets=10, photos=30, match=0.5, possible=0.3),
        Quantiles(pets=100, photos=300, match=0.6, possible=0.4),
    )
)


def test_more_photos_of_as_many_pets_need_a_higher_similarity() -> None:
    alone, three, ten = (ONE_PHOTO_EACH.at(100, photos) for photos in (100, 300, 1000))

    assert (alone.match, alone.possible) == (0.6, 0.4)
    assert alone == ONE_PHOTO_EACH.at(100) == ONE_PHOTO_EACH.at(100, 7)  # never fewer looks than pets
    assert alone.match < three.match < ten.match == 0.8
    assert three == ONE_PHOTO_EACH.at(300)
    assert THREE_EACH.at(100) == THREE_EACH.at(100, 300)
    assert THREE_EACH.at(300, 300) == THREE_EACH.at(100)
    assert THREE_EACH.at(100, 100).match < THREE_EACH.at(100).match


def test_there_are_never_fewer_looks_than_one_and_one_measured_number_holds_for_every_number() -> None:
    single = Thresholds(measured=(Quantiles(pets=10, match=0.5, possible=0.3),))

    assert ONE_PHOTO_EACH.at(0, 0) == ONE_PHOTO_EACH.at(1)
    assert ONE_PHOTO_EACH.at(1).match == pytest.approx(0.4)
    assert ONE_PHOTO_EACH.at(10**9).match == 1
    assert [single.at(1000, 2000).match, single.at(1).possible] == [0.5, 0.3]
    assert single.at(1000, 2000).extrapolated
    assert Uncalibrated().at(10, 30).extrapolated


@pytest.mark.parametrize(
    ("pets", "photos", "extrapolated"),
    [(9, None, True), (10, None, False), (1000, None, False), (1001, None, True), (5, 10, False), (500, 1500, True)],
)
def test_what_was_not_measured_is_marked(pets: int, photos: int | None, extrapolated: bool) -> None:
    assert ONE_PHOTO_EACH.at(pets, photos).extrapolated is extrapolated


def test_files_from_before_photos_and_intervals_still_load_and_rows_must_rise_in_photos_too() -> None:
    old = json.loads('{"measured": [{"match": 0.5, "pets": 10, "possible": 0.3}], "source": "old"}')
    falling = ({"pets": 10, "photos": 50, "match": 1, "possible": 1}, {"pets": 40, "match": 1, "possible": 1})

    [row] = Thresholds(**old).measured

    assert (row.gallery_size, row.match_interval, row.possible_interval) == (10, None, None)
    assert Thresholds.model_validate_json(THREE_EACH.model_dump_json(exclude_none=True)) == THREE_EACH
    with pytest.raises(ConfigError, match="rising"):
        Thresholds(measured=falling)  # type: ignore[arg-type]


@pytest.mark.parametrize("photos_each", [2, 3])
def test_the_promise_holds_in_a_registry_with_several_photos_a_pet(photos_each: int) -> None:
    crowd, newcomers = (scattered(pets=900, photos_each=1, dims=24, seed=seed) for seed in (20, 21))
    registry = scattered(pets=250, photos_each=photos_each, dims=24, seed=22)
    thresholds = measure_thresholds(crowd, crowd, pet_counts=(10, 30, 100, 300, 800))

    by_pets, by_photos = thresholds.at(200), thresholds.at(200, 200 * photos_each)
    seen = Impostors(newcomers, registry).best_of(200)

    assert above(seen, by_pets.match) > 0.015
    assert above(seen, by_pets.possible) > 0.36
    assert 0.004 < above(seen, by_photos.match) < 0.015
    assert 0.2 < above(seen, by_photos.possible) < 0.33


def test_intervals_hold_the_value_of_other_strangers_and_narrow_with_their_number() -> None:
    gallery = scattered(pets=400, photos_each=1, dims=12, seed=24)
    few, many, others = (scattered(pets=pets, photos_each=1, dims=12, seed=25 + pets) for pets in (100, 1500, 3000))

    [rough], [fine] = (measure_thresholds(kind, gallery, pet_counts=(300,)).measured[1:] for kind in (few, many))
    truth = Impostors(others, gallery).best_of(300)

    for row in (rough, fine):
        for value, measured, true in (
            (row.match, row.match_interval, truth.exceeded_by(0.01)),
            (row.possible, row.possible_interval, truth.exceeded_by(0.30)),
        ):
            interval = sure(measured)
            assert interval.low - 1e-3 <= value <= interval.high + 1e-3
            assert interval.low - 0.01 <= true <= interval.high + 0.01
    assert _width(fine) < _width(rough) / 2


def _width(row: Quantiles) -> float:
    interval = sure(row.possible_interval)
    return interval.high - interval.low


def test_an_animal_seen_often_is_one_animal_in_the_interval() -> None:
    gallery = scattered(pets=50, photos_each=1, dims=6, seed=30)
    strangers = scattered(pets=6, photos_each=30, dims=6, seed=31, spread=0.05)
    apart = Labelled(np.arange(len(strangers)).astype(str), strangers.embeddings)

    alike, free = (measure_thresholds(kind, gallery, pet_counts=(50,)).measured[1] for kind in (strangers, apart))

    assert _width(alike) > 2 * _width(free)


def test_the_share_reaching_a_threshold_is_that_of_all_draws_stranger_by_stranger() -> None:
    gallery = scattered(pets=7, photos_each=2, dims=4, seed=32)
    strangers = scattered(pets=5, photos_each=1, dims=4, seed=33).and_also(gallery.at(np.array([0, 5])))

    for threshold in (-1.0, 0.2, 0.5, 0.7, 1.1):
        shares = Impostors(strangers, gallery).reaching(3, np.array([threshold]))[:, 0]
        for row, share in enumerate(shares):
            alone = Impostors(strangers.at(np.array([row])), gallery).best_of(3)
            assert share == pytest.approx(above(alone, threshold))


def test_the_stricter_is_the_higher_value_with_its_interval_and_the_fewer_photos() -> None:
    low, high = Interval(low=0.1, high=0.2), Interval(low=0.3, high=0.4)
    one = Quantiles(pets=10, photos=20, match=0.5, possible=0.3, match_interval=high, possible_interval=low)
    other = Quantiles(pets=10, photos=30, match=0.4, possible=0.38, match_interval=low, possible_interval=high)
    hundred, thousand = Quantiles(pets=100, match=0.6, possible=0.5), Quantiles(pets=1000, match=0.8, possible=0.5)
    tables = Thresholds(measured=(one, hundred)), Thresholds(measured=(other, thousand))

    row, far = stricter(*tables, source="both").measured

    assert (row.pets, row.match, row.possible, row.photos) == (10, 0.5, 0.38, 20)
    assert row.match_interval == row.possible_interval == high
    assert far.pets == 100
    assert (far.match, far.possible) == pytest.approx((0.6, 0.5))


def test_tables_measured_with_several_photos_a_pet_say_how_many_and_so_does_the_stricter_of_two() -> None:
    crowd = scattered(pets=31, photos_each=4, dims=8, seed=34)
    one, other = (measure_thresholds(crowd, crowd, pet_counts=counts, draws=5) for counts in ((10, 30), (10, 19)))

    assert [(row.pets, row.photos) for row in one.measured] == [(10, 40), (30, 120)]
    for both in (stricter(one, other, source="both"), stricter(other, one, source="both")):
        assert [(row.pets, row.photos) for row in both.measured] == [(10, 40), (19, 76)]
        assert both.at(19).match == max(one.at(19).match, other.at(19).match)
