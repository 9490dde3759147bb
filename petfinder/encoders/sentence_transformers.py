"""Encoders by name: any image model that sentence-transformers can load, with the texts that it or a partner reads."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from petfinder.domain.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.domain.pixels import on_white
from petfinder.domain.vectors import Matrix, unit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


PICTURE_SIDES = {"clip-ViT-B-32-multilingual-v1": "clip-ViT-B-32"}
"""Students that read texts in many languages into the space of an image model: never to be given a picture."""
_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_TEST_WORDS = "a photo of a dog"


@dataclass(frozen=True)
class _Loaded:
    model: SentenceTransformer
    dims: int
    reads_texts: bool


class SentenceTransformersEncoder:
    """Pictures, and texts where the model reads both, to embeddings (n, dims).

    `name`: a published model (`clip-ViT-B-32`) or a local folder. `text_model`: another model that reads texts into
    the same space; `IMAGE+TEXT` as a name means the same. `device`: cpu, cuda, cuda:1, mps, or None for the best.
    Nothing is loaded before it is needed; several threads may encode at once and take turns.
    """

    thresholds = None

    def __init__(
        self, name: str, *, device: str | None = None, batch_size: int = 32, text_model: str | None = None
    ) -> None:
        if device is not None and not _DEVICE.fullmatch(device):
            raise ConfigError(
                f"unknown device {device!r}: name cpu, cuda, cuda:1 or mps, or none for the best there is"
            )
        if batch_size < 1:
            raise ConfigError(f"a batch holds at least 1 picture, got {batch_size}")
        self._image_model, self._text_model = _pair(name, text_model)
        self.name = "+".join(part for part in (self._image_model, self._text_model) if part)
        self._device = device
        self._batch_size = batch_size
        self._loading = Lock()
        self._encoding = Lock()
        self._pictures: _Loaded | None = None
        self._texts: _Loaded | None = None

    def __repr__(self) -> str:
        return f"SentenceTransformersEncoder({self.name})"

    @property
    def dims(self) -> int:
        """Numbers in an embedding, found by encoding a picture; loads the model."""
        return self._picture_side().dims

    @property
    def supports_text(self) -> bool:
        """Whether texts land in the space of the pictures; loads the model unless a text model was named."""
        return bool(self._text_model) or self._picture_side().reads_texts

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the image model's weights or its preprocessing; loads the model.

        The text model has no part in it: the embeddings that an index keeps come from pictures.
        """
        return _fingerprint(self._picture_side().model)

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, dims) of upright pictures, unit length, float32; raises EncoderUnavailable, ConfigError."""
        return self._encoded(self._picture_side(), [p if p.mode == "RGB" else on_white(p) for p in pictures])

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Embeddings (n, dims) of texts in the space of the pictures; raises TextNotSupported where there is none."""
        if not self.supports_text:
            raise TextNotSupported(
                f"the encoder {self.name} knows pictures only; to search by words, make the registry with a model that"
                " reads both, for example encoder='clip-ViT-B-32'"
            )
        return self._encoded(self._text_side(), list(texts))

    def _encoded(self, side: _Loaded, inputs: list[Any]) -> Matrix:
        if not inputs:
            return np.empty((0, side.dims), dtype=np.float32)
        with self._encoding:  # tokenizers must not be used by two threads at once
            rows = side.model.encode(inputs, batch_size=self._batch_size, show_progress_bar=False)
        return unit(rows, dims=side.dims)

    def _picture_side(self) -> _Loaded:
        with self._loading:
            if self._pictures is None:
                self._pictures = _image_side(self._image_model, self._device)
            return self._pictures

    def _text_side(self) -> _Loaded:
        pictures = self._picture_side()
        if not self._text_model:
            return pictures
        with self._loading:
            if self._texts is None:
                self._texts = _partner(self._text_model, self._device, pictures.dims)
            return self._texts


def _pair(name: str, text_model: str | None) -> tuple[str, str | None]:
    """The image model and the text model that a name means, each by its shortest name or absolute folder."""
    image, _, text = (name, "", "") if folder_of(name) else name.partition("+")
    image = _known(image)
    if image in PICTURE_SIDES:
        image, text = PICTURE_SIDES[image], text or image
    partner = text_model or text
    return image, _known(partner) if partner else None


def _known(name: str) -> str:
    folder = folder_of(name)
    return str(folder) if folder else without_owner(name)


def _image_side(name: str, device: str | None) -> _Loaded:
    model = load(name, device)
    try:
        dims = _width(model, _test_card())
    except Exception as error:  # each kind of text model fails in its own way on a picture
        raise EncoderUnavailable(
            f"the model {name!r} cannot encode pictures. If it reads texts only, name the image model whose space it"
            " shares and give this one as text_model (or 'IMAGE+TEXT' as the encoder's name)"
        ) from error
    try:
        reads_texts = _width(model, _TEST_WORDS) == dims
    except Exception:  # and each kind of image model on words
        reads_texts = False
    return _Loaded(model, dims, reads_texts)


def _partner(name: str, device: str | None, dims: int) -> _Loaded:
    model = load(name, device)
    try:
        width = _width(model, _TEST_WORDS)
    except Exception as error:
        raise ConfigError(f"the model {name!r} cannot encode texts: name a text model, or none") from error
    if width != dims:
        raise ConfigError(
            f"the text model {name!r} gives {width} dims, the image model {dims}: they do not share a space;"
            " name the text model that was trained for this image model"
        )
    return _Loaded(model, width, reads_texts=True)


def _width(model: SentenceTransformer, given: Image.Image | str) -> int:
    """The number of dims that a picture or a text gets; raises whatever the model raises where it knows no such."""
    return int(unit(model.encode([given], show_progress_bar=False)).shape[1])


def _fingerprint(model: SentenceTransformer) -> str:
    """A hash over all weights, whatever their names (new releases rename them), and over what the model is shown."""
    tensors = (tensor.detach().cpu().contiguous().numpy() for tensor in model.state_dict().values())
    hashed = hashlib.sha256()
    for digest in sorted(hashlib.sha256(array.tobytes()).digest() for array in tensors if array.dtype == np.float32):
        hashed.update(digest)
    # The preprocessing by what it does: its settings are written down in another way by every release.
    prepare: Callable[[list[Any]], Any] = getattr(model, "preprocess", None) or model.tokenize
    shown = prepare([_test_card()])["pixel_values"]
    hashed.update((np.round(np.asarray(shown, dtype=np.float32), 3) + 0.0).tobytes())
    return hashed.hexdigest()[:16]


def _test_card() -> Image.Image:
    """A picture that is not square, with edges and every brightness, the same on each machine."""
    rows, columns = np.indices((190, 250))
    pattern = np.stack([columns, rows + 40, (rows // 16 + columns // 16) % 2 * 200], axis=-1)
    return Image.fromarray(pattern.astype(np.uint8))


ORGANISATION = "sentence-transformers"  # where a name without an owner is looked for
REACH_SECONDS = 8.0  # the hub answers within one; a resolver that hears nothing would try for half a minute
_WAYS_OUT = (
    "Name a local folder that holds the model, or load it once on a machine with a network and copy its cache"
    " (~/.cache/huggingface), or use the built-in encoder 'pocket'"
)


def without_owner(name: str) -> str:
    """The shortest name of a model: the default owner left out, so that one model has one name."""
    return name.removeprefix(f"{ORGANISATION}/")


def folder_of(name: str) -> Path | None:
    """The local folder that the name means, absolute; None where it is the name of a published model."""
    folder = Path(name).expanduser()
    return folder.resolve() if folder.is_dir() else None


def is_here(name: str) -> bool:
    """Whether the model can be loaded without a network: it is a folder, or its first file is in the hub's cache."""
    if folder_of(name):
        return True
    from huggingface_hub import try_to_load_from_cache

    try:
        # Without word on modules.json, cached weights might be put together in another way than their maker's.
        return (
            try_to_load_from_cache(
                _repository(name), "modules.json", cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME")
            )
            is not None
        )
    except ValueError as error:  # huggingface_hub's word for a name that breaks its rules
        raise EncoderUnavailable(f"there is no folder {name!r}, nor can a published model have this name") from error


def ask(name: str) -> None:
    """Make sure that the hub has the model, within seconds; raises EncoderUnavailable with the ways out."""
    answers: list[Exception | None] = []
    # In a thread of its own, since nothing else ends a name lookup that gets no answer.
    question = Thread(target=lambda: answers.append(_asked(name)), daemon=True)
    question.start()
    question.join(REACH_SECONDS)
    error = answers[0] if answers else TimeoutError(f"no answer within {REACH_SECONDS:g} s")
    if error is None:
        return
    if type(error).__name__ in ("RepositoryNotFoundError", "GatedRepoError"):
        raise EncoderUnavailable(
            f"the hub knows no model {name!r}, or shows it to its members only (HF_TOKEN), and no folder has this name"
        ) from error
    raise EncoderUnavailable(
        f"the model {name!r} is not, or not wholly, on this machine, and the hub cannot be reached"
        f" ({type(error).__name__}). {_WAYS_OUT}"
    ) from error


def _asked(name: str) -> Exception | None:
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(_repository(name), timeout=REACH_SECONDS)
    except Exception as error:  # whatever the HTTP library of the installed version raises; `ask` sorts it
        return error
    return None


def _repository(name: str) -> str:
    return name if "/" in name else f"{ORGANISATION}/{name}"


_NOISY = ("transformers", "sentence_transformers", "huggingface_hub")
_RANDOM_WEIGHTS = "newly initialized"  # in transformers' report on a load, 4.x and 5.x alike


class _Incomplete(EncoderUnavailable):
    """Some files of the model are not where it lies."""


def load(name: str, device: str | None) -> SentenceTransformer:
    """The model in float32 on its device, from a folder, the hub's cache or the hub.

    `device`: cpu, cuda, cuda:N, mps, None for the best there is. Raises ConfigError where package or device are
    missing, EncoderUnavailable where the model or some of its weights are.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ConfigError(
            f"the encoder {name!r} needs a package that is missing: pip install 'petfinder-registry[clip]'"
        )
    if is_here(name):
        try:
            return _model(name, device, local=True)
        except _Incomplete:
            if folder_of(name):
                raise
            # A fetch was cut short; the hub may have the rest.
    ask(name)
    return _model(name, device, local=False)


def _model(name: str, device: str | None, *, local: bool) -> SentenceTransformer:
    try:
        import sentence_transformers
    except ImportError as error:
        raise ConfigError(
            f"sentence-transformers cannot be imported: pip install 'petfinder-registry[clip]' ({error})"
        ) from error
    _check_device(device)
    with _quietly() as said:
        try:
            model = sentence_transformers.SentenceTransformer(name, device=device, local_files_only=local)
        except Exception as error:  # files, settings, weights: every library below has its own errors
            kind = _Incomplete if isinstance(error, OSError) else EncoderUnavailable
            raise kind(
                f"the model {name!r} cannot be loaded ({type(error).__name__}): name a folder or a published model that"
                " sentence-transformers can load, or use the built-in encoder 'pocket'"
            ) from error
    if any(_RANDOM_WEIGHTS in line for line in said):
        raise EncoderUnavailable(
            f"the model {name!r} lacks weights, and they would be random: its files do not belong to its configuration;"
            " fetch it anew or name another"
        )
    model.float().eval()  # half precision would give other numbers alone than in a batch
    if _takes_all_words_for_one(model):
        raise _Incomplete(f"the model {name!r} lacks the files of its vocabulary; fetch it anew or name another")
    return model


def _takes_all_words_for_one(model: SentenceTransformer) -> bool:
    """Whether the vocabulary is empty, which transformers 5 makes of one that is missing, without a word."""
    try:
        dog, cat = model.encode(["dog", "cat"], show_progress_bar=False)
    except Exception:  # an image model without words fails as its processor happens to
        return False
    return bool(np.allclose(dog, cat, rtol=0, atol=1e-6))


def _check_device(device: str | None) -> None:
    import torch

    if device is None or device == "cpu":
        return
    there = torch.backends.mps.is_available() if device == "mps" else torch.cuda.is_available()
    if device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        there = False
    if not there:
        raise ConfigError(f"there is no device {device!r} on this machine; name none for the best there is")


@contextmanager
def _quietly() -> Iterator[list[str]]:
    """Loads without bars and log lines; gives what would have been logged, which tells of weights that are missing."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as bars

    said: list[str] = []
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    show_bars: Callable[[], None] = bars.enable_progress_bar
    hide_bars: Callable[[], None] = bars.disable_progress_bar
    bar, downloads = bars.is_progress_bar_enabled(), not are_progress_bars_disabled()
    hide_bars()
    disable_progress_bars()
    for logger in loggers:
        logger.handlers, logger.propagate = [_Listener(said)], False
        logger.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        if bar:
            show_bars()
        if downloads:
            enable_progress_bars()


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())
