"""Places under the sky: park, beach, square, garden, wood, snow, river. Knows paint, not pets."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from .brush import Canvas
from .looks import Colour
from .noise import bars
from .shapes import Floats

GREEN: Colour = (112, 158, 66)
LEAF: Colour = (84, 138, 62)
BARK: Colour = (104, 80, 60)


def park(canvas: Canvas) -> None:
    """A meadow with a path, trees and far hills."""
    of = canvas.palette.of
    canvas.sky(0.42)
    canvas.hills(0.45, 0.17, (98, 138, 132), 0.55)
    canvas.hills(0.46, 0.10, (92, 140, 84), 0.32, cells=6)
    for i in range(9):
        canvas.tree(i / 8 + canvas.uniform(-0.05, 0.05), 0.465, canvas.uniform(0.10, 0.2), LEAF, BARK, 0.34)
    canvas.blur(2.6)
    canvas.wash(0.455, 1.0, of((148, 182, 92), 0.2), of((96, 142, 56)))
    path = canvas.uniform(0.15, 0.85)
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas.picture)
    draw.polygon(
        [
            ((path - 0.01) * width, 0.458 * height),
            ((path + 0.015) * width, 0.458 * height),
            ((1.35 - path * 0.3) * width, height),
            ((0.75 - path * 0.3) * width, height),
        ],
        of((214, 190, 148)),
    )
    canvas.glaze(of((70, 112, 48)), np.clip(canvas.texture(6, stretch=2.5) * 1.4 - 0.55, 0, 0.5) * _below(canvas, 0.46))
    side = 0.10 if canvas.uniform(0, 1) < 0.5 else 0.88
    canvas.tree(side, 0.60, 0.66, LEAF, BARK, 0.06)
    canvas.tree(1.0 - side + 0.07, 0.53, 0.40, (104, 150, 70), BARK, 0.16)
    canvas.blur(2.2)
    canvas.grass(0.56, GREEN)
    canvas.dabs(60, (0, 0.58, 1, 1), (1.2, 4.2), [of(c) for c in ((250, 246, 230), (246, 206, 84), (236, 150, 170))])


def _below(canvas: Canvas, top: float) -> Floats:
    height = canvas.size[1]
    out: Floats = np.clip((np.arange(height, dtype=np.float32) - np.float32(top * height)) / 4, 0, 1)[:, None]
    return out


def beach(canvas: Canvas) -> None:
    """Sand, surf and a far headland."""
    of = canvas.palette.of
    canvas.sky(0.38)
    canvas.hills(0.40, 0.09, (120, 140, 120), 0.45, cells=3)
    canvas.wash(0.385, 0.58, of((70, 146, 176), 0.22), of((120, 194, 196)))
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas.picture)
    for _ in range(150):
        v = canvas.uniform(0, 1)
        x, y, length = canvas.uniform(0, width), (0.39 + 0.16 * v) * height, 8 + 50 * v
        draw.line((x, y, x + length, y), of((206, 234, 232), 0, canvas.uniform(0.85, 1.1)), 1)
    _parasol(canvas, 0.16 if canvas.uniform(0, 1) < 0.5 else 0.82, 0.57)
    canvas.blur(2.0)
    canvas.wash(0.57, 1.0, of((214, 190, 152)), of((244, 222, 178)))
    edge = canvas.texture(5)[int(0.5 * height)]
    down = np.arange(height, dtype=np.float32)[:, None] / height
    foam = 0.565 + 0.035 * edge[None, :]
    canvas.glaze(of((150, 206, 202)), np.clip((foam - down) * 90, 0, 1) * np.clip((down - 0.55) * 90, 0, 1))
    canvas.glaze(of((255, 253, 246)), np.clip(1.2 - np.abs(down - foam) * 130, 0, 1))
    canvas.glaze(of((196, 168, 128)), np.clip(1.0 - np.abs(down - foam - 0.03) * 30, 0, 0.6))
    ripple = canvas.texture(14, stretch=4.0)
    canvas.glaze(of((206, 178, 132)), np.clip(ripple * 1.8 - 0.75, 0, 0.55) * _below(canvas, 0.63))
    canvas.blur(1.2)
    canvas.dabs(2600, (0, 0.62, 1, 1), (0.5, 1.3), [of(c) for c in ((222, 196, 150), (250, 236, 202), (196, 166, 122))])
    canvas.dabs(14, (0, 0.72, 1, 1), (2.5, 6), [of(c) for c in ((252, 240, 228), (236, 196, 176))])


def _parasol(canvas: Canvas, x: float, foot: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    cx, y0, r = x * width, foot * height, 0.14 * height
    draw.line((cx, y0, cx + 0.1 * r, y0 - 1.5 * r), of((240, 236, 226)), 3)
    for i in range(6):
        colour = of((222, 90, 76) if i % 2 else (250, 242, 230), 0.08)
        draw.pieslice((cx - r, y0 - 1.9 * r, cx + r, y0 - 0.5 * r), 180 + 30 * i, 210 + 30 * i, colour)


HOUSES: tuple[Colour, ...] = (
    (242, 214, 160),
    (226, 150, 130),
    (164, 196, 206),
    (246, 238, 222),
    (240, 190, 126),
    (190, 206, 170),
)


def square(canvas: Canvas) -> None:
    """A town square: pastel houses, and a pavement laid in waves of black and white stone."""
    of = canvas.palette.of
    canvas.sky(0.3)
    _houses(canvas, 0.50)
    canvas.tree(0.04 if canvas.uniform(0, 1) < 0.5 else 0.95, 0.57, 0.42, LEAF, BARK, 0.1)
    canvas.blur(2.4)
    across, away = canvas.floor(0.40)
    stones = np.asarray(canvas.texture(150, stretch=1.4)).repeat(2, 0).repeat(2, 1)
    wave = bars(across * np.float32(1.15))
    wave = wave * wave * (3 - 2 * wave)
    band = bars(away * np.float32(1.5) + wave * np.float32(0.55))
    dark = np.clip((band - 0.5) * 6 + 0.5, 0, 1)[..., None]
    light_, dark_ = np.array(of((234, 226, 210)), np.float32), np.array(of((108, 106, 112)), np.float32)
    fade = np.clip((away - 2.4) * 0.28, 0, 0.8)[..., None]
    pattern = light_ + (dark_ - light_) * dark * (1 - fade) + (light_ * 0.86 - light_) * fade
    canvas.lay(pattern * (0.80 + 0.40 * stones)[..., None], 0.50, soft=0.8)


def _houses(canvas: Canvas, foot: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    night = canvas.palette.hour == "night"
    x = -0.05 * width
    while x < width:
        w, h = canvas.uniform(0.13, 0.22) * width, canvas.uniform(0.30, 0.46) * height
        wall = HOUSES[int(canvas.uniform(0, len(HOUSES) - 0.01))]
        y0, top = foot * height, foot * height - h
        draw.rectangle((x, top, x + w, y0), of(wall, 0.08))
        draw.rectangle((x, top, x + 0.05 * w, y0), of(wall, 0.08, 0.86))
        roof = of((198, 104, 76), 0.08)
        draw.polygon(
            [(x - 6, top + 3), (x + 0.12 * w, top - 0.1 * h), (x + 0.88 * w, top - 0.1 * h), (x + w + 6, top + 3)], roof
        )
        for i in range(3):
            for j in range(3):
                wx, wy = x + w * (0.14 + 0.28 * i), top + h * (0.10 + 0.31 * j)
                if j == 2 and i == 1:
                    draw.rectangle((wx, wy, wx + 0.17 * w, y0), of((110, 84, 66), 0.05))
                    continue
                lamp = night and canvas.uniform(0, 1) < 0.5
                draw.rectangle((wx - 3, wy - 3, wx + 0.17 * w + 3, wy + 0.21 * h + 3), of((252, 248, 238), 0.05))
                glass: Colour = (255, 206, 120) if lamp else of((120, 150, 166), 0.1)
                draw.rectangle((wx, wy, wx + 0.17 * w, wy + 0.21 * h), glass)
                if j == 1:
                    draw.line((wx - 5, wy + 0.21 * h, wx + 0.17 * w + 5, wy + 0.21 * h), of((70, 76, 84)), 3)
        x += w + 2


def garden(canvas: Canvas) -> None:
    """A lawn before a white fence, a hedge and flower beds."""
    of = canvas.palette.of
    canvas.sky(0.30)
    for i in range(6):
        canvas.tree(i / 5 + canvas.uniform(-0.08, 0.08), 0.5, canvas.uniform(0.32, 0.5), (92, 142, 80), BARK, 0.26)
    canvas.blur(4.0)
    canvas.wash(0.36, 0.53, of((66, 112, 58)), of((50, 92, 48)))
    canvas.dabs(1500, (0, 0.33, 1, 0.53), (4, 6), [of((84, 132, 64), 0, b) for b in (0.7, 0.85, 1.0, 1.15)])
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas.picture)
    for y in (0.43, 0.51):
        draw.rectangle((0, y * height, width, (y + 0.018) * height), of((238, 234, 224)))
    for i in range(24):
        x = (i + 0.3) / 23 * width
        w, top, foot = 0.013 * width, 0.37 * height, 0.565 * height
        draw.polygon(
            [(x - w, foot), (x - w, top), (x, top - 0.022 * height), (x + w, top), (x + w, foot)], of((250, 247, 240))
        )
        draw.line((x + w, foot, x + w, top), of((204, 204, 200)), 2)
    canvas.wash(0.555, 1.0, of((120, 164, 76)), of((92, 140, 56)))
    blooms: list[Colour] = [(232, 92, 112), (250, 204, 90), (250, 244, 240), (178, 116, 196), (240, 140, 90)]
    canvas.dabs(420, (0, 0.535, 1, 0.60), (6, 8), [of((78, 126, 58), 0, b) for b in (0.75, 0.95, 1.1)])
    canvas.dabs(230, (0, 0.52, 1, 0.595), (4, 7), [of(c) for c in blooms])
    canvas.blur(2.3)
    canvas.glaze(of((66, 110, 46)), np.clip(canvas.texture(5, stretch=2) * 1.5 - 0.62, 0, 0.45) * _below(canvas, 0.62))
    canvas.grass(0.63, (108, 156, 66), count=5600)


def wood(canvas: Canvas) -> None:
    """Among autumn trees, on fallen leaves."""
    of = canvas.palette.of
    canvas.wash(0, 0.56, of((250, 214, 150), 0.25), of((238, 190, 120), 0.12))
    width, height = canvas.size
    reds: list[Colour] = [(222, 134, 48), (204, 92, 44), (236, 178, 72), (176, 84, 48), (208, 156, 66)]
    for far, count, blur in ((0.46, 14, 3.0), (0.24, 8, 2.6), (0.04, 3, 2.0)):
        draw = ImageDraw.Draw(canvas.picture)
        for i in range(count):
            x = (i + canvas.uniform(0.0, 0.9)) / count * width
            if far < 0.1 and 0.28 * width < x < 0.72 * width:
                continue
            w, foot = (
                (0.008 + 0.02 * (0.5 - far)) * width * canvas.uniform(0.8, 1.5),
                (0.55 + 0.14 * (0.46 - far)) * height,
            )
            draw.polygon(
                [(x - 1.4 * w, foot), (x - w, 0), (x + 0.8 * w, 0), (x + 1.5 * w, foot)], of((96, 72, 58), far)
            )
            side = x - w * 0.6 if canvas.palette.sun_side < 0 else x + w * 0.6
            draw.line((side, foot, side, 0), of((168, 128, 92), far), max(1, int(w * 0.5)))
        leaves = [of(c, far, b) for c in reds for b in (0.8, 1.0, 1.12)]
        canvas.dabs(700, (0, -0.02, 1, 0.36), (11, 4), leaves)
        canvas.blur(blur)
    canvas.wash(0.555, 1.0, of((176, 118, 66), 0.12), of((146, 86, 44)))
    canvas.glaze(of((92, 60, 38)), np.clip(canvas.texture(7, stretch=2) * 1.5 - 0.6, 0, 0.5) * _below(canvas, 0.56))
    canvas.blur(1.0)
    canvas.dabs(2600, (0, 0.555, 1, 1.02), (1.6, 9.5), [of(c, 0, b) for c in reds for b in (0.72, 0.9, 1.06)])
    canvas.blur(0.7)


def snow(canvas: Canvas) -> None:
    """Deep snow, dark firs and a far ridge."""
    of = canvas.palette.of
    canvas.sky(0.44)
    canvas.hills(0.47, 0.22, (206, 216, 232), 0.35, cells=3)
    canvas.hills(0.48, 0.10, (150, 172, 190), 0.3, cells=5)
    for far, count, tall in ((0.45, 16, 0.16), (0.2, 6, 0.36)):
        for i in range(count):
            x = (i + canvas.uniform(0.1, 0.9)) / count
            if tall > 0.3 and 0.3 < x < 0.7:
                continue
            _fir(canvas, x, 0.49 + 0.12 * (0.45 - far), tall * canvas.uniform(0.8, 1.25), far)
        canvas.blur(2.4)
    canvas.wash(0.485, 1.0, of((226, 234, 246)), of((250, 250, 252)))
    drift = canvas.texture(4, stretch=2.6)
    canvas.glaze(of((176, 196, 226)), np.clip(drift * 1.7 - 0.68, 0, 0.6) * _below(canvas, 0.49))
    canvas.blur(3.0)
    canvas.dabs(500, (0, 0.55, 1, 1), (0.6, 1.2), [of((255, 255, 255)), of((206, 218, 238))])
    canvas.dabs(150, (0, 0, 1, 1), (1.4, 2.8), [of((255, 255, 255), 0, 1.1)])


def _fir(canvas: Canvas, x: float, foot: float, tall: float, far: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    cx, y0, h = x * width, foot * height, tall * height
    for i in range(6):
        w, base = h * (0.26 - 0.036 * i), y0 - h * 0.15 * i
        draw.polygon([(cx - w, base), (cx, base - 0.26 * h), (cx + w, base)], of((66, 96, 88), far, 0.8 + 0.05 * i))
        draw.polygon(
            [(cx - 0.8 * w, base - 0.03 * h), (cx - 0.1 * w, base - 0.24 * h), (cx + 0.2 * w, base - 0.1 * h)],
            of((238, 244, 250), far),
        )


def river(canvas: Canvas) -> None:
    """A river walk with a red bridge far off."""
    of = canvas.palette.of
    canvas.sky(0.38)
    canvas.hills(0.41, 0.10, (120, 142, 136), 0.5, cells=5)
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas.picture)
    red, deck = of((190, 74, 62), 0.22), 0.30 * height
    towers = (canvas.uniform(0.10, 0.2) * width, canvas.uniform(0.72, 0.85) * width)
    draw.line((0, deck, width, deck), red, 5)
    for x in towers:
        draw.rectangle((x - 5, 0.10 * height, x + 5, 0.42 * height), red)
    middle, half = sum(towers) / 2, (towers[1] - towers[0]) / 2
    for i in range(-14, 29):
        x = middle + (i - 7) / 7 * half
        t = (x - middle) / half
        t = t if abs(t) <= 1 else 2 - abs(t)
        y = deck - 4 - (deck - 0.11 * height) * t * t
        draw.line((x, deck, x, y), red, 2)
    canvas.wash(0.405, 0.60, of((108, 158, 180), 0.25), of((84, 138, 166)))
    for _ in range(240):
        v = canvas.uniform(0, 1)
        x, y = canvas.uniform(0, width), (0.41 + 0.17 * v) * height
        draw = ImageDraw.Draw(canvas.picture)
        draw.line((x, y, x + 6 + 40 * v, y), of((190, 220, 226), 0, canvas.uniform(0.75, 1.1)), 1 + int(v * 1.6))
    canvas.blur(2.3)
    draw = ImageDraw.Draw(canvas.picture)
    draw.rectangle((0, 0.575 * height, width, 0.605 * height), of((206, 200, 188)))
    draw.rectangle((0, 0.60 * height, width, 0.615 * height), of((150, 146, 138)))
    canvas.blur(1.6)
    across, away = canvas.floor(0.36)
    joint = np.maximum(
        bars(across * np.float32(1.5) + np.floor(away * np.float32(2.6)) * np.float32(0.5)),
        bars(away * np.float32(2.6)),
    )
    gap = np.clip((joint - 0.93) * 20, 0, 1)[..., None]
    slab = np.asarray(canvas.texture(110, stretch=1.2)).repeat(2, 0).repeat(2, 1)
    tone_ = np.array(of((214, 204, 188)), np.float32) * (0.82 + 0.34 * slab)[..., None]
    canvas.lay(tone_ * (1 - 0.22 * gap), 0.612, soft=0.7)
