"""The animals that were found in a photo, drawn into its thumbnail."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from petfinder.domain.animals import Animals
from petfinder.domain.pets import Photo
from petfinder.photos.read import thumbnail_of

_LINE, _INK = "#ffd400", "#000000"


def boxed(photo: Photo, animals: Animals) -> Photo:
    """Draw a box with its number around each animal where there are several; else the photo as it is."""
    if len(animals) < 2:
        return photo
    try:
        with Image.open(io.BytesIO(photo.thumbnail or b""), formats=["JPEG"]) as file:
            picture = file.convert("RGB")
    except OSError:
        return photo
    draw, (wide, high) = ImageDraw.Draw(picture), picture.size
    font = ImageFont.load_default(max(picture.size) // 16)
    for number, box in enumerate(animals, 1):
        corner = (box.x * wide, box.y * high)
        draw.rectangle((*corner, (box.x + box.w) * wide - 1, (box.y + box.h) * high - 1), outline=_LINE, width=4)
        draw.rectangle(draw.textbbox(corner, f" {number} ", font), fill=_LINE)
        draw.text(corner, f" {number} ", _INK, font)
    return photo.model_copy(update={"thumbnail": thumbnail_of(picture)})
