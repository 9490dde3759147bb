"""What the camera wrote beside the pixels: which way is up, when, and where."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from petfinder.domain.errors import InvalidPet
from petfinder.domain.pets import Place

# Capture, digitising and file date, each with its offset from UTC: EXIF 2.32, table 8.
_DATES = (
    (Base.DateTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.OffsetTimeDigitized),
    (Base.DateTime, Base.OffsetTime),
)
_TURNS = {  # EXIF 2.32, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FARTHEST_ZONE = timedelta(hours=14)  # Line Islands; no zone lies farther from UTC
_DATE = re.compile(r"(\d{4})" + r"\D(\d{1,2})" * 5, re.ASCII)

Tags = Mapping[int, object]


@dataclass(frozen=True)
class CameraNotes:
    """What EXIF says: `orientation` 1 (as stored) to 8, `taken_at` and `place` as Photo has them."""

    orientation: int = 1
    taken_at: datetime | None = None
    place: Place | None = None


def camera_notes(image: Image.Image) -> CameraNotes:
    """The EXIF notes of an opened picture; what is missing or broken is left at its default."""
    main = _block(image.getexif)
    orientation = main.get(Base.Orientation)
    if not (isinstance(orientation, int) and 1 <= orientation <= 8):
        orientation = 1
    taken_at = _taken_at({**main, **_block(lambda: image.getexif().get_ifd(IFD.Exif))})
    return CameraNotes(orientation, taken_at, _place(_block(lambda: image.getexif().get_ifd(IFD.GPSInfo))))


def _block(read: Callable[[], Tags]) -> Tags:
    try:
        return dict(read())
    except Exception:  # Pillow's reader raises nearly anything on a broken block, which must not cost the photo
        return {}


def _taken_at(tags: Tags) -> datetime | None:
    """The capture date, else the digitising date, else the file's; without zone where the camera wrote none."""
    for date_tag, offset_tag in _DATES:
        found = _DATE.match(_text(tags.get(date_tag)))
        with suppress(ValueError):  # 0000:00:00 and the like
            year, month, day, hour, minute, second = map(int, found.groups() if found else ())
            return datetime(year, month, day, hour, minute, second, tzinfo=_zone(_text(tags.get(offset_tag))))
    return None


def _place(tags: Tags) -> Place | None:
    """In degrees, south and west negative; None unless both angles come with their hemisphere.

    Exactly (0, 0), in the middle of the Atlantic, is what cameras write that had no fix: None.
    """
    try:
        lat = {"N": 1, "S": -1}[_text(tags[GPS.GPSLatitudeRef])] * _degrees(tags[GPS.GPSLatitude])
        lon = {"E": 1, "W": -1}[_text(tags[GPS.GPSLongitudeRef])] * _degrees(tags[GPS.GPSLongitude])
        return None if lat == lon == 0 else Place(lat=lat, lon=lon)
    except (LookupError, TypeError, ValueError, ArithmeticError, InvalidPet):
        return None


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return text.strip("\0 \t\r\n").upper() if isinstance(text, str) else ""


def _zone(text: str) -> tzinfo | None:
    with suppress(ValueError):
        moment = datetime.strptime(text, "%z")
        offset = moment.utcoffset()
        return moment.tzinfo if offset is not None and abs(offset) <= _FARTHEST_ZONE else None
    return None


def _degrees(value: Any) -> float:
    """Degrees from (degrees, minutes, seconds) or a single number; raises what a value that is no angle brings."""
    degrees, *smaller = (float(part) for part in (value if isinstance(value, tuple) else (value,)))
    if degrees < 0 or len(smaller) > 2 or not all(0 <= number <= 60 for number in smaller):
        raise ValueError("this is no angle")
    return degrees + sum(number / 60.0**power for power, number in enumerate(smaller, 1))


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture the right way up, by EXIF's orientation 1 to 8."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)
