"""The training photos: as they lie on disk, which of them may teach, and where the pet is in each.

Even-numbered animals and the held-out crowd (`held_out.csv`) never teach, nor does any other photo of theirs: they are
kept for measuring.
"""

import csv
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
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

HELD_OUT_FILE = Path(__file__).with_name("held_out.csv")


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
        """The places of some of the photos, in the order of `rows`."""
        return PetPlaces(self.boxes[rows], self.masks[rows])


@dataclass(frozen=True)
class Split:
    """What teaches, as rows of the manifest: `pets`, `others` (no pet in them), and `positives`.

    Each of `positives` holds the places in `pets` (not rows) of the photos of one animal.
    """

    pets: NDArray[np.intp]
    others: NDArray[np.intp]
    positives: tuple[NDArray[np.intp], ...]


def read_manifest(folder: Path) -> tuple[PhotoFile, ...]:
    """The photos that `manifest.csv` lists, in its order. Raises FileNotFoundError."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(
            PhotoFile(row["file"], row["dataset"], row["species"], row["breed"]) for row in csv.DictReader(lines)
        )


def read_albums(folder: Path) -> tuple[Album, ...]:
    """The animals of `albums.csv`, in order of their names. Raises FileNotFoundError."""
    with (folder / "albums.csv").open(newline="", encoding="utf-8") as lines:
        rows = sorted(csv.DictReader(lines), key=itemgetter("animal"))
    albums = {animal: list(group) for animal, group in groupby(rows, key=itemgetter("animal"))}
    return tuple(
        Album(animal, tuple(row["file"] for row in group), frozenset(row["file"] for row in group if row["copy_of"]))
        for animal, group in albums.items()
    )


def read_places(file: Path, photos: Sequence[PhotoFile]) -> PetPlaces:
    """Where the pet is in each photo, from `targets.npz` (made with a segmentation network, see the model card).

    Raises ValueError when the file lists other photos than `photos`, or in another order.
    """
    with np.load(file) as stored:
        if list(stored["files"]) != [photo.file for photo in photos]:
            raise ValueError(f"{file} does not list the manifest's photos in its order: take both from one folder")
        return PetPlaces(stored["box"].astype(np.float32), stored["mask"])


def squash(file: Path, side: int = PICTURE_SIZE) -> Pictures:
    """The whole photo upright, RGB, squashed (bicubic) to (side, side, 3) uint8."""
    with Image.open(file) as photo:
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    return np.asarray(upright.resize((side, side), Image.Resampling.BICUBIC))


def picture_map(files: Sequence[Path], store: Path, side: int) -> None:
    """Squash every photo once into one array (n, side, side, 3) uint8 in the file `store`."""
    shape = (len(files), side, side, 3)
    pictures = np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=shape)
    with ThreadPoolExecutor(2) as pool:
        squashed = pool.map(partial(squash, side=side), files)
        for place, picture in enumerate(tqdm(squashed, total=len(files), desc="photos", unit="photo")):
            pictures[place] = picture
    pictures.flush()


def read_held_out(file: Path = HELD_OUT_FILE) -> tuple[str, ...]:
    """The files of the held-out crowd, as committed beside this module."""
    with file.open(newline="", encoding="utf-8") as lines:
        return tuple(row["file"] for row in csv.DictReader(lines))


def split_photos(photos: Sequence[PhotoFile], albums: Sequence[Album], held_out: Collection[str]) -> Split:
    """Everything that may teach: no held-out photo, no even-numbered animal, no album with a held-out photo."""
    barred = set(held_out)
    teaching: list[Album] = []
    for album in albums:
        if album.number % 2 == 0 or not barred.isdisjoint(album.files):
            barred.update(album.files)
        else:
            teaching.append(album)
    pets = [row for row, photo in enumerate(photos) if photo.species and photo.file not in barred]
    others = [row for row, photo in enumerate(photos) if not photo.species and photo.file not in barred]
    place = {photos[row].file: position for position, row in enumerate(pets)}
    positives = (
        [place[file] for file in album.files if file in place and file not in album.copies] for album in teaching
    )
    return Split(
        np.array(pets, np.intp),
        np.array(others, np.intp),
        tuple(np.array(group, np.intp) for group in positives if len(group) > 1),
    )
