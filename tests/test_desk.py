"""The desk: what a visitor may ask and do, on every store; contact and changes only where it is not locked."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.vectors import Matrix
from petfinder.page.desk import Board, Desk, PetDesk, Upload
from tests.conftest import TableEncoder
from tests.widgets.conftest import BLUE, EXACT, NEARLY_RED, PHONE, RED


@pytest.fixture
def desk(registry: pf.Registry) -> Desk:
    return Desk(registry, locked=True)


def upload(colour: tuple[int, int, int] = RED, *, name: str = "photo.jpg", exif: Image.Exif | None = None) -> Upload:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "JPEG", **({"exif": exif} if exif else {}))
    return Upload(name, out.getvalue())


def register_luigi(registry: pf.Registry, **fields: Any) -> pf.Dog:
    owner = pf.Owner(name="Ully", phone=PHONE)
    known = {"name": "Luigi", "place": EXACT, "owner": owner, **fields}
    return registry.dogs.register(pf.Dog(pet_id="luigi", photos=[upload().photo()], **known))


def photo_of(dogs: PetDesk) -> str:
    return dogs.service.get("luigi").photos[0].photo_id or ""


CHANGES: dict[str, Callable[[PetDesk], object]] = {
    "owner_of": lambda dogs: dogs.unlocked.owner_of("luigi"),
    "whole": lambda dogs: dogs.unlocked.get("luigi"),
    "register": lambda dogs: dogs.register([upload(BLUE)], {"name": "Bella"}),
    "update": lambda dogs: dogs.update("luigi", {"name": "Other"}),
    "add photos": lambda dogs: dogs.update("luigi", {}, [upload(BLUE)]),
    "remove_photo": lambda dogs: dogs.unlocked.remove_photo("luigi", photo_of(dogs)),
    "report_lost": lambda dogs: dogs.unlocked.report_lost("luigi"),
    "reunite": lambda dogs: dogs.unlocked.reunite("luigi"),
    "remove": lambda dogs: dogs.unlocked.remove("luigi"),
}


def test_a_locked_desk_refuses_every_change_and_every_contact(registry: pf.Registry, desk: Desk) -> None:
    register_luigi(registry)
    before = registry.dogs.get("luigi")

    for call in CHANGES.values():
        with pytest.raises(errors.PassphraseNeeded):
            call(desk.of("dog"))
    with pytest.raises(errors.PassphraseNeeded):
        desk.stale()

    assert registry.dogs.get("luigi") == before
    assert registry.dogs.count() == 1
    assert Desk(registry).of("dog").unlocked.owner_of("luigi") == before.owner


def test_an_unlocked_desk_makes_each_change(registry: pf.Registry) -> None:
    for name, call in CHANGES.items():
        register_luigi(registry)
        call(Desk(registry).of("dog"))
        changed = (registry.dogs.count(), registry.dogs.count(pf.PetFilter(ids=["luigi"])))
        assert changed == {"register": (2, 1), "remove": (0, 0)}.get(name, (1, 1)), name
        registry.dogs.remove([pet.pet_id for pet in registry.dogs.list()])


def test_a_locked_desk_opens_and_lists_reports_only(registry: pf.Registry, desk: Desk) -> None:
    register_luigi(registry, microchip="999 000 000 000 112")
    with pytest.raises(errors.PetNotFound, match="not reported"):
        desk.of("dog").pet("luigi")
    assert desk.reports().pets == desk.reports(status="home").pets == ()
    assert [pet.pet_id for pet in Desk(registry).reports(status="home").pets] == ["luigi"]

    registry.dogs.report_lost("luigi")
    desk.board.look_anew()
    assert desk.of("dog").pet("luigi").microchip is None
    assert Desk(registry).of("dog").pet("luigi").microchip
    assert [pet.owner for pet in desk.reports().pets] == [None]


def test_reports_of_both_species_come_by_their_day_the_latest_first_48_on_a_page(
    registry: pf.Registry, desk: Desk
) -> None:
    for number in range(60):
        known: dict[str, Any] = {"status": "lost", "status_at": f"2026-10-02T10:{number:02}+00:00"}
        kind, service = ((pf.Dog, registry.dogs), (pf.Cat, registry.cats))[number % 2]
        pet = kind(pet_id=f"p{number:02}", note="grey" if number < 5 else "red", **known)
        service.repository.insert(pet)  # type: ignore[arg-type]
    long_ago = pf.Dog(pet_id="rex", status="lost", registered_at="2024-01-01", status_at="2026-11-01")
    registry.dogs.repository.insert(long_ago)

    def ids(**asked: Any) -> list[str]:
        return [pet.pet_id for pet in desk.reports(**asked).pets]

    pages = [desk.reports(page=number) for number in (1, 2)]
    by_day = ["rex", *(f"p{number:02}" for number in reversed(range(60)))]
    assert [pet.pet_id for page in pages for pet in page.pets] == by_day
    assert [(len(page.pets), page.more) for page in pages] == [(48, True), (13, False)]
    assert ids(words="grey") == ["p04", "p03", "p02", "p01", "p00"]
    assert ids(words="grey", species="cat") == ["p03", "p01"]
    assert ids(since=datetime(2026, 10, 2, 10, 58, tzinfo=timezone.utc)) == ["rex", "p59", "p58"]
    with pytest.raises(errors.InvalidQuery):
        desk.reports(words="...")


def test_what_is_open_to_all_shows_pets_as_searches_do(registry: pf.Registry, desk: Desk) -> None:
    register_luigi(registry, breed="Jack Russell", note="comes for cheese", status="lost", status_place=EXACT)
    registry.dogs.register(pf.Dog(pet_id="bella", photos=[upload(BLUE).photo()], owner=pf.Owner(name="Ana")))

    shown = [
        desk.of("dog").pet("luigi"),
        *desk.reports().pets,
        *desk.reports(words="cheese").pets,
        *(match.pet for match in desk.look_for([upload(NEARLY_RED).photo()])),
        *(match.pet for match in desk.of("dog").similar("bella")),
    ]

    assert [pet.pet_id for pet in shown].count("luigi") == 5
    assert all(pet.owner is None for pet in shown)
    rounded = pf.Place(lat=38.71, lon=-9.14)
    assert {place for pet in shown if pet.pet_id == "luigi" for place in (pet.place, pet.status_place)} == {rounded}
    assert all(photo.embedding is None for photo in desk.of("dog").pet("luigi").photos)
    assert PHONE not in repr(shown) + "".join(pet.model_dump_json() for pet in shown)


def test_counts_say_how_many_are_lost_and_make_no_index(registry: pf.Registry, desk: Desk) -> None:
    assert desk.counts() == {}
    assert registry.specs() == {}
    register_luigi(registry, status="lost")
    registry.cats.register(pf.Cat(pet_id="mimi", status="found"))
    registry.cats.register(pf.Cat(pet_id="chita"))
    desk.board.look_anew()

    assert desk.counts() == {"pets": 3, "lost": 1, "found": 1}
    with pytest.raises(errors.InvalidQuery, match="dog and cat"):
        desk.of("rabbit")


def test_files_over_the_limit_are_refused_alone_and_together(registry: pf.Registry) -> None:
    desk = Desk(registry, upload_limit_bytes=2 * 2**20)
    dogs = desk.of("dog")
    whole_megabyte = io.BytesIO()
    Image.new("RGB", (600, 600), RED).save(whole_megabyte, "PNG", compress_level=0)
    large, half = Upload("garden.jpg", bytes(3 * 2**20)), Upload("half.png", whole_megabyte.getvalue())
    calls: list[Callable[[list[Upload]], object]] = [
        desk.check_uploads,
        lambda files: dogs.register(files, {"name": "Luigi"}),
        lambda files: dogs.update("luigi", {}, files),
    ]

    for call in calls:
        with pytest.raises(errors.PhotoTooLarge, match=r"garden\.jpg has 3 MB .* at most 2 MB"):
            call([large])
        with pytest.raises(errors.PhotoTooLarge, match=r"these 2 photos have 2\.1 MB together .* at most 2 MB"):
            call([half, half])
    assert registry.dogs.count() == 0


def test_a_broken_upload_is_called_by_its_name_and_without_a_photo_nothing_is_written(registry: pf.Registry) -> None:
    dogs = Desk(registry).of("dog")
    broken = Upload("holiday.jpg", b"not a picture")

    for call in (
        lambda: Desk(registry).look_for([broken.photo()]),
        lambda: dogs.register([upload(), broken], {"name": "Luigi"}),
    ):
        with pytest.raises(errors.UnreadablePhoto, match=r"holiday\.jpg"):
            call()
    with pytest.raises(errors.InvalidPet, match="at least one photo"):
        dogs.register([], {"name": "Bella"})
    assert registry.dogs.count() == 0
    dogs.register([upload()], {"name": "Luigi"})
    with pytest.raises(errors.UnreadablePhoto):
        dogs.update("luigi", {"name": "Other"}, [upload(BLUE), broken])
    assert len(dogs.pet("luigi").photos) == 1
    assert dogs.pet("luigi").name == "Luigi"


def test_an_id_is_made_of_the_name_and_is_nobody_elses(registry: pf.Registry) -> None:
    dogs = Desk(registry).of("dog")
    names = ["Faísca", "Faísca", "  Faísca! ", "", "../../etc", "<b>Rex</b>"]

    ids = [dogs.register([upload(RED)], {"name": name}).pet_id for name in names]

    assert ids[:3] == ["faísca", "faísca-2", "faísca-3"]
    assert ids[3].startswith("dog-")
    assert ids[4:] == ["etc", "b-rex-b"]
    with pytest.raises(errors.DuplicatePet):
        dogs.register([upload()], {"name": "Other", "pet_id": "etc"})


def test_a_registered_upload_keeps_date_and_place_and_no_exif(registry: pf.Registry) -> None:
    exif = Image.Exif()
    exif[Base.DateTime] = "2026:05:03 10:20:30"
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = "N", (38.0, 42.0, 44.4)
    gps[GPS.GPSLongitudeRef], gps[GPS.GPSLongitude] = "W", (9.0, 8.0, 35.6)

    [photo] = Desk(registry).of("dog").register([upload(exif=exif)], {"name": "Luigi"}).photos

    assert photo.taken_at == datetime(2026, 5, 3, 10, 20, 30)
    assert photo.place == pf.Place(lat=38.71, lon=-9.14)
    assert b"Exif" not in (photo.thumbnail or b"")


class TextEncoder(TableEncoder):
    supports_text = True

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        return self.encode_images([Image.new("RGB", (8, 8), RED if "red" in text else BLUE) for text in texts])


@pytest.mark.parametrize("encoder", [TableEncoder(), TextEncoder()])
def test_words_are_looked_for_in_what_is_written_then_as_a_chip_number_then_in_photos(
    place: str, encoder: TableEncoder
) -> None:
    with pf.connect(place, encoder=encoder) as registry:
        register_luigi(registry, status="lost", microchip="999 000 000 000 112", note="comes for cheese")
        registry.dogs.repository.insert(pf.Dog(pet_id="bella", status="lost"))

        def found(words: str, *, locked: bool = False) -> list[str]:
            return [pet.pet_id for pet in Desk(registry, locked=locked).reports(words=words).pets]

        assert found("cheese", locked=True) == ["luigi"]
        assert found("999000000000112") == ["luigi"]
        assert found("999000000000112", locked=True) == []
        assert found("red one") == (["luigi"] if encoder.supports_text else [])


def test_ever_smaller_circles_tell_no_more_than_a_rounded_place(registry: pf.Registry, desk: Desk) -> None:
    register_luigi(registry, status="lost")
    centre = pf.Place(lat=38.71, lon=-9.14)

    def found(at: tuple[float, float], km: float, *, locked: bool = True) -> bool:
        near = pf.Place(lat=at[0], lon=at[1])
        return len(Desk(registry, locked=locked, board=desk.board).reports(near=near, km=km).pets) == 1

    for at in ((38.70, -9.13), (38.73, -9.16), (38.7049, -9.1451)):
        shown = pf.Place(lat=at[0], lon=at[1]).rounded().km_to(centre)
        for locked in (True, False):
            assert found(at, shown + 0.01, locked=locked)
            assert not found(at, shown - 0.01, locked=locked)


def test_a_board_is_read_anew_after_a_change_that_is_told_and_else_every_few_seconds(registry: pf.Registry) -> None:
    board = Board(registry)
    assert board.pets() == ()
    register_luigi(registry, status="lost")
    with patch.object(registry.dogs.repository.store, "scan", side_effect=AssertionError("read again")):
        assert board.pets() == ()
    board.look_anew()
    assert [pet.pet_id for pet in board.pets()] == ["luigi"]
