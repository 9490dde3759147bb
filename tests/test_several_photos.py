"""A few photos on either side: more of them find more, and each way of combining means what it says."""

from __future__ import annotations

import numpy as np
import pytest

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import portrait, unit
from petfinder.evaluation.metrics import Labelled, registered
from petfinder.training.pocket.several_photos import WAYS, Setting, rankings
from tests.test_evaluate import on_circle, scattered

ONE_ONE, THREE_ONE, THREE_TWO = Setting(1, 1), Setting(3, 1), Setting(3, 2)
BEST = Setting(3, 2, combine="best")


def test_more_photos_on_either_side_find_more_with_the_same_draws_every_time() -> None:
    pets = scattered(pets=15, photos_each=5, dims=16, seed=12, spread=1.0)
    crowd = scattered(pets=300, photos_each=1, dims=16, seed=13)

    found = rankings(pets, crowd, [ONE_ONE, THREE_ONE, THREE_TWO])

    assert all(len(ranking) == 15 * 30 for ranking in found.values())
    assert found[THREE_ONE].within(1).mean() > found[ONE_ONE].within(1).mean() + 0.1
    assert found[THREE_TWO].within(1).mean() > found[THREE_ONE].within(1).mean()
    one, again, other = (rankings(pets, crowd, [ONE_ONE], draws=3, seed=seed)[ONE_ONE] for seed in (1, 1, 2))
    assert (one.genuine == again.genuine).all(), "other draws"
    assert (one.genuine != other.genuine).any()


@pytest.mark.parametrize(
    "setting", [THREE_ONE, THREE_TWO, BEST, Setting(2, 3, "portrait alone"), Setting(2, 1, "photos alone")]
)
def test_a_ranking_is_that_of_a_gallery_with_these_photos(setting: Setting) -> None:
    pets = scattered(pets=6, photos_each=5, dims=4, seed=14, spread=1.0)
    crowd = scattered(pets=20, photos_each=2, dims=4, seed=15)

    ranking = rankings(pets, crowd, [setting], draws=1)[setting]

    random = np.random.default_rng(1)
    rows = {pet: random.permutation(np.flatnonzero(pets.ids == pet)) for pet in np.unique(pets.ids)}
    known = pets.at(np.concatenate([rows[pet][: setting.registered] for pet in rows])).and_also(crowd)
    for place, pet in enumerate(rows):
        photos = pets.embeddings[rows[pet][-setting.brought :]]
        queries = unit(photos.mean(axis=0))[None] if setting.combine == "mean" else photos
        nearest = {
            other: _nearest(known.embeddings[known.ids == other], queries, setting.way) for other in set(known.ids)
        }
        ahead = [other for other, similarity in nearest.items() if other != pet and similarity >= nearest[pet]]
        assert ranking.ids[place] == pet
        assert ranking.genuine[place] == pytest.approx(nearest.pop(pet), abs=1e-6)
        assert ranking.impostor[place] == pytest.approx(max(nearest.values()), abs=1e-6)
        assert ranking.within(1)[place] == (not ahead)


def _nearest(photos: np.ndarray, queries: np.ndarray, way: str) -> float:
    face = portrait(photos)
    assert face is not None
    looks = {"photos and portrait": [*photos, face], "portrait alone": [face], "photos alone": photos}[way]
    return float((queries @ np.array(looks).T).max())


def test_the_default_way_is_the_registrys_and_one_photo_is_searched_by_itself_in_every_way() -> None:
    photos = scattered(pets=1, photos_each=4, dims=6, seed=16)
    single = photos.embeddings[:1]

    searched, expected = WAYS["photos and portrait"](photos.embeddings), registered(photos).embeddings

    assert np.sort(searched, axis=0) == pytest.approx(np.sort(expected, axis=0), abs=1e-6)
    assert all(way(single) == pytest.approx(single, abs=1e-6) for way in WAYS.values())


def test_pets_without_photos_to_spare_are_in_the_way_and_never_looked_for() -> None:
    photos = on_circle(("a", 0), ("a", 60), ("b", 30))

    found = rankings(photos, on_circle(("c", 270)), [ONE_ONE, THREE_ONE], draws=4)

    assert list(found) == [ONE_ONE]
    assert found[ONE_ONE].ids.tolist() == ["a"] * 4
    assert found[ONE_ONE].ranks.tolist() == [2] * 4, "b is nearer"


def test_settings_can_be_compared_on_the_same_pets() -> None:
    often_seen = Labelled(np.array(["often"] * 4), scattered(pets=1, photos_each=4, dims=8, seed=21).embeddings)
    photos = scattered(pets=6, photos_each=2, dims=8, seed=19).and_also(often_seen)
    crowd = scattered(pets=20, photos_each=1, dims=8, seed=20)

    everyone, same = (
        rankings(photos, crowd, [setting], draws=2)[setting] for setting in (ONE_ONE, Setting(1, 1, least=4))
    )

    assert len(everyone) == 2 * 7
    assert same.ids.tolist() == ["often", "often"]


def test_a_crowd_may_be_empty_but_not_hold_the_pets() -> None:
    pets = scattered(pets=4, photos_each=2, dims=4, seed=18, spread=0.1)
    nobody = Labelled(np.array([], dtype=str), np.empty((0, 4), np.float32))

    assert rankings(pets, nobody, [ONE_ONE], draws=2)[ONE_ONE].within(1).mean() == 1
    with pytest.raises(InvalidQuery, match="out of the crowd"):
        rankings(pets, pets, [ONE_ONE])
