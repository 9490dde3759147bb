"""How the encoder reads its backbone: maps of three depths pooled under the saliency, then one matrix.

A map is read in two ways: what its cells show on average, and how they vary together (a coat's texture and markings).
Axes and matrix are fitted in closed form.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from petfinder.encoders import projection
from petfinder.training.pocket.augment import BATCH, Lessons, as_tensor
from petfinder.training.pocket.network import TEXTURE_8, TEXTURE_16, TOP_32, Backbone, as_stored
from petfinder.training.pocket.photos import Pictures
from petfinder.training.pocket.saliency import SaliencyHead, masks_at

Array = NDArray[np.float32]
Wide = NDArray[np.float64]


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


AVERAGES = (Part(TOP_32, 1.0, 0.1), Part(TEXTURE_16, 1.0, 0.02), Part(TEXTURE_8, 0.5, 0.02))
COVARIANCES = (Part(TEXTURE_8, 0.7, 0.02, axes=40),)
PARTS = (*AVERAGES, *COVARIANCES)
"""Shares were chosen on the choosing halves of the benches: what the pet is, then its coat at two scales."""

ROOT_FLOOR = 1e-5
"""Under the signed square root of a part's numbers: keeps its slope finite, so that rounding stays small."""

AXES_EVENED = 0.25
"""Power of a direction's variance that is divided out: half way between as it is (0) and all alike (0.5)."""

RIDGE = 8.0
"""Added to the scatter whose mean eigenvalue is 1; chosen there too, as are the next two. Less helps bad photos."""

EVENED = 0.4
"""Power of a direction's second moment that is divided out after it."""

POSITIVES_WEIGHT = 1.0
"""Weight of photos of one animal in the scatter, beside that of the changed views (1)."""

_bar = partial(tqdm, unit="batch", leave=False)
_AXES_EVERY = 12  # 400 of the shared photos, with some hundred cells each, place 56 directions well


@dataclass(frozen=True)
class Axes:
    """The directions in which a map's cells are compared: `middle` (channels,) and `directions` (channels, axes)."""

    middle: Array
    directions: Array


@dataclass(frozen=True)
class Projection:
    """What is fitted after the network: the mean of each part over the training photos, and the matrix."""

    means: tuple[Array, ...]
    matrix: Array


class Reading(nn.Module):
    """Pictures to the parts of their embeddings, before centring: what the matrix is fitted on."""

    def __init__(self, backbone: Backbone, head: SaliencyHead, axes: Sequence[Axes]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.middles = constants(one.middle for one in axes)
        self.directions = constants(one.directions for one in axes)

    def maps(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The feature maps of uint8 pictures (n, h, w, 3) by tap, and the saliency (n, 1, h, w) in 0-1 at stride 16."""
        maps: dict[str, Tensor] = self.backbone(pictures.permute(0, 3, 1, 2).float() / 255)
        return maps, torch.sigmoid(self.head(maps))

    def forward(self, pictures: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The `PARTS` of upright RGB pictures, uint8 (n, h, w, 3): each unit length, (n, its numbers); the saliency.

        The saliency (n, 1, h, w) is in 0-1, at stride 16.
        """
        maps, saliency = self.maps(pictures)
        axes = zip(self.middles, self.directions, strict=True)
        parts = (*pooled(maps, saliency), *covariances(maps, saliency, list(axes)))
        return tuple(rooted(part) for part in parts), saliency


def constants(arrays: Iterable[Array]) -> nn.ParameterList:
    """Arrays that belong to a module and are not trained."""
    return nn.ParameterList([nn.Parameter(torch.from_numpy(array), requires_grad=False) for array in arrays])


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


def covariances(maps: dict[str, Tensor], saliency: Tensor, axes: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
    """Each covariance as a unit-length vector (n, axes (axes + 1) / 2): the upper triangle, row by row.

    `axes`: the middle and the directions of each. Second-order pooling (Carreira et al., ECCV 2012).
    """
    weights = weights_at(saliency)
    found = []
    for part, (middle, directions) in zip(COVARIANCES, axes, strict=True):
        cells = directions.T @ maps[part.tap].flatten(2) - (middle @ directions)[:, None]
        together = (cells * (weights[part.tap] + part.floor).flatten(2)) @ cells.transpose(1, 2)
        size = int(directions.shape[1])
        rows, columns = np.triu_indices(size)
        upper = torch.from_numpy(rows * size + columns)
        found.append(F.normalize(together.flatten(1).index_select(1, upper), dim=1))
    return tuple(found)


def rooted(vectors: Tensor) -> Tensor:
    """The signed square root of every number, unit length: strong channels drown weak ones less (Perronnin, 2010)."""
    return F.normalize(vectors / (vectors.abs() + ROOT_FLOOR).sqrt(), dim=1)


def parts_of(reading: Reading, batches: Iterable[Pictures], *, photos: int) -> list[Array]:
    """Each part (photos, its numbers) of pictures that come in batches, with a bar."""
    with torch.inference_mode():
        return _stacked(
            reading(torch.from_numpy(np.array(batch)))[0] for batch in _bar(batches, total=-(-photos // BATCH))
        )


def starting_parts(start: Backbone, lessons: Lessons) -> list[Array]:
    """The averages (n, channels) of the whole photos by the starting network, under the masks that come with them."""
    masks = torch.from_numpy(masks_at(lessons.places.masks, lessons.pets.shape[1] // 16)).unsqueeze(1)
    batches = zip(_bar(lessons.clean()), torch.split(masks, BATCH), strict=True)
    with torch.inference_mode():
        return _stacked(pooled(start(as_tensor(batch)), under) for batch, under in batches)


def learn_axes(network: Backbone, head: SaliencyHead, lessons: Lessons) -> tuple[Axes, ...]:
    """The axes of each covariance, from every so many of the pets as they are."""
    pets = lessons.pets[::_AXES_EVERY]
    reading = Reading(network, head, ())
    moments = [Moments(part) for part in COVARIANCES]
    with torch.inference_mode():
        for batch in _bar([pets[at : at + BATCH] for at in range(0, len(pets), BATCH)]):
            maps, saliency = reading.maps(torch.from_numpy(np.array(batch)))
            weights = weights_at(saliency)
            for moment in moments:
                moment.add(maps[moment.part.tap].numpy(), weights[moment.part.tap].numpy())
    return tuple(moment.axes() for moment in moments)


class Moments:
    """The mean and the second moment of a map's cells where the pets are, every photo weighing the same."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.photos = 0
        self.first: Wide = np.zeros(())
        self.second: Wide = np.zeros(())

    def add(self, maps: Array, saliency: Array) -> None:
        """Count in the maps (n, channels, h, w) of some photos under their saliency (n, 1, h, w)."""
        weights = saliency.reshape(len(saliency), 1, -1) + self.part.floor
        weights = weights / weights.sum(axis=2, keepdims=True)
        cells = maps.reshape(*maps.shape[:2], -1)
        weighted = cells * weights
        self.photos += len(maps)
        self.first = self.first + weighted.sum(axis=(0, 2), dtype=np.float64)
        self.second = self.second + np.matmul(weighted, cells.transpose(0, 2, 1)).sum(axis=0, dtype=np.float64)

    def axes(self) -> Axes:
        """The principal directions of the cells, in closed form."""
        middle = self.first / self.photos
        variances, directions = np.linalg.eigh(self.second / self.photos - np.outer(middle, middle))
        strongest = directions[:, ::-1][:, : self.part.axes]
        spread = np.maximum(variances[::-1][: self.part.axes], np.finfo(np.float64).tiny)
        scaled = np.ascontiguousarray(strongest / spread**AXES_EVENED, dtype=np.float32)
        return Axes(middle.astype(np.float32), as_stored(scaled))


def joined_parts(parts: Sequence[Array], means: Sequence[Array]) -> Wide:
    """The parts of photos, or the first of them, joined to one row each: centred, unit length, times the share."""
    return np.concatenate(
        [
            projection.unit_rows(vectors.astype(np.float64) - mean) * part.share
            for vectors, mean, part in zip(parts, means, PARTS[: len(parts)], strict=True)
        ],
        axis=1,
    )


def means_of(clean: Sequence[Array]) -> tuple[Array, ...]:
    """The mean (channels,) of each part (n, channels) over the photos."""
    return tuple(part.mean(axis=0, dtype=np.float64).astype(np.float32) for part in clean)


def fit_matrix(
    photos: Wide,
    views: Sequence[Wide],
    positives: Sequence[NDArray[np.intp]],
    *,
    dims: int,
    ridge: float = RIDGE,
    evened: float = EVENED,
) -> Wide:
    """The matrix (width, dims) from joined parts (n, width) of photos and of each changed view of them, in one order.

    `positives` are the rows of photos of one animal.
    """
    scatter = projection.views_scatter([photos, *views])
    if positives:
        scatter = scatter + POSITIVES_WEIGHT * projection.positives_scatter(photos, positives)
    whole = projection.inverse_root(projection.spectrum(scatter), ridge=ridge)
    return projection.cut(whole, photos, dims=dims, evened=evened)


def fit_projection(
    clean: Sequence[Array],
    views: Sequence[Sequence[Array]],
    positives: Sequence[NDArray[np.intp]],
    *,
    dims: int,
) -> Projection:
    """Means and matrix from each part (n, channels) of the photos as they are, and of changed views of each."""
    means = means_of(clean)
    changed = [joined_parts(view, means) for view in views]
    matrix = fit_matrix(joined_parts(clean, means), changed, positives, dims=dims)
    return Projection(means, as_stored(np.ascontiguousarray(matrix, dtype=np.float32)))


def _stacked(batches: Iterable[Sequence[Tensor]]) -> list[Array]:
    return [torch.cat(outputs).numpy() for outputs in zip(*batches, strict=True)]
