"""Matches, pets and owners as HTML."""

from __future__ import annotations

import base64
import html
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from petfinder.display.colours import NEUTRAL, PAINT, Paint
from petfinder.display.html.cards import owner_card
from petfinder.display.html.gallery import matches_as_html
from petfinder.domain.errors import UnreadablePhoto
from petfinder.domain.matches import Match, Matches, Pets
from petfinder.domain.pets import Dog, Owner, Photo
from petfinder.domain.reports import BulkReport, Failure
from petfinder.domain.verdicts import Verdict
from petfinder.evaluation.compare import Column, Comparison
from petfinder.evaluation.result import Evaluation
from petfinder.registry.copy import CopyReport
from tests.display.conftest import ADDRESS, CUT, EMAIL, PHONE, photo

HOSTILE = "<script>alert(1)</script>\" onerror='x' & $\\frac{1}{2}$"


class Reader(HTMLParser):
    """Reads HTML strictly: every element closed in order, and keeps text, tags and attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        assert not re.search(r"=\w", re.sub(r'="[^"]*"', "=", self.get_starttag_text() or ""))  # blanks between them
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(params=["matches", "words", "pets", "pet", "owner", "report", "copy", "evaluation", "comparison"])
def shown(
    request: pytest.FixtureRequest, named: Callable[[str], Matches], evaluation: Evaluation
) -> Callable[[str], str]:
    """The HTML of one kind of value in which this name stands; all pets have an owner and exact places."""
    failure = Failure("rex", UnreadablePhoto("cut off"), photo="x.jpg")
    kinds: dict[str, Callable[[str], str]] = {
        "matches": lambda name: named(name)._repr_html_(),
        "words": lambda name: replace(named(name), query=(), cut=None)._repr_html_(),
        "pets": lambda name: Pets(match.pet for match in named(name))._repr_html_(),
        "pet": lambda name: named(name)[0].pet._repr_html_(),
        "owner": lambda name: owner_card(Owner(name="Ann"), named(name)[0])._repr_html_(),
        "report": lambda name: BulkReport(failures=(replace(failure, photo=name),))._repr_html_(),
        "copy": lambda name: CopyReport(name, 7, 2)._repr_html_(),
        "evaluation": lambda name: replace(evaluation, failures=(replace(failure, photo=name),))._repr_html_(),
        "comparison": lambda name: Comparison((Column(name, evaluation),))._repr_html_(),
    }
    return kinds[request.param]


def test_a_hostile_name_is_only_text_nothing_runs_and_no_owner_or_exact_place_is_shown(
    shown: Callable[[str], str],
) -> None:
    source, harmless = shown(HOSTILE), shown("$5^$ Zé ポチ 🐕 \ud800")
    page = Reader(source)

    assert HOSTILE in "\n".join(page.text)
    assert not {"onerror", "onload", "onclick"} & {name for _, name, _ in page.attributes}
    assert not {tag for tag, _, _ in page.attributes} & {"script", "style", "link", "iframe", "form"}
    assert not re.search(r"https?:|url\(|@import|<script|<style", source)
    assert all(value.startswith("data:image/jpeg;base64,") for value in page.values("src"))
    assert harmless.isascii()  # so that no page's encoding spoils it
    assert "$5^$ Zé ポチ 🐕" in html.unescape(harmless)
    assert Reader(harmless).values("class") == ["mathjax_ignore tex2jax_ignore"]  # no formula is typeset
    for hidden in ("Ully", "ully", PHONE, EMAIL, ADDRESS, "38.712", "9.143", "/home"):
        assert hidden not in html.unescape(harmless)


def test_each_match_is_shown_with_its_verdict_and_what_is_known_its_picture_inside_the_page(matches: Matches) -> None:
    page = Reader(matches_as_html(matches))
    several = Reader(matches_as_html(replace(matches, query=tuple(photo(f"{n}.jpg") for n in range(6)))))
    text = "\n".join(page.text)

    for said in ("This looks like Luigi", "match", "unknown", "Jack Russell", "similarity 0.931", "similarity 0.512"):
        assert said in text
    for said in ("3 km away", "Your photo", "face.jpg, photo 2 of 3", "id luigi-7", "2026-05-03", "2026-10-02"):
        assert said in text
    wanted = [matches.query[0].thumbnail, matches[0].photo.thumbnail]
    assert page.values("src") == [f"data:image/jpeg;base64,{base64.b64encode(each or b'').decode()}" for each in wanted]
    assert page.values("alt") == ["your photo", "Luigi, Jack Russell, face.jpg, photo 2 of 3"]
    assert not {"38.71", "9.14"} & set(re.findall(r"\d+\.\d\d", "".join(page.text)))
    assert several.values("alt").count("your photo") == 4
    assert {"Your 6 photos", "2 more not shown"} <= set(several.text)


def test_a_pet_card_shows_all_photos_but_no_contact_and_a_missing_picture_is_named(
    matches: Matches, luigi: Dog
) -> None:
    svg = Photo(uri="x.svg", photo_id="x", thumbnail=b"<svg onload='alert(1)'></svg>")
    shown = Reader(luigi._repr_html_())
    page = Reader(matches_as_html(replace(matches, found=matches.found[1:], query=())))

    assert shown.values("alt") == ["Luigi, side.jpg", "Luigi, face.jpg", "Luigi, back.jpg"]
    for said in shown.text:
        for hidden in (PHONE, EMAIL, ADDRESS, "38.712"):
            assert hidden not in said
    assert page.values("src") == []
    assert "no picture here" in page.text
    assert "rex, rex.jpg: no picture here" in page.values("aria-label")
    assert "data:" not in matches_as_html(Matches(found=(Match(luigi, svg, 0.9),)))  # bytes that are no JPEG


def test_the_nearest_stranger_is_not_drawn_as_a_winner_and_a_search_in_words_has_no_verdict(matches: Matches) -> None:
    strangers, wordy = (tuple(replace(m, verdict=verdict) for m in matches) for verdict in (Verdict.UNKNOWN, None))
    nobody = "".join(Reader(matches_as_html(Matches(query=matches.query, cut=CUT))).text)
    in_words = Reader(matches_as_html(Matches(found=wordy))).text

    assert Reader(matches_as_html(matches)).values("width")[:2] == ["250", "250"]
    assert Reader(matches_as_html(replace(matches, found=strangers))).values("width")[:2] == ["250", "92"]
    assert ("unknown" in nobody, "There is no pet to compare with" in nobody) == (True, True)
    assert "2 pets, nearest first" in in_words
    assert not {str(verdict) for verdict in Verdict} & set(in_words)


def test_a_long_answer_is_cut_and_bars_stay_inside_their_frame(matches: Matches) -> None:
    page = Reader(matches_as_html(replace(matches, found=matches.found[:1] * 50)))
    beyond = tuple(replace(matches[0], similarity=similarity) for similarity in (1.0000001, -0.3))

    assert page.text.count("similarity 0.931") == 48
    assert "2 more matches are not shown." in "".join(page.text)
    for width in ("width:100.0%", "width:0.0%"):
        assert width in matches_as_html(replace(matches, found=beyond))


@pytest.mark.parametrize("paint", [*PAINT.values(), NEUTRAL])
def test_the_words_on_verdict_colours_can_be_read(paint: Paint) -> None:
    lighter, darker = sorted((_luminance(paint.fill), _luminance(paint.ink)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.1, 1.4.3, level AA


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.1)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_an_owner_card_shows_contact_only_in_its_html_and_when_asked_and_the_photo_that_matched(
    owner: Owner, luigi: Dog, rex: Dog, matches: Matches
) -> None:
    card, matched = owner_card(owner, luigi), photo("face.jpg", colour="green")
    shown = Reader(card._repr_html_())
    of_match = Reader(owner_card(owner, replace(matches[0], photo=matched))._repr_html_())

    for contact in (PHONE, EMAIL, ADDRESS):
        assert contact in shown.text
        assert contact in card.as_text()
        for said in (repr(card), str(card), f"{card}", f"{[card]}"):
            assert contact not in said
    assert shown.values("href") == ["tel:555014790210", f"mailto:{EMAIL}"]
    assert shown.values("alt") == ["Ully", "Luigi"]
    assert of_match.values("src")[1].endswith(base64.b64encode(matched.thumbnail or b"").decode())
    assert Reader(owner_card(owner, rex)._repr_html_()).values("alt") == ["Ully"]
    assert "no way to reach them is registered" in Reader(owner_card(Owner(name="Ann"))._repr_html_()).text


def test_a_hostile_contact_is_only_text() -> None:
    card = owner_card(Owner(name=HOSTILE, phone=HOSTILE, email="a@b?bcc=c@d&x=<script>", address=HOSTILE))
    page = Reader(card._repr_html_())

    assert page.text.count(HOSTILE) == 4  # under the picture, name, phone, address
    assert page.values("href") == ["mailto:a@b%3Fbcc%3Dc@d%26x%3D%3Cscript%3E"]


def test_templates_are_loaded_when_html_is_asked_for_and_not_before() -> None:
    code = (
        "import sys, petfinder as pf; from petfinder.domain.matches import Matches; str(Matches());"
        "print('jinja2' in sys.modules); Matches()._repr_html_(); print('jinja2' in sys.modules)"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.split() == ["False", "True"]
