"""What a pet looks like: its build and its coat, as numbers and colours that stay the same from picture to picture.
Knows no geometry and no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Species = Literal["dog", "cat"]
Ear = Literal["floppy", "pricked", "half", "drop"]
Tail = Literal["long", "curled", "plume", "stub", "sabre"]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Build:
    """Proportions in body units (a middling dog's back is at about 0.9).

    leg: ground to elbow. length: shoulder to hip. girth, head, ear_size, muzzle_width: 1 = middling.
    neck, muzzle: their lengths. fur: 0 = smooth, 1 = long. curl: 0 = straight, 1 = woolly.
    """

    leg: float = 0.40
    length: float = 0.62
    girth: float = 1.0
    neck: float = 0.25
    head: float = 1.0
    muzzle: float = 0.17
    muzzle_width: float = 1.0
    ear: Ear = "floppy"
    ear_size: float = 1.0
    tail: Tail = "long"
    fur: float = 0.3
    curl: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A mark of one colour: a ball about a spot of the standing pet, with a ragged edge."""

    spot: tuple[float, float, float]
    radius: float
    colour: Colour


@dataclass(frozen=True)
class Coat:
    """Colours (sRGB, 0-255) and marks. A mark whose colour is None is not there.

    base: all over. belly: underside. saddle: back and flanks. chest: front of neck and chest. socks: paws up to
    `sock_height`. mask: muzzle. blaze: stripe between the eyes, `blaze_width` wide. brows: spots above the eyes.
    cap: top of the head. ears, tail_tip: as said. stripes: tabby bars or brindle, `stripe_rate` bars a body unit.
    spots: dots all over, `spot_size` across. merle: large torn blotches.
    """

    base: Colour
    belly: Colour | None = None
    saddle: Colour | None = None
    chest: Colour | None = None
    socks: Colour | None = None
    sock_height: float = 0.16
    mask: Colour | None = None
    blaze: Colour | None = None
    blaze_width: float = 0.035
    brows: Colour | None = None
    cap: Colour | None = None
    ears: Colour | None = None
    one_ear: Colour | None = None
    tail_tip: Colour | None = None
    stripes: Colour | None = None
    stripe_rate: float = 11.0
    spots: Colour | None = None
    spot_size: float = 0.075
    merle: Colour | None = None
    patches: tuple[Patch, ...] = ()
    grain: int = 0


@dataclass(frozen=True)
class Look:
    """One pet, as it can be drawn: species, build, coat, eyes (its right one, its left one), nose, collar."""

    species: Species
    build: Build
    coat: Coat
    eyes: tuple[Colour, Colour]
    nose: Colour = (38, 32, 34)
    collar: Colour | None = None
    tag: bool = False
