"""The photos that may teach, in batches, as they are.

Brings the picture map, the pets' places and the backgrounds together; knows nothing of networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from petfinder.training.pocket.photos_on_disk import PetPlaces, Pictures

BATCH = 16


@dataclass(frozen=True)
class Lessons:
    """Pictures (n, s, s, 3) of pets and their places, row by row, and pictures of other things (m, s, s, 3)."""

    pets: Pictures
    places: PetPlaces
    others: Pictures

    def clean(self) -> Iterator[Pictures]:
        """All pets as they are, in order."""
        return (self.pets[at : at + BATCH] for at in range(0, len(self.pets), BATCH))


def as_tensor(pictures: Pictures) -> Tensor:
    """Pictures (n, s, s, 3) uint8 as (n, 3, s, s) in 0-1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().contiguous() / 255
