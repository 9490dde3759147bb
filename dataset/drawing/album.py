"""Which pictures the data set holds: who, how, where, in what light and when. The places are public ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from . import cats, dogs
from .lights import Hour
from .looks import Look
from .picture import Place
from .poses import Pose

Spot = tuple[str, float, float]

SPOTS: dict[Place, tuple[Spot, ...]] = {
    "park": (
        ("Golden Gate Park", 37.7694, -122.4762),
        ("Dolores Park", 37.7596, -122.4269),
        ("Duboce Park", 37.7695, -122.4333),
    ),
    "beach": (("Ocean Beach", 37.7594, -122.5107), ("Baker Beach", 37.7936, -122.4836)),
    "square": (("Alamo Square", 37.7763, -122.4346), ("Washington Square", 37.8008, -122.4101)),
    "garden": (("Yerba Buena Gardens", 37.7850, -122.4025), ("Botanical Garden", 37.7670, -122.4700)),
    "wood": (("Mount Sutro", 37.7583, -122.4570), ("Lobos Creek", 37.7880, -122.4800)),
    "snow": (("Bijou Park, South Lake Tahoe", 38.9411, -119.9680),),
    "river": (("Crissy Field", 37.8039, -122.4640), ("Aquatic Park", 37.8067, -122.4230)),
    "room": (("Noe Valley Town Square", 37.7513, -122.4291), ("Patricia's Green", 37.7761, -122.4244)),
    "kitchen": (("Precita Park", 37.7470, -122.4126), ("Jackson Playground", 37.7650, -122.3995)),
}

CLOCK: dict[Hour, tuple[int, int]] = {
    "morning": (8, 20),
    "noon": (12, 40),
    "dusk": (18, 15),
    "overcast": (14, 30),
    "night": (21, 10),
}


@dataclass(frozen=True)
class Shot:
    """One picture to be made: its file in the data set, what it shows, when and where.

    `orientation` is the EXIF tag with which it is stored: 1 as seen, else turned so that the tag is needed.
    """

    file: str
    look: Look
    pose: Pose
    place: Place
    light: Hour
    seed: int
    turn: float | None = None
    orientation: Literal[1, 3, 6, 8] = 1

    @property
    def spot(self) -> Spot:
        """Name, latitude and longitude of where it was taken."""
        choices = SPOTS[self.place]
        name, lat, lon = choices[self.seed % len(choices)]
        return name, lat + (self.seed * 37 % 21 - 10) * 1e-4, lon + (self.seed * 53 % 21 - 10) * 1e-4

    @property
    def when(self) -> datetime:
        """When it was taken, with its offset from UTC."""
        hour, minute = CLOCK[self.light]
        day = datetime(2026, 1, 10) if self.place == "snow" else datetime(2026, 3, 10)
        span = 40 if self.place == "snow" else 200
        day += timedelta(days=self.seed * 61 % span, hours=hour, minutes=(minute + self.seed * 17 % 55))
        summer = datetime(2026, 3, 8, 10) <= day < datetime(2026, 11, 1, 9)
        return day.replace(tzinfo=timezone(timedelta(hours=-7 if summer else -8)))


def _pet(look: Look, pet_id: str, first: int, *shots: tuple[Pose, Place, Hour]) -> tuple[Shot, ...]:
    return tuple(
        Shot(f"photos/{pet_id}/{i + 1}.jpg", look, pose, place, light, first + i)
        for i, (pose, place, light) in enumerate(shots)
    )


REGISTERED: dict[str, tuple[Shot, ...]] = {
    "bento": _pet(
        dogs.BENTO,
        "bento",
        110,
        ("standing", "park", "noon"),
        ("sitting", "wood", "overcast"),
        ("lying", "beach", "morning"),
    ),
    "mel": _pet(
        dogs.MEL,
        "mel",
        120,
        ("sitting", "beach", "dusk"),
        ("standing", "garden", "morning"),
        ("portrait", "wood", "noon"),
    ),
    "fado": _pet(
        dogs.FADO,
        "fado",
        130,
        ("standing", "square", "morning"),
        ("sitting", "snow", "overcast"),
        ("lying", "room", "morning"),
    ),
    "pipa": _pet(
        dogs.PIPA,
        "pipa",
        140,
        ("bow", "garden", "noon"),
        ("standing", "kitchen", "morning"),
        ("sitting", "river", "overcast"),
    ),
    "nuvem": _pet(
        dogs.NUVEM,
        "nuvem",
        150,
        ("sitting", "wood", "dusk"),
        ("walking", "square", "noon"),
        ("portrait", "garden", "morning"),
    ),
    "zorra": _pet(
        dogs.ZORRA,
        "zorra",
        160,
        ("standing", "wood", "morning"),
        ("portrait", "park", "dusk"),
        ("lying", "river", "noon"),
    ),
    "faisca": _pet(dogs.FAISCA, "faisca", 170, ("walking", "beach", "noon"), ("sitting", "square", "dusk")),
    "trigo": _pet(
        dogs.TRIGO,
        "trigo",
        180,
        ("standing", "kitchen", "noon"),
        ("walking", "park", "morning"),
        ("sitting", "room", "night"),
    ),
    "luna": _pet(
        dogs.LUNA,
        "luna",
        190,
        ("lying", "garden", "overcast"),
        ("standing", "snow", "morning"),
        ("sitting", "river", "dusk"),
    ),
    "ginja": _pet(
        cats.GINJA,
        "ginja",
        210,
        ("sitting", "kitchen", "morning"),
        ("walking", "garden", "noon"),
        ("lying", "room", "night"),
    ),
    "figaro": _pet(cats.FIGARO, "figaro", 220, ("sitting", "square", "dusk"), ("standing", "room", "morning")),
    "safira": _pet(
        cats.SAFIRA,
        "safira",
        230,
        ("sitting", "room", "morning"),
        ("lying", "kitchen", "noon"),
        ("portrait", "garden", "overcast"),
    ),
    "urso": _pet(
        cats.URSO, "urso", 240, ("lying", "wood", "noon"), ("sitting", "snow", "morning"), ("sleeping", "room", "night")
    ),
    "chita": _pet(
        cats.CHITA,
        "chita",
        250,
        ("walking", "river", "morning"),
        ("sitting", "garden", "dusk"),
        ("lying", "kitchen", "morning"),
    ),
}


@dataclass(frozen=True)
class Query:
    """A finder's picture, the pet that it shows (empty: nobody's), and what the finder says."""

    shot: Shot
    pet_id: str
    note: str


QUERIES: tuple[Query, ...] = (
    Query(
        Shot("queries/found-in-the-park.jpg", dogs.LUNA, "standing", "park", "dusk", 310),
        "luna",
        "Walked up to us by the playground.",
    ),
    Query(
        Shot("queries/on-the-steps-after-rain.jpg", dogs.BENTO, "sitting", "square", "overcast", 311),
        "bento",
        "Sat by the fountain for an hour.",
    ),
    Query(
        Shot("queries/by-the-bay-at-noon.jpg", dogs.TRIGO, "lying", "river", "noon", 312),
        "trigo",
        "Very friendly, no fear of people.",
    ),
    Query(
        Shot("queries/under-the-streetlamp.jpg", cats.CHITA, "sitting", "square", "night", 313),
        "chita",
        "Comes to the same corner each evening.",
    ),
    Query(
        Shot("queries/hiding-among-leaves.jpg", cats.GINJA, "lying", "wood", "overcast", 314),
        "ginja",
        "Shy, but ate a whole tin.",
    ),
    Query(
        Shot("queries/in-our-front-garden.jpg", dogs.STRANGER, "standing", "garden", "noon", 315),
        "",
        "Nobody in the street knows this dog.",
    ),
    Query(
        Shot("queries/on-the-beach-wall.jpg", cats.STRANGER, "walking", "beach", "morning", 316),
        "",
        "Walks along the wall every morning.",
    ),
)

TURNED: dict[str, Literal[3, 6, 8]] = {"photos/mel/2.jpg": 6, "photos/zorra/3.jpg": 3, "photos/safira/2.jpg": 8}
CUT_OUT = Shot("photos/figaro/3.png", cats.FIGARO, "sitting", "garden", "noon", 222, 62.0)
