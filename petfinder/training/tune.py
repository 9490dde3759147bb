"""The light training of the network: every layer learns that a pet stays itself in another crop, light or place.

The result is mixed back toward the start (WiSE-FT, Wortsman et al., CVPR 2022), so that little of what the starting
network knew is lost.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from petfinder.training.augment import MILD, change
from petfinder.training.lessons import Lessons
from petfinder.training.network import Backbone, normalised, store_precision
from petfinder.training.reading import PARTS, pooled

Array = NDArray[np.float32]

_SIZE = 192
_BATCH = 16
_LEARNING_RATE = 3e-5
_LONGEST_STEP = 1.0
_REPORT_EVERY = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Targets:
    """What each photo is to look like: the starting network's parts of the whole photo at 320 px, and their means."""

    parts: tuple[Tensor, ...]
    means: tuple[Tensor, ...]


def targets_from(parts: Sequence[Array]) -> Targets:
    """Targets from the starting network's parts (n, channels), centred and of unit length."""
    means = [part.mean(axis=0) for part in parts]
    centred = (F.normalize(torch.from_numpy(p - m), dim=1) for p, m in zip(parts, means, strict=True))
    return Targets(tuple(centred), tuple(torch.from_numpy(mean) for mean in means))


def tune(start: Backbone, lessons: Lessons, targets: Targets, *, epochs: int, seed: int) -> Backbone:
    """A copy of the network after a few epochs on mildly changed views; `start` stays as it is.

    The loss is one minus the cosine between a view's parts and the photo's targets, weighted as in the embedding.
    """
    torch.manual_seed(seed)
    draw, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    network = copy.deepcopy(start).to(memory_format=torch.channels_last)
    photos = len(lessons.pets)
    batches = -(-photos // _BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=_LEARNING_RATE, total_steps=epochs * batches + 1, pct_start=0.1
    )
    losses: list[float] = []
    with tqdm(total=epochs * batches, desc="light training", unit="batch") as bar:
        for _ in range(epochs):
            for rows in np.array_split(draw.permutation(photos), batches):
                views, masks = change(lessons.scene(rows, draw), MILD, _SIZE, random)
                loss = _distance(network, views, masks, targets, rows)
                optimiser.zero_grad()
                torch.autograd.backward([loss])
                torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_STEP)
                optimiser.step()
                schedule.step()
                losses.append(loss.item())
                if len(losses) % _REPORT_EVERY == 0:
                    logger.info("  step %d: loss %.4f", len(losses), np.mean(losses[-_REPORT_EVERY:]))
                bar.update()
    return network.to(memory_format=torch.contiguous_format)


def _distance(network: Backbone, views: Tensor, masks: Tensor, targets: Targets, rows: NDArray[np.intp]) -> Tensor:
    maps = network(normalised(views).contiguous(memory_format=torch.channels_last))
    found = pooled(maps, F.adaptive_avg_pool2d(masks, _SIZE // 16))
    total = torch.zeros(())
    for part, vectors, target, mean in zip(PARTS, found, targets.parts, targets.means, strict=True):
        cosine = (F.normalize(vectors - mean, dim=1) * target[rows]).sum(dim=1)
        total = total + part.share**2 * (1 - cosine).mean()
    return total / sum(part.share**2 for part in PARTS)


def mixed(start: Backbone, tuned: Backbone, *, share: float) -> Backbone:
    """A network whose every weight is `share` of the tuned one and the rest of the start, rounded as it is stored."""
    network = copy.deepcopy(start)
    with torch.no_grad():
        for name, weight in network.weights.items():
            weight.lerp_(tuned.weights[name], share)
    store_precision(network)
    return network


def untouched_weights(start: Backbone, network: Backbone) -> list[str]:
    """Names of the weights that are the start's, number for number, in full or in stored precision."""
    as_shipped = copy.deepcopy(start)
    store_precision(as_shipped)
    return [
        name
        for name, weight in network.weights.items()
        if torch.equal(weight, start.weights[name]) or torch.equal(weight, as_shipped.weights[name])
    ]
