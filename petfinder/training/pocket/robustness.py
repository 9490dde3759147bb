"""How much a pet may look different and still be found: each query photo changed in one way, then looked for.

Run `python -m petfinder.training.pocket.robustness --shared ../shared --encoder pocket --encoder teacher`. The gallery
is that of the protocol, its photos as they are; the changed photo's own photo is left out.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps
from tqdm import tqdm

from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder, encode
from petfinder.evaluation.calibration import Estimate, mean_over_animals
from petfinder.evaluation.metrics import Labelled, leave_one_out
from petfinder.photos.read import read_photo
from petfinder.training.pocket.benches import (
    Benches,
    EmbeddingCache,
    Mask,
    MaskNetwork,
    encoders_of,
    measuring_parser,
    read_benches,
)
from petfinder.training.pocket.conditions import CONDITIONS, Scene, plane_of
from petfinder.training.pocket.photos import read_manifest, read_places

logger = logging.getLogger(__name__)

ALBUM_QUERIES = 120
LOW_SHARE = 0.1  # the quantile of the cosine that stands for the photos that fare worst
_PLACES = "COCO 2017"  # photos of whole places; the other collections show one thing each, many of them on white
_SEED = 12
_TILE = 240

Rows = NDArray[np.intp]
ReadScene = Callable[[int], Scene]


@dataclass(frozen=True)
class ConditionFigures:
    """What one change did on one bench.

    `cosine` is the mean and `low_cosine` the 10 % quantile of the similarity between a changed photo and itself
    unchanged; `rank1` is that of the changed photos, `unchanged_rank1` that of the same photos as they are.
    """

    bench: str
    condition: str
    queries: int
    animals: int
    cosine: float
    low_cosine: float
    rank1: Estimate
    unchanged_rank1: Estimate


@dataclass(frozen=True)
class RobustnessFigures:
    """All changes for one encoder."""

    encoder: str
    fingerprint: str
    conditions: tuple[ConditionFigures, ...]


def scene_reader(benches: Benches) -> ReadScene:
    """Reads the scene of the photo at a position of the benches.

    Masks of training photos come from `teacher/targets.npz`, those of others from the segmentation network.
    """
    folder = benches.folder
    files = read_manifest(folder / "training")
    masks = read_places(folder / "teacher" / "targets.npz", files).masks
    row_of = {f"training/{photo.file}": row for row, photo in enumerate(files)}
    network = MaskNetwork(folder / "teacher" / "deeplabv3_pets.onnx")
    places = [folder / "training" / photo.file for photo in files if photo.dataset == _PLACES and not photo.species]

    def read(row: int) -> Scene:
        photo = benches.photos[row]
        picture = read_photo(folder / photo.file).image
        known = photo.file in row_of
        mask = plane_of(Image.fromarray(masks[row_of[photo.file]])) if known else network.mask(picture)
        seed = zlib.crc32(photo.file.encode())
        return Scene(picture, mask, photo.box, read_photo(places[seed % len(places)]).image, seed)

    return read


def drawn(rows: Rows, count: int) -> Rows:
    """So many of the rows, the same at every call, in their order; all of them where there are no more."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(_SEED).choice(rows, count, replace=False))


def measure_robustness(
    encoder: Encoder, benches: Benches, read_scene: ReadScene, cache: Path, *, album_queries: int = ALBUM_QUERIES
) -> RobustnessFigures:
    """Every condition on both benches; embeddings of photos as they are, are kept in the folder `cache`."""
    photos = benches.labelled(EmbeddingCache(cache, encoder).whole(benches))
    questions = {
        "identity": (benches.identity | benches.crowd, np.flatnonzero(benches.identity)),
        "albums": (benches.training, drawn(np.flatnonzero(benches.queries), album_queries)),
    }
    return RobustnessFigures(
        encoder=encoder.name,
        fingerprint=str(getattr(encoder, "fingerprint", "")),
        conditions=tuple(
            figures
            for bench, (gallery, queries) in questions.items()
            for figures in _bench(bench, encoder, photos, gallery, queries, read_scene)
        ),
    )


def _bench(
    name: str, encoder: Encoder, every: Labelled, gallery: Mask, rows: Rows, read_scene: ReadScene
) -> list[ConditionFigures]:
    """All conditions on one bench: `gallery` says which of all photos belong to it, `rows` which are looked for."""
    place = np.cumsum(gallery) - 1  # position among the gallery's photos of each of all photos
    photos, queries = every.at(gallery), place[rows]
    unchanged = leave_one_out(photos, queries=queries)
    changed = changed_embeddings(encoder, (read_scene(row) for row in rows.tolist()), total=len(rows), title=name)
    figures = []
    for condition, (positions, embeddings) in changed.items():
        ranking = leave_one_out(photos, queries=queries[positions], seen_as=embeddings)
        cosines = (photos.embeddings[queries[positions]] * embeddings).sum(axis=1)
        figures.append(
            ConditionFigures(
                bench=name,
                condition=condition,
                queries=len(positions),
                animals=len(np.unique(ranking.ids)),
                cosine=float(cosines.mean()),
                low_cosine=float(np.quantile(cosines, LOW_SHARE)),
                rank1=mean_over_animals(ranking.within(1), ranking.ids),
                unchanged_rank1=mean_over_animals(unchanged.at(positions).within(1), ranking.ids),
            )
        )
    return figures


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


def as_text(figures: RobustnessFigures) -> str:
    """One table a bench: rank-1 with its 95 % interval over animals, and similarities as cosines."""
    lines = [f"== {figures.encoder} {figures.fingerprint}"]
    bench = ""
    for row in figures.conditions:
        if row.bench != bench:
            bench = row.bench
            lines.append(f"{bench:24} queries  cosine  lowest 10 %  rank-1               unchanged")
        rank1 = f"{row.rank1.value:.3f} ({row.rank1.low:.3f}-{row.rank1.high:.3f})"
        lines.append(
            f"  {row.condition:22} {row.queries:7}  {row.cosine:6.3f}  {row.low_cosine:11.3f}  {rank1:19}"
            f"  {row.unchanged_rank1.value:.3f}"
        )
    return "\n".join(lines)


def contact_sheet(scenes: Sequence[Scene]) -> Image.Image:
    """Every scene in a row of its own: as it is, then under each condition, so that changes can be judged by eye."""
    sheet = Image.new("RGB", (_TILE * (1 + len(CONDITIONS)), (_TILE + 16) * len(scenes)), "white")
    pen = ImageDraw.Draw(sheet)
    for line, scene in enumerate(scenes):
        tiles = [("as it is", scene.picture)]
        tiles += [(one.name, one.change(scene)) for one in CONDITIONS if scene.box is not None or not one.needs_pet]
        for column, (name, picture) in enumerate(tiles):
            at = column * _TILE, line * (_TILE + 16)
            pen.text((at[0] + 4, at[1] + 2), f"{name} {picture.width}x{picture.height}", "black")
            sheet.paste(ImageOps.contain(picture, (_TILE - 4, _TILE - 4)), (at[0], at[1] + 16))
    return sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the encoders named on the command line, print their tables, write what was asked for."""
    parser = measuring_parser("robustness", __doc__)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of a few photos (PNG), and measure nothing")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    benches = read_benches(options.shared)
    read_scene = scene_reader(benches)
    if options.sheet is not None:
        rows = [*drawn(np.flatnonzero(benches.identity), 4), *drawn(np.flatnonzero(benches.queries), 4)]
        contact_sheet([read_scene(int(row)) for row in rows]).save(options.sheet)
        return
    records = []
    for encoder, cache in encoders_of(options):
        logger.info("measuring %s", encoder.name)
        figures = measure_robustness(encoder, benches, read_scene, cache)
        records.append(asdict(figures))
        typer.echo(as_text(figures))
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
