"""Any kind of pixels as RGB on white: alpha, palettes, CMYK, 16 bits, floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float32]

_ALPHA = {"LA": "LA", "PA": "PA", "RGBA": "RGBA", "La": "LA", "RGBa": "RGBA"}  # mode -> the same, not premultiplied
_WHITES = (255.0, 65535.0)


def on_white(image: Image.Image) -> Image.Image:
    """A copy as RGB without metadata: what is transparent shows white, deep pixels are scaled to 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":
        picture = _eight_bits(image)
    elif image.mode in _ALPHA or "transparency" in image.info:
        picture = _flattened(image)
    else:
        picture = image.convert("RGB")
    picture.info = {}
    return picture


def _flattened(image: Image.Image) -> Image.Image:
    plain = _ALPHA.get(image.mode, image.mode)
    layered = (image if plain == image.mode else image.convert(plain)).convert("RGBA")
    picture = Image.new("RGB", layered.size, "white")
    picture.paste(layered, mask=layered.getchannel("A"))
    return picture


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits. "I;16" has its white at 65535; "I" and "F" do not say, so their values must."""
    values = np.nan_to_num(np.array(image, dtype=np.float32), copy=False, posinf=0.0, neginf=0.0)
    bottom, top = (0.0, 65535.0) if image.mode.startswith("I;16") else _span(values, image.mode)
    see_through = image.info.get("transparency")
    clear = values == see_through if isinstance(see_through, int) else None
    np.clip(values, bottom, top, out=values)
    values -= bottom
    values *= 255.0 / (top - bottom)
    np.rint(values, out=values)
    if clear is not None:
        values[clear] = 255
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _span(values: Pixels, mode: str) -> tuple[float, float]:
    """Black and white: 0 and the smallest usual white that nearly all values keep below, else the values' own range.

    "Nearly all", since a few wild values must not make the rest one grey.
    """
    sample = values.ravel()[:: max(1, values.size // 1_000_000)]
    low, high = (float(edge) for edge in np.percentile(sample, (0.5, 99.5)))
    for white in (1.0, *_WHITES) if mode == "F" else _WHITES:
        if low >= 0 and high <= white:
            return 0.0, white
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))
