"""A few photos on either side: more of them find more, and each way of combining means what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import portrait, unit
from petfinder.evaluation.calibration import Estimate, FoundRate
from petfinder.evaluation.metrics import Labelled, registered
from petfinder.training.pocket.figures import FewFigures, few_lines
from petfinder.training.pocket.portraits import (
    TRIED,
    WAYS,
    central_portrait,
    sharp_portrait,
    sharpness_of,
    two_portraits,
)
from petfinder.training.pocket.several_photos import Sample, Setting, few_photos, main, other_ways, rankings, sampled
from tests.test_evaluate import on_circle, scattered
from tests.test_protocol import NoiseEncoder, synthetic

ONE_ONE, THREE_ONE, THREE_TWO = Setting(1, 1), Setting(3, 1), Setting(3, 2)
BEST = Setting(3, 2, combine="best")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return sampled(
        scattered(pets=15, photos_each=5, dims=16, seed=12, spread=1.0),
        scattered(pets=300, photos_each=1, dims=16, seed=13),
    )


def test_more_photos_on_either_side_find_more(sample: Sample) -> None:
    found = rankings(sample, [ONE_ONE, THREE_ONE, THREE_TWO])

    assert all(len(ranking) == 15 * 30 for ranking in found.values())
    assert found[THREE_ONE].share_within(1) > found[ONE_ONE].share_within(1) + 0.1
    assert found[THREE_TWO].share_within(1) > found[THREE_ONE].share_within(1)


def test_the_draws_are_the_same_every_time(sample: Sample) -> None:
    one, again, other = (rankings(sample, [ONE_ONE], draws=3, seed=seed)[ONE_ONE] for seed in (1, 1, 2))

    assert (one.genuine == again.genuine).all()
    assert (one.genuine != other.genuine).any()


@pytest.mark.parametrize(
    "setting", [THREE_ONE, THREE_TWO, BEST, Setting(2, 3, "portrait alone"), Setting(2, 1, "photos alone")]
)
def test_a_ranking_is_that_of_a_gallery_with_these_photos(setting: Setting) -> None:
    pets = scattered(pets=6, photos_each=5, dims=4, seed=14, spread=1.0)
    crowd = scattered(pets=20, photos_each=2, dims=4, seed=15)

    ranking = rankings(sampled(pets, crowd), [setting], draws=1)[setting]

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


def test_the_default_way_is_the_registrys() -> None:
    photos = scattered(pets=1, photos_each=4, dims=6, seed=16)

    looks = WAYS["photos and portrait"](photos.embeddings, np.ones(4))

    assert len(looks) == len(registered(photos).embeddings)
    assert np.allclose(np.sort(looks, axis=0), np.sort(registered(photos).embeddings, axis=0), atol=1e-6)
    assert WAYS["photos and portrait"] is TRIED["photos and portrait"]


@pytest.mark.parametrize("looks", [*WAYS.values(), *TRIED.values()])
def test_one_photo_is_all_that_a_pet_with_one_photo_is_searched_by(looks: object) -> None:
    [photo] = scattered(pets=1, photos_each=1, dims=5, seed=17).embeddings

    assert callable(looks)
    assert looks(photo[None], np.array([3.0])) == pytest.approx(photo[None], abs=1e-6)


def test_sharp_photos_draw_the_portrait_to_them() -> None:
    photos = on_circle(("a", 0), ("a", 40)).embeddings

    faces = [sharp_portrait(photos, np.array(weights))[-1] for weights in ([1.0, 1.0], [1.0, 9.0])]

    assert np.degrees(np.arctan2(faces[0][1], faces[0][0])) == pytest.approx(20, abs=1e-3)
    assert 30 < np.degrees(np.arctan2(faces[1][1], faces[1][0])) < 40


def test_a_photo_unlike_the_others_counts_less_in_a_central_portrait() -> None:
    photos = on_circle(("a", 0), ("a", 10), ("a", 80)).embeddings

    plain, central = (looks(photos, np.ones(3))[-1] for looks in (WAYS["photos and portrait"], central_portrait))

    assert np.arctan2(central[1], central[0]) < np.arctan2(plain[1], plain[0]) - 0.02


def test_photos_of_two_places_have_a_portrait_each() -> None:
    photos = on_circle(("a", 0), ("a", 90), ("a", 10), ("a", 100), ("a", 80)).embeddings

    looks = two_portraits(photos, np.ones(5))

    angles = np.degrees(np.arctan2(looks[6:, 1], looks[6:, 0]))
    assert len(looks) == 8
    assert sorted(angles) == pytest.approx([5, 90], abs=1e-3)
    assert len(two_portraits(photos[:3], np.ones(3))) == 4
    assert len(two_portraits(np.repeat(photos[:1], 4, axis=0), np.ones(4))) >= 5


def test_a_blurred_picture_is_less_sharp() -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)

    assert sharpness_of(picture.filter(ImageFilter.GaussianBlur(3))) < sharpness_of(picture) / 2


def test_pets_without_photos_to_spare_are_in_the_way_and_never_looked_for() -> None:
    photos = on_circle(("a", 0), ("a", 60), ("b", 30))
    sample = sampled(photos, on_circle(("c", 270)))

    found = rankings(sample, [ONE_ONE, THREE_ONE], draws=4)

    assert list(found) == [ONE_ONE]
    assert found[ONE_ONE].ids.tolist() == ["a"] * 4
    assert found[ONE_ONE].ranks.tolist() == [2] * 4, "b is nearer"


def test_settings_can_be_compared_on_the_same_pets() -> None:
    photos = scattered(pets=6, photos_each=2, dims=8, seed=19).and_also(often_seen())
    sample = sampled(photos, scattered(pets=20, photos_each=1, dims=8, seed=20))

    everyone, same = (rankings(sample, [setting], draws=2)[setting] for setting in (ONE_ONE, Setting(1, 1, least=4)))

    assert len(everyone) == 2 * 7
    assert same.ids.tolist() == ["often", "often"]


def often_seen() -> Labelled:
    """One pet with four photos."""
    return Labelled(np.array(["often"] * 4), scattered(pets=1, photos_each=4, dims=8, seed=21).embeddings)


def test_a_crowd_may_be_empty_but_not_hold_the_pets() -> None:
    pets = scattered(pets=4, photos_each=2, dims=4, seed=18, spread=0.1)
    nobody = Labelled(np.array([], dtype=str), np.empty((0, 4), np.float32))

    assert rankings(sampled(pets, nobody), [ONE_ONE], draws=2)[ONE_ONE].share_within(1) == 1
    with pytest.raises(InvalidQuery, match="out of the crowd"):
        sampled(pets, pets)


def test_other_ways_are_measured_on_the_same_animals(tmp_path: Path) -> None:
    benches = synthetic(tmp_path)
    embeddings = NoiseEncoder(dims=48).encode_images([Image.open(tmp_path / photo.file) for photo in benches.photos])
    photos = benches.labelled(embeddings)

    figures = other_ways(benches, photos, np.ones(len(photos)))

    assert {(few.bench, few.way) for few in figures} == {
        (bench, way) for bench in ("identity", "albums", "albums, several places") for way in TRIED
    }
    plain = {(few.bench, few.registered): few.rank1 for few in figures if few.way == "photos and portrait"}
    table = {(few.bench, few.registered): few.rank1 for few in few_photos(benches, photos) if few.brought == 1}
    assert {key: share for key, share in table.items() if key in plain} == plain
    assert all(few.rank1.value == 1 for few in figures)


def test_the_table_says_what_was_registered_and_brought() -> None:
    share = Estimate(0.5, 0.4, 0.6)
    figure = FewFigures("identity", 3, 2, "photos and portrait", "best", 0, 9, share, None, FoundRate(0.7, share))

    title, line = few_lines([figure])

    assert title == "  identity, photos and portrait, query photos by best"
    assert line == (
        "    3 registered, 2 brought (9 animals): rank-1 0.500 (0.400-0.600)"
        "  found at 1 %: bench 0.500 (0.400-0.600) above 0.700"
    )


def test_the_command_wants_the_shared_folder(tmp_path: Path) -> None:
    from petfinder.domain.errors import ConfigError

    with pytest.raises(ConfigError, match="name the shared folder"):
        main(["--shared", str(tmp_path)])
