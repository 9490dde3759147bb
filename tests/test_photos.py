"""Reading a picture safely: every kind of file upright in RGB, its hash, thumbnail, and errors that say what to do."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from petfinder.domain.errors import PhotoError, PhotoTooLarge, UnreadablePhoto
from petfinder.domain.pets import Box, Photo, Place
from petfinder.encoders.pocket import PocketEncoder
from petfinder.photos.read import (
    WORKING_SIDE,
    PhotoLimits,
    completed,
    completed_query,
    photo_id_of,
    read_photo,
    thumbnail_of,
)
from tests.photo_samples import grey, on_white_by_hand, pet_picture, saved, see_through

SAME = 0.995  # cosine
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF")


@pytest.fixture(scope="module")
def encoder() -> PocketEncoder:
    return PocketEncoder()


def cosine(encoder: PocketEncoder, one: Image.Image, other: Image.Image) -> float:
    first, second = encoder.encode_images([one, other])
    return float(first @ second)


def as_png(picture: Image.Image) -> bytes:
    return saved(picture.convert("RGB"), "PNG")


def with_own_pixels(file: bytes) -> tuple[bytes, bytes]:
    with Image.open(io.BytesIO(file)) as opened:
        return file, as_png(opened)


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_path_bytes_and_file_object_have_one_photo_id_a_pil_image_that_of_its_pixels(tmp_path: Path) -> None:
    picture, content = pet_picture(), saved(pet_picture(), "JPEG")
    path = tmp_path / "luigi.jpg"
    path.write_bytes(content)
    with path.open("rb") as file:
        ids = {read_photo(given).photo_id for given in (path, str(path), content, io.BytesIO(content), file)}
        assert ids == {hashlib.sha256(content).hexdigest()} == {photo_id_of(path), photo_id_of(file)}
    assert read_photo(picture).photo_id == photo_id_of(picture) == hashlib.sha256(picture.tobytes()).hexdigest()
    assert photo_id_of(picture.convert("RGBA")) == photo_id_of(picture)

    boxes = (None, Box(x=0, y=0, w=1, h=1), Box(x=0, y=0, w=0.5, h=0.5), Box(x=0, y=0, w=0.5, h=0.5, margin=0.1))
    photos = [Photo(source=content, box=box) for box in boxes]
    assert len({photo_id_of(photo) for photo in photos}) == len(boxes)  # each box has its own
    assert [read_photo(photo).photo_id for photo in photos] == [photo_id_of(photo) for photo in photos]


def test_a_file_object_is_read_from_its_start_and_a_stream_that_cannot_seek_to_its_end() -> None:
    content = saved(pet_picture(), "PNG")
    file = io.BytesIO(content)
    file.seek(100)
    assert read_photo(file).image.size == (640, 480)

    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as whole:
            whole.write(content)

    with ThreadPoolExecutor(1) as pool, os.fdopen(reader, "rb", buffering=0) as stream:
        pool.submit(feed)
        assert read_photo(stream).photo_id == hashlib.sha256(content).hexdigest()


def test_reading_leaves_a_pil_image_as_it_was_and_a_source_counts_before_its_uri() -> None:
    picture, content = pet_picture().convert("RGBA"), saved(pet_picture(), "JPEG")
    picture.info = {"comment": "mine"}
    before = picture.tobytes()
    read = read_photo(picture)
    read.image.paste((0, 0, 0), (0, 0, 50, 50))
    assert (picture.tobytes(), picture.info, picture.mode) == (before, {"comment": "mine"}, "RGBA")
    assert read_photo(Photo(uri="elsewhere/gone.jpg", source=content)).photo_id == photo_id_of(content)
    with pytest.raises(UnreadablePhoto, match="give a path"):
        read_photo(Photo())


def _kinds() -> dict[str, tuple[bytes, bytes]]:
    """Name -> the file, and its own pixels as an upright RGB PNG."""
    picture = pet_picture()
    palette, bits, layered = picture.quantize(256), picture.convert("1"), see_through(picture)
    grey_picture = picture.convert("L")
    plain, grey_png, on_white = as_png(picture), as_png(grey_picture), as_png(on_white_by_hand(picture))
    keyed = palette.copy()
    keyed.paste(255, (0, 0, 200, 200))
    white = Image.new("RGB", picture.size, "white")
    keyed_white = as_png(Image.composite(white, palette.convert("RGB"), keyed.point(lambda v: 255 * (v == 255), "L")))
    frames = [picture.quantize(128), Image.new("P", picture.size), Image.new("P", picture.size)]
    moving: dict[str, object] = {"save_all": True, "append_images": frames[1:]}
    cmyk = saved(picture.convert("CMYK"), "JPEG", quality=95)
    small: dict[str, object] = {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]}
    several, several_fine = (saved(picture, "MPO", quality=quality, **small) for quality in (92, 98))
    grey_and_alpha = as_png(on_white_by_hand(grey_picture.convert("RGB")))
    return {
        "JPEG": with_own_pixels(saved(picture, "JPEG", quality=92)),
        "JPEG, as the picture it was made from": (saved(picture, "JPEG", quality=98), plain),
        "progressive JPEG": with_own_pixels(saved(picture, "JPEG", quality=92, progressive=True)),
        "progressive JPEG, as the picture it was made from": (
            saved(picture, "JPEG", quality=98, progressive=True),
            plain,
        ),
        "grey JPEG": (saved(grey_picture, "JPEG", quality=92), grey_png),
        "CMYK JPEG": with_own_pixels(cmyk),
        "CMYK JPEG, as the RGB it was made from": (cmyk, plain),
        "CMYK TIFF": (saved(picture.convert("CMYK"), "TIFF"), plain),
        "several pictures in one JPEG": with_own_pixels(several),
        "several pictures in one JPEG, as the first of them": (several_fine, plain),
        "PNG": (plain, plain),
        "RGBA PNG": (saved(layered, "PNG"), on_white),
        "grey and alpha PNG": (saved(layered.convert("LA"), "PNG"), grey_and_alpha),
        "palette PNG": (saved(palette, "PNG"), as_png(palette)),
        "palette PNG with a transparent colour": (saved(keyed, "PNG", transparency=255), keyed_white),
        "palette PNG with alphas": (saved(keyed, "PNG", transparency=b"\xff" * 255 + b"\0"), keyed_white),
        "1-bit PNG": (saved(bits, "PNG"), as_png(bits)),
        "16-bit PNG": (saved(grey(picture, np.uint16, 65535), "PNG"), grey_png),
        "16-bit TIFF": (saved(grey(picture, np.uint16, 65535), "TIFF"), grey_png),
        "32-bit TIFF of 16-bit values": (saved(grey(picture, np.int32, 65535), "TIFF"), grey_png),
        "32-bit TIFF of 8-bit values": (saved(grey(picture, np.int32, 255), "TIFF"), grey_png),
        "float TIFF 0-1": (saved(grey(picture, np.float32, 1), "TIFF"), grey_png),
        "float TIFF 0-255": (saved(grey(picture, np.float32, 255), "TIFF"), grey_png),
        "WebP": with_own_pixels(saved(picture, "WEBP", quality=92)),
        "WebP with alpha": (saved(layered, "WEBP", lossless=True), on_white),
        "animated WebP": with_own_pixels(saved(picture, "WEBP", quality=92, **moving)),
        "GIF": (saved(palette, "GIF"), as_png(palette)),
        "animated GIF": (saved(frames[0], "GIF", **moving), as_png(frames[0])),
        "animated PNG": (saved(picture, "PNG", **moving), plain),
        "BMP": (saved(picture, "BMP"), plain),
        "TIFF": (saved(picture, "TIFF", compression="tiff_lzw"), plain),
        "TIFF of several pages": (saved(picture, "TIFF", **moving), plain),
        "HEIC": (saved(picture, "HEIF", quality=90), plain),
        "HEIC with alpha": (saved(layered, "HEIF", quality=95), on_white),
    }


KINDS = _kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_has_the_embedding_of_its_upright_rgb_pixels(kind: str, encoder: PocketEncoder) -> None:
    file, png = KINDS[kind]
    read = read_photo(file)
    with Image.open(io.BytesIO(png)) as expected:
        assert (read.image.mode, read.image.size) == ("RGB", expected.size)
        assert cosine(encoder, read.image, expected) > SAME


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_every_orientation_in_every_format_is_turned_upright(file_format: str, orientation: int) -> None:
    stored, tagged, exif = pet_picture(160, 120), pet_picture(160, 120).copy(), oriented(orientation).tobytes()
    tagged.info["exif"] = exif
    expected = ImageOps.exif_transpose(tagged).convert("RGB")
    options: dict[str, object] = {"quality": 95} if file_format in ("JPEG", "HEIF") else {"lossless": True}
    read = read_photo(saved(stored, file_format, exif=exif, **options))
    assert read.image.size == expected.size
    assert np.abs(np.asarray(read.image, float) - np.asarray(expected, float)).mean() < 6


def test_photos_of_cameras_and_phones_are_their_own_pixels_upright(shared: Path, encoder: PocketEncoder) -> None:
    turned = sorted((shared / "exif" / "orientation").glob("*.jpg"))
    assert len(turned) == 16
    for file in (*turned, *(shared / "exif" / "heic" / name for name in ("IMG_5195.HEIC", "samplefilehub.heif"))):
        with Image.open(file) as photo:
            full = ImageOps.exif_transpose(photo).convert("RGB") if file in turned else photo.convert("RGB")
        read = read_photo(file).image
        assert cosine(encoder, read, full) > SAME, file.name
        assert cosine(encoder, read, read_photo(as_png(full)).image) > SAME, file.name
        if file in turned:
            assert (read.width > read.height) == file.name.startswith("landscape"), file.name


def test_transparent_means_white_and_never_black() -> None:
    nothing = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    declared = [("L", 7), ("RGB", (7, 8, 9)), ("1", 0)]
    coloured: list[Any] = [
        saved(Image.new(mode, (20, 10), cast("int", value)), "PNG", transparency=value) for mode, value in declared
    ]
    for given in (nothing, nothing.convert("LA"), nothing.convert("RGBa"), saved(nothing, "PNG"), *coloured):
        assert read_photo(given).image.getextrema() == ((255, 255),) * 3


def test_16_bits_are_scaled_and_not_clipped_and_wild_values_leave_the_rest_visible() -> None:
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    for values in (ramp, ramp.astype(np.int32), ramp / np.float32(65535)):
        read = np.asarray(read_photo(Image.fromarray(values)).image)[..., 0].ravel().astype(int)
        assert np.abs(read - ramp.ravel() / 257).max() <= 1
    wild = np.array(grey(pet_picture(), np.float32, 1))
    wild[:2, :2] = [[np.nan, np.inf], [-np.inf, 3e38]]
    assert np.asarray(read_photo(Image.fromarray(wild)).image).std() > 20


def test_a_large_jpeg_is_reduced_without_changing_its_embedding(encoder: PocketEncoder) -> None:
    for size in ((4000, 3000), (2 * WORKING_SIDE, 2 * WORKING_SIDE + 300), (2559, 1441), (1600, 1200), (8192, 6144)):
        full = pet_picture().resize(size, Image.Resampling.BICUBIC)
        read = read_photo(saved(full, "JPEG", quality=90))
        assert WORKING_SIDE <= min(read.image.size) < 2 * WORKING_SIDE
        assert cosine(encoder, read.image, full) > SAME, size
    panorama = read_photo(saved(pet_picture().resize((30_000, 600)), "JPEG"))
    assert max(panorama.image.size) <= 16 * WORKING_SIDE


def test_a_box_cuts_the_upright_picture_with_its_margin_and_keeps_the_pixels_that_it_needs() -> None:
    colours = Image.new("RGB", (400, 200), "red")
    colours.paste((0, 0, 255), (200, 0, 400, 200))
    content = saved(colours, "PNG", exif=oriented(6))  # stored lying on its side: upright, red is above blue
    lower = read_photo(Photo(source=content, box=Box(x=0, y=0.5, w=1, h=0.5))).image
    assert lower.size == (200, 200)
    assert lower.getextrema() == ((0, 0), (0, 0), (255, 255))
    wider = read_photo(Photo(source=content, box=Box(x=0.25, y=0.5, w=0.5, h=0.25, margin=0.5))).image
    assert wider.size == (200, 200)
    assert wider.getpixel((100, 10)) == (255, 0, 0)
    large = Photo(source=saved(pet_picture().resize((4000, 3000)), "JPEG"), box=(0.4, 0.4, 0.3, 0.3))
    read = read_photo(large)
    assert min(read.image.size) == 900
    with Image.open(io.BytesIO(read.thumbnail)) as thumbnail:
        assert thumbnail.size == (512, 384)


def test_a_thumbnail_carries_no_metadata_and_can_be_made_of_any_mode() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "S", 2: (23.0, 33.0, 1.0), 3: "W", 4: (46.0, 38.0, 2.0)})
    exif[0x010F] = "SECRETCAMERA"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    notes: dict[str, object] = {"exif": exif, "icc_profile": profile}
    xmp = b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>"
    picture = pet_picture(900, 700)
    files = [
        saved(picture, "JPEG", **notes, xmp=xmp, comment="SECRETNOTE"),
        saved(picture, "WEBP", **notes, xmp=xmp),
        saved(picture, "PNG", **notes),
    ]
    for file in files:
        thumbnail = read_photo(file).thumbnail
        assert (b"SECRET" in file, b"SECRET" in thumbnail) == (True, False)
        with Image.open(io.BytesIO(thumbnail)) as opened:
            assert (opened.format, opened.size, dict(opened.getexif())) == ("JPEG", (512, 398), {})
            assert not {"exif", "xmp", "icc_profile", "comment"} & set(opened.info)
    for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"):
        with Image.open(io.BytesIO(thumbnail_of(Image.new(mode, (30, 2000))))) as opened:
            assert opened.size == (8, 512)
    with Image.open(io.BytesIO(thumbnail_of(Image.new("RGB", (5, 7))))) as opened:
        assert opened.size == (5, 7)  # a small picture stays small


def test_a_query_makes_its_thumbnail_when_it_is_first_read_of_a_picture_of_bounded_size() -> None:
    exif = oriented(6)
    exif[0x010F] = "SECRETCAMERA"
    content = saved(pet_picture(3000, 2500), "JPEG", exif=exif)
    for photo in (Photo(source=io.BytesIO(content)), Photo(source=content, box=(0.1, 0.1, 0.2, 0.2))):
        picture = read_photo(photo)
        assert max(picture.whole.size) < 2048
        query = completed_query(photo, picture)
        copies = [query, query.model_copy(update={"place": Place(lat=1, lon=2)}), pickle.loads(pickle.dumps(query))]
        assert all("thumbnail" not in vars(copy) for copy in copies)
        assert (repr(query), query.model_dump(), query) == (repr(copies[2]), copies[2].model_dump(), copies[2])
        for copy in copies:
            assert copy.thumbnail == completed(photo, picture).thumbnail
            assert (copy.source, b"SECRET" in (copy.thumbnail or b"")) == (None, False)
        with pytest.raises(AttributeError, match="nothing"):
            _ = query.nothing


def test_a_picture_that_is_plain_but_for_its_edge_is_no_lost_one() -> None:
    framed = ImageOps.expand(Image.new("RGB", (1100, 1100), "white"), 50, "black")
    framed.paste(Image.effect_noise((1200, 50), 90).convert("RGB"), (0, 1150))
    assert read_photo(saved(framed, "JPEG", quality=95)).image.size == (1200, 1200)


def test_a_file_whose_size_is_not_known_is_read_to_its_end() -> None:
    kernel = Path("/proc/version")
    if not kernel.is_file():
        pytest.skip("this system has no /proc")
    assert photo_id_of(kernel) == hashlib.sha256(kernel.read_bytes()).hexdigest()


def test_a_completed_photo_keeps_the_callers_date_and_place() -> None:
    exif = Image.Exif()
    exif[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0)})
    content = saved(pet_picture(), "JPEG", exif=exif)
    picture = read_photo(content)
    bare = completed(Photo(uri="a.jpg", source=content), picture)
    assert (bare.taken_at, bare.place, bare.source) == (picture.taken_at, Place(lat=1, lon=2), None)
    assert (bare.uri, bare.photo_id, bare.thumbnail) == ("a.jpg", picture.photo_id, picture.thumbnail)
    own = Photo(source=content, taken_at="2024-05-06T07:08:09Z", place=(-1, -2))
    assert (completed(own, picture).taken_at, completed(own, picture).place) == (own.taken_at, own.place)


def test_what_is_not_a_picture_is_unreadable_and_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("empty.jpg", "text.jpg", "folder.jpg", "pipe.jpg", "missing.jpg", "\0.jpg", "x" * 300 + ".jpg"):
        with pytest.raises(UnreadablePhoto) as caught:
            read_photo(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


@cache
def whole(kind: str) -> bytes:
    return saved(pet_picture(), kind)


def part_of(kind: str, share: float) -> bytes:
    return whole(kind)[: int(share * len(whole(kind)))]


def never_copied_behind(share: float) -> bytes:
    return part_of("JPEG", share).ljust(len(whole("JPEG")), b"\0")


def header_and_end(left: int) -> bytes:
    return whole("JPEG")[: whole("JPEG").index(b"\xff\xda") + 14 + left] + b"\xff\xd9"


def closed() -> io.BytesIO:
    file = io.BytesIO(whole("PNG"))
    file.close()
    return file


def blank_before_others(kind: str) -> bytes:
    """The first frame is one colour, the rest is not: as in a file whose first picture is lost."""
    frames = [pet_picture(320, 240).rotate(angle) for angle in range(0, 90, 30)]
    return saved(Image.new("RGB", (320, 240), "grey"), kind, save_all=True, append_images=frames)


NO_PICTURES = [b"", b"\xff\xd8\xff", "", 7, None, io.StringIO("text"), np.zeros((4, 4, 3))]
UNREADABLE: list[Callable[[], object]] = [
    *(partial(lambda given: given, given) for given in NO_PICTURES),
    closed,
    lambda: Image.new("RGB", (0, 5)),
    lambda: saved(pet_picture(64, 48), "EPS"),  # its reader would start another program
    *(partial(part_of, kind, share) for kind in FORMATS for share in (0.02, 0.3, 0.6, 0.95)),
    *(partial(never_copied_behind, share) for share in (0.05, 0.5, 0.9)),
    *(partial(header_and_end, left) for left in (0, 6, 60)),
    *(partial(blank_before_others, kind) for kind in ("WEBP", "GIF", "TIFF")),
]


@pytest.mark.parametrize("given", UNREADABLE)
def test_what_cannot_hold_a_picture_or_has_lost_a_part_is_unreadable(given: Callable[[], object]) -> None:
    with pytest.raises(UnreadablePhoto):
        read_photo(given())  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (640, 480), (3000, 2000)])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_or_picture_that_is_meant_to_be_one_colour_is_read(file_format: str, size: tuple[int, int]) -> None:
    plain = Image.new("RGB", size, (200, 30, 40))
    assert read_photo(saved(plain, file_format)).image.width >= 1
    assert read_photo(plain).image.width >= 1


def test_too_many_bytes_are_refused_without_reading_on(tmp_path: Path) -> None:
    limits, content = PhotoLimits(max_bytes=1000), saved(pet_picture(), "PNG")
    path, file = tmp_path / "big.png", io.BytesIO(content)
    path.write_bytes(content)
    for given in (content, path, file):
        with pytest.raises(PhotoTooLarge, match="max_photo_bytes"):
            read_photo(given, limits=limits)
        with pytest.raises(PhotoTooLarge, match="1000"):
            photo_id_of(given, limits=limits)
    assert file.tell() == 1001
    assert read_photo(content, limits=PhotoLimits(max_bytes=len(content))).image.size == (640, 480)


def test_too_many_pixels_are_refused_and_a_bomb_of_pixels_or_of_text_before_it_is_decoded() -> None:
    limits = PhotoLimits(max_pixels=640 * 480 - 1)
    for given in (saved(pet_picture(), "JPEG"), saved(pet_picture(), "PNG"), pet_picture()):
        with pytest.raises(PhotoTooLarge, match="640 x 480"):
            read_photo(given, limits=limits)
    assert read_photo(pet_picture(), limits=PhotoLimits(max_pixels=640 * 480)).image.size == (640, 480)
    for side in (10_000, 20_000):
        bomb = saved(Image.new("1", (side, side)), "PNG")
        assert len(bomb) < 100_000
        with pytest.raises(PhotoTooLarge):
            read_photo(bomb)
    text = PngInfo()
    for number in range(80):
        text.add_text(f"note {number}", "x" * 1_000_000, zip=True)
    with pytest.raises(PhotoError):
        read_photo(saved(pet_picture(64, 48), "PNG", pnginfo=text))


def test_pillows_warnings_stay_quiet_in_threads_and_everybody_elses_are_heard() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\x00" + b"\x12\x01\x03\0\xff\0\0\0\xff\xff\xff\xff" * 3
    content = saved(pet_picture(64, 48), "JPEG", exif=exif)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(read_photo, [content] * 64))
    assert {picture.image.size for picture in pictures} == {(64, 48)}
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)


def test_importing_loads_no_decoder() -> None:
    code = "import sys, petfinder.photos.read as _; print({'pillow_heif', 'PIL.TiffImagePlugin'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pillow_heif" not in done.stdout
