"""What visitors looked for is kept for a day; an animal that is named is looked for among its own kind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import petfinder as pf
from petfinder.cli.demo import register_bundled
from petfinder.domain.evidence import Reason
from petfinder.domain.matches import Matches
from petfinder.page import searches
from petfinder.page.desk import Desk
from petfinder.page.public import kept_match
from petfinder.page.safety import Refused
from petfinder.page.searches import Line, Search, Searches
from tests.page.serving import DATASET


def test_a_search_is_gone_after_a_day_or_three_hundred_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, clock = Searches(), [0.0]
    monkeypatch.setattr("petfinder.page.searches.time.monotonic", lambda: clock[0])
    old = kept.keep(Search(False, Matches(), made_at=0.0))
    clock[0] = 24 * 3600.0
    assert kept.get(old)
    clock[0] += 1
    assert kept.get(old) is None
    assert len(kept) == 1
    new = [kept.keep(Search(False, Matches(), made_at=clock[0])) for _ in range(searches.MOST_KEPT + 1)]
    assert len(kept) == searches.MOST_KEPT
    assert [kept.get(token) is None for token in (new[0], new[1])] == [True, False]


def test_a_line_that_is_full_refuses_at_once_and_lets_in_again_when_somebody_is_done() -> None:
    async def tried() -> list[object]:
        line = Line(1, 2)
        return await asyncio.gather(*(line.run(lambda: "done") for _ in range(3)), return_exceptions=True)

    *done, refused = asyncio.run(tried())
    assert done == ["done", "done"]
    assert isinstance(refused, Refused)
    assert refused.status == 429


def test_a_named_species_is_searched_alone(tmp_path: Path) -> None:
    with pf.connect(tmp_path / "pets.db") as registry:
        register_bundled(registry, DATASET, progress=False)
        photos = [pf.Photo(DATASET / "queries" / "in-our-front-garden.jpg")]

        for species, count in (("dog", registry.dogs.count()), ("cat", registry.cats.count())):
            found = Desk(registry, locked=True).look_for(photos, species=species)
            assert {match.pet.species for match in found} == {species}
            assert found.pets_searched == count


@pytest.mark.parametrize(
    ("status", "locked", "told"), [("home", True, False), ("home", False, True), ("lost", True, True)]
)
def test_strangers_are_not_told_how_far_it_is_to_the_home_of_a_pet(status: str, locked: bool, told: bool) -> None:
    pet, photo = pf.Dog(pet_id="trigo", status=status), pf.Photo(photo_id="1")
    reasons = (Reason("photo", "very alike", 2.0), Reason("place", "about 3 km from home", 0.5))
    kept = kept_match(pf.Match(pet=pet, photo=photo, similarity=0.9, reasons=reasons, distance_km=3), locked=locked)

    assert ("place" in {reason.kind for reason in kept.reasons}) is told
    assert (kept.distance_km == 3) is told
