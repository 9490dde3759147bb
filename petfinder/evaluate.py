"""How good is it: an encoder tried on pets whose photos one has, as a registry of just these pets would do.

Knows photos, encoders and measures; no store. Every photo is taken out once and looked for among all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from petfinder.calibration import Estimate, found_at, mean_over_animals, measure_thresholds
from petfinder.encoders.port import Encoder, encode
from petfinder.errors import InvalidQuery, PhotoError
from petfinder.evaluation import Evaluation, Latency
from petfinder.intake import AnyPath, Grouping, read_folder
from petfinder.measures import (
    Labelled,
    Rows,
    average_precision,
    error_rates,
    leave_one_out_registered,
    pair_similarities,
    registered,
)
from petfinder.pets import Box, Dog, Pet, Photo
from petfinder.photos import DEFAULT_LIMITS, PhotoLimits, read_photo
from petfinder.progress import progress_bar
from petfinder.reports import Failure, Ignored
from petfinder.vectors import Matrix, nearest_rows

BOX_MARGIN = 0.02  # share of the photo by which a box is widened before the pet is painted out: fur passes its edge
GREY = (128, 128, 128)
_TIMED_SEARCHES = 50


def evaluate_folder(
    folder: AnyPath,
    encoder: Encoder,
    *,
    by: Grouping = "pet",
    boxes: Mapping[str, Box] | None = None,
    limits: PhotoLimits = DEFAULT_LIMITS,
    progress: bool | None = None,
) -> Evaluation:
    """Try an encoder on a folder of photos in which each sub-folder is a pet; `by` as in `petfinder.read_folder`.

    `boxes` says where the pet is, by the photo's path relative to the folder; with it the background control is made
    (photos are encoded whole all the same). `progress`: a bar or none; None decides by itself. Raises ConfigError for
    a path that is not a folder, and InvalidQuery where fewer than two pets have two photos.
    """
    root = Path(folder)
    places = {(root / name).resolve(): box for name, box in (boxes or {}).items()}
    incoming = list(read_folder(root, Dog, by=by))
    samples = [
        _Sample(pet.pet_id, photo, places.get(Path(photo.uri).resolve()) if photo.uri else None)
        for pet in incoming
        if isinstance(pet, Pet)
        for photo in pet.photos
    ]
    return _evaluate(samples, _failures(incoming), encoder, where=str(root), limits=limits, progress=progress)


def evaluate_pets(
    pets: Iterable[Pet | Failure | Ignored],
    encoder: Encoder,
    *,
    limits: PhotoLimits = DEFAULT_LIMITS,
    progress: bool | None = None,
) -> Evaluation:
    """Try an encoder on pets of one species with their photos, as `read_csv` gives them or made by hand.

    Each photo is cut to its box where it has one, as registration does; the background control paints that box out of
    the whole photo. Raises InvalidQuery as `evaluate_folder` does.
    """
    incoming = list(pets)
    samples = [
        _Sample(pet.pet_id, photo, photo.box) for pet in incoming if isinstance(pet, Pet) for photo in pet.photos
    ]
    return _evaluate(samples, _failures(incoming), encoder, where="these pets", limits=limits, progress=progress)


def _failures(incoming: Sequence[Pet | Failure | Ignored]) -> list[Failure]:
    return [item for item in incoming if isinstance(item, Failure)]


class _Sample(NamedTuple):
    pet_id: str
    photo: Photo
    box: Box | None


class _Encoded(NamedTuple):
    """The photos that could be used, their embeddings, and the seconds that each took to decode and to encode."""

    samples: list[_Sample]
    photos: Labelled
    seconds: list[tuple[float, float]]


def _evaluate(
    samples: Sequence[_Sample],
    failures: list[Failure],
    encoder: Encoder,
    *,
    where: str,
    limits: PhotoLimits,
    progress: bool | None,
) -> Evaluation:
    _check_enough([sample.pet_id for sample in samples], where)
    encoded, unreadable = _encode_all(samples, encoder, limits=limits, progress=progress)
    _check_enough([sample.pet_id for sample in encoded.samples], where, unreadable=len(unreadable))
    photos = encoded.photos
    queries = photos.with_mates()
    ranking = leave_one_out_registered(photos, queries=queries)
    precision = average_precision(photos, queries=queries)
    pets = len(np.unique(photos.ids))
    return Evaluation(
        encoder=encoder.name,
        pets=pets,
        photos=len(photos),
        queries=len(queries),
        rank1=mean_over_animals(ranking.within(1), ranking.ids),
        rank5=mean_over_animals(ranking.within(5), ranking.ids),
        mean_precision=mean_over_animals(precision, ranking.ids),
        errors=error_rates(*pair_similarities(photos, queries=queries)),
        found=found_at(ranking, ranking),
        background=_background(encoded, queries, encoder, limits=limits),
        latency=Latency(
            decode=_median_ms([decoding for decoding, _ in encoded.seconds]),
            encode=_median_ms([encoding for _, encoding in encoded.seconds]),
            search=_median_ms(_search_seconds(photos)),
        ),
        thresholds=measure_thresholds(
            photos, photos, source=f"petfinder.evaluate with {encoder.name} on {len(photos)} photos of {pets} pets"
        ),
        failures=(*failures, *unreadable),
    )


def _check_enough(pet_ids: Sequence[str], where: str, *, unreadable: int = 0) -> None:
    pets, counts = np.unique(np.array(pet_ids, dtype=np.str_), return_counts=True)
    several = int((counts > 1).sum())
    if several < 2:
        unread = f" ({unreadable} photos could not be read)" if unreadable else ""
        raise InvalidQuery(
            f"an evaluation needs two photos each of at least two pets; {where}: {len(pets)} pets with photos,"
            f" {several} of them with two or more{unread}. Make a sub-folder for each pet and put all its photos there"
        )


def _encode_all(
    samples: Sequence[_Sample], encoder: Encoder, *, limits: PhotoLimits, progress: bool | None
) -> tuple[_Encoded, list[Failure]]:
    kept: list[_Sample] = []
    embeddings: list[Matrix] = []
    seconds: list[tuple[float, float]] = []
    failures: list[Failure] = []
    seen: set[tuple[str, str]] = set()
    with progress_bar(progress, what="evaluating", unit="photos", total=len(samples)) as bar:
        for sample in samples:
            bar.update()
            started = perf_counter()
            try:
                picture = read_photo(sample.photo, limits=limits)
            except PhotoError as error:
                failures.append(Failure(sample.pet_id, error, photo=sample.photo.uri))
                continue
            decoded = perf_counter()
            # The same file twice would find itself.
            if (sample.pet_id, picture.photo_id) not in seen:
                seen.add((sample.pet_id, picture.photo_id))
                embeddings.append(encode(encoder, [picture.image]))
                seconds.append((decoded - started, perf_counter() - decoded))
                kept.append(sample)
    ids = np.array([sample.pet_id for sample in kept], dtype=np.str_)
    matrix = np.concatenate(embeddings) if embeddings else np.empty((0, encoder.dims), np.float32)
    return _Encoded(kept, Labelled(ids, matrix), seconds), failures


def painted_out(picture: Image.Image, box: Box) -> Image.Image:
    """A copy of the picture with grey where the pet is: its box, widened by BOX_MARGIN of the picture on every side."""
    copy = picture.copy()
    corners = (box.x - BOX_MARGIN, box.y - BOX_MARGIN, box.x + box.w + BOX_MARGIN, box.y + box.h + BOX_MARGIN)
    scale = (picture.width, picture.height, picture.width, picture.height)
    ImageDraw.Draw(copy).rectangle([corner * side for corner, side in zip(corners, scale, strict=True)], fill=GREY)
    return copy


def _background(encoded: _Encoded, queries: Rows, encoder: Encoder, *, limits: PhotoLimits) -> Estimate | None:
    boxed = [(row, box) for row in queries if (box := encoded.samples[row].box) is not None]
    if not boxed:
        return None
    rows = np.array([row for row, _ in boxed])
    wholes = (encoded.samples[row].photo.model_copy(update={"box": None}) for row in rows)
    pictures = (read_photo(photo, limits=limits).image for photo in wholes)
    erased = [
        encode(encoder, [painted_out(picture, box)])[0] for picture, (_, box) in zip(pictures, boxed, strict=True)
    ]
    ranking = leave_one_out_registered(encoded.photos, queries=rows, seen_as=np.array(erased))
    return mean_over_animals(ranking.within(1), ranking.ids)


def _median_ms(seconds: Sequence[float]) -> float:
    return float(np.median(seconds)) * 1000


def _search_seconds(photos: Labelled) -> list[float]:
    """How long the first photos take to be looked for among all pets, one after the other."""
    gallery = registered(photos)
    seconds = []
    for embedding in photos.embeddings[:_TIMED_SEARCHES]:
        started = perf_counter()
        nearest_rows(gallery.similarities(embedding[np.newaxis])[0], 5)
        seconds.append(perf_counter() - started)
    return seconds
