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

# Encoders squash to 224-384 pixels; a shorter side of 640 leaves them a picture that is finer than they see.
WORKING_SIDE = 640
_LONGEST = 8 * WORKING_SIDE  # a panorama of 60,000 x 600 would otherwise stay as large as it is
# Not Pillow's whole list: some of its readers start other programs (EPS runs Ghostscript).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP")
_ON_ITS_SIDE = (5, 6, 7, 8)

_lock = threading.Lock()
_readable: list[str] = []
_readers = 0


def decoded(data: bytes, *, name: str, max_pixels: int, box: Box | None = None) -> tuple[Image.Image, CameraNotes]:
    """The first picture in a file, upright, RGB, on white, reduced by `scale_for`; and what the camera noted.

    `name` is what messages call it. Raises PhotoTooLarge (before decoding) and UnreadablePhoto.
    """
    with refusals(name), Image.open(io.BytesIO(data), formats=_formats()) as image:
        check_pixels(image, name=name, max_pixels=max_pixels)
        if image.format in ("JPEG", "MPO"):
            scale = scale_for(_upright_size(image, camera_notes(image)), box)
            image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
        image.load()
        # Only now: some formats keep EXIF behind the pixels, and TIFF turns itself upright while it loads.
        notes = camera_notes(image)
        small = reduced(on_white(image), scale_for(_upright_size(image, notes), box))
        return turned(small, notes.orientation), notes


def reduced(picture: Image.Image, scale: float) -> Image.Image:
    """The picture at `scale` (at most 1) of its size."""
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def scale_for(size: tuple[int, int], box: Box | None) -> float:
    """By how much, at most 1, an upright picture may shrink so that the box's shorter side keeps WORKING_SIDE pixels.

    Very long pictures shrink further, to 8 times WORKING_SIDE.
    """
    sides = (size[0] * (box.w if box else 1.0), size[1] * (box.h if box else 1.0))
    return min(1.0, WORKING_SIDE / min(sides), _LONGEST / max(sides))


def check_pixels(image: Image.Image, *, name: str, max_pixels: int) -> None:
    """Raises PhotoTooLarge above `max_pixels`, UnreadablePhoto for a picture without pixels."""
    width, height = image.size
    if width < 1 or height < 1:
        raise UnreadablePhoto(f"{name} has no pixels: give another picture")
    if width * height > max_pixels:
        raise PhotoTooLarge(
            f"{name} has {width} x {height} pixels and the limit is {max_pixels}: "
            "make the picture smaller or raise the limit max_pixels"
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


def _upright_size(image: Image.Image, notes: CameraNotes) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if notes.orientation in _ON_ITS_SIDE else (width, height)


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
