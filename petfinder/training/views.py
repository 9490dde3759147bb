"""Changed views of a photo, as another camera, place or hour might have taken it: what must not matter."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.pixels import on_white

Pixels = NDArray[np.float32]

LONGEST_SIDE = 400  # pixels of the picture that a view is taken from: encoders look at 224 to 384
_BORDER = 0.25  # share of each side that is mirrored around the picture, for what a turned view sees beyond it
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_AREA, _ASPECT, _DEGREES = (0.35, 1.0), 0.3, 14.0  # the part of the picture, how far it is stretched and turned
_EXPOSURE, _GAINS, _CONTRAST, _SATURATION, _NOISE = 0.3, 0.08, 0.25, 0.25, 0.03
# the share of the views that are changed so
_TURNED, _MIRRORED, _DARK, _BLURRED, _PRESSED, _COVERED = 0.5, 0.5, 0.12, 0.2, 0.3, 0.2


def changed_views(picture: Image.Image, count: int, random: np.random.Generator) -> list[Image.Image]:
    """`count` changed views of an upright picture, RGB, longest side at most 400 pixels; `random` decides all."""
    small = on_white(picture) if picture.mode != "RGB" else picture.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC)
    rows, columns = (max(1, round(side * _BORDER)) for side in (small.height, small.width))
    bordered = Image.fromarray(np.pad(np.asarray(small), ((rows, rows), (columns, columns), (0, 0)), "symmetric"))
    return [_changed(bordered, small.size, (columns, rows), random) for _ in range(count)]


def _changed(
    bordered: Image.Image, size: tuple[int, int], border: tuple[int, int], random: np.random.Generator
) -> Image.Image:
    view = _other_frame(bordered, size, border, random)
    if random.random() < _BLURRED:
        view = _blurred(view, random)
    pixels = _other_light(np.asarray(view, np.float32) / np.float32(255), random)
    if random.random() < _COVERED:
        _cover(pixels, random)
    view = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
    return _pressed(view, random) if random.random() < _PRESSED else view


def _other_frame(
    bordered: Image.Image, size: tuple[int, int], border: tuple[int, int], random: np.random.Generator
) -> Image.Image:
    """A part of the picture, drawn out, turned and mirrored: each pixel of the view is looked up in the picture."""
    side = math.sqrt(random.uniform(*_AREA))
    stretch = math.exp(random.uniform(-_ASPECT / 2, _ASPECT / 2))
    width, height = min(1.0, side * stretch) * size[0], min(1.0, side / stretch) * size[1]
    centre_x = border[0] + random.uniform(width / 2, size[0] - width / 2)
    centre_y = border[1] + random.uniform(height / 2, size[1] - height / 2)
    angle = math.radians(random.uniform(-_DEGREES, _DEGREES)) if random.random() < _TURNED else 0.0
    across = -1.0 if random.random() < _MIRRORED else 1.0
    cosine, sine = math.cos(angle), math.sin(angle)
    out = (max(1, round(width)), max(1, round(height)))
    row_x = (cosine * across, -sine, centre_x - cosine * across * out[0] / 2 + sine * out[1] / 2)
    row_y = (sine * across, cosine, centre_y - sine * across * out[0] / 2 - cosine * out[1] / 2)
    return bordered.transform(out, Image.Transform.AFFINE, (*row_x, *row_y), Image.Resampling.BILINEAR)


def _other_light(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Exposure, the colour of the light, contrast, saturation, and for some the noise of a dark hour."""

    def factor(most: float) -> np.float32:
        return np.float32(math.exp(random.uniform(-most, most)))

    gains = np.exp(random.uniform(-_GAINS, _GAINS, 3))
    pixels = pixels * (gains * math.exp(random.uniform(-_EXPOSURE, _EXPOSURE))).astype(np.float32)
    middle = np.float32(pixels.mean())
    pixels = middle + (pixels - middle) * factor(_CONTRAST)
    grey: Pixels = (pixels @ _GREY)[..., None]
    pixels = grey + (pixels - grey) * factor(_SATURATION)
    if random.random() < _DARK:
        darker: Pixels = pixels.clip(0, 1) ** np.float32(random.uniform(1.2, 2)) * np.float32(random.uniform(0.5, 1))
        return darker + random.normal(0, _NOISE, pixels.shape).astype(np.float32)
    return pixels


def _blurred(view: Image.Image, random: np.random.Generator) -> Image.Image:
    share = random.uniform(0.3, 0.8)
    small = view.resize((max(1, round(view.width * share)), max(1, round(view.height * share))))
    return small.resize(view.size, Image.Resampling.BILINEAR)


def _cover(pixels: Pixels, random: np.random.Generator) -> None:
    """Something of one colour before the pet: a rectangle, its sides 15 to 45 % of the view's."""
    height, width = (max(1, round(side * random.uniform(0.15, 0.45))) for side in pixels.shape[:2])
    top, left = (
        int(random.integers(0, whole - part + 1)) for whole, part in zip(pixels.shape[:2], (height, width), strict=True)
    )
    pixels[top : top + height, left : left + width] = random.random(3)


def _pressed(view: Image.Image, random: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    view.save(file, "JPEG", quality=int(random.integers(25, 85)))
    with Image.open(file) as pressed:
        return pressed.convert("RGB")
