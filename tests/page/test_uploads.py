"""What visitors hand in: photos of every size, and what is no photo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from petfinder.page.desk import UPLOAD_LIMIT
from tests.page.serving import DATASET, Served, Visitor, visiting

BENTO = DATASET / "queries" / "on-the-steps-after-rain.jpg"
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def visitor(browser: Browser, page: Served) -> Iterator[Visitor]:
    """One visitor, who stays for all these tests."""
    with visiting(browser, page.url) as there:
        yield there


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo of 20 to 25 MB, as a good camera writes them: noise, so that JPEG cannot press it."""
    path = tmp_path_factory.mktemp("photos") / "large.jpg"
    noise = np.random.default_rng(1).integers(0, 255, (3000, 3300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, quality=94, subsampling=0)
    assert 20 * MEGABYTE < path.stat().st_size < UPLOAD_LIMIT
    return path


@pytest.fixture(autouse=True)
def _no_photo_yet(visitor: Visitor) -> None:
    while visitor.button("Take out").count():
        visitor.press("Take out")
        visitor.page.wait_for_timeout(300)


def padded(folder: Path, megabytes: int) -> Path:
    """A photo that is readable and has this many bytes."""
    path = folder / f"photo-{megabytes}.jpg"
    path.write_bytes(BENTO.read_bytes().ljust(megabytes * MEGABYTE, b"\0"))
    return path


def test_what_is_no_photo_gets_a_sentence_that_names_it(visitor: Visitor) -> None:
    visitor.upload({"name": "holiday <b>2026</b>.jpg", "mimeType": "image/jpeg", "buffer": b"Dear diary, ..."})

    visitor.sees("holiday <b>2026</b>.jpg")
    alert = visitor.page.get_by_role("alert").filter(visible=True).inner_text()
    assert "not a picture" in alert or "cannot be read" in alert
    assert "Traceback" not in visitor.page.content()
    assert visitor.page.locator(".pf-page b").count() == 0


def test_a_photo_of_20_megabytes_is_searched_with(visitor: Visitor, large: Path) -> None:
    visitor.upload(large)

    visitor.sees("large.jpg")
    visitor.press("How sure is this?", exact=False)
    visitor.sees("9 pets with")


@pytest.mark.parametrize("megabytes", [26, 30, 60])
def test_a_larger_photo_is_refused_with_a_sentence_before_it_is_sent(
    visitor: Visitor, tmp_path: Path, megabytes: int
) -> None:
    visitor.upload(padded(tmp_path, megabytes))

    visitor.sees(f"This photo has {megabytes} MB; at most 25 MB can be sent at once.")
    assert visitor.button("Take out").count() == 0
    visitor.upload(BENTO)
    visitor.sees("This looks like Bento")


def test_several_photos_count_together(visitor: Visitor, tmp_path: Path) -> None:
    visitor.upload(padded(tmp_path, 14), padded(tmp_path, 13))

    visitor.sees("These 2 photos have 27 MB; at most 25 MB can be sent at once.")


def test_who_goes_around_the_pages_own_check_is_refused_by_the_server_with_a_sentence(
    visitor: Visitor, tmp_path: Path
) -> None:
    before = visitor.page.evaluate("window.petfinderMostBytes")
    visitor.page.evaluate("window.petfinderMostBytes = 1e9")
    try:
        visitor.upload(padded(tmp_path, 30))
        visitor.sees("has 30 MB and a photo may have at most 25 MB")
        visitor.upload(padded(tmp_path, 60))
        visitor.sees("The connection was lost. Reload the page.")
    finally:
        visitor.page.evaluate(f"window.petfinderMostBytes = {before}")
