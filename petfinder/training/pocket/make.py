"""From photos and a starting network to the encoder's file, one step after the other.

Each step is kept in the folder `steps` and taken over by the next run while nothing that it depends on has changed.
The same photos, start and settings give the same file, on the same machine with the same number of threads, however
often the run was broken off.
"""

import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.training.pocket.augment import MILD, STRONG, Lessons
from petfinder.training.pocket.encoder import Pocket, difference_from_torch, write_encoder
from petfinder.training.pocket.finetune import CHECKPOINT_EVERY, mixed, targets_from, tune, untouched_weights
from petfinder.training.pocket.matrix import EVENED, RIDGE, Projection, fit_projection
from petfinder.training.pocket.network import Backbone, read_backbone
from petfinder.training.pocket.photos import (
    HELD_OUT_FILE,
    PetPlaces,
    PhotoFile,
    Split,
    picture_map,
    read_albums,
    read_held_out,
    read_manifest,
    read_places,
    split_photos,
)
from petfinder.training.pocket.reader import PARTS, Axes, Reading, learn_axes, parts_of, starting_parts
from petfinder.training.pocket.saliency import SaliencyHead, learn_head, saliency_maps
from petfinder.training.pocket.steps import (
    CHECKPOINT,
    Output,
    Step,
    Steps,
    Work,
    file_fingerprint,
    fingerprint,
    forget_all,
    replace_file,
)

ENCODER_FILE = "pocket-2.onnx"
STEPS_FOLDER = "steps"
CURVE_FILE = "learning_curve.csv"
TRAINING_FILE = "training.json"
START_FILE = "mobilenetv2_features.onnx"
PLACES_FILE = "targets.npz"
_PACKAGES = ("numpy", "onnx", "pillow", "torch")
_CHECKED_PHOTOS = 16

logger = logging.getLogger(__name__)
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What can be chosen: `share` of the tuned network that is kept, `epochs` of tuning, changed `views` of each photo
    for the matrix, `dims` of the embedding, the `seed` of everything that is drawn, and the `threads` that work."""

    share: float = 0.3
    epochs: int = 1
    views: int = 2
    dims: int = 512
    seed: int = 1
    threads: int = 2


@dataclass(frozen=True)
class Material:
    """What the training is made from: the photos that teach (pets, then others), where the pets are, and the start."""

    folder: Path
    teaching: tuple[PhotoFile, ...]
    split: Split
    places: PetPlaces
    start: Backbone
    fingerprints: Mapping[str, str]

    @property
    def breeds(self) -> NDArray[np.str_]:
        """The breed of the pet in each photo that teaches, (pets,); empty where it is not known."""
        return np.array([one.breed for one in self.teaching[: len(self.split.pets)]])


@dataclass(frozen=True, eq=False)
class Features:
    """What the matrix is fitted on: parts (n, channels) of photos and of their views, positives (rows), breeds (n,).

    `reading` reads the same parts of other photos; `key` changes with what they depend on.
    """

    clean: Sequence[Array]
    views: Sequence[Sequence[Array]]
    positives: tuple[NDArray[np.intp], ...]
    breeds: NDArray[np.str_]
    reading: Reading
    key: str


def make_encoder(
    photos: Path,
    start: Path,
    out: Path,
    settings: Settings,
    *,
    fresh: bool = False,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> Path:
    """Train the encoder and write `pocket-2.onnx` into the folder `out`; returns its path.

    `photos` holds `manifest.csv`, `albums.csv` and the pictures, `start` the network `mobilenetv2_features.onnx` and
    `targets.npz`. Steps that an earlier run finished in `out` are taken over, unless it is to be `fresh`; the light
    training keeps its state after `checkpoint_every` so many batches. Beside the file, `training.json` and
    `learning_curve.csv` tell how it was made. Raises ConfigError when an input is missing or does not fit.
    """
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if fresh:
        forget_all(out / STEPS_FOLDER)
    file = out / ENCODER_FILE
    with _repeatable(settings.threads):
        training = _Training(photos, start, out, settings, checkpoint_every)
        reading = training.reading
        encoder = Pocket(reading.backbone, reading.head, training.axes, training.fit())
        write_encoder(encoder, file)
        away = difference_from_torch(encoder, file, training.lessons.pets[:_CHECKED_PHOTOS])
    logger.info("largest difference between the file and the torch network: %.1e", away)
    _write_curve(training.losses, out / CURVE_FILE)
    _write_record(training, file, away)
    logger.info("wrote %s, this run took %.1f minutes", file, (time.monotonic() - began) / 60)
    return file


def kept_features(photos: Path, start: Path, out: Path, settings: Settings) -> Features:
    """What the matrix was fitted on in the folder `out`; what `make_encoder` has not left there is learnt now."""
    with _repeatable(settings.threads):
        training = _Training(photos, start, out, settings)
    return Features(
        clean=training.clean.arrays(),
        views=[view.arrays() for view in training.views],
        positives=training.material.split.positives,
        breeds=training.material.breeds,
        reading=training.reading,
        key=training.steps.done[-1].key,
    )


def read_material(photos: Path, start: Path) -> Material:
    """What lies in the two folders, and who of it may teach. Raises ConfigError where something is missing."""
    inputs = {
        "manifest": photos / "manifest.csv",
        "albums": photos / "albums.csv",
        "start": start / START_FILE,
        "places": start / PLACES_FILE,
        "held out": HELD_OUT_FILE,
    }
    for needed in inputs.values():
        if not needed.is_file():
            raise ConfigError(f"{needed} is missing: name the folder that holds it")
    listed = read_manifest(photos)
    split = split_photos(listed, read_albums(photos), read_held_out())
    if not len(split.pets) or not len(split.others):
        raise ConfigError(f"{photos} needs photos of pets that may teach and photos of other things")
    return Material(
        folder=photos,
        teaching=tuple(listed[row] for row in (*split.pets, *split.others)),
        split=split,
        places=read_places(start / PLACES_FILE, listed).at(split.pets),
        start=read_backbone(start / START_FILE),
        fingerprints={name: file_fingerprint(file) for name, file in inputs.items()},
    )


class _Training:
    """The steps of one run, each method one or two of them; every step depends on all that were kept before it."""

    def __init__(
        self, photos: Path, start: Path, out: Path, settings: Settings, checkpoint_every: int = CHECKPOINT_EVERY
    ) -> None:
        self.material = read_material(photos, start)
        self.settings = settings
        self.steps = Steps(out / STEPS_FOLDER, {**_packages(), "threads": settings.threads})
        self.lessons = self._squash()
        network, self.losses = self._tune(checkpoint_every)
        head = self._learn_head(network)
        self.axes = self._learn_axes(network, head)
        self.reading = Reading(network, head, self.axes)
        self.clean, self.views = self._read_parts()

    def _squash(self) -> Lessons:
        """Every photo that teaches at the encoder's size."""
        folder, teaching, pets = self.material.folder, self.material.teaching, len(self.material.split.pets)

        def work(place: Path) -> Output:
            picture_map(folder, teaching, place / "000.npy")
            return (), {"photos of pets": pets, "photos of other things": len(teaching) - pets}

        contents = "".join(f"{one.file} {file_fingerprint(folder / one.file)}\n" for one in teaching)
        needs = {"photos": fingerprint(contents.encode()), "photos of pets": pets}
        (pictures,) = self.steps.keep("photos", work, version=1, needs=needs).arrays()
        return Lessons(pictures[:pets], self.material.places, pictures[pets:])

    def _tune(self, checkpoint_every: int) -> tuple[Backbone, NDArray[np.float64]]:
        """The light training, mixed back toward its start, and its losses."""
        start, lessons, settings = self.material.start, self.lessons, self.settings

        def train(place: Path) -> Output:
            tuned = tune(
                start,
                lessons,
                targets_from(targets.arrays()),
                epochs=settings.epochs,
                seed=settings.seed,
                checkpoint=place / CHECKPOINT,
                every=checkpoint_every,
            )
            figures = {"seconds": tuned.seconds, "batches": len(tuned.losses), "last loss": float(tuned.losses[-1])}
            return [*tuned.network.arrays().values(), tuned.losses], figures

        places = fingerprint(lessons.places.boxes.tobytes() + lessons.places.masks.tobytes())
        needs: dict[str, Any] = {"start": self.material.fingerprints["start"], "places": places}
        targets = self.steps.keep(
            "starting-parts", lambda _: (starting_parts(start, lessons), {}), version=1, needs=needs
        )
        needs = {"epochs": settings.epochs, "seed": settings.seed, "changes": asdict(MILD)}
        *weights, losses = self.steps.keep("light-training", train, version=1, needs=needs).arrays()
        network = mixed(start, Backbone(start.layers, dict(zip(start.weights, weights, strict=True))), settings.share)
        if untouched := untouched_weights(start, network):
            raise ConfigError(f"training left {len(untouched)} weights as they were: raise the share or the epochs")
        return network.to(memory_format=torch.channels_last), losses

    def _learn_head(self, network: Backbone) -> SaliencyHead:
        """The saliency head, from photos in which a pet was found and photos of other things."""
        seed, lessons = self.settings.seed, self.lessons

        def learn(_: Path) -> Output:
            head, overlap = learn_head(maps, lessons, seed=seed)
            figures = {"overlap with masks kept aside": None if math.isnan(overlap) else overlap}
            return [weight.detach().numpy() for weight in head.parameters()], figures

        needs = {"share": self.settings.share}
        see: Work = lambda _: (saliency_maps(network, lessons), {})
        maps = self.steps.keep("saliency-maps", see, version=1, needs=needs).arrays()
        weights = self.steps.keep("saliency-head", learn, version=1, needs={"seed": seed}).arrays()
        head = SaliencyHead(*(found.shape[1] for found in maps))
        with torch.no_grad():
            for weight, array in zip(head.parameters(), weights, strict=True):
                weight.copy_(torch.from_numpy(np.array(array)))
        return head.eval()

    def _learn_axes(self, network: Backbone, head: SaliencyHead) -> tuple[Axes, ...]:
        """The axes along which the cells of a map are compared."""

        def learn(_: Path) -> Output:
            axes = learn_axes(network, head, self.lessons)
            return [array for one in axes for array in (one.middle, one.directions)], {}

        arrays = [*map(np.array, self.steps.keep("axes", learn, version=1, needs={}).arrays())]
        return tuple(Axes(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))

    def _read_parts(self) -> tuple[Step, list[Step]]:
        """The parts of every photo as it is, and of each changed view of it."""
        reading, lessons, photos = self.reading, self.lessons, len(self.lessons.pets)

        def read_view(_: Path, seed: int) -> Output:
            return parts_of(reading, lessons.changed(STRONG, seed=seed), photos=photos), {}

        read: Work = lambda _: (parts_of(reading, lessons.clean(), photos=photos), {})
        clean = self.steps.keep("parts", read, version=1, needs={"parts": [asdict(part) for part in PARTS]})
        seeds = [self.settings.seed + number for number in range(1, self.settings.views + 1)]
        views = [
            self.steps.keep(
                f"view-{number}",
                partial(read_view, seed=seed),
                version=1,
                needs={"seed": seed, "changes": asdict(STRONG)},
            )
            for number, seed in enumerate(seeds, 1)
        ]
        return clean, views

    def fit(self) -> Projection:
        """Means and matrix, from every photo as it is, from changed views of it, and from the albums of animals."""
        positives, breeds, dims = self.material.split.positives, self.material.breeds, self.settings.dims

        def work(_: Path) -> Output:
            views = [view.arrays() for view in self.views]
            projection = fit_projection(self.clean.arrays(), views, positives, breeds, dims=dims)
            return [*projection.means, projection.matrix], {"animals of several photos": len(positives)}

        taught = fingerprint(json.dumps([[group.tolist() for group in positives], breeds.tolist()]).encode())
        needs = {"dims": dims, "positives and breeds": taught, "ridge": RIDGE, "evened": EVENED}
        *means, matrix = map(np.array, self.steps.keep("matrix", work, version=1, needs=needs).arrays())
        return Projection(tuple(means), matrix)


def _packages() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


def _write_curve(losses: NDArray[np.float64], file: Path) -> None:
    """The learning curve as a CSV with the columns `step` and `loss`."""
    lines = ["step,loss", *(f"{step},{loss:.6f}" for step, loss in enumerate(losses, 1))]
    replace_file(file, lambda unfinished: unfinished.write_text("\n".join(lines) + "\n", "utf-8"))


def _write_record(training: _Training, encoder: Path, away: float) -> None:
    """How the encoder was made, as JSON; `seconds` in all are those of the steps, whether done now or taken over."""
    steps = [
        {
            "step": step.name,
            "key": step.key,
            "seconds": round(step.seconds, 1),
            "taken over": step.taken_over,
            **step.figures,
        }
        for step in training.steps.done
    ]
    record = {
        "encoder": encoder.name,
        "fingerprint": file_fingerprint(encoder),
        "settings": asdict(training.settings),
        "inputs": training.material.fingerprints,
        "packages": _packages(),
        "seconds": round(sum(step.seconds for step in training.steps.done), 1),
        "steps": steps,
        "largest difference from torch": away,
        "learning_curve": [[step, round(float(loss), 6)] for step, loss in enumerate(training.losses, 1)],
    }
    file = encoder.with_name(TRAINING_FILE)
    replace_file(file, lambda unfinished: unfinished.write_text(json.dumps(record, indent=1) + "\n", "utf-8"))


@contextmanager
def _repeatable(threads: int) -> Iterator[None]:
    """Let torch work with so many threads and only in ways that give the same result each time."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
