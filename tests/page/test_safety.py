"""What strangers cannot do to the page: see, change, guess, lead astray, hang. After OWASP ASVS 5.0."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from petfinder.page.places import SIDE
from petfinder.page.safety import network_of
from petfinder.registry.connect import connect
from tests.page.conftest import GARDEN, LOST_AT, MARKUP, SECRET
from tests.page.serving import PASSPHRASE, Answer, Form, Served, asked, let_in

OUTSIDE = [
    *("/static/../access.py", "/static/..%2faccess.py", "/static/%2e%2e/access.py", "/static/..%5caccess.py"),
    *("/static//etc/passwd", "/static/", "/static/%00", "/static/page.css%00.html", "/../../etc/passwd", "/etc/passwd"),
    *("/pets.db", "/petfinder.toml", "/photos/../pets.db", "/photos/..%2f..%2fpets.db.jpg", "/cards/%00.jpg"),
    *("/pets/%00", "/pets/..%2f..", "/found/..%2f", "/templates/base.html", "/docs", "/openapi.json", "/.git/config"),
]
FOR_VOLUNTEERS = ("edit", "contact", "alike", "lost")
CHANGES = ("edit", "lost", "reunite", "undo", "renew", "remove", "remove-photo")


@pytest.fixture(scope="module")
def volunteer(town: Served) -> str:
    return let_in(town.url)


@pytest.fixture(scope="module")
def lost(town: Served) -> str:
    """The address of Bento, who is lost."""
    return next(path for path in pets_on(asked(town.url, "/pets")) if "Bento" in asked(town.url, path).text)


@pytest.fixture(scope="module")
def at_home(town: Served, volunteer: str) -> str:
    """The address of a pet that lives at home, as volunteers have it."""
    return pets_on(asked(town.url, "/pets?status=home", cookie=volunteer))[0]


@pytest.fixture(scope="module")
def search(town: Served) -> str:
    """The address of what a search found: the pet of whom all is markup."""
    return asked(town.url, "/found", form=[("photos", (f"../{MARKUP}.jpg", GARDEN.read_bytes()))]).leads_to


def pets_on(answer: Answer) -> list[str]:
    return list(dict.fromkeys(re.findall(r'"(/pets/[\w-]+)"', answer.text)))


def everywhere(url: str, *starts: str, cookie: str = "") -> Iterator[tuple[str, Answer]]:
    """All that the links, pictures and forms of the page lead to, asked for with GET."""
    waiting, seen = [*starts], {*starts}
    while waiting:
        answer = asked(url, path := waiting.pop(), cookie=cookie)
        yield path, answer
        found = {one.replace("&amp;", "&").partition("#")[0] for one in re.findall(r'="(/[^"]*)"', answer.text)}
        new = {one for one in found - seen if one.partition("?")[0] not in {urlsplit(was).path for was in seen}}
        seen |= new
        waiting += new


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/static/page.css", "/map.svg?lat=1&lon=1", "/health", "/volunteers"]
)
def test_browsers_are_told_to_load_run_and_frame_nothing_from_elsewhere(town: Served, path: str) -> None:
    headers = asked(town.url, path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in headers


def test_text_is_sent_smaller_and_who_asks_for_the_head_gets_no_body(town: Served) -> None:
    page, pressed = asked(town.url, "/pets"), asked(town.url, "/pets", {"Accept-Encoding": "gzip"})
    head = asked(town.url, "/pets", method="HEAD")

    assert pressed.headers["Content-Encoding"] == "gzip"
    assert len(pressed.body) < len(page.body) / 2
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(page.body)))
    assert json.loads(asked(town.url, "/health").body) == {"waiting": 0}
    assert "Disallow: /volunteers" in asked(town.url, "/robots.txt").text


@pytest.mark.parametrize("host", ["evil.example.org", "localhost.example.org", "", "[::1", "a@b"])
def test_no_other_name_leads_to_the_page(town: Served, host: str) -> None:
    answer = asked(town.url, "/pets", {"Host": host})

    assert answer.status == 421
    assert "Bento" not in answer.text


def test_names_and_addresses_of_this_machine_do(town: Served) -> None:
    for host in ("localhost:1", "127.0.0.1", "[::1]:80", "192.0.2.7", socket.gethostname()):
        assert asked(town.url, "/", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": one} for one in ("cross-site", "same-site")]
    + [{"Origin": one} for one in ("null", "https://evil.example.org", "http://127.0.0.1:1")],
)
def test_forms_of_other_sites_are_refused(town: Served, volunteer: str, lost: str, headers: dict[str, str]) -> None:
    for path in ("/found", "/volunteers", f"{lost}/reunite"):
        assert asked(town.url, path, headers, form=[("sure", "yes")], cookie=volunteer).status == 403

    assert "Lost" in asked(town.url, lost).text
    assert asked(town.url, "/", headers).status == 200


def test_forms_of_its_own_windows_are_taken(town: Served) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": town.url.strip("/")}):
        assert asked(town.url, "/volunteers/leave", headers, method="POST").status == 303


def test_the_cookie_is_for_this_server_and_this_browser_alone(town: Served) -> None:
    right = [("passphrase", PASSPHRASE)]
    plain = asked(town.url, "/volunteers", form=right, by="10.1.0.1").headers["Set-Cookie"]
    secure = asked(town.url, "/volunteers", {"X-Forwarded-Proto": "https"}, form=right, by="10.1.0.1")
    stranger = asked(town.url, "/volunteers", {"X-Forwarded-Proto": "https"}, form=right, source="127.0.0.2")

    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {*plain.split("; ")}
    assert "; Secure" in secure.headers["Set-Cookie"]
    assert "max-age" in secure.headers["Strict-Transport-Security"]
    assert "; Secure" not in plain + stranger.headers["Set-Cookie"]


def test_a_forged_cookie_opens_nothing(town: Served, lost: str, volunteer: str) -> None:
    assert asked(town.url, f"{lost}/contact", cookie=volunteer).status == 200
    name, _, value = volunteer.partition("=")
    other = value[:-2] + "AB"[value[-2] == "A"] + value[-1]
    for forged in (other, f"volunteer{value[9:].swapcase()}", "volunteer", "", "\x7f"):
        assert asked(town.url, f"{lost}/contact", cookie=f"{name}={forged}").leads_to.startswith("/volunteers?to=")


def test_what_is_for_volunteers_leads_others_to_the_passphrase_and_changes_nothing(town: Served, lost: str) -> None:
    before = asked(town.url, lost).body
    for path in [f"{lost}/{one}" for one in FOR_VOLUNTEERS] + ["/volunteers/stale", "/volunteers/pairs"]:
        answer = asked(town.url, path)
        assert (answer.status, answer.leads_to) == (303, f"/volunteers?to={path}")
    for number, path in enumerate([f"{lost}/{one}" for one in CHANGES] + ["/volunteers/pairs", "/volunteers/new/lost"]):
        photo = ("photos", ("a.jpg", GARDEN.read_bytes()))
        typed: Form = [("sure", "yes"), ("name", "Taken"), ("species", "dog"), photo]
        answer = asked(town.url, path, form=typed, by=f"10.3.0.{number}")
        assert (answer.status, answer.leads_to.partition("?")[0]) == (303, "/volunteers")

    assert asked(town.url, lost).body == before
    assert "Taken" not in asked(town.url, "/pets").text


def test_no_contact_no_exact_place_and_no_home_comes_to_the_public(town: Served, search: str) -> None:
    with connect(town.log.parent / "pets.db") as registry:
        owners = [registry.dogs.owner_of(pet) for pet in registry.dogs.list()]
        exact = [
            place for pet in registry.dogs.list() for place in (pet.place, *(one.place for one in pet.photos)) if place
        ]
    told = {text for one in owners if one for text in (one.name, one.phone, one.email, one.address) if text}
    numbers = {f"{value}" for place in (LOST_AT, *exact) for value in (place.lat, place.lon)}
    seen = dict(everywhere(town.url, "/", "/pets", search))

    assert len(seen) > 20
    assert len(told) > 8
    assert LOST_AT.lat != LOST_AT.rounded().lat
    for path, answer in seen.items():
        assert answer.status in (200, 303), path
        assert not [one for one in (*told, SECRET) if one in answer.text], path
        assert not [one for one in numbers if one in answer.text and len(one) > 6], path


def test_a_map_for_the_public_shows_rounded_places_however_near(town: Served) -> None:
    near = LOST_AT.rounded()
    drawn = asked(town.url, f"/map.svg?lat={near.lat}&lon={near.lon}&zoom=17").text

    circles = {*re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', drawn)}
    assert (f"{SIDE / 2}", f"{SIDE / 2}") in circles  # in the middle, where the exact one would not even be on the map


class Elements(HTMLParser):
    """The elements of a page that markup in a field would add."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if (tag == "script" and named.get("src") != "/static/page.js") or named.get("src") == "x":
            self.found.append(f"{tag} {named}")
        self.found += [name for name in named if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("who", ["the public", "volunteers"])
def test_markup_in_every_field_and_in_a_files_name_is_shown_as_text(
    town: Served, volunteer: str, search: str, who: str
) -> None:
    cookie = volunteer if who == "volunteers" else ""
    refused = asked(town.url, "/found", form=[("photos", (f"{MARKUP}.jpg", b"no picture"))], cookie=cookie)
    seen = dict(everywhere(town.url, "/", "/pets", search, "/volunteers", cookie=cookie)) | {"refused": refused}
    typed = [
        ("species", "dog"),
        *((name, MARKUP) for name in ("name", "note", "owner_name", "place", "at", "status_at")),
    ]
    seen["typed"] = asked(town.url, "/volunteers/new/lost", form=typed, cookie=cookie)
    seen["look"] = asked(town.url, "/found", form=[("place", MARKUP), ("at", MARKUP)], cookie=cookie)
    seen["words"] = asked(town.url, "/pets?words=%3Cscript%3E&near=%22%3E%3Cscript%3E&status=%22%3E%3Cb", cookie=cookie)

    assert "&lt;script&gt;alert(2)" in seen["/"].text + refused.text
    assert sum(MARKUP[:20] in answer.text for answer in seen.values()) == 0
    assert sum("&lt;img src=x" in answer.text for answer in seen.values()) > 5
    for path, answer in seen.items():
        assert "49}" not in answer.text
        (page := Elements()).feed(answer.text if b"<html" in answer.body else "")
        assert page.found == [], path


def test_pets_at_home_are_nowhere_for_the_public_but_in_a_match(town: Served, volunteer: str, at_home: str) -> None:
    there = asked(town.url, at_home, cookie=volunteer)

    assert there.status == 200
    assert asked(town.url, at_home).status == asked(town.url, at_home.replace("pets", "cards") + ".jpg").status == 404
    for query in ("status=home", "status=reunited", "words=Fado", "species=dog&status=home"):
        assert at_home not in asked(town.url, f"/pets?{query}").text


def test_a_sealed_address_has_one_use_and_no_other_can_be_made(town: Served, volunteer: str, lost: str) -> None:
    page = asked(town.url, f"{lost}/edit", cookie=volunteer).text
    photo = re.findall(r"/photos/small/([\w-]+)\.jpg", page)[0]
    before = re.findall(r'name="before" value="([\w-]+)"', page)[0]
    pet = lost.rpartition("/")[2]

    assert asked(town.url, f"/photos/{photo}.jpg").status == 200
    for sealed in (photo, before, pet[:-1], "AB"[pet.startswith("A")] + pet[1:], "", "A" * 40, "-" * 2000):
        assert asked(town.url, f"/cards/{sealed}.jpg", cookie=volunteer).status == 404
        assert not sealed or asked(town.url, f"/pets/{sealed}", cookie=volunteer).status == 404
        for way, name in (("undo", "undo"), ("edit", "before"), ("remove-photo", "photo")):
            if sealed != {"edit": before, "remove-photo": photo}.get(way):
                typed = [(name, sealed), ("name", "Taken")]
                assert asked(town.url, f"{lost}/{way}", form=typed, cookie=volunteer).status == 404
        assert asked(town.url, "/volunteers/pairs", form=[("pair", sealed)], cookie=volunteer).status == 404
    for sealed in (pet, before):
        assert asked(town.url, f"/photos/{sealed}.jpg").status == 404
    assert "Taken" not in asked(town.url, lost).text


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""]
)
def test_who_gives_the_passphrase_is_led_nowhere_else(town: Served, to: str) -> None:
    typed = [("passphrase", PASSPHRASE), ("to", to)]
    answer = asked(town.url, "/volunteers", form=typed, by=f"10.4.{len(to)}.1")

    assert answer.status == 303
    assert re.fullmatch(r"/(volunteers|%5Cevil.example|%09/evil.example)", answer.leads_to)


def test_wrong_passphrases_slow_the_address_they_come_from_and_no_other(town: Served) -> None:
    def tried(passphrase: str, address: str) -> int:
        return asked(town.url, "/volunteers", form=[("passphrase", passphrase)], by=f"198.51.100.9, {address}").status

    assert [tried("guessed", "2001:db8:0:1::1") for _ in range(5)] == [403] * 5
    assert tried(PASSPHRASE, "2001:db8:0:1:ffff::2") == 429  # the same household
    assert tried(PASSPHRASE, "2001:db8:0:2::1") == tried(PASSPHRASE, "10.5.0.1") == 303


def test_guesses_from_many_addresses_wait_in_a_line_of_their_own_and_pages_are_served_meanwhile(town: Served) -> None:
    def guess(number: int) -> int:
        return asked(town.url, "/volunteers", form=[("passphrase", "guessed")], by=f"2001:db8:{number:x}::1").status

    with ThreadPoolExecutor(60) as pool:
        guesses = [pool.submit(guess, number) for number in range(60)]
        assert [asked(town.url, path).status for path in ("/", "/pets", "/found")] == [200] * 3
        assert {one.result() for one in guesses} == {403, 429}


def test_words_for_longer_than_anybody_types_are_refused(town: Served) -> None:
    assert asked(town.url, "/pets?words=" + "cat+" * 60).status == 404
    assert not town.said.count("does not answer")


def test_searches_and_forms_of_one_address_are_bounded_and_nobody_chooses_their_own(town: Served) -> None:
    def searched(number: int, source: str) -> Answer:
        return asked(town.url, "/found", form=[], source=source, by=f"10.6.0.{number}")

    assert {searched(number, "127.0.0.1").status for number in range(22)} == {422}  # a proxy says for whom it asks
    answers = [searched(number, "127.0.0.3") for number in range(22)]  # a stranger says so too
    assert [one.status for one in answers] == [422] * 20 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "30"
    assert asked(town.url, "/", source="127.0.0.3").status == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_an_address_is_counted_by_the_household_that_has_it(address: str, counted: str) -> None:
    assert network_of(address) == counted


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_but_those_of_the_page_is_served(town: Served, path: str) -> None:
    answer = asked(town.url, path)

    assert 400 <= answer.status < 500
    assert not [text for text in ("root:", "import", "SQLite", "jinja", "{%", "swagger") if text in answer.text]


@pytest.mark.parametrize(
    "line",
    [
        b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /found HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /found HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        b"POST /found HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"\xff\xfe\x00" * 500,
        b"\r\n" * 2000,
    ],
)
def test_garbage_gets_an_error_or_the_end_of_the_line_and_others_are_served(town: Served, line: bytes) -> None:
    place = urlsplit(town.url)
    with closing(socket.create_connection((place.hostname or "", place.port or 0), timeout=30)) as there:
        answer = b""
        with suppress(OSError):  # the server has gone before all was sent
            there.sendall(line)
            there.shutdown(socket.SHUT_WR)
            answer = there.recv(12)

    assert answer in (b"", b"HTTP/1.1 200") or answer.startswith(b"HTTP/1.1 4")
    assert asked(town.url, "/").status == 200


def test_the_log_tells_nothing_of_what_visitors_did(town: Served, search: str) -> None:
    asked(town.url, "/pets?words=a+secret+word&days=99999999999")
    asked(town.url, search, form=[("place", "a secret word")])

    assert re.fullmatch(r"petfinder is at http://\S+ \(Ctrl-C ends it\)\n", town.said)
