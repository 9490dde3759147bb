"""The training photos as they lie on disk: their list, the albums of single animals, where the pet is in each photo."""

import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

Pictures = NDArray[np.uint8]

PICTURE_SIZE = 320
"""Side in pixels of the square that the encoder looks at; the whole photo is squashed to it."""

PET_AREA = 0.01
"""A mask that covers less than this share of the photo counts as no pet found."""


@dataclass(frozen=True)
class PhotoFile:
    """One photo of the manifest: file relative to the folder, collection, `cat`, `dog` or nothing, breed or nothing."""

    file: str
    dataset: str
    species: str
    breed: str = ""


@dataclass(frozen=True)
class Album:
    """Photos that were found to show one animal; `copies` are edited copies of other photos in `files`."""

    animal: str
    files: tuple[str, ...]
    copies: frozenset[str]

    @property
    def number(self) -> int:
        """The animal's number, taken from its name (`animal012` is 12)."""
        return int(self.animal.removeprefix("animal"))


@dataclass(frozen=True)
class PetPlaces:
    """Where the pet is: `boxes` (n, 4) as x0 y0 x1 y1 in 0-1, `masks` (n, 32, 32) uint8 with 255 for pet."""

    boxes: NDArray[np.float32]
    masks: NDArray[np.uint8]

    @property
    def found(self) -> NDArray[np.bool_]:
        """For each photo, whether its mask shows a pet at all."""
        share: NDArray[np.bool_] = self.masks.reshape(len(self.masks), -1).mean(axis=1) / 255 > PET_AREA
        return share

    def at(self, rows: NDArray[np.intp]) -> "PetPlaces":
        """The places of some of the photos, in the order asked for."""
        return PetPlaces(self.boxes[rows], self.masks[rows])


def read_manifest(folder: Path) -> tuple[PhotoFile, ...]:
    """The photos that `manifest.csv` lists, in its order. Raises FileNotFoundError where there is none."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(
            PhotoFile(row["file"], row["dataset"], row["species"], row["breed"]) for row in csv.DictReader(lines)
        )


def read_albums(folder: Path) -> tuple[Album, ...]:
    """The animals of `albums.csv`, in order of their names. Raises FileNotFoundError where there is none."""
    files: dict[str, list[str]] = {}
    copies: dict[str, set[str]] = {}
    with (folder / "albums.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            files.setdefault(row["animal"], []).append(row["file"])
            if row["copy_of"]:
                copies.setdefault(row["animal"], set()).add(row["file"])
    return tuple(Album(name, tuple(files[name]), frozenset(copies.get(name, ()))) for name in sorted(files))


def read_places(file: Path, photos: Sequence[PhotoFile]) -> PetPlaces:
    """Where the pet is in each photo, from `targets.npz` (made with a segmentation network, see the model card).

    Raises ValueError when the file lists other photos than `photos`, or in another order.
    """
    with np.load(file) as stored:
        if list(stored["files"]) != [photo.file for photo in photos]:
            raise ValueError(f"{file} does not list the manifest's photos in its order: take both from one folder")
        return PetPlaces(stored["box"].astype(np.float32), stored["mask"])


def squash(file: Path, size: int = PICTURE_SIZE) -> Pictures:
    """The whole photo upright, RGB, squashed (bicubic) to `size` x `size` pixels: (size, size, 3) uint8."""
    with Image.open(file) as photo:
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    return np.asarray(upright.resize((size, size), Image.Resampling.BICUBIC))


def picture_map(folder: Path, photos: Sequence[PhotoFile], store: Path, *, size: int = PICTURE_SIZE) -> Pictures:
    """Squash every photo once into one file `store`, and read it as (n, size, size, 3) uint8 without loading it all."""
    shape = (len(photos), size, size, 3)
    pictures = np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=shape)
    with ThreadPoolExecutor(2) as pool:
        squashed = pool.map(lambda photo: squash(folder / photo.file, size), photos)
        for place, picture in enumerate(tqdm(squashed, total=len(photos), desc="photos", unit="photo")):
            pictures[place] = picture
    pictures.flush()
    return pictures
