"""An encoder tuned on one's own pets: another encoder's embeddings, read by the mean and matrix of a file.

Knows the port of encoders; which encoder lies below is loaded by whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
from PIL import Image

from petfinder.encoders.port import Encoder, encode, identity_of
from petfinder.errors import EncoderUnavailable, TextNotSupported
from petfinder.thresholds import AnyThresholds
from petfinder.tuned import Tuned
from petfinder.vectors import Matrix


class TunedEncoder:
    """Pictures to embeddings (n, dims) by a base encoder and a matrix; knows no words, whatever its base does.

    `load_base` is called once, at the first picture; what it gives must be the encoder that `tuned` was fitted on.
    """

    supports_text = False

    def __init__(self, tuned: Tuned, load_base: Callable[[], Encoder]) -> None:
        self.tuned = tuned
        identity = tuned.identity
        self.name, self.dims, self.fingerprint = identity.name, identity.dims, identity.fingerprint
        self._load_base = load_base
        self._loading = Lock()
        self._base: Encoder | None = None

    def __repr__(self) -> str:
        return f"TunedEncoder({self.name})"

    @property
    def thresholds(self) -> AnyThresholds:
        """What was measured when it was tuned, for the species that it was measured on."""
        return {self.tuned.species: self.tuned.thresholds}

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, dims) of upright pictures, unit length, float32; raises EncoderUnavailable, EncoderError."""
        if not len(pictures):
            return np.empty((0, self.dims), dtype=np.float32)
        return self.tuned.normaliser.apply(encode(self._loaded_base(), pictures))

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Always raises TextNotSupported."""
        raise TextNotSupported(
            f"the encoder {self.name} is tuned on photos, and words are no longer near them; to search by words, keep a"
            f" registry with {self.tuned.base.name} itself, where that reads words"
        )

    def _loaded_base(self) -> Encoder:
        if self._base is None:
            with self._loading:
                if self._base is None:
                    self._base = self._checked_base()
        return self._base

    def _checked_base(self) -> Encoder:
        wanted = self.tuned.base
        try:
            base = self._load_base()
            given = identity_of(base)  # some load their weights only now
        except EncoderUnavailable as error:
            raise EncoderUnavailable(
                f"{self.name} is tuned on the encoder {wanted.name!r}, which cannot be had: {error}. An encoder of your"
                " own is given beside the file: load_encoder('FILE.npz', base=ENCODER)"
            ) from error
        if given != wanted:
            raise EncoderUnavailable(
                f"{self.name} is tuned on {wanted.name!r} ({wanted.dims} dims, weights"
                f" {wanted.fingerprint[:8] or 'not named'}); what is here is {given.name!r} ({given.dims} dims, weights"
                f" {given.fingerprint[:8] or 'not named'}), to which the matrix does not fit: tune anew with"
                " `petfinder train`"
            )
        return base
