"""What visitors hand in: photos of every size, what is no photo, and where they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Geolocation, expect

from petfinder.page.desk import UPLOAD_LIMIT
from tests.page.serving import DATASET, SHOWN_MS, Served, Visitor, visiting

BENTO = DATASET / "queries" / "on-the-steps-after-rain.jpg"
MEGABYTE = 2**20
HERE = Geolocation(latitude=37.7712345, longitude=-122.4312345)
LISBON = Geolocation(latitude=38.7123, longitude=-9.1432)
NEAR = "Near this place (latitude, longitude)"


@pytest.fixture(scope="module")
def visitor(browser: Browser, page: Served) -> Iterator[Visitor]:
    """One visitor, who stays for all these tests; the last one loses the line."""
    with visiting(browser, page.url) as there:
        yield there


@pytest.fixture(autouse=True)
def _no_photo_yet(visitor: Visitor) -> None:
    while visitor.button("Take out").count():
        visitor.press("Take out")
        visitor.page.wait_for_timeout(300)


def padded(folder: Path, megabytes: int) -> Path:
    path = folder / f"photo-{megabytes}.jpg"
    path.write_bytes(BENTO.read_bytes().ljust(megabytes * MEGABYTE, b"\0"))
    return path


def test_what_is_no_photo_gets_a_sentence_that_names_it_and_nothing_that_a_process_prints(visitor: Visitor) -> None:
    visitor.upload({"name": "holiday <b>2026</b>.jpg", "mimeType": "image/jpeg", "buffer": b"Dear diary, ..."})

    visitor.sees("holiday <b>2026</b>.jpg")
    alert = visitor.page.get_by_role("alert").filter(visible=True).inner_text()
    assert "not a picture" in alert or "cannot be read" in alert
    assert "Traceback" not in visitor.page.content()
    assert visitor.page.locator(".pf-page b").count() == 0
    assert visitor.frames
    assert not any(b'"msg_type":"stream"' in frame or b'"msg_type": "stream"' in frame for frame in visitor.frames)


def test_a_photo_of_20_megabytes_is_searched_with(visitor: Visitor, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"  # as a good camera writes them: noise, so that JPEG cannot press it
    noise = np.random.default_rng(1).integers(0, 255, (3000, 3300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large, quality=94, subsampling=0)
    assert 20 * MEGABYTE < large.stat().st_size < UPLOAD_LIMIT

    visitor.upload(large)

    visitor.sees("large.jpg")
    visitor.press("How sure is this?", exact=False)
    visitor.sees("14 pets with")


@pytest.mark.parametrize("megabytes", [[26], [30], [60], [14, 13]])
def test_larger_photos_are_refused_before_they_are_sent(visitor: Visitor, tmp_path: Path, megabytes: list[int]) -> None:
    visitor.upload(*(padded(tmp_path, one) for one in megabytes))

    what = f"This photo has {megabytes[0]} MB" if len(megabytes) == 1 else "These 2 photos have 27 MB"
    visitor.sees(f"{what}; at most 25 MB can be sent at once.")
    assert visitor.button("Take out").count() == 0


def test_a_smaller_photo_is_taken_next_and_the_browser_may_not_say_where(visitor: Visitor) -> None:
    visitor.upload(BENTO)
    visitor.sees("This looks like Bento")
    visitor.press("Narrow the search", exact=False)

    visitor.press("Use where I am")

    visitor.sees("Your browser does not say where you are. Allow it to, or write the place yourself.")
    expect(visitor.field(NEAR)).to_have_value("")


def test_a_search_near_where_the_visitor_is(visitor: Visitor) -> None:
    visitor.upload(BENTO)
    bento = visitor.page.get_by_text("This looks like Bento").filter(visible=True)
    expect(bento).to_have_count(1, timeout=SHOWN_MS)
    visitor.page.context.grant_permissions(["geolocation"])

    for place, shown, count in ((LISBON, "38.7123, -9.1432", 0), (HERE, "37.7712, -122.4312", 1)):
        visitor.page.context.set_geolocation(place)
        visitor.press("Use where I am")
        expect(visitor.field(NEAR)).to_have_value(shown)
        visitor.press("Search again")
        expect(bento).to_have_count(count, timeout=SHOWN_MS)
    assert visitor.errors == []


@pytest.mark.parametrize("section", ["Report a lost pet", "Register a pet"])
def test_each_form_offers_once_to_say_where_the_visitor_is(visitor: Visitor, section: str) -> None:
    for name in (section, "Map", section):
        visitor.go(name)

    expect(visitor.page.get_by_role("button", name="Use where I am").filter(visible=True)).to_have_count(1)


def test_who_goes_around_the_pages_own_check_is_refused_by_the_server(visitor: Visitor, tmp_path: Path) -> None:
    visitor.go("Find by photo")
    visitor.page.evaluate("window.petfinderMostBytes = 1e9")

    visitor.upload(padded(tmp_path, 30))
    visitor.sees("has 30 MB and a photo may have at most 25 MB")
    visitor.upload(padded(tmp_path, 60))
    visitor.sees("The connection was lost. Reload the page.")
