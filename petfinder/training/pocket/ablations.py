"""What each step of the encoder is worth: the same kept features, read with one thing left out or changed.

Run `python -m petfinder.training.pocket.ablations --shared ../shared --training DIR` after `python -m
petfinder.training.pocket` with `--out DIR`: the network is not trained again. Square roots, covariances, albums,
breeds and evening are the steps.
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

from petfinder.encoders.projection import unit_rows
from petfinder.evaluation.calibration import found_at
from petfinder.evaluation.metrics import average_precision, leave_one_out
from petfinder.training.pocket import reader
from petfinder.training.pocket.augment import BATCH
from petfinder.training.pocket.benches import Benches, read_benches
from petfinder.training.pocket.make import Features, Settings, kept_features
from petfinder.training.pocket.photos import squash
from petfinder.training.pocket.reader import AVERAGES, EVENED, PARTS, RIDGE
from petfinder.training.pocket.steps import Output, fingerprint

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
AVERAGE, EVERYTHING = len(AVERAGES), len(PARTS)
TITLE = "of identity | albums | albums, several places: rank-1  mAP  found by bench  found by crowd"


@dataclass(frozen=True)
class Variant:
    """One way to read the same network: how many of the `PARTS`, in square roots or not, and how the matrix is fitted.

    `views`: changed views of each photo behind the matrix; 0 is no matrix at all. `dims` is what is kept of it, 0 for
    everything; `first` takes only so many numbers of the finished embedding.
    """

    name: str
    parts: int = EVERYTHING
    rooted: bool = True
    views: int = 2
    positives: bool = True
    breeds: bool = True
    evened: float = EVENED
    ridge: float = RIDGE
    dims: int = 512
    first: int = 0
    note: str = ""


SHIPPED = Variant("as shipped")
STEPS = (
    Variant("deepest average alone, no matrix", parts=1, rooted=False, views=0),
    Variant("+ averages of three depths", parts=AVERAGE, rooted=False, views=0),
    Variant("+ square roots", parts=AVERAGE, views=0),
    Variant("+ covariances", views=0),
    Variant("+ matrix from changed views", positives=False, breeds=False, evened=0),
    Variant("+ albums", breeds=False, evened=0),
    Variant("+ cut within breeds", evened=0),
    replace(SHIPPED, name="+ evened directions = as shipped"),
)
OTHERS = (
    replace(SHIPPED, name="without covariances", parts=AVERAGE),
    replace(SHIPPED, name="without square roots", rooted=False),
    replace(SHIPPED, name="without albums", positives=False),
    replace(SHIPPED, name="all breeds together", breeds=False, note="better among strangers of other breeds"),
    replace(SHIPPED, name="one changed view", views=1),
    replace(SHIPPED, name="ridge 1", ridge=1),
    replace(SHIPPED, name="ridge 16", ridge=16),
    replace(SHIPPED, name="fully evened", evened=0.5),
    replace(SHIPPED, name="768 numbers", dims=768, note="half as large again in every store"),
    replace(SHIPPED, name="384 numbers", dims=384),
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
        [read(view) for view in features.views[: variant.views]],
        features.positives if variant.positives else (),
        features.breeds if variant.breeds else None,
        dims=variant.dims,
        ridge=variant.ridge,
        evened=variant.evened,
    )
    return unit_rows((read(photos) @ matrix)[:, : variant.first or None])


def measure(found: Wide, benches: Benches) -> dict[str, dict[str, float]]:
    """rank-1, mAP and found at 1 % (by the bench's strangers and by the crowd's) of each bench, leave one out."""
    figures = {}
    for bench in benches.each(benches.labelled(found.astype(np.float32))):
        ranking = leave_one_out(bench.photos, queries=bench.queries)
        by_bench, by_crowd = (
            found_at(ranking, leave_one_out(bench.photos, queries=rows)) for rows in (bench.strangers, bench.crowd)
        )
        figures[bench.name] = {
            "rank1": ranking.share_within(1),
            "map": float(average_precision(bench.photos, queries=bench.queries).mean()),
            "found": by_bench.share.value,
            "found_crowd": by_crowd.share.value,
        }
    return figures


def bench_parts(features: Features, benches: Benches) -> list[Array]:
    """The parts (n, channels) of all photos of the benches; kept beside the steps of the training."""
    files = [benches.folder / photo.file for photo in benches.photos]
    pictures = (np.stack([*map(squash, files[at : at + BATCH])]) for at in range(0, len(files), BATCH))

    def work(_: Path) -> Output:
        return reader.parts_of(features.reading, pictures, photos=len(files)), {}

    names = fingerprint("\n".join(map(str, files)).encode())
    return features.steps.keep("bench-parts", work, version=1, needs={"photos": names}).arrays()


def as_line(name: str, benches: dict[str, dict[str, float]]) -> str:
    """One variant's figures: rank-1, mAP, found by the bench's and by the crowd's strangers, of each bench."""
    figures = ("  ".join(f"{value:.3f}" for value in bench.values()) for bench in benches.values())
    return f"{name:36} {'   |   '.join(figures)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every variant, print a line for each, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m petfinder.training.pocket.ablations", description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with training, identity and teacher")
    parser.add_argument("--training", type=Path, required=True, help="the folder that training wrote to with --out")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    features = kept_features(options.shared / "training", options.shared / "teacher", options.training, Settings())
    benches = read_benches(options.shared)
    parts = bench_parts(features, benches)
    typer.echo(TITLE)
    rows = []
    kinds = [("step", variant) for variant in STEPS] + [("change", variant) for variant in (SHIPPED, *OTHERS)]
    for kind, variant in kinds:
        figures = measure(embeddings(variant, features, parts), benches)
        rows.append({"variant": variant.name, "kind": kind, "benches": figures, "note": variant.note})
        typer.echo(as_line(variant.name, figures))
        if options.json is not None:
            options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
