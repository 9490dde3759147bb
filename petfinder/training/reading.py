"""How an embedding is read off the backbone: maps of three depths pooled under the saliency, centred, one matrix.

`Reader` holds what is fitted; `Pocket` is the whole encoder in torch, the reference for the exported file.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from petfinder.training.network import TEXTURE_8, TEXTURE_16, TOP_32, Backbone, normalised
from petfinder.training.saliency import SaliencyHead

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """One depth of the network: its feature map, its share in the embedding, and the floor under the saliency.

    The floor makes a photo without any pet fall back to the plain average of the map.
    """

    tap: str
    share: float
    floor: float


PARTS = (Part(TOP_32, 1.0, 0.1), Part(TEXTURE_16, 0.5, 0.02), Part(TEXTURE_8, 0.3, 0.02))
"""Shares and floors were chosen on the development bench: what the pet is, then its coat at two finer scales."""


@dataclass(frozen=True)
class Reader:
    """What is fitted after the network: the mean of each part over the training photos, and the matrix."""

    means: tuple[Array, ...]
    matrix: Array


def pooled(maps: dict[str, Tensor], saliency: Tensor) -> tuple[Tensor, ...]:
    """Each part as a unit-length vector (n, channels): its map averaged where the pet is.

    `saliency` (n, 1, h, w) in 0-1 at stride 16; halved for the deepest map and doubled for the finest.
    """
    weights = {
        TOP_32: F.avg_pool2d(saliency, 2),
        TEXTURE_16: saliency,
        TEXTURE_8: F.interpolate(saliency, scale_factor=2, mode="bilinear", align_corners=False),
    }
    sums = (
        torch.matmul(maps[part.tap].flatten(2), (weights[part.tap] + part.floor).flatten(2).transpose(1, 2))
        for part in PARTS
    )
    return tuple(F.normalize(total.squeeze(2), dim=1) for total in sums)


class Pocket(nn.Module):
    """The whole encoder: uint8 pictures (n, 320, 320, 3) to unit-length embeddings (n, dims)."""

    def __init__(self, backbone: Backbone, head: SaliencyHead, reader: Reader) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.means = [torch.from_numpy(mean) for mean in reader.means]
        self.matrix = torch.from_numpy(reader.matrix)

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings of upright RGB pictures."""
        maps = self.backbone(normalised(pictures.permute(0, 3, 1, 2).float() / 255))
        parts = pooled(maps, torch.sigmoid(self.head(maps)))
        centred = [
            F.normalize(vectors - mean, dim=1) * part.share
            for vectors, mean, part in zip(parts, self.means, PARTS, strict=True)
        ]
        return F.normalize(torch.cat(centred, dim=1) @ self.matrix, dim=1)
