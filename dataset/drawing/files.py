"""The data set's files as bytes: photos with EXIF, the manifest, the list of queries. Knows who owns which pet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from .album import CUT_OUT, QUERIES, REGISTERED, TURNED, Shot
from .people import COLUMNS, PEOPLE, row
from .picture import cutout, draw

QUALITY = 86
STORED: dict[int, Image.Transpose] = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def photos() -> dict[str, Callable[[], bytes]]:
    """The pets' photos and the finders' pictures, by path."""
    shots = [replace(s, orientation=TURNED.get(s.file, 1)) for album in REGISTERED.values() for s in album]
    shots += [query.shot for query in QUERIES]
    made: dict[str, Callable[[], bytes]] = {s.file: partial(jpeg, s) for s in shots}
    made[CUT_OUT.file] = partial(png, CUT_OUT)
    return made


def jpeg(shot: Shot) -> bytes:
    """The photo as a camera would store it."""
    picture = draw(shot.look, pose=shot.pose, place=shot.place, light=shot.light, seed=shot.seed, turn=shot.turn)
    if shot.orientation != 1:
        picture = picture.transpose(STORED[shot.orientation])
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, subsampling=2, optimize=True, exif=exif(shot))
    return out.getvalue()


def png(shot: Shot) -> bytes:
    """The pet cut out, on a transparent ground."""
    whole = cutout(shot.look, pose=shot.pose, light=shot.light, seed=shot.seed, turn=shot.turn)
    box = whole.getchannel("A").getbbox() or (0, 0, *whole.size)
    left, top, right, bottom = box
    whole = whole.crop((left - 30, top - 20, right + 30, bottom + 20))
    out = io.BytesIO()
    whole.save(out, "PNG", optimize=True, exif=exif(shot))
    return out.getvalue()


def exif(shot: Shot) -> bytes:
    """Camera, date with offset, place, and the orientation under which the photo is stored."""
    _, lat, lon = shot.spot
    when = shot.when
    offset = when.strftime("%z")
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x0112] = "petfinder", "render", shot.orientation
    tags[0x0132] = when.strftime("%Y:%m:%d %H:%M:%S")
    inner = tags.get_ifd(0x8769)
    inner[0x9003] = when.strftime("%Y:%m:%d %H:%M:%S")
    inner[0x9011] = f"{offset[:3]}:{offset[3:]}"
    gps = tags.get_ifd(0x8825)
    gps[1], gps[2] = ("N" if lat >= 0 else "S"), _degrees(lat)
    gps[3], gps[4] = ("E" if lon >= 0 else "W"), _degrees(lon)
    return tags.tobytes()


def _degrees(angle: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    hundredths = round(abs(angle) * 360_000)
    whole, rest = divmod(hundredths, 360_000)
    minutes, seconds = divmod(rest, 6_000)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, 100)


def tables() -> dict[str, Callable[[], bytes]]:
    """The manifest and the list of queries, by path."""
    return {"manifest.csv": manifest, "queries.csv": queries}


def manifest() -> bytes:
    """One line a pet: what it is, who owns it, which photos show it."""
    lines = []
    for pet_id, album in REGISTERED.items():
        shown = [s.file for s in album] + ([CUT_OUT.file] if CUT_OUT.look == album[0].look else [])
        lines.append(row(pet_id, PEOPLE[pet_id], album[0].look.species, shown))
    return _csv(COLUMNS, lines)


def queries() -> bytes:
    """One line a finder's picture: the pet that it shows, where it was taken and what the finder says."""
    lines = [(q.shot.file, q.shot.look.species, q.pet_id, q.shot.spot[0], q.note) for q in QUERIES]
    return _csv(("file", "species", "pet_id", "where", "note"), lines)


def _csv(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return out.getvalue().encode()
