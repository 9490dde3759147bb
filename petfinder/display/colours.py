"""The colours of verdicts and statuses, never without their word; the paw for no picture.

Hues after Okabe and Ito (Color Universal Design, 2008), for colour-blind people too, darkened under white words.
"""

from __future__ import annotations

from dataclasses import dataclass

from petfinder.domain.pets import Status
from petfinder.domain.verdicts import Verdict


@dataclass(frozen=True)
class Paint:
    """One verdict's colours (#rrggbb): `fill` behind the word, `ink` of the word on it, at 4.5:1 or more (WCAG AA).

    `terminal` names the colour of the word where there are only eight.
    """

    fill: str
    ink: str
    terminal: str


PAINT = {
    Verdict.MATCH: Paint(fill="#007a59", ink="#ffffff", terminal="green"),
    Verdict.POSSIBLE: Paint(fill="#e69f00", ink="#201600", terminal="yellow"),
    Verdict.UNKNOWN: Paint(fill="#667080", ink="#ffffff", terminal="cyan"),
}
STATUS_COLOURS = {
    Status.LOST: "#c2410c",
    Status.FOUND: "#007a59",
    Status.SIGHTED: "#404040",
    Status.HOME: "#0072b2",
    Status.REUNITED: "#7b3294",
}
BAD = "#b34700"  # of what failed
NEUTRAL = Paint(fill="#0072b2", ink="#ffffff", terminal="blue")
# the pads of a paw in a square of 64: centre x, centre y from above, half width, half height
PAW = ((32, 43, 14, 11), (12, 31, 6, 8), (24, 18, 6, 9), (40, 18, 6, 9), (52, 31, 6, 8))


def paint_of(verdict: Verdict | None) -> Paint:
    """The colours of a verdict; blue where a search has none."""
    return NEUTRAL if verdict is None else PAINT[verdict]
