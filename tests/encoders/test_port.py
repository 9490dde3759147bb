"""Any object with a name, dims and two methods is an encoder; what it gives is checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import InvalidEmbedding, TextNotSupported
from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder, EncoderIdentity, encode, identity_of
from petfinder.encoders.pocket import PocketEncoder

PICTURES = [Image.new("RGB", (8, 8), colour) for colour in ("black", "red", "blue")]


class MeanColour:
    """An encoder of one's own, with no more than the port asks for."""

    name = "mean-colour-1"
    dims = 4
    supports_text = False
    thresholds = None

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        colours = [np.asarray(picture, dtype=np.float32).mean(axis=(0, 1)) for picture in pictures]
        return np.array([[*colour, 10.0] for colour in colours], dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        raise TextNotSupported("colours only")


class Broken(MeanColour):
    """Gives what an encoder must not give."""

    def __init__(self, rows: object) -> None:
        self.rows = rows

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        return np.array(self.rows, dtype=np.float32)


def test_an_encoder_of_ones_own_meets_the_port() -> None:
    own: Encoder = MeanColour()
    assert isinstance(own, Encoder)
    assert identity_of(own) == EncoderIdentity("mean-colour-1", 4, "")
    embeddings = encode(own, PICTURES)
    assert embeddings.shape == (3, 4)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_the_built_in_encoder_meets_the_port_and_has_a_fingerprint() -> None:
    pocket: Encoder = PocketEncoder()
    assert isinstance(pocket, Encoder)
    identity = identity_of(pocket)
    assert (identity.name, identity.dims) == ("pocket-2", 512)
    assert identity.fingerprint


def test_an_object_that_cannot_encode_is_no_encoder() -> None:
    assert not isinstance(object(), Encoder)


@pytest.mark.parametrize(
    "rows", [[[1, 2, 3]], [[0, 0, 0, 0]], [[1, 2, 3, np.nan]], [[1, 2, 3, np.inf]]], ids=["dims", "zeros", "nan", "inf"]
)
def test_an_embedding_that_points_nowhere_is_refused(rows: object) -> None:
    with pytest.raises(InvalidEmbedding):
        encode(Broken(rows), PICTURES[:1])
