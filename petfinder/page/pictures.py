"""Pictures made for the page: tiles, and the card that messengers show. None has EXIF."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageOps

from petfinder.photos.read import thumbnail_of

TILE = 320
CARD = (1200, 630)  # what Open Graph's readers ask for
_GROUND = (243, 240, 234)


@lru_cache(maxsize=200)
def small(thumbnail: bytes) -> bytes:
    """The thumbnail with at most 320 pixels a side."""
    with Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as whole:
        return thumbnail_of(whole, side=TILE, quality=75)


def card(thumbnail: bytes | None) -> bytes:
    """A JPEG of 1200x630 with the whole thumbnail in its middle."""
    made = Image.new("RGB", CARD, _GROUND)
    if thumbnail is not None:
        with Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as whole:
            picture = ImageOps.contain(whole.convert("RGB"), CARD)
        made.paste(picture, ((CARD[0] - picture.width) // 2, (CARD[1] - picture.height) // 2))
    file = io.BytesIO()
    made.save(file, "JPEG", quality=80)
    return file.getvalue()
