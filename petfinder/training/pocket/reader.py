"""How the encoder reads its backbone: maps of three depths pooled under the saliency, centred, one matrix.

A map is read in two ways: what its cells show on average, and how they vary together (a coat's texture and markings).
`Reader` holds what is fitted; `Pocket` is the whole encoder in torch, the reference for the exported file.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from petfinder.training.pocket.network import TEXTURE_8, TEXTURE_16, TOP_32, Backbone, normalised
from petfinder.training.pocket.saliency import SaliencyHead

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """One reading of one depth of the network: its map, its share in the embedding, the floor under the saliency.

    `axes` is 0 for the average of the map's cells, else the number of directions whose covariance over the cells is
    taken. The floor makes a photo without any pet fall back to all its cells alike.
    """

    tap: str
    share: float
    floor: float
    axes: int = 0

    @property
    def name(self) -> str:
        """What the part is called in a graph."""
        return f"{self.tap}_covariance" if self.axes else self.tap


AVERAGES = (Part(TOP_32, 1.0, 0.1), Part(TEXTURE_16, 0.5, 0.02), Part(TEXTURE_8, 0.3, 0.02))
COVARIANCES = (Part(TEXTURE_16, 0.6, 0.02, axes=56), Part(TEXTURE_8, 0.45, 0.02, axes=40))
PARTS = (*AVERAGES, *COVARIANCES)
"""Shares, floors and axes were chosen on the development benches: what the pet is, then its coat at two scales."""

ROOT_FLOOR = 1e-5
"""Under the signed square root of a part's numbers: keeps its slope finite, so that rounding stays small."""


@dataclass(frozen=True)
class Axes:
    """The directions in which a map's cells are compared: `middle` (channels,) and `directions` (channels, axes)."""

    middle: Array
    directions: Array


@dataclass(frozen=True)
class Reader:
    """What is fitted after the network: axes of each covariance, mean of each part over the training photos, matrix."""

    axes: tuple[Axes, ...]
    means: tuple[Array, ...]
    matrix: Array


def weights_at(saliency: Tensor) -> dict[str, Tensor]:
    """The saliency (n, 1, h, w) in 0-1 at stride 16 for each map that is read: halved, as it is, doubled."""
    return {
        TOP_32: F.avg_pool2d(saliency, 2),
        TEXTURE_16: saliency,
        TEXTURE_8: F.interpolate(saliency, scale_factor=2, mode="bilinear", align_corners=False),
    }


def pooled(maps: dict[str, Tensor], saliency: Tensor) -> tuple[Tensor, ...]:
    """Each average as a unit-length vector (n, channels): its map averaged where the pet is."""
    weights = weights_at(saliency)
    sums = (
        torch.matmul(maps[part.tap].flatten(2), (weights[part.tap] + part.floor).flatten(2).transpose(1, 2))
        for part in AVERAGES
    )
    return tuple(F.normalize(total.squeeze(2), dim=1) for total in sums)


def covariances(maps: dict[str, Tensor], saliency: Tensor, axes: tuple[Axes, ...]) -> tuple[Tensor, ...]:
    """Each covariance as a unit-length vector (n, axes (axes + 1) / 2): the upper triangle, row by row.

    Second-order pooling (Carreira et al., ECCV 2012) under the saliency.
    """
    weights = weights_at(saliency)
    found = []
    for part, own in zip(COVARIANCES, axes, strict=True):
        directions = torch.from_numpy(own.directions)
        cells = directions.T @ maps[part.tap].flatten(2) - (torch.from_numpy(own.middle) @ directions)[:, None]
        together = (cells * (weights[part.tap] + part.floor).flatten(2)) @ cells.transpose(1, 2)
        rows, columns = torch.triu_indices(*[directions.shape[1]] * 2)
        found.append(F.normalize(together[:, rows, columns], dim=1))
    return tuple(found)


def rooted(vectors: Tensor) -> Tensor:
    """The signed square root of every number, unit length: strong channels drown weak ones less (Perronnin, 2010)."""
    return F.normalize(vectors / (vectors.abs() + ROOT_FLOOR).sqrt(), dim=1)


class Pocket(nn.Module):
    """The whole encoder: uint8 pictures (n, height, width, 3) to unit-length embeddings (n, dims)."""

    def __init__(self, backbone: Backbone, head: SaliencyHead, reader: Reader) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.axes = reader.axes
        self.means = [torch.from_numpy(mean) for mean in reader.means]
        self.matrix = torch.from_numpy(reader.matrix)

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings of upright RGB pictures."""
        maps = self.backbone(normalised(pictures.permute(0, 3, 1, 2).float() / 255))
        saliency = torch.sigmoid(self.head(maps))
        parts = (*pooled(maps, saliency), *covariances(maps, saliency, self.axes))
        centred = [
            F.normalize(rooted(vectors) - mean, dim=1) * part.share
            for vectors, mean, part in zip(parts, self.means, PARTS, strict=True)
        ]
        return F.normalize(torch.cat(centred, dim=1) @ self.matrix, dim=1)
