"""What the camera wrote beside the pixels: which way is up, when, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from petfinder.domain.pets import Place

# Capture, digitising and file date, each with its offset from UTC: EXIF 2.32, table 8.
_DATES = (
    (Base.DateTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.OffsetTimeDigitized),
    (Base.DateTime, Base.OffsetTime),
)
_DATE = re.compile(r"([0-9]{4})[:/.-]([0-9]{1,2})[:/.-]([0-9]{1,2})[ T]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})")
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_FARTHEST_ZONE = timedelta(hours=14)  # Line Islands; no zone lies farther from UTC

Tags = Mapping[int, object]


@dataclass(frozen=True)
class CameraNotes:
    """What EXIF says: `orientation` 1 (as stored) to 8, `taken_at` and `place` as Photo has them."""

    orientation: int = 1
    taken_at: datetime | None = None
    place: Place | None = None


def camera_notes(image: Image.Image) -> CameraNotes:
    """The EXIF notes of an opened picture; what is missing or broken is left at its default."""
    try:
        exif = image.getexif()
    except Exception:  # Pillow's reader raises nearly anything on a broken block, which must not cost the photo
        return CameraNotes()
    main = _tags(exif)
    return CameraNotes(
        orientation=_orientation(main),
        taken_at=_taken_at({**main, **_sub_tags(exif, IFD.Exif)}),
        place=_place(_sub_tags(exif, IFD.GPSInfo)),
    )


def _orientation(tags: Tags) -> int:
    value = tags.get(Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _taken_at(tags: Tags) -> datetime | None:
    """The capture date, else the digitising date, else the file's; without zone where the camera wrote none."""
    for date_tag, offset_tag in _DATES:
        moment = _moment(_text(tags.get(date_tag)))
        if moment is not None:
            return moment.replace(tzinfo=_zone(_text(tags.get(offset_tag))))
    return None


def _place(tags: Tags) -> Place | None:
    """In degrees, south and west negative; None unless both angles come with their hemisphere.

    Exactly (0, 0), in the middle of the Atlantic, is what cameras write that had no fix: None.
    """
    lat = _angle(tags.get(GPS.GPSLatitude), _text(tags.get(GPS.GPSLatitudeRef)), "NS", 90)
    lon = _angle(tags.get(GPS.GPSLongitude), _text(tags.get(GPS.GPSLongitudeRef)), "EW", 180)
    if lat is None or lon is None or lat == lon == 0:
        return None
    return Place(lat=lat, lon=lon)


def _tags(exif: Image.Exif) -> Tags:
    try:
        return dict(exif)
    except Exception:  # as in camera_notes
        return {}


def _sub_tags(exif: Image.Exif, ifd: IFD) -> Tags:
    try:
        return exif.get_ifd(ifd)
    except Exception:  # as in camera_notes
        return {}


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return text.strip("\0 \t\r\n") if isinstance(text, str) else ""


def _moment(text: str) -> datetime | None:
    found = _DATE.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:  # 0000:00:00 and the like
        return None


def _zone(text: str) -> timezone | None:
    if text == "Z":
        return timezone.utc
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if offset > _FARTHEST_ZONE:
        return None
    return timezone(-offset if found[1] == "-" else offset)


def _angle(value: object, hemisphere: str, hemispheres: str, largest: float) -> float | None:
    """Degrees from (degrees, minutes, seconds) or a single number, negative in the second of the two hemispheres."""
    hemisphere = hemisphere.upper()
    if len(hemisphere) != 1 or hemisphere not in hemispheres:
        return None
    parts = value if isinstance(value, tuple) else (value,)
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not 1 <= len(numbers) <= 3 or not all(math.isfinite(number) and number >= 0 for number in numbers):
        return None
    if any(number > 60 for number in numbers[1:]):
        return None
    degrees = 0.0
    for number in reversed(numbers):
        degrees = degrees / 60 + number
    if degrees > largest:
        return None
    return -degrees if hemisphere == hemispheres[1] else degrees
