"""A visitor lets the browser put in where they are, instead of typing two numbers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Geolocation, expect

from tests.page.serving import DATASET, SHOWN_MS, Served, Visitor, visiting

BENTO = DATASET / "queries" / "on-the-steps-after-rain.jpg"
HERE = Geolocation(latitude=37.7712345, longitude=-122.4312345)
LISBON = Geolocation(latitude=38.7123, longitude=-9.1432)
NEAR = "Near this place (latitude, longitude)"


def narrowed(visitor: Visitor) -> None:
    """A search by photo, and its filters unfolded."""
    visitor.upload(BENTO)
    visitor.sees("This looks like Bento")
    visitor.press("Narrow the search", exact=False)


def test_a_search_near_where_the_visitor_is(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url) as visitor:
        visitor.page.context.grant_permissions(["geolocation"])
        visitor.page.context.set_geolocation(LISBON)
        narrowed(visitor)
        visitor.press("Use where I am")
        expect(visitor.field(NEAR)).to_have_value("38.7123, -9.1432")
        visitor.press("Search again")
        bento = visitor.page.get_by_text("This looks like Bento").filter(visible=True)
        expect(bento).to_have_count(0, timeout=SHOWN_MS)

        visitor.page.context.set_geolocation(HERE)
        visitor.press("Use where I am")
        expect(visitor.field(NEAR)).to_have_value("37.7712, -122.4312")
        visitor.press("Search again")
        expect(bento).to_have_count(1, timeout=SHOWN_MS)
        assert visitor.errors == []


@pytest.mark.parametrize("section", ["Report a lost pet", "Register a pet"])
def test_each_form_offers_it_once(browser: Browser, page: Served, section: str) -> None:
    with visiting(browser, page.url) as visitor:
        visitor.go(section)
        visitor.go("Map")
        visitor.go(section)

        expect(visitor.page.get_by_role("button", name="Use where I am").filter(visible=True)).to_have_count(1)


def test_who_does_not_want_it_is_told_to_write_the_place(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url) as visitor:
        narrowed(visitor)
        visitor.press("Use where I am")

        visitor.sees("Your browser does not say where you are. Allow it to, or write the place yourself.")
        expect(visitor.field(NEAR)).to_have_value("")
