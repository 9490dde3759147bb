"""Changed views of the photos that may teach: each pet as it might look elsewhere, before another background."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from petfinder.training.pocket.augment import Changes, Scene, change
from petfinder.training.pocket.lessons import BATCH, Lessons, as_tensor
from petfinder.training.pocket.photos_on_disk import Pictures


def scene(lessons: Lessons, rows: NDArray[np.intp], draw: np.random.Generator) -> Scene:
    """Some of the pets, each with a background drawn from the pictures of other things."""
    behind = draw.integers(len(lessons.others), size=len(rows))
    masks = torch.from_numpy(lessons.places.masks[rows]).unsqueeze(1).float() / 255
    boxes = torch.from_numpy(lessons.places.boxes[rows])
    return Scene(as_tensor(lessons.pets[rows]), masks, boxes, as_tensor(lessons.others[behind]))


def changed_views(lessons: Lessons, changes: Changes, *, seed: int) -> Iterator[Pictures]:
    """One changed view of every pet, in order and in batches; the same seed gives the same views."""
    draw, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    for at in range(0, len(lessons.pets), BATCH):
        rows = np.arange(at, min(at + BATCH, len(lessons.pets)))
        views, _ = change(scene(lessons, rows, draw), changes, lessons.pets.shape[1], random)
        yield (views.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).contiguous().numpy()
