"""What each step of the encoder is worth: the same kept features, read with one thing left out or changed.

Run `python -m petfinder.training.pocket.ablations --shared ../shared --training DIR` after `python -m
petfinder.training.pocket` with `--out DIR`: the network is not trained again.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from petfinder.domain.errors import ConfigError
from petfinder.encoders.projection import unit_rows
from petfinder.training.pocket import benches as on_benches
from petfinder.training.pocket import reader
from petfinder.training.pocket.augment import BATCH
from petfinder.training.pocket.benches import Benches, Record
from petfinder.training.pocket.make import Features, Settings, kept_features
from petfinder.training.pocket.network import package_weights
from petfinder.training.pocket.photos import squash
from petfinder.training.pocket.reader import AVERAGES, EVENED, PARTS, RIDGE
from petfinder.training.pocket.steps import Output, fingerprint

Array = NDArray[np.float32]
Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Variant:
    """One way to read the same network: how many of the `PARTS`, in square roots or not, and how the matrix is fitted.

    `views`: which changed views of each photo are behind the matrix, strong (0) and under conditions (1); none is no
    matrix at all. `dims` is what is kept of it; `first` takes only so many numbers of the finished embedding.
    """

    name: str
    parts: int = len(PARTS)
    rooted: bool = True
    views: tuple[int, ...] = (0, 1)
    positives: bool = True
    evened: float = EVENED
    ridge: float = RIDGE
    dims: int = Settings.dims
    first: int | None = None


SHIPPED = Variant("+ evened = as shipped")
STEPS = (
    Variant("deepest average alone", parts=1, rooted=False, views=()),
    Variant("+ three depths", parts=len(AVERAGES), rooted=False, views=()),
    Variant("+ square roots", parts=len(AVERAGES), views=()),
    Variant("+ covariance", views=()),
    Variant("+ matrix from changed views", positives=False, evened=0),
    Variant("+ albums", evened=0),
    SHIPPED,
)
CHANGES = (
    replace(SHIPPED, name="without covariance", parts=len(AVERAGES)),
    replace(SHIPPED, name="without square roots", rooted=False),
    replace(SHIPPED, name="without albums", positives=False),
    replace(SHIPPED, name="strong views only", views=(0,)),
    replace(SHIPPED, name="conditions only", views=(1,)),
    *(replace(SHIPPED, name=f"ridge {ridge}", ridge=ridge) for ridge in (2, 20, 100)),
    *(replace(SHIPPED, name=f"evened {power}", evened=power) for power in (0.2, 0.5)),
    replace(SHIPPED, name="ridge 100, evened 0.5", ridge=100, evened=0.5),
    *(replace(SHIPPED, name=f"{dims} numbers", dims=dims) for dims in (256, 384)),
    replace(SHIPPED, name="first 256 of the 512", first=256),
)


def embeddings(variant: Variant, features: Features, photos: Sequence[Array]) -> Wide:
    """Embeddings (n, dims) of photos from their parts, as the variant reads them."""

    def chosen(parts: Sequence[Array]) -> list[Array]:
        kept = (part if variant.rooted else part * np.abs(part) for part in parts[: variant.parts])
        return [unit_rows(part.astype(np.float64)).astype(np.float32) for part in kept]

    clean = chosen(features.clean)
    means = reader.means_of(clean)

    def read(parts: Sequence[Array]) -> Wide:
        return reader.joined_parts(chosen(parts), means)

    if not variant.views:
        return unit_rows(read(photos))
    matrix = reader.fit_matrix(
        reader.joined_parts(clean, means),
        [read(features.views[view]) for view in variant.views],
        features.positives if variant.positives else (),
        dims=variant.dims,
        ridge=variant.ridge,
        evened=variant.evened,
    )
    return unit_rows((read(photos) @ matrix)[:, : variant.first])


def measure(found: Wide, benches: Benches) -> Record:
    """Mean scores of the halves that choose and of those that report, and the mAP of the bench `identity`."""
    each = benches.each(benches.labelled(found.astype(np.float32)))
    identity, *reporting = on_benches.whole_benches(each, on_benches.REPORTS)
    scores = {
        "chooses": on_benches.mean_score(on_benches.whole_benches(each, on_benches.CHOOSES)),
        "reports": on_benches.mean_score(reporting),
    }
    names = {"mean_precision": "mAP", "found": "found", "found_crowd": "by crowd"}
    return {
        "chooses: mean": scores["chooses"]["mean"],
        **{f"{half}: {name}": score[key] for half, score in scores.items() for key, name in names.items()},
        "identity: mAP": on_benches.mean_score([identity])["mean_precision"],
    }


def bench_parts(features: Features, benches: Benches, side: int) -> list[Array]:
    """The parts (n, channels) of all photos of the benches; kept beside the steps of the training."""
    files = [benches.folder / photo.file for photo in benches.photos]
    pictures = (np.stack([squash(file, side) for file in files[at : at + BATCH]]) for at in range(0, len(files), BATCH))

    def work(_: Path) -> Output:
        return reader.parts_of(features.reading, pictures, photos=len(files)), {}

    names = fingerprint("\n".join(map(str, files)).encode())
    return features.steps.keep("bench-parts", work, version=1, needs={"photos": names}).arrays()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every variant and print the table, a line for each."""
    parser = argparse.ArgumentParser(prog="python -m petfinder.training.pocket.ablations", description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the benches, training and teacher")
    parser.add_argument("--training", type=Path, required=True, help="the folder that training wrote to with --out")
    parser.add_argument("--network", type=Path, help="file of the network to start from, else that of its package")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    record = options.training / "training.json"
    if not record.is_file():
        raise ConfigError(f"{record} is missing: train with --out {options.training} first")
    settings = replace(Settings(**json.loads(record.read_text("utf-8"))["settings"]), views=2)
    photos, places = options.shared / "training", options.shared / "teacher" / "targets.npz"
    features = kept_features(photos, places, options.network or package_weights(), options.training, settings)
    benches = on_benches.read_benches(options.shared)
    parts = bench_parts(features, benches, settings.side)
    rows = [
        {"variant": variant.name, **measure(embeddings(variant, features, parts), benches)}
        for variant in tqdm((*STEPS, *CHANGES), unit="variant", leave=False)
    ]
    typer.echo(on_benches.table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
