"""The photos that may teach, in batches: as they are, and as changed views.

Brings the picture map, the pets' places and the backgrounds together; knows nothing of networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from petfinder.training.augment import Changes, Scene, change
from petfinder.training.photos_on_disk import PetPlaces, Pictures

BATCH = 16


@dataclass(frozen=True)
class Lessons:
    """Pictures (n, s, s, 3) of pets and their places, row by row, and pictures of other things (m, s, s, 3)."""

    pets: Pictures
    places: PetPlaces
    others: Pictures

    def scene(self, rows: NDArray[np.intp], draw: np.random.Generator) -> Scene:
        """Some of the pets, each with a background drawn from the pictures of other things."""
        behind = draw.integers(len(self.others), size=len(rows))
        masks = torch.from_numpy(self.places.masks[rows]).unsqueeze(1).float() / 255
        boxes = torch.from_numpy(self.places.boxes[rows])
        return Scene(as_tensor(self.pets[rows]), masks, boxes, as_tensor(self.others[behind]))

    def clean(self) -> Iterator[Pictures]:
        """All pets as they are, in order."""
        return (self.pets[at : at + BATCH] for at in range(0, len(self.pets), BATCH))

    def changed(self, changes: Changes, *, seed: int) -> Iterator[Pictures]:
        """One changed view of every pet, in order; the same seed gives the same views."""
        draw, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        for at in range(0, len(self.pets), BATCH):
            rows = np.arange(at, min(at + BATCH, len(self.pets)))
            views, _ = change(self.scene(rows, draw), changes, self.pets.shape[1], random)
            yield (views.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).contiguous().numpy()


def as_tensor(pictures: Pictures) -> Tensor:
    """Pictures (n, s, s, 3) uint8 as (n, 3, s, s) in 0-1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().contiguous() / 255
