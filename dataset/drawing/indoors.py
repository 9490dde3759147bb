"""Places under a roof: living room, kitchen. Knows paint, not pets."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from .brush import SKIES, Canvas
from .looks import Colour
from .noise import bars

WALLS: tuple[Colour, ...] = ((206, 188, 160), (168, 186, 176), (214, 170, 150), (176, 184, 204))


def room(canvas: Canvas) -> None:
    """A living room: papered wall, window, sofa, lamp, boards and a rug."""
    of = canvas.palette.of
    width, height = canvas.size
    wall = WALLS[int(canvas.uniform(0, 3.99))]
    canvas.wash(0, 0.60, of(wall, 0, 0.96), of(wall, 0, 0.86))
    draw = ImageDraw.Draw(canvas.picture)
    for i in range(0, 40, 2):
        draw.rectangle((i / 40 * width, 0, (i + 1) / 40 * width, 0.58 * height), of(wall, 0, 0.99))
    left = canvas.uniform(0, 1) < 0.5
    _window(canvas, 0.10 if left else 0.64)
    _frames(canvas, 0.56 if left else 0.20)
    _sofa(canvas, 0.46 if left else -0.06)
    draw = ImageDraw.Draw(canvas.picture)
    draw.rectangle((0, 0.575 * height, width, 0.605 * height), of((244, 238, 226)))
    _lamp(canvas, 0.93 if left else 0.07)
    _plant(canvas, 0.05 if left else 0.95)
    canvas.blur(3.2)
    across, away = canvas.floor(0.34)
    plank = np.floor(across * np.float32(3.1))
    shade = bars(plank * np.float32(0.37) + np.float32(0.1))
    joint = np.clip((bars(across * np.float32(3.1) + np.float32(0.5)) - 0.955) * 22, 0, 1)
    grain = np.asarray(canvas.texture(60, stretch=0.35)).repeat(2, 0).repeat(2, 1)
    wood = np.array(of((190, 136, 88)), np.float32) * (0.80 + 0.16 * shade + 0.22 * grain - 0.34 * joint)[..., None]
    rug = across * across * np.float32(0.55) + (away - np.float32(1.10)) * (away - np.float32(1.10)) * np.float32(8.0)
    hue: Colour = ((176, 78, 70), (74, 104, 138), (92, 122, 92), (196, 150, 82))[int(canvas.uniform(0, 3.99))]
    on = np.clip((1.0 - rug) * 30, 0, 1)[..., None]
    ring = np.clip((bars(np.sqrt(np.maximum(rug, 0)) * np.float32(4.0)) - 0.72) * 14, 0, 1)[..., None] * 0.55
    weave = np.array(of(hue), np.float32)
    pale = np.array(of((240, 226, 198)), np.float32)
    weave = (weave + (pale - weave) * ring) * (0.84 + 0.30 * grain)[..., None]
    canvas.lay(wood * (1 - on) + weave * on, 0.60, soft=0.8)


def _window(canvas: Canvas, x: float) -> None:
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas.picture)
    upper, lower = SKIES[canvas.palette.hour]
    of = canvas.palette.of
    x0, x1, y0, y1 = x * width, (x + 0.26) * width, 0.04 * height, 0.44 * height
    draw.rectangle((x0 - 9, y0 - 9, x1 + 9, y1 + 9), of((250, 246, 238)))
    steps = 24
    for i in range(steps):
        t = i / steps
        sky = tuple(int(a + (b - a) * t) for a, b in zip(upper, lower, strict=True))
        draw.rectangle((x0, y0 + (y1 - y0) * t, x1, y1), (sky[0], sky[1], sky[2]))
    for i in range(5):
        r = canvas.uniform(0.05, 0.09) * width
        px = x0 + (i + 0.5) / 5 * (x1 - x0)
        draw.pieslice((px - r, y1 - r, px + r, y1 + r), 180, 360, of((104, 148, 92), 0.2))
    draw.line(((x0 + x1) / 2, y0, (x0 + x1) / 2, y1), of((250, 246, 238)), 7)
    draw.line((x0, (y0 + y1) / 2, x1, (y0 + y1) / 2), of((250, 246, 238)), 6)
    for side, inward in ((x0 - 0.07 * width, 1), (x1 + 0.07 * width, -1)):
        for k in range(6):
            cloth = of((226, 178, 150), 0, 0.84 + 0.07 * (k % 3))
            a = side + inward * k * 0.018 * width
            draw.polygon(
                [
                    (a, 0),
                    (a + inward * 0.02 * width, 0),
                    (a + inward * 0.014 * width, 0.50 * height),
                    (a, 0.50 * height),
                ],
                cloth,
            )


def _frames(canvas: Canvas, x: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    for dx, top, w, h, hue in ((0.0, 0.08, 0.09, 0.15, (120, 160, 176)), (0.11, 0.12, 0.06, 0.10, (216, 160, 110))):
        x0, y0 = (x + dx) * width, top * height
        draw.rectangle((x0 - 6, y0 - 6, x0 + w * width + 6, y0 + h * height + 6), of((110, 78, 54)))
        draw.rectangle((x0, y0, x0 + w * width, y0 + h * height), of((246, 240, 226)))
        draw.pieslice((x0 + 8, y0 + 0.4 * h * height, x0 + w * width - 8, y0 + 1.5 * h * height), 180, 360, of(hue))


def _sofa(canvas: Canvas, x: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    hue: Colour = ((96, 128, 134), (176, 118, 92), (134, 140, 98), (120, 104, 138))[int(canvas.uniform(0, 3.99))]
    x0, x1 = x * width, (x + 0.60) * width
    draw.rounded_rectangle((x0, 0.32 * height, x1, 0.60 * height), 26, of(hue, 0, 0.88))
    for i in range(2):
        a = x0 + (0.07 + 0.44 * i) * (x1 - x0)
        draw.rounded_rectangle((a, 0.345 * height, a + 0.42 * (x1 - x0), 0.50 * height), 20, of(hue, 0, 1.02))
        draw.rounded_rectangle((a, 0.47 * height, a + 0.42 * (x1 - x0), 0.565 * height), 16, of(hue, 0, 1.10))
    for a in (x0 - 0.02 * width, x1 - 0.045 * width):
        draw.rounded_rectangle((a, 0.40 * height, a + 0.065 * width, 0.60 * height), 20, of(hue, 0, 0.96))
    a = x0 + 0.12 * (x1 - x0)
    draw.rounded_rectangle((a, 0.39 * height, a + 0.10 * width, 0.50 * height), 14, of((236, 196, 110)))


def _lamp(canvas: Canvas, x: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    cx = x * width
    draw.line((cx, 0.60 * height, cx, 0.24 * height), of((92, 72, 58)), 5)
    night = canvas.palette.hour == "night"
    cloth: Colour = (255, 226, 160) if night else of((244, 226, 190))
    draw.polygon(
        [(cx - 34, 0.10 * height), (cx + 34, 0.10 * height), (cx + 58, 0.25 * height), (cx - 58, 0.25 * height)], cloth
    )
    if night:
        canvas.glow((92, 62, 28), (x, 0.22), (0.58, 0.70))


def _plant(canvas: Canvas, x: float) -> None:
    width, height = canvas.size
    draw, of = ImageDraw.Draw(canvas.picture), canvas.palette.of
    cx, y0 = x * width, 0.50 * height
    for i in range(11):
        lean = (i - 5) / 5
        tip = (cx + lean * 0.11 * width, y0 - (0.26 - 0.12 * lean * lean) * height)
        draw.polygon(
            [(cx - 5, y0), tip, (cx + 14 * (1 - abs(lean)) + 6, y0 - 0.06 * height)],
            of((82, 132, 80), 0, 0.8 + 0.05 * (i % 5)),
        )
    draw.polygon(
        [(cx - 38, y0 - 6), (cx + 38, y0 - 6), (cx + 28, 0.61 * height), (cx - 28, 0.61 * height)], of((204, 118, 84))
    )


def kitchen(canvas: Canvas) -> None:
    """A kitchen with blue and white wall tiles and a chequered floor."""
    of = canvas.palette.of
    width, height = canvas.size
    y, x = np.mgrid[0 : 2 * height, 0 : 2 * width].astype(np.float32)
    side = np.float32(0.085 * 2 * width)
    u, v = bars(x / side), bars(y / side)
    round_ = np.sqrt((u - 1) * (u - 1) + (v - 1) * (v - 1))
    petal = np.clip((0.10 - np.abs(round_ - 0.62)) * 18, 0, 1) + np.clip((0.30 - np.sqrt(u * u + v * v)) * 14, 0, 1)
    petal = np.clip(petal + np.clip((0.10 - np.abs(u - v)) * 14, 0, 1) * np.clip((round_ - 0.2) * 8, 0, 1), 0, 1)[
        ..., None
    ]
    seam = np.clip((0.03 - np.minimum(u, v)) * 60, 0, 1)[..., None] * 0.35
    white, blue = np.array(of((240, 240, 236)), np.float32), np.array(of((84, 122, 172)), np.float32)
    canvas.lay((white + (blue - white) * petal * 0.72) * (1 - seam), 0.0)
    draw = ImageDraw.Draw(canvas.picture)
    wood, pale = of((166, 118, 78)), of((228, 216, 190))
    draw.rectangle((0, 0.30 * height, width, 0.335 * height), wood)
    draw.rectangle((0, 0.335 * height, width, 0.585 * height), pale)
    for i in range(5):
        a = (i * 0.22 - 0.05) * width
        draw.rounded_rectangle(
            (a + 8, 0.355 * height, a + 0.21 * width, 0.565 * height), 6, of((240, 230, 206)), of((196, 182, 152)), 3
        )
        draw.ellipse((a + 0.185 * width, 0.45 * height, a + 0.198 * width, 0.468 * height), of((176, 140, 84)))
    for a, w, h, hue in (
        (0.12, 0.055, 0.12, (204, 96, 76)),
        (0.80, 0.07, 0.10, (88, 130, 128)),
        (0.70, 0.04, 0.15, (224, 180, 90)),
    ):
        draw.rounded_rectangle((a * width, (0.30 - h) * height, (a + w) * width, 0.302 * height), 10, of(hue))
        draw.rectangle(
            ((a + 0.2 * w) * width, (0.30 - h) * height, (a + 0.32 * w) * width, 0.29 * height), of(hue, 0, 1.25)
        )
    canvas.glaze(
        of((60, 48, 44)),
        np.clip(1 - np.abs(np.arange(height, dtype=np.float32) / height - 0.355) * 40, 0, 0.35)[:, None]
        * np.ones((1, width), np.float32),
    )
    canvas.blur(2.8)
    across, away = canvas.floor(0.36)
    check = np.floor(across * np.float32(1.5) + np.float32(0.5)) + np.floor(away * np.float32(2.6))
    odd = (check - np.floor(check / 2) * 2)[..., None]
    stone = np.asarray(canvas.texture(12)).repeat(2, 0).repeat(2, 1)[..., None]
    one, two = np.array(of((232, 222, 204)), np.float32), np.array(of((150, 92, 74)), np.float32)
    canvas.lay((one + (two - one) * odd) * (0.88 + 0.2 * stone), 0.585, soft=1.2)
