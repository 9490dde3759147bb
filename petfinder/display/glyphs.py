"""Which of a text's signs a figure can draw: fonts at hand that have them, a box for those that no font has.

Knows matplotlib's fonts; matplotlib is loaded at first use.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

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
