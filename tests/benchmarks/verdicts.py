"""What probabilities cost beside the search: python -m tests.benchmarks.verdicts [PETS] [URL of a server]

Pets with made-up embeddings and places in a file, and on Elasticsearch (a server is started where none is named), are
looked for by an embedding: the search alone, `find` judged by the photo's curve, and by photo, place and day. All in
turns; ratios are to the first.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import petfinder as pf
from tests.benchmarks.common import compared, embeddings, in_turns, print_table
from tests.benchmarks.elasticsearch_server import server

QUERIES = 100


def main(arguments: Sequence[str]) -> None:
    pets = int(arguments[0]) if arguments else 4000
    with tempfile.TemporaryDirectory() as folder, server(arguments[1] if len(arguments) > 1 else None) as client:
        for name, place in (("embedded file", str(Path(folder) / "pets.db")), ("Elasticsearch", client)):
            registry = pf.connect(place, name="verdicts")
            if registry.util.exists("verdicts-dogs"):
                registry.util.delete_index("verdicts-dogs")
            rows = [row for block in embeddings(pets + QUERIES) for row in block]
            assert len(registry.dogs.register_many(map(_dog, range(pets), rows), progress=False).added) == pets
            print(f"\n{name}, {pets:,} pets")
            print_table(pd.DataFrame(compared(in_turns(_steps(registry.dogs), rows[pets:], warm=10), "search")))
            registry.close()


def _dog(number: int, vector: Any) -> pf.Dog:
    place = (52 + 0.3 * (number % 97) / 97, 13 + 0.5 * (number % 89) / 89)
    photos = [pf.Photo(photo_id=f"{number}", embedding=vector)]
    return pf.Dog(pet_id=f"pet{number}", photos=photos, place=place, status="lost", status_at="2026-10-01")


def _steps(dogs: pf.DogService) -> dict[str, Any]:
    def asked(vector: Any) -> pf.Photo:
        return pf.Photo(photo_id="asked", embedding=vector)

    return {
        "search": lambda vector: dogs.find_by_embedding(vector),
        "find by the photo": lambda vector: dogs.find(asked(vector)),
        "find by photo, place, day": lambda vector: dogs.find(asked(vector), place=(52.1, 13.2), at="2026-10-03"),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
