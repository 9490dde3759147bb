"""Paint: washes, clouds, hills, trees, grass and floors in perspective, in the colours of an hour. Knows no pets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .lights import LIGHTS, Hour
from .looks import Colour
from .shapes import Floats

SKIES: dict[Hour, tuple[Colour, Colour]] = {
    "morning": ((138, 190, 226), (252, 234, 204)),
    "noon": ((98, 166, 222), (212, 234, 244)),
    "dusk": ((104, 96, 152), (252, 178, 116)),
    "overcast": ((176, 188, 200), (224, 228, 230)),
    "night": ((16, 22, 50), (58, 62, 104)),
}


@dataclass(frozen=True)
class Palette:
    """Colours as they look at an hour."""

    hour: Hour

    @property
    def haze(self) -> Colour:
        """The colour into which far things fade."""
        return SKIES[self.hour][1]

    @property
    def sun_side(self) -> float:
        """-1 where light comes from the left, 1 from the right."""
        return 1.0 if LIGHTS[self.hour].key_from[0] > 0 else -1.0

    def of(self, colour: Colour, far: float = 0.0, bright: float = 1.0) -> Colour:
        """The colour in this light, `far` (0 to 1) of the way to the haze."""
        grey = sum(colour) / 3
        keep = 0.66 if self.hour == "overcast" else 0.86 if self.hour == "night" else 1.0
        tint = LIGHTS[self.hour].tint
        out = []
        for i in range(3):
            value = (grey + (colour[i] - grey) * keep) * tint[i] * bright
            out.append(int(max(0, min(255, value + (self.haze[i] - value) * far))))
        return out[0], out[1], out[2]


class Canvas:
    """A picture being painted, back to front."""

    def __init__(self, size: tuple[int, int], hour: Hour, seed: int) -> None:
        self.size = size
        self.palette = Palette(hour)
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.picture = Image.new("RGB", size)

    def uniform(self, low: float, high: float) -> float:
        """A random number between the two."""
        return low + (high - low) * float(self.random.random())

    def texture(self, cells: int, *, stretch: float = 1.0) -> Floats:
        """Cloudy noise in [0, 1], about `cells` blobs across, `stretch` times as wide as high."""
        width, height = self.size
        total = np.zeros((height, width), np.float32)
        for octave, weight in ((1, 0.55), (2, 0.28), (4, 0.17)):
            across = max(2, cells * octave)
            down = max(2, int(across * stretch * height / width))
            grid = self.random.integers(0, 256, (down, across)).astype(np.uint8)
            soft = Image.fromarray(grid).resize(self.size, Image.Resampling.BICUBIC)
            total += np.asarray(soft).astype(np.float32) * np.float32(weight / 255)
        return total

    def wash(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """Fill from `top` to `bottom` (shares of the height) with a smooth change of colour."""
        width, height = self.size
        y0, y1 = int(top * height), int(bottom * height)
        t = (np.arange(y1 - y0, dtype=np.float32) / np.float32(max(1, y1 - y0 - 1)))[:, None, None]
        rows = np.array(upper, np.float32) * (1 - t) + np.array(lower, np.float32) * t
        strip = np.broadcast_to(rows, (y1 - y0, width, 3)).astype(np.uint8)
        self.picture.paste(Image.fromarray(np.ascontiguousarray(strip)), (0, y0))

    def glaze(self, colour: Colour, share: Floats) -> None:
        """Paint `colour` over all, as strongly as `share` (h, w) says."""
        mask = Image.fromarray(np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8))
        self.picture.paste(Image.new("RGB", self.size, colour), (0, 0), mask)

    def glow(self, colour: Colour, centre: tuple[float, float], radius: tuple[float, float]) -> None:
        """Add light about a point (shares of width and height)."""
        width, height = self.size
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        dx = (x / width - np.float32(centre[0])) / np.float32(radius[0])
        dy = (y / height - np.float32(centre[1])) / np.float32(radius[1])
        t = np.maximum(np.float32(1) - (dx * dx + dy * dy), np.float32(0))
        light = (t * t)[..., None] * np.array(colour, np.float32)
        self.picture = ImageChops.add(self.picture, Image.fromarray(light.astype(np.uint8)))

    def blur(self, radius: float) -> None:
        """Put everything painted so far out of focus."""
        self.picture = self.picture.filter(ImageFilter.GaussianBlur(radius))

    def sky(self, horizon: float) -> None:
        """Sky with clouds, or stars, down to the horizon."""
        upper, lower = SKIES[self.palette.hour]
        self.wash(0, horizon + 0.05, upper, lower)
        height = self.size[1]
        fade = np.clip(1.15 - np.arange(height, dtype=np.float32) / np.float32(height * horizon), 0, 1)[:, None]
        cloud = self.texture(5, stretch=2.4)
        if self.palette.hour == "night":
            draw = ImageDraw.Draw(self.picture)
            for _ in range(60):
                x, y = self.uniform(0, self.size[0]), self.uniform(0, height * horizon * 0.8)
                r = self.uniform(0.4, 1.3)
                draw.ellipse((x - r, y - r, x + r, y + r), fill=(210, 214, 236))
            return
        white: Colour = (255, 226, 206) if self.palette.hour == "dusk" else (252, 252, 252)
        self.glaze(white, np.clip((cloud - 0.50) * 4.2, 0, 0.92) * fade)
        shadow: Colour = (168, 130, 156) if self.palette.hour == "dusk" else (190, 200, 214)
        self.glaze(shadow, np.clip((np.roll(cloud, -14, 0) - 0.60) * 3.0, 0, 0.40) * fade)

    def hills(self, base: float, rise: float, colour: Colour, far: float, *, cells: int = 4) -> None:
        """A row of hills that stands on `base` (share of the height)."""
        width, height = self.size
        grid = self.random.integers(0, 256, (1, cells + 3)).astype(np.uint8)
        line = (
            np.asarray(Image.fromarray(grid).resize((width, 1), Image.Resampling.BICUBIC)).astype(np.float32)[0] / 255
        )
        tops = (base - rise * (0.25 + 0.75 * line)) * height
        y = np.arange(height, dtype=np.float32)[:, None]
        inside = np.clip(y - tops[None, :], 0, 1)
        self.glaze(self.palette.of(colour, far), inside)
        relief = self.texture(9) * np.clip((y - tops[None, :]) / np.float32(0.16 * height), 0, 1)
        self.glaze(self.palette.of(colour, far, 0.72), inside * np.clip(relief * 1.5 - 0.25, 0, 0.55))

    def dabs(
        self, count: int, box: tuple[float, float, float, float], size: tuple[float, float], colours: list[Colour]
    ) -> None:
        """Strew little strokes of the colours over the box (shares of the picture), larger further down."""
        width, height = self.size
        draw = ImageDraw.Draw(self.picture)
        spots = self.random.random((count, 4))
        for u, v, a, b in spots[np.argsort(spots[:, 1])].tolist():
            x, y = (box[0] + (box[2] - box[0]) * u) * width, (box[1] + (box[3] - box[1]) * v) * height
            r = (size[0] + (size[1] - size[0]) * v) * (0.6 + 0.8 * a)
            draw.ellipse((x - r, y - 0.62 * r, x + r, y + 0.62 * r), fill=colours[int(b * len(colours))])

    def tree(self, x: float, foot: float, tall: float, leaves: Colour, trunk: Colour, far: float = 0.0) -> None:
        """A leafy tree: its foot at (x, foot), `tall` high, in shares of the picture's height (x: of its width)."""
        width, height = self.size
        draw, of = ImageDraw.Draw(self.picture), self.palette.of
        cx, y0, h = x * width, foot * height, tall * height
        w = 0.045 * h
        draw.polygon(
            [(cx - w * 1.3, y0), (cx - 0.6 * w, y0 - 0.55 * h), (cx + 0.6 * w, y0 - 0.55 * h), (cx + w * 1.3, y0)],
            of(trunk, far),
        )
        sun = self.palette.sun_side
        lumps = [
            (self.uniform(-0.26, 0.26) * h, -self.uniform(0.44, 0.90) * h, self.uniform(0.12, 0.20) * h)
            for _ in range(11)
        ]
        for shift, bright, size in ((0.0, 0.62, 1.0), (0.16, 0.82, 0.86), (0.34, 1.02, 0.62)):
            for dx, dy, r in lumps:
                px, py, q = cx + dx + sun * shift * r, y0 + dy - shift * r, r * size
                draw.ellipse((px - q, py - q, px + q, py + q), of(leaves, far, bright))
        for _ in range(int(260 * min(1.0, 2 * tall))):
            dx, dy, r = lumps[int(self.uniform(0, len(lumps) - 0.01))]
            a, q = self.uniform(0, 6.283), math.sqrt(self.uniform(0, 1.1)) * r
            ox, oy = math.cos(a) * q, math.sin(a) * q
            lit = 0.82 + 0.34 * (sun * ox - oy) / r
            s = self.uniform(0.012, 0.026) * h
            px, py = cx + dx + ox, y0 + dy + oy
            draw.ellipse((px - s, py - 0.7 * s, px + s, py + 0.7 * s), of(leaves, far, max(0.80, lit)))

    def grass(self, top: float, colour: Colour, *, count: int = 5200, bottom: float = 1.02) -> None:
        """Blades from `top` downwards, short and fine far away, long and loose near."""
        width, height = self.size
        draw, of = ImageDraw.Draw(self.picture), self.palette.of
        shades = [of(colour, 0.16 * (i < 3), 0.66 + 0.075 * i) for i in range(7)]
        warm = of((min(255, colour[0] + 46), min(255, colour[1] + 26), colour[2]), 0, 1.05)
        rows = self.random.random((count, 5))
        for v, u, a, b, c in rows[np.argsort(rows[:, 0])].tolist():
            near = v * v
            x, y = u * width, (top + (bottom - top) * v) * height
            tall = (3 + 26 * near) * (0.6 + 0.7 * a) * height / 675
            fill = warm if c > 0.93 else shades[int(c / 0.93 * 6.99)]
            draw.line((x, y, x + (b - 0.5) * tall * 0.8, y - tall), fill, 1 + int(1.4 * near))

    def floor(self, horizon: float) -> tuple[Floats, Floats]:
        """Coordinates (across, away) of flat ground below the horizon for every pixel of a picture twice as large."""
        width, height = self.size
        y, x = np.mgrid[0 : 2 * height, 0 : 2 * width].astype(np.float32)
        depth = np.maximum((y - np.float32(2 * height * horizon)) / np.float32(height), np.float32(0.02))
        return (x / np.float32(width) - np.float32(1)) / depth, np.float32(1) / depth

    def lay(self, pattern: Floats, horizon: float, *, soft: float = 0.0) -> None:
        """Put a pattern (2h, 2w, 3; sRGB 0-255), made on `floor`, below the horizon."""
        image = Image.fromarray(np.clip(pattern, 0, 255).astype(np.uint8)).reduce(2)
        if soft:
            image = image.filter(ImageFilter.GaussianBlur(soft))
        top = int(horizon * self.size[1])
        self.picture.paste(image.crop((0, top, *self.size)), (0, top))
