"""What photo, place, days and facts say, each by itself, and the probabilities that follow."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import petfinder as pf
from petfinder.domain.evidence import CAT, DOG, INDOOR_CAT, Spread
from petfinder.domain.filters import Cells
from petfinder.domain.pets import Place
from petfinder.domain.verdicts import Curve, PhotoLikelihood
from petfinder.evaluation import likelihood
from petfinder.evaluation.metrics import Labelled
from petfinder.matching.days import days_ratio
from petfinder.matching.facts import fact_ratio
from petfinder.matching.photo import leads
from petfinder.matching.place import _density, place_ratio, reach_km
from petfinder.matching.posterior import posterior
from tests.stores.samples import held

HOME = Place(lat=52.50, lon=13.40)


def at_km(km: float) -> Place:
    return Place(lat=HOME.lat + math.degrees(km / 6371.0088), lon=HOME.lon)


def by_place(seen: Place, spread: Spread = DOG.distance_km, *, home: Place = HOME, anywhere: float = 1e-9) -> float:
    return place_ratio(home, seen, spread, around_km=20, anywhere=anywhere)


@pytest.mark.parametrize(("km", "log10"), [(2.2, 0.6), (5, -0.2), (10, -0.9), (20, -1.6)])
def test_place_is_worth_what_the_published_distances_say(km: float, log10: float) -> None:
    assert math.log10(by_place(at_km(km))) == pytest.approx(log10, abs=0.12)


@pytest.mark.parametrize("spread", [DOG.distance_km, CAT.distance_km, INDOOR_CAT.distance_km])
def test_the_density_of_place_sums_to_one_over_all_cells(spread: Spread) -> None:
    steps = np.arange(0.025, 60.0, 0.05)
    within = 0.5 * (1 + math.erf(math.log(60 / spread.median) / spread.sigma / math.sqrt(2)))
    density = [_density(km, spread.median, spread.sigma) for km in steps.tolist()]
    assert (2 * math.pi * steps * density * 0.05).sum() == pytest.approx(within, abs=0.02)


def test_places_in_the_same_cells_say_the_same_and_anywhere_is_never_ruled_out() -> None:
    inside = [Place(lat=52.50 + d, lon=13.40 - d) for d in (-0.0049, 0.0, 0.0031)]
    told = {by_place(seen, home=home) for home in inside for seen in (Place(lat=52.523, lon=13.43),)}
    assert len(told) == 1
    assert by_place(Place(lat=-33.9, lon=18.4), anywhere=0.07) == pytest.approx(0.07, rel=0.01)
    assert by_place(HOME, INDOOR_CAT.distance_km) > by_place(HOME) > by_place(at_km(1.2)) > by_place(at_km(3))


def test_the_reach_of_place_ends_where_it_begins_to_speak_against_a_pet() -> None:
    for spread in (DOG.distance_km, INDOOR_CAT.distance_km):
        reach = reach_km(spread, around_km=20, anywhere=0.07)
        assert (
            by_place(at_km(reach - 0.8), spread, anywhere=0.07)
            > 1
            > by_place(at_km(reach + 0.8), spread, anywhere=0.07)
        )


def test_cells_hold_exactly_the_places_that_are_rounded_into_them() -> None:
    cells, random = Cells.around(HOME, 4.1), np.random.default_rng(2)
    for lat, lon in random.uniform((52.4, 13.2), (52.6, 13.6), size=(2000, 2)):
        place = Place(lat=lat, lon=lon)
        assert held(cells, place) == held(cells, place.rounded())
    assert held(cells, at_km(4.0))
    assert not held(cells, at_km(6.0))
    assert held(Cells.around(Place(lat=90, lon=180), 4.1), Place(lat=90, lon=179))


def test_days_speak_for_a_loss_just_before_and_hardly_for_one_to_come() -> None:
    dog = [days_ratio(days, DOG.days) for days in (2.2, 9.0, 40.0)]
    assert dog[0] > 10 > 1 > dog[1] * 0.5 > 0
    assert dog == sorted(dog, reverse=True)
    assert 0 < days_ratio(-3, DOG.days) < 1
    assert days_ratio(-400, DOG.days) == days_ratio(-20, DOG.days) > 0
    assert days_ratio(30, CAT.days) > days_ratio(30, DOG.days)


def test_facts_are_weak_rare_words_say_more_and_what_is_not_known_says_nothing() -> None:
    def pet(**known: Any) -> pf.Dog:
        return pf.Dog(pet_id="one", **known)

    others = [pet(colour="black")] * 10 + [pet(colour="white")] * 9 + [pet(colour="merle")]
    rare, common = (fact_ratio("colour", pet(colour=c), pet(colour=c), others) for c in ("Merle", "black"))
    assert rare > 3 > common >= 1
    assert 0 < fact_ratio("colour", pet(colour="white"), pet(colour="black"), others) < 1
    assert fact_ratio("sex", pet(), pet(sex="female"), [pet(sex="male"), pet(sex="female")]) == 1
    assert 0.1 < fact_ratio("sex", pet(sex="male"), pet(sex="female"), [pet(sex="male"), pet(sex="female")]) < 0.5


def test_probabilities_of_candidates_and_nobody_sum_to_one() -> None:
    candidates, nobody = posterior([3.0, 3.0, -2.0], registered=0.3)
    assert sum(candidates) + nobody == pytest.approx(1)
    assert candidates[0] == candidates[1] > 0.49
    assert posterior([], registered=0.3) == ([], 1)
    assert posterior([400.0, -400.0], registered=0.3)[0] == [1.0, 0.0]
    assert posterior([0.0], registered=0.3)[0] == [pytest.approx(0.3)]


def test_a_lead_is_the_way_to_the_median_of_the_five_others_and_a_second_record_of_the_pet_does_not_hide_it() -> None:
    alone = np.array([0.8, 0.2, 0.2, 0.1, 0.1, 0.1, 0.0])
    twice = np.array([0.8, 0.79, 0.2, 0.2, 0.1, 0.1, 0.1])
    assert leads(alone, stand_in=0)[0] == pytest.approx(0.7)
    assert leads(twice, stand_in=0)[:2] == pytest.approx([0.6, 0.59])
    assert leads(alone, stand_in=0)[6] == pytest.approx(-0.2)  # the five nearest are others all
    assert leads(np.array([0.5]), stand_in=0.2) == pytest.approx([0.3])
    assert len(leads(np.zeros(0), stand_in=0.2)) == 0


def test_a_curve_rises_and_its_inverse_leads_back() -> None:
    curve = Curve(photos=1, bias=-7, below=36, above=24)
    assert [curve.lead(curve.log10(lead)) for lead in (-0.1, 0.2, 0.6)] == pytest.approx([-0.1, 0.2, 0.6])
    for low, high in pairwise(np.linspace(-0.5, 1, 20).tolist()):
        assert curve.log10(low) < curve.log10(high)


def test_lines_follow_the_chance_that_an_animal_is_registered() -> None:
    fitted = PhotoLikelihood(curves=(Curve(photos=1, bias=-7, below=36, above=24),), match=1.2, possible=-0.5)
    often, seldom = fitted.lines(0.6), fitted.lines(0.1)
    assert often.match > seldom.match
    assert often.possible > seldom.possible
    [one], _ = posterior([1.2], registered=0.1)
    assert one == pytest.approx(seldom.match)
    assert [seldom.verdict(chance) for chance in (one + 1e-9, seldom.possible, 0.0)] == ["match", "possible", "unknown"]


def made_up(animals: int, dims: int, noise: float, *, seed: int) -> Labelled:
    """Animals with three photos each around directions of their own."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(animals, dims))
    rows: NDArray[np.float64] = centres.repeat(3, axis=0) + noise * random.normal(size=(3 * animals, dims))
    return Labelled(np.array([f"a{n}" for n in range(animals)]).repeat(3), rows.astype(np.float32))


@pytest.mark.parametrize("noise", [1.0, 1.6, 2.2])
def test_a_curve_that_was_fitted_gives_probabilities_that_come_true(noise: float) -> None:
    taught, shown = (likelihood.registry_searches(made_up(150, 24, noise, seed=seed)) for seed in (1, 2))
    fitted = likelihood.likelihood_of(taught)
    assert fitted is not None
    right, said = [], []
    for row, own in zip(shown.leads, shown.own.tolist(), strict=True):
        chances, _ = posterior([fitted.curves[0].log10(lead) for lead in row.tolist() if lead > -1], registered=0.5)
        right.append(own == 0)
        said.append(chances[0])
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.05)
    assert np.mean((np.array(said) - np.array(right)) ** 2) < 0.25
    strangers = likelihood.best_ratio(shown, fitted.curves[0])[~shown.mated]
    assert (strangers >= fitted.match).mean() < 0.03
    assert 0.2 < (strangers >= fitted.possible).mean() < 0.4


def test_animals_that_are_never_mistaken_give_a_curve_and_few_animals_none() -> None:
    fitted = likelihood.likelihood_of(likelihood.registry_searches(made_up(30, 64, 0.1, seed=3)))
    assert fitted is not None
    assert fitted.curves[0].log10(0.9) > 1.5
    assert fitted.curves[0].log10(0.0) < 0
    assert likelihood.likelihood_of(likelihood.registry_searches(made_up(29, 64, 0.1, seed=3))) is None
