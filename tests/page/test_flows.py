"""What people come for, on a phone, in a real browser, with and without scripts; with a file and with Elasticsearch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Geolocation, Locator, Page, expect

from petfinder.cli.demo import register_bundled
from petfinder.domain.pets import Cat, Dog, Owner, Place
from petfinder.page.desk import UPLOAD_LIMIT
from petfinder.page.places import SIDE
from petfinder.registry.connect import connect
from tests.elastic.stores import empty_elasticsearch_store
from tests.page.serving import DATASET, PASSPHRASE, Served, served

QUERIES = DATASET / "queries"
BENTO, LUNA = QUERIES / "on-the-steps-after-rain.jpg", QUERIES / "found-in-the-park.jpg"
STRAY, CAT = QUERIES / "in-our-front-garden.jpg", QUERIES / "on-the-beach-wall.jpg"
NOBODY = DATASET / "owners" / "henrik-solberg.jpg"
GREETING = "Shelter by the sea: call +351 21 555 0100, or write to help@shelter.example"
HERE: Geolocation = {"latitude": 37.7612, "longitude": -122.4321}
PHONE = {"width": 390, "height": 844}
NOW = datetime.now().astimezone()
OLD = 60  # reports of last year
_DAY = f"{(NOW - timedelta(days=1)).day} {NOW - timedelta(days=1):%B}"
STRAYS_NAME = f"Samoyed found on {_DAY}"


def report_some(registry: Path | str) -> None:
    """The bundled pets; a stray found yesterday, a cat seen today, and many reports of last year."""
    with connect(registry) as opened:
        register_bundled(opened, DATASET, progress=False)
        seen = {"status_at": NOW - timedelta(days=1), "registered_at": NOW + timedelta(hours=1)}
        found = {"status": "found", "breed": "Samoyed", "note": "No collar", "status_place": (37.78, -122.43)}
        finder = Owner(name="Rui Sá", phone="+351 912 345 678")
        opened.dogs.register(
            Dog.model_validate({"pet_id": "phone/IMG_1.jpg", "photos": [STRAY], "finder": finder, **found, **seen})
        )
        cat = {"pet_id": "c-7", "status": "sighted", "colour": "spotted", "photos": [CAT]}
        opened.cats.register(Cat.model_validate({**cat, **seen}))
        for service in (opened.dogs, opened.cats):
            for pet in service.list(status="lost"):
                service.update(pet, status_at=NOW - timedelta(days=9))
        opened.dogs.update("bento", status_at=NOW - timedelta(days=3), status_place=Place(lat=37.79512, lon=-122.40512))
        opened.cats.update("ginja", status_at=NOW - timedelta(days=400))
        old = NOW - timedelta(days=300)
        many = [
            Dog(pet_id=f"r-{one}", name=f"Rex {one}", status="found", status_at=old, registered_at=old)
            for one in range(OLD)
        ]
        opened.dogs.register_many(many, progress=False).raise_for_failures()


@contextmanager
def town_in(registry: Path | str, folder: Path, settings: Mapping[str, str]) -> Iterator[Served]:
    report_some(registry)
    with served(str(registry), folder, "--greeting", GREETING, settings=settings) as running:
        yield running


@pytest.fixture(scope="module", params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.slow)])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, locked: dict[str, str], chromium: str
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("town")
    registry: Path | str = folder / "pets.db"
    if request.param == "elasticsearch":
        registry = request.getfixturevalue("elasticsearch_url")
        empty_elasticsearch_store(str(registry)).close()
    with town_in(registry, folder, locked) as running:
        yield running


@dataclass
class Visitor:
    """Somebody with a browser of their own, and what went wrong in it."""

    page: Page
    url: str
    scripts: bool
    errors: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.url.rstrip("/") + path)

    def press(self, name: str | re.Pattern[str]) -> None:
        there = self.page.get_by_role("button", name=name, exact=True).or_(
            self.page.get_by_role("link", name=name, exact=True)
        )
        there.filter(visible=True).first.click()

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).filter(visible=True).first

    def choose(self, *photos: Path) -> None:
        self.page.locator("#photos").set_input_files(list(photos))

    def heading(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def tile(self, name: str) -> Locator:
        return self.page.locator(".tile").filter(has_text=name).first

    def look_for(self, way: str, *photos: Path) -> None:
        self.go(f"/{way}")
        self.choose(*photos)
        self.press("Look for it")
        self.page.wait_for_url(re.compile(rf"/{way}/.+"))

    def let_in(self) -> None:
        self.go("/volunteers")
        self.field("Passphrase").fill(PASSPHRASE)
        self.press("Let me in")
        self.heading("The volunteers’ desk")

    def report(self, kind: str, *photos: Path, species: str = "Dog", **typed: str) -> None:
        self.go(f"/volunteers/new/{kind}")
        self.choose(*photos)
        self.page.get_by_label(species, exact=True).check()
        for label, text in typed.items():
            self.field(label.replace("_", " ")).fill(text)


ADDRESSES = count(1)


@contextmanager
def visiting(browser: Browser, running: Served, *, scripts: bool = True, **more: Any) -> Iterator[Visitor]:
    """Somebody new with a phone, who comes from an address of their own."""
    context = browser.new_context(
        java_script_enabled=scripts,
        extra_http_headers={"X-Forwarded-For": f"198.51.100.{next(ADDRESSES)}"},
        geolocation=HERE,
        permissions=["geolocation"],
        has_touch=True,
        **{"viewport": PHONE, **more},
    )
    context.set_default_timeout(20_000)
    visitor = Visitor(context.new_page(), running.url, scripts)
    visitor.page.on("pageerror", lambda error: visitor.errors.append(str(error)))
    try:
        visitor.go("/")
        yield visitor
        assert visitor.errors == []
    finally:
        context.close()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(browser: Browser, town: Served, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with visiting(browser, town, scripts=request.param) as there:
        yield there


@pytest.fixture(params=[True], ids=["scripts"])
def volunteer(browser: Browser, town: Served, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with visiting(browser, town, scripts=request.param) as there:
        there.let_in()
        yield there


both_ways = pytest.mark.parametrize("volunteer", [True, False], ids=["scripts", "no scripts"], indirect=True)
without_scripts = pytest.mark.parametrize("volunteer", [False], ids=["no scripts"], indirect=True)


def test_who_found_a_pet_sees_whose_it_could_be_and_how_to_reach_the_shelter(visitor: Visitor) -> None:
    visitor.press("I found or saw a pet")
    visitor.choose(BENTO)
    visitor.press("Look for it")

    visitor.heading("This is very probably Bento")
    shown = {
        "both photos": visitor.page.locator(".beside img").nth(1),
        "the chance": visitor.page.get_by_text("Very probably the same"),
        "how to call": visitor.page.get_by_role("link", name="Call"),
        "how to write": visitor.page.get_by_role("link", name="Write"),
    }
    assert {name for name, what in shown.items() if _bottom(what) > PHONE["height"]} == set()
    assert shown["how to call"].get_attribute("href") == "tel:+351215550100"
    assert shown["how to write"].get_attribute("href") == "mailto:help@shelter.example"
    text = visitor.page.locator("body").inner_text()
    assert not re.search(r"similarity|\d%|jpg|bento", text)

    visitor.page.reload()
    visitor.heading("This is very probably Bento")
    visitor.page.locator("figcaption").get_by_role("link", name="Bento").click()
    visitor.heading("Bento")
    visitor.page.go_back()
    visitor.heading("This is very probably Bento")
    visitor.page.go_back()
    visitor.heading("I found or saw a pet")


def _bottom(what: Locator) -> float:
    box = what.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_back_from_an_answer_the_photo_is_still_chosen(browser: Browser, town: Served) -> None:
    with visiting(browser, town) as visitor:
        visitor.go("/found")
        visitor.choose(BENTO)
        expect(visitor.page.locator(".preview img")).to_have_count(1)
        visitor.page.evaluate("window.stays = true")
        visitor.press("Look for it")
        visitor.heading("This is very probably Bento")
        assert visitor.page.evaluate("window.stays && location.pathname !== '/found'")
        visitor.page.go_back()
        visitor.heading("I found or saw a pet")
        assert visitor.page.evaluate("document.getElementById('photos').files[0].name") == BENTO.name
        visitor.page.go_forward()
        visitor.heading("This is very probably Bento")


def test_a_tap_on_the_map_says_where_it_was_to_a_hundredth_of_the_map(visitor: Visitor) -> None:
    visitor.look_for("found", BENTO)
    visitor.page.get_by_role("link", name="Nearer").click()
    expect(visitor.page.locator("[name=zoom]")).to_have_value("12")
    there = visitor.page.get_by_role("button", name="Map: tap where it was")
    lat, lon = (float(visitor.page.locator(f"[name={name}]").input_value()) for name in ("lat", "lon"))
    degrees = 360 * SIDE / (256 * 2**12)
    there.click(position={"x": SIDE * 0.75, "y": SIDE / 2})

    expect(visitor.page.locator("[name=zoom]")).to_have_value("11")
    pin = parse_qs(urlsplit(there.get_attribute("src") or "").query)["pin"][0]
    seen_lat, seen_lon = (float(part) for part in pin.split(","))
    assert abs(seen_lon - (lon + degrees / 4)) < degrees / 100
    assert abs(seen_lat - lat) < degrees / 100
    drawn = visitor.page.request.get(f"{visitor.url.rstrip('/')}{there.get_attribute('src')}").text()
    assert "#1d4ed8" in drawn


def test_a_key_on_the_map_is_its_centre(visitor: Visitor) -> None:
    visitor.look_for("found", BENTO)
    visitor.page.get_by_role("link", name="East").click()
    expect(visitor.page.locator("[name=lon]")).not_to_have_value("-122.41")
    centre = ",".join(visitor.page.locator(f"[name={name}]").input_value() for name in ("lat", "lon"))
    there = visitor.page.get_by_role("button", name="Map: tap where it was")
    there.press("Enter")

    expect(there).to_have_attribute("src", re.compile(f"pin={re.escape(centre)}$"))


OLD_SAFARI = "FormData = class extends FormData { constructor(form) { super(form); } }"


def test_a_tap_is_not_lost_in_a_browser_whose_forms_do_not_know_what_sent_them(browser: Browser, town: Served) -> None:
    with visiting(browser, town) as visitor:
        visitor.page.add_init_script(OLD_SAFARI)
        visitor.look_for("found", BENTO)
        there = visitor.page.get_by_role("button", name="Map: tap where it was")
        before = there.get_attribute("src") or ""
        there.click(position={"x": 90, "y": 90})
        expect(there).not_to_have_attribute("src", before)


def test_too_many_megabytes_are_refused_before_they_are_sent(browser: Browser, town: Served, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(BENTO.read_bytes().ljust(UPLOAD_LIMIT // 2 + 1, b"\0"))
    with visiting(browser, town) as visitor:
        visitor.go("/found")
        visitor.choose(large, large)
        sent: list[str] = []
        visitor.page.on("request", lambda request: sent.append(request.method))
        visitor.press("Look for it")
        expect(visitor.page.locator(".wrong")).to_contain_text("At most 25 MB are taken at a time")
        assert "POST" not in sent
        visitor.choose(BENTO)
        visitor.press("Look for it")
        visitor.heading("This is very probably Bento")


def test_where_i_am_is_asked_of_the_phone(browser: Browser, town: Served) -> None:
    with visiting(browser, town) as visitor:
        visitor.go("/found")
        visitor.choose(BENTO)
        visitor.press("Where I am")
        expect(visitor.page.get_by_text("Your place is noted")).to_be_visible()
        visitor.press("Look for it")
        visitor.heading("This is very probably Bento")
        pin = f"pin={HERE['latitude']},{HERE['longitude']}"
        assert pin in (visitor.page.locator("[name=at][type=image]").get_attribute("src") or "")
        visitor.go("/pets")
        visitor.page.locator("summary").click()
        visitor.press("Where I am")
        visitor.page.wait_for_url(re.compile("near="))
        expect(visitor.tile("Bento")).to_be_visible()
        expect(visitor.page.get_by_text("Rex")).to_have_count(0)
        drawn = visitor.page.locator("[name=at]").get_attribute("src") or ""
        assert f"lat={HERE['latitude']}&lon={HERE['longitude']}" in drawn
        assert pin in drawn


def test_a_pet_that_is_not_registered_is_said_to_be_unknown_and_nobody_at_home_is_shown(visitor: Visitor) -> None:
    visitor.look_for("found", NOBODY)

    visitor.heading("We do not know this pet")
    expect(visitor.page.get_by_role("link", name="Call")).to_be_visible()
    visitor.page.locator("details summary").last.click()
    assert not re.search("At home|Mel|Zorra", visitor.page.locator("main").inner_text())


def test_who_lost_a_pet_is_shown_found_and_seen_ones_only(visitor: Visitor) -> None:
    visitor.press("I lost my pet")
    expect(visitor.page.get_by_text("Three from different sides find it best")).to_be_visible()
    visitor.choose(STRAY, STRAY)
    visitor.press("Look for it")

    visitor.heading(f"This is very probably the {STRAYS_NAME}")
    expect(visitor.page.get_by_role("link", name="Call")).to_be_visible()
    assert not re.search("Lost since|At home", visitor.page.locator("main").inner_text())


def test_the_newest_reports_come_first_and_words_days_and_distance_narrow_them(visitor: Visitor) -> None:
    names = visitor.page.locator(".tile strong")
    assert set(names.all_inner_texts()[:2]) == {"Samoyed", "Cat"}

    visitor.press("Look through all reports")
    expect(names).to_have_count(48)
    visitor.press("Earlier ones")
    expect(names.last).to_have_text("Ginja")
    visitor.page.go_back()
    visitor.page.get_by_label("Words").fill("no collar")
    visitor.press("Show")
    expect(names).to_have_text(["Samoyed"])
    assert "words=no+collar" in visitor.page.url

    visitor.go("/pets")
    visitor.page.locator("summary").click()
    visitor.page.get_by_role("link", name="Nearer").click()
    expect(visitor.page.locator("[name=zoom]")).to_have_value("12")
    visitor.field("Reported").select_option("last 7 days")
    visitor.field("Animal").select_option("Cats")
    visitor.press("Show")
    expect(names).to_have_text(["Cat"])
    assert _bottom(names.first) < PHONE["height"]
    visitor.page.locator("summary").click()
    visitor.field("Reported").select_option("last 30 days")
    visitor.press("Show")
    expect(names).to_have_text(["Cat", "Chita"])

    visitor.go("/pets?km=2&moved=1&lat=37.78&lon=-122.43&zoom=13")
    visitor.page.get_by_role("button", name="Map: tap where it was").click(position={"x": SIDE / 2, "y": SIDE / 2})
    expect(names).to_have_text(["Samoyed", "Bento"])
    visitor.page.reload()
    expect(names).to_have_text(["Samoyed", "Bento"])


def test_a_report_says_what_is_known_and_messengers_have_a_card_of_it(visitor: Visitor) -> None:
    visitor.tile("Samoyed").click()
    visitor.heading(STRAYS_NAME)
    expect(visitor.page.get_by_role("link", name="Call")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Edit")).to_have_count(0)
    html = visitor.page.request.get(visitor.page.url).text()
    meta = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)"', html))
    assert meta["title"] == STRAYS_NAME
    assert "No collar" in meta["description"]
    assert meta["url"] == visitor.page.url
    card = visitor.page.request.get(meta["image"])
    assert card.headers["content-type"] == "image/jpeg"
    assert not re.search(r"IMG_1|912|Rui", html)


def test_the_desk_opens_to_the_passphrase_alone(visitor: Visitor) -> None:
    visitor.press("Volunteers")
    visitor.field("Passphrase").fill("three grey whisker")
    visitor.press("Let me in")
    expect(visitor.page.get_by_text("That is not the passphrase.")).to_be_visible()
    visitor.field("Passphrase").fill(PASSPHRASE)
    visitor.press("Let me in")
    visitor.heading("The volunteers’ desk")
    visitor.press("Leave the desk")
    visitor.heading("Found a pet? Lost yours?")
    visitor.go("/volunteers/pairs")
    visitor.heading("For volunteers")


@both_ways
def test_nothing_typed_is_lost_by_an_error_or_by_going_back(volunteer: Visitor) -> None:
    volunteer.report("home", BENTO, Name="Rolha", Breed="Podengo", Note="Sleeps in the hedge")
    volunteer.field("Where it lives").fill("by the sea")
    volunteer.press("Register it")
    expect(volunteer.page.locator(".wrong")).to_contain_text("latitude, longitude")
    expect(volunteer.field("Breed")).to_have_value("Podengo")
    expect(volunteer.page.get_by_label("Dog", exact=True)).to_be_checked()

    volunteer.field("Where it lives").fill("37.76, -122.43")
    if not volunteer.scripts:  # a browser lets no page choose a file
        volunteer.choose(BENTO)
    volunteer.press("Register it")
    volunteer.heading("Rolha")
    volunteer.page.go_back()
    expect(volunteer.field("Breed")).to_have_value("Podengo")
    volunteer.page.go_forward()
    _erase(volunteer, "Rolha")


def _erase(volunteer: Visitor, name: str) -> None:
    volunteer.press("Erase it")
    expect(volunteer.page.get_by_role("heading", level=1)).to_contain_text("cannot be undone")
    volunteer.press("No, go back")
    volunteer.heading(name)
    volunteer.press("Erase it")
    volunteer.press("Yes, erase it")
    volunteer.heading("The volunteers’ desk")


def test_a_volunteer_edits_a_pet_and_its_photos_and_sees_whom_to_call(volunteer: Visitor) -> None:
    volunteer.go("/pets?words=bento")
    volunteer.tile("Bento").click()
    volunteer.press("Who to call")
    expect(volunteer.page.get_by_text("Amara Okafor")).to_be_visible()
    assert volunteer.page.get_by_role("link", name="Call").get_attribute("href") == "tel:+14155550112"
    volunteer.press("Back to Bento")
    volunteer.press("Edit")
    expect(volunteer.field("Telephone")).to_have_value("+1 415 555 0112")
    volunteer.field("Colour").fill("three colours")
    volunteer.choose(LUNA)
    volunteer.press("Save")
    volunteer.heading("Bento")
    expect(volunteer.page.get_by_text("three colours")).to_be_visible()
    expect(volunteer.page.locator(".photos img")).to_have_count(4)
    volunteer.press("Edit")
    volunteer.press("Remove photo 4")
    volunteer.heading(re.compile("^Remove this photo"))
    expect(volunteer.page.locator("main img")).to_have_count(1)
    volunteer.press("Yes, remove it")
    expect(volunteer.page.get_by_role("button", name="Remove photo")).to_have_count(3)
    volunteer.go("/pets?words=no+collar")
    volunteer.tile("Samoyed").click()
    volunteer.press("Edit")
    volunteer.press("Remove photo 1")
    expect(volunteer.page.locator("main")).to_contain_text("the only photo")


def test_a_map_fills_in_a_place_where_much_else_is_typed(volunteer: Visitor) -> None:
    volunteer.report("found", STRAY, Name="Novo", Where="91.5, 0")  # a place that there is not
    with volunteer.page.expect_response(re.compile("/pets")) as refused:
        volunteer.press("On a map")
    assert refused.value.status == 422
    expect(volunteer.page.locator(".place + div")).to_have_count(0)
    volunteer.field("Where").fill("by the sea")
    volunteer.press("On a map")
    volunteer.page.get_by_role("link", name="Nearer").click()
    expect(volunteer.page.locator(".map [name=zoom]")).to_have_value("12")
    volunteer.page.locator(".map [type=image]").click(position={"x": 100, "y": 200})
    expect(volunteer.field("Where")).to_have_value(re.compile(r"^37\.\d+, -122\.\d+$"))
    expect(volunteer.page.locator(".map [type=image]")).to_have_attribute("src", re.compile("pin=37"))
    expect(volunteer.field("Name")).to_have_value("Novo")
    centre = ", ".join(volunteer.page.locator(f".map [name={name}]").input_value() for name in ("lat", "lon"))
    volunteer.page.locator(".map [type=image]").press("Enter")
    expect(volunteer.field("Where")).to_have_value(centre)


def test_a_stray_meets_who_is_lost_and_a_volunteer_says_whether_they_are_one(volunteer: Visitor) -> None:
    found = NOW - timedelta(days=7)  # two days after Luna was lost
    told = {"Telephone": "+351 900 000 001", "Day_and_time": f"{found:%Y-%m-%dT%H:%M}"}
    volunteer.report("found", LUNA, Breed="Australian Shepherd", **told)
    volunteer.page.locator("#finder_name").fill("Ana Reis")
    volunteer.press("Report it")
    volunteer.heading("Who it could be")
    expect(volunteer.tile("Luna")).to_contain_text(re.compile(r"probably the same \(.*\d%\)"))

    volunteer.go("/volunteers/pairs")
    pair = volunteer.page.locator(".pair").filter(has_text="Luna")
    pair.get_by_role("button", name="Two animals").click()
    expect(pair).to_have_count(0)
    volunteer.press("Take it back")
    pair.get_by_role("button", name="One animal").click()
    volunteer.press("No, go back")
    pair.get_by_role("button", name="One animal").click()
    volunteer.press("Yes, one animal")
    expect(pair).to_have_count(0)
    volunteer.press("Take it back")
    expect(pair).to_have_count(1)
    pair.get_by_role("link", name=re.compile("Australian Shepherd found")).click()
    _erase(volunteer, f"Australian Shepherd found on {found.day} {found:%B}")


@without_scripts
def test_a_lost_pet_comes_back_and_that_can_be_taken_back(volunteer: Visitor) -> None:
    volunteer.go("/pets?words=trigo")
    volunteer.tile("Trigo").click()
    volunteer.press("It is back with its people")
    volunteer.heading("Is Trigo back with its people?")
    volunteer.press("Yes, it is back")
    expect(volunteer.page.locator(".done")).to_contain_text("Trigo is back with its people.")
    volunteer.press("Take it back")
    expect(volunteer.page.locator("main > p .status")).to_have_text(re.compile("^Lost"))
    volunteer.press("It is back with its people")
    volunteer.press("Yes, it is back")
    volunteer.press("It is missing")
    volunteer.field("Missing since").fill("2026-10-02T08:30")
    volunteer.press("Report it lost")
    volunteer.heading("Who it could be")
    expect(volunteer.page.locator(".row")).to_contain_text("Lost since 2 October")


@without_scripts
def test_reports_that_are_past_their_days_are_asked_about(volunteer: Visitor) -> None:
    volunteer.press(re.compile("Reports that are past their days"))
    volunteer.heading("Are these reports still so?")
    before = volunteer.page.locator(".tile").count()
    assert before >= OLD
    volunteer.tile("Rex").get_by_role("button", name="Still so").click()
    expect(volunteer.page.locator(".tile")).to_have_count(before - 1)
