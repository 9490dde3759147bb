"""How long a cold `petfinder find` takes on a file registry, beside what loading its two largest packages takes.

`python tests/benchmarks/cold_find.py [PETS] [RUNS]` registers drawn pets (photos read, encoded and stored as always),
then starts `petfinder find` and `python -c "import numpy, onnxruntime"` by turns, each in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter

import numpy as np
from PIL import Image

import petfinder as pf
from petfinder.encoders.base import cores

BESIDE = [sys.executable, "-c", "import numpy, onnxruntime"]
BARE = [sys.executable, "-c", "pass"]


def picture(seed: int, *, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Coarse coloured fields, others for each seed."""
    fields = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return Image.fromarray(fields).resize(size, Image.Resampling.BICUBIC)


def cost(command: list[str]) -> tuple[float, float]:
    """Seconds that a process takes from its start to its end, and of processor time; it may exit with 1 (unknown)."""
    before, start = getrusage(RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    taken, after = perf_counter() - start, getrusage(RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(pets: int = 1000, runs: int = 9) -> None:
    """Register, then time both by turns; prints a table."""
    with tempfile.TemporaryDirectory() as folder:
        file, query = Path(folder) / "pets.db", Path(folder) / "stray.jpg"
        picture(0, size=(4000, 3000)).save(query)
        dogs = (pf.Dog(pet_id=f"{number:04d}", photos=[picture(number + 1)]) for number in range(pets))
        with pf.connect(file) as registry:
            assert len(registry.dogs.register_many(dogs, progress=False).added) == pets
        commands = {
            f"petfinder find, {pets:,} pets": [
                sys.executable, "-m", "petfinder", "find", str(query), "--registry", str(file)
            ],
            "import numpy, onnxruntime": BESIDE,
            "python alone": BARE,
        }  # fmt: skip
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, command in commands.items():
                costs[name].append(cost(command))
    print(f"{runs} runs each, by turns, a first one left out; the query is a JPEG of 12 megapixels; {cores()} cores")
    print(f"{'':30}  {'median':>8} {'least':>8} {'processor':>10}   median / imports alone")
    beside = costs["import numpy, onnxruntime"][1:]
    for name, found in costs.items():
        took, worked = zip(*found[1:], strict=True)
        ratio = median(one / other for one, (other, _) in zip(took, beside, strict=True))
        print(f"{name:30}  {median(took):6.3f} s {min(took):6.3f} s {median(worked):8.3f} s   {ratio:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
