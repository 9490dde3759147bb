"""What matching costs as reports are written: python -m tests.benchmarks.reports [REPORTS] [a file or URL]

So many dogs are reported lost and found all over a town. Then photos are looked for, and registered as found, by turns;
and the open pairs are listed in pages of 100.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import petfinder as pf
from petfinder.domain.values import now
from tests.benchmarks.common import compared, embeddings, in_turns, print_table, timed

QUERIES, PAIRS = 60, 1000


def main(arguments: Sequence[str]) -> None:
    reports = int(arguments[0]) if arguments else 5000
    with tempfile.TemporaryDirectory() as folder:
        registry = pf.connect(arguments[1] if len(arguments) > 1 else str(Path(folder) / "pets.db"), name="reports")
        dogs, rows = registry.dogs, (row for block in embeddings(reports) for row in block)
        began = timed(lambda: dogs.register_many(map(_dog, range(reports), rows), progress=False))
        print(f"{reports:,} reports registered and matched quietly in {began.ms / 1000:.0f} s")
        numbers = iter(range(reports, reports + 10_000))

        def report(picture: Image.Image) -> None:
            number = next(numbers)
            dogs.report_found(pf.Dog(pet_id=f"new{number}", photos=[picture]), place=(52.1, 13.2))

        steps = {"find": lambda picture: dogs.find(picture, place=(52.1, 13.2), at=now()), "report": report}
        print_table(pd.DataFrame(compared(in_turns(steps, [*_pictures()], warm=5), "find")))
        pages, after = [], ""
        while page := timed(lambda: dogs.open_pairs(after=after, limit=100)):  # noqa: B023
            pages.append(page.ms)
            if len(page.answer) < 100 or len(pages) * 100 >= PAIRS:
                break
            after = page.answer[-1].pair_id
        print(f"{len(pages)} pages of 100 open pairs: {np.median(pages):.0f} ms each")
        registry.close()


def _dog(number: int, vector: Any) -> pf.Dog:
    place = (52 + 0.3 * (number % 97) / 97, 13 + 0.5 * (number % 89) / 89)
    status = ("lost", "found")[number % 2]
    photos = [pf.Photo(photo_id=f"{number}", embedding=vector)]
    return pf.Dog(pet_id=f"pet{number}", photos=photos, status_place=place, status=status, status_at=now())


def _pictures() -> Iterator[Image.Image]:
    random = np.random.default_rng(1)
    for _ in range(QUERIES):
        yield Image.fromarray(random.integers(0, 255, size=(12, 16, 3), dtype=np.uint8)).resize((1200, 900))


if __name__ == "__main__":
    main(sys.argv[1:])
