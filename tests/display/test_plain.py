"""Matches, pets and owners as text for a terminal, and matches as plain data for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from petfinder.display import wording
from petfinder.display.data import matches_as_data
from petfinder.display.text import matches_as_text, owner_as_text
from petfinder.display.wording import photo_name
from petfinder.domain.fields import FIELDS, PetField
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Dog, Owner, Photo
from petfinder.domain.verdicts import Cut, Verdict
from tests.display.conftest import ADDRESS, CUT, EMAIL, PHONE, photo


def test_the_verdict_comes_first_then_the_table_where_a_short_distance_is_not_zero(matches: Matches) -> None:
    lines = str(matches).splitlines()
    nowhere = tuple(replace(match, distance_km=None) for match in matches)

    assert lines[0] == "match: this looks like Luigi"
    assert lines[3:6] == [
        "  name   breed         verdict  similarity  distance  photo     id",
        "  Luigi  Jack Russell  match         0.931      3 km  face.jpg  luigi-7",
        "  rex                  unknown       0.512            rex.jpg   rex",
    ]
    assert "distance" not in matches_as_text(replace(matches, found=nowhere))
    assert "under 1 km" in matches_as_text(replace(matches, found=(replace(matches[0], distance_km=0),)))


def test_the_headline_says_no_more_than_is_known(matches: Matches) -> None:
    maybe, unsaid = (tuple(replace(m, verdict=verdict) for m in matches) for verdict in (Verdict.POSSIBLE, None))

    for answer, start in (
        (replace(matches, found=maybe), "possible: this might be Luigi, or 1 other below\nLook"),
        (replace(matches, found=(matches[0],) * 3), "match: this looks like Luigi, or like 2 others below\n"),
        (replace(matches, found=matches.found[1:]), "unknown: no registered pet is similar enough\n"),
        (
            Matches(query=(photo("q.jpg"),), cut=CUT),
            "unknown: there is no pet to compare with\nNo pet is registered here",
        ),
        (Matches(found=unsaid), "2 pets, nearest first\n"),
        (Matches(), "no pet found"),
    ):
        assert matches_as_text(answer).startswith(start)
    assert "verdict" not in matches_as_text(Matches(found=unsaid))
    assert "rex" in matches_as_text(replace(matches, found=matches.found[1:]))


def test_the_small_print_gives_the_limits_their_source_and_whether_they_are_extrapolated(matches: Matches) -> None:
    assert matches_as_text(matches).splitlines()[-1] == (
        "1,204 pets with 3,310 photos searched. A similarity of 0.900 is a match: a photo of a pet that is not "
        "registered gets there in at most 1% of searches. 0.700 is possible: at most 30%. "
        "Thresholds: measured on a crowd."
    )
    guessed = replace(matches, cut=CUT.model_copy(update={"extrapolated": True}))
    assert "at this number of photos: the limits are extrapolated" in matches_as_text(guessed)


@pytest.mark.parametrize(
    ("pets", "photos", "queries", "said"),
    [
        (9, 26, 1, "9 pets with 26 photos searched."),
        (1, 1, 1, "1 pet with 1 photo searched."),
        (1, 3, 1, "1 pet with 3 photos searched."),
        (1204, 3310, 3, "1,204 pets with 3,310 photos, times 3 query photos, searched."),
    ],
)
def test_photos_that_decide_about_verdicts_are_counted(
    matches: Matches, pets: int, photos: int, queries: int, said: str
) -> None:
    counted = replace(matches, pets_searched=pets, photos_searched=photos, query=matches.query * queries)
    without = matches_as_text(replace(counted, cut=None))

    assert said in matches_as_text(counted)
    assert f"{pets:,} pet{'s' * (pets > 1)} searched." in without
    assert ("photo searched" in without, "times" in without) == (False, False)


UNMEASURED = Cut(match=math.inf, possible=-math.inf, extrapolated=True)


def test_where_nothing_was_measured_every_pet_is_possible_and_no_limit_is_stated(matches: Matches) -> None:
    found = tuple(replace(match, verdict=Verdict.POSSIBLE) for match in matches)
    text = matches_as_text(replace(matches, cut=UNMEASURED, thresholds_source="never calibrated"))

    assert text.endswith("1,204 pets with 3,310 photos searched. Thresholds: never calibrated.")
    assert "every pet is called possible" in matches_as_text(Matches(found=found, cut=UNMEASURED))
    assert "every pet is called possible" not in matches_as_text(Matches(found=found, cut=CUT))


def test_as_data_a_verdict_comes_with_the_cut_it_was_read_at_in_valid_json(matches: Matches) -> None:
    data, unmeasured, without = (matches_as_data(replace(matches, cut=cut)) for cut in (CUT, UNMEASURED, None))

    assert (data["pets_searched"], data["photos_searched"]) == (1204, 3310)
    assert data["cut"] == {"match": 0.9, "possible": 0.7, "extrapolated": False}
    assert unmeasured["cut"] == {"match": None, "possible": None, "extrapolated": True}
    json.dumps(unmeasured, allow_nan=False)
    assert (without["pets_searched"], {"cut", "photos_searched"} & set(without)) == (1204, set())


def test_a_name_cannot_write_to_the_terminal_and_wide_signs_keep_the_columns_straight(
    matches: Matches, named: Callable[[str], Matches]
) -> None:
    hostile = matches_as_text(named("Lu\x1b[2Jigi\nunknown:\u202e x"))
    _, wide, luigi, _ = matches_as_text(replace(matches, found=(named("ポチ")[0], *matches))).splitlines()[3:7]

    assert hostile.splitlines()[0] == "match: this looks like Lu[2Jigi unknown: x"
    assert wide.index("match") + 4 == luigi.index("match")  # two wide signs in each of two columns before it


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/home/ully/luigi.jpg", "luigi.jpg"),
        (r"C:\Users\Ully\luigi.jpg", "luigi.jpg"),
        ("https://ully:secret@host/a/luigi.jpg?token=secret#x", "luigi.jpg"),
        (None, "abcdefabcdef"),
    ],
)
def test_a_photo_is_named_without_its_folders_and_host(uri: str | None, name: str) -> None:
    assert photo_name(Photo(uri=uri, photo_id="abcdefabcdef0123456789")) == name


def test_a_pet_is_told_by_the_table_of_fields(luigi: Dog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "FIELDS", (*FIELDS, PetField("species", "Collar")))

    assert "collar" in luigi._repr_html_()


def test_an_owner_is_told_with_every_way_to_reach_them_and_in_no_text_of_matches(owner: Owner, luigi: Dog) -> None:
    match = Match(luigi, luigi.photos[1], 0.93, Verdict.MATCH)  # even where a match was made with an owner

    contact = ["Ully", f"  phone    {PHONE}", f"  email    {EMAIL}", f"  address  {ADDRESS}"]
    assert owner_as_text(owner).splitlines() == contact
    for hidden in ("Ully", PHONE, EMAIL, ADDRESS, "38.71"):
        assert hidden not in matches_as_text(Matches(found=(match,), query=(photo("q.jpg"),), cut=CUT))
