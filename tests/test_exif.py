"""What cameras write beside the pixels, right and wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from petfinder.domain.pets import Place
from petfinder.photos.read import Picture, read_photo
from tests.photo_samples import pet_picture, saved
from tests.test_service import sure

NONE: Mapping[int, object] = {}
HERE: dict[int, object] = {1: "S", 2: (23.0, 33.0, 1.8), 3: "W", 4: (46.0, 38.0, 2.4)}


def read(
    *, main: Mapping[int, object] = NONE, sub: Mapping[int, object] = NONE, gps: Mapping[int, object] = NONE
) -> Picture:
    exif = Image.Exif()
    exif.update(main)
    exif.get_ifd(0x8769).update(sub)
    exif.get_ifd(0x8825).update(gps)
    return read_photo(saved(pet_picture(64, 48), "JPEG", exif=exif))


def test_what_cameras_and_phones_wrote_is_read_and_broken_exif_does_not_cost_the_photo(shared: Path) -> None:
    west = timezone(timedelta(hours=-5))
    expected = {
        "gps/DSCN0010.jpg": (datetime(2008, 10, 22, 16, 28, 39), (43, 28, 2.814), (11, 53, 6.456)),
        "gps/DSCN0021.jpg": (datetime(2008, 10, 22, 16, 38, 20), (43, 28, 1.494), (11, 53, 4.338)),
        "gps/DSCN0042.jpg": (datetime(2008, 10, 22, 17, 0, 7), (43, 27, 52.038), (11, 52, 53.322)),
        "heic/IMG_5195.HEIC": (datetime(2021, 4, 11, 15, 47, 53, tzinfo=west), (39, 3, 4.84), (-94, -17, -19.58)),
    }
    for name, (taken_at, *angles) in expected.items():
        picture = read_photo(shared / "exif" / name)
        place = sure(picture.place)
        degrees = [degree + minute / 60 + second / 3600 for degree, minute, second in angles]
        assert (picture.taken_at, sure(picture.taken_at).tzinfo) == (taken_at, taken_at.tzinfo)
        assert [place.lat, place.lon] == pytest.approx(degrees, abs=1e-8)
    broken = sorted((shared / "exif" / "invalid").glob("*.jpg"))
    assert len(broken) == 4
    for file in broken:
        picture = read_photo(file)
        with Image.open(file) as opened:
            assert picture.image.size == opened.size
        assert (picture.taken_at, picture.place) == (None, None)


ZERO: dict[int, object] = {**HERE, 1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}


def test_south_and_west_are_negative_and_a_zero_may_stand_on_one_side() -> None:
    place = sure(read(gps=HERE).place)
    assert (place.lat, place.lon) == pytest.approx((-(23 + 33 / 60 + 1.8 / 3600), -(46 + 38 / 60 + 2.4 / 3600)))
    assert read(gps={**ZERO, 4: (9.0, 0.0, 0.0)}).place == Place(lat=0, lon=9)


@pytest.mark.parametrize(
    "gps",
    [
        *({tag: value for tag, value in HERE.items() if tag != missing} for missing in HERE),
        ZERO,  # a camera without a fix
        {2: ZERO[2], 4: ZERO[4]},
        HERE | {2: (91.0, 0.0, 0.0)},
        HERE | {4: (180.0, 0.0, 1.0)},
        HERE | {2: (23.0, 61.0, 0.0)},
        HERE | {2: (IFDRational(1, 0), 0.0, 0.0)},
        HERE | {2: (IFDRational(0, 0), IFDRational(0, 0), IFDRational(0, 0))},
        HERE | {2: (1.0, 2.0, 3.0, 4.0)},
        HERE | {1: "X"},
        HERE | {1: "E"},
        HERE | {1: ""},
        HERE | {3: "north"},
    ],
)
def test_a_place_that_cannot_be_is_no_place(gps: dict[int, object]) -> None:
    assert read(gps=gps).place is None


def test_the_capture_date_counts_before_the_files_date_and_one_that_cannot_be_is_none() -> None:
    dates = {0x9003: "2020:01:02 03:04:05", 0x9004: "2021:01:02 03:04:05"}
    files = {0x0132: "2022:01:02 03:04:05"}
    assert read(main=files, sub=dates).taken_at == datetime(2020, 1, 2, 3, 4, 5)
    wrong = [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2020:13:01 00:00:00",
        "2020:02:30 10:00:00",
        "yesterday",
        "",
    ]
    for date in wrong:
        assert read(sub={0x9003: date}).taken_at is None
        assert read(main=files, sub={0x9003: date}).taken_at == datetime(2022, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("offset", "hours"),
    [("+05:30", 5.5), ("-03:00", -3), ("Z", 0), ("", None), ("   :  ", None), ("+99:00", None), ("nonsense", None)],
)
def test_the_zone_is_kept_if_the_camera_wrote_one(offset: str, hours: float | None) -> None:
    taken_at = sure(read(sub={0x9003: "2020:01:02 03:04:05", 0x9011: offset}).taken_at)
    zone = None if hours is None else timezone(timedelta(hours=hours))
    assert (taken_at.replace(tzinfo=None), taken_at.tzinfo) == (datetime(2020, 1, 2, 3, 4, 5), zone)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0garbage that is no TIFF header at all",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(256)) * 4,
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\0",  # its GPS block is itself
    ],
)
def test_a_garbage_exif_block_or_orientation_leaves_the_picture_as_stored(block: bytes) -> None:
    picture = read_photo(saved(pet_picture(64, 48), "JPEG", exif=block))
    assert (picture.image.size, picture.place) == ((64, 48), None)
    for orientation in (0, 9, 65535):
        assert read(main={0x0112: orientation}).image.size == (64, 48)
