"""The cats of the demonstration registry: how each looks. Nothing about their owners or photos."""

from __future__ import annotations

from .looks import Build, Coat, Colour, Look, Patch

WHITE: Colour = (246, 242, 236)
PINK: Colour = (222, 140, 134)


def build(**changed: float) -> Build:
    """A middling cat, with some measures changed: leg, length, girth, head, fur, ear_size."""
    return Build(
        leg=changed.get("leg", 0.31),
        length=changed.get("length", 0.53),
        girth=changed.get("girth", 0.80),
        neck=0.14,
        head=changed.get("head", 1.10),
        ear="pricked",
        ear_size=changed.get("ear_size", 1.0),
        tail="plume" if changed.get("fur", 0.2) > 0.5 else "long",
        fur=changed.get("fur", 0.2),
    )


GINJA = Look(
    "cat",
    build(fur=0.22, girth=0.84),
    Coat(
        (216, 138, 66),
        stripes=(158, 82, 30),
        belly=(244, 218, 184),
        chest=(248, 236, 218),
        socks=WHITE,
        sock_height=0.10,
        grain=21,
    ),
    ((142, 168, 66), (142, 168, 66)),
    nose=PINK,
    collar=(58, 110, 170),
    tag=True,
)

FIGARO = Look(
    "cat",
    build(fur=0.14),
    Coat(
        (36, 34, 38), chest=WHITE, belly=WHITE, socks=WHITE, sock_height=0.15, blaze=WHITE, blaze_width=0.012, grain=22
    ),
    ((214, 186, 62), (214, 186, 62)),
    nose=PINK,
)

SAFIRA = Look(
    "cat",
    build(fur=0.12, girth=0.74, leg=0.34, head=1.06, ear_size=1.18),
    Coat(
        (236, 222, 198),
        mask=(72, 52, 46),
        ears=(66, 48, 44),
        socks=(82, 60, 52),
        sock_height=0.20,
        tail_tip=(72, 54, 48),
        grain=23,
    ),
    ((96, 158, 222), (96, 158, 222)),
    nose=(70, 50, 48),
)

URSO = Look(
    "cat",
    build(fur=0.80, girth=0.92, head=1.14, ear_size=1.1),
    Coat(
        (142, 124, 102), stripes=(54, 46, 42), stripe_rate=10.0, chest=(216, 204, 184), belly=(196, 180, 156), grain=24
    ),
    ((156, 176, 90), (156, 176, 90)),
    nose=(168, 106, 96),
)

CHITA = Look(
    "cat",
    build(fur=0.24, girth=0.80),
    Coat(
        WHITE,
        cap=(204, 122, 54),
        one_ear=(42, 38, 40),
        patches=(
            Patch((0.12, 0.60, -0.10), 0.17, (42, 38, 40)),
            Patch((-0.24, 0.60, -0.08), 0.19, (206, 124, 56)),
            Patch((-0.08, 0.60, 0.13), 0.16, (206, 124, 56)),
            Patch((-0.32, 0.52, 0.13), 0.15, (42, 38, 40)),
            Patch((0.26, 0.40, 0.12), 0.12, (206, 124, 56)),
        ),
        tail_tip=(42, 38, 40),
        grain=25,
    ),
    ((126, 170, 96), (126, 170, 96)),
    nose=PINK,
    collar=(186, 76, 120),
)

STRANGER = Look(
    "cat",
    build(fur=0.08, girth=0.80, head=1.06, ear_size=1.05, leg=0.35),
    Coat((206, 166, 110), spots=(70, 48, 34), spot_size=0.055, chest=(236, 214, 176), grain=26),
    ((140, 180, 90), (140, 180, 90)),
    nose=(150, 90, 76),
)
