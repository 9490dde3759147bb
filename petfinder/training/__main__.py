"""The command that makes the built-in encoder: `python -m petfinder.training --photos ... --start ... --out ...`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from petfinder.errors import ConfigError

_DEFAULT_SHARE = 0.3


def main(
    photos: Annotated[Path, typer.Option(help="Folder with manifest.csv, albums.csv and the photos.")],
    start: Annotated[Path, typer.Option(help="Folder with mobilenetv2_features.onnx and targets.npz.")],
    out: Annotated[Path, typer.Option(help="Folder that pocket-1.onnx and training.log are written to.")],
    share: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of the light training that is kept.")
    ] = _DEFAULT_SHARE,
    epochs: Annotated[int, typer.Option(min=1, help="Passes of the light training over the photos.")] = 1,
    seed: Annotated[int, typer.Option(help="Start of everything that is drawn.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads that work at once.")] = 2,
) -> None:
    """Make the built-in encoder from photos and a starting network; two free cores need about a quarter of an hour."""
    try:
        from petfinder.training.make import Settings, make_encoder

        out.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(message)s",
            handlers=[logging.StreamHandler(), logging.FileHandler(out / "training.log", encoding="utf-8")],
        )
        make_encoder(photos, start, out, Settings(share=share, epochs=epochs, seed=seed, threads=threads))
    except ModuleNotFoundError as missing:
        raise typer.BadParameter(f"{missing.name} is missing: pip install 'petfinder[train]'") from missing
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


if __name__ == "__main__":
    typer.run(main)
