"""What all values have in common: dates that are written as dates, reprs that give nobody away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

import petfinder as pf
from petfinder.domain.errors import InvalidPet, InvalidQuery
from tests.test_service import sure


@pytest.mark.parametrize("number", [2026, 20261002, 1.5, "2026", " 20261002 ", "1790000000", "-3.5"])
def test_a_number_is_no_date(number: Any) -> None:
    with pytest.raises(InvalidPet, match="write a date as 2026-10-02"):
        pf.Dog(pet_id="rex", status_at=number)
    with pytest.raises(InvalidPet, match="2026-10-02"):
        pf.Photo(uri="a.jpg", taken_at=number)
    with pytest.raises(InvalidQuery, match="2026-10-02"):
        pf.PetFilter(taken_after=number)


@pytest.mark.parametrize("written", ["2026-10-02", "2026-10-02T14:05", "2026-10-02 14:05:00+02:00"])
def test_a_date_may_be_written_in_several_ways(written: str) -> None:
    at = sure(pf.Dog(pet_id="rex", status_at=written).status_at)

    assert (at.year, at.month, at.day) == (2026, 10, 2)
    assert pf.PetFilter(taken_before=written).taken_before == at


def test_a_repr_shows_no_owner_and_no_exact_place() -> None:
    owner = pf.Owner(name="Ully", phone="+55 11 5550-1234")
    photo = pf.Photo(uri="a.jpg", place=(48.85661, 2.35222), taken_at=datetime(2026, 10, 2))
    pet = pf.Dog(
        pet_id="rex",
        place=(48.85661, 2.35222),
        status_place=(48.85661, 2.35222),
        owner=owner,
        finder=owner,
        photos=[photo],
    )

    for shown in (repr(pet), str(pet), repr([photo]), repr(pf.PetFilter(near=(48.85661, 2.35222), within_km=2))):
        assert "Place(lat=48.86, lon=2.35)" in shown
        assert "48.856" not in shown
        assert "Ully" not in shown
    assert "rex" in repr(pet)


def test_a_service_says_which_index_it_is() -> None:
    with pf.connect(":memory:") as registry:
        assert repr(registry.dogs) == "<DogService 'pets-dogs' in :memory:>"
