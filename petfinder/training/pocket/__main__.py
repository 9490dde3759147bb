"""Make the built-in encoder: `python -m petfinder.training.pocket --photos ... --places ... --out ...`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line


def main(
    photos: Annotated[Path, typer.Option(help="Folder with manifest.csv, albums.csv and the photos.")],
    places: Annotated[Path, typer.Option(help="targets.npz: where the pet is in each photo.")],
    out: Annotated[
        Path, typer.Option(help="Folder for the encoder's file, training.log, training.json and, in steps/, results.")
    ],
    network: Annotated[
        Path | None, typer.Option(help="File of the network to start from, else EfficientNet-Lite2 from its package.")
    ] = None,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the light training that is kept.")] = 0.3,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the light training over the photos.")] = 1,
    views: Annotated[int, typer.Option(min=1, help="Changed views of each photo for the matrix.")] = 2,
    side: Annotated[int, typer.Option(help="Side in pixels at which photos are read, a multiple of 32.")] = 320,
    seed: Annotated[int, typer.Option(help="Start of everything that is drawn.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads that work at once.")] = 2,
    fresh: Annotated[bool, typer.Option("--fresh", help="Take nothing over from an earlier run.")] = False,
) -> None:
    """Make the built-in encoder from photos and a starting network; two free cores need about a quarter of an hour.

    Run again with the same folder, it goes on where it was broken off, and redoes only what a changed setting or photo
    asks for. The results of the steps need about 3 GB; remove the folder steps/ when they are no longer wanted.
    """
    try:
        from tqdm.contrib.logging import logging_redirect_tqdm

        from petfinder.training.pocket.make import Settings, make_encoder
        from petfinder.training.pocket.network import package_weights

        out.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(message)s",
            handlers=[logging.StreamHandler(), logging.FileHandler(out / "training.log", encoding="utf-8")],
        )
        settings = Settings(share=share, epochs=epochs, views=views, side=side, seed=seed, threads=threads)
        with logging_redirect_tqdm():
            make_encoder(photos, places, network or package_weights(), out, settings, fresh=fresh)
    except ModuleNotFoundError as missing:
        raise typer.BadParameter(f"{missing.name} is missing: {install_line('train')}") from missing
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


if __name__ == "__main__":
    typer.run(main)
