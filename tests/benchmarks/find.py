"""What one find costs beside decoding and encoding: python tests/benchmarks/find.py [TURNS] [PHOTO.jpg]

A file of 1,000 pets, each with one made-up embedding, is searched by one JPEG: PHOTO, or noise of 3000 x 4000 pixels.
Prints milliseconds, median and 10th percentile (for a machine that is busy) of turns that have all three in random
order: `find`; the bare decode, which is Pillow's of the file with the draft size that petfinder asks for; the bare
`encode_images` of what was decoded. Then what is left of `find` without the two.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

import petfinder as pf
from petfinder.encoders.pocket import PocketEncoder
from petfinder.photos.read import read_photo
from tests.benchmarks.common import embeddings, in_turns, print_table

PETS = 1000
DECODE, ENCODE = "bare draft decode", "bare encode_images"


def main(turns: int = 100, photo: Path | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photo = photo or noise(Path(folder) / "photo.jpg")
        registry = pf.connect(str(Path(folder) / "pets.db"))
        vectors = (row[0] for row in embeddings(PETS))
        pets = [pf.Dog(pet_id=f"pet{n}", photos=pf.Photo(photo_id=f"{n}", embedding=v)) for n, v in enumerate(vectors)]
        assert len(registry.dogs.register_many(pets).added) == PETS
        picture, encoder = read_photo(photo).image, PocketEncoder()

        def decode(_: object) -> None:
            with Image.open(photo) as file:
                file.draft(None, (min(picture.size),) * 2)
                file.load()

        steps = {
            "find": lambda _: registry.dogs.find(photo),
            DECODE: decode,
            ENCODE: lambda _: encoder.encode_images([picture]),
        }
        spent = in_turns(steps, range(turns), warm=3)
        table = pd.DataFrame({name: [turn.ms for turn in own] for name, own in spent.items()}).quantile([0.1, 0.5])
        table["left of find"] = table["find"] - table[DECODE] - table[ENCODE]
        print(f"{photo.stat().st_size / 1e6:.1f} MB, decoded to {picture.width} x {picture.height}; {turns} turns")
        print_table(table.T.reset_index(names="").rename(columns={0.1: "p10 ms", 0.5: "p50 ms"}))


def noise(path: Path) -> Path:
    """Write a JPEG with the pixels of a phone's photo, and about its bytes."""
    Image.effect_noise((300, 400), 90).convert("RGB").resize((3000, 4000)).save(path, quality=90)
    return path


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 100, Path(given[1]) if len(given) > 1 else None)
