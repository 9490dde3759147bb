"""The pieces of HTML that displays are made of: escaped text, pictures, verdicts, boxes, a whole page around them.

Styles stand inline, because notebook viewers strip style sheets; text inherits its colour and boxes let the ground
through, so that light and dark themes both work. No script, nothing from elsewhere.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence

from petfinder.display import wording
from petfinder.display.colours import PAW, paint_of
from petfinder.domain.pets import Photo
from petfinder.domain.verdicts import Cut, Verdict

_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;font-size:15px;line-height:1.45"
_EDGE = "rgba(128,128,128,0.35)"
_GROUND = "rgba(128,128,128,0.12)"
_CELL = f"border:none;border-bottom:1px solid {_EDGE};padding:5px 16px 5px 0;vertical-align:top"
_JPEG = b"\xff\xd8\xff"
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_PADS = "".join(f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"></ellipse>' for x, y, rx, ry in PAW)
_PAW = f'<svg viewBox="0 0 64 64" width="45%" aria-hidden="true" fill="currentColor" style="opacity:0.35">{_PADS}</svg>'


def escape(text: str) -> str:
    """Text that shows as it is written, in a page and in a quoted attribute."""
    return html.escape(wording.clean(text), quote=True)


def block(inner: str | Iterable[str], style: str = "") -> str:
    """A box around ready HTML."""
    content = inner if isinstance(inner, str) else "".join(inner)
    return f'<div style="{style}">{content}</div>' if style else f"<div>{content}</div>"


def line(text: str, style: str = "") -> str:
    """A line of text, escaped, its dates never broken in two; nothing for an empty text."""
    shown = _DATE.sub(r'<span style="white-space:nowrap">\g<0></span>', escape(text))
    return block(shown, f"overflow-wrap:anywhere;{style}") if shown else ""


def quiet(text: str) -> str:
    """A line of small print, escaped; nothing for an empty text."""
    return line(text, "font-size:13px;opacity:0.72")


def picture(photo: Photo | None, alt: str, *, width: int = 170) -> str:
    """The photo's thumbnail in a square, uncut, or a drawn paw where there is none; `alt` says what it shows.

    `width` in pixels counts only where a viewer strips styles; else the picture fills its box.
    """
    if photo is None or photo.thumbnail is None or not photo.thumbnail.startswith(_JPEG):
        empty = f"aspect-ratio:1/1;box-sizing:border-box;padding:6%;background:{_GROUND};"
        centred = "display:flex;flex-direction:column;align-items:center;justify-content:center;text-align:center"
        return (
            f'<div role="img" aria-label="{escape(alt)}: {wording.NO_PICTURE}" style="{empty}{centred}">{_PAW}'
            f'<span style="font-size:12px;opacity:0.72">{wording.NO_PICTURE}</span></div>'
        )
    data = base64.b64encode(photo.thumbnail).decode("ascii")
    style = f"display:block;width:100%;aspect-ratio:1/1;object-fit:contain;margin:0;background:{_GROUND}"
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt)}" width="{width}" style="{style}">'


def badge(verdict: Verdict, *, size: int = 13) -> str:
    """The verdict's word on its colour; `size` of the letters in pixels."""
    paint = paint_of(verdict)
    shape = f"display:inline-block;padding:1px 10px;border-radius:999px;font-size:{size}px;font-weight:700"
    return f'<span style="{shape};background:{paint.fill};color:{paint.ink}">{verdict}</span>'


def scale(similarity: float, verdict: Verdict | None, cut: Cut | None) -> str:
    """The similarity as a bar from 0 to 1, with a tick at each threshold."""
    ticks = [cut.possible, cut.match] if cut else []
    drawn = "".join(
        f'<div style="position:absolute;left:{tick:.1%};top:-3px;height:12px;border-left:2px solid;opacity:0.65"></div>'
        for tick in ticks
        if 0 <= tick <= 1
    )
    filled = (
        f"width:{min(max(similarity, 0.0), 1.0):.1%};height:6px;border-radius:3px;background:{paint_of(verdict).fill}"
    )
    return block(
        block("", filled) + drawn, f"position:relative;height:6px;margin:5px 0 8px;border-radius:3px;background:{_EDGE}"
    )


def card(inner: Iterable[str], *, edge: str = _EDGE, width: int) -> str:
    """A framed box of at most this width in pixels, narrower on a phone, with the colour `edge` along its top."""
    style = (
        f"flex:1 1 {min(width, 145)}px;max-width:{width}px;box-sizing:border-box;overflow:hidden;"
        f"border:1px solid {_EDGE};border-top:5px solid {edge};border-radius:10px"
    )
    return block(inner, style)


def row(inner: Iterable[str], *, gap: int = 14) -> str:
    """Boxes side by side, going on below where the screen ends."""
    return block(inner, f"display:flex;flex-wrap:wrap;gap:{gap}px;align-items:flex-start;margin-bottom:{gap}px")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: frozenset[str] = frozenset()) -> str:
    """A table of ready HTML under its head (escaped; none where it is empty), wider than a phone only by scrolling.

    `numbers` names the columns that stand to the right.
    """
    sides = ["right" if column in numbers else "left" for column in head]
    small = f"{_CELL};white-space:nowrap;font-size:13px;font-weight:400;opacity:0.72"
    titles = "".join(
        f'<th scope="col" style="{small};text-align:{side}">{escape(column)}</th>'
        for column, side in zip(head, sides, strict=True)
    )
    lines = "".join(f'<tr style="background:none">{_cells(cells, sides)}</tr>' for cells in rows)
    top = f'<thead><tr style="background:none">{titles}</tr></thead>' if any(head) else ""
    look = "border-collapse:collapse;border:none;margin:0;font-size:inherit"
    return block(f'<table style="{look}">{top}<tbody>{lines}</tbody></table>', "overflow-x:auto")


def _cells(cells: Sequence[str], sides: Sequence[str]) -> str:
    return "".join(
        f'<td style="{_CELL};text-align:{side}">{cell}</td>' for cell, side in zip(cells, sides, strict=True)
    )


def tile(number: int, what: str, fill: str) -> str:
    """A count in large figures beside a stripe of colour, and what was counted."""
    shown = line(f"{number:,}", "font-size:26px;font-weight:700;line-height:1.2")
    return block(shown + quiet(what), f"border-left:6px solid {fill};padding:2px 18px 2px 12px")


def whole(inner: Iterable[str], label: str) -> str:
    """One display, ready to stand in a page: ASCII only, so that no page's encoding can spoil it, and no formulas."""
    text = "".join(inner)
    shown = (
        f'<section class="mathjax_ignore tex2jax_ignore" aria-label="{escape(label)}" '
        f'style="{_FONT};max-width:1100px;text-align:left">{text}</section>'
    )
    return shown.encode("ascii", "xmlcharrefreplace").decode("ascii")


def as_page(display: str, *, title: str) -> str:
    """A whole page around a display, to be saved as a file: follows the reader's light or dark theme, fits a phone."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title></head>'
        f'<body style="margin:0;padding:16px">{display}</body></html>\n'
    )
