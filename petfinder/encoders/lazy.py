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
    what it gives must be the same by `identity`. `supports_text` is given where it is known without loading.
    """

    def __init__(
        self, identity: EncoderIdentity, load: Callable[[], Encoder], *, supports_text: bool | None = None
    ) -> None:
        self.name, self.dims, self.fingerprint = identity.name, identity.dims, identity.fingerprint
        self._identity = identity
        self._load = load
        self._supports_text = supports_text
        self._loading = Lock()
        self._encoder: Encoder | None = None

    def __repr__(self) -> str:
        return f"RememberedEncoder({self.name}, {'loaded' if self._encoder else 'not loaded yet'})"

    @property
    def thresholds(self) -> AnyThresholds:
        """The thresholds of the encoder, once it is loaded."""
        return self._encoder.thresholds if self._encoder else None

    @property
    def supports_text(self) -> bool:
        """Whether it encodes texts too; no index remembers that, so asking may load the encoder."""
        return self._loaded().supports_text if self._supports_text is None else self._supports_text

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
        with self._loading:
            if self._encoder is None:
                encoder = self._load()
                if not (loaded := identity_of(encoder)).is_same(self._identity):
                    both = f"this index was filled by the encoder {self._identity}, and the one loaded is {loaded}"
                    raise IndexMismatch(f"{both}: open it with encoder= the one that filled it, or `rebuild` it")
                self._encoder = encoder
            return self._encoder
