"""A sheet of paper for figures, in inches from its upper left corner: words, pictures and blocks of colour on it.

Sets every look itself, so that no style or setting of the caller changes it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from petfinder.display import wording
from petfinder.display.colours import PAW
from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import Photo

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Side = Literal["left", "center", "right"]
INK, QUIET, SHADE, GROUND = "#1b1f24", "#59616d", "#b4bac2", "#eff1f3"
_LONGEST = 240  # signs in a line; no sheet has room for more


def new_sheet(width: float, height: float) -> Sheet:
    """A white sheet of `width` by `height` inches whose figure notebooks show and `savefig` saves.

    Uses no pyplot, so that no figure stays open. Raises ConfigError where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("figures need matplotlib: pip install 'petfinder-registry[notebook]'") from error
    figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]  # else notebooks show pyplot's figures only
    return Sheet(figure)


class Sheet:
    """A figure, `width` by `height` inches, on which things are put by their upper left corner (`x`, `y`) in inches."""

    def __init__(self, figure: Figure) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure = figure
        # One renderer for all measuring: without it each text would keep a canvas of its own, gigabytes in all.
        self.renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        self.width, self.height = (float(side) for side in figure.get_size_inches())

    def write(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        room: float,
        colour: str = INK,
        weight: Literal["normal", "bold"] = "normal",
        ground: str | None = None,
        side: Side = "left",
    ) -> float:
        """Write one line with its foot at `y`, `size` in points, on a rounded `ground` if given, cut to fit the `room`
        in inches; returns how far to the right it reaches. `x` is where the given `side` of the line comes to stand.
        Dollar signs and backslashes stand for themselves."""
        shown = drawable(wording.clip(text, _LONGEST), weight=weight)
        if not shown:
            return x
        written = self.figure.text(
            x / self.width,
            1 - y / self.height,
            shown,
            fontsize=size,
            fontweight=weight,
            fontfamily=list(families()),
            color=colour,
            ha=side,
            va="baseline",
            parse_math=False,
            usetex=False,
        )
        while len(shown) > 2 and (wide := written.get_window_extent(self.renderer).width / self.figure.dpi) > room:
            shown = wording.clip(shown, min(len(shown) - 1, int(len(shown) * room / wide) + 1))
            written.set_text(shown)
        if ground:
            written.set_bbox({"boxstyle": "round,pad=0.35,rounding_size=0.8", "facecolor": ground, "edgecolor": "none"})
        wide = float(written.get_window_extent(self.renderer).width) / self.figure.dpi
        return x + wide * {"left": 1.0, "center": 0.5, "right": 0.0}[side]

    def width_of(self, text: str, *, size: float, room: float, weight: Literal["normal", "bold"] = "normal") -> float:
        """How wide a line would become, in inches; nothing is written."""
        wide = self.write(text, 0.0, 0.0, size=size, room=room, weight=weight)
        if wide:
            self.figure.texts[-1].remove()
        return wide

    def fill(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A block of colour."""
        from matplotlib.patches import Rectangle

        corner = (x / self.width, 1 - (y + height) / self.height)
        size = (width / self.width, height / self.height)
        self.figure.add_artist(
            Rectangle(corner, *size, facecolor=colour, edgecolor="none", transform=self.figure.transFigure, zorder=0)
        )

    def shape(self, corners: Sequence[tuple[float, float]], colour: str) -> None:
        """A filled shape with a white rim, in front of blocks, from its corners in inches."""
        from matplotlib.patches import Polygon

        points = [(x / self.width, 1 - y / self.height) for x, y in corners]
        self.figure.add_artist(
            Polygon(
                points,
                closed=True,
                facecolor=colour,
                edgecolor="white",
                linewidth=1.0,
                transform=self.figure.transFigure,
                zorder=1,
            )
        )

    def picture(self, photo: Photo, x: float, y: float, side: float) -> None:
        """The photo's thumbnail, whole, in the middle of a square; a note where there is none or it cannot be read."""
        self.fill(x, y, side, side, GROUND)
        axes = self.figure.add_axes(
            (x / self.width, 1 - (y + side) / self.height, side / self.width, side / self.height)
        )
        axes.set_axis_off()
        pixels = _pixels(photo)
        if pixels is None:
            self._paw(x + side / 4, y + side / 5, side / 2)
            self.write(wording.NO_PICTURE, x + side / 14, y + side * 13 / 14, size=9, room=side * 6 / 7, colour=QUIET)
        else:
            axes.imshow(pixels, interpolation="antialiased", aspect="equal", origin="upper")

    def _paw(self, x: float, y: float, side: float) -> None:
        from matplotlib.patches import Ellipse

        inch = side / 64
        for across, down, half_width, half_height in PAW:
            centre = ((x + across * inch) / self.width, 1 - (y + down * inch) / self.height)
            size = (2 * half_width * inch / self.width, 2 * half_height * inch / self.height)
            self.figure.add_artist(Ellipse(centre, *size, facecolor=SHADE, transform=self.figure.transFigure, zorder=0))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _pixels(photo: Photo) -> npt.NDArray[np.uint8] | None:
    if photo.thumbnail is None:
        return None
    try:
        with Image.open(io.BytesIO(photo.thumbnail), formats=["JPEG"]) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError:
        return None


BASE = "DejaVu Sans"  # comes with matplotlib
# families that are common on one system or another and hold what DejaVu Sans lacks; the order is the preference
_OTHERS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei"),
    *("Malgun Gothic", "PingFang SC", "WenQuanYi Zen Hei", "Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("Nirmala UI", "Arial Unicode MS", "Segoe UI Symbol"),
)
_BOX = "□"


@cache
def families() -> tuple[str, ...]:
    """The font families to draw with, in order: matplotlib's own, then those of this machine that help it out."""
    from matplotlib import font_manager

    here = {font.name for font in font_manager.fontManager.ttflist}
    return (BASE, *(family for family in _OTHERS if family in here))


def drawable(text: str, *, weight: Literal["normal", "bold"] = "normal") -> str:
    """The text with a box for each sign that none of the fonts has in this weight (matplotlib would warn of each)."""
    if text.isascii():
        return text
    return "".join(sign if sign.isascii() or ord(sign) in _known(weight) else _BOX for sign in text)


@cache
def _known(weight: Literal["normal", "bold"]) -> frozenset[int]:
    from matplotlib import font_manager

    fonts = (font_manager.FontProperties(family=family, weight=weight) for family in families())
    return frozenset(
        code for font in fonts for code in font_manager.get_font(font_manager.findfont(font)).get_charmap()
    )
