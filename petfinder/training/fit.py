"""From embeddings of pets' photos and of changed views of them to a matrix that makes less of the changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.encoders import projection
from petfinder.encoders.projection import POSITIVES_WEIGHT, Normaliser, unit_rows
from petfinder.evaluation.metrics import Labelled, Rows

RIDGES = (1.0, 4.0, 16.0)
"""The strengths that are tried: the larger the ridge, the less the matrix changes."""

_NOTHING = 1e-9  # a mean squared change below it is rounding


@dataclass(frozen=True, eq=False)
class Views:
    """Photos of the pets `ids` (n,): `embeddings` (n, 1 + views, dims) of each as it is and of its changed views."""

    ids: NDArray[np.str_]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Rows | NDArray[np.bool_]) -> Views:
        """Some of the photos, each with its views."""
        return Views(self.ids[rows], self.embeddings[rows])

    @cached_property
    def photos(self) -> Labelled:
        """The photos as they are."""
        return Labelled(self.ids, self.embeddings[:, 0])

    @cached_property
    def rows_of_pets(self) -> list[Rows]:
        """The positions of each pet's photos, pet by pet in the order of their ids."""
        return [np.flatnonzero(self.ids == pet) for pet in np.unique(self.ids)]


def fit(views: Views, *, dims: int, ridges: tuple[float, ...] = RIDGES) -> dict[float, Normaliser]:
    """For each ridge what it makes of these photos: at most `dims` dims, where changes of one pet count less.

    The mean is that of the pets, so that one with many photos weighs no more. Pets with several photos add how their
    photos differ to how views of one photo do. Raises InvalidQuery where the embeddings do not differ at all.
    """
    rows = unit_rows(views.embeddings.reshape(-1, views.embeddings.shape[2]).astype(np.float64))
    by_view = rows.reshape(views.embeddings.shape).swapaxes(0, 1)
    mean = np.mean([by_view[0][pet].mean(axis=0) for pet in views.rows_of_pets], axis=0).astype(np.float32)
    centred = [unit_rows(view - mean) for view in by_view]
    if np.var(np.stack(centred), axis=0).sum() < _NOTHING:
        raise InvalidQuery("this encoder gives a photo and changed views of it one embedding: nothing can be learned")
    scatter = projection.views_scatter(centred)
    several = [pet for pet in views.rows_of_pets if len(pet) > 1]
    if sum(float(np.var(centred[0][pet], axis=0).sum()) for pet in several) > _NOTHING:
        scatter = scatter + POSITIVES_WEIGHT * projection.positives_scatter(centred[0], several)
    scaled = projection.spectrum(scatter)

    def matrix(ridge: float) -> NDArray[np.float32]:
        whole = projection.inverse_root(scaled, ridge=ridge)
        shorter = projection.cut(whole, centred[0], dims=dims) if dims < len(whole) else whole
        return np.ascontiguousarray(shorter, dtype=np.float32)

    return {ridge: Normaliser(mean, matrix(ridge)) for ridge in ridges}
