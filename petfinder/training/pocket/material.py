"""What the training starts from: the settings, the photos that may teach, where the pets are in them, the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.training.pocket.network import Backbone, read_backbone
from petfinder.training.pocket.photos_on_disk import PetPlaces, PhotoFile, read_albums, read_manifest, read_places
from petfinder.training.pocket.splits import HELD_OUT_FILE, Split, read_held_out, split_photos
from petfinder.training.pocket.steps import file_fingerprint

START_FILE = "mobilenetv2_features.onnx"
PLACES_FILE = "targets.npz"


@dataclass(frozen=True)
class Settings:
    """What can be chosen: `share` of the tuned network that is kept, `epochs` of tuning, changed `views` of each photo
    for the matrix, `dims` of the embedding, the `seed` of everything that is drawn, and the `threads` that work."""

    share: float = 0.3
    epochs: int = 1
    views: int = 2
    dims: int = 512
    seed: int = 1
    threads: int = 2


@dataclass(frozen=True)
class Material:
    """What the training is made from: the photos that teach (pets, then others), where the pets are, and the start."""

    folder: Path
    teaching: tuple[PhotoFile, ...]
    split: Split
    places: PetPlaces
    start: Backbone
    fingerprints: Mapping[str, str]

    @property
    def breeds(self) -> NDArray[np.str_]:
        """The breed of the pet in each photo that teaches, (pets,); empty where it is not known."""
        return np.array([one.breed for one in self.teaching[: len(self.split.pets)]])


def read_material(photos: Path, start: Path) -> Material:
    """What lies in the two folders, and who of it may teach. Raises ConfigError where something is missing."""
    inputs = {
        "manifest": photos / "manifest.csv",
        "albums": photos / "albums.csv",
        "start": start / START_FILE,
        "places": start / PLACES_FILE,
        "held out": HELD_OUT_FILE,
    }
    for needed in inputs.values():
        if not needed.is_file():
            raise ConfigError(f"{needed} is missing: name the folder that holds it")
    listed = read_manifest(photos)
    split = split_photos(listed, read_albums(photos), read_held_out())
    if not len(split.pets) or not len(split.others):
        raise ConfigError(f"{photos} needs photos of pets that may teach and photos of other things")
    return Material(
        folder=photos,
        teaching=tuple(listed[row] for row in (*split.pets, *split.others)),
        split=split,
        places=read_places(start / PLACES_FILE, listed).at(split.pets),
        start=read_backbone(start / START_FILE),
        fingerprints={name: file_fingerprint(file) for name, file in inputs.items()},
    )
