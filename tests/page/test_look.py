"""How the page looks: to tools that help, on a phone and a desk, in light and dark, by keyboard alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.page.serving import PASSPHRASE, Served
from tests.page.test_flows import BENTO, LUNA, NOBODY, Visitor, town_in, visiting

TOO_SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")]
    .filter((one) => !one.closest("p:not([class]), .quiet, .skip, figcaption, .tile strong, footer p:first-child"))
    .filter((one) => one.type !== "radio" && one.type !== "file")
    .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
    .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, locked: dict[str, str], chromium: str) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("town")
    with town_in(folder / "pets.db", folder, locked) as running:
        yield running


def everywhere(visitor: Visitor) -> Iterator[str]:
    """Go to every page there is."""
    for path in ("/", "/pets?moved=1", "/found", "/lost", "/how-sure", "/nowhere", "/volunteers"):
        visitor.go(path)
        yield path
    for way, photo in (("found", BENTO), ("found", NOBODY), ("lost", LUNA)):
        visitor.look_for(way, photo)
        visitor.page.locator(".reach").wait_for()
        yield f"{way} {photo.name}"
    visitor.go("/pets?words=bento")
    visitor.tile("Bento").click()
    visitor.heading("Bento")
    yield "a pet"
    pet = urlsplit(visitor.page.url).path
    visitor.let_in()
    kinds = [f"/volunteers/new/{kind}" for kind in ("home", "found")]
    for path in (
        "/volunteers",
        "/volunteers/stale",
        *kinds,
        pet,
        *(f"{pet}/{what}" for what in ("edit", "alike", "contact")),
    ):
        visitor.go(path)
        yield path
    visitor.report("found", LUNA, Breed="Australian Shepherd")
    visitor.press("Report it")
    visitor.heading("Who it could be")
    yield "who it could be"
    visitor.go("/volunteers/pairs")
    yield "pairs"
    visitor.page.get_by_role("button", name="One animal").first.click()
    visitor.heading("Are these two one animal? A lost and a found one are then both reunited.")
    yield "a question"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_nothing_is_wider_than_a_phone_and_targets_are_large(
    browser: Browser, town: Served, scheme: str
) -> None:
    found: dict[str, object] = {}
    with visiting(browser, town, color_scheme=scheme, bypass_csp=True) as visitor:
        requests: list[str] = []
        visitor.page.on("request", lambda request: requests.append(request.url))
        for name in everywhere(visitor):
            problems = Axe().run(visitor.page).response["violations"]
            serious = [one for one in problems if one["impact"] in ("serious", "critical")]
            found[name] = [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
            found[f"targets of {name}"] = visitor.page.evaluate(TOO_SMALL)
            wide = visitor.page.evaluate("document.documentElement.scrollWidth")
            found[f"width of {name}"] = [wide] if wide > 390 else []

    assert {name: problems for name, problems in found.items() if problems} == {}
    assert {urlsplit(url).netloc for url in requests if not url.startswith("blob:")} == {urlsplit(town.url).netloc}


def test_a_card_is_as_large_as_messengers_ask_and_holds_no_exif(browser: Browser, town: Served) -> None:
    with visiting(browser, town) as visitor:
        visitor.tile("Bento").click()
        visitor.heading("Bento")
        address = visitor.page.locator("meta[property='og:image']").get_attribute("content") or ""
        with Image.open(io.BytesIO(visitor.page.request.get(address).body())) as card:
            assert card.size == (1200, 630)
            assert not card.getexif()
            assert len(card.resize((24, 12)).convert("L").getcolors() or ()) > 20  # the pet, not only its ground


def test_a_search_by_keyboard_alone_begins_at_the_skip_link(browser: Browser, town: Served) -> None:
    with visiting(browser, town, viewport={"width": 1280, "height": 900}) as visitor:
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.textContent") == "To the content"
        visitor.page.keyboard.press("Enter")
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.textContent") == "I found or saw a pet"
        visitor.page.keyboard.press("Enter")
        visitor.heading("I found or saw a pet")
        visitor.choose(BENTO)
        visitor.field("Day and time").focus()
        visitor.page.keyboard.press("Enter")
        visitor.heading("This is very probably Bento")
        assert visitor.page.evaluate("document.activeElement.id") == "main"
        assert (
            visitor.page.evaluate("[...document.querySelector('.halves').children].map((one) => one.offsetTop)[1]")
            < 300
        )


def test_the_desk_is_left_from_the_keyboard_of_a_phone_that_knows_numbers(browser: Browser, town: Served) -> None:
    with visiting(browser, town) as visitor:
        visitor.go("/volunteers")
        visitor.field("Passphrase").fill(PASSPHRASE)
        visitor.page.keyboard.press("Enter")
        visitor.heading("The volunteers’ desk")
        visitor.go("/volunteers/new/lost")
        kinds = {"owner_phone": "tel", "owner_email": "email", "status_at": "datetime-local"}
        assert {name: visitor.page.locator(f"#{name}").get_attribute("type") for name in kinds} == kinds
        expect(visitor.page.locator("#photos")).to_have_attribute("accept", "image/*")
