"""The benches' photos as scenes to be changed: each with the pet's mask, and a picture of another place."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petfinder.photos.read import read_photo
from petfinder.training.pocket.benches import Benches, MaskNetwork
from petfinder.training.pocket.conditions import Scene
from petfinder.training.pocket.optics import Plane, plane_of
from petfinder.training.pocket.photos_on_disk import read_manifest, read_places

# Photos of whole places; the other collections show one thing each, many of them on white.
_PLACES = "COCO 2017"
_SEED = 12


def scene_reader(benches: Benches) -> Callable[[int], Scene]:
    """Reads the scene of the photo at a position of the benches.

    Masks of training photos come from `teacher/targets.npz`, those of others from the segmentation network.
    """
    folder = benches.folder
    files = read_manifest(folder / "training")
    masks = read_places(folder / "teacher" / "targets.npz", files).masks
    row_of = {f"training/{photo.file}": row for row, photo in enumerate(files)}
    network = MaskNetwork(folder / "teacher" / "deeplabv3_pets.onnx")
    places = [folder / "training" / photo.file for photo in files if photo.dataset == _PLACES and not photo.species]

    def mask_of(file: str, picture: Image.Image) -> Plane:
        if file in row_of:
            return plane_of(Image.fromarray(masks[row_of[file]]))
        return network.mask(picture)

    def read(row: int) -> Scene:
        photo = benches.photos[row]
        picture = read_photo(folder / photo.file).image
        seed = zlib.crc32(photo.file.encode())
        place = read_photo(places[seed % len(places)]).image
        return Scene(picture, mask_of(photo.file, picture), photo.box, place, seed)

    return read


def drawn(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """So many of the rows, the same at every call, in their order; all of them where there are no more."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(_SEED).choice(rows, count, replace=False))
