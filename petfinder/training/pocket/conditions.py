"""How a photo of the same pet may differ from the registered one: one change at a time, each the same at every call."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from petfinder.domain.pets import Box

Plane = NDArray[np.float32]
"""Pixels (h, w) or (h, w, 3) in 0-1."""

_EDGE = (0.3, 0.7)  # the pet's edge lies where the mask, blown up to the photo's size, passes these
_JPEG_QUALITY = 30
_SMEAR = 0.04
_HIDDEN_SHARE = 0.3
_GRAIN_SIDE = 320  # so that grain looks the same in a large photo and in a small one
_SHOWN_SIDE = 640  # pixels of what a screen or a poster shows
_SLANT = 0.05
_BEZEL, _ROOM = (14, 14, 16), (50, 50, 50)
_SCREEN_CAST = np.array([0.93, 0.99, 1.06], np.float32)
_PAPER, _INK = (245, 240, 224), (45, 42, 40)
_WALLS = ((201, 196, 186), (176, 186, 190), (188, 174, 158), (150, 160, 150), (214, 208, 196))
_BICUBIC = Image.Resampling.BICUBIC


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
        mask = plane_of(picture_of(self.mask).resize(self.picture.size, _BICUBIC))
        sharp: Plane = np.clip((mask - low) / (high - low), 0, 1)
        return sharp * sharp * (3 - 2 * sharp)

    def corners(self) -> tuple[float, float, float, float]:
        """The pet's box in pixels: left, top, right, bottom."""
        box, (width, height) = self.box or Box(x=0, y=0, w=1, h=1), self.picture.size
        return box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height


@dataclass(frozen=True)
class Condition:
    """One way in which a photo may differ: its name, how it is made, and whether the pet's place must be known."""

    name: str
    change: Callable[[Scene], Image.Image]
    needs_pet: bool = False


def plane_of(picture: Image.Image) -> Plane:
    """The picture's pixels (h, w, 3), or (h, w) of a grey one."""
    return np.asarray(picture, np.float32) / np.float32(255)


def picture_of(plane: NDArray[np.floating[Any]]) -> Image.Image:
    """The plane as an RGB picture, or as a grey one."""
    return Image.fromarray(np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8))


def rotated(scene: Scene, *, degrees: float) -> Image.Image:
    """The camera held askew: turned about the middle in the same frame, at the same scale, not cut to what was seen.

    What turns into the frame at its corners is the picture mirrored at its edge; every other photo turns the other way.
    """
    width, height = scene.picture.size
    margin = max(width, height) // 3  # more than comes in from beyond the edge at 20 degrees
    sides = ((margin, margin), (margin, margin), (0, 0))
    larger = Image.fromarray(np.pad(np.asarray(scene.picture), sides, mode="reflect"))
    turned = larger.rotate(degrees if scene.seed % 2 else -degrees, _BICUBIC)
    return turned.crop((margin, margin, margin + width, margin + height))


def smaller(scene: Scene, *, times: int) -> Image.Image:
    """The same photo with so many times fewer pixels on each side, as a preview or a messenger keeps it."""
    width, height = scene.picture.size
    return scene.picture.resize((max(1, width // times), max(1, height // times)), _BICUBIC)


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
    known = (1 - scene.outline())[:, :, np.newaxis]
    pixels = plane_of(scene.picture)
    near, share = (plane_of(_softened(picture_of(part), 0.1)) for part in (pixels * known, known[:, :, 0]))
    around = picture_of(pixels * known + near / np.maximum(share, 0.05)[:, :, np.newaxis] * (1 - known))
    large = np.pad(np.asarray(around), ((height, height), (width, width), (0, 0)), mode="symmetric")
    large[height : 2 * height, width : 2 * width] = np.asarray(scene.picture)
    x, y = int((left + right) / 2), int((top + bottom) / 2)  # the frame reaches one width and height to either side
    frame = Image.fromarray(large[y : y + 2 * height, x : x + 2 * width])
    return frame.resize((width, height), _BICUBIC)


def compressed(scene: Scene) -> Image.Image:
    """Stored as a JPEG of low quality."""
    file = io.BytesIO()
    scene.picture.save(file, "JPEG", quality=_JPEG_QUALITY)
    with Image.open(file, formats=("JPEG",)) as stored:
        return stored.convert("RGB")


def in_the_dark(scene: Scene) -> Image.Image:
    """Little light: darker throughout, the shadows most, with the grain of a sensor at its limit."""
    return picture_of(0.5 * plane_of(scene.picture) ** 1.6 + _grain(scene.picture.size, 0.035, scene.random("dark")))


def backlit(scene: Scene) -> Image.Image:
    """The light behind the pet: surroundings near white, the pet dark, some of the light spilling over its edge."""
    pet = scene.outline()[:, :, np.newaxis]
    pixels = plane_of(scene.picture)
    behind = 0.45 + 0.65 * pixels**0.7
    lit = pet * (0.38 * pixels**1.3) + (1 - pet) * np.clip(behind, 0, 1)
    spilled = plane_of(_softened(picture_of(lit), 0.05))
    return picture_of(0.85 * lit + 0.15 * spilled + 0.03)


def smeared(scene: Scene) -> Image.Image:
    """The camera or the pet moved: smeared by 4 % of the width along one direction, the edges prolonged."""
    width, height = scene.picture.size
    length, direction = _SMEAR * width, scene.random("smeared").uniform(0, np.pi)
    margin, steps = int(length / 2) + 2, int(length) + 2
    padded = np.pad(plane_of(scene.picture), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    total = np.zeros((height, width, 3), np.float32)
    for along in np.linspace(-length / 2, length / 2, steps):
        left, top = margin + round(along * np.cos(direction)), margin + round(along * np.sin(direction))
        total += padded[top : top + height, left : left + width]
    return picture_of(total / steps)


def elsewhere(scene: Scene) -> Image.Image:
    """The pet in another place: all but the pet is another photo."""
    place = ImageOps.fit(scene.place, scene.picture.size, _BICUBIC)
    return Image.composite(scene.picture, place, picture_of(scene.outline()))


def partly_hidden(scene: Scene) -> Image.Image:
    """Something stands before the pet: 30 % of its box, from one of its four sides, shows another photo instead."""
    left, top, right, bottom = scene.corners()
    across, down = _HIDDEN_SHARE * (right - left), _HIDDEN_SHARE * (bottom - top)
    side = int(scene.random("hidden").integers(4))
    left, right = ((left, left + across), (right - across, right), (left, right), (left, right))[side]
    top, bottom = ((top, bottom), (top, bottom), (top, top + down), (bottom - down, bottom))[side]
    size = max(1, round(right) - round(left)), max(1, round(bottom) - round(top))
    changed = scene.picture.copy()
    changed.paste(ImageOps.fit(scene.place, size, _BICUBIC), (round(left), round(top)))
    return changed


def from_a_screen(scene: Scene) -> Image.Image:
    """A photo of a screen that shows the photo: pixel grid, moiré, bezel, a dim room, glare, a cold cast."""
    random = scene.random("screen")
    shown = plane_of(_enlarged(scene.picture))
    down, across = (np.linspace(0, 1, side, dtype=np.float32) for side in shown.shape[:2])
    bent = across[np.newaxis] + random.uniform(-0.5, 0.5) * down[:, np.newaxis] + random.uniform(0, 1)
    stripes = np.sin(2 * np.pi * random.uniform(14, 22) * bent[:, :, np.newaxis] + np.array([0.0, 2.1, 4.2]))
    lit = (0.06 + 0.94 * shown) * (1 + 0.07 * stripes)  # black is not black; the grids of screen and camera beat
    lit[::3] *= 0.85
    lit[:, ::3] *= 0.9
    screen = ImageOps.expand(picture_of(lit), round(0.035 * max(shown.shape)), _BEZEL)
    whole = plane_of(_slanted(screen, (0.08, 0.08), _ROOM, random))
    down, across = (np.linspace(0, 1, side, dtype=np.float32) for side in whole.shape[:2])
    x, y = random.choice([0.3, 0.7], 2) + random.uniform(-0.05, 0.05, 2)
    glare = 0.5 * np.exp(-(((across[np.newaxis] - x) / 0.13) ** 2 + ((down[:, np.newaxis] - y) / 0.1) ** 2))
    whole = whole + glare[:, :, np.newaxis] * (1 - whole)
    return picture_of(whole * _SCREEN_CAST + _grain((whole.shape[1], whole.shape[0]), 0.012, random))


def from_a_poster(scene: Scene) -> Image.Image:
    """A photo of a sheet of paper on a wall that shows the photo, between a title and lines of writing."""
    random = scene.random("poster")
    shown = _enlarged(scene.picture)
    margin, line = round(0.12 * shown.width), max(shown.size) // 18
    sheet = Image.new("RGB", (shown.width + 2 * margin, shown.height + margin + 7 * line), _PAPER)
    printed = (0.1 + 0.86 * plane_of(_softened(shown, 0.002))) * np.array(_PAPER) / 255
    sheet.paste(picture_of(printed), (margin, 3 * line))
    pen = ImageDraw.Draw(sheet)
    pen.text((sheet.width / 2, line / 2), "LOST", _INK, ImageFont.load_default(2 * line), "ma")
    for row, words in enumerate(("last seen near the park", "answers to its name", "please call")):
        pen.text((margin, shown.height + (3.4 + 1.1 * row) * line), words, _INK, ImageFont.load_default(0.8 * line))
    wall = _WALLS[int(random.integers(len(_WALLS)))]
    seen = _slanted(sheet, (0.25, 0.15), wall, random)
    light = np.linspace(1.05, float(random.uniform(0.8, 1.0)), seen.width)[np.newaxis, :, np.newaxis]
    return picture_of(plane_of(seen) * light + _grain(seen.size, 0.012, random))


def _softened(picture: Image.Image, share: float) -> Image.Image:
    """Blurred by a bell curve whose spread is this share of the picture's longer side."""
    return picture.filter(ImageFilter.GaussianBlur(share * max(picture.size)))


def _grain(size: tuple[int, int], strength: float, random: np.random.Generator) -> Plane:
    """Noise (h, w, 3) of this standard deviation, at the grain of a picture 320 pixels long."""
    times = min(1.0, _GRAIN_SIDE / max(size))
    width, height = (max(1, round(side * times)) for side in size)
    noise = picture_of(0.5 + random.normal(0, strength, (height, width, 3)))
    return plane_of(noise.resize(size, _BICUBIC)) - 0.5


def _enlarged(picture: Image.Image) -> Image.Image:
    """A small picture blown up, as a screen or a printer does: not its own pixels are what is photographed."""
    times = max(1.0, _SHOWN_SIDE / max(picture.size))
    return picture.resize((max(1, round(picture.width * times)), max(1, round(picture.height * times))), _BICUBIC)


def _slanted(
    picture: Image.Image, margins: tuple[float, float], around: tuple[int, int, int], random: np.random.Generator
) -> Image.Image:
    """The picture seen from somewhat aside, with these shares of its width and height on either side of it."""
    across, down = (round(margin * side) for margin, side in zip(margins, picture.size, strict=True))
    frame = ImageOps.expand(picture, (across, down), around)
    width, height = frame.size
    x, y = random.uniform(0, _SLANT, (2, 4)) * np.array([[width], [height]])
    corners = (x[0], y[0], x[1], height - y[1], width - x[2], height - y[2], width - x[3], y[3])
    return frame.transform(frame.size, Image.Transform.QUAD, corners, _BICUBIC)


CONDITIONS: tuple[Condition, ...] = (
    Condition("turned by 10 degrees", partial(rotated, degrees=10)),
    Condition("turned by 20 degrees", partial(rotated, degrees=20)),
    Condition("mirror image", lambda scene: ImageOps.mirror(scene.picture)),
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
