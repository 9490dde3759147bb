"""How the page looks and feels: on a phone, by keyboard alone, to tools that help; and where it gets its things."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from petfinder.domain.pets import Cat
from petfinder.page.widgets.page import SECTIONS
from petfinder.registry.connect import connect
from petfinder.tables.arrays import from_arrays
from tests.page.serving import DATASET, SHOWN_MS, Served, Visitor, visiting
from tests.page.test_doors import eventually

BENTO = DATASET / "queries" / "on-the-steps-after-rain.jpg"


@pytest.fixture(scope="module")
def visitor(browser: Browser, page: Served) -> Iterator[Visitor]:
    with visiting(browser, page.url) as there:
        yield there


def everywhere(visitor: Visitor) -> Iterator[str]:
    """Go through the page: each section, a search with its answer, a pet."""
    for name in SECTIONS:
        visitor.go(name)
        yield name
        if name == "Find by photo":
            if not visitor.button("Search again").count():
                visitor.upload(BENTO)
            visitor.sees("This looks like Bento")
            yield "an answer"
            visitor.page.locator(".pf-pet:visible").first.get_by_role("button", name="Details").click()
            visitor.button("Who to call").wait_for()
            yield "a pet"


def test_all_comes_from_the_server_and_axe_finds_nothing_serious(visitor: Visitor, page: Served) -> None:
    found = {}
    for name in everywhere(visitor):
        visitor.page.wait_for_timeout(300)
        results = Axe().run(visitor.page, context=".pf-page")
        found[name] = [
            (problem["id"], problem["nodes"][0]["html"][:200])
            for problem in results.response["violations"]
            if problem["impact"] in ("serious", "critical")
        ]
    hosts = {urlsplit(url).netloc for url in visitor.requests if not url.startswith(("data:", "blob:"))}

    assert {name: problems for name, problems in found.items() if problems} == {}
    assert len(visitor.requests) > 20
    assert hosts == {urlsplit(page.url).netloc}
    assert visitor.errors == []


def test_a_browser_loads_nothing_from_elsewhere_and_title_language_and_icon_are_the_pages(visitor: Visitor) -> None:
    refused = visitor.page.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI));
            const picture = new Image();
            picture.src = "https://example.org/pixel.png";
            setTimeout(() => resolve("loaded"), 3000);
        })"""
    )

    assert refused == "https://example.org/pixel.png"
    assert visitor.page.title() == "petfinder"
    assert visitor.page.get_attribute("html", "lang") == "en"
    assert (visitor.page.get_attribute("link[rel=icon]", "href") or "").startswith("data:image/svg+xml")
    assert "width=device-width" in (visitor.page.get_attribute("meta[name=viewport]", "content") or "")


def test_nothing_is_wider_than_a_phone(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url, width=390) as visitor:
        widths = {name: visitor.page.evaluate("document.documentElement.scrollWidth") for name in everywhere(visitor)}

    assert {name: width for name, width in widths.items() if width > 390} == {}


def test_who_hears_the_page_is_told_what_is_chosen_and_whose_button_it_is(visitor: Visitor) -> None:
    visitor.go("All pets")
    button = visitor.page.get_by_role("button", name="Details of Bento", exact=True)
    expect(button).to_have_text("Details", timeout=SHOWN_MS)
    expect(visitor.page.get_by_role("button", name="Details", exact=True).filter(visible=True)).to_have_count(0)

    ways = visitor.page.locator(".pf-nav")
    expect(ways.get_by_role("button", pressed=True)).to_have_text("All pets")
    visitor.go("Map")
    expect(ways.get_by_role("button", pressed=True)).to_have_text("Map")
    expect(ways.get_by_role("button", pressed=False)).to_have_count(len(SECTIONS) - 1)


def test_a_search_and_a_pet_by_keyboard_alone(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url) as visitor:
        tab_to(visitor, "Search by words")
        visitor.page.keyboard.press("Enter")
        visitor.field("Name, breed, colour, or chip number").wait_for()
        tab_to(visitor, "Name, breed, colour, or chip number")
        visitor.page.keyboard.type("cheese")
        visitor.page.keyboard.press("Enter")
        visitor.sees("1 dog with “cheese”")
        tab_to(visitor, "Details")
        visitor.page.keyboard.press("Space")
        visitor.button("Who to call").wait_for()
        visitor.page.wait_for_function("document.activeElement.textContent.includes('Back')")  # the focus goes there
        tab_to(visitor, "Who to call")
        visitor.page.keyboard.press("Enter")
        visitor.sees("Contact details and changes need the passphrase of whoever runs this page.")


def tab_to(visitor: Visitor, name: str) -> None:
    for _ in range(60):
        visitor.page.keyboard.press("Tab")
        focused = visitor.page.evaluate(
            """() => { const at = document.activeElement;
                return (at.labels?.[0]?.textContent || at.textContent || "").trim(); }"""
        )
        if focused == name:
            return
    raise AssertionError(f"no way by keyboard to {name!r}")


def test_a_lost_process_is_told_and_who_leaves_leaves_none_behind(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url) as visitor:
        os.kill(int(visitor.process().name), signal.SIGKILL)
        visitor.sees("The connection was lost. Reload the page.")
        visitor.page.reload()
        visitor.page.get_by_role("heading", name="petfinder").wait_for(timeout=SHOWN_MS)
        assert visitor.sees_not("The connection was lost.")

        process = visitor.process()
        visitor.page.goto("about:blank")
        assert eventually(lambda: not process.exists(), seconds=15)


def test_a_thousand_pets_come_by_48_and_whole_though_the_server_is_busy(browser: Browser, page: Served) -> None:
    with connect(page.log.parent / "pets.db") as registry:
        dims = next(iter(registry.specs().values())).dims
        vectors = np.random.default_rng(1).normal(size=(1000, dims))
        fields = {f"cat-{number:04}": {"name": f"Cat {number}"} for number in range(1000)}
        registry.cats.register_many(from_arrays([*fields], vectors, pet_class=Cat, fields=fields)).raise_for_failures()

    with visiting(browser, page.url) as visitor:
        shown = visitor.page.locator(".pf-pet:visible")
        visitor.press("Cats")
        visitor.go("All pets")
        visitor.sees("1,005 cats, page 1 of 21")
        expect(shown).to_have_count(48)

        visitor.press("Next")
        time.sleep(0.05)  # the click has come to the visitor's process; its answer meets a server that stands still
        page.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(2)
        finally:
            page.process.send_signal(signal.SIGCONT)
        visitor.sees("1,005 cats, page 2 of 21")
        expect(shown).to_have_count(48)
        expect(visitor.page.get_by_text("Looking …").filter(visible=True)).to_have_count(0)  # said last of all
