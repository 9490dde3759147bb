"""How good is it: an encoder tried on pets whose photos one has, or a registry as it is.

Every photo is taken out once and looked for among all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from petfinder.domain.errors import ConfigError, EncoderError, InvalidQuery, PetfinderError, PhotoError
from petfinder.domain.pets import Box, Dog, Pet, Photo
from petfinder.domain.reports import Failure
from petfinder.domain.vectors import Matrix, nearest_rows
from petfinder.encoders.base import Encoder, encode
from petfinder.evaluation import metrics
from petfinder.evaluation.calibration import SEED, Estimate, found_at, mean_over_animals, measure_thresholds
from petfinder.evaluation.likelihood import likelihood_of, registry_searches
from petfinder.evaluation.metrics import Labelled, Rows, leave_one_out_registered
from petfinder.evaluation.result import FOUND, MEAN_PRECISION, RANK1, RANK5, Evaluation, Latency
from petfinder.photos.read import DEFAULT_LIMITS, PhotoLimits, read_photo
from petfinder.registry.encoder_choice import as_encoder
from petfinder.registry.finder import PetFinder
from petfinder.registry.progress import progress_bar
from petfinder.registry.registry import Registry
from petfinder.registry.repository import PetRepository
from petfinder.tables.folders import AnyPath, as_path
from petfinder.tables.readers import Grouping, read_folder

BOX_MARGIN = 0.02  # share of the photo by which a box is widened before the pet is painted out: fur passes its edge
GREY = (128, 128, 128)
REMEDY = "Make a sub-folder for each pet and put all its photos there"
_TIMED_SEARCHES = 50
_PAIRS = 10_000_000  # photos compared at once at most: what is computed from them takes some 25 bytes a pair
_FEWEST = 500  # query photos that a large collection is tried with at least


def evaluate_folder(
    folder: AnyPath,
    encoder: str | Encoder | None = None,
    *,
    by: Grouping = "pet",
    boxes: Mapping[str, Box] | None = None,
    limits: PhotoLimits = DEFAULT_LIMITS,
    progress: bool | None = None,
) -> Evaluation:
    """Measure an encoder on a folder of photos in which each sub-folder is a pet; `by` as in `petfinder.read_folder`.

    `encoder` is one or its name; None: the one that is set, else the built-in one. `boxes` says where the pet is, by
    the photo's path in the folder, for the background control (photos are encoded whole all the same). `progress`: a
    bar or none; None decides by itself. Raises ConfigError for what is no folder, and InvalidQuery where fewer than
    two pets have two photos.
    """
    samples = read_samples(folder, by=by, boxes=boxes)
    [trial] = try_encoders(samples, [as_encoder(encoder)], limits=limits, progress=progress)
    if isinstance(trial, PetfinderError):
        raise trial
    return trial.evaluation


def evaluate_registry(registered: PetFinder[Any] | PetRepository[Any] | Registry) -> Evaluation:
    """Measure how well the pets of a registry are told apart: `evaluate_registry(registry.dogs)`. Reads no photo.

    Of a whole registry the one species is measured of which there are pets; InvalidQuery where there are several.
    Takes the embeddings that the index keeps, so no encoder is loaded; there is no background control and no time to
    decode and encode, and photos that wait for an embedding are left out (`notes` says so). A repository will do.
    Raises InvalidQuery where fewer than two pets have two photos with an embedding.
    """
    if isinstance(registered, Registry):
        registered = registered.only_service()
    if not isinstance(registered, (PetFinder, PetRepository)):
        raise InvalidQuery("evaluate_registry takes a registry, or its dogs or cats")
    kept = registered.embeddings()
    repository = registered.repository if isinstance(registered, PetFinder) else registered
    encoder = repository.spec.encoder or "embeddings given"
    where = f"index {repository.index!r}"
    check_enough(kept.pet_ids, where, remedy="Give pets that are registered a second photo: add_photo")
    photos = Labelled(np.array(kept.pet_ids, dtype=np.str_), kept.matrix)
    notes = ["measured on the embeddings that the index keeps: no background control, no time to decode and encode"]
    if pending := repository.store.stats(repository.index).pending:
        notes.append(f"photos left out that wait for their embedding: {pending}; have them embedded first")
    evaluation = measured(photos, encoder=encoder, where=f"{where}, ").evaluation
    return replace(evaluation, notes=(*notes, *evaluation.notes))


class _Sample(NamedTuple):
    pet_id: str
    photo: Photo
    box: Box | None


@dataclass(frozen=True)
class Samples:
    """Photos whose pet is known, of one species; `where` they come from, and what could not be taken in."""

    where: str
    photos: tuple[_Sample, ...]
    failures: tuple[Failure, ...]


def read_samples(folder: AnyPath, *, by: Grouping = "pet", boxes: Mapping[str, Box] | None = None) -> Samples:
    """The photos of a folder in which each sub-folder is a pet, as `evaluate_folder` takes them."""
    root = as_path(folder)
    box_of = {(root / name).resolve(): box for name, box in (boxes or {}).items()}
    items = [*read_folder(root, Dog, by=by)]
    samples = [
        _Sample(pet.pet_id, photo, box_of.get(Path(photo.uri or "").resolve()))
        for pet in items
        if isinstance(pet, Pet)
        for photo in pet.photos
    ]
    return Samples(str(root), tuple(samples), tuple(item for item in items if isinstance(item, Failure)))


@dataclass(eq=False)
class _Run:
    """What one encoder made of the photos, in the order in which they were read, or the error that ended it."""

    encoder: Encoder
    rows: list[Matrix] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    error: PetfinderError | None = None

    def add(self, picture: Image.Image) -> None:
        started = perf_counter()
        try:
            self.rows.append(encode(self.encoder, [picture]))
        except (EncoderError, ConfigError) as error:
            self.error = error
        self.seconds.append(perf_counter() - started)


@dataclass(frozen=True, eq=False)
class Trial:
    """An encoder's evaluation and what stands behind its means: the value of each query photo (q,) by measure.

    `ids` (q,) names the query photos' pets, in the same order for every encoder tried on the same samples.
    """

    evaluation: Evaluation
    ids: NDArray[np.str_]
    values: Mapping[str, NDArray[np.float64]]


def try_encoders(
    samples: Samples, encoders: Sequence[Encoder], *, limits: PhotoLimits = DEFAULT_LIMITS, progress: bool | None = None
) -> list[Trial | PetfinderError]:
    """Try encoders on the same photos, each decoded once; an encoder that fails is its error in the list.

    Raises InvalidQuery where fewer than two pets have two photos.
    """
    check_enough([sample.pet_id for sample in samples.photos], samples.where, remedy=REMEDY)
    kept: dict[tuple[str, str], _Sample] = {}  # the same file twice would find itself
    runs, decoding, unreadable = [_Run(encoder) for encoder in encoders], [], []
    with progress_bar(progress, what="evaluating", unit="photos", total=len(samples.photos)) as bar:
        for sample in samples.photos:
            bar.update()
            started = perf_counter()
            try:
                picture = read_photo(sample.photo, limits=limits)
            except PhotoError as error:
                unreadable.append(Failure(sample.pet_id, error, photo=sample.photo.uri))
                continue
            if (sample.pet_id, picture.photo_id) in kept:
                continue
            kept[sample.pet_id, picture.photo_id] = sample
            decoding.append(perf_counter() - started)
            for run in runs:
                if run.error is None:
                    run.add(picture.image)
    unread = f" ({len(unreadable)} photos could not be read)" if unreadable else ""
    there, failures = [*kept.values()], (*samples.failures, *unreadable)
    if any(run.error is None for run in runs):
        check_enough([sample.pet_id for sample in there], samples.where + unread, remedy=REMEDY)
    return [run.error or _trial(run, there, decoding, failures, limits) for run in runs]


def _trial(
    run: _Run, samples: Sequence[_Sample], decoding: Sequence[float], failures: tuple[Failure, ...], limits: PhotoLimits
) -> Trial:
    photos = Labelled(np.array([sample.pet_id for sample in samples]), np.concatenate(run.rows))
    trial = measured(photos, encoder=run.encoder.name)
    decode, encode = (float(np.median(seconds)) * 1000 for seconds in (decoding, run.seconds))
    latency = replace(trial.evaluation.latency, decode=decode, encode=encode)
    background = _background(photos, samples, run.encoder, limits)
    evaluation = replace(trial.evaluation, latency=latency, background=background, failures=failures)
    return replace(trial, evaluation=evaluation)


def painted_out(picture: Image.Image, box: Box) -> Image.Image:
    """A copy of the picture with grey where the pet is: its box, widened by BOX_MARGIN of the picture on every side."""
    copy = picture.copy()
    corners = (box.x - BOX_MARGIN, box.y - BOX_MARGIN, box.x + box.w + BOX_MARGIN, box.y + box.h + BOX_MARGIN)
    scale = (picture.width, picture.height, picture.width, picture.height)
    ImageDraw.Draw(copy).rectangle([corner * side for corner, side in zip(corners, scale, strict=True)], fill=GREY)
    return copy


def _background(photos: Labelled, samples: Sequence[_Sample], encoder: Encoder, limits: PhotoLimits) -> Estimate | None:
    """Rank-1 of the query photos whose box is known with the pet painted out of the whole photo."""
    erased: dict[int, Matrix] = {}
    for row in photos.with_positives().tolist():
        if box := samples[row].box:
            whole = read_photo(samples[row].photo.model_copy(update={"box": None}), limits=limits)
            erased[row] = encode(encoder, [painted_out(whole.image, box)])[0]
    if not erased:
        return None
    ranking = leave_one_out_registered(photos, queries=np.array([*erased]), seen_as=np.array([*erased.values()]))
    return mean_over_animals(ranking.within(1), ranking.ids)


def measured(photos: Labelled, *, encoder: str, where: str = "") -> Trial:
    """Every photo taken out once and looked for among all others, as a registry of just these pets would do.

    Of more than some 3,000 photos only those of some pets, drawn with a fixed seed, are looked for; `notes` says so.
    `encoder` names what made the embeddings, `where` begins the thresholds' source. What these cannot tell is None.
    """
    every = photos.with_positives()
    queries = _drawn(photos.ids, every, most=max(_FEWEST, _PAIRS // len(photos)))
    some = len(queries) < len(every)
    note = f"{len(queries):,} of {len(every):,} photos, drawn by pet, were looked for among all others"
    ranking = leave_one_out_registered(photos, queries=queries)
    found = found_at(ranking, ranking)
    values = {
        RANK1: ranking.within(1).astype(np.float64),
        RANK5: ranking.within(5).astype(np.float64),
        MEAN_PRECISION: metrics.average_precision(photos, queries=queries).astype(np.float64),
        FOUND: ranking.found(found.threshold).astype(np.float64),
    }
    shares = [mean_over_animals(values[measure], ranking.ids) for measure in (RANK1, RANK5, MEAN_PRECISION)]
    pets = np.unique(photos.ids).size
    source = f"petfinder.evaluate with {encoder} on {where}{len(photos)} photos of {pets} pets"
    thresholds = measure_thresholds(photos.at(queries) if some else photos, photos, source=source)
    likelihood = likelihood_of(registry_searches(photos, queries=queries if some else None))
    evaluation = Evaluation(
        encoder=encoder,
        pets=pets,
        photos=len(photos),
        queries=len(queries),
        rank1=shares[0],
        rank5=shares[1],
        mean_precision=shares[2],
        errors=metrics.error_rates(*metrics.pair_similarities(photos, queries=queries)),
        found=found,
        background=None,
        latency=Latency(decode=None, encode=None, search=_search_ms(photos)),
        thresholds=thresholds.model_copy(update={"likelihood": likelihood}),
        ranking=ranking,
        notes=(note,) if some else (),
    )
    return Trial(evaluation, ranking.ids, values)


def _drawn(ids: NDArray[np.str_], queries: Rows, *, most: int) -> Rows:
    """The query photos of as many pets as have at most so many, drawn with a fixed seed; all where these are few."""
    pets, places, counts = np.unique(ids[queries], return_inverse=True, return_counts=True)
    order = np.random.default_rng(SEED).permutation(len(pets))
    chosen = order[np.cumsum(counts[order]) <= most]
    return queries[np.isin(places, chosen)]


def check_enough(pet_ids: Sequence[str], where: str, *, remedy: str) -> None:
    """Raise InvalidQuery where fewer than two pets have two photos; `pet_ids` names the pet of each photo."""
    pets, counts = np.unique(np.array(pet_ids, dtype=np.str_), return_counts=True)
    several = int((counts > 1).sum())
    if several < 2:
        there = f"{where}: {len(pets)} pets with photos, {several} of them with two or more"
        raise InvalidQuery(f"an evaluation needs two photos each of at least two pets; {there}. {remedy}")


def _search_ms(photos: Labelled) -> float:
    """How long the first photos take to be looked for among all pets, one after the other: the median."""
    gallery = metrics.registered(photos)
    seconds = []
    for embedding in photos.embeddings[:_TIMED_SEARCHES]:
        started = perf_counter()
        nearest_rows(gallery.similarities(embedding[np.newaxis])[0], 5)
        seconds.append(perf_counter() - started)
    return float(np.median(seconds)) * 1000
