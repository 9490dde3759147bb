"""A registry goes out as a table or a file and comes back the same, on each store; a bad row says where and what."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas
import pytest
from PIL import Image

from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import Dog, Owner, Photo, Place, Status
from petfinder.domain.reports import BulkReport
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from petfinder.tables.readers import from_table, read_csv, read_json
from petfinder.tables.writers import to_table, write_csv, write_json
from tests.conftest import TableEncoder
from tests.test_service import sure

BRASILIA = timezone(timedelta(hours=-3))
EXACT = Place(lat=-23.550519, lon=-46.633309)
FAR = Place(lat=-23.604111, lon=-46.602222)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two photos of Luigi, one of Zoe, one of an owner."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in {"l1": (200, 10, 10), "l2": (190, 20, 10), "z1": (10, 10, 200), "ully": (90, 90, 90)}.items():
        Image.new("RGB", (24, 16), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def filled(registry: Registry, photos: Path) -> Registry:
    """A registry of two dogs, one of them with everything that can be known of a pet."""
    luigi = Dog(
        pet_id="luigi",
        name="Luigi",
        breed="Jack Russell",
        status=Status.LOST,
        status_at=datetime(2024, 5, 1, 10, 0, 3, tzinfo=BRASILIA),
        status_place=FAR,
        place=EXACT,
        indoor=False,
        microchip="0098510",
        tags=("shy", "a;b"),
        finder=Owner(name="Ana", email="ana@example.org"),
        renewed_at=datetime(2024, 5, 8, 10, tzinfo=BRASILIA),
        confirmed=False,
        owner=Owner(name="Ully", phone="+55 11 5550-1234", picture=Photo(uri=str(photos / "ully.png"))),
        photos=(
            Photo(uri=str(photos / "l1.png"), taken_at=datetime(2024, 4, 1, 9, 30), place=EXACT),
            Photo(uri=str(photos / "l2.png")),
        ),
    )
    registry.dogs.register(luigi)
    registry.dogs.register(Dog(pet_id="zoe", name="Zoe", photos=(str(photos / "z1.png"),)))
    return registry


@pytest.fixture
def other(table_encoder: TableEncoder) -> Iterator[Registry]:
    with connect(":memory:", name="other", encoder=table_encoder) as opened:
        yield opened


def there_and_back(filled: Registry, other: Registry, way: str, folder: Path, *, contact: bool) -> BulkReport:
    """What the other registry says of taking in all dogs of the first."""
    pets = filled.dogs.list()
    if way == "table":
        return other.dogs.register_many(from_table(to_table(pets, contact=contact)), progress=False)
    write, read = (write_csv, read_csv) if way == "csv" else (write_json, read_json)
    write(pets, folder / f"pets.{way}", contact=contact)
    return other.dogs.register_many(read(folder / f"pets.{way}"), progress=False)


@pytest.mark.parametrize("way", ["table", "csv", "json"])
def test_with_contact_a_registry_comes_back_whole(filled: Registry, other: Registry, way: str, tmp_path: Path) -> None:
    report = there_and_back(filled, other, way, tmp_path, contact=True)

    assert (report.added, report.failures) == (("luigi", "zoe"), ())
    assert list(other.dogs.list()) == list(filled.dogs.list())
    luigi = other.dogs.get("luigi")
    owner = sure(luigi.owner)
    assert owner.phone == "+55 11 5550-1234"
    assert all(photo.thumbnail for photo in (sure(owner.picture), *luigi.photos))


@pytest.mark.parametrize("way", ["table", "csv", "json"])
def test_without_contact_no_owner_comes_back(filled: Registry, other: Registry, way: str, tmp_path: Path) -> None:
    there_and_back(filled, other, way, tmp_path, contact=False)

    before, after = filled.dogs.get("luigi"), other.dogs.get("luigi")
    assert (after.owner, after.finder) == (None, None)
    assert (after.place, after.status_place) == (EXACT.rounded(), FAR.rounded())
    assert [photo.place for photo in after.photos] == [EXACT.rounded(), None]
    for field in (
        *("name", "breed", "status", "status_at", "microchip", "tags", "registered_at"),
        *("indoor", "confirmed", "renewed_at"),
    ):
        assert getattr(after, field) == getattr(before, field)
    told, kept = ([(photo.photo_id, photo.taken_at) for photo in pet.photos] for pet in (before, after))
    assert told == kept


def test_a_table_that_was_edited_replaces_the_pets_though_no_photo_can_be_read(
    filled: Registry, other: Registry, photos: Path
) -> None:
    table = to_table(filled.dogs.list(), contact=True).set_index("pet_id")
    table.loc["zoe", "breed"] = "Poodle"
    table["status"] = table["status"].astype("category")
    table["status_at"] = pandas.to_datetime(table["status_at"])
    shutil.rmtree(photos)

    report = filled.dogs.register_many(from_table(table), on_conflict="replace", progress=False)
    elsewhere = other.dogs.register_many(from_table(to_table(filled.dogs.list())), progress=False)

    assert (report.replaced, report.failures) == (("luigi", "zoe"), ())
    assert filled.dogs.get("zoe").breed == "Poodle"
    luigi = filled.dogs.get("luigi")
    assert luigi.status_at == datetime(2024, 5, 1, 13, 0, 3, tzinfo=timezone.utc)
    owner = sure(luigi.owner)
    assert owner.name == "Ully"
    assert sure(owner.picture).thumbnail
    assert all(photo.thumbnail and photo.embedding is not None for photo in luigi.photos)
    assert filled.dogs.find_similar("zoe", k=1)[0].pet.pet_id == "luigi"
    assert elsewhere.added == ()
    assert {failure.item for failure in elsewhere.failures} == {"luigi", "zoe"}
    assert all("cannot be read" in failure.reason for failure in elsewhere.failures)


def test_the_rows_that_a_table_keeps_are_a_filter(filled: Registry, photos: Path) -> None:
    table = to_table(filled.dogs.list())
    lost = PetFilter(ids=table[table["status"] == "lost"]["pet_id"])

    assert [match.pet.pet_id for match in filled.dogs.find(photos / "z1.png", where=lost)] == ["luigi"]


BAD = """pet_id,status,status_at,lat,lon,owner_name,owner_phone,photo
luigi,asleep,,,,,,
,home,,,,,,
milo,lost,30.08.2026,,,,,
far,home,,950,10,,,
half,home,,10,,,,
rex,home,,,,,+55 11 5550-1234,
zoe,home,,,,,,
"""


def test_every_bad_row_says_its_number_and_what_to_do(other: Registry, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(BAD, encoding="utf-8")

    report = other.dogs.register_many(read_csv(tmp_path / "bad.csv"), progress=False)

    assert report.added == ("zoe",)
    told = {failure.item: failure.reason for failure in report.failures}
    expected = {
        "luigi": ("row 2", "'found', 'sighted' or 'reunited'"),
        "row 3": ("pet_id is empty",),
        "milo": ("row 4", "status_at", "write 2026-08-30"),
        "far": ("row 5", "lat", "less than or equal to 90"),
        "half": ("row 6", "lon is empty"),
        "rex": ("row 7", "column owner_name"),
    }
    assert told.keys() == expected.keys()
    for item, words in expected.items():
        assert [word for word in words if word not in told[item]] == []
    assert "5550" not in str(report)
