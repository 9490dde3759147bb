"""The light training of the network: every layer learns that a pet stays itself in another crop, light or place.

The result is mixed back toward the start (WiSE-FT, Wortsman et al., CVPR 2022), so that little of what the starting
network knew is lost.
"""

import copy
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from petfinder.training.pocket.augment import MILD, Lessons, change
from petfinder.training.pocket.network import Backbone, store_precision
from petfinder.training.pocket.reader import AVERAGES, pooled
from petfinder.training.pocket.steps import replace_file

Array = NDArray[np.float32]

_SIZE = 192
_BATCH = 16
_LEARNING_RATE = 3e-5
_LONGEST_STEP = 1.0
_REPORT_EVERY = 50
CHECKPOINT_EVERY = 50
"""Steps from one checkpoint to the next: about two minutes on two cores."""

logger = logging.getLogger(__name__)


def tune(
    start: Backbone,
    lessons: Lessons,
    parts: Sequence[Array],
    *,
    epochs: int,
    seed: int,
    checkpoint: Path,
    every: int = CHECKPOINT_EVERY,
) -> tuple[Backbone, NDArray[np.float64], float]:
    """A copy of `start` after a few epochs on mildly changed views, the loss of each step, and the seconds in all.

    Each photo is to look like its `parts` (n, channels), those that the starting network sees in the whole photo: the
    loss is one minus the cosine about their mean, weighted as in the embedding. The training goes on from the file
    `checkpoint` where it is there, and writes it after `every` so many steps; the result is the same, number for
    number, as without an interruption.
    """
    course = _Course(start, lessons, parts, epochs=epochs, seed=seed)
    if checkpoint.is_file():
        course.resume(checkpoint)
        logger.info("  goes on after step %d", len(course.losses))
    with tqdm(total=course.steps, initial=len(course.losses), unit="batch", leave=False) as bar:
        while len(course.losses) < course.steps:
            course.step()
            done = len(course.losses)
            if done % _REPORT_EVERY == 0 or done == course.steps:
                logger.info("  step %d of %d: loss %.4f", done, course.steps, np.mean(course.losses[-_REPORT_EVERY:]))
            if done % every == 0:
                replace_file(checkpoint, course.save)
            bar.update()
    return course.network, np.array(course.losses), course.seconds


class _Course:
    """The light training under way: the network, the optimiser and its schedule, what is drawn, and what was lost."""

    def __init__(self, start: Backbone, lessons: Lessons, parts: Sequence[Array], *, epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = copy.deepcopy(start)
        self.losses: list[float] = []
        self._lessons = lessons
        self._means = [torch.from_numpy(part.mean(axis=0)) for part in parts]
        wholes = (torch.from_numpy(np.array(part)) for part in parts)
        self._targets = [F.normalize(whole - mean, dim=1) for whole, mean in zip(wholes, self._means, strict=True)]
        self._batches = -(-len(lessons.pets) // _BATCH)
        self.steps = epochs * self._batches
        self._optimiser = torch.optim.AdamW(self.network.parameters(), lr=_LEARNING_RATE, weight_decay=0)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, max_lr=_LEARNING_RATE, total_steps=self.steps + 1, pct_start=0.1
        )
        trained = (self.network, self._optimiser, self._schedule)
        self._trained: dict[str, Any] = dict(zip(("network", "optimiser", "schedule"), trained, strict=True))
        self._draw, self._random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        self._order = np.arange(len(lessons.pets))
        self._before, self._began = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has taken, without the time between two runs."""
        return self._before + time.monotonic() - self._began

    def step(self) -> None:
        """Learn from the next batch; a new epoch draws a new order."""
        batch = len(self.losses) % self._batches
        if batch == 0:
            self._order = self._draw.permutation(len(self._order))
        rows = np.array_split(self._order, self._batches)[batch]
        views, masks = change(self._lessons.scene(rows, self._draw), MILD, _SIZE, self._random)
        loss = self._distance(views, masks, rows)
        self._optimiser.zero_grad()
        torch.autograd.backward([loss])
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_STEP)
        self._optimiser.step()
        self._schedule.step()
        self.losses.append(loss.item())

    def _distance(self, views: Tensor, masks: Tensor, rows: NDArray[np.intp]) -> Tensor:
        maps = self.network(views.contiguous(memory_format=torch.channels_last))
        found = pooled(maps, F.adaptive_avg_pool2d(masks, _SIZE // 16))
        total = torch.zeros(())
        for part, vectors, target, mean in zip(AVERAGES, found, self._targets, self._means, strict=True):
            cosine = (F.normalize(vectors - mean, dim=1) * target[rows]).sum(dim=1)
            total = total + part.share**2 * (1 - cosine).mean()
        return total / sum(part.share**2 for part in AVERAGES)

    def save(self, file: Path) -> None:
        """Write everything that the next step depends on."""
        state = {
            **{name: part.state_dict() for name, part in self._trained.items()},
            "order": torch.from_numpy(self._order),
            "draw": json.dumps(self._draw.bit_generator.state),
            "random": self._random.get_state(),
            "torch": torch.get_rng_state(),
            "losses": self.losses,
            "seconds": self.seconds,
        }
        torch.save(state, file)

    def resume(self, file: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(file, weights_only=True)
        for name, part in self._trained.items():
            part.load_state_dict(state[name])
        self._order = state["order"].numpy()
        self._draw.bit_generator.state = json.loads(state["draw"])
        self._random.set_state(state["random"])
        torch.set_rng_state(state["torch"])
        self.losses = state["losses"]
        self._before, self._began = state["seconds"], time.monotonic()


def mixed(start: Backbone, tuned: Backbone, share: float) -> Backbone:
    """A network whose every weight is `share` of the tuned one and the rest of the start, rounded as it is stored."""
    network = copy.deepcopy(start)
    with torch.no_grad():
        for name, weight in network.weights.items():
            weight.lerp_(tuned.weights[name], share)
    store_precision(network)
    return network


def untouched_weights(start: Backbone, network: Backbone) -> list[str]:
    """Names of the weights that are the start's, number for number, in full or in stored precision."""
    stored = copy.deepcopy(start)
    store_precision(stored)
    return [
        name
        for name, weight in network.weights.items()
        if any(torch.equal(weight, before.weights[name]) for before in (start, stored))
    ]
