"""What a network sees in the photos that teach: its maps and parts, read batch by batch, and the saliency head."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tqdm import tqdm

from petfinder.training.pocket.axes import learn_axes
from petfinder.training.pocket.export import FeatureGraph, cell_features, part_features_under_masks, saliency_features
from petfinder.training.pocket.lessons import BATCH, Lessons, as_tensor
from petfinder.training.pocket.network import Backbone
from petfinder.training.pocket.photos_on_disk import PICTURE_SIZE, Pictures
from petfinder.training.pocket.reader import Axes
from petfinder.training.pocket.saliency import (
    SALIENCY_SIZE,
    SaliencyHead,
    SaliencyLesson,
    masks_at,
    overlap,
    train_saliency,
)

_HEAD_CHECK_SHARE = 0.05
_AXES_EVERY = 12  # 400 of the shared photos, with some hundred cells each, place 56 directions well

Array = NDArray[np.float32]
HalfArray = NDArray[np.float16]


def parts_of(graph: FeatureGraph, batches: Iterable[Pictures], *, photos: int) -> list[Array]:
    """Each output of the graph (photos, channels) for pictures that come in batches, with a bar."""
    return _stacked(graph.read(batch) for batch in _bar(batches, photos))


def starting_parts(start: Backbone, lessons: Lessons) -> list[Array]:
    """The parts (n, channels) that the starting network sees in the whole photos, under the given masks."""
    graph = part_features_under_masks(start)
    masks = masks_at(lessons.places.masks, PICTURE_SIZE // 16)[:, None]
    under = (masks[at : at + BATCH] for at in range(0, len(masks), BATCH))
    clean = zip(_bar(lessons.clean(), len(lessons.pets)), under, strict=True)
    return _stacked(graph.read_under(*pair) for pair in clean)


def cell_axes(network: Backbone, head: SaliencyHead, lessons: Lessons) -> tuple[Axes, ...]:
    """The axes of each covariance, from every so many of the pets as they are."""
    pets = np.arange(0, len(lessons.pets), _AXES_EVERY)
    batches = [lessons.pets[rows] for rows in _batches(pets)]
    return learn_axes(cell_features(network, head), _bar(batches, len(pets)))


def saliency_maps(network: Backbone, lessons: Lessons) -> list[HalfArray]:
    """The two maps that the saliency head looks at, of photos in which a pet was found and then of other things."""
    graph = saliency_features(network, SALIENCY_SIZE)
    pets = ((lessons.pets, rows) for rows in _batches(np.flatnonzero(lessons.places.found)))
    others = ((lessons.others, rows) for rows in _batches(np.arange(len(lessons.others))))
    batches = [*pets, *others]
    seen = (graph.read(_smaller(kind[rows])) for kind, rows in tqdm(batches, unit="batch", leave=False))
    found = [[maps.astype(np.float16) for maps in both] for both in seen]
    return [np.concatenate(maps) for maps in zip(*found, strict=True)]


def learn_head(maps: tuple[HalfArray, HalfArray], lessons: Lessons, *, seed: int) -> tuple[SaliencyHead, float]:
    """The saliency head that `saliency_maps` teach, and its overlap with the masks of photos kept aside."""
    block_16, block_32 = maps
    seen = np.flatnonzero(lessons.places.found)
    masks = np.zeros((len(block_16), *block_16.shape[2:]), np.float32)
    masks[: len(seen)] = masks_at(lessons.places.masks[seen], block_16.shape[2])
    order = np.random.default_rng(seed).permutation(len(masks))
    aside = max(1, int(len(order) * _HEAD_CHECK_SHARE))
    checked, taught = (
        SaliencyLesson(block_16[rows], block_32[rows], masks[rows]) for rows in (order[:aside], order[aside:])
    )
    head = train_saliency(taught, seed=seed)
    return head, overlap(head, checked)


def _stacked(batches: Iterable[list[Array]]) -> list[Array]:
    return [np.concatenate(outputs) for outputs in zip(*batches, strict=True)]


def _batches(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _smaller(pictures: Pictures) -> Pictures:
    """The pictures at the size that the saliency is learnt at."""
    size = (SALIENCY_SIZE, SALIENCY_SIZE)
    smaller = F.interpolate(as_tensor(pictures), size=size, mode="bilinear", antialias=True)
    return (smaller * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _bar(batches: Iterable[Pictures], photos: int) -> Iterable[Pictures]:
    bar: Iterable[Pictures] = tqdm(batches, total=-(-photos // BATCH), unit="batch", leave=False)
    return bar
