"""The verbs that look for pets and change them: similar, find by text, filters, words, duplicates, status, update."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.pets import Dog
from petfinder.registry.connect import connect
from tests.encoders.tiny_models import save_clip
from tests.test_cli import EMAIL, PHONE, data, draw, folder, registered, run

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")

PETS = """pet_id,breed,colour,sex,tags,microchip,note,status,photos,photo_dates
bia,Poodle,white,female,red collar,,,,1.png,2026-10-01T12:00:00Z
leo,Beagle,brown,male,,985 112,,,2.png,2026-10-20T12:00:00Z
max,Beagle,white,,,,one white paw,found,,
"""


@pytest.fixture
def kennel(folder: Path) -> Path:
    """A registry kennel.db with three described dogs; two have a photo, taken on two days."""
    for number in (1, 2):
        draw(folder / f"{number}.png", number)
    (folder / "kennel.csv").write_text(PETS)
    assert run("register", "kennel.csv", "--registry", "kennel.db").exit_code == 0
    return folder / "kennel.db"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--colour WHITE", ["bia", "max"]),
        ("--color white --breed beagle", ["max"]),
        ("--sex male", ["leo"]),
        ("--tag red+collar", ["bia"]),
        ("--microchip 985-112", ["leo"]),
        ("--taken-after 2026-10-10", ["leo"]),
        ("--taken-after 2026-10-01 --taken-before 2026-10-01T23:59", ["bia"]),
        ("--status found --status lost", ["max"]),
        ("--words white+paw", ["max"]),
        ("--words white --limit 1", ["bia"]),
        ("--words white --after bia", ["max"]),
        ("--microchip -.", []),
    ],
)
def test_list_keeps_to_every_filter_and_exits_with_1_for_no_pet(kennel: Path, options: str, ids: list[str]) -> None:
    words = [word.replace("+", " ") for word in options.split()]

    shown = run("list", "--registry", "kennel.db", *words)

    assert [pet["pet_id"] for pet in data("list", "--registry", "kennel.db", *words)] == ids
    assert (shown.exit_code, shown.stdout == "No pets.\n") == ((0, False) if ids else (1, True))


def test_find_similar_and_export_know_the_same_filters() -> None:
    for verb in ("find", "similar", "list", "export"):
        shown = run(verb, "--help").stdout
        for option in ("--breed", "--colour", "--sex", "--status", "--tag", "--microchip", "--taken-after", "--near"):
            assert option in shown, f"{verb} {option}"


def test_similar_shows_the_others_and_never_the_pet_itself(registered: Path) -> None:
    answer = data("similar", "luigi", *NAMED)
    none = run("similar", "luigi", "--registry", "pets.db", "--breed", "Beagle")
    stranger = run("similar", "rex", *NAMED)

    assert [match["pet_id"] for match in answer["matches"]] == ["zoe"]
    assert answer["verdict"] is None
    assert (none.exit_code, stranger.exit_code) == (1, 1)
    assert "rex" in stranger.stderr
    assert PHONE not in json.dumps(answer)


def test_several_photos_are_searched_by_their_mean_or_each_and_pets_that_may_be_one_are_pairs(kennel: Path) -> None:
    photos = ("find", "1.png", "2.png", "--registry", "kennel.db")
    wrong: Any

    mean = [match["similarity"] for match in data(*photos)["matches"]]
    best = [match["similarity"] for match in data(*photos, "--combine", "best")["matches"]]

    assert best == pytest.approx([1.0, 1.0], abs=1e-4)
    assert max(mean) < 0.999

    draw(Path("again.png"), 1)
    with connect("kennel.db") as registry:
        registry.dogs.register(Dog(pet_id="bia-again", photos=["again.png"]))
        for wrong in (-1, 1.5, "10"):
            with pytest.raises(InvalidQuery, match="whole number"):
                registry.dogs.list(limit=wrong)
        for wrong in ("0.5", float("nan"), 1.5, None):
            with pytest.raises(InvalidQuery, match="-1 to 1"):
                registry.dogs.duplicates(wrong)

    pairs = data("duplicates", "--min-similarity", "0.99", "--registry", "kennel.db")
    none = run("duplicates", "--min-similarity", "1", "--registry", "kennel.db", "--species", "cat")

    assert [pair["pet_ids"] for pair in pairs] == [["bia", "bia-again"]]
    assert "bia  bia-again" in run("duplicates", "--min-similarity", "0.99", "--registry", "kennel.db").stdout
    assert none.exit_code == 3  # there are no cats, and none are made


def test_place_day_and_facts_are_weighed_beside_the_photo_and_said_in_words(kennel: Path) -> None:
    with connect("kennel.db") as registry:
        registry.dogs.report_lost("bia", place=(52.51, 13.41), at=datetime(2026, 10, 3))
    known = ("--place", "52.52,13.41", "--at", "2026-10-05", "--about", "sex=female, colour=white")
    photo = ("find", "1.png", "--registry", "kennel.db")

    found, alone = data(*photo, *known), data(*photo)

    assert [reason["kind"] for reason in found["matches"][0]["reasons"]] == [
        "photo",
        "status",
        "place",
        "days",
        "sex",
        "colour",
    ]
    assert found["matches"][0]["pet_id"] == "bia"
    assert found["nobody"] + found["others"] + sum(match["probability"] for match in found["matches"]) == pytest.approx(
        1
    )
    assert [reason["kind"] for reason in alone["matches"][0]["reasons"]] == ["photo"]
    assert "about 1 km from where it was lost; lost 2 days before; sex as told" in run(*photo, *known).stdout
    for wrong, said in (
        (("--about", "white"), "sex=WORDS"),
        (("--place", "here"), "degrees"),
        (("--at", "now"), "date"),
    ):
        refused = run(*photo, *wrong)
        assert (refused.exit_code, said in refused.stderr) == (2, True)


def test_a_description_is_looked_for_by_an_encoder_that_knows_words(registered: Path, folder: Path) -> None:
    save_clip(folder / "clip")
    named = ("--registry", "words.db", "--encoder", str(folder / "clip"))
    assert run("register", "pets.csv", *named).exit_code == 0

    found = run("find", "--text", "a small dog", *named, "--json")
    both = run("find", "photos/zoe.png", "--text", "a small dog", *named)
    wordless = run("find", "--text", "a small dog", *NAMED)

    assert found.exit_code == 0
    assert {match["pet_id"] for match in json.loads(found.stdout)["matches"]} == {"luigi", "zoe"}
    assert (both.exit_code, "one of the two" in both.stderr) == (2, True)
    assert (wordless.exit_code, wordless.stdout) == (3, "")


def test_a_pet_is_reported_lost_found_and_reunited(registered: Path) -> None:
    lost = run("status", "zoe", "lost", "--place", "-23.51,-46.61", "--at", "2026-10-02T18:30", *NAMED)
    found = data("list", "--status", "lost", "--near", "-23.5,-46.6", "--within-km", "5", *NAMED)
    home = data("status", "zoe", "reunited", *NAMED)

    assert (lost.exit_code, lost.stdout) == (0, "zoe: Zoe, Poodle, lost since 2026-10-02, 1 photo\n")
    assert [pet["pet_id"] for pet in found] == ["zoe"]
    assert (home["status"], home["status_at"] > "2026-10-02") == ("reunited", True)


def test_update_changes_what_is_named_and_says_no_contact(registered: Path) -> None:
    words = ("--breed", "Terrier", "--tag", "shy", "--owner-phone", "+55 21 555", "--note", "limps")
    first = ("--owner-name", "Ana", "--owner-phone", PHONE, "--add-photo", "photos/mimi.png")

    changed = run("update", "luigi", *words, *NAMED)
    cleared = data("update", "luigi", "--note", "", *NAMED)
    nameless = run("update", "zoe", "--owner-phone", PHONE, *NAMED)
    owned = run("update", "zoe", *first, *NAMED)
    nothing = run("update", "zoe", *NAMED)

    assert changed.stdout == "luigi: Luigi, Terrier, lost, 1 photo\n"
    assert "555" not in changed.output
    assert (cleared["breed"], cleared["tags"]) == ("Terrier", ["shy"])
    assert {"note", "owner"} & cleared.keys() == set()
    owner = data("owner", "luigi", *NAMED)["owner"]
    assert (owner["name"], owner["phone"], owner["email"]) == ("Ully", "+55 21 555", EMAIL)
    assert (nameless.exit_code, "--owner-name" in nameless.stderr, PHONE in nameless.output) == (2, True, False)
    assert (owned.exit_code, "2 photos" in owned.stdout, PHONE in owned.output) == (0, True, False)
    assert data("owner", "zoe", *NAMED)["owner"] == {"name": "Ana", "phone": PHONE}
    assert (nothing.exit_code, "--help" in nothing.stderr) == (2, True)
