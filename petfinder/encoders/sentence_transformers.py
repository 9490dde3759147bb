"""Encoders by name: any image model that sentence-transformers can load, with the texts that it or a partner reads."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from logging.handlers import BufferingHandler
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.domain.pixels import on_white
from petfinder.domain.text import install_line, is_path
from petfinder.domain.vectors import Matrix, unit
from petfinder.encoders.base import reads_no_words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

IMAGE_MODELS = {"clip-ViT-B-32-multilingual-v1": "clip-ViT-B-32"}
"""Text models that read many languages into the space of an image model, and that image model."""
HUB_SECONDS = 8.0  # the hub answers within one; a name lookup that gets no answer would take half a minute
_HUB_OWNER = "sentence-transformers"  # where the hub keeps a model whose name has no owner
_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_TEST_TEXT = "a photo of a dog"
_RANDOM_WEIGHTS = "newly initialized"  # in transformers' report on a load, 4.x and 5.x alike
_NEEDS_EXTRA = "the encoder {!r} needs a package that is missing or broken: {}"
_LOGGERS = ("transformers", "sentence_transformers", "huggingface_hub")


class SentenceTransformersEncoder:
    """Pictures, and texts where the model reads both, to embeddings (n, dims).

    `name`: a published model (`clip-ViT-B-32`) or a local folder; `IMAGE+TEXT` names another model too, which reads
    texts into the same space. `device`: cpu, cuda, cuda:1, mps, or None for the best.
    Nothing is loaded before it is needed; several threads may encode at once and take turns.
    """

    thresholds = None

    def __init__(self, name: str, *, device: str | None = None) -> None:
        if device is not None and not _DEVICE.fullmatch(device):
            raise ConfigError(f"unknown device {device!r}: name cpu, cuda, cuda:1 or mps, or none for the best")
        self._image_name, self._text_name = _model_names(name)
        self.name = f"{self._image_name}+{self._text_name}" if self._text_name else self._image_name
        self._device = device
        self._loading = Lock()
        self._encoding = Lock()
        self._image_model: _Model | None = None
        self._text_model: _Model | None = None

    def __repr__(self) -> str:
        return f"SentenceTransformersEncoder({self.name})"

    @property
    def dims(self) -> int:
        """Numbers in an embedding, found by encoding a picture; loads the model."""
        return self._for_images().dims

    @property
    def supports_text(self) -> bool:
        """Whether texts land in the space of the pictures; loads the model unless a text model was named."""
        return bool(self._text_name) or self._for_images().reads_texts

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the image model's weights or its preprocessing; loads the model."""
        model = self._for_images().model
        # All weights, whatever their names, for new releases rename them.
        tensors = (tensor.detach().cpu().contiguous().numpy() for tensor in model.state_dict().values())
        digests = sorted(hashlib.sha256(array.tobytes()).digest() for array in tensors if array.dtype == np.float32)
        # The preprocessing by what it does: its settings are written down in another way by every release.
        preprocess: Callable[[list[Any]], Any] = getattr(model, "preprocess", None) or model.tokenize
        pixels = np.asarray(preprocess([_test_card()])["pixel_values"], dtype=np.float32)
        shown = (np.round(pixels, 3) + 0.0).tobytes()  # adding 0 makes one of -0 and 0
        return hashlib.sha256(b"".join(digests) + shown).hexdigest()[:16]

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Encode upright pictures: (n, dims), unit length, float32; raises EncoderUnavailable, ConfigError."""
        return self._encode(self._for_images(), [p if p.mode == "RGB" else on_white(p) for p in pictures])

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Encode texts into the space of the pictures: (n, dims); raises TextNotSupported where there is none."""
        if not self.supports_text:
            raise reads_no_words(self)
        return self._encode(self._for_texts(), list(texts))

    def _encode(self, model: _Model, inputs: list[Any]) -> Matrix:
        if not inputs:
            return np.empty((0, model.dims), dtype=np.float32)
        with self._encoding:  # tokenizers must not be used by two threads at once
            rows = model.model.encode(inputs, show_progress_bar=False)
        return unit(rows, dims=model.dims)

    def _for_images(self) -> _Model:
        with self._loading:
            if self._image_model is None:
                self._image_model = _image_model(self._image_name, self._device)
            return self._image_model

    def _for_texts(self) -> _Model:
        images = self._for_images()
        if not self._text_name:
            return images
        with self._loading:
            if self._text_model is None:
                self._text_model = _text_model(self._text_name, self._device, images.dims)
            return self._text_model


def _model_names(name: str) -> tuple[str, str]:
    image, _, text = (name, "", "") if folder_of(name) else name.partition("+")
    image = _full_name(image)
    if image in IMAGE_MODELS:
        image, text = IMAGE_MODELS[image], text or image
    return image, text and _full_name(text)


def _full_name(name: str) -> str:
    """The one name of a model: its absolute folder, else its name on the hub without the default owner."""
    return str(folder_of(name) or name.removeprefix(f"{_HUB_OWNER}/"))


def folder_of(name: str) -> Path | None:
    """The local folder that the name means, absolute; None where it is a published model's name."""
    folder = Path(name).expanduser()
    return folder.resolve() if os.path.isdir(folder) else None  # noqa: PTH112 - which minds no name's length


@dataclass(frozen=True)
class _Model:
    """A loaded model, the length of its embeddings, and whether it reads texts into the same space."""

    model: SentenceTransformer
    dims: int
    reads_texts: bool


def _image_model(name: str, device: str | None) -> _Model:
    model = _load(name, device)
    try:
        dims = _dims_of(model, _test_card())
    except Exception as error:  # each kind of text model fails in its own way on a picture
        pair = "if it reads texts only, name the image model whose space it shares too: 'IMAGE+TEXT'"
        raise EncoderUnavailable(f"the model {name!r} cannot encode pictures; {pair}") from error
    try:
        reads_texts = _dims_of(model, _TEST_TEXT) == dims
    except Exception:  # and each kind of image model on words
        reads_texts = False
    return _Model(model, dims, reads_texts)


def _text_model(name: str, device: str | None, image_dims: int) -> _Model:
    model = _load(name, device)
    try:
        dims = _dims_of(model, _TEST_TEXT)
    except Exception as error:
        raise ConfigError(f"the model {name!r} cannot encode texts: name a text model, or none") from error
    if dims != image_dims:
        both = f"the text model {name!r} gives {dims} dims, the image model {image_dims}"
        raise ConfigError(f"{both}: they do not share a space; name the text model that belongs to this image model")
    return _Model(model, dims, reads_texts=True)


def _dims_of(model: SentenceTransformer, example: Image.Image | str) -> int:
    """The length of a picture's or a text's embedding; raises whatever the model raises where it cannot read such."""
    return int(unit(model.encode([example], show_progress_bar=False)).shape[1])


def _test_card() -> Image.Image:
    """A picture that is not square, with edges and every brightness, the same on each machine."""
    rows, columns = np.indices((190, 250))
    pattern = np.stack([columns, rows + 40, (rows // 16 + columns // 16) % 2 * 200], axis=-1)
    return Image.fromarray(pattern.astype(np.uint8))


class _Incomplete(EncoderUnavailable):
    """Some files of the model are not where it lies."""


def _load(name: str, device: str | None) -> SentenceTransformer:
    """Load a model in float32 from a folder, the hub's cache or the hub onto a device (None: the best there is).

    Raises ConfigError where package or device are missing, EncoderUnavailable where the model or some weights are.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ConfigError(_NEEDS_EXTRA.format(name, install_line("clip")))
    if folder_of(name):
        return _load_from(name, device, local_only=True)
    if is_path(name):
        way = "name the folder where it is now (encoder=, --encoder or PETFINDER_ENCODER)"
        raise EncoderUnavailable(f"there is no model folder {name!r} here: {way}; an index knows it by its weights")
    if is_cached(name):
        with suppress(_Incomplete):  # a fetch was cut short; the hub may have the rest
            return _load_from(name, device, local_only=True)
    check_hub_has(name)
    return _load_from(name, device, local_only=False)


def _load_from(name: str, device: str | None, *, local_only: bool) -> SentenceTransformer:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(_NEEDS_EXTRA.format(name, install_line("clip"))) from error
    try:
        torch.zeros(1, device=device)
    except Exception as error:  # RuntimeError or AssertionError, by how torch was built
        raise ConfigError(f"there is no device {device!r} on this machine; name none for the best there is") from error
    with _quietly() as log:
        try:
            model = SentenceTransformer(name, device=device, local_files_only=local_only)
        except Exception as error:  # files, settings, weights: every library below has its own errors
            way = "name a folder or a published model that sentence-transformers can load, or use 'pocket'"
            refusal = _Incomplete if isinstance(error, OSError) else EncoderUnavailable
            raise refusal(f"the model {name!r} cannot be loaded ({type(error).__name__}): {way}") from error
    if any(_RANDOM_WEIGHTS in record.getMessage() for record in log):
        raise EncoderUnavailable(f"the model {name!r} lacks weights, and they would be random: fetch it anew")
    model.float().eval()  # half precision would give other numbers alone than in a batch
    if _has_empty_vocabulary(model):
        raise _Incomplete(f"the model {name!r} lacks the files of its vocabulary; fetch it anew or name another")
    return model


def _has_empty_vocabulary(model: SentenceTransformer) -> bool:
    """Whether all words are one to the model: transformers 5 loads a missing vocabulary as an empty one, silently."""
    try:
        dog, cat = model.encode(["dog", "cat"], show_progress_bar=False)
    except Exception:  # an image model without words fails as its processor happens to
        return False
    return bool(np.allclose(dog, cat, rtol=0, atol=1e-6))


def is_cached(name: str) -> bool:
    """Whether the first file of a published model is in the hub's cache; raises EncoderUnavailable for a bad name."""
    from huggingface_hub import try_to_load_from_cache

    cache = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    try:
        # Without word on modules.json, cached weights might be put together in another way than their maker's.
        return try_to_load_from_cache(_repository(name), "modules.json", cache_dir=cache) is not None
    except ValueError as error:  # huggingface_hub's word for a name that breaks its rules
        raise EncoderUnavailable(f"there is no folder {name!r}, nor can a published model have this name") from error


def check_hub_has(name: str) -> None:
    """Make sure that the hub has the model, within seconds; raises EncoderUnavailable with the ways out."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    answer: Future[object] = Future()

    def ask() -> None:
        try:
            answer.set_result(HfApi().model_info(_repository(name), timeout=HUB_SECONDS))
        except Exception as error:  # whatever the HTTP library of the installed version raises
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()  # a thread, for nothing else ends a name lookup that gets no answer
    try:
        answer.result(HUB_SECONDS)
    except RepositoryNotFoundError as error:
        told = f"the hub knows no model {name!r}, or shows it to members only (HF_TOKEN); no folder has this name"
        raise EncoderUnavailable(told) from error
    except Exception as error:
        raise EncoderUnavailable(
            f"the model {name!r} is not, or not wholly, here, and the hub cannot be reached ({type(error).__name__}):"
            " name a local folder with it, copy ~/.cache/huggingface from a machine with a network, or use 'pocket'"
        ) from error


def _repository(name: str) -> str:
    return name if "/" in name else f"{_HUB_OWNER}/{name}"


@contextmanager
def _quietly() -> Iterator[list[logging.LogRecord]]:
    """Show no bars and no log lines; gives what would have been logged, which tells of missing weights."""
    from transformers.utils import logging as bars  # the hub's bars too

    hide_bars: Callable[[], None] = bars.disable_progress_bar
    handler = BufferingHandler(capacity=10_000)
    with ExitStack() as restore:
        if bars.is_progress_bar_enabled():
            hide_bars()
            restore.callback(bars.enable_progress_bar)
        for logger in map(logging.getLogger, _LOGGERS):
            restore.callback(logger.setLevel, logger.level)
            restore.callback(setattr, logger, "handlers", logger.handlers)
            restore.callback(setattr, logger, "propagate", logger.propagate)
            logger.handlers, logger.propagate = [handler], False
            logger.setLevel(logging.WARNING)
        yield handler.buffer
