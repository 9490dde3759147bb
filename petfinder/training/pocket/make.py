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
from petfinder.training.pocket import photos as on_disk
from petfinder.training.pocket import reader, steps
from petfinder.training.pocket.augment import CONDITIONED, MILD, STRONG, Lessons
from petfinder.training.pocket.encoder import Pocket, difference_from_torch, write_encoder
from petfinder.training.pocket.finetune import CHECKPOINT_EVERY, mixed, tune, untouched_weights
from petfinder.training.pocket.network import Backbone, read_backbone
from petfinder.training.pocket.saliency import SaliencyHead, learn_head, saliency_maps
from petfinder.training.pocket.steps import CHECKPOINT, Output, Steps, Work, file_fingerprint, fingerprint

ENCODER_FILE = "pocket-3.onnx"
STEPS_FOLDER = "steps"
_PACKAGES = ("numpy", "onnx", "pillow", "torch")
_CHECKED_PHOTOS = 16

logger = logging.getLogger(__name__)
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What can be chosen: `share` of the tuned network that is kept, `epochs` of tuning, changed `views` of each photo
    for the matrix, `dims` of the embedding, the `side` in pixels at which photos are read (a multiple of 32), the
    `seed` of everything that is drawn, and the `threads` that work."""

    share: float = 0.3
    epochs: int = 1
    views: int = 2
    dims: int = 512
    side: int = on_disk.PICTURE_SIZE
    seed: int = 1
    threads: int = 2


@dataclass(frozen=True, eq=False)
class Features:
    """What the matrix is fitted on: parts (n, channels) of photos and of their views, and positives (rows).

    `reading` reads the same parts of other photos, `steps` keep more beside these.
    """

    clean: Sequence[Array]
    views: Sequence[Sequence[Array]]
    positives: tuple[NDArray[np.intp], ...]
    reading: reader.Reading
    steps: Steps


def make_encoder(
    photos: Path,
    places: Path,
    network: Path,
    out: Path,
    settings: Settings,
    *,
    fresh: bool = False,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> Path:
    """Train the encoder and write `pocket-3.onnx` into the folder `out`; returns its path.

    `photos` holds `manifest.csv`, `albums.csv` and the pictures, `places` (`targets.npz`) says where the pets are in
    them, `network` is the file to start from (see `read_backbone`). Steps that an earlier run finished in `out` are
    taken over, unless it is to be `fresh`; the light training keeps its state after `checkpoint_every` so many batches.
    Beside the file, `training.json` and `learning_curve.csv` tell how it was made. Raises ConfigError when an input is
    missing or does not fit.
    """
    out.mkdir(parents=True, exist_ok=True)
    began, file = time.monotonic(), out / ENCODER_FILE
    if fresh:
        steps.forget_all(out / STEPS_FOLDER)
    with _repeatable(settings.threads):
        training = _Training(photos, places, network, out, settings, checkpoint_every)
        encoder = Pocket(training.features.reading, training.fit())
        write_encoder(encoder, file)
        away = difference_from_torch(encoder, file, training.lessons.pets[:_CHECKED_PHOTOS])
    logger.info("largest difference between the file and the torch network: %.1e", away)
    training.write_record(file, away)
    logger.info("wrote %s, this run took %.1f minutes", file, (time.monotonic() - began) / 60)
    return file


def kept_features(photos: Path, places: Path, network: Path, out: Path, settings: Settings) -> Features:
    """What the matrix was fitted on in the folder `out`; what `make_encoder` has not left there is learnt now."""
    with _repeatable(settings.threads):
        return _Training(photos, places, network, out, settings).features


class _Training:
    """The steps of one run, each method one or two of them; every step depends on all that were kept before it."""

    def __init__(
        self,
        photos: Path,
        places: Path,
        network: Path,
        out: Path,
        settings: Settings,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        self.settings, self.inputs = settings, _fingerprints(photos, places, network)
        listed = on_disk.read_manifest(photos)
        self.split = on_disk.split_photos(listed, on_disk.read_albums(photos), on_disk.read_held_out())
        if not len(self.split.pets) or not len(self.split.others):
            raise ConfigError(f"{photos} needs photos of pets that may teach and photos of other things")
        self.steps = Steps(out / STEPS_FOLDER, {**_packages(), "threads": settings.threads})
        pets = [listed[row] for row in self.split.pets]
        files = [photos / one.file for one in (*pets, *(listed[row] for row in self.split.others))]
        self.lessons = self._squash(files, on_disk.read_places(places, listed).at(self.split.pets))
        backbone, self.losses = self._tune(read_backbone(network), checkpoint_every)
        head = self._learn_head(backbone)
        reading = reader.Reading(backbone, head, self._learn_axes(backbone, head))
        self.features = Features(*self._read_parts(reading), self.split.positives, reading, self.steps)

    def _keep(self, name: str, work: Work, needs: Mapping[str, Any], *, version: int = 1) -> list[NDArray[Any]]:
        return self.steps.keep(name, work, version=version, needs=needs).arrays()

    def _squash(self, files: Sequence[Path], places: on_disk.PetPlaces) -> Lessons:
        """Every photo that teaches, at the size at which it is read."""
        pets, side = len(places.boxes), self.settings.side

        def work(place: Path) -> Output:
            on_disk.picture_map(files, place / "000.npy", side)
            return (), {"photos of pets": pets, "photos of other things": len(files) - pets}

        contents = "".join(f"{file.name} {file_fingerprint(file)}\n" for file in files)
        needs = {"photos": fingerprint(contents.encode()), "photos of pets": pets, "side": side}
        (pictures,) = self._keep("photos", work, needs)
        return Lessons(pictures[:pets], places, pictures[pets:])

    def _tune(self, start: Backbone, checkpoint_every: int) -> tuple[Backbone, NDArray[np.float64]]:
        """The light training, mixed back toward its start, and its losses."""
        lessons, epochs, seed = self.lessons, self.settings.epochs, self.settings.seed

        def train(place: Path) -> Output:
            checkpoint = place / CHECKPOINT
            network, losses, seconds = tune(
                start, lessons, parts, epochs=epochs, seed=seed, checkpoint=checkpoint, every=checkpoint_every
            )
            figures = {"seconds": seconds, "batches": len(losses), "last loss": float(losses[-1])}
            return [*network.arrays().values(), losses], figures

        places = fingerprint(lessons.places.boxes.tobytes() + lessons.places.masks.tobytes())
        needs: dict[str, Any] = {"start": self.inputs["start"], "places": places}
        parts = self._keep("starting-parts", lambda _: (reader.starting_parts(start, lessons), {}), needs)
        needs = {"epochs": epochs, "seed": seed, "changes": asdict(MILD)}
        *weights, losses = self._keep("light-training", train, needs)
        tuned = Backbone(start.plan, dict(zip(start.weights, weights, strict=True)))
        network = mixed(start, tuned, self.settings.share)
        if untouched := untouched_weights(start, network):
            raise ConfigError(f"training left {len(untouched)} weights as they were: raise the share or the epochs")
        return network, losses

    def _learn_head(self, network: Backbone) -> SaliencyHead:
        """The saliency head, from photos in which a pet was found and photos of other things."""
        seed, lessons = self.settings.seed, self.lessons

        def learn(_: Path) -> Output:
            head, overlap = learn_head(maps, lessons, seed=seed)
            figures = {"overlap with masks kept aside": None if math.isnan(overlap) else overlap}
            return [weight.detach().numpy() for weight in head.parameters()], figures

        see: Work = lambda _: (saliency_maps(network, lessons), {})
        maps = self._keep("saliency-maps", see, {"share": self.settings.share})
        weights = self._keep("saliency-head", learn, {"seed": seed})
        head = SaliencyHead(*(found.shape[1] for found in maps))
        with torch.no_grad():
            for weight, array in zip(head.parameters(), weights, strict=True):
                weight.copy_(torch.from_numpy(np.array(array)))
        return head.eval()

    def _learn_axes(self, network: Backbone, head: SaliencyHead) -> tuple[reader.Axes, ...]:
        """The axes along which the cells of a map are compared."""

        def learn(_: Path) -> Output:
            axes = reader.learn_axes(network, head, self.lessons)
            return [array for one in axes for array in (one.middle, one.directions)], {}

        arrays = [*map(np.array, self._keep("axes", learn, {"covariances": _kinds(reader.COVARIANCES)}))]
        return tuple(reader.Axes(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))

    def _read_parts(self, reading: reader.Reading) -> tuple[list[Array], list[list[Array]]]:
        """The parts of every photo as it is, and of each changed view of it."""
        lessons, photos = self.lessons, len(self.lessons.pets)

        def read_view(_: Path, seed: int) -> Output:
            pictures = lessons.changed(STRONG, seed=seed) if seed % 2 else lessons.conditioned(seed=seed)
            return reader.parts_of(reading, pictures, photos=photos), {}

        read: Work = lambda _: (reader.parts_of(reading, lessons.clean(), photos=photos), {})
        clean = self._keep("parts", read, {"parts": _kinds(reader.PARTS)})
        views = []
        for number in range(1, self.settings.views + 1):
            seed = 2 * self.settings.seed + number  # odd: strongly changed; even: under one of the conditions
            needs = {"seed": seed, "changes": asdict(STRONG), "conditions": CONDITIONED}
            views.append(self._keep(f"view-{number}", partial(read_view, seed=seed), needs))
        return clean, views

    def fit(self) -> reader.Projection:
        """Means and matrix, from every photo as it is, from changed views of it, and from the albums of animals."""
        features, dims = self.features, self.settings.dims

        def work(_: Path) -> Output:
            projection = reader.fit_projection(features.clean, features.views, features.positives, dims=dims)
            return [*projection.means, projection.matrix], {"animals of several photos": len(features.positives)}

        taught = json.dumps([group.tolist() for group in features.positives]).encode()
        needs = {
            "dims": dims,
            "positives": fingerprint(taught),
            "shares": [part.share for part in reader.PARTS],
            "weight of positives": reader.POSITIVES_WEIGHT,
            "ridge": reader.RIDGE,
            "evened": reader.EVENED,
        }
        *means, matrix = map(np.array, self._keep("matrix", work, needs))
        return reader.Projection(tuple(means), matrix)

    def write_record(self, encoder: Path, away: float) -> None:
        """Write how the encoder was made beside it, as JSON, and the learning curve as CSV with `step` and `loss`.

        `seconds` in all are those of the steps, whether done now or taken over.
        """
        done, curve = self.steps.done, [(step, round(float(loss), 6)) for step, loss in enumerate(self.losses, 1)]
        record = {
            "encoder": encoder.name,
            "fingerprint": file_fingerprint(encoder),
            "settings": asdict(self.settings),
            "inputs": self.inputs,
            "packages": _packages(),
            "seconds": round(sum(step.seconds for step in done), 1),
            "steps": [step.record() for step in done],
            "largest difference from torch": away,
            "learning_curve": curve,
        }
        lines = ["step,loss", *(f"{step},{loss:.6f}" for step, loss in curve)]
        files = {"learning_curve.csv": "\n".join([*lines, ""]), "training.json": json.dumps(record, indent=1) + "\n"}
        for name, text in files.items():
            steps.replace_file(encoder.with_name(name), partial(Path.write_text, data=text, encoding="utf-8"))


def _kinds(parts: Sequence[reader.Part]) -> list[tuple[str, float, int]]:
    """What decides the numbers of a part; its share does not."""
    return [(part.tap, part.floor, part.axes) for part in parts]


def _fingerprints(photos: Path, places: Path, network: Path) -> dict[str, str]:
    """Of each input, digits that change with it. Raises ConfigError where one is missing."""
    inputs = {
        "manifest": photos / "manifest.csv",
        "albums": photos / "albums.csv",
        "start": network,
        "places": places,
        "held out": on_disk.HELD_OUT_FILE,
    }
    for needed in inputs.values():
        if not needed.is_file():
            raise ConfigError(f"{needed} is missing: name the right one")
    return {name: file_fingerprint(file) for name, file in inputs.items()}


def _packages() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


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
