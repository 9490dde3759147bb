"""Pets go out as rows, files and tables, and come back equal; without contact there is nobody and no doorstep in it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import Box, Cat, Dog, Owner, Pet, Photo, Place, Status
from petfinder.tables.readers import from_table, read_csv, read_json
from petfinder.tables.writers import to_rows, to_table, write_csv, write_json

CONTACT: dict[str, Any] = {
    "name": "Ully Salgado",
    "phone": "+55 11 5550-1234",
    "email": "ully@example.org",
    "address": "Rua das Flores 7",
    "picture": Photo(uri="/people/ully.png", photo_id="f" * 64),
}
BRASILIA = timezone(timedelta(hours=-3))
LUIGI = Dog(
    pet_id="kennel/luigi",
    name="=HYPERLINK(1)",
    breed="Jack; Russell",
    colour="-brown",
    sex="m",
    status=Status.LOST,
    status_at=datetime(2024, 5, 1, 10, 0, 3, tzinfo=BRASILIA),
    place=Place(lat=-23.550519, lon=-46.633309),
    microchip="-0098510",
    tags=("shy", "a;b", "@home", "[x]"),
    note='two\nlines, "quoted"; ü\r\n+1',
    status_place=Place(lat=-23.604111, lon=-46.602222),
    indoor=False,
    owner=Owner(**CONTACT),
    finder=Owner(**{**CONTACT, "name": "Ana"}),
    renewed_at=datetime(2024, 4, 9, tzinfo=BRASILIA),
    confirmed=False,
    photos=(
        Photo(
            uri="/photos/a;b.png",
            photo_id="a" * 64,
            taken_at=datetime(2024, 4, 1),
            place=Place(lat=-23.550001, lon=-46.630001),
            box=Box(x=0.1, y=1 / 3, w=0.25, h=0.5, margin=0.1),
        ),
        Photo(uri="https://example.org/b.png", taken_at=datetime(2024, 4, 2, tzinfo=timezone.utc)),
        Photo(photo_id="c" * 64),
    ),
    registered_at=datetime(2024, 4, 3, tzinfo=timezone.utc),
)
ZOE = Dog(pet_id="zoe")
BARE_OWNER = Dog(pet_id="rex", owner=Owner(name="'-Ana"), photos=("/photos/r.png",))
PETS = (LUIGI, ZOE, BARE_OWNER)


def write(pets: Iterable[Pet], path: Path, *, contact: bool = False) -> int:
    return (write_csv if path.suffix == ".csv" else write_json)(pets, path, contact=contact)


def read(path: Path, pet_class: type[Pet] = Dog) -> list[Any]:
    return list((read_csv if path.suffix == ".csv" else read_json)(path, pet_class))


def test_with_contact_the_same_pets_come_back_from_files_rows_and_tables(tmp_path: Path) -> None:
    pytest.importorskip("pandas")

    for name in ("pets.csv", "pets.json", "pets.jsonl"):
        assert write(PETS, tmp_path / name, contact=True) == 3
        assert read(tmp_path / name) == list(PETS)
    assert list(from_table(to_rows(PETS, contact=True))) == list(PETS)
    assert list(from_table(to_table(PETS, contact=True))) == list(PETS)


words = st.text(st.characters(codec="utf-8"), max_size=12)
tricky = st.sampled_from(
    ["=1+1", "'=1", "''-2", "-46.6", "-1;-2", "@x", "\tx", "'", "[", '["a"]', "{", " a ", "a;b", ";"]
)
texts = st.one_of(words, tricky)
keys = texts.filter(lambda text: bool(text) and text == text.strip() and text.isprintable())
moments = st.datetimes(timezones=st.sampled_from([None, timezone.utc, BRASILIA]), min_value=datetime(1900, 1, 1))
places = st.builds(Place, lat=st.floats(-90, 90), lon=st.floats(-180, 180))
boxes = st.builds(Box, x=st.floats(0, 0.5), y=st.floats(0, 0.5), w=st.floats(0.01, 0.5), h=st.floats(0.01, 0.5))
paths = texts.filter(lambda text: "\0" not in text).map(lambda text: f"/photos/{text}")
photos = st.builds(
    Photo,
    uri=paths,
    photo_id=st.none() | texts,
    taken_at=st.none() | moments,
    place=st.none() | places,
    box=st.none() | boxes,
)
owners = st.builds(
    Owner, name=texts.filter(str.strip), phone=texts, email=texts, address=texts, picture=st.none() | photos
)
dogs = st.builds(
    Dog,
    pet_id=keys,
    name=texts,
    breed=texts,
    colour=texts,
    sex=texts,
    status=st.sampled_from(Status),
    status_at=st.none() | moments,
    status_place=st.none() | places,
    place=st.none() | places,
    indoor=st.none() | st.booleans(),
    microchip=texts,
    tags=st.lists(texts, max_size=3),
    note=texts,
    owner=st.none() | owners,
    finder=st.none() | owners,
    photos=st.lists(photos, max_size=3),
    registered_at=st.none() | moments,
    renewed_at=st.none() | moments,
    confirmed=st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(dogs, max_size=3, unique_by=lambda pet: pet.pet_id), st.sampled_from(["h.csv", "h.json", "h.jsonl"]))
def test_any_pets_come_back_as_they_were(tmp_path: Path, pets: list[Dog], name: str) -> None:
    write(pets, tmp_path / name, contact=True)
    assert read(tmp_path / name) == pets


@pytest.mark.parametrize("name", ["pets.csv", "pets.json", "pets.jsonl"])
def test_without_contact_no_owner_and_no_exact_place_is_in_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(PETS, path)
    text = path.read_text()

    exact = ("-23.550519", "-46.633309", "-23.550001", "-46.630001")
    for secret in (*exact, *(str(value) for value in CONTACT.values() if isinstance(value, str)), "ully.png", "owner"):
        assert secret not in text
    luigi = read(path)[0]
    assert luigi.owner is None
    assert luigi.place == Place(lat=-23.55, lon=-46.63)
    assert [photo.place for photo in luigi.photos] == [Place(lat=-23.55, lon=-46.63), None, None]


def test_without_contact_rows_and_tables_hold_nobody_and_a_table_of_no_pets_has_the_same_columns() -> None:
    row, table = next(to_rows(PETS)), to_table(PETS)

    assert [name for name in row if name.startswith("owner")] == []
    assert (row["lat"], row["lon"]) == (-23.55, -46.63)
    assert isinstance(table, pytest.importorskip("pandas").DataFrame)
    assert "5550" not in table.to_csv()
    assert list(table.columns) == list(to_table([]).columns) == list(row)
    assert list(to_table([], contact=True).columns) == list(next(to_rows(PETS, contact=True)))


def test_no_cell_can_run_as_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "pets.csv"
    write_csv([LUIGI], path, contact=True)

    with path.open(newline="") as lines:
        (row,) = csv.DictReader(lines)

    assert (row["lat"], row["lon"]) == ("-23.550519", "-46.633309")
    assert (row["name"], row["colour"], row["owner_phone"]) == ("'=HYPERLINK(1)", "'-brown", "'+55 11 5550-1234")
    assert row["photo_places"] == "-23.550001,-46.630001;;"
    assert row["pet_id"] == "kennel/luigi"


@pytest.mark.parametrize("name", ["pets.csv", "pets.json"])
def test_photos_are_named_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("out") / name
    path.parent.mkdir()
    pet = Dog(pet_id="luigi", photos=("photos/luigi.png",), owner=Owner(name="Ully", picture=Photo(uri="ully.png")))

    write([pet], path, contact=True)

    assert "../photos/luigi.png" in path.read_text()
    assert read(path) == [pet]
    assert read(tmp_path / path)[0].photos[0].uri == str(tmp_path / "photos" / "luigi.png")


def pets_that_break_off() -> Iterator[Pet]:
    yield LUIGI
    raise RuntimeError("the store went away")


@pytest.mark.parametrize("name", ["pets.csv", "pets.json"])
def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("what was there")

    with pytest.raises(RuntimeError, match="went away"):
        write(pets_that_break_off(), path)

    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_or_a_missing_pandas_is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()

    for name in ("missing/pets.csv", "file/pets.csv", "folder"):
        with pytest.raises(ConfigError, match="cannot be written"):
            write_csv(PETS, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"pip install .*\[notebook\]'"):
        to_table(PETS)


class Rabbit(Pet):
    species: Literal["rabbit"] = "rabbit"
    ear_cm: float | None = None


def test_a_field_of_ones_own_comes_back_dogs_and_cats_share_a_file_and_no_pets_make_one(tmp_path: Path) -> None:
    hopper, path = Rabbit(pet_id="hopper", ear_cm=11.5), tmp_path / "pets.csv"

    for name in ("pets.csv", "pets.json", "pets.jsonl"):
        assert write([hopper], tmp_path / name) == 1
        assert read(tmp_path / name, Rabbit) == [hopper]
        assert write([], tmp_path / name) == 0
        assert read(tmp_path / name) == []
    assert json.loads((tmp_path / "pets.json").read_text()) == []
    assert write_csv([ZOE, Cat(pet_id="mimi")], path) == 2
    assert [type(item).__name__ for item in read_csv(path, Cat)] == ["Ignored", "Cat"]
    with pytest.raises(ConfigError, match="different fields"):
        write_csv([ZOE, hopper], path)


@pytest.mark.parametrize("name", ["there.csv", "there.json"])
def test_a_file_with_contact_is_for_its_owners_eyes_only_and_rights_and_links_stay(tmp_path: Path, name: str) -> None:
    there, link = tmp_path / name, tmp_path / f"link-{name}"
    there.touch(0o640)
    there.chmod(0o640)
    link.symlink_to(there)

    write([ZOE], tmp_path / f"new-{name}", contact=True)
    write([ZOE], link, contact=True)

    assert [path.stat().st_mode & 0o777 for path in (tmp_path / f"new-{name}", there)] == [0o600, 0o640]
    assert link.is_symlink()
    assert "zoe" in there.read_text()
