"""What figures share: one style whatever the caller's is, lines cut to their room, photos, words on colour."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from PIL import Image

from petfinder.display import wording
from petfinder.display.colours import PAINT, Paint
from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import Photo
from petfinder.domain.text import install_line
from petfinder.domain.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

P = ParamSpec("P")
INK, QUIET, GROUND = "#1b1f24", "#59616d", "#eff1f3"
MARGIN, _HEAD = 0.5, 1.35  # inches
_LONGEST = 240  # characters in a line; no figure has room for more
_STYLE = {
    **{"figure.dpi": 150, "font.size": 9, "text.color": INK, "text.parse_math": False},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.edgecolor": INK},
    **{"axes.titlelocation": "left", "axes.titleweight": "bold", "axes.titlesize": 10.5, "axes.labelcolor": QUIET},
    **{"xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5},
}


def in_own_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw, without pyplot and the caller's styles, what notebooks show; raises ConfigError without matplotlib."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        try:
            import matplotlib.figure
            import matplotlib.style
        except ImportError as error:
            raise ConfigError(f"figures need matplotlib: {install_line('notebook')}") from error
        with matplotlib.style.context(["default", {**_STYLE, "font.family": _families()}]):
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()  # ticks are made when they are drawn first
        shown: Any = figure  # else notebooks show pyplot's figures only; and once it was used drop those without axes
        shown._repr_png_, shown._ipython_display_ = partial(_png, figure), partial(_display, figure)
        return figure

    return drawn


def headed_figure(
    width: float, body: float, *, title: str, about: str = "", foot: str = "", verdict: Verdict | None = None
) -> Figure:
    """A white figure with a title, a line below it and small print at its foot, `body` inches of room between them.

    Its axes fill that room. All texts are measured on one canvas: else each would keep one of its own.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    room = width - 2 * MARGIN
    small_print = textwrap.wrap(foot, int(room * 14))
    below = 0.4 + 0.165 * (len(small_print) + 1 if foot else 0)
    height = _HEAD + body + below
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    left = MARGIN
    if verdict:
        word = write(figure, left + 0.07, height - 0.62, verdict, room=room, fontsize=13, **on_colour(PAINT[verdict]))
        left += width_of(word) + 0.29
    write(figure, left, height - 0.63, title, room=width - MARGIN - left, fontsize=17, weight="bold")
    write(figure, MARGIN, height - 0.97, about, room=room, fontsize=11, color=QUIET)
    for line, text in enumerate(reversed(small_print)):
        write(figure, MARGIN, 0.35 + 0.165 * line, text, room=room, fontsize=8, color=QUIET)
    x, y = MARGIN / width, below / height
    figure.subplots_adjust(x, y, 1 - x, 1 - _HEAD / height)
    figure.set_layout_engine("constrained", rect=(x, y, room / width, body / height), hspace=0.06, wspace=0.06)
    return figure


def write(on: Figure | Axes, x: float, y: float, text: str, *, room: float, **look: Any) -> Text:
    """Write a line, cut to `room` inches: on a figure in inches from its lower left corner, on axes in their units."""
    from matplotlib.figure import Figure

    if isinstance(on, Figure):
        look.setdefault("transform", on.dpi_scale_trans)
    written = on.text(x, y, drawable(text), **look)
    while len(shown := written.get_text()) > 2 and (wide := width_of(written)) > room:
        written.set_text(wording.clip(shown, min(len(shown) - 1, int(len(shown) * room / wide) + 1)))
    return written


def width_of(text: Text) -> float:
    """How wide a line is, in inches."""
    figure = text.get_figure(root=True)
    assert figure is not None
    return float(text.get_window_extent().width / figure.dpi)


def on_colour(paint: Paint) -> dict[str, Any]:
    """How a word stands on a rounded ground of a verdict's colour."""
    box = {"boxstyle": "round,pad=0.35,rounding_size=0.8", "facecolor": paint.fill, "edgecolor": "none"}
    return {"color": paint.ink, "weight": "bold", "bbox": box}


def tile_picture(axes: Axes, photo: Photo, x: float, y: float, side: float) -> None:
    """The photo's thumbnail, whole, in a square of axes whose y grows downwards; or that there is none."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), side, side, facecolor=GROUND, edgecolor="none", zorder=-1))
    try:
        picture = Image.open(io.BytesIO(photo.thumbnail or b""), formats=["JPEG"]).convert("RGB")
    except OSError:
        middle = x + side / 2, y + side / 2
        write(axes, *middle, wording.NO_PICTURE, room=side, color=QUIET, ha="center", va="center")
        return
    wide, high = (side * part / max(picture.size) for part in picture.size)
    left, top = x + (side - wide) / 2, y + (side - high) / 2
    axes.imshow(picture, extent=(left, left + wide, top + high, top), interpolation="antialiased")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _display(figure: Figure) -> None:
    from IPython.display import display

    display({"image/png": _png(figure), "text/plain": repr(figure)}, raw=True)  # type: ignore[no-untyped-call]


# families that are common on one system or another and hold what matplotlib's own font lacks, in order of preference
_OTHERS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei"),
    *("Malgun Gothic", "PingFang SC", "WenQuanYi Zen Hei", "Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("Nirmala UI", "Arial Unicode MS", "Segoe UI Symbol"),
)


@cache
def _families() -> list[str]:
    from matplotlib import font_manager

    return ["DejaVu Sans", *(family for family in _OTHERS if family in font_manager.get_font_names())]


def drawable(text: str) -> str:
    """The clean text with a box for each character that no font has in bold and normal; matplotlib would warn."""
    shown = wording.clip(text, _LONGEST)
    return shown if shown.isascii() else "".join(sign if ord(sign) in _known() else "□" for sign in shown)


@cache
def _known() -> frozenset[int]:
    from matplotlib import font_manager as fonts

    def of(weight: str) -> frozenset[int]:
        files = [fonts.findfont(fonts.FontProperties(family=family, weight=weight)) for family in _families()]
        return frozenset(code for file in files for code in fonts.get_font(file).get_charmap())

    return of("normal") & of("bold")
