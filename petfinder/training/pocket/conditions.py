"""How a photo of the same pet may differ from the registered one: one change at a time, each the same at every call."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from petfinder.domain.pets import Box
from petfinder.training.pocket.optics import Plane, filled, grain, moved_blur, picture_of, plane_of, resized, softened
from petfinder.training.pocket.rephotographed import of_a_poster, of_a_screen

_EDGE = (0.3, 0.7)  # the pet's edge lies where the mask, blown up to the photo's size, passes these
_JPEG_QUALITY = 30
_SMEAR = 0.04
_HIDDEN_SHARE = 0.3
_FRINGE = 0.1  # of a pet's mask
_LINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo to be changed: `picture` upright RGB, `mask` (any, any) in 0-1 and `box` where the pet is.

    Without a box no pet was found in it. `place` is a picture of something else; `seed` decides all that is random.
    """

    picture: Image.Image
    mask: Plane
    box: Box | None
    place: Image.Image
    seed: int

    def random(self, purpose: str) -> np.random.Generator:
        """Chance for one purpose, the same at every call."""
        return np.random.default_rng((self.seed, zlib.crc32(purpose.encode())))

    def outline(self) -> Plane:
        """Where the pet is in each pixel of the picture, (h, w) in 0-1, with an edge a few pixels wide."""
        low, high = _EDGE
        sharp: Plane = np.clip((resized(self.mask, self.picture.size) - low) / (high - low), 0, 1)
        return sharp * sharp * (3 - 2 * sharp)

    def corners(self) -> tuple[float, float, float, float]:
        """The pet's box in pixels: left, top, right, bottom."""
        box = self.box or Box(x=0, y=0, w=1, h=1)
        width, height = self.picture.size
        return box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height


Change = Callable[[Scene], Image.Image]


@dataclass(frozen=True)
class Condition:
    """One way in which a photo may differ: its name, how it is made, and whether the pet's place must be known."""

    name: str
    change: Change
    needs_pet: bool = False


def rotated(scene: Scene, *, degrees: float) -> Image.Image:
    """The camera held askew: turned about the middle in the same frame, at the same scale, not cut to what was seen.

    What turns into the frame at its corners is the picture mirrored at its edge; every other photo turns the other way.
    """
    width, height = scene.picture.size
    margin = max(width, height) // 3  # more than comes in from beyond the edge at 20 degrees
    sides = ((margin, margin), (margin, margin), (0, 0))
    larger = Image.fromarray(np.pad(np.asarray(scene.picture), sides, mode="reflect"))
    turned = larger.rotate(degrees if scene.seed % 2 else -degrees, Image.Resampling.BICUBIC)
    return turned.crop((margin, margin, margin + width, margin + height))


def mirrored(scene: Scene) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(scene.picture)


def smaller(scene: Scene, *, times: int) -> Image.Image:
    """The same photo with so many times fewer pixels on each side, as a preview or a messenger keeps it."""
    width, height = scene.picture.size
    return scene.picture.resize((max(1, width // times), max(1, height // times)), Image.Resampling.BICUBIC)


def tight_crop(scene: Scene) -> Image.Image:
    """Cut to the pet's box."""
    left, top, right, bottom = (round(edge) for edge in scene.corners())
    return scene.picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def loose_crop(scene: Scene) -> Image.Image:
    """Taken from twice as far: the pet half as large, in the middle of a frame of as many pixels as the photo has.

    What lies beyond the photo is its own surroundings mirrored at the edge, the pet filled in with colours around it.
    """
    width, height = scene.picture.size
    left, top, right, bottom = scene.corners()
    # Wider than the pet, so that no fringe of its fur colours what is filled in.
    pet = Image.fromarray(scene.mask > _FRINGE).convert("L").filter(ImageFilter.MaxFilter(3))
    around = picture_of(filled(plane_of(scene.picture), resized(plane_of(pet), (width, height), _LINEAR)))
    sides = ((height, height), (width, width), (0, 0))
    large = np.pad(np.asarray(softened(around, 0.003)), sides, mode="symmetric")
    large[height : 2 * height, width : 2 * width] = np.asarray(scene.picture)
    x, y = int((left + right) / 2), int((top + bottom) / 2)  # the frame reaches one width and height to either side
    frame = Image.fromarray(large[y : y + 2 * height, x : x + 2 * width])
    return frame.resize((width, height), Image.Resampling.BICUBIC)


def compressed(scene: Scene) -> Image.Image:
    """Stored as a JPEG of low quality."""
    file = io.BytesIO()
    scene.picture.save(file, "JPEG", quality=_JPEG_QUALITY)
    with Image.open(file, formats=("JPEG",)) as stored:
        return stored.convert("RGB")


def in_the_dark(scene: Scene) -> Image.Image:
    """Little light: darker throughout, the shadows most, with the grain of a sensor at its limit."""
    dimmed = 0.5 * plane_of(scene.picture) ** 1.6
    return picture_of(dimmed + grain(scene.picture.size, 0.035, scene.random("dark")))


def backlit(scene: Scene) -> Image.Image:
    """The light behind the pet: surroundings near white, the pet dark, some of the light spilling over its edge."""
    pet = scene.outline()[:, :, np.newaxis]
    pixels = plane_of(scene.picture)
    behind = 0.45 + 0.65 * pixels**0.7
    lit = pet * (0.38 * pixels**1.3) + (1 - pet) * np.clip(behind, 0, 1)
    spilled = plane_of(softened(picture_of(lit), 0.05))
    return picture_of(0.85 * lit + 0.15 * spilled + 0.03)


def smeared(scene: Scene) -> Image.Image:
    """The camera or the pet moved: smeared by 4 % of the width along one direction."""
    direction = float(scene.random("smeared").uniform(0, 180))
    return moved_blur(scene.picture, _SMEAR * scene.picture.width, direction)


def elsewhere(scene: Scene) -> Image.Image:
    """The pet in another place: all but the pet is another photo."""
    place = ImageOps.fit(scene.place, scene.picture.size, Image.Resampling.BICUBIC)
    pet = picture_of(scene.outline())
    return Image.composite(scene.picture, place, pet)


def partly_hidden(scene: Scene) -> Image.Image:
    """Something stands before the pet: 30 % of its box, from one of its four sides, shows another photo instead."""
    left, top, right, bottom = scene.corners()
    side = int(scene.random("hidden").integers(4))
    across, down = (right - left) * _HIDDEN_SHARE, (bottom - top) * _HIDDEN_SHARE
    covers = (
        (left, top, left + across, bottom),
        (right - across, top, right, bottom),
        (left, top, right, top + down),
        (left, bottom - down, right, bottom),
    )
    cover = tuple(round(edge) for edge in covers[side])
    size = max(1, cover[2] - cover[0]), max(1, cover[3] - cover[1])
    changed = scene.picture.copy()
    changed.paste(ImageOps.fit(scene.place, size, Image.Resampling.BICUBIC), (cover[0], cover[1]))
    return changed


def from_a_screen(scene: Scene) -> Image.Image:
    """A photo of a screen that shows the photo."""
    return of_a_screen(scene.picture, scene.random("screen"))


def from_a_poster(scene: Scene) -> Image.Image:
    """A photo of a poster on a wall that shows the photo."""
    return of_a_poster(scene.picture, scene.random("poster"))


CONDITIONS: tuple[Condition, ...] = (
    Condition("turned by 10 degrees", partial(rotated, degrees=10)),
    Condition("turned by 20 degrees", partial(rotated, degrees=20)),
    Condition("mirror image", mirrored),
    Condition("half the size", partial(smaller, times=2)),
    Condition("a quarter of the size", partial(smaller, times=4)),
    Condition("tight crop", tight_crop, needs_pet=True),
    Condition("loose crop", loose_crop, needs_pet=True),
    Condition("JPEG quality 30", compressed),
    Condition("dark", in_the_dark),
    Condition("backlit", backlit, needs_pet=True),
    Condition("motion blur", smeared),
    Condition("another background", elsewhere, needs_pet=True),
    Condition("partly hidden", partly_hidden, needs_pet=True),
    Condition("photo of a screen", from_a_screen),
    Condition("photo of a poster", from_a_poster),
)
