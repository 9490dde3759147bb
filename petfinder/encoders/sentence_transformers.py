"""Encoders by name: any image model that sentence-transformers can load, with the texts that it or a partner reads.

Knows sentence-transformers, loaded when the first picture comes; what weights mean for pets is measured elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from petfinder.encoders import hub
from petfinder.encoders.loading import load
from petfinder.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.pixels import on_white
from petfinder.vectors import Matrix, unit

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
    image, _, text = (name, "", "") if hub.folder_of(name) else name.partition("+")
    image = _known(image)
    if image in PICTURE_SIDES:
        image, text = PICTURE_SIDES[image], text or image
    partner = text_model or text
    return image, _known(partner) if partner else None


def _known(name: str) -> str:
    folder = hub.folder_of(name)
    return str(folder) if folder else hub.without_owner(name)


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
