"""How long a cold `petfinder find` takes on a file registry, beside what loading its two largest packages takes.

`python tests/benchmarks/cold_find.py [PETS] [RUNS]` registers drawn pets (photos read, encoded and stored as always),
then starts `petfinder find` and `python -c "import numpy, onnxruntime"` by turns, each in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import petfinder as pf
from petfinder.encoders.base import cores
from tests.benchmarks.common import compared, in_turns, print_table

IMPORTS = "import numpy, onnxruntime"


def picture(seed: int, *, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Coarse coloured fields, others for each seed."""
    fields = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return Image.fromarray(fields).resize(size, Image.Resampling.BICUBIC)


def python(*arguments: str) -> None:
    """Run a process to its end; it may exit with 1 (unknown)."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr


def main(pets: int = 1000, runs: int = 9) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, query = f"{folder}/pets.db", f"{folder}/stray.jpg"
        picture(0, size=(4000, 3000)).save(query)
        dogs = (pf.Dog(pet_id=f"{number:04d}", photos=[picture(number + 1)]) for number in range(pets))
        with pf.connect(Path(file)) as registry:
            assert len(registry.dogs.register_many(dogs, progress=False).added) == pets
        steps = {
            f"petfinder find, {pets:,} pets": lambda _: python("-m", "petfinder", "find", query, "--registry", file),
            IMPORTS: lambda _: python("-c", IMPORTS),
            "python alone": lambda _: python("-c", "pass"),
        }
        turns = in_turns(steps, range(runs))
    print(f"{runs} runs each, by turns, a first one left out; the query is a JPEG of 12 megapixels; {cores()} cores")
    print_table(compared(turns, IMPORTS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
