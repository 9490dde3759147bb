"""From photos and a starting network to the encoder's file, one step after the other.

Each step says in the log what it did and how long it took. The same photos, start and settings give the same file,
on the same machine with the same number of threads.
"""

import logging
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tqdm import tqdm

from petfinder.errors import ConfigError
from petfinder.training.augment import STRONG
from petfinder.training.export import (
    Encoder,
    FeatureGraph,
    difference_from_torch,
    part_features,
    part_features_under_masks,
    saliency_features,
    write_encoder,
)
from petfinder.training.lessons import BATCH, Lessons, as_tensor
from petfinder.training.matrix import fit_reader
from petfinder.training.network import Backbone, read_backbone
from petfinder.training.photos_on_disk import (
    PICTURE_SIZE,
    Pictures,
    picture_map,
    read_albums,
    read_manifest,
    read_places,
)
from petfinder.training.reading import Reader
from petfinder.training.saliency import (
    SALIENCY_SIZE,
    SaliencyHead,
    SaliencyLesson,
    masks_at,
    overlap,
    train_saliency,
)
from petfinder.training.splits import read_held_out, split_photos
from petfinder.training.tune import mixed, targets_from, tune, untouched_weights

ENCODER_FILE = "pocket-1.onnx"
START_FILE = "mobilenetv2_features.onnx"
PLACES_FILE = "targets.npz"
_CHECKED_PHOTOS = 16
_HEAD_CHECK_SHARE = 0.05

logger = logging.getLogger(__name__)
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What can be chosen: `share` of the tuned network that is kept, `epochs` of tuning, changed `views` of each photo
    for the matrix, `dims` of the embedding, the `seed` of everything that is drawn, and the `threads` that work."""

    share: float = 0.3
    epochs: int = 1
    views: int = 2
    dims: int = 512
    seed: int = 1
    threads: int = 2


def make_encoder(photos: Path, start: Path, out: Path, settings: Settings) -> Path:
    """Train the encoder and write `pocket-1.onnx` into the folder `out`; gives its path.

    `photos` holds `manifest.csv`, `albums.csv` and the pictures, `start` the network `mobilenetv2_features.onnx` and
    `targets.npz`. Raises ConfigError when one of them is missing or does not fit.
    """
    for needed in (photos / "manifest.csv", photos / "albums.csv", start / START_FILE, start / PLACES_FILE):
        if not needed.is_file():
            raise ConfigError(f"{needed} is missing: name the folder that holds it")
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with _repeatable(settings.threads), tempfile.TemporaryDirectory(dir=out) as scratch:
        lessons, mates = _lessons(photos, start / PLACES_FILE, Path(scratch))
        network = light_training(read_backbone(start / START_FILE), lessons, settings)
        head = learn_saliency(network, lessons, settings)
        reader = learn_matrix(network, head, lessons, mates, settings)
        encoder = Encoder(network, head, reader)
        write_encoder(encoder, out / ENCODER_FILE)
        away = difference_from_torch(encoder, out / ENCODER_FILE, lessons.pets[:_CHECKED_PHOTOS])
    logger.info("largest difference between the file and the torch network: %.1e", away)
    logger.info("wrote %s, all in %.1f minutes", out / ENCODER_FILE, (time.monotonic() - began) / 60)
    return out / ENCODER_FILE


def _lessons(photos: Path, places: Path, scratch: Path) -> tuple[Lessons, tuple[NDArray[np.intp], ...]]:
    listed = read_manifest(photos)
    split = split_photos(listed, read_albums(photos), read_held_out())
    if not len(split.pets) or not len(split.others):
        raise ConfigError(f"{photos} needs photos of pets that may teach and photos of other things")
    where = read_places(places, listed).at(split.pets)
    with _step(f"squashed {len(split.pets)} photos of pets and {len(split.others)} of other things"):
        teaching = [listed[row] for row in (*split.pets, *split.others)]
        pictures = picture_map(photos, teaching, scratch / "pictures.npy")
    return Lessons(pictures[: len(split.pets)], where, pictures[len(split.pets) :]), split.mates


def light_training(start: Backbone, lessons: Lessons, settings: Settings) -> Backbone:
    """The starting network after a light training of every layer, mixed back toward its start."""
    with _step("read what the starting network sees in the whole photos"):
        graph = part_features_under_masks(start)
        masks = masks_at(lessons.places.masks, PICTURE_SIZE // 16)[:, None]
        under = (masks[at : at + BATCH] for at in range(0, len(masks), BATCH))
        clean = zip(_bar(lessons.clean(), lessons, "start"), under, strict=True)
        targets = targets_from(_stacked(graph.read_under(*pair) for pair in clean))
    with _step(f"trained every layer for {settings.epochs} epochs and kept {settings.share:.0%} of the change"):
        tuned = tune(start, lessons, targets, epochs=settings.epochs, seed=settings.seed)
        network = mixed(start, tuned, share=settings.share)
    untouched = untouched_weights(start, network)
    if untouched:
        raise ConfigError(f"training left {len(untouched)} weights as they were: raise the share or the epochs")
    return network


def learn_saliency(network: Backbone, lessons: Lessons, settings: Settings) -> SaliencyHead:
    """The saliency head, from photos in which a pet was found and photos of other things."""
    with _step("learnt where the pet is"):
        graph = saliency_features(network, SALIENCY_SIZE)
        seen = np.flatnonzero(lessons.places.found)
        pets = [(lessons.pets, rows) for rows in _batches(seen)]
        others = [(lessons.others, rows) for rows in _batches(np.arange(len(lessons.others)))]
        batches = (_smaller(kind[rows]) for kind, rows in tqdm([*pets, *others], desc="saliency", unit="batch"))
        found = [[maps.astype(np.float16) for maps in graph.read(batch)] for batch in batches]
        block_16, block_32 = (np.concatenate(maps) for maps in zip(*found, strict=True))
        masks = np.zeros((len(block_16), *block_16.shape[2:]), np.float32)
        masks[: len(seen)] = masks_at(lessons.places.masks[seen], block_16.shape[2])
        order = np.random.default_rng(settings.seed).permutation(len(masks))
        kept = max(1, int(len(order) * _HEAD_CHECK_SHARE))
        checked, taught = (
            SaliencyLesson(block_16[rows], block_32[rows], masks[rows]) for rows in (order[:kept], order[kept:])
        )
        head = train_saliency(taught, seed=settings.seed)
        logger.info("  overlap with the masks of %d photos kept aside: %.3f", kept, overlap(head, checked))
    return head


def learn_matrix(
    network: Backbone,
    head: SaliencyHead,
    lessons: Lessons,
    mates: tuple[NDArray[np.intp], ...],
    settings: Settings,
) -> Reader:
    """Means and matrix, from every photo as it is, from changed views of it, and from the albums of animals."""
    graph = part_features(network, head)
    with _step("read the photos as they are"):
        clean = _read(graph, _bar(lessons.clean(), lessons, "photos"))
    views = []
    for view in range(settings.views):
        with _step(f"read changed view {view + 1} of {settings.views}"):
            changed = lessons.changed(STRONG, seed=settings.seed + 1 + view)
            views.append(_read(graph, _bar(changed, lessons, "views")))
    with _step(f"fitted the matrix, with {len(mates)} animals of several photos"):
        return fit_reader(clean, views, mates, dims=settings.dims)


def _read(graph: FeatureGraph, batches: Iterable[Pictures]) -> list[Array]:
    return _stacked(graph.read(batch) for batch in batches)


def _stacked(batches: Iterable[list[Array]]) -> list[Array]:
    return [np.concatenate(outputs) for outputs in zip(*batches, strict=True)]


def _batches(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _smaller(pictures: Pictures) -> Pictures:
    """The pictures at the size that the saliency is learnt at."""
    size = (SALIENCY_SIZE, SALIENCY_SIZE)
    smaller = F.interpolate(as_tensor(pictures), size=size, mode="bilinear", antialias=True)
    return (smaller * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _bar(batches: Iterable[Pictures], lessons: Lessons, what: str) -> Iterable[Pictures]:
    bar: Iterable[Pictures] = tqdm(batches, total=-(-len(lessons.pets) // BATCH), desc=what, unit="batch")
    return bar


@contextmanager
def _step(done: str) -> Iterator[None]:
    """Log what was done and how long it took."""
    began = time.monotonic()
    yield
    logger.info("%s: %.0f s", done, time.monotonic() - began)


@contextmanager
def _repeatable(threads: int) -> Iterator[None]:
    """Let torch work with so many threads and only in ways that give the same result each time."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
