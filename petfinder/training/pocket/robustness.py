"""How much a pet may look different and still be found: each query photo changed in one way, then looked for.

Run `python -m petfinder.training.pocket.robustness --shared ../shared --encoder pocket --encoder teacher`. The gallery
is that of the protocol, its photos as they are; the changed photo's own photo is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder, encode
from petfinder.evaluation.calibration import mean_over_animals
from petfinder.evaluation.metrics import Rows, leave_one_out
from petfinder.photos.read import read_photo
from petfinder.training.pocket import benches as measuring
from petfinder.training.pocket.benches import REPORTS, Bench, Benches, EmbeddingCache, Record, table, whole_benches
from petfinder.training.pocket.conditions import CONDITIONS, Scene
from petfinder.training.pocket.photos import read_manifest, read_places

QUERIES = 120
LOW_SHARE = 0.1  # the quantile of the cosine that stands for the photos that fare worst
_PLACES = "COCO 2017"  # photos of whole places; the other collections show one thing each, many of them on white
_SEED = 12

ReadScene = Callable[[int], Scene]


def scene_reader(benches: Benches) -> ReadScene:
    """Reads the scene of the photo at a position of the benches.

    Masks of training photos come from `teacher/targets.npz`, those of others from the segmentation network.
    """
    folder = benches.folder
    files = read_manifest(folder / "training")
    masks = read_places(folder / "teacher" / "targets.npz", files).masks
    mask_of = {f"training/{photo.file}": mask for photo, mask in zip(files, masks, strict=True)}
    network = measuring.MaskNetwork(folder / "teacher" / "deeplabv3_pets.onnx")
    places = [folder / "training" / photo.file for photo in files if photo.dataset == _PLACES and not photo.species]

    def read(row: int) -> Scene:
        photo = benches.photos[row]
        picture = read_photo(folder / photo.file).image
        known = photo.file in mask_of
        mask = mask_of[photo.file].astype(np.float32) / np.float32(255) if known else network.mask(picture)
        seed = zlib.crc32(photo.file.encode())
        return Scene(picture, mask, benches.boxes[row], read_photo(places[seed % len(places)]).image, seed)

    return read


def drawn(rows: Rows, count: int) -> Rows:
    """So many of the rows, the same at every call, in their order; all of them where there are no more."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(_SEED).choice(rows, count, replace=False))


def measure_robustness(
    encoder: Encoder, benches: Benches, read_scene: ReadScene, cache: Path, *, most: int = QUERIES
) -> Record:
    """Every condition on the benches that report; embeddings of photos as they are, are kept in the folder `cache`.

    Of a bench at most so many queries are drawn.

    `cosine` is the mean and `low_cosine` the 10 % quantile of the similarity between a changed photo and itself
    unchanged; `rank1` is that of the changed photos, `unchanged_rank1` that of the same photos as they are.
    """
    reporting = whole_benches(benches.each(benches.labelled(EmbeddingCache(cache, encoder).whole(benches))), REPORTS)
    conditions = [
        row
        for bench in reporting
        for row in _bench(replace(bench, queries=drawn(bench.queries, most)), encoder, read_scene)
    ]
    fingerprint = str(getattr(encoder, "fingerprint", ""))
    return {"encoder": encoder.name, "fingerprint": fingerprint, "conditions": conditions}


def _bench(bench: Bench, encoder: Encoder, read_scene: ReadScene) -> Iterator[Record]:
    unchanged = leave_one_out(bench.photos, queries=bench.queries)
    scenes = (read_scene(row) for row in bench.rows[bench.queries].tolist())
    changed = changed_embeddings(encoder, scenes, total=len(bench.queries), title=bench.name)
    for condition, (positions, embeddings) in changed.items():
        queries = bench.queries[positions]
        ranking = leave_one_out(bench.photos, queries=queries, seen_as=embeddings)
        cosines = (bench.photos.embeddings[queries] * embeddings).sum(axis=1)
        yield {
            "bench": bench.name,
            "condition": condition,
            "queries": len(positions),
            "animals": len(np.unique(ranking.ids)),
            "cosine": float(cosines.mean()),
            "low_cosine": float(np.quantile(cosines, LOW_SHARE)),
            "rank1": mean_over_animals(ranking.within(1), ranking.ids),
            "unchanged_rank1": mean_over_animals(unchanged.within(1)[positions], ranking.ids),
        }


def changed_embeddings(
    encoder: Encoder, scenes: Iterable[Scene], *, total: int | None = None, title: str = ""
) -> dict[str, tuple[Rows, Matrix]]:
    """Of each condition, the positions of the scenes that it could be made of, and their embeddings once changed."""
    found: dict[str, list[tuple[int, NDArray[np.float32]]]] = {condition.name: [] for condition in CONDITIONS}
    for position, scene in enumerate(tqdm(scenes, total=total, desc=title, unit="photo", disable=None)):
        possible = [condition for condition in CONDITIONS if scene.box is not None or not condition.needs_pet]
        embeddings = encode(encoder, [condition.change(scene) for condition in possible])
        for condition, embedding in zip(possible, embeddings, strict=True):
            found[condition.name].append((position, embedding))
    return {
        name: (np.array([position for position, _ in pairs]), np.stack([embedding for _, embedding in pairs]))
        for name, pairs in found.items()
        if pairs
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the encoders named on the command line, print their tables, write what was asked for."""

    def measured(encoder: Encoder, benches: Benches, cache: Path) -> tuple[str, Record]:
        figures = measure_robustness(encoder, benches, scene_reader(benches), cache)
        return f"== {figures['encoder']} {figures['fingerprint']}\n{table(figures['conditions'])}", figures

    measuring.run(measuring.measuring_parser("robustness", __doc__).parse_args(arguments), measured)


if __name__ == "__main__":
    main()
