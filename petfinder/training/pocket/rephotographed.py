"""A photo photographed again: off a screen, off a poster on a wall.

Works in NumPy and Pillow; knows no pet.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from petfinder.training.pocket.optics import Corners, Plane, grain, picture_of, plane_of, ramps, slanted, softened

_SHOWN_SIDE = 640  # pixels
_BEZEL = (14, 14, 16)
_SCREEN_CAST = np.array([0.93, 0.99, 1.06], np.float32)
_PAPER = np.array([0.96, 0.94, 0.88], np.float32)
_INK = (45, 42, 40)
_WALLS = ((201, 196, 186), (176, 186, 190), (188, 174, 158), (150, 160, 150), (214, 208, 196))


def of_a_screen(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """The picture on a screen seen from the side: bezel, dim room, pixel grid, moiré, glare, a cold cast."""
    shown = _enlarged(picture)
    lit = picture_of(_lit_pixels(plane_of(shown), random))
    screen = ImageOps.expand(lit, round(0.035 * max(shown.size)), _BEZEL)
    size = round(screen.width * 1.14), round(screen.height * 1.14)
    seen, there = slanted(screen, _corners(screen.size, size, 0.06, random), size)
    room = np.full((size[1], size[0], 3), 0.22, np.float32) * (0.6 + 0.6 * ramps(size)[1][:, :, np.newaxis])
    whole = _blended(seen, room, there)
    glare = _spot(size, random) * there * 0.5
    whole = whole + glare[:, :, np.newaxis] * (1 - whole)
    return picture_of(whole * _SCREEN_CAST + grain(size, 0.012, random))


def of_a_poster(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """The picture printed on a sheet with lines of writing, on a plain wall, seen a little from the side."""
    sheet = _sheet(_enlarged(picture), random)
    size = round(sheet.width * 1.5), round(sheet.height * 1.3)
    corners = _corners(sheet.size, size, 0.05, random)
    seen, there = slanted(sheet, corners, size)
    across, down = ramps(size)
    light = 1.05 - 0.25 * (across * float(random.uniform(0, 1)) + down * float(random.uniform(0, 1)))
    wall = np.array(_WALLS[int(random.integers(len(_WALLS)))], np.float32) / 255
    shadow = plane_of(softened(picture_of(np.roll(there, (size[1] // 120, size[0] // 120), (0, 1))), 0.004))
    behind = wall * (1 - 0.35 * shadow[:, :, np.newaxis])
    return picture_of(_blended(seen, behind, there) * light[:, :, np.newaxis] + grain(size, 0.012, random))


def _enlarged(picture: Image.Image) -> Image.Image:
    """A small picture blown up, as a screen or a printer does: not its own pixels are what is photographed."""
    times = _SHOWN_SIDE / max(picture.size)
    if times <= 1:
        return picture
    width, height = (max(1, round(side * times)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _lit_pixels(pixels: Plane, random: np.random.Generator) -> Plane:
    """The screen's own light: black is not black, a grid of pixels, and stripes where it beats with the camera's."""
    height, width = pixels.shape[:2]
    across, down = ramps((width, height))
    grid = np.ones((height, width), np.float32)
    grid[::3] *= 0.85
    grid[:, ::3] *= 0.9
    tilt, turns = random.uniform(-0.5, 0.5), random.uniform(14, 22)
    phases = np.array([0.0, 2.1, 4.2], np.float32)
    bent = across + tilt * down + 0.05 * np.sin(2 * np.pi * down + random.uniform(0, 6))
    stripes = np.sin(2 * np.pi * turns * bent[:, :, np.newaxis] + phases)
    finer = np.sin(2 * np.pi * 2.3 * turns * (down - tilt * across))[:, :, np.newaxis]
    lit: Plane = (0.06 + 0.94 * pixels) * grid[:, :, np.newaxis] * (1 + 0.07 * stripes + 0.04 * finer)
    return lit


def _sheet(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A sheet of paper: a heavy title, the picture printed, lines of smaller writing."""
    width, height = picture.size
    margin, line = round(0.12 * width), round(0.05 * max(width, height))
    size = width + 2 * margin, height + 2 * margin + 7 * line
    sheet = picture_of(np.broadcast_to(_PAPER, (size[1], size[0], 3)))
    top = margin + 3 * line
    sheet.paste(picture_of((0.1 + 0.86 * plane_of(softened(picture, 0.002))) * _PAPER), (margin, top))
    pen = ImageDraw.Draw(sheet)
    _writing(pen, (round(0.2 * size[0]), margin // 2, round(0.8 * size[0])), 2 * line, random)
    for row in range(3):
        above = top + height + margin // 3 + round(row * 1.3 * line)
        _writing(pen, (margin, above, round(size[0] - margin * random.uniform(1, 3))), 0.7 * line, random)
    return sheet


def _writing(pen: ImageDraw.ImageDraw, place: tuple[int, int, int], tall: float, random: np.random.Generator) -> None:
    """Strokes in a row that look like letters from afar; `place`: left, top, right."""
    left, top, right = place
    at = float(left)
    while at < right:
        wide = tall * float(random.uniform(0.35, 0.7))
        stroke = max(1.0, 0.18 * tall)
        kind = int(random.integers(5))
        if kind:  # else a gap between words
            pen.rectangle((at, top, at + stroke, top + tall), _INK)
            if kind in (1, 2):
                pen.rectangle((at, top, at + wide * 0.8, top + stroke), _INK)
            if kind in (2, 3):
                pen.rectangle((at, top + tall - stroke, at + wide * 0.8, top + tall), _INK)
            if kind in (3, 4):
                pen.rectangle((at + wide * 0.8 - stroke, top, at + wide * 0.8, top + tall), _INK)
        at += wide + stroke


def _corners(inner: tuple[int, int], size: tuple[int, int], slant: float, random: np.random.Generator) -> Corners:
    """Where the corners of something this large come to in the middle of a frame, when seen from somewhat aside."""
    left, top = (size[0] - inner[0]) / 2, (size[1] - inner[1]) / 2
    right, bottom = left + inner[0], top + inner[1]
    # Seen from aside the farther edge is shorter; the hand adds a little of its own to every corner.
    nearer = float(random.choice([-1.0, 1.0])) * slant * inner[1]
    shorter_left, shorter_right = max(nearer, 0), max(-nearer, 0)
    own = random.uniform(-0.15, 0.15, 8) * slant * min(inner)
    return (
        (left + own[0], top + shorter_left + own[1]),
        (right + own[2], top + shorter_right + own[3]),
        (right + own[4], bottom - shorter_right + own[5]),
        (left + own[6], bottom - shorter_left + own[7]),
    )


def _spot(size: tuple[int, int], random: np.random.Generator) -> Plane:
    """A lamp's reflection: a soft bright spot (h, w) in 0-1 away from the middle."""
    across, down = ramps(size)
    x, y = (float(random.choice([0.25, 0.75]) + random.uniform(-0.08, 0.08)) for _ in range(2))
    spot: Plane = np.exp(-(((across - x) / 0.16) ** 2 + ((down - y) / 0.11) ** 2))
    return spot


def _blended(upper: Plane, lower: Plane, share: Plane) -> Plane:
    weight = share[:, :, np.newaxis]
    return upper * weight + lower * (1 - weight)
