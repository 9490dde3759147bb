"""Draws dogs and cats with their own coats, in poses, places and lights: `random_look(seed, species)` invents a pet,
`draw(look, pose=, place=, light=, seed=)` makes a picture of it. Needs numpy and Pillow, nothing of petfinder."""

from __future__ import annotations

from .lights import HOURS, Hour
from .looks import Build, Coat, Look, Patch, Species
from .picture import PLACES, Place, cutout, draw
from .poses import POSES, Pose
from .strangers import random_look

__all__ = [
    "HOURS",
    "PLACES",
    "POSES",
    "Build",
    "Coat",
    "Hour",
    "Look",
    "Patch",
    "Place",
    "Pose",
    "Species",
    "cutout",
    "draw",
    "random_look",
]
