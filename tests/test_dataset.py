"""The demonstration data set: complete, as it says, safe to show, and made again by its own program."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

DATASET = Path(__file__).resolve().parents[1] / "dataset"
DATE, OFFSET, LAT, LON = 0x9003, 0x9011, 2, 4


def table(name: str) -> list[dict[str, str]]:
    with (DATASET / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def photos_of(pet: dict[str, str]) -> list[Path]:
    return [DATASET / part for part in pet["photos"].split(";")]


def pictures() -> list[Path]:
    return sorted([*DATASET.glob("photos/*/*"), *DATASET.glob("queries/*.jpg"), *DATASET.glob("owners/*.jpg")])


def test_every_pet_has_photos_and_says_what_it_is_and_whom_to_call_by_numbers_that_nobody_can_have() -> None:
    pets = table("manifest.csv")
    assert sum(pet["species"] == "dog" for pet in pets) >= 9
    assert sum(pet["species"] == "cat" for pet in pets) >= 5
    assert len({pet["pet_id"] for pet in pets}) == len({pet["owner_phone"] for pet in pets}) == len(pets)
    assert sorted(photo for pet in pets for photo in photos_of(pet)) == sorted(DATASET.glob("photos/*/*"))
    for pet in pets:
        assert len(photos_of(pet)) in (2, 3)
        assert {photo.parent.name for photo in photos_of(pet)} == {pet["pet_id"]}
        for column in ("species", "name", "breed", "colour", "sex", "status", "note", "owner_name", "owner_email"):
            assert pet[column], f"{pet['pet_id']} has no {column}"
        assert pet["status"] in {"home", "lost"}
        assert not pet["owner_picture"] or (DATASET / pet["owner_picture"]).is_file()
        assert re.fullmatch(r"\+1 415 555 01\d\d", pet["owner_phone"])
        assert re.fullmatch(r"[a-z.\-]+@example\.org", pet["owner_email"])
        assert re.fullmatch(r"(999\d{12})?", pet["microchip"])
    assert sum(bool(pet["microchip"]) for pet in pets) >= 3


def test_five_finders_met_a_registered_pet_and_two_met_a_stranger() -> None:
    queries, species = table("queries.csv"), {pet["pet_id"]: pet["species"] for pet in table("manifest.csv")}
    known = [query for query in queries if query["pet_id"]]
    assert sorted(DATASET / query["file"] for query in queries) == sorted(DATASET.glob("queries/*"))
    assert sorted(query["species"] for query in known) == ["cat", "cat", "dog", "dog", "dog"]
    assert sorted(query["species"] for query in queries if not query["pet_id"]) == ["cat", "dog"]
    assert all(species[query["pet_id"]] == query["species"] for query in known)
    assert not [query["file"] for query in known if query["pet_id"] in query["file"]]


@pytest.mark.parametrize(
    "path", [p for p in pictures() if p.parent.name != "owners"], ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_a_photo_says_when_and_where_it_was_taken(path: Path) -> None:
    with Image.open(path) as picture:
        exif = picture.getexif()
        taken, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    assert re.fullmatch(r"2026:\d\d:\d\d \d\d:\d\d:\d\d", taken[DATE])
    assert taken[OFFSET] in {"-07:00", "-08:00"}
    assert 37 <= float(place[LAT][0]) <= 39
    assert 119 <= float(place[LON][0]) <= 123
    assert (place[1], place[3]) == ("N", "W")


def test_some_photos_are_turned_one_is_transparent_none_is_there_twice_and_all_are_small() -> None:
    turned, clear = set(), []
    for path in DATASET.glob("photos/*/*"):
        with Image.open(path) as picture:
            turned.add(picture.getexif().get(0x0112, 1))
            if picture.mode == "RGBA":
                clear.append(picture.getchannel("A").getextrema())
    assert turned - {1}
    assert clear == [(0, 255)]
    assert len({path.read_bytes() for path in pictures()}) == len(pictures())
    assert sum(path.stat().st_size for path in pictures()) < 7_000_000


def checked(folder: Path, *parts: str) -> subprocess.CompletedProcess[str]:
    only = [word for part in parts for word in ("--only", part)]
    command = [sys.executable, str(folder / "render.py"), "--check", *only]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_pictures_and_tables_are_made_again_byte_for_byte_and_a_changed_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "drawing").symlink_to(DATASET / "drawing")
    (tmp_path / "render.py").write_bytes((DATASET / "render.py").read_bytes())
    (tmp_path / "queries.csv").write_text("file\n", encoding="utf-8")
    sample = ("photos/pipa/1.jpg", "photos/safira/2.jpg", "photos/figaro/3.png", "queries/found-in-the-park", ".csv")

    same, changed = checked(DATASET, *sample), checked(tmp_path, "queries.csv")

    assert (same.returncode, "6 of 6 files are the same" in same.stdout) == (0, True), same.stderr
    assert (changed.returncode, "differs: queries.csv" in changed.stderr) == (1, True)
