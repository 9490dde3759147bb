"""Tuning an encoder on one's own pets: their photos and changed views of them give a matrix, tried on other pets.

A result that is not better than the encoder was is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from typing import NamedTuple

import numpy as np
from PIL import Image

from petfinder.domain.errors import ConfigError, InvalidQuery, PhotoError
from petfinder.domain.pets import Pet, Photo
from petfinder.domain.reports import Failure, Ignored
from petfinder.encoders.base import Encoder, encode, identity_of
from petfinder.encoders.tuned import ModelCard, Tuned, is_tuned_name
from petfinder.evaluation.evaluate import REMEDY
from petfinder.photos.read import DEFAULT_LIMITS, PhotoLimits, read_photo
from petfinder.registry.embed import in_parallel
from petfinder.registry.progress import progress_bar
from petfinder.training.fit import Views, fit
from petfinder.training.trial import LEAST_GAIN, REPEATS, Trial, try_on_other_pets
from petfinder.training.views import changed_views

VIEWS = 3
SHORT_DIMS = 512  # to which embeddings are cut where photos, even half of them, are enough to tell what to keep
PHOTOS_A_DIM = 4
SEED = 1
MIN_PETS = 8  # with several photos each: four to fit on and four to try it on
MIN_PHOTOS = 30


class Tuning(NamedTuple):
    """The tuned encoder, to be saved, and each photo that could not be used."""

    tuned: Tuned
    failures: tuple[Failure, ...]


def tune_pets(
    pets: Iterable[Pet | Failure | Ignored],
    encoder: Encoder,
    *,
    views: int = VIEWS,
    dims: int | None = None,
    limits: PhotoLimits = DEFAULT_LIMITS,
    progress: bool | None = None,
    on_failure: Callable[[Failure], object] = lambda failure: None,
) -> Tuning:
    """Tune an encoder on pets of one species with their photos, as `read_csv` gives them or made by hand.

    Each photo is cut to its box where it has one. `views`: changed copies made of each, 1 to 20. `dims`: of the new
    embeddings; None for the encoder's, or 512 from 2,048 photos on. `progress`: a bar or none; None decides by itself.
    `on_failure` is given each photo that cannot be used. Raises InvalidQuery where there are too few photos or several
    species, and where pets that the matrix was not fitted on are not found better by it, with the figures of both.
    """
    _check(encoder, views, dims)
    items = list(pets)
    failures = [item for item in items if isinstance(item, Failure)]
    photos = [(pet.pet_id, photo) for pet in items if isinstance(pet, Pet) for photo in pet.photos]
    for failure in failures:
        on_failure(failure)
    _check_enough([pet_id for pet_id, _ in photos])
    species = sorted({pet.species for pet in items if isinstance(pet, Pet)})
    if len(species) > 1:
        raise InvalidQuery(f"an encoder is tuned on one species, for which its thresholds then hold; not {species}")
    seen, unreadable = _encoded(photos, encoder, views, limits, progress)
    for failure in unreadable:
        on_failure(failure)
    _check_enough(seen.ids.tolist(), unreadable=len(unreadable))
    shorter = dims or (encoder.dims if len(seen) < PHOTOS_A_DIM * SHORT_DIMS else min(encoder.dims, SHORT_DIMS))
    how = f"each half of the pets held out, {REPEATS} times anew, the strictest kept"
    source = f"petfinder train with {encoder.name} on {len(seen)} photos: {how}"
    trial = try_on_other_pets(seen, dims=shorter, seed=SEED, source=source)
    if not trial.better:
        raise InvalidQuery(_refusal(encoder, trial))
    normaliser = fit(seen, dims=shorter, ridges=(trial.ridge,))[trial.ridge]
    counts = len(seen.rows_of_pets), sum(len(rows) > 1 for rows in seen.rows_of_pets), len(seen)
    card = ModelCard(*counts, views, trial.ridge, trial.before, trial.after, *astuple(trial.gain))
    tuned = Tuned(identity_of(encoder), normaliser, species[0], trial.thresholds, card)
    return Tuning(tuned, (*failures, *unreadable))


def _check(encoder: Encoder, views: int, dims: int | None) -> None:
    if is_tuned_name(encoder.name):
        raise ConfigError(f"{encoder.name} is tuned already: tune the encoder that lies below it, on all your photos")
    if not 1 <= views <= 20:
        raise ConfigError(f"1 to 20 changed views are made of each photo, not {views}")
    if dims is not None and not 2 <= dims <= encoder.dims:
        raise ConfigError(f"{encoder.name} has {encoder.dims} dims, and tuning keeps 2 to all of them, not {dims}")


def _check_enough(pet_ids: Sequence[str], *, unreadable: int = 0) -> None:
    _, counts = np.unique(np.array(pet_ids, dtype=np.str_), return_counts=True)
    several = int((counts > 1).sum())
    if several < MIN_PETS or len(pet_ids) < MIN_PHOTOS:
        unread = f" ({unreadable} photos could not be read)" if unreadable else ""
        raise InvalidQuery(
            f"tuning needs {MIN_PHOTOS} photos and {MIN_PETS} pets with two photos or more; here are {len(pet_ids)}"
            f" photos of {len(counts)} pets, {several} of them with two or more{unread}. {REMEDY}"
        )


def _refusal(encoder: Encoder, trial: Trial) -> str:
    gain = trial.gain
    return (
        f"tuning {encoder.name} on these photos does not make it better, so nothing was made. Before: {trial.before}."
        f" After: {trial.after}. mAP {gain.value:+.1%} ({gain.low:+.1%} to {gain.high:+.1%}); it must rise by"
        f" {LEAST_GAIN:.1%} and beyond chance, and rank-1 must not fall. More pets with several photos each may help"
    )


def _encoded(
    photos: Sequence[tuple[str, Photo]], encoder: Encoder, views: int, limits: PhotoLimits, progress: bool | None
) -> tuple[Views, list[Failure]]:
    """The photos with their views as embeddings; photos are read a few ahead, so that the encoder need not wait."""

    def read(place: int) -> tuple[str, tuple[Image.Image, ...]] | Failure:
        pet_id, photo = photos[place]
        try:
            picture = read_photo(photo, limits=limits)
        except PhotoError as error:
            return Failure(pet_id, error, photo=photo.uri)
        changed = changed_views(picture.image, views, np.random.default_rng([SEED, place]))
        return picture.photo_id, (picture.image, *changed)

    failures, embeddings = [], {}
    with progress_bar(progress, what="looking", unit="photos", total=len(photos)) as bar:
        for (pet_id, _), result in zip(photos, in_parallel(read, range(len(photos))), strict=True):
            bar.update()
            if isinstance(result, Failure):
                failures.append(result)
                continue
            photo_id, pictures = result
            if (pet_id, photo_id) not in embeddings:  # the same file twice would find itself
                embeddings[pet_id, photo_id] = encode(encoder, pictures)
    stacked = np.stack([*embeddings.values()]) if embeddings else np.empty((0, 1 + views, encoder.dims), np.float32)
    return Views(np.array([pet_id for pet_id, _ in embeddings], dtype=np.str_), stacked), failures
