"""From photos and a starting network to the encoder's file, one step after the other.

Each step is kept in the folder `steps` and taken over by the next run while nothing that it depends on has changed.
The same photos, start and settings give the same file, on the same machine with the same number of threads, however
often the run was broken off.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from petfinder.training.pocket.export import Encoder, FeatureGraph, difference_from_torch, part_features, write_encoder
from petfinder.training.pocket.finetune import CHECKPOINT_EVERY
from petfinder.training.pocket.learn import (
    Reading,
    learn_axes,
    learn_matrix,
    learn_saliency,
    light_training,
    mixed_network,
    read_parts,
    squash,
)
from petfinder.training.pocket.lessons import Lessons
from petfinder.training.pocket.material import Material, Settings, read_material
from petfinder.training.pocket.record import CURVE_FILE, TRAINING_FILE, Told, write_curve, write_training
from petfinder.training.pocket.steps import Kept, Steps, forget_all

ENCODER_FILE = "pocket-2.onnx"
STEPS_FOLDER = "steps"
_PACKAGES = ("numpy", "onnx", "onnxruntime", "pillow", "torch")
_STEPS_BESIDE_VIEWS = 8
_CHECKED_PHOTOS = 16

logger = logging.getLogger(__name__)
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Features:
    """What the matrix is fitted on: parts (n, channels) of photos and of their views, mates (rows), breeds (n,).

    `graph` reads the same parts of other photos; `key` changes with what they depend on.
    """

    clean: Sequence[Array]
    views: Sequence[Sequence[Array]]
    mates: tuple[NDArray[np.intp], ...]
    breeds: NDArray[np.str_]
    graph: FeatureGraph
    key: str


@dataclass(frozen=True, eq=False)
class _Learnt:
    lessons: Lessons
    losses: NDArray[np.float64]
    reading: Reading
    parts: Kept
    views: list[Kept]


def make_encoder(
    photos: Path,
    start: Path,
    out: Path,
    settings: Settings,
    *,
    fresh: bool = False,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> Path:
    """Train the encoder and write `pocket-2.onnx` into the folder `out`; gives its path.

    `photos` holds `manifest.csv`, `albums.csv` and the pictures, `start` the network `mobilenetv2_features.onnx` and
    `targets.npz`. Steps that an earlier run finished in `out` are taken over, unless it is to be `fresh`; the light
    training keeps its state after `checkpoint_every` so many batches. Beside the file, `training.json` and
    `learning_curve.csv` tell how it was made. Raises ConfigError when an input is missing or does not fit.
    """
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if fresh:
        forget_all(out / STEPS_FOLDER)
    material = read_material(photos, start)
    with _repeatable(settings.threads), _steps(out, settings) as steps:
        learnt = _learn(steps, material, out, settings, checkpoint_every)
        network, head, axes = learnt.reading
        reader = learn_matrix(steps, (learnt.parts, learnt.views), axes, material, settings)
        encoder = Encoder(network, head, reader)
        write_encoder(encoder, out / ENCODER_FILE)
        away = difference_from_torch(encoder, out / ENCODER_FILE, learnt.lessons.pets[:_CHECKED_PHOTOS])
    logger.info("largest difference between the file and the torch network: %.1e", away)
    inputs = material.fingerprints
    told = Told(out / ENCODER_FILE, asdict(settings), inputs, _packages(), steps.taken, learnt.losses, away)
    write_training(told, out / TRAINING_FILE)
    logger.info("wrote %s, this run took %.1f minutes", out / ENCODER_FILE, (time.monotonic() - began) / 60)
    return out / ENCODER_FILE


def kept_features(photos: Path, start: Path, out: Path, settings: Settings) -> Features:
    """What the matrix was fitted on in the folder `out`; what `make_encoder` has not left there is learnt now."""
    material = read_material(photos, start)
    with _repeatable(settings.threads), _steps(out, settings) as steps:
        learnt = _learn(steps, material, out, settings, CHECKPOINT_EVERY)
        return Features(
            clean=learnt.parts.arrays(),
            views=[view.arrays() for view in learnt.views],
            mates=material.split.mates,
            breeds=material.breeds,
            graph=part_features(*learnt.reading),
            key=learnt.parts.key,
        )


def _steps(out: Path, settings: Settings) -> Steps:
    common = {**_packages(), "threads": settings.threads}
    return Steps(out / STEPS_FOLDER, common, total=_STEPS_BESIDE_VIEWS + settings.views)


def _packages() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


def _learn(steps: Steps, material: Material, out: Path, settings: Settings, checkpoint_every: int) -> _Learnt:
    """Everything up to the parts of the photos."""
    squashed, lessons = squash(steps, material)
    tuned = light_training(steps, squashed, material, lessons, settings, checkpoint_every)
    *weights, losses = tuned.arrays()
    write_curve(losses, out / CURVE_FILE)
    network = mixed_network(material.start, weights, share=settings.share)
    salient, head = learn_saliency(steps, [squashed, tuned], network, lessons, settings)
    before = [squashed, tuned, salient]
    placed, axes = learn_axes(steps, before, network, head, lessons)
    reading = (network, head, axes)
    parts, views = read_parts(steps, [*before, placed], reading, lessons, settings)
    return _Learnt(lessons, losses, reading, parts, views)


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
