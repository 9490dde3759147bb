"""Thumbnails as they are shown: of photos that came without one, and with boxes around the animals."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress

from PIL import Image, ImageDraw, ImageFont

from petfinder.domain.animals import Animals
from petfinder.domain.errors import PetfinderError
from petfinder.domain.pets import Photo
from petfinder.domain.shown import Listing
from petfinder.photos.read import read_photo, thumbnail_of

_LINE, _INK = "#ffd400", "#000000"


def pictured(photo: Photo, stored: bytes | None = None) -> Photo:
    """Give a photo without a thumbnail the one that is stored, else its file's, if this is what was registered."""
    if photo.thumbnail or hasattr(photo.source, "read"):  # a stream is left to who registers it
        return photo
    if stored is None:
        with suppress(PetfinderError):
            read = read_photo(photo)
            stored = read.thumbnail if photo.photo_id in (None, read.photo_id) else None
    return photo.model_copy(update={"thumbnail": stored})


def all_pictured(photos: Sequence[tuple[str, Photo]], listing: Sequence[object]) -> list[Photo]:
    """Give photos, each named with its pet's id, the thumbnails that their listing can read, else their files'."""
    stored: Sequence[bytes | None] = [None] * len(photos)
    if isinstance(listing, Listing) and listing.read:
        with suppress(PetfinderError):
            stored = listing.read([(pet_id, photo.photo_id or "") for pet_id, photo in photos])
    return [pictured(photo, jpeg) for (_, photo), jpeg in zip(photos, stored, strict=True)]


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
