"""From the bytes of a file to an upright RGB picture, or an error that says what to do.

Knows Pillow and pillow-heif (loaded at the first photo), the pixel limit and EXIF's orientation; no pet, no file.
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

from PIL import Image

from petfinder.errors import PhotoError, PhotoTooLarge, UnreadablePhoto
from petfinder.exif import CameraNotes, camera_notes
from petfinder.pets import Box
from petfinder.pixels import on_white, turned
from petfinder.wholeness import check_not_lost, check_promises

# Encoders squash to 224-384 pixels. Reduced to no less than this, embeddings of `pocket-1` stayed within cosine 0.9958
# of the full size (69 noisy JPEGs of 1.2 to 48 megapixels, chosen to be reduced as far as it goes).
WORKING_SIDE = 720
_LONGEST = 8 * WORKING_SIDE  # a panorama of 60,000 x 700 would otherwise stay as large as it is
# Not Pillow's whole list: some of its readers start other programs (EPS runs Ghostscript).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP")
_ON_ITS_SIDE = (5, 6, 7, 8)

_lock = threading.Lock()
_readable: list[str] = []
_readers = 0


def decoded(data: bytes, *, name: str, max_pixels: int, box: Box | None = None) -> tuple[Image.Image, CameraNotes]:
    """The first picture in a file, upright, RGB, on white, and what the camera noted.

    A JPEG comes reduced already, as far as `reduced` would reduce the box; that saves most of the decoding. `name` is
    what messages call the file. Raises PhotoTooLarge (before decoding) and UnreadablePhoto, the latter also for damage
    that Pillow lets pass.
    """
    with refusals(name), Image.open(io.BytesIO(data), formats=_formats()) as image:
        check_pixels(image, name=name, max_pixels=max_pixels)
        check_promises(data, image)
        pixels = image.width * image.height
        if image.format in ("JPEG", "MPO"):
            times = _reduction(*_seen_size(image, box))
            image.draft(None, (math.ceil(image.width / times), math.ceil(image.height / times)))
        image.load()
        check_pixels(image, name=name, max_pixels=max_pixels)
        # Only now: some formats keep EXIF behind the pixels, and TIFF turns itself upright while it loads.
        notes = camera_notes(image)
        picture = on_white(image)
        check_not_lost(picture, data, image, pixels=pixels)
        return turned(picture, notes.orientation), notes


def reduced(picture: Image.Image) -> Image.Image:
    """The picture at a half, a third, ... of its size: the smallest whose shorter side keeps WORKING_SIDE pixels.

    So the shorter side ends between WORKING_SIDE and twice that. Very long pictures shrink further.
    """
    times = _reduction(*picture.size)
    return picture.reduce(times) if times > 1 else picture


def _reduction(width: float, height: float) -> int:
    return max(1, int(min(width, height) / WORKING_SIDE), int(max(width, height) / _LONGEST))


def _seen_size(image: Image.Image, box: Box | None) -> tuple[float, float]:
    """Width and height of the box in a picture that is not turned upright yet."""
    if box is None:
        return image.size
    on_its_side = camera_notes(image).orientation in _ON_ITS_SIDE
    return image.width * (box.h if on_its_side else box.w), image.height * (box.w if on_its_side else box.h)


def check_pixels(image: Image.Image, *, name: str, max_pixels: int) -> None:
    """Raises PhotoTooLarge above `max_pixels`, UnreadablePhoto for a picture without pixels."""
    width, height = image.size
    if width < 1 or height < 1:
        raise UnreadablePhoto(f"{name} has no pixels: give another picture")
    if width * height > max_pixels:
        raise PhotoTooLarge(
            f"{name} has {width} x {height} pixels and the limit is {max_pixels}: "
            "make the picture smaller or raise max_photo_pixels"
        )


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
        raise UnreadablePhoto(
            f"{name} is not a picture or is broken ({type(error).__name__}): "
            "give a whole JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP file"
        ) from error


def _formats() -> list[str]:
    with _lock:
        if not _readable:
            import pillow_heif

            pillow_heif.register_heif_opener()
            Image.init()
            _readable.extend(name for name in _FORMATS if name in Image.OPEN)
    return _readable


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
