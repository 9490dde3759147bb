"""How well registration uses the cores: register 12-megapixel JPEGs, against decoding and encoding measured alone.

`python tests/benchmarks/registration.py [PHOTOS]` prints seconds a photo and the share of cores / (decode + encode).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageFilter

import petfinder as pf
from petfinder.encoders.base import cores
from petfinder.encoders.pocket import PocketEncoder
from petfinder.photos.read import read_photo
from tests.benchmarks.common import Row, print_table, timed

SIZE = (4000, 3000)


def photo(path: Path, seed: int) -> None:
    """A JPEG with the size and about the bytes of a phone's: blurred colours with the grain of a sensor."""
    chance = np.random.default_rng(seed)
    small = Image.fromarray(chance.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize(SIZE, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3)), np.int16)
    grain = chance.integers(-6, 7, (SIZE[1], SIZE[0], 1), dtype=np.int16)
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(path, quality=92)


def run(paths: list[Path], pictures: list[Image.Image], encoder: PocketEncoder, file: Path) -> Row:
    """The parts alone, then the whole; `share`: registered photos a second over what the cores could do at best."""
    decode = median(timed(read_photo, path).ms for path in paths[:16])
    encode = median(timed(encoder.encode_images, [picture]).ms for picture in pictures * 2)
    with pf.connect(file) as registry:
        registry.dogs.register(pf.Dog(pet_id="first", photos=[pictures[0]]))
        pets = [pf.Dog(pet_id=path.stem, photos=[path]) for path in paths]
        whole = timed(lambda: registry.dogs.register_many(pets, progress=False)).ms / len(paths)
        assert registry.dogs.count() == len(paths) + 1
    share = (decode + encode) / cores() / whole
    return {"decode ms": decode, "encode ms, 1 thread": encode, "registered/s": 1e3 / whole, "share": share}


def main(photos: int = 48) -> None:
    encoder = PocketEncoder(threads=1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(photos)]
        for number, path in enumerate(paths):
            photo(path, number)
        print(f"{photos} JPEGs of {SIZE[0]} x {SIZE[1]}, {paths[0].stat().st_size / 1e6:.1f} MB each, {cores()} cores")
        pictures = [read_photo(path).image for path in paths[:8]]
        encoder.encode_images(pictures[:1])
        runs = [run(paths, pictures, encoder, Path(folder) / f"{number}.db") for number in range(3)]
    print_table(runs)
    print(f"median share of cores / (decode + encode): {median(row['share'] for row in runs):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
