"""How good is it: measures against hand-made cases and brute force, thresholds that keep their promise, a folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.pets import Box
from petfinder.domain.vectors import portrait, unit
from petfinder.domain.verdicts import Thresholds
from petfinder.evaluation.calibration import (
    BestSimilarities,
    Estimate,
    Impostors,
    found_at,
    mean_over_animals,
    measure_thresholds,
)
from petfinder.evaluation.evaluate import evaluate_folder, painted_out
from petfinder.evaluation.metrics import (
    Labelled,
    average_precision,
    error_rates,
    leave_one_out,
    leave_one_out_registered,
    pair_similarities,
    registered,
)
from tests.conftest import TableEncoder
from tests.test_service import sure


def on_circle(*degrees_by_pet: tuple[str, float]) -> Labelled:
    """Photos in two dimensions, each at an angle: their similarity is the cosine of the angle between them."""
    angles = np.radians([degrees for _, degrees in degrees_by_pet])
    return Labelled(
        np.array([pet for pet, _ in degrees_by_pet]),
        np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
    )


def scattered(*, pets: int, photos_each: int, dims: int, seed: int, spread: float = 0.6) -> Labelled:
    """Pets anywhere on the sphere, their photos around them."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=(pets, dims))
    photos = middles[:, None] + spread * random.normal(size=(pets, photos_each, dims))
    ids = np.repeat([f"{seed}-pet{number}" for number in range(pets)], photos_each)
    return Labelled(ids, photos.reshape(-1, dims).astype(np.float32))


THREE = on_circle(("a", 0), ("a", 20), ("b", 50), ("b", 180), ("c", 10))


def test_ranks_of_three_pets_are_those_counted_by_hand() -> None:
    ranking = leave_one_out(THREE)

    # a at 0: c (10) before a (20). a at 20: c (10) before a (20). b at 50: a (30), c (40), b (130).
    # b at 180: b (130) before a (160) and c (170).
    assert ranking.ids.tolist() == ["a", "a", "b", "b"]
    assert ranking.ranks.tolist() == [2, 2, 3, 1]
    assert ranking.within(1).mean() == 0.25
    assert ranking.within(2).mean() == 0.75
    assert ranking.genuine == pytest.approx(np.cos(np.radians([20, 20, 130, 130])), abs=1e-6)
    assert ranking.impostor == pytest.approx(np.cos(np.radians([10, 10, 30, 160])), abs=1e-6)


def test_average_precision_is_the_one_counted_by_hand_and_without_a_difference_nothing_is_found() -> None:
    photos = on_circle(("a", 0), ("a", 10), ("b", 20), ("a", 30), ("b", 90))
    blind = Labelled(np.array(["a", "a", "b", "b", "c"]), np.ones((5, 3), np.float32))

    assert average_precision(THREE) == pytest.approx([1 / 2, 1 / 2, 1 / 4, 1])  # the places of the pet's other photo
    assert average_precision(photos, queries=np.array([0])) == pytest.approx([(1 / 1 + 2 / 3) / 2])
    assert average_precision(blind) == pytest.approx([1 / 4] * 4)
    assert leave_one_out(blind).within(1).mean() == 0
    assert leave_one_out(blind).ranks.tolist() == [3, 3, 3, 3]


def test_ranks_and_precision_agree_with_brute_force() -> None:
    photos = scattered(pets=12, photos_each=3, dims=5, seed=3, spread=1.2)
    ranking, precisions = leave_one_out(photos), average_precision(photos)

    for row, (ranked, precision) in enumerate(zip(ranking.ranks, precisions, strict=True)):
        others = [other for other in range(len(photos)) if other != row]
        others.sort(key=lambda other: -float(photos.embeddings[row] @ photos.embeddings[other]))
        met = list(dict.fromkeys(photos.ids[other] for other in others))
        hits = [place for place, other in enumerate(others, 1) if photos.ids[other] == photos.ids[row]]
        assert ranked == 1 + met.index(photos.ids[row])
        assert precision == pytest.approx(np.mean([seen / place for seen, place in enumerate(hits, 1)]))


def test_a_registered_pet_is_compared_by_its_portrait_without_the_query_photo() -> None:
    photos = scattered(pets=8, photos_each=4, dims=6, seed=4)
    ranking = leave_one_out_registered(photos)
    gallery = registered(on_circle(("a", 0), ("b", 40), ("b", 60)))
    between = math.radians(50)

    for row in range(len(photos)):
        known = photos.embeddings[(photos.ids == photos.ids[row]) & (np.arange(len(photos)) != row)]
        best = max((known @ photos.embeddings[row]).max(), sure(portrait(known)) @ photos.embeddings[row])
        assert ranking.genuine[row] == pytest.approx(best)
    assert (ranking.genuine >= leave_one_out(photos).genuine - 1e-6).all()
    assert gallery.pets.tolist() == ["a", "b"]  # of one photo there is no portrait
    similarities = gallery.similarities(unit([[math.cos(between), math.sin(between)]]))
    assert similarities == pytest.approx(np.array([[math.cos(between), 1.0]]), abs=1e-6)


def test_equal_error_rate_is_the_one_counted_by_hand_thinned_out_too_and_pairs_come_from_every_query() -> None:
    random = np.random.default_rng(1)
    many = random.normal(0.6, 0.1, 5000), random.normal(0.3, 0.1, 50000)
    genuine, impostor = np.array([0.9, 0.8, 0.7, 0.4]), np.array([0.1, 0.2, 0.5, 0.75])
    thin, (same, others) = error_rates(*many, points=500), pair_similarities(THREE)

    # From 0.7 on: one of four impostors (0.75) and one of four genuine pairs (0.4) on the wrong side.
    assert error_rates(genuine, impostor).equal == 0.25
    assert error_rates(genuine, impostor - 1).equal == 0
    assert len(thin.similarities) <= 1000
    assert thin.equal == pytest.approx(error_rates(*many, points=100_000).equal, abs=0.005)
    assert sorted(np.round(np.degrees(np.arccos(same)))) == [20, 20, 130, 130]
    assert len(others) == 4 * 3


def brute_force_best(strangers: Labelled, gallery: Labelled, pets: int) -> NDArray[np.float64]:
    best = []
    for pet, embedding in zip(strangers.ids, strangers.embeddings, strict=True):
        others = sorted(set(gallery.ids) - {pet})
        for drawn in combinations(others, pets):
            searched = registered(gallery.at(np.isin(gallery.ids, drawn)))
            best.append(float(searched.similarities(embedding[None]).max()))
    return np.sort(np.array(best))


def above(best: BestSimilarities, threshold: float) -> float:
    """The share of strangers whose best similarity reaches the threshold."""
    return float(best.shares[best.values.astype(float) >= threshold].sum())


def test_best_similarities_are_those_of_every_possible_draw() -> None:
    gallery = scattered(pets=6, photos_each=2, dims=4, seed=5)
    strangers = scattered(pets=3, photos_each=1, dims=4, seed=6).and_also(gallery.at(np.array([0, 5])))

    measured = Impostors(strangers, gallery).best_of(3)

    every = [brute_force_best(strangers.at(np.array([row])), gallery, 3) for row in range(len(strangers))]
    assert measured.shares.sum() == pytest.approx(1)
    for threshold in np.linspace(0, 1, 21):
        brute = np.mean([np.mean(best >= threshold) for best in every])
        assert above(measured, threshold) == pytest.approx(brute)


@pytest.mark.parametrize("alarms", [0.0, 0.01, 0.1, 0.3, 0.5])
def test_no_more_strangers_reach_a_threshold_than_was_promised(alarms: float) -> None:
    photos = scattered(pets=40, photos_each=1, dims=4, seed=7)
    measured = Impostors(photos, photos).best_of(10)

    cut = measured.exceeded_by(alarms)

    assert above(measured, cut) <= alarms + 1e-9
    assert above(measured, cut) > alarms - 0.02


def test_thresholds_keep_their_promise_on_other_strangers_at_a_number_of_pets_between() -> None:
    crowd, newcomers = (scattered(pets=700, photos_each=1, dims=24, seed=seed) for seed in (8, 9))
    thresholds = measure_thresholds(crowd, crowd, pet_counts=(10, 30, 100, 300), source="synthetic")

    for pets in (20, 60, 170):
        cut = thresholds.at(pets)
        seen = Impostors(newcomers, crowd).best_of(pets)
        assert not cut.extrapolated
        assert 0.003 < above(seen, cut.match) < 0.02
        assert 0.26 < above(seen, cut.possible) < 0.34
    assert thresholds.at(600).extrapolated
    assert above(Impostors(newcomers, crowd).best_of(600), thresholds.at(600).match) < 0.025


def test_thresholds_rise_with_the_number_of_pets_and_of_a_small_gallery_towards_a_large_one() -> None:
    crowd = scattered(pets=150, photos_each=2, dims=8, seed=10)
    few = scattered(pets=10, photos_each=3, dims=8, seed=11)

    measured, small = measure_thresholds(crowd, crowd).measured, measure_thresholds(few, few)

    assert [row.pets for row in measured] == [10, 30, 100, 149]
    assert sorted(row.match for row in measured) == [row.match for row in measured]
    assert sorted(row.possible for row in measured) == [row.possible for row in measured]
    assert [row.pets for row in small.measured] == [1, 9]
    assert small.at(100).match > small.at(9).match
    assert small.at(100).extrapolated


def test_found_at_one_percent_needs_the_own_pet_first_and_above_the_strangers() -> None:
    ranking = leave_one_out(THREE)

    found = found_at(ranking, ranking, draws=50)

    assert found.threshold == pytest.approx(np.quantile(ranking.impostor, 0.99))
    assert found.share.value == 0  # the only first place (b at 180) lies at cos 130, below the strangers
    assert ranking.found(-0.9).tolist() == [False, False, False, True]


def test_intervals_are_drawn_over_animals_and_not_over_photos() -> None:
    values = np.array([1.0] * 50 + [0.0] * 50)
    alike = mean_over_animals(values, np.repeat(["a", "b"], 50))
    apart = mean_over_animals(values, np.arange(100).astype(str))

    assert (alike.low, alike.high) == (0, 1)
    assert 0.35 < apart.low < 0.45 < apart.high < 0.65
    assert alike == mean_over_animals(values, np.repeat(["a", "b"], 50)), "the seed is fixed"
    assert isinstance(alike, Estimate)


def test_measures_say_what_is_missing() -> None:
    singles = on_circle(("a", 0), ("b", 50))
    one, none = singles.at(np.array([0])), singles.at(np.array([], dtype=int))
    refused: dict[str, list[Callable[[], object]]] = {
        "second photo": [lambda: leave_one_out(singles), lambda: pair_similarities(singles)],
        "two pets": [lambda: measure_thresholds(one, one), lambda: error_rates(np.array([]), np.array([0.5]))],
        "strangers": [lambda: measure_thresholds(none, singles)],
        "cannot search 2 pets": [lambda: Impostors(singles, singles).best_of(2)],
        "id of its pet": [lambda: Labelled(np.array(["a"]), np.ones((2, 3), np.float32))],
    }

    for what, calls in refused.items():
        for call in calls:
            with pytest.raises(InvalidQuery, match=what):
                call()


def dapples(folder: Path, *, pets: int = 5, photos: int = 3, seed: int = 2) -> Path:
    """A folder with a sub-folder for each pet: plain pictures, a pet's all of nearly one colour."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    for pet in range(pets):
        colour = random.integers(40, 216, size=3)
        (folder / f"pet{pet}").mkdir(parents=True)
        for number in range(photos):
            red, green, blue = colour.tolist()
            Image.new("RGB", (48, 40), (red, green, blue + number)).save(folder / f"pet{pet}" / f"{number}.png")
    return folder


def test_pets_of_different_colours_are_all_found_and_of_one_not_told_apart(
    tmp_path: Path, table_encoder: TableEncoder
) -> None:
    evaluation = evaluate_folder(dapples(tmp_path / "colours"), table_encoder, progress=False)

    assert (evaluation.pets, evaluation.photos, evaluation.queries) == (5, 15, 15)
    assert evaluation.rank1 == evaluation.rank5 == evaluation.mean_precision == Estimate(1.0, 1.0, 1.0)
    assert evaluation.found.share.value == 1
    assert evaluation.errors.equal == 0
    assert evaluation.background is None
    assert evaluation.thresholds.measured[-1].pets == 4
    assert "table-1" in evaluation.thresholds.source
    taken = (evaluation.latency.decode, evaluation.latency.encode, evaluation.latency.search)
    assert all(milliseconds is not None and milliseconds > 0 for milliseconds in taken)
    assert table_encoder.encoded == 15

    for number, photo in enumerate(sorted(dapples(tmp_path / "grey", pets=4).rglob("*.png"))):
        picture = Image.new("RGB", (40, 40), (90, 90, 90))
        picture.putpixel((0, 0), (number, 0, 0))
        picture.save(photo)
    grey = evaluate_folder(tmp_path / "grey", table_encoder)
    assert (grey.rank1.value < 0.7, grey.found.share.value < 0.7) == (True, True)


def test_each_photo_counts_once_and_a_broken_one_is_named(tmp_path: Path, table_encoder: TableEncoder) -> None:
    folder = dapples(tmp_path)
    Image.new("RGB", (30, 30), (200, 10, 10)).save(folder / "lonely.png")  # in the way and never looked for
    (folder / "pet1" / "copy.png").write_bytes((folder / "pet1" / "0.png").read_bytes())
    (folder / "pet0" / "broken.jpg").write_bytes(b"not a picture")

    evaluation = evaluate_folder(folder, table_encoder)

    assert (evaluation.pets, evaluation.photos, evaluation.queries) == (6, 16, 15)
    assert [failure.item for failure in evaluation.failures] == ["pet0"]
    assert "broken.jpg" in str(evaluation)


def test_the_background_control_sees_the_photo_without_the_pet(tmp_path: Path, table_encoder: TableEncoder) -> None:
    folder = dapples(tmp_path)
    names = [photo.relative_to(folder).as_posix() for photo in sorted(folder.rglob("*.png"))]
    everything, corner = Box(x=0, y=0, w=1, h=1), Box(x=0, y=0, w=0.01, h=0.01)
    picture = Image.new("RGB", (100, 200), (10, 20, 30))

    erased = evaluate_folder(folder, table_encoder, boxes=dict.fromkeys(names, everything)).background
    kept = evaluate_folder(folder, table_encoder, boxes=dict.fromkeys(names[:6], corner)).background
    painted = painted_out(picture, Box(x=0.2, y=0.5, w=0.5, h=0.5))

    assert sure(erased).value <= 0.2  # grey is nearest to one pet of five at most
    assert sure(kept).value == 1
    assert {painted.getpixel(at) for at in ((10, 190), (90, 190), (50, 90))} == {(10, 20, 30)}
    assert {painted.getpixel(at) for at in ((45, 150), (19, 97), (71, 199))} == {(128, 128, 128)}
    assert picture.getpixel((45, 150)) == (10, 20, 30)


def test_the_table_shows_every_figure_and_the_thresholds(tmp_path: Path, table_encoder: TableEncoder) -> None:
    evaluation = evaluate_folder(dapples(tmp_path), table_encoder)

    rows = {row.measure: row for row in evaluation.as_rows()}
    assert rows["rank-1"].value == rows["found at 1 % false alarms"].low == 1
    assert rows["photos"].unit == "count"
    for words in ("table-1 on 5 pets", "rank-1", "mAP", "100.0%", "false alarms", "ms", "4 pets, 12 photos"):
        assert words in str(evaluation)
    assert "first guess" in str(evaluation)
    assert Thresholds.model_validate_json(evaluation.thresholds.model_dump_json()) == evaluation.thresholds


def test_too_few_pets_or_photos_are_refused_before_anything_is_encoded(
    tmp_path: Path, table_encoder: TableEncoder
) -> None:
    for pets, photos in ((0, 0), (1, 3), (4, 1)):
        folder = dapples(tmp_path / f"{pets}", pets=pets, photos=photos)
        with pytest.raises(InvalidQuery, match="sub-folder for each pet"):
            evaluate_folder(folder, table_encoder)
    with pytest.raises(InvalidQuery, match="two or more"):
        evaluate_folder(dapples(tmp_path / "whole"), table_encoder, by="file")
    with pytest.raises(ConfigError):
        evaluate_folder(tmp_path / "nowhere", table_encoder)
    assert table_encoder.encoded == 0
