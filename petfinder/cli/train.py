"""The verb `train`: an encoder tuned on one's own pets, into one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.options import DOG, JsonOption, SpeciesOption
from petfinder.cli.output import note, say
from petfinder.cli.register import read
from petfinder.display.data import failure_as_data
from petfinder.domain.pets import SPECIES
from petfinder.encoders.load import load_encoder
from petfinder.encoders.tuned import check_new_file
from petfinder.registry.settings import load_settings
from petfinder.tables.readers import Grouping
from petfinder.training.tune import VIEWS, tune_pets


@verb()
def train(
    folder: Annotated[str, Argument(metavar="FOLDER", help="Photos, a sub-folder for each pet; or CSV, JSON.")],
    out: Annotated[Path, Option("--out", metavar="FILE", help="The new encoder's file, its name ending in .npz.")],
    encoder: Annotated[str | None, Option("--encoder", metavar="NAME", help="What is tuned; else pocket.")] = None,
    by: Annotated[Grouping, Option("--by", help="What is one pet in a folder.")] = "pet",
    species: SpeciesOption = DOG,
    views: Annotated[int, Option("--views", help="Changed copies made of each photo, 1 to 20.")] = VIEWS,
    dims: Annotated[int | None, Option("--dims", help="Numbers in a new embedding, at most as many as before.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tune an encoder on your own pets.

    It is kept only if it finds pets better that it was not tuned on.

    Example: petfinder train photos/ --encoder clip-ViT-B-32 --out shelter.npz

    Then: petfinder register photos/ --encoder shelter.npz --registry pets.db

    Exits with 2 if there are too few photos, or nothing is gained: both figures are named.
    """
    file = check_new_file(out)
    settings = load_settings()
    tuning = tune_pets(
        read(folder, SPECIES[species], by),
        load_encoder(encoder or settings.encoder or "pocket", device=settings.device),
        views=views,
        dims=dims,
        limits=settings.photo_limits,
        on_failure=lambda failure: note(failure.left_out),
    )
    tuned = tuning.tuned.save(file)
    data = {
        "file": str(file),
        **asdict(tuned.identity),
        "base": tuned.base.name,
        "species": tuned.species,
        "card": asdict(tuned.card),
        "failures": [*map(failure_as_data, tuning.failures)],
    }
    say(data if as_json else f"{tuned}\nsaved {file}: name it as the encoder, --encoder {file}")
