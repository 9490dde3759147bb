"""The encoder that an index remembers: known by name, dims and fingerprint, loaded when the first picture comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from PIL import Image

from petfinder.domain.animals import Animals
from petfinder.domain.errors import IndexMismatch
from petfinder.domain.vectors import Matrix
from petfinder.domain.verdicts import AnyThresholds
from petfinder.encoders.base import Encoder, EncoderIdentity, encode_with_animals, identity_of


class RememberedEncoder:
    """The stand-in for the encoder that filled an index, so that listing and counting load no weights.

    It has the name, dims and fingerprint that the index remembers. `load` is called once, at the first picture or text;
    what it gives must have the same `identity`.
    """

    def __init__(
        self, identity: EncoderIdentity, load: Callable[[], Encoder], thresholds: AnyThresholds = None
    ) -> None:
        self.name, self.dims, self.fingerprint = identity.name, identity.dims, identity.fingerprint
        self._identity = identity
        self._load = load
        self._thresholds = thresholds
        self._loading = Lock()
        self._encoder: Encoder | None = None

    def __repr__(self) -> str:
        return f"RememberedEncoder({self.name}, {'loaded' if self._encoder else 'not loaded yet'})"

    @property
    def thresholds(self) -> AnyThresholds:
        """The thresholds that came with the identity, else those of the encoder once it is loaded."""
        return self._thresholds or (self._encoder.thresholds if self._encoder else None)

    @property
    def supports_text(self) -> bool:
        """Whether it encodes texts too; no index remembers that, so asking loads the encoder."""
        return self._loaded().supports_text

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Encode upright RGB pictures: (n, dims); raises IndexMismatch where the encoder has changed."""
        return self._loaded().encode_images(pictures)

    def encode_with_animals(self, pictures: Sequence[Image.Image]) -> tuple[Matrix, Sequence[Animals | None]]:
        """Encode, and box the animals where the encoder can; raises IndexMismatch where the encoder has changed."""
        return encode_with_animals(self._loaded(), pictures)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Encode texts: (n, dims); raises IndexMismatch where the encoder has changed."""
        return self._loaded().encode_texts(texts)

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            with self._loading:
                if self._encoder is None:
                    encoder = self._load()
                    _refuse_other(identity_of(encoder), self._identity)
                    self._encoder = encoder
        return self._encoder


def _refuse_other(loaded: EncoderIdentity, remembered: EncoderIdentity) -> None:
    names = {"name": "name", "dims": "dims", "fingerprint": "fingerprint (weights and preprocessing)"}
    pairs = {what: (getattr(loaded, field), getattr(remembered, field)) for field, what in names.items()}
    differences = [
        f"{what} {now or 'none'} instead of {then or 'none'}" for what, (now, then) in pairs.items() if now != then
    ]
    if differences:
        raise IndexMismatch(
            f"this index was filled by the encoder {remembered.name}, and the one loaded differs: "
            f"{'; '.join(differences)}. Open it with encoder= the one that filled it, or encode its photos anew"
            " with `rebuild`"
        )
