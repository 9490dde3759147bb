"""Folders, manifests, arrays and tables become pets; what is wrong with one of them stops none of the others."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petfinder.domain.errors import (
    ConfigError,
    DuplicatePet,
    InvalidEmbedding,
    InvalidPet,
    PetfinderError,
    UnreadablePhoto,
)
from petfinder.domain.pets import Cat, Dog, Pet, Photo, Place, Status
from petfinder.domain.reports import Failure, Ignored
from petfinder.tables.arrays import from_arrays
from petfinder.tables.readers import Grouping, from_table, read_csv, read_folder, read_json

PHONE, EMAIL, ADDRESS = "+55 11 5550-1234", "ully@example.org", "Rua das Flores 7"


def place_photos(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"a picture, as far as intake looks")
    return root


def pets_in(items: Iterable[Any]) -> list[Pet]:
    return [item for item in items if isinstance(item, Pet)]


def failures_in(items: Iterable[Any]) -> list[Failure]:
    return [item for item in items if isinstance(item, Failure)]


def reasons_in(items: Iterable[Any], root: Path) -> dict[str, str]:
    return {str(Path(item.uri).relative_to(root)): item.reason for item in items if isinstance(item, Ignored)}


def manifest(folder: Path, text: str, *, name: str = "pets.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("by", "names", "expected"),
    [
        (
            "pet",
            ("Luigi/2.JPG", "Luigi/1.png", "Milo.jpeg", "kennel/North/Zoe/a.webp"),
            ["milo: Milo, None, Milo.jpeg", "luigi: Luigi, None, 1.png 2.JPG", "kennel/north/zoe: Zoe, None, a.webp"],
        ),
        (
            "pet",
            ("Bella/1.jpg", "Bella/puppies/Max/1.jpg", "Ze\u0301/1.jpg"),
            [
                "bella: Bella, None, 1.jpg",
                "bella/puppies/max: Max, None, 1.jpg",
                "z\u00e9: Ze\u0301, None, 1.jpg",
            ],
        ),
        (
            "file",
            ("phone/IMG_1.jpg", "cam/IMG_1.jpg", "cam/v1.2.Rex.PNG"),
            [
                "cam/img_1: IMG_1, None, IMG_1.jpg",
                "cam/v1.2.rex: v1.2.Rex, None, v1.2.Rex.PNG",
                "phone/img_1: IMG_1, None, IMG_1.jpg",
            ],
        ),
        (
            "breed",
            ("Stray.jpg", "small/Jack Russell/Luigi.jpg", "Poodle/Zoe.jpg"),
            [
                "stray: Stray, None, Stray.jpg",
                "poodle/zoe: Zoe, Poodle, Zoe.jpg",
                "small/jack russell/luigi: Luigi, Jack Russell, Luigi.jpg",
            ],
        ),
    ],
)
def test_a_pet_is_a_sub_folder_with_photos_or_a_photo_whose_folder_may_name_the_breed(
    tmp_path: Path, by: Grouping, names: tuple[str, ...], expected: list[str]
) -> None:
    found = pets_in(read_folder(place_photos(tmp_path, *names), Cat, by=by))

    told = []
    for pet in found:
        files = " ".join(Path(photo.uri or "").name for photo in pet.photos)
        told.append(f"{pet.pet_id}: {pet.name}, {pet.breed}, {files}")
    assert told == expected
    assert {type(pet) for pet in found} == {Cat}


@pytest.mark.parametrize(
    ("by", "one", "other"),
    [
        ("file", "zoo/Luigi.jpg", "zoo/luigi.PNG"),
        ("pet", "Luigi.jpg", "luigi/1.jpg"),
        ("pet", "a/Luigi/1.jpg", "a/luigi/1.jpg"),
    ],
)
def test_two_of_one_id_are_a_pet_and_a_failure_naming_both(tmp_path: Path, by: Grouping, one: str, other: str) -> None:
    pet, failure = read_folder(place_photos(tmp_path, one, other), by=by)

    assert isinstance(pet, Dog)
    assert isinstance(failure, Failure)
    assert (failure.item, type(failure.error)) == (pet.pet_id, DuplicatePet)
    for name in (one, other):
        shown = name if by == "file" or "/" not in name else str(Path(name).parent)
        assert str(tmp_path / shown) in failure.reason


def test_every_file_that_is_passed_over_is_named_with_its_reason(tmp_path: Path) -> None:
    hidden = ["Luigi/._1.jpg", "Luigi/.DS_Store", "Luigi/Thumbs.db", ".cache/x.jpg", "__MACOSX/Luigi/1.jpg"]
    place_photos(tmp_path, "Luigi/1.jpg", "Luigi/notes.txt", "Luigi/noending", *hidden)
    (tmp_path / "nobody").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")

    items = list(read_folder(tmp_path))

    assert [pet.pet_id for pet in pets_in(items)] == ["luigi"]
    assert reasons_in(items, tmp_path) == {
        **dict.fromkeys([*hidden[:3], ".cache", "__MACOSX"], "hidden, or left by the operating system"),
        **dict.fromkeys(["Luigi/notes.txt", "Luigi/noending"], "not a photo, by its ending"),
        "nobody": "an empty folder",
        "pipe.jpg": "not a file",
        "gone.jpg": "a link that leads nowhere",
    }
    assert list(read_folder(tmp_path / "nobody")) == [Ignored(str(tmp_path / "nobody"), "an empty folder")]


def test_every_photo_ending_counts_in_any_case_and_the_order_is_the_same_each_time(tmp_path: Path) -> None:
    endings = ["jpg", "jpeg", "jpe", "png", "webp", "heic", "heif", "gif", "bmp", "tif", "tiff", "mpo", "avif"]
    kinds = [f"{ending}.{ending}" for ending in (*endings, *map(str.upper, endings))]
    names = [f"{folder}/{pet}/{photo}.jpg" for folder in "zab" for pet in "Qcd" for photo in "321"]
    one = [pet.pet_id for pet in pets_in(read_folder(place_photos(tmp_path / "one", *names)))]
    two = [pet.pet_id for pet in pets_in(read_folder(place_photos(tmp_path / "two", *reversed(names))))]

    assert one == two
    assert one[:3] == ["a/q", "a/c", "a/d"]
    for number, kind in enumerate(kinds):
        assert len(pets_in(read_folder(place_photos(tmp_path / str(number), kind)))) == 1, kind


def test_loops_of_links_end_and_a_linked_folder_elsewhere_is_read_once(tmp_path: Path) -> None:
    elsewhere = place_photos(tmp_path / "elsewhere", "Zoe/1.jpg", "deep/Rex/1.jpg")
    root = place_photos(tmp_path / "root", "Luigi/1.jpg")
    (root / "Luigi" / "up").symlink_to(root)
    (root / "higher").symlink_to(tmp_path)
    (root / "same").symlink_to(root / "Luigi")
    (root / "itself").symlink_to(root / "itself")
    (root / "disk").symlink_to(elsewhere)
    (root / "disk-again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(elsewhere)

    items = list(read_folder(root))

    assert sorted(pet.pet_id for pet in pets_in(items)) == ["disk/deep/rex", "disk/zoe", "luigi"]
    linked = {name for name, reason in reasons_in(items, root).items() if "link" in reason}
    assert linked == {"Luigi/up", "higher", "same", "itself", "disk-again", "disk/back"}


def test_folders_are_read_as_pets_are_asked_for_and_one_that_cannot_be_opened_is_a_failure(tmp_path: Path) -> None:
    place_photos(tmp_path, "Bella/1.jpg", "Gone/1.jpg", "Zoe/1.jpg")
    Path(os.fsdecode(bytes(tmp_path / "Zoe") + b"/\xff.jpg")).write_bytes(b"x")  # a name that is not UTF-8
    Path(os.fsdecode(bytes(tmp_path) + b"/\xfe.jpg")).write_bytes(b"x")
    items = read_folder(tmp_path)
    first = [next(items), next(items)]

    shutil.rmtree(tmp_path / "Gone")
    place_photos(tmp_path, "Zoe/2.jpg")
    read = [*first, *items]

    assert [(pet.pet_id, len(pet.photos)) for pet in pets_in(read)] == [("bella", 1), ("zoe", 2)]
    assert [type(failure.error) for failure in failures_in(read)] == [UnreadablePhoto] * 3
    assert sum((failure.photo or "").endswith("\ufffd.jpg") for failure in failures_in(read)) == 2
    assert str(tmp_path / "Gone") in [failure.item for failure in failures_in(read)]


def test_what_is_no_folder_no_grouping_or_no_species_is_refused_at_the_call(tmp_path: Path) -> None:
    place_photos(tmp_path, "photo.jpg")

    for path in ("missing", "photo.jpg", "nul\0"):
        with pytest.raises(ConfigError, match="cannot be read as a folder"):
            read_folder(tmp_path / path)
    with pytest.raises(ConfigError, match="pet, file, breed"):
        read_folder(tmp_path, by="owner")  # type: ignore[arg-type]
    with pytest.raises(InvalidPet, match="fixes no species"):
        read_folder(tmp_path, Pet)


CSV = f"""pet_id,species,Name,breed,color,sex,status,status_at,lat,lon,microchip,tags,note,owner_name,owner_phone,\
owner-email,Owner Address,owner_picture,photos
luigi,dog,Luigi,Jack Russell,white,m,Lost,2024-05-01T10:00:00+02:00,-23.5,-46.6,0098510,shy; Chipped,"says ""hi""
twice",Ully,{PHONE},{EMAIL},{ADDRESS},people/ully.png,luigi.png;park/luigi 2.jpg
mimi,cat,Mimi,,,,,,,,,,,,,,,,mimi.jpg
zoe,,Zoe,,,,,,,,,,,,,,,,/photos/zoe.jpg
"""


def test_a_csv_row_becomes_a_whole_pet_and_one_manifest_holds_dogs_and_cats(tmp_path: Path) -> None:
    path = manifest(tmp_path, CSV)

    luigi, mimi, zoe = read_csv(path)

    picture = str(tmp_path / "people" / "ully.png")
    assert luigi == Dog(
        pet_id="luigi",
        name="Luigi",
        breed="Jack Russell",
        colour="white",
        sex="m",
        status=Status.LOST,
        status_at="2024-05-01T10:00:00+02:00",
        place=Place(lat=-23.5, lon=-46.6),
        microchip="0098510",
        tags=("shy", "Chipped"),
        note='says "hi"\ntwice',
        photos=(str(tmp_path / "luigi.png"), str(tmp_path / "park" / "luigi 2.jpg")),
        owner={"name": "Ully", "phone": PHONE, "email": EMAIL, "address": ADDRESS, "picture": picture},
    )
    assert str(luigi.status_at) == "2024-05-01 10:00:00+02:00"
    assert mimi == Ignored("mimi", "row 3 is about another species than dog")
    assert zoe == Dog(pet_id="zoe", name="Zoe", photos=("/photos/zoe.jpg",))
    assert [pet.pet_id for pet in pets_in(read_csv(path, Cat))] == ["mimi", "zoe"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffpet_id;name;lat;lon;photo\r\nluigi;Größe;-23,5;-46,6;a.png\r\n\r\n",
        'pet_id, name, place, photo\nluigi, Größe, "-23.5, -46.6", a.png\n',
    ],
)
def test_semicolons_decimal_commas_a_byte_order_mark_and_blanks_are_read(tmp_path: Path, text: str) -> None:
    (pet,) = read_csv(manifest(tmp_path, text))

    assert pet == Dog(pet_id="luigi", name="Größe", place=(-23.5, -46.6), photos=(str(tmp_path / "a.png"),))


def test_a_bad_row_is_a_failure_and_the_others_go_on(tmp_path: Path) -> None:
    lines = [
        b"pet_id,status,lat,lon,tags",
        b"luigi,asleep,,,",
        b",home,,,",
        b"far,home,95,10,",
        b"half,home,10,,",
        b"short,home",
        b"long,home,1,2,a,555",
        b"",
        b"zoe,home,1,2,a",
        b'open,home,1,2,"' + b"x" * 140_000 + b'"',
        b"rex,home,1,2,Gr\xf6\xdfe",
        b"max,home,1,2,a",
        b"zoe,home,1,2,b",
    ]
    (tmp_path / "pets.csv").write_bytes(b"\n".join(lines))

    items = list(read_csv(tmp_path / "pets.csv"))

    *refused, other, double = failures_in(items)
    assert [row.item for row in refused] == ["luigi", "row 3", "far", "half", "row 6", "row 7", "row 10"]
    assert {type(failure.error) for failure in refused} == {InvalidPet}
    assert "UTF-8" in other.reason
    assert (double.item, type(double.error), "row 9 and row 13" in double.reason) == ("zoe", DuplicatePet, True)
    assert [pet.pet_id for pet in pets_in(items)] == ["zoe", "max"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "pet_id,nickname,weight\nluigi,Lu,7\n", r"nickname, weight; known are pet_id.*owner_phone"),
        ("a.csv", "", "empty"),
        ("a.csv", "name,photos\nLuigi,a.png\n", "no column pet_id"),
        ("a.csv", f"luigi,Luigi,{PHONE},{EMAIL}\n", "is its first row the header"),
        ("a.csv", "pet_id,photo,image\nluigi,a,b\n", "two columns that mean photos"),
        ("a.csv", "pet_id,\nluigi,a\n", "column 2"),
        ("a.csv", f"pet_id,{PHONE},{EMAIL}\n", "column 2, column 3"),
        ("a.csv", b"\xff\xfep\0e\0t\0_\0i\0d\0", "UTF-16"),
        ("none.csv", None, "cannot be read"),
        (".", None, "cannot be read"),
        ("none.json", None, "cannot be read"),
        ("a.json", '[{"pet_id": "luigi"}, {"pet_id": "zo', "breaks at row 2"),
        ("a.json", '[{"pet_id": "luigi"} {"pet_id": "zoe"}]', "breaks at row 1"),
        ("a.json", '{\n"pet_id": "luigi"\n}', "one object on each line"),
        ("a.json", "pet_id,name\nluigi,Luigi\n", "no JSON object"),
        ("a.json", "[" * 100_000, "breaks at row 1"),
        ("a.json", '[{"pet_id": "luigi", "nickname": 1}]', "unknown columns: nickname"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, name: str, text: str | bytes | None, words: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ConfigError, match=words) as refused:
        (read_json if name.endswith("json") else read_csv)(tmp_path / name)

    assert [secret for secret in (PHONE, EMAIL) if secret in str(refused.value)] == []


def in_every_wrong_column() -> list[dict[str, object]]:
    """Rows in which an owner's contact slipped into a column where it is refused."""
    moments = ["status_at", "registered_at", "photo_dates"]
    columns = [*moments, "status", "place", "photo_places", "photo_boxes", "species"]
    owner: dict[str, object] = {"phone": PHONE, "email": EMAIL, "address": ADDRESS}
    wrong: list[dict[str, object]] = [
        *({"photos": "a.png", column: secret} for column in columns for secret in owner.values()),
        *({"photos": "a.png", "lon": "3", "lat": secret} for secret in owner.values()),
        {"owner": owner},
        {"owner": {**owner, "name": "Ully", "fax": PHONE}},
        {"owner": {**owner, "name": {"first": PHONE}}},
        {"owner": [PHONE]},
        {"owner": {"name": "U", "phone": [PHONE]}},
        {"owner": owner, "owner_name": "Ully"},
        {"photos": [{"uri": "a.png", "phone": PHONE}]},
        {"tags": [{"phone": PHONE}]},
        {"photos": [7]},
    ]
    return [{"pet_id": f"p{number}", **row} for number, row in enumerate(wrong)]


def test_no_message_repeats_an_owners_contact(tmp_path: Path) -> None:
    path = tmp_path / "pets.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in in_every_wrong_column()))

    items = list(read_json(path))

    assert pets_in(items) == []
    for item in items:
        said = f"{item} {item!r} {item.reason if isinstance(item, (Failure, Ignored)) else ''}"
        error: BaseException | None = getattr(item, "error", None)
        while error is not None:
            said += f" {error} {error!r}"
            error = error.__cause__ or error.__context__
        assert [secret for secret in (PHONE, EMAIL, ADDRESS) if secret in said] == []


def test_json_may_nest_what_csv_has_flat(tmp_path: Path) -> None:
    shot: dict[str, Any] = {"taken_at": "2024-05-01T10:00:00", "box": [0.1, 0.1, 0.5, 0.5]}
    same: dict[str, Any] = {"pet_id": "luigi", "name": "Luigi", "place": [-23.5, -46.6], "tags": ["shy"]}
    whose = {"name": "Ully", "phone": PHONE, "picture": "ully.png"}
    nested = {**same, "microchip": 985112345678903, "owner": whose, "photos": ["a.png", {"uri": "b.png", **shot}]}
    path = manifest(tmp_path, json.dumps([nested, {"pet_id": "zoe", "owner_name": "Ana", "photo": "z.png"}]))

    luigi, zoe = pets_in(read_json(path))

    photos = (str(tmp_path / "a.png"), Photo(uri=tmp_path / "b.png", **shot))
    owner = {**whose, "picture": str(tmp_path / "ully.png")}
    assert luigi == Dog(**same, microchip="985112345678903", owner=owner, photos=photos)
    assert zoe == Dog(pet_id="zoe", owner={"name": "Ana"}, photos=(str(tmp_path / "z.png"),))


def test_json_lines_go_on_behind_a_broken_line_and_an_array_may_be_long_or_empty(tmp_path: Path) -> None:
    lines = [
        '{"pet_id": "luigi"}',
        '{"pet_id": "mi',
        "[1]",
        '{"pet_id": "b", "owner": {"name": "\\ud800"}}',
        "",
        '{"pet_id": "zoe", "name": "a\u2028b"}',
    ]
    rows = [{"pet_id": f"p{number}", "note": "ü" * (number % 700)} for number in range(2_000)]

    items = list(read_json(manifest(tmp_path, "\ufeff" + "\n".join(lines), name="pets.jsonl")))
    long = read_json(manifest(tmp_path, json.dumps(rows, indent=1, ensure_ascii=False)))

    assert [pet.name for pet in pets_in(items)] == [None, "a\u2028b"]
    assert [failure.item for failure in failures_in(items)] == ["row 2", "row 3", "row 4"]
    assert [pet.pet_id for pet in pets_in(long)] == [row["pet_id"] for row in rows]
    for empty in ("", " \n", "[]", " [ \n ] "):
        assert list(read_json(manifest(tmp_path, empty, name="pets.json"))) == []


def test_photos_with_dates_places_and_boxes_come_from_parallel_lists(tmp_path: Path) -> None:
    text = (
        "pet_id,photos,photo_dates,photo_places,photo_boxes\n"
        'luigi,a.png;b.png,;2024-05-01,"-23.5,-46.6;",";0.1,0.2,0.3,0.4"\n'
        "zoe,a.png;b.png,2024-05-01,,\n"
    )

    luigi, zoe = read_csv(manifest(tmp_path, text))

    first = Photo(uri=tmp_path / "a.png", place=(-23.5, -46.6))
    second = Photo(uri=tmp_path / "b.png", taken_at="2024-05-01", box=(0.1, 0.2, 0.3, 0.4))
    assert luigi == Dog(pet_id="luigi", photos=(first, second))
    assert isinstance(zoe, Failure)
    assert "an entry for each photo" in zoe.reason


def test_rows_of_an_array_become_photos_and_one_of_zeros_is_a_failure_of_its_photo_alone() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    fields = {"zoe": {"name": "Zoe", "lat": 1, "lon": 2}}

    luigi, zoe = pets_in(from_arrays(["luigi", "zoe", "luigi", "zoe"], vectors, fields=fields))
    (again,) = pets_in(from_arrays(["luigi"], vectors[2:3].tolist()))
    numbers: Any = [1, 1, 2]
    items = list(from_arrays(numbers, [[1, 0], [0, 0], [np.nan, 1]], photo_ids=["a", "b", "c"], pet_class=Cat))

    assert [luigi.pet_id, zoe.pet_id, zoe.name, zoe.place] == ["luigi", "zoe", "Zoe", Place(lat=1, lon=2)]
    assert [photo.photo_id for photo in luigi.photos] != [photo.photo_id for photo in zoe.photos]
    np.testing.assert_array_equal(np.asarray(luigi.photos[1].embedding), vectors[2])
    assert again.photos[0].photo_id == luigi.photos[1].photo_id
    assert [(pet.pet_id, [photo.photo_id for photo in pet.photos]) for pet in pets_in(items)] == [("1", ["a"])]
    assert [(failure.item, failure.photo) for failure in failures_in(items)] == [("1", "b"), ("2", "c")]
    assert {type(failure.error) for failure in failures_in(items)} == {InvalidEmbedding}


@pytest.mark.parametrize(
    ("ids", "vectors", "photo_ids", "fields", "error"),
    [
        (["a"], [1.0, 2.0], None, None, InvalidEmbedding),
        (["a"], [["x"]], None, None, InvalidEmbedding),
        (["a", "b"], [[1.0, 2.0]], None, None, ConfigError),
        (["a"], [[1.0, 2.0]], ["p", "q"], None, ConfigError),
        (["a"], [[1.0, 2.0]], None, {"b": {}}, ConfigError),
    ],
)
def test_arrays_that_do_not_fit_are_refused_at_the_call(
    ids: list[str], vectors: Any, photo_ids: list[str] | None, fields: Any, error: type[PetfinderError]
) -> None:
    with pytest.raises(error):
        from_arrays(ids, vectors, photo_ids=photo_ids, fields=fields)


def test_a_pandas_table_or_any_mappings_become_pets_and_gaps_are_no_text() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "pet_id": ["luigi", "zoe", None],
            "breed": ["Jack Russell", float("nan"), "x"],
            "microchip": [985112345678903, float("nan"), float("nan")],
            "status_at": pandas.to_datetime(["2024-05-01T10:00:00.5", None, None]),
            "lat": [-23.5, float("nan"), float("nan")],
            "lon": [-46.6, float("nan"), float("nan")],
            "note": pandas.array(["hello", pandas.NA, pandas.NA], dtype="string"),
            "photos": ["a.png;b.png", ["c.png"], None],
        }
    )

    luigi, zoe, nobody = from_table(frame)
    drawn, bad = from_table({"pet_id": "rex", "photo": b"bytes of a picture"} | more for more in ({}, {"weight": 3}))

    assert luigi == Dog(
        pet_id="luigi",
        breed="Jack Russell",
        microchip="985112345678903",
        status_at="2024-05-01 10:00:00",
        place=(-23.5, -46.6),
        note="hello",
        photos=("a.png", "b.png"),
    )
    assert (type(luigi.status_at), zoe) == (datetime, Dog(pet_id="zoe", photos=("c.png",)))
    assert isinstance(nobody, Failure)
    assert nobody.item == "row 3"
    assert isinstance(drawn, Dog)
    assert drawn.photos[0].source == b"bytes of a picture"
    assert isinstance(bad, Failure)
    assert isinstance(bad.error, InvalidPet)
    with pytest.raises(ConfigError, match="the table has unknown columns: weight"):
        from_table(pandas.DataFrame({"pet_id": ["a"], "weight": [3]}))
