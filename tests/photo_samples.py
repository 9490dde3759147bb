"""Pictures for the tests of photo reading: a real photo where it is at hand, else one drawn here; and its files."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()

_REAL = Path(__file__).resolve().parents[2] / "shared" / "identity" / "photos" / "dog" / "00.jpg"


@cache
def pet_picture(width: int = 640, height: int = 480) -> Image.Image:
    """An RGB picture with structure at all scales; nobody may change it."""
    if _REAL.is_file():
        with Image.open(_REAL) as photo:
            return photo.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    return _drawn().resize((width, height), Image.Resampling.LANCZOS)


def saved(picture: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def grey(picture: Image.Image, dtype: type, white: float) -> Image.Image:
    """The picture in grey with its white at `white`, in a deep mode."""
    return Image.fromarray((np.asarray(picture.convert("L")) * (white / 255)).astype(dtype))


def see_through(picture: Image.Image) -> Image.Image:
    """The picture as RGBA, transparent outside an ellipse; on white it is `on_white_by_hand`."""
    layered = picture.convert("RGBA")
    layered.putalpha(_ellipse(picture.size))
    return layered


def on_white_by_hand(picture: Image.Image) -> Image.Image:
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), _ellipse(picture.size))


def _ellipse(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((size[0] // 8, size[1] // 8, size[0] * 7 // 8, size[1] * 7 // 8), fill=255)
    return mask


def _drawn() -> Image.Image:
    """A shaggy animal before a fence: layers of noise from coarse to fine, and outlines."""
    random = np.random.default_rng(11)
    pixels = np.zeros((480, 640, 3))
    for cells in (4, 8, 20, 40):
        layer = Image.fromarray(random.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8))
        pixels += np.asarray(layer.resize((640, 480), Image.Resampling.BICUBIC)) / 4
    picture = Image.fromarray(pixels.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for x in range(0, 640, 64):
        pen.rectangle((x, 0, x + 8, 200), fill=(90, 60, 40))
    pen.ellipse((180, 160, 460, 440), fill=(190, 150, 100), outline=(60, 40, 20), width=6)
    pen.ellipse((250, 230, 290, 270), fill=(20, 20, 20))
    pen.ellipse((350, 230, 390, 270), fill=(20, 20, 20))
    return picture
