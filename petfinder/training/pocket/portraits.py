"""What a pet is searched by: its photos, its portrait, and other ways to make portraits that are tried beside it.

Each way takes a pet's photo embeddings (n, dims) and their sharpness (n,), and gives the looks (m, dims) of which the
nearest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.vectors import Matrix, mean_direction
from petfinder.evaluation.metrics import Numbers

_SHARPNESS_SIDE = 256
_LEAST_FOR_TWO = 4
_ROUNDS = 10

Looks = Callable[[Matrix, Numbers], Matrix]


def photos_alone(photos: Matrix, sharpness: Numbers) -> Matrix:
    """What a pet is searched by: its photos."""
    return photos


def portrait_alone(photos: Matrix, sharpness: Numbers) -> Matrix:
    """Its portrait only; the photo where it has but one."""
    return _mean(photos, np.ones(len(photos)))


def photos_and_portrait(photos: Matrix, sharpness: Numbers) -> Matrix:
    """Its photos and, from two on, its portrait: what a registry does."""
    return _and_mean(photos, np.ones(len(photos)))


def sharp_portrait(photos: Matrix, sharpness: Numbers) -> Matrix:
    """Its photos and a portrait to which sharp photos add more."""
    return _and_mean(photos, sharpness)


def central_portrait(photos: Matrix, sharpness: Numbers) -> Matrix:
    """Its photos and a portrait to which photos add more that resemble its others."""
    others = max(1, len(photos) - 1)
    return _and_mean(photos, np.maximum(((photos @ photos.T).sum(axis=1) - 1) / others, 1e-3))


def two_portraits(photos: Matrix, sharpness: Numbers) -> Matrix:
    """Its photos, its portrait and, from four photos on, a portrait of each half that 2-means finds."""
    whole = photos_and_portrait(photos, sharpness)
    if len(photos) < _LEAST_FOR_TWO:
        return whole
    halves = _halves(photos)
    return np.concatenate([whole, *(_mean(photos[half], np.ones(int(half.sum()))) for half in (halves, ~halves))])


def _mean(photos: Matrix, weights: Numbers) -> Matrix:
    face = mean_direction(photos * np.asarray(weights, dtype=np.float32)[:, np.newaxis])
    return photos[:1] if face is None else face[np.newaxis]


def _and_mean(photos: Matrix, weights: Numbers) -> Matrix:
    return photos if len(photos) < 2 else np.concatenate([photos, _mean(photos, weights)])


def _halves(photos: Matrix) -> NDArray[np.bool_]:
    """Which of the photos (n,) are nearer to the first of two middles, begun at the two photos least alike."""
    first, second = np.unravel_index(np.argmin(photos @ photos.T), (len(photos), len(photos)))
    middles = photos[[first, second]]
    nearer: NDArray[np.bool_] = np.zeros(len(photos), dtype=np.bool_)
    for _ in range(_ROUNDS):
        nearer = photos @ middles[0] >= photos @ middles[1]
        if nearer.all() or not nearer.any():
            break
        middles = np.concatenate([_mean(photos[half], np.ones(int(half.sum()))) for half in (nearer, ~nearer)])
    return nearer


WAYS: Mapping[str, Looks] = {
    "photos and portrait": photos_and_portrait,
    "portrait alone": portrait_alone,
    "photos alone": photos_alone,
}
TRIED: Mapping[str, Looks] = {
    "photos and portrait": photos_and_portrait,
    "sharp portrait": sharp_portrait,
    "central portrait": central_portrait,
    "two portraits more": two_portraits,
}


def sharpness_of(picture: Image.Image) -> float:
    """The spread of the picture's Laplacian, at 256 pixels a side: how much fine detail there is."""
    grey = np.asarray(picture.convert("L").resize((_SHARPNESS_SIDE, _SHARPNESS_SIDE)), np.float32)
    inside = grey[1:-1, 1:-1]
    return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inside).std())
