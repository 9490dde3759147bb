"""Who may teach: which photos the encoder learns from, and which are kept for measuring it.

Even-numbered animals and the held-out crowd (`held_out.csv`) never teach, nor does any other photo of theirs.
"""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petfinder.training.pocket.photos_on_disk import Album, PhotoFile

CROWD_COLLECTION = "Oxford-IIIT Pet"
CROWD_SIZES = {"cat": 600, "dog": 900}
CROWD_SEED = 2026
HELD_OUT_FILE = Path(__file__).with_name("held_out.csv")


@dataclass(frozen=True)
class Split:
    """What teaches, as rows of the manifest: `pets`, `others` (no pet in them), and `mates`.

    Each of `mates` holds the places in `pets` (not rows) of the photos of one animal.
    """

    pets: NDArray[np.intp]
    others: NDArray[np.intp]
    mates: tuple[NDArray[np.intp], ...]


def choose_held_out(photos: Sequence[PhotoFile], albums: Sequence[Album]) -> tuple[str, ...]:
    """Draw the crowd of strangers for measuring: 600 cats and 900 dogs, always the same ones, sorted by file.

    Odd-numbered animals are left to teach, and of an even-numbered animal at most one photo is taken (no copy),
    so that no two photos of the crowd are known to show one animal.
    """
    animal_of = {file: album for album in albums for file in album.files}
    draw = np.random.default_rng(CROWD_SEED)
    chosen: list[str] = []
    for species, size in CROWD_SIZES.items():
        files = [p.file for p in photos if p.dataset == CROWD_COLLECTION and p.species == species]
        taken: set[str] = set()
        crowd: list[str] = []
        for file in (files[place] for place in draw.permutation(len(files))):
            album = animal_of.get(file)
            if album is not None:
                if album.number % 2 == 1 or file in album.copies or album.animal in taken:
                    continue
                taken.add(album.animal)
            crowd.append(file)
        chosen.extend(crowd[:size])
    return tuple(sorted(chosen))


def write_held_out(files: Sequence[str], to: Path = HELD_OUT_FILE) -> None:
    """Write the crowd as a CSV with the one column `file`."""
    to.write_text("\n".join(["file", *files]) + "\n", encoding="utf-8")


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
    mates = ([place[file] for file in album.files if file in place and file not in album.copies] for album in teaching)
    return Split(
        np.array(pets, np.intp),
        np.array(others, np.intp),
        tuple(np.array(group, np.intp) for group in mates if len(group) > 1),
    )
