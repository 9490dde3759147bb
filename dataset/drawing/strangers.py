"""Any number of other pets: a look drawn from a seed, within what coats really come in. For measuring, not for show."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from .looks import Build, Coat, Colour, Ear, Look, Patch, Species, Tail

T = TypeVar("T")

DOG_COLOURS: tuple[Colour, ...] = (
    (244, 240, 232),
    (38, 35, 38),
    (96, 58, 38),
    (134, 78, 44),
    (190, 138, 84),
    (224, 184, 126),
    (236, 216, 180),
    (128, 130, 138),
    (84, 84, 92),
    (168, 108, 66),
)
CAT_COLOURS: tuple[Colour, ...] = (
    (246, 242, 236),
    (36, 34, 38),
    (118, 126, 140),
    (216, 138, 66),
    (142, 124, 102),
    (234, 216, 190),
    (170, 166, 164),
    (112, 78, 60),
    (224, 190, 150),
)
COLLARS: tuple[Colour, ...] = (
    (196, 52, 48),
    (52, 104, 168),
    (70, 150, 96),
    (222, 146, 46),
    (150, 80, 160),
    (60, 60, 66),
)
DOG_EARS: tuple[Ear, ...] = ("floppy", "pricked", "half", "drop")
DOG_TAILS: tuple[Tail, ...] = ("long", "curled", "plume", "stub", "sabre")


class _Draw:
    """Random choices, in a fixed order."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))

    def number(self, low: float, high: float) -> float:
        return low + (high - low) * float(self._random.random())

    def chance(self, share: float) -> bool:
        return float(self._random.random()) < share

    def one(self, choices: tuple[T, ...]) -> T:
        return choices[int(self._random.integers(0, len(choices)))]

    def near(self, colour: Colour) -> Colour:
        """The colour, a little off."""
        light, out = self.number(0.92, 1.08), []
        for value in colour:
            out.append(int(max(24, min(252, value * light + self.number(-7, 7)))))
        return out[0], out[1], out[2]


def random_look(seed: int, species: Species) -> Look:
    """A pet that does not exist, other for each seed: build, coat, eyes and collar by chance."""
    draw = _Draw(seed * 2 + (species == "cat"))
    return _dog(draw, seed) if species == "dog" else _cat(draw, seed)


def _dog(draw: _Draw, seed: int) -> Look:
    fur = draw.one((0.05, 0.12, 0.2, 0.35, 0.5, 0.7, 0.9))
    build = Build(
        leg=draw.number(0.19, 0.47),
        length=draw.number(0.52, 0.74),
        girth=draw.number(0.86, 1.12),
        head=draw.number(1.04, 1.20),
        muzzle=draw.number(0.11, 0.21),
        muzzle_width=draw.number(0.92, 1.2),
        ear=draw.one(DOG_EARS),
        ear_size=draw.number(0.8, 1.15),
        tail=draw.one(DOG_TAILS),
        fur=fur,
        curl=1.0 if 0.3 < fur < 0.6 and draw.chance(0.4) else 0.0,
    )
    base = draw.near(draw.one(DOG_COLOURS))
    other = draw.near(draw.one(tuple(c for c in DOG_COLOURS if _apart(c, base) > 110)))
    white = draw.near(DOG_COLOURS[0])
    kind = draw.one(("plain", "saddle", "patches", "spots", "merle", "brindle", "bib", "mask"))
    coat = Coat(
        base,
        saddle=other if kind == "saddle" else None,
        patches=_patches(draw, other, 0.62) if kind == "patches" else (),
        spots=other if kind == "spots" else None,
        spot_size=draw.number(0.05, 0.11),
        merle=other if kind == "merle" else None,
        stripes=_darker(base) if kind == "brindle" else None,
        stripe_rate=draw.number(13, 18),
        mask=_darker(base) if kind in ("mask", "brindle") else None,
        chest=white if kind in ("bib", "merle") or draw.chance(0.25) else None,
        socks=white if kind == "bib" or draw.chance(0.3) else None,
        sock_height=draw.number(0.09, 0.24),
        blaze=white if draw.chance(0.3) else None,
        blaze_width=draw.number(0.015, 0.05),
        cap=other if kind == "saddle" and draw.chance(0.5) else None,
        ears=other if kind != "plain" and draw.chance(0.5) else None,
        one_ear=other if kind == "patches" and draw.chance(0.6) else None,
        tail_tip=white if draw.chance(0.25) else None,
        grain=seed % 9973,
    )
    eye: Colour = (110, 66, 32) if draw.chance(0.88) else (96, 156, 210)
    return Look(
        "dog", build, coat, (eye, eye), collar=draw.one(COLLARS) if draw.chance(0.5) else None, tag=draw.chance(0.5)
    )


def _cat(draw: _Draw, seed: int) -> Look:
    fur = draw.one((0.1, 0.15, 0.22, 0.3, 0.6, 0.85))
    build = Build(
        leg=draw.number(0.28, 0.34),
        length=draw.number(0.50, 0.56),
        girth=draw.number(0.74, 0.94),
        neck=0.14,
        head=draw.number(1.05, 1.18),
        ear="pricked",
        ear_size=draw.number(0.85, 1.18),
        tail="plume" if fur > 0.5 else "long",
        fur=fur,
    )
    base = draw.near(draw.one(CAT_COLOURS))
    other = draw.near(draw.one(tuple(c for c in CAT_COLOURS if _apart(c, base) > 100)))
    white = draw.near(CAT_COLOURS[0])
    kind = draw.one(("plain", "tabby", "tabby", "tuxedo", "patches", "points", "cap"))
    points = _darker(_darker(base))
    coat = Coat(
        base,
        stripes=_darker(base) if kind == "tabby" else None,
        stripe_rate=draw.number(8, 13),
        patches=_patches(draw, other, 0.52) if kind == "patches" else (),
        mask=points if kind == "points" else None,
        ears=points if kind == "points" else None,
        cap=other if kind == "cap" else None,
        one_ear=other if kind == "patches" and draw.chance(0.6) else None,
        chest=white if kind == "tuxedo" or draw.chance(0.3) else None,
        belly=white if draw.chance(0.3) else None,
        socks=points if kind == "points" else white if kind == "tuxedo" or draw.chance(0.3) else None,
        sock_height=draw.number(0.08, 0.2),
        blaze=white if draw.chance(0.25) else None,
        blaze_width=draw.number(0.01, 0.035),
        tail_tip=points if kind == "points" else white if draw.chance(0.2) else None,
        grain=seed % 9973,
    )
    eye = draw.one(((142, 168, 66), (214, 186, 62), (96, 158, 222), (214, 142, 50), (126, 170, 96)))
    nose = draw.one(((222, 140, 134), (70, 50, 48), (168, 106, 96)))
    collar = draw.one(COLLARS) if draw.chance(0.4) else None
    return Look("cat", build, coat, (eye, eye), nose=nose, collar=collar, tag=draw.chance(0.5))


def _apart(a: Colour, b: Colour) -> int:
    return sum(abs(p - q) for p, q in zip(a, b, strict=True))


def _darker(colour: Colour) -> Colour:
    return max(26, colour[0] * 11 // 20), max(24, colour[1] * 10 // 20), max(24, colour[2] * 10 // 20)


def _patches(draw: _Draw, colour: Colour, back: float) -> tuple[Patch, ...]:
    return tuple(
        Patch(
            (draw.number(-0.4, 0.35), back + draw.number(-0.08, 0.12), draw.number(-0.18, 0.18)),
            draw.number(0.10, 0.21),
            colour,
        )
        for _ in range(2 + int(draw.number(0, 3.99)))
    )
