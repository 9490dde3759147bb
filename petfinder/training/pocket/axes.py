"""The axes along which a map's cells are compared: its principal directions where the pets are, in closed form."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from petfinder.training.pocket.export import FeatureGraph
from petfinder.training.pocket.network import as_stored
from petfinder.training.pocket.photos_on_disk import Pictures
from petfinder.training.pocket.reader import COVARIANCES, Axes, Part

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

EVENED = 0.25
"""Power of a direction's variance that is divided out: half way between as it is (0) and all alike (0.5)."""


class _Moments:
    """The mean and the second moment of a map's cells, every photo weighing the same."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.photos = 0
        self.first: Wide = np.zeros(())
        self.second: Wide = np.zeros(())

    def add(self, maps: Array, saliency: Array) -> None:
        weights = saliency.reshape(len(saliency), 1, -1) + self.part.floor
        weights = weights / weights.sum(axis=2, keepdims=True)
        cells = maps.reshape(*maps.shape[:2], -1)
        weighted = cells * weights
        self.photos += len(maps)
        self.first = self.first + weighted.sum(axis=(0, 2), dtype=np.float64)
        self.second = self.second + np.matmul(weighted, cells.transpose(0, 2, 1)).sum(axis=0, dtype=np.float64)

    def axes(self) -> Axes:
        middle = self.first / self.photos
        variances, directions = np.linalg.eigh(self.second / self.photos - np.outer(middle, middle))
        strongest = directions[:, ::-1][:, : self.part.axes]
        spread = np.maximum(variances[::-1][: self.part.axes], np.finfo(np.float64).tiny)
        scaled = np.ascontiguousarray(strongest / spread**EVENED, dtype=np.float32)
        return Axes(middle.astype(np.float32), as_stored(scaled))


def learn_axes(graph: FeatureGraph, batches: Iterable[Pictures]) -> tuple[Axes, ...]:
    """The axes of each covariance from pictures of pets (n, size, size, 3), as `export.cell_features` reads them."""
    moments = [_Moments(part) for part in COVARIANCES]
    for pictures in batches:
        outputs = graph.read(pictures)
        for moment, maps, saliency in zip(moments, outputs[::2], outputs[1::2], strict=True):
            moment.add(maps, saliency)
    return tuple(moment.axes() for moment in moments)
