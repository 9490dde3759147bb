"""Reads a picture safely: what an encoder, a gallery and a pet's record need of one photo, or a PhotoError."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from petfinder.domain.errors import PhotoError, PhotoTooLarge, UnreadablePhoto
from petfinder.domain.pets import AnyPhoto, Box, Photo, Place
from petfinder.domain.pixels import on_white
from petfinder.photos.damage import check_not_lost, check_promises
from petfinder.photos.exif import CameraNotes, camera_notes, upright

THUMBNAIL_SIDE = 512
# Encoders squash to 224-384 pixels. Reduced to no less than this, embeddings of `pocket-1` stayed within cosine 0.9958
# of the full size (69 noisy JPEGs of 1.2 to 48 megapixels, chosen to be reduced as far as it goes).
WORKING_SIDE = 720
_LONGEST = 8 * WORKING_SIDE  # a panorama of 60,000 x 700 would otherwise stay as large as it is
# Not Pillow's whole list: some of its readers start other programs (EPS runs Ghostscript).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP")
_ON_ITS_SIDE = (5, 6, 7, 8)
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/|(data):", re.IGNORECASE)
_lock = threading.Lock()
_readers = 0


@dataclass(frozen=True)
class PhotoLimits:
    """How large a photo may be: bytes of its file, pixels before it is reduced."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 89_000_000


DEFAULT_LIMITS = PhotoLimits()


@dataclass(frozen=True, eq=False)
class Picture:
    """What one photo gave.

    `image`: upright RGB, cut to the box with its margin, shorter side at most twice WORKING_SIDE pixels. `whole`: the
    same uncut, longest side below 2,048 pixels. `photo_id`: sha256 in hex of the file's bytes (of the RGB pixels for a
    PIL image) and the box. `taken_at` without zone is the camera's local time.
    """

    image: Image.Image
    whole: Image.Image
    photo_id: str
    taken_at: datetime | None
    place: Place | None

    @cached_property
    def thumbnail(self) -> bytes:
        """A JPEG of the whole picture without metadata, longest side at most 512 pixels; made when first read."""
        return thumbnail_of(self.whole)


class QueryPhoto(Photo):
    """A query's photo as it was read: `source` keeps the whole picture until the thumbnail is first asked for.

    To make it takes longer than all of a search in 1,000 pets, and most queries are never shown.
    """

    def __getattr__(self, name: str) -> Any:
        if name != "thumbnail":
            raise AttributeError(f"a photo has no {name!r}")
        made = thumbnail_of(self.source)
        self.__dict__.update(thumbnail=made, source=None)
        return made


def read_photo(photo: AnyPhoto, *, limits: PhotoLimits = DEFAULT_LIMITS) -> Picture:
    """One photo, read once and decoded once: a path, bytes, a file object, a PIL image, or a Photo with one of these.

    Raises UnreadablePhoto and PhotoTooLarge.
    """
    source, name, box = _parts(photo)
    if isinstance(source, Image.Image):
        whole, notes = _pixels(source, name, limits)
        photo_id = _digest(whole.tobytes(), box)
    else:
        content = _bytes(source, name, limits)
        with ThreadPoolExecutor(1) as beside:  # hashing takes about a tenth as long as decoding
            digest = beside.submit(_digest, content, box)
            whole, notes = decoded(content, name=name, max_pixels=limits.max_pixels, box=box)
        photo_id = digest.result()
    image = reduced(_cropped(whole, box))
    whole = _bounded(image if box is None else whole)
    return Picture(image, whole, photo_id, notes.taken_at, notes.place)


def _parts(photo: AnyPhoto) -> tuple[object, str, Box | None]:
    """Where the picture is, what messages call it, and the box."""
    source: object = photo
    uri = box = None
    if isinstance(photo, Photo):
        uri, box = photo.uri, photo.box
        source = uri if photo.source is None else photo.source
    if isinstance(source, np.ndarray):
        source = _image_of(source)
    if isinstance(source, (str, os.PathLike)):
        if address := _ADDRESS.match(os.fspath(source)):
            raise UnreadablePhoto(f"{address[1]}: addresses are not fetched: download the picture and give its path")
        source = Path(source)
    name = uri or (str(source) if isinstance(source, Path) else getattr(source, "name", None))
    return source, name if isinstance(name, str) and name else "the picture given in memory", box


def _image_of(pixels: np.ndarray[Any, Any]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        shape = "x".join(map(str, pixels.shape))
        raise UnreadablePhoto(f"an array of {shape} {pixels.dtype} is no photo: give RGB uint8, (height, width, 3)")
    return Image.fromarray(pixels)


def _bytes(source: object, name: str, limits: PhotoLimits) -> bytes:
    try:
        if isinstance(source, Path):
            found = source.stat()
            if not stat.S_ISREG(found.st_mode):  # a pipe would block for ever
                raise UnreadablePhoto(f"{name} is not a file: give the path of one picture")
            with source.open("rb") as file:
                content = file.read(min(found.st_size, limits.max_bytes) + 1)  # room for max_bytes takes 1 ms to make
                if len(content) > found.st_size:  # it grew, or its file system names no sizes
                    content += file.read(limits.max_bytes + 1 - len(content))
        elif isinstance(source, (bytes, bytearray, memoryview)):
            content = bytes(source)
        else:
            content = _stream_bytes(source, name, limits)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        sentence = f"{name} cannot be read ({reason}): check that the file is there and open to you"
        raise UnreadablePhoto(sentence) from error
    if len(content) > limits.max_bytes:
        raise PhotoTooLarge(f"{name} has more than {limits.max_bytes} bytes: make it smaller or raise max_photo_bytes")
    if not content:
        raise UnreadablePhoto(f"{name} is empty: give a file that holds a picture")
    return content


def _stream_bytes(source: object, name: str, limits: PhotoLimits) -> bytes:
    read = getattr(source, "read", None)
    if not callable(read):
        raise UnreadablePhoto(f"{name} is {type(source).__name__}: give a path, bytes, a file object or a PIL image")
    if callable(seekable := getattr(source, "seekable", None)) and seekable():
        source.seek(0)  # type: ignore[attr-defined]
    chunks, missing = [], limits.max_bytes + 1
    while missing > 0 and (chunk := read(missing)):
        if not isinstance(chunk, bytes):
            raise UnreadablePhoto(f"{name} is open as text: open it with mode 'rb'")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def _pixels(image: Image.Image, name: str, limits: PhotoLimits) -> tuple[Image.Image, CameraNotes]:
    with refusals(name):
        check_pixels(image, name=name, max_pixels=limits.max_pixels)
        notes = camera_notes(image)
        return upright(on_white(image), notes.orientation), notes


def decoded(data: bytes, *, name: str, max_pixels: int, box: Box | None = None) -> tuple[Image.Image, CameraNotes]:
    """The first picture in a file, upright, RGB, on white, and what the camera noted.

    A JPEG comes reduced already, as far as `reduced` would reduce the box; that saves most of the decoding. Messages
    call the file `name`. Raises PhotoTooLarge (before decoding), and UnreadablePhoto also for what Pillow lets pass.
    """
    with refusals(name), Image.open(io.BytesIO(data), formats=_formats()) as image:
        check_pixels(image, name=name, max_pixels=max_pixels)
        check_promises(data, image)
        pixels = image.width * image.height
        if image.format in ("JPEG", "MPO"):
            times = _reduction(*_size_of_box(image, box))
            image.draft(None, (math.ceil(image.width / times), math.ceil(image.height / times)))
        image.load()
        check_pixels(image, name=name, max_pixels=max_pixels)
        # Only now: some formats keep EXIF behind the pixels, and TIFF turns itself upright while it loads.
        notes = camera_notes(image)
        picture = on_white(image)
        check_not_lost(picture, data, image, pixels=pixels)
        return upright(picture, notes.orientation), notes


def check_pixels(image: Image.Image, *, name: str, max_pixels: int) -> None:
    """Raises PhotoTooLarge above `max_pixels`, UnreadablePhoto for a picture without pixels."""
    width, height = image.size
    if width < 1 or height < 1:
        raise UnreadablePhoto(f"{name} has no pixels: give another picture")
    if width * height > max_pixels:
        size = f"{width} x {height} pixels and the limit is {max_pixels}"
        raise PhotoTooLarge(f"{name} has {size}: make the picture smaller or raise max_photo_pixels")


def reduced(picture: Image.Image) -> Image.Image:
    """The picture at a half, a third, ... of its size: the smallest whose shorter side keeps WORKING_SIDE pixels."""
    times = _reduction(*picture.size)
    return picture.reduce(times) if times > 1 else picture


def _bounded(picture: Image.Image) -> Image.Image:
    """The picture reduced as far as Pillow does it before it makes a thumbnail."""
    times = max(picture.size) // (2 * THUMBNAIL_SIDE)
    return picture.reduce(times) if times > 1 else picture


def _reduction(width: float, height: float) -> int:
    return max(1, int(min(width, height) / WORKING_SIDE), int(max(width, height) / _LONGEST))


def _size_of_box(image: Image.Image, box: Box | None) -> tuple[float, float]:
    """Width and height of the box in a picture that is not turned upright yet."""
    if box is None:
        return image.size
    on_its_side = camera_notes(image).orientation in _ON_ITS_SIDE
    return image.width * (box.h if on_its_side else box.w), image.height * (box.w if on_its_side else box.h)


def _cropped(whole: Image.Image, box: Box | None) -> Image.Image:
    if box is None:
        return whole
    left, top = box.x - box.margin * box.w, box.y - box.margin * box.h
    right, bottom = box.x + (1 + box.margin) * box.w, box.y + (1 + box.margin) * box.h
    wide, high = whole.size
    x, y = max(0, math.floor(left * wide + 1e-6)), max(0, math.floor(top * high + 1e-6))
    end_x, end_y = min(wide, math.ceil(right * wide - 1e-6)), min(high, math.ceil(bottom * high - 1e-6))
    if end_x <= x or end_y <= y:
        raise UnreadablePhoto("the box holds not one pixel of the picture: draw it around the pet")
    return whole.crop((x, y, end_x, end_y))


def _digest(content: bytes, box: Box | None) -> str:
    digest = hashlib.sha256(content).hexdigest()
    if box is None:
        return digest
    return hashlib.sha256(f"{digest} {box.x!r} {box.y!r} {box.w!r} {box.h!r} {box.margin!r}".encode()).hexdigest()


def photo_id_of(photo: AnyPhoto, *, limits: PhotoLimits = DEFAULT_LIMITS) -> str:
    """The `photo_id` that `read_photo` gives, without decoding files; raises UnreadablePhoto and PhotoTooLarge."""
    source, name, box = _parts(photo)
    if isinstance(source, Image.Image):
        return _digest(_pixels(source, name, limits)[0].tobytes(), box)
    return _digest(_bytes(source, name, limits), box)


def thumbnail_of(image: Image.Image, *, side: int = THUMBNAIL_SIDE, quality: int = 85) -> bytes:
    """A JPEG of the whole picture without metadata, longest side at most `side` pixels."""
    picture = on_white(image)
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def is_bare(thumbnail: bytes) -> bool:
    """Whether a thumbnail is as this package makes them: a JPEG with no metadata, longest side at most 512 pixels."""
    try:
        with refusals("the thumbnail"), Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as image:
            metadata = {str(name) for name in image.info if not str(name).startswith(("jfif", "dpi"))}
            return not metadata and max(image.size) <= THUMBNAIL_SIDE
    except PhotoError:
        return False


def completed(photo: Photo, picture: Picture) -> Photo:
    """The photo with what its picture gave, its source dropped; the caller's date and place win over the camera's."""
    return photo.model_copy(update={**_notes(photo, picture), "thumbnail": picture.thumbnail, "source": None})


def completed_query(photo: Photo, picture: Picture) -> QueryPhoto:
    """A query's photo completed, but for its thumbnail, which is made when it is first read."""
    query = QueryPhoto.model_construct(**{**dict(photo), **_notes(photo, picture), "source": picture.whole})
    del query.__dict__["thumbnail"]
    return query


def _notes(photo: Photo, picture: Picture) -> dict[str, object]:
    return {
        "photo_id": picture.photo_id,
        "taken_at": photo.taken_at or picture.taken_at,
        "place": photo.place or picture.place,
    }


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turns whatever a decoder raises on broken bytes into the error for one photo, and keeps its warnings quiet."""
    try:
        with _quiet():
            yield
    except PhotoError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise PhotoTooLarge(f"{name} is too large to decode: make the picture smaller") from error
    except Exception as error:  # on broken bytes Pillow and its plugins raise nearly anything
        problem = f"{name} is not a picture or is broken ({type(error).__name__})"
        raise UnreadablePhoto(f"{problem}: give a whole JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP file") from error


@cache
def _formats() -> list[str]:
    import pillow_heif

    with _lock:
        pillow_heif.register_heif_opener()
        Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignores Pillow's warnings about corrupt metadata while at least one thread decodes.

    `warnings.catch_warnings` would put back the whole list of filters, and so undo what other threads set meanwhile:
    here only filters of one's own come and go, and they concern Pillow alone.
    """
    global _readers
    with _lock:
        _readers += 1
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("ignore", category=category, module=r"PIL\.|pillow_heif")
        filters = cast(list[object], warnings.filters)
        ours = filters[:2]
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                for entry in ours:
                    with suppress(ValueError):
                        filters.remove(entry)
