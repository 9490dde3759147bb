"""Measures how alike drawings of different pets get, and so the thresholds and curves of the demonstration.

`python dataset/calibrate.py` draws pets that are in no picture of this folder, encodes them with the built-in encoder
and writes thresholds-dog.json and thresholds-cat.json. `--pictures FOLDER` keeps the drawings for the next run. These
are never used for photos, nor those of photos for drawings.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from drawing import HOURS, PLACES, POSES, draw, random_look
from drawing.looks import Species
from tqdm import tqdm

from petfinder.domain.verdicts import Curve, PhotoLikelihood
from petfinder.encoders.base import cores
from petfinder.encoders.load import load_encoder
from petfinder.evaluation.calibration import measure_thresholds
from petfinder.evaluation.likelihood import alarms, fit_curve, registry_searches
from petfinder.evaluation.metrics import Labelled
from petfinder.photos.read import PhotoLimits
from petfinder.registry.embed import embed_photos

HERE = Path(__file__).resolve().parent
PETS = 80
PICTURES = 3  # of each pet, so that curves are fitted for pets with one and with two registered pictures
FIRST_SEED = 10_000  # far from the seeds of the named pets
COUNTS = (3, 10, 30)
JPEG_QUALITY = 86  # as in the data set


def drawn(species: Species, folder: Path, seed: int, number: int) -> Path:
    """The file of one picture of the pet that this seed makes, drawn if it is not there."""
    path = folder / f"{species}-{seed}-{number}.jpg"
    if not path.exists():
        chance = np.random.Generator(np.random.PCG64(seed * PICTURES + number))
        pose, place, light = (kinds[int(chance.integers(len(kinds)))] for kinds in (POSES, tuple(PLACES), HOURS))
        look = random_look(seed, species)
        picture = draw(look, pose=pose, place=place, light=light, seed=seed * PICTURES + number)  # type: ignore[arg-type]
        picture.save(path, quality=JPEG_QUALITY)
    return path


def embedded(species: Species, pets: int, folder: Path) -> Labelled:
    """The embeddings of pets of one species, in other poses, places and lights each time."""
    made = [(seed, number) for seed in range(FIRST_SEED, FIRST_SEED + pets) for number in range(PICTURES)]
    seeds, numbers = zip(*made, strict=True)
    with ProcessPoolExecutor(max_workers=cores()) as pool:
        drawing = pool.map(partial(drawn, species, folder), seeds, numbers)
        paths = [*tqdm(drawing, total=len(made), desc=f"drawing {species}s", unit=" pictures")]
    read = embed_photos(paths, load_encoder("pocket"), limits=PhotoLimits())
    rows = [one.photo.embedding for one in read if one.photo.embedding is not None]
    return Labelled(np.array([str(seed) for seed, _ in made]), np.stack(rows))


def likelihood(shown: Labelled) -> PhotoLikelihood:
    """Fit one curve for each number of registered pictures, and the lines: the strictest of them."""
    numbers = np.arange(len(shown)) % PICTURES
    curves: list[Curve] = []
    lines: list[tuple[float, float]] = []
    for registered in range(1, PICTURES):
        known = registry_searches(shown.at(numbers <= registered))
        curves.append(fit_curve(known, photos=registered))
        lines.append(alarms(known, curves[-1]))
    match, possible = (max(line) for line in zip(*lines, strict=True))
    return PhotoLikelihood(curves=tuple(curves), match=match, possible=possible)


def main(
    pets: Annotated[int, typer.Option(help="How many pets of each species are drawn.")] = PETS,
    pictures: Annotated[Path | None, typer.Option(help="Where drawings are kept for the next run.")] = None,
) -> None:
    """Draw other pets of each species, and write the thresholds and the curve that they give beside this file."""
    with TemporaryDirectory() as temporary:
        folder = pictures or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for species in ("dog", "cat"):
            shown = embedded(species, pets, folder)
            source = f"measured on {pets} other rendered {species}s, by dataset/calibrate.py"
            thresholds = measure_thresholds(shown, shown, pet_counts=COUNTS, source=source)
            thresholds = thresholds.model_copy(update={"likelihood": likelihood(shown)})
            (HERE / f"thresholds-{species}.json").write_text(thresholds.model_dump_json(indent=1) + "\n")
            typer.echo(f"{species}: {thresholds}")


if __name__ == "__main__":
    typer.run(main)
