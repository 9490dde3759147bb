"""How much a pet may look different and still be found: each query photo changed in one way, then looked for.

Run `python -m petfinder.training.pocket.robustness --shared ../shared --encoder pocket --encoder teacher`. The gallery
is that of the protocol, its photos as they are; the changed photo's own photo is left out.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps
from tqdm import tqdm

from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder, encode
from petfinder.evaluation.calibration import Estimate, mean_over_animals
from petfinder.evaluation.metrics import Labelled, Ranking, leave_one_out
from petfinder.training.pocket.benches import Benches, EmbeddingCache, Mask, read_benches
from petfinder.training.pocket.commands import encoders_asked_for, measuring_parser
from petfinder.training.pocket.conditions import CONDITIONS, Scene
from petfinder.training.pocket.scenes import drawn, scene_reader

logger = logging.getLogger(__name__)

ALBUM_QUERIES = 120
LOW_SHARE = 0.1  # the quantile of the cosine that stands for the photos that fare worst
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


def measure_robustness(
    encoder: Encoder, benches: Benches, read_scene: ReadScene, cache: Path, *, album_queries: int = ALBUM_QUERIES
) -> RobustnessFigures:
    """Every condition on both benches; embeddings of photos as they are, are kept in the folder `cache`."""
    photos = benches.labelled(EmbeddingCache(cache, encoder).whole(benches))
    asked = drawn(np.flatnonzero(benches.asked), album_queries)
    return RobustnessFigures(
        encoder=encoder.name,
        fingerprint=str(getattr(encoder, "fingerprint", "")),
        conditions=(
            *_bench("identity", encoder, photos, benches.identity | benches.crowd, benches.identity, read_scene),
            *_bench("albums", encoder, photos, benches.training, _mask(asked, len(photos)), read_scene),
        ),
    )


def _mask(rows: Rows, count: int) -> Mask:
    mask = np.zeros(count, dtype=np.bool_)
    mask[rows] = True
    return mask


def _bench(
    name: str, encoder: Encoder, every: Labelled, gallery: Mask, asked: Mask, read_scene: ReadScene
) -> list[ConditionFigures]:
    """All conditions on one bench: `gallery` and `asked` say which of all photos belong to it and are looked for."""
    rows = np.flatnonzero(asked)
    place = np.cumsum(gallery) - 1  # position among the gallery's photos of each of all photos
    seen = changed_embeddings(encoder, (read_scene(row) for row in rows.tolist()), total=len(rows), title=name)
    photos, queries = every.at(gallery), place[rows]
    unchanged = leave_one_out(photos, queries=queries)
    return [
        _figures(name, condition, photos, queries[positions], looks, unchanged.at(positions))
        for condition, (positions, looks) in seen.items()
    ]


def changed_embeddings(
    encoder: Encoder, scenes: Iterable[Scene], *, total: int | None = None, title: str = ""
) -> dict[str, tuple[Rows, Matrix]]:
    """Of each condition, the positions of the scenes that it could be made of, and their embeddings once changed."""
    positions: dict[str, list[int]] = {condition.name: [] for condition in CONDITIONS}
    looks: dict[str, list[Matrix]] = {condition.name: [] for condition in CONDITIONS}
    for position, scene in enumerate(tqdm(scenes, total=total, desc=title, unit="photo", disable=None)):
        possible = [condition for condition in CONDITIONS if scene.box is not None or not condition.needs_pet]
        embeddings = encode(encoder, [condition.change(scene) for condition in possible])
        for condition, embedding in zip(possible, embeddings, strict=True):
            positions[condition.name].append(position)
            looks[condition.name].append(embedding)
    return {name: (np.array(positions[name]), np.stack(found)) for name, found in looks.items() if found}


def _figures(
    bench: str, condition: str, photos: Labelled, queries: Rows, looks: Matrix, unchanged: Ranking
) -> ConditionFigures:
    ranking = leave_one_out(photos, queries=queries, seen_as=looks)
    cosines = (photos.embeddings[queries] * looks).sum(axis=1)
    return ConditionFigures(
        bench=bench,
        condition=condition,
        queries=len(queries),
        animals=len(np.unique(ranking.ids)),
        cosine=float(cosines.mean()),
        low_cosine=float(np.quantile(cosines, LOW_SHARE)),
        rank1=mean_over_animals(ranking.within(1), ranking.ids),
        unchanged_rank1=mean_over_animals(unchanged.within(1), unchanged.ids),
    )


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
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    benches = read_benches(given.shared)
    read_scene = scene_reader(benches)
    if given.sheet is not None:
        rows = [*drawn(np.flatnonzero(benches.identity), 4), *drawn(np.flatnonzero(benches.asked), 4)]
        contact_sheet([read_scene(int(row)) for row in rows]).save(given.sheet)
        return
    everything = []
    for encoder, cache in encoders_asked_for(given):
        logger.info("measuring %s", encoder.name)
        everything.append(measure_robustness(encoder, benches, read_scene, cache))
        sys.stdout.write(as_text(everything[-1]) + "\n")
        sys.stdout.flush()
    if given.json is not None:
        given.json.write_text(
            json.dumps([asdict(figures) for figures in everything], indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
