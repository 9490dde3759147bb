"""Photos changed in one way each, and the tables of how well they are still found: on small made-up pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from petfinder.domain.pets import Box
from petfinder.domain.vectors import Matrix, unit
from petfinder.training.pocket.benches import Benches, BenchPhoto, Record, table
from petfinder.training.pocket.conditions import CONDITIONS, Condition, Scene
from petfinder.training.pocket.robustness import changed_embeddings, measure_robustness, scene_reader
from tests.conftest import TableEncoder
from tests.test_protocol import synthetic

SIZE = (120, 90)
BOX = Box(x=0.3, y=0.3, w=0.4, h=0.4)
REPORTING = ("identity", "identity2, reports", "mpdd, reports", "albums, reports")
NAMES = [condition.name for condition in CONDITIONS]
CONDITION = {condition.name: condition for condition in CONDITIONS}


class ThumbnailEncoder(TableEncoder):
    name = "thumbnail-1"

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        small = [
            np.asarray(picture.resize((4, 4), Image.Resampling.BOX), np.float32).reshape(-1) for picture in pictures
        ]
        return unit(np.array(small) - 128.5)


def scene(*, box: Box | None = BOX, seed: int = 7) -> Scene:
    """A red pet with a white blaze on a mottled green meadow; the other place is blue."""
    mottled = np.random.default_rng(seed).integers(60, 150, (9, 12, 3), dtype=np.uint8)
    mottled[:, :, ::2] //= 2
    picture = Image.fromarray(mottled).resize(SIZE, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((36, 27, 83, 62), (200, 30, 30))
    pen.rectangle((41, 31, 48, 45), (240, 230, 230))
    mask = np.zeros((30, 30), np.float32)
    mask[9:21, 9:21] = 1
    return Scene(picture, mask, box, Image.new("RGB", (50, 70), (20, 40, 220)), seed)


def pixels(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)


def changed(name: str, original: Scene | None = None) -> NDArray[np.float32]:
    return pixels(CONDITION[name].change(original or scene()))


def reds(picture: NDArray[np.float32]) -> float:
    return float(((picture[:, :, 0] > 120) & (picture[:, :, 1] < 90) & (picture[:, :, 2] < 90)).mean())


@pytest.mark.parametrize("condition", CONDITIONS, ids=NAMES)
def test_a_condition_changes_photos_of_every_size_and_leaves_a_picture(condition: Condition) -> None:
    original = scene()
    before = original.picture.tobytes()

    changed, again = condition.change(original), condition.change(scene())

    assert changed.resize(SIZE).tobytes() != before
    assert np.ptp(pixels(changed)) > 60, "the picture has been lost"
    assert original.picture.tobytes() == before, "the photo itself was changed"
    assert (changed.size, changed.tobytes()) == (again.size, again.tobytes()), "not the same at every call"
    tiny = [condition.change(replace(original, picture=original.picture.resize(size))) for size in ((1, 1), (3, 40))]
    assert all(one.mode == "RGB" and min(one.size) > 0 for one in (changed, *tiny))


def test_what_is_left_to_chance_differs_from_photo_to_photo() -> None:
    for name in ("dark", "motion blur", "photo of a screen", "photo of a poster", "partly hidden"):
        assert len({CONDITION[name].change(replace(scene(), seed=seed)).tobytes() for seed in (1, 2, 5)}) > 1, name


def test_turned_mirrored_and_smaller_photos_are_what_they_are_called() -> None:
    as_it_is, turned = pixels(scene().picture), changed("turned by 20 degrees")

    assert turned.shape == as_it_is.shape
    np.testing.assert_allclose(turned[45, 60], as_it_is[45, 60], atol=3)
    assert min(turned[at].sum() for at in ((0, 0), (0, -1), (-1, 0), (-1, -1))) > 60, "a corner is empty"
    assert (changed("mirror image") == as_it_is[:, ::-1]).all()
    assert changed("half the size").shape == (45, 60, 3)
    assert changed("a quarter of the size").shape == (22, 30, 3)


def test_the_tight_crop_is_the_pet_and_the_loose_one_shows_it_at_half_its_size() -> None:
    tight, loose, as_it_is = changed("tight crop"), changed("loose crop"), pixels(scene().picture)

    assert tight.shape == (36, 48, 3)
    assert reds(tight) > 0.8
    assert loose.shape == as_it_is.shape
    assert reds(loose) == pytest.approx(reds(as_it_is) / 4, rel=0.15)
    assert reds(loose[37:53, 49:71]) > 0.8, "the pet is not in the middle"


def test_light_fails_or_comes_from_behind_and_motion_and_jpeg_take_detail_away() -> None:
    as_it_is, dark, backlit, smeared = (pixels(scene().picture), *map(changed, ("dark", "backlit", "motion blur")))
    pet, meadow = (slice(33, 57), slice(50, 78)), (slice(0, 20), slice(0, 120))
    stored = io.BytesIO()
    scene().picture.save(stored, "JPEG", quality=30)

    assert dark.mean() < 0.6 * as_it_is.mean()
    assert backlit[pet].mean() < 0.7 * as_it_is[pet].mean()
    assert backlit[meadow].mean() > 1.5 * as_it_is[meadow].mean()
    assert smeared.mean() == pytest.approx(as_it_is.mean(), rel=0.02)
    assert np.abs(np.diff(smeared, axis=1)).max() < 0.7 * np.abs(np.diff(as_it_is, axis=1)).max()
    assert (changed("JPEG quality 30") == pixels(Image.open(stored))).all()


def test_only_the_background_is_exchanged_and_only_three_tenths_of_the_pet_are_hidden() -> None:
    as_it_is, elsewhere = pixels(scene().picture), changed("another background")

    assert (elsewhere[36:54, 48:72] == as_it_is[36:54, 48:72]).all()
    assert (elsewhere[:15] == (20, 40, 220)).all()
    for seed in range(8):
        hidden = changed("partly hidden", replace(scene(), seed=seed))
        rows, columns = (hidden != as_it_is).any(axis=2).nonzero()
        assert len(rows) == pytest.approx(0.3 * 48 * 36, rel=0.06)
        assert (rows.min(), columns.min()) >= (27, 36)
        assert (rows.max(), columns.max()) <= (62, 83)


@pytest.mark.parametrize(
    ("name", "smallest", "largest"), [("photo of a screen", 0.5, 0.8), ("photo of a poster", 0.2, 0.45)]
)
def test_a_photo_of_a_photo_shows_it_smaller_in_a_frame(name: str, smallest: float, largest: float) -> None:
    seen = changed(name)
    edge = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])

    assert smallest < reds(seen) / reds(pixels(scene().picture)) < largest
    assert max(seen.shape) > max(SIZE), "the photo's own pixels are kept"
    assert edge.std(axis=0).max() < 25, "wall and room are plain"


def test_a_photo_whose_pet_was_not_found_is_left_out_where_the_pet_must_be_known() -> None:
    found = changed_embeddings(ThumbnailEncoder(dims=48), [scene(), scene(box=None, seed=8), scene(seed=9)])

    assert list(found) == NAMES
    assert found["mirror image"][0].tolist() == [0, 1, 2]
    assert found["tight crop"][0].tolist() == [0, 2]
    assert all(looks.shape == (len(positions), 48) for positions, looks in found.values())


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Of two to four animals a bench, with four photos each; in every third photo no pet was found."""
    benches = synthetic(tmp_path_factory.mktemp("benches"))

    def read(row: int) -> Scene:
        photo = benches.photos[row]
        with Image.open(benches.folder / photo.file) as opened:
            picture = opened.convert("RGB").resize((48, 40), Image.Resampling.NEAREST)
        return Scene(picture, scene().mask, photo.box if row % 3 else None, scene().place, row)

    return measure_robustness(ThumbnailEncoder(dims=48), benches, read, tmp_path_factory.mktemp("cache"), most=9)


def test_every_condition_is_measured_on_the_benches_that_report_and_reads_as_a_table_and_as_json(
    figures: Record,
) -> None:
    rows = {(row["bench"], row["condition"]): row for row in figures["conditions"]}
    text, kept = table(figures["conditions"]), json.loads(json.dumps(figures, default=asdict))

    assert list(rows) == [(bench, name) for bench in REPORTING for name in NAMES]
    for (bench, name), row in rows.items():
        most = {"identity": 9, "albums, reports": 9}.get(bench, 8)
        assert row["queries"] <= most
        assert (row["queries"] < most) == CONDITION[name].needs_pet
        assert row["unchanged_rank1"].value == 1
        assert row["cosine"] <= 0.9 or -1 <= row["low_cosine"] <= row["cosine"] <= 1.00001
        assert row["animals"] > 1
    assert (figures["encoder"], figures["fingerprint"]) == ("thumbnail-1", "t1")
    assert all(name in text for name in (*REPORTING, *NAMES))
    assert len(text.splitlines()) == 1 + 4 * len(NAMES)
    assert kept["conditions"][0]["rank1"]["value"] == figures["conditions"][0]["rank1"].value


def test_harmless_changes_are_told_from_harmful_ones(figures: Record) -> None:
    rows = {row["condition"]: row for row in figures["conditions"] if row["bench"] == "identity"}

    assert rows["half the size"]["rank1"].value == 1
    assert rows["half the size"]["cosine"] > 0.99
    assert rows["mirror image"]["cosine"] < 0.5
    assert rows["mirror image"]["rank1"].value < 1


def test_the_shared_photos_come_with_masks_that_lie_in_their_boxes(shared: Path) -> None:
    files = ("identity/photos/cc101_pet_dog1/00.jpg", "training/photos/oxford_iiit_pet/pomeranian_52.jpg")
    boxes = (Box(x=0.5, y=0.08, w=0.35, h=0.9), Box(x=0.1, y=0.1, w=0.9, h=0.9))
    photos = tuple(BenchPhoto(file, file, "dog", box) for file, box in zip(files, boxes, strict=True))
    read = scene_reader(Benches(shared, photos, np.ones(2, dtype=np.bool_)))

    for row in (0, 1):
        found = read(row)
        left, top, right, bottom = (round(edge) for edge in found.corners())
        outline = found.outline()
        assert outline.shape == (found.picture.height, found.picture.width)
        assert outline[top:bottom, left:right].sum() > 0.9 * outline.sum()
        assert 0.1 < outline.mean() < 0.9
        assert found.place.size != found.picture.size
        assert found.seed == read(row).seed
