"""What visitors hand in: photos of every size, what is none, and what comes back of them. After OWASP ASVS 5.0, V5."""

from __future__ import annotations

import io
import itertools
import re
import socket
import struct
import zlib
from contextlib import closing, suppress
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw

from petfinder.page.desk import UPLOAD_LIMIT
from tests.page.conftest import GARDEN, MARKUP
from tests.page.serving import Answer, Form, Served, asked, encoded, let_in

ADDRESSES = (f"10.20.{high}.{low}" for high, low in itertools.product(range(256), range(1, 255)))
GPS, MAKER = 0x8825, 0x010F


def sent(town: Served, *files: tuple[str, bytes], field: str = "photos") -> Answer:
    return asked(town.url, "/found", form=[(field, file) for file in files], by=next(ADDRESSES))


def picture(kind: str = "JPEG", side: int = 300, **how: object) -> bytes:
    file, drawn = io.BytesIO(), Image.new("RGB", (side, side), (90, 120, 60))
    ImageDraw.Draw(drawn).ellipse((60, 60, 240, 240), fill=(200, 160, 90))
    drawn.save(file, kind, **how)
    return file.getvalue()


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that says how large it is, with these rows."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_a_photo_of_20_megabytes_is_searched_with(town: Served) -> None:
    file, noise = io.BytesIO(), np.random.default_rng(1).integers(0, 255, (3000, 3300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=94, subsampling=0)
    assert 20 * 2**20 < len(file.getvalue()) < UPLOAD_LIMIT

    assert sent(town, ("large.jpg", file.getvalue())).leads_to.startswith("/found/")


def test_a_larger_one_is_refused_with_its_size(town: Served) -> None:
    answer = sent(town, ("large.jpg", GARDEN.read_bytes().ljust(UPLOAD_LIMIT + 2**18, b"\0")))

    assert answer.status == 422
    assert "large.jpg has 25.3 MB" in answer.text


@pytest.mark.parametrize("length", [b"Content-Length: 40000000", b"Transfer-Encoding: chunked"])
def test_what_is_far_too_much_is_refused_before_all_of_it_was_read(town: Served, length: bytes) -> None:
    place, kind, told = urlsplit(town.url), encoded([("photos", ("a", b""))])[1].encode(), 0
    head = b"POST /found HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + kind + b"\r\n" + length + b"\r\n\r\n"
    part = encoded([("photos", ("a", b"0" * 2**20))])[0].removesuffix(b"--edge--\r\n")
    with closing(socket.create_connection((place.hostname or "", place.port or 0), timeout=60)) as line:
        line.sendall(head)
        with suppress(OSError):  # answered already
            while b"chunked" in length and told < 100:
                line.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                told += 1
                line.settimeout(0.01)
                with suppress(TimeoutError):
                    if line.recv(1, socket.MSG_PEEK):
                        break
                line.settimeout(60)
        line.settimeout(60)
        answer = line.recv(2**16)

    assert answer.startswith(b"HTTP/1.1 413") or (b"chunked" in length and answer.startswith(b"HTTP/1.1 400"))
    assert told < 100


def test_at_most_12_photos_are_taken_and_the_sentence_says_so(town: Served) -> None:
    photo = ("a.jpg", picture())

    assert sent(town, *[photo] * 12).status == 303
    refused = sent(town, *[photo] * 13)
    assert refused.status == 400
    assert "at most 12 photos" in refused.text


@pytest.mark.parametrize(
    "bomb",
    [
        png_of(30_000, 30_000, b"\0" * (3751 * 30_000)),
        png_of(2**31 - 1, 2**31 - 1),
        png_of(12_000, 12_000),
        picture("GIF")[:6] + struct.pack("<HH", 65_535, 65_535) + picture("GIF")[10:],
        b"GIF89a"
        + struct.pack("<HH", 20_000, 20_000)
        + b"\0\0\0,\0\0\0\0"
        + struct.pack("<HH", 20_000, 20_000)
        + b"\0\x08;",
        picture("BMP")[:18] + struct.pack("<ii", 60_000, 60_000) + picture("BMP")[26:],
    ],
)
def test_pixel_floods_are_refused_by_what_they_say_of_themselves(town: Served, bomb: bytes) -> None:
    answer = sent(town, ("flood.jpg", bomb))

    assert answer.status == 422
    assert "flood.jpg" in answer.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.jpg", b"<html><script>alert(1)</script>"),
        ("drawing.png", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("archive.jpg", b"PK\x03\x04" + b"\0" * 400),
        ("program.jpeg", b"MZ" + b"\0" * 400),
        ("script.webp", b"#!/bin/sh\nexit"),
        ("postscript.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        ("half.jpg", picture()[:300]),
        ("start.jpg", b"\xff\xd8\xff\xe0"),
        ("text.heic", b"Dear diary, ..."),
    ],
)
def test_what_is_no_photo_is_refused_by_its_bytes_whatever_it_is_called(
    town: Served, name: str, content: bytes
) -> None:
    answer = sent(town, (name, content))

    assert answer.status == 422
    assert 'role="alert"' in answer.text
    assert name in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_photo_is_one_whatever_it_is_called(town: Served, kind: str) -> None:
    assert sent(town, ("program.exe", picture(kind))).status == 303


def test_a_files_name_is_shown_as_text_and_writes_nothing(town: Served) -> None:
    before = {*town.log.parent.iterdir()}
    for name in (
        f"{MARKUP}.jpg",
        "../../pwned.jpg",
        "/tmp/pwned.jpg",
        "C:\\pwned.jpg",
        "a" * 4000,
        "‮gpj.exe",
    ):
        refused, taken = sent(town, (name, b"no photo")), sent(town, (name, picture()))
        assert refused.status == 422
        assert "<img src=x" not in refused.text
        assert len(refused.text) < 5000
        assert taken.status == 303

    assert {*town.log.parent.iterdir()} == before
    assert not [*town.log.parent.parent.rglob("pwned*")]


def test_what_comes_back_is_made_anew_without_what_the_camera_wrote(town: Served) -> None:
    exif = Image.Exif()
    exif[MAKER] = "the camera of a stranger"
    exif.get_ifd(GPS).update({1: "N", 2: (37.0, 46.0, 12.0), 3: "W", 4: (122.0, 25.0, 50.0)})
    photo = picture(exif=exif, comment=b"<script>") + b"<script>what stands behind the picture</script>"

    volunteer = let_in(town.url, address=next(ADDRESSES))
    typed: Form = [("species", "dog"), ("name", "Anew"), ("photos", ("mine.jpg", photo))]
    asked(town.url, "/volunteers/new/found", form=typed, cookie=volunteer)
    found = sent(town, ("mine.jpg", photo)).leads_to
    pets = set(re.findall(r'"(/pets/[\w-]+)"', asked(town.url, "/pets").text))
    [pet] = [page for path in pets if "Anew" in (page := asked(town.url, path).text)]
    pictures = {f"{found}/0.jpg", *re.findall(r"/(?:photos|cards)/[\w/-]+\.jpg", pet)}

    assert len(pictures) == 3
    for path in pictures:
        answer = asked(town.url, path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        with Image.open(io.BytesIO(answer.body), formats=["JPEG"]) as shown:
            shown.load()
            assert not shown.getexif()
            assert "comment" not in shown.info
        assert b"script" not in answer.body
        assert b"stranger" not in answer.body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=edge", b""),
        ("multipart/form-data; boundary=edge", b"--edge\r\n"),
        ("multipart/form-data; boundary=edge", b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--\r\n"),
        ("multipart/form-data; boundary=edge", encoded([("photos", ("a.jpg", picture()))])[0][:-9]),
        ("multipart/form-data; boundary=edge", b"\0\xff" * 3000),
        ("multipart/form-data", encoded([("photos", ("a.jpg", b""))])[0]),
        ("multipart/form-data; boundary=" + "e" * 5000, b"--e"),
        ("multipart/form-data; boundary=edge", encoded([("photos", ("a", b"")), ("at", "x" * 70_000)])[0]),
        ("multipart/form-data; boundary=edge", encoded([("photos", ("a", b"")), *[("at", "x")] * 61])[0]),
        ("multipart/form-data; boundary=edge", b"--edge\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n"),
        ("application/x-www-form-urlencoded", b"place=" + b"1" * 70_000),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 70)),
        ("application/x-www-form-urlencoded", b"%ff%fe%00=%zz&place=%ed%a0%80"),
        ("application/json", b'{"photos": []}'),
        ("", b"photos"),
    ],
)
def test_broken_and_empty_forms_get_a_page_that_says_so(town: Served, kind: str, body: bytes) -> None:
    answer = asked(town.url, "/found", {"Content-Type": kind}, method="POST", body=body, by=next(ADDRESSES))

    assert answer.status in (400, 422)
    assert "<h1>" in answer.text


ODD = ["", "1e999", "nan", "-1", "9" * 30, "91,181", "\0", "9999-12-31T23:59", "0001-01-01", "\ud7ff", "x" * 3000]


@pytest.mark.parametrize("odd", ODD)
def test_odd_values_get_a_sentence(town: Served, odd: str) -> None:
    search, volunteer = sent(town, ("a.jpg", picture())).leads_to, let_in(town.url, address=next(ADDRESSES))
    tapped = [("lat", "1"), ("lon", "1"), ("zoom", "9"), ("at.x", "1"), ("at.y", "1")]
    photo = ("photos", ("a.jpg", picture()))
    for field in ("lat", "lon", "zoom", "at.x", "at.y", "place", "at"):
        form = [*(one for one in tapped if one[0] != field), (field, odd)]
        assert asked(town.url, search, form=form, by=next(ADDRESSES)).status in (303, 422)
        assert asked(town.url, f"{search}?{urlencode([(field, odd)])}").status in (200, 404, 422)
        assert asked(town.url, f"/map.svg?lat=1&lon=1&{urlencode([(field, odd)])}").status in (200, 404, 422)
    for field in ("words", "species", "status", "days", "near", "km", "page"):
        assert asked(town.url, f"/pets?near=1,1&{urlencode([(field, odd)])}").status in (200, 404, 422)
    for field in ("species", "sex", "indoor", "status_at", "status_place", "owner_phone", "microchip"):
        answer = asked(town.url, "/volunteers/new/lost", form=[(field, odd), photo], cookie=volunteer)
        assert answer.status in (303, 422)
    for number in ("-9", "9" * 30):
        assert asked(town.url, f"{search}/{number}.jpg").status == 404


@pytest.mark.parametrize("date", ["0001:01:01 00:00:00", "2199:01:01 00:00:00"])
def test_a_camera_whose_clock_is_wrong_is_no_reason_to_fail(town: Served, date: str) -> None:
    exif = Image.Exif()
    exif[0x0132] = date
    found = sent(town, ("photo.jpg", picture(exif=exif))).leads_to

    assert asked(town.url, found).status == 200
    assert asked(town.url, found, form=[("place", "37.7, -122.4")], by=next(ADDRESSES)).status == 303


def test_an_old_photo_says_nothing_of_where_and_when_a_pet_was_lost(town: Served) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2020:03:20 10:00:00"
    answer = asked(town.url, "/lost", form=[("photos", ("old.jpg", picture(exif=exif)))], by=next(ADDRESSES))

    assert "2020-03-20" not in asked(town.url, answer.leads_to).text
