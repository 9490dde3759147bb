"""How far the labels of the benches limit what can be measured on them: animals that stand there under two names.

`twins.csv` lists pairs of photos that a person, looking at the strangers nearest to each other and at the wrong first
places, took for one animal: the same mark, collar, room or minute. Run
`python -m petfinder.training.pocket.twins --shared ../shared --encoder pocket` for the figures with and without them.
The protocol and its thresholds do not use this list.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from petfinder.encoders.base import Encoder
from petfinder.training.pocket.ablations import TITLE, as_line, measure
from petfinder.training.pocket.benches import Benches, EmbeddingCache, Record, measuring_parser, run

TWINS_FILE = Path(__file__).with_name("twins.csv")


def read_twins(file: Path = TWINS_FILE) -> tuple[tuple[str, str], ...]:
    """Pairs of photos of the folder training, as committed beside this module."""
    with file.open(newline="", encoding="utf-8") as lines:
        return tuple((f"training/{row['file']}", f"training/{row['other']}") for row in csv.DictReader(lines))


def as_one_animal(benches: Benches, pairs: Iterable[tuple[str, str]]) -> Benches:
    """The same benches where both photos of each pair show one animal, and so do all others of the two animals."""
    animal_of = {photo.file: photo.animal for photo in benches.photos}
    known = {animal: animal for animal in animal_of.values()}

    def first_name(animal: str) -> str:
        while known[animal] != animal:
            animal = known[animal]
        return animal

    for one, other in pairs:
        known[first_name(animal_of[other])] = first_name(animal_of[one])
    return replace(benches, photos=tuple(replace(photo, animal=first_name(photo.animal)) for photo in benches.photos))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of each encoder with the labels as they are, and with the twins as one animal."""
    pairs = read_twins()

    def measured(encoder: Encoder, benches: Benches, cache: Path) -> tuple[str, Record]:
        embeddings = EmbeddingCache(cache, encoder).whole(benches).astype(float)
        found = {
            "labels as they are": measure(embeddings, benches),
            f"{len(pairs)} pairs as one": measure(embeddings, as_one_animal(benches, pairs)),
        }
        lines = [as_line(f"{encoder.name}, {labels}", figures) for labels, figures in found.items()]
        return "\n".join([TITLE, *lines]), {"encoder": encoder.name} | found

    run(measuring_parser("twins", __doc__).parse_args(arguments), measured)


if __name__ == "__main__":
    main()
