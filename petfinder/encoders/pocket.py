"""The built-in encoder: whole photo in, 512 numbers out, on any laptop, with nothing to download.

How the weights are made: `petfinder.training`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from math import ceil
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petfinder.domain.animals import Animals, Saliency, animals_of, close_up
from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.domain.pixels import on_white
from petfinder.domain.vectors import Matrix, Vector, unit
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import cores, reads_no_words

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]
T = TypeVar("T")

NAME = "pocket-3"
DIMS = 512
SIDE = 320  # pixels; the side at which the weights were trained
PREPROCESSING = (
    f"RGB, whole picture squashed to {SIDE}x{SIDE} by Pillow's bicubic, uint8; normalised inside the graph; a small"
    " animal alone is read close up too, and the mean taken"
)
WEIGHTS = Path(__file__).parent / "weights" / f"{NAME}.onnx"
SHORT_NAME = "pocket"
MIRRORED = "-mirrored"
SURE = 0.9  # chosen: the probability from which on a species is named
_FULL_NAMES = {SHORT_NAME + end: NAME + end for end in ("", MIRRORED)}


class PocketEncoder:
    """The encoder with weights inside the package: pictures to embeddings (n, 512); it reads no text.

    `mirrored`: the mean of the picture and its mirror image, for twice the time, under a name and fingerprint of its
    own. `weights`: another file of the same kind, with what was measured for it beside it (`NAME.onnx`,
    `NAME.thresholds.json`, `NAME.species.json`, `NAME-mirrored.thresholds.json`). `threads`: how many encode, one a
    core where None; a single picture is shared by all of them, of several each has its own. Callers in several threads
    share two sessions, for single pictures and for batches, each with the weights in memory from its first use on.
    """

    dims = DIMS
    supports_text = False

    def __init__(self, *, mirrored: bool = False, weights: Path | None = None, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"an encoder needs at least 1 thread, got {threads}")
        self.weights = WEIGHTS if weights is None else Path(weights)
        self.threads = threads
        self.mirrored = mirrored
        self._variant = MIRRORED if mirrored else ""
        self.name = NAME + self._variant
        self._opening = Lock()
        self._sessions: dict[int, InferenceSession] = {}  # by the threads that one run uses

    def __repr__(self) -> str:
        return f"PocketEncoder({self.name})"

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the weights or the preprocessing; raises EncoderUnavailable."""
        return self._fingerprint_of(self._bytes)

    def file_of(self, kind: str) -> Path:
        """Where the "thresholds" or the "species" measured for these weights, read in this way, are kept."""
        return self.weights.with_name(f"{self.weights.stem}{self._variant}.{kind}.json")

    @cached_property
    def thresholds(self) -> Mapping[str, Thresholds] | None:
        """What was measured for these weights, by species; None where nothing was. Raises ConfigError."""
        return self._measured("thresholds", lambda rows: Thresholds(**rows))

    @cached_property
    def _species(self) -> Mapping[str, Numbers]:
        """The direction and offset (dims + 1,) of each species; none where they were not fitted on these weights."""
        fitted = self._measured("species", lambda rows: rows) or {}
        known = fitted.pop("fingerprint", None) == self.fingerprint
        return {species: np.array(row) for species, row in fitted.items()} if known else {}

    def _measured(self, kind: str, read: Callable[[Any], T]) -> dict[str, T] | None:
        path = self.file_of(kind)
        try:
            return {name: read(rows) for name, rows in json.loads(path.read_text("utf-8")).items()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"the {kind} in {path} cannot be read: measure them again or remove it") from error

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Encode upright pictures: (n, 512), unit length, float32; raises EncoderUnavailable."""
        return self.encode_with_animals(pictures)[0]

    def encode_with_animals(self, pictures: Sequence[Image.Image]) -> tuple[Matrix, Sequence[Animals | None]]:
        """Encode, and box the animals in each picture: None where the weights give no `saliency`.

        Where they do, a small animal alone is encoded twice: the mean of the whole picture and of its surroundings.
        """
        if not len(pictures):
            return np.empty((0, DIMS), dtype=np.float32), []
        threads = self.threads or cores()
        session = self._open_session(threads if len(pictures) == 1 else 1)

        def read(picture: Image.Image) -> tuple[Vector, list[Saliency]]:
            rows, *saliency = session.run(None, {"pictures": self._views(picture)})
            return rows.sum(axis=0), saliency

        def encode(picture: Image.Image) -> tuple[Vector, Animals | None]:
            whole, saliency = read(picture)
            if not saliency:
                return whole, None
            animals = animals_of(saliency[0][0])
            if frame := close_up(saliency[0][0], animals):
                wide, high = picture.size
                left, top, right, bottom = frame
                near = picture.crop((int(left * wide), int(top * high), ceil(right * wide), ceil(bottom * high)))
                whole = unit(whole) + unit(read(near)[0])
            return whole, animals

        # One picture a run and a thread: cores that share a picture take a fifth more of their time.
        with ThreadPoolExecutor(max_workers=min(threads, len(pictures))) as pool:
            rows, animals = zip(*pool.map(encode, pictures), strict=True)
        return unit(np.stack(rows), dims=DIMS), animals

    def species_shown(self, embeddings: Matrix) -> Sequence[str | None]:
        """Name the species ("cat", "dog") that each row (n, 512) surely shows, else None; raises ConfigError."""
        return species_named(embeddings, self._species)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Refuse texts: always raises TextNotSupported."""
        raise reads_no_words(self)

    def _views(self, picture: Image.Image) -> Pixels:
        """What the weights look at, (1 or 2, SIDE, SIDE, 3): the picture, and its mirror image where asked for."""
        rgb = picture if picture.mode == "RGB" else on_white(picture)
        pixels = np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.uint8)
        return np.stack([pixels, pixels[:, ::-1]]) if self.mirrored else pixels[np.newaxis]

    def _open_session(self, threads: int) -> InferenceSession:
        with self._opening:
            if threads not in self._sessions:
                session = _session(self._bytes, self.weights, threads=threads)
                if self._fingerprint_of(self._bytes) != self.fingerprint:
                    raise EncoderUnavailable(f"the weights at {self.weights} were replaced while in use: start anew")
                del self._bytes  # what is needed of them is in the session and the fingerprint
                self._sessions[threads] = session
            return self._sessions[threads]

    def _fingerprint_of(self, weights: bytes) -> str:
        return hashlib.sha256(weights + (PREPROCESSING + self._variant).encode()).hexdigest()[:16]

    @cached_property
    def _bytes(self) -> bytes:
        try:
            return self.weights.read_bytes()
        except OSError as error:
            told = f"the weights of {self.name} cannot be read at {self.weights}: install petfinder-registry again"
            raise EncoderUnavailable(told) from error


def species_named(embeddings: Matrix, fitted: Mapping[str, Numbers]) -> list[str | None]:
    """Name what each row (n, dims) surely shows, by direction and offset (dims + 1,) of each species; else None."""
    if not fitted:
        return [None] * len(embeddings)
    species, weights = [*fitted], np.stack([*fitted.values()])
    odds = np.exp(embeddings @ weights[:, :-1].T + weights[:, -1])  # against being none of them
    chances = odds / (1 + odds.sum(axis=1, keepdims=True))
    best, sure = chances.argmax(axis=1).tolist(), (chances.max(axis=1) >= SURE).tolist()
    return [species[place] if surely else None for place, surely in zip(best, sure, strict=True)]


def full_name(name: str) -> str:
    """Add the version to a name: "pocket-mirrored" is that of the newest weights; any other name stays as it is."""
    return _FULL_NAMES.get(name, name)


def is_pocket_name(name: str) -> bool:
    """Tell whether this is a name of the built-in encoder, with its version or without."""
    return full_name(name) in _FULL_NAMES.values()


def is_former_name(name: str) -> bool:
    """Tell whether this names an earlier version of the built-in encoder, whose weights are in the package no more."""
    version = re.match(rf"{SHORT_NAME}-(\d+)(?:-|\Z)", name)
    return version is not None and int(version[1]) < int(NAME.removeprefix(f"{SHORT_NAME}-"))


def pocket_named(name: str, *, threads: int | None = None) -> PocketEncoder:
    """Make the built-in encoder of one of its names."""
    return PocketEncoder(mirrored=name.endswith(MIRRORED), threads=threads)


def _session(weights: bytes, path: Path, *, threads: int) -> InferenceSession:
    # Official builds from 1.29 on report their use to the vendor unless this is set before the first import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has one exception class for each status code and no common base
        told = f"the weights at {path} are not an encoder that runs: install petfinder-registry again"
        raise EncoderUnavailable(told) from error
