"""Whether a file that decoded without complaint is damaged all the same, so that no blank picture is embedded."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image

# A picture counts as blank when this share of it lies, in every channel, within so many neighbouring values of 256.
_BLANK_SHARE, _BLANK_VALUES = 0.99, 5
# What one colour costs at most, in bytes a pixel. A JPEG with four channels and the usual tables (ITU-T T.81, annex K)
# spends 24 bits on 64 pixels; other formats, and zlib on plain pixels, a fraction of that. The 1 % not blank may
# take 3 bytes a pixel; headers and tables come on top.
_FLAT_JPEG, _FLAT_OTHER, _NOT_BLANK = 24 / 8 / 64, 0.01, (1 - _BLANK_SHARE) * 3
_HEADER_BYTES = 1024
_LEAST_FLAT_JPEG = 1 / 8 / 64  # one bit for each block of 64 pixels
_EMPTY_TAIL = bytes(64)
_START_OF_JPEG_PIXELS, _END_OF_JPEG = b"\xff\xda", b"\xff\xd9"


def check_promises(data: bytes, image: Image.Image) -> None:
    """Before decoding: raises if a PNG's checksums do not fit, or a JPEG ends in zeros, as after a failed copy."""
    if image.format == "PNG":
        with Image.open(io.BytesIO(data), formats=["PNG"]) as again:  # Pillow cannot use a picture after verify()
            again.verify()
    elif image.format in ("JPEG", "MPO") and data.endswith(_EMPTY_TAIL):
        end = data.rfind(_END_OF_JPEG)
        if end < _metadata_bytes(image):  # it belongs to a thumbnail inside the metadata, if it is there at all
            raise ValueError("the picture's data end in zeros")


def check_not_lost(picture: Image.Image, data: bytes, image: Image.Image, *, pixels: int) -> None:
    """After decoding: raises if the picture is blank while the file holds far more, or in a JPEG less, than blankness.

    `picture` is the decoded RGB, `image` what Pillow opened, `pixels` how many the file says. One honest colour passes.
    """
    if image.format == "PNG" or not _is_blank(picture):  # a PNG has shown by its checksums that it is whole
        return
    is_jpeg = image.format in ("JPEG", "MPO")
    content = _content_bytes(data, image)
    if content > ((_FLAT_JPEG if is_jpeg else _FLAT_OTHER) + _NOT_BLANK) * pixels + _HEADER_BYTES:
        raise ValueError("the picture is blank although its file is not")
    if is_jpeg and content < _LEAST_FLAT_JPEG * pixels:
        raise ValueError("most of the picture's data is missing")


def _is_blank(picture: Image.Image) -> bool:
    wide, high = picture.size
    allowed = wide * high - _BLANK_SHARE * wide * high
    # Nearly always the middle alone has more pixels that differ than the whole may have.
    middle = picture.crop((wide // 3, high // 3, wide - wide // 3, high - high // 3))
    return all(_differing(part) <= allowed for part in (middle, picture))


def _differing(picture: Image.Image) -> int:
    """How many pixels lie beside the most frequent values, in the channel where most do."""
    counts = picture.histogram()
    neighbours = (np.convolve(counts[first : first + 256], np.ones(_BLANK_VALUES), "valid") for first in (0, 256, 512))
    return picture.width * picture.height - int(min(each.max() for each in neighbours))


def _content_bytes(data: bytes, image: Image.Image) -> int:
    metadata = _metadata_bytes(image)
    if image.format in ("JPEG", "MPO"):
        return len(data) - max(metadata, data.find(_START_OF_JPEG_PIXELS, metadata))
    if image.format in ("BMP", "TIFF"):  # may hold their pixels as they are: only what zlib leaves is content
        return len(zlib.compress(data)) - metadata
    return len(data) - metadata


def _metadata_bytes(image: Image.Image) -> int:
    """Bytes of EXIF, colour profile and the like; 0 for what is not known."""
    segments = getattr(image, "applist", None)  # JPEG: every application segment and comment
    parts = (
        [part for _, part in segments]
        if segments is not None
        else [image.info.get(kind) for kind in ("exif", "icc_profile", "xmp")]
    )
    return sum(len(part) for part in parts if isinstance(part, (bytes, str)))
