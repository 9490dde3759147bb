"""The built-in encoder: whole photo in, 512 numbers out, on any laptop, with nothing to download.

Knows its own weights and onnxruntime; a pet never appears here. How the weights are made: `petfinder.training`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from petfinder.cores import cores
from petfinder.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.pixels import on_white
from petfinder.thresholds import Thresholds
from petfinder.vectors import Matrix, Vector, unit

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NAME = "pocket-1"
DIMS = 512
SIDE = 320  # pixels; the side at which the weights were trained
PREPROCESSING = f"RGB, whole picture squashed to {SIDE}x{SIDE} by Pillow's bicubic, uint8; normalised inside the graph"
WEIGHTS = Path(__file__).parent / "weights" / f"{NAME}.onnx"


class PocketEncoder:
    """Pictures to embeddings (n, 512) with weights that come inside the package; knows no words.

    `weights`: another file of the same kind, with its thresholds beside it (`NAME.onnx`, `NAME.thresholds.json`).
    `threads`: how many pictures are encoded at a time, one a core where None. Nothing is read before it is needed, and
    several threads may encode at once: they share one session.
    """

    name = NAME
    dims = DIMS
    supports_text = False

    def __init__(self, *, weights: Path | None = None, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"an encoder needs at least 1 thread, got {threads}")
        self.weights = WEIGHTS if weights is None else Path(weights)
        self.threads = threads
        self._opening = Lock()
        self._session: InferenceSession | None = None

    def __repr__(self) -> str:
        return f"PocketEncoder({self.name})"

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the weights or the preprocessing; raises EncoderUnavailable."""
        return hashlib.sha256(self._read_weights() + PREPROCESSING.encode()).hexdigest()[:16]

    @cached_property
    def thresholds(self) -> Mapping[str, Thresholds] | None:
        """What was measured for these weights, by species; None where nothing was. Raises ConfigError."""
        path = self.weights.with_suffix(".thresholds.json")
        try:
            measured = json.loads(path.read_text("utf-8"))
            return {species: Thresholds(**rows) for species, rows in measured.items()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"the thresholds in {path} cannot be read: measure them again or remove it") from error

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, 512) of upright pictures, unit length, float32; raises EncoderUnavailable."""
        if not len(pictures):
            return np.empty((0, DIMS), dtype=np.float32)
        session = self._open_session()

        def alone(picture: Image.Image) -> Vector:
            row: Vector = session.run(["embeddings"], {"pictures": _squashed(picture)})[0][0]
            return row

        # One picture a run and a thread: the same numbers alone and in any batch, and the cores share no picture, which
        # took a fifth more of their time.
        with ThreadPoolExecutor(max_workers=min(self.threads or cores(), len(pictures))) as pool:
            return unit(np.stack([*pool.map(alone, pictures)]), dims=DIMS)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Always raises TextNotSupported."""
        raise TextNotSupported(
            f"the encoder {self.name} knows pictures only; to search by words, make the registry with a model that"
            " reads both, for example encoder='clip-ViT-B-32'"
        )

    def _open_session(self) -> InferenceSession:
        if self._session is None:
            with self._opening:
                if self._session is None:
                    self._session = _session(self._read_weights(), self.weights)
        return self._session

    def _read_weights(self) -> bytes:
        try:
            return self.weights.read_bytes()
        except OSError as error:
            raise EncoderUnavailable(
                f"the weights of {self.name} cannot be read at {self.weights}: install petfinder-registry again,"
                " or make them with petfinder.training"
            ) from error


def _squashed(picture: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    seen = picture if picture.mode == "RGB" else on_white(picture)
    return np.asarray(seen.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.uint8)[np.newaxis]


def _session(weights: bytes, path: Path) -> InferenceSession:
    # Official builds from 1.29 on report their use to the vendor unless this is set before the first import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has one exception class for each status code and no common base
        raise EncoderUnavailable(
            f"the weights at {path} are not an encoder that onnxruntime can run: install petfinder-registry again"
        ) from error
