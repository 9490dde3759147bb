"""The dogs of the demonstration registry: how each looks. Nothing about their owners or photos."""

from __future__ import annotations

from .looks import Build, Coat, Colour, Look, Patch

WHITE: Colour = (244, 240, 232)
BROWN_EYES: tuple[Colour, Colour] = ((116, 70, 34), (116, 70, 34))

BENTO = Look(
    "dog",
    Build(leg=0.36, fur=0.16, head=1.14, ear="floppy", ear_size=1.12, tail="sabre", muzzle=0.165),
    Coat(
        WHITE,
        saddle=(38, 33, 33),
        cap=(176, 104, 50),
        ears=(158, 90, 44),
        blaze=WHITE,
        blaze_width=0.028,
        chest=WHITE,
        socks=WHITE,
        tail_tip=WHITE,
        grain=1,
    ),
    BROWN_EYES,
    collar=(196, 52, 48),
    tag=True,
)

MEL = Look(
    "dog",
    Build(fur=0.62, head=1.12, ear="floppy", ear_size=1.05, tail="plume", muzzle=0.175, girth=1.06),
    Coat((224, 184, 126), belly=(240, 212, 164), chest=(238, 208, 156), ears=(200, 148, 88), grain=2),
    BROWN_EYES,
    collar=(52, 104, 168),
    tag=True,
)

FADO = Look(
    "dog",
    Build(fur=0.40, curl=1.0, head=1.16, ear="drop", ear_size=0.86, tail="curled", muzzle=0.165, girth=1.05),
    Coat((40, 37, 40), chest=(236, 232, 226), socks=(236, 232, 226), sock_height=0.13, grain=3),
    ((84, 48, 26), (84, 48, 26)),
)

PIPA = Look(
    "dog",
    Build(leg=0.31, length=0.52, fur=0.10, head=1.16, ear="half", tail="stub", muzzle=0.14, girth=0.94),
    Coat(
        WHITE,
        one_ear=(150, 84, 40),
        grain=4,
        patches=(
            Patch((-0.30, 0.72, -0.10), 0.20, (150, 84, 40)),
            Patch((-0.05, 0.74, 0.14), 0.13, (150, 84, 40)),
            Patch((-0.42, 0.74, 0.05), 0.12, (150, 84, 40)),
        ),
    ),
    BROWN_EYES,
    collar=(70, 150, 96),
    tag=True,
)

NUVEM = Look(
    "dog",
    Build(
        leg=0.33,
        length=0.52,
        fur=0.95,
        head=1.18,
        ear="pricked",
        ear_size=0.80,
        tail="curled",
        muzzle=0.135,
        girth=1.08,
    ),
    Coat((250, 247, 240), ears=(246, 234, 214), grain=5),
    ((46, 30, 22), (46, 30, 22)),
)

ZORRA = Look(
    "dog",
    Build(leg=0.44, length=0.66, fur=0.42, head=1.06, ear="pricked", ear_size=0.98, tail="plume", muzzle=0.20),
    Coat(
        (190, 138, 84),
        saddle=(42, 36, 34),
        mask=(44, 36, 34),
        cap=(124, 86, 56),
        ears=(56, 44, 38),
        belly=(214, 174, 122),
        grain=6,
    ),
    ((122, 74, 30), (122, 74, 30)),
    collar=(222, 146, 46),
)

FAISCA = Look(
    "dog",
    Build(
        leg=0.45, length=0.62, fur=0.05, head=1.04, ear="floppy", ear_size=1.0, tail="sabre", muzzle=0.18, girth=0.92
    ),
    Coat((246, 244, 240), spots=(32, 30, 32), spot_size=0.078, ears=(36, 33, 35), grain=7),
    ((80, 50, 30), (80, 50, 30)),
    collar=(210, 56, 60),
)

TRIGO = Look(
    "dog",
    Build(
        leg=0.17, length=0.80, fur=0.05, head=1.02, ear="drop", ear_size=0.92, tail="sabre", muzzle=0.205, girth=0.84
    ),
    Coat((126, 72, 44), chest=(160, 98, 60), ears=(90, 48, 32), grain=8),
    ((70, 40, 22), (70, 40, 22)),
    collar=(64, 140, 150),
    tag=True,
)

LUNA = Look(
    "dog",
    Build(leg=0.38, fur=0.70, head=1.10, ear="half", tail="plume", muzzle=0.18),
    Coat(
        (146, 154, 166),
        merle=(58, 57, 64),
        blaze=WHITE,
        chest=WHITE,
        belly=(232, 226, 214),
        socks=(206, 142, 82),
        sock_height=0.24,
        brows=(206, 142, 82),
        grain=9,
    ),
    ((92, 160, 214), (104, 62, 30)),
)

STRANGER = Look(
    "dog",
    Build(
        leg=0.42,
        length=0.60,
        fur=0.06,
        head=1.20,
        ear="half",
        ear_size=0.8,
        tail="stub",
        muzzle=0.105,
        muzzle_width=1.25,
        girth=1.08,
    ),
    Coat(
        (150, 104, 66),
        stripes=(74, 50, 38),
        stripe_rate=15.0,
        mask=(40, 33, 33),
        chest=WHITE,
        socks=WHITE,
        sock_height=0.10,
        grain=10,
    ),
    ((110, 68, 32), (110, 68, 32)),
)
