"""Any object with a name, dims and two methods is an encoder; what it gives is checked, alone and in batches alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import InvalidEmbedding, TextNotSupported
from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder, EncoderIdentity, encode, identity_of
from petfinder.encoders.pocket import PocketEncoder
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder
from tests.encoders.tiny_models import blots

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


@pytest.fixture(scope="module", params=["pocket", "clip"])
def make(request: pytest.FixtureRequest) -> Callable[[], Encoder]:
    """What makes the built-in encoder, or a model by its folder through the real sentence-transformers."""
    if request.param == "pocket":
        return PocketEncoder
    return partial(SentenceTransformersEncoder, str(request.getfixturevalue("clip_folder")))


@pytest.fixture(scope="module")
def encoder(make: Callable[[], Encoder]) -> Encoder:
    return make()


def test_embeddings_are_float32_of_unit_length(encoder: Encoder) -> None:
    embeddings = encoder.encode_images(blots(3))
    assert embeddings.shape == (3, encoder.dims)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert encoder.encode_images([]).shape == (0, encoder.dims)


def test_a_picture_has_the_same_embedding_alone_and_in_batches(encoder: Encoder) -> None:
    many = blots(10)  # more than one batch
    alone = np.concatenate([encoder.encode_images([picture]) for picture in many])
    np.testing.assert_allclose(encoder.encode_images(many), alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(many[::-1])[::-1], alone, atol=1e-5)


def test_grey_counts_as_rgb_and_transparent_as_white(encoder: Encoder) -> None:
    grey = blots(1)[0].convert("L")
    clear = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    clear.paste((200, 30, 30, 255), (20, 20, 50, 50))
    on_white = Image.new("RGB", (80, 60), "white")
    on_white.paste((200, 30, 30), (20, 20, 50, 50))
    embeddings = encoder.encode_images([grey, grey.convert("RGB"), clear, on_white])
    np.testing.assert_allclose(embeddings[::2], embeddings[1::2], atol=1e-5)


def test_threads_that_come_first_together_get_the_answers_that_one_gets(make: Callable[[], Encoder]) -> None:
    encoder, many, together = make(), blots(4), Barrier(4)

    def alone(picture: Image.Image) -> Matrix:
        together.wait(timeout=30)
        if encoder.supports_text:
            encoder.encode_texts(["a dog"])
        return encoder.encode_images([picture])

    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate([*pool.map(alone, many)])
    np.testing.assert_allclose(found, encoder.encode_images(many), atol=1e-5)


def test_an_encoder_of_ones_own_meets_the_port() -> None:
    own: Encoder = MeanColour()
    assert isinstance(own, Encoder)
    assert not isinstance(object(), Encoder)
    assert identity_of(own) == EncoderIdentity("mean-colour-1", 4, "")
    embeddings = encode(own, PICTURES)
    assert embeddings.shape == (3, 4)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_the_built_in_encoder_meets_the_port_and_has_a_fingerprint() -> None:
    pocket: Encoder = PocketEncoder()
    assert isinstance(pocket, Encoder)
    identity = identity_of(pocket)
    assert (identity.name, identity.dims) == ("pocket-3", 512)
    assert identity.fingerprint


@pytest.mark.parametrize(
    "rows", [[[1, 2, 3]], [[0, 0, 0, 0]], [[1, 2, 3, np.nan]], [[1, 2, 3, np.inf]]], ids=["dims", "zeros", "nan", "inf"]
)
def test_an_embedding_that_points_nowhere_is_refused(rows: object) -> None:
    with pytest.raises(InvalidEmbedding):
        encode(Broken(rows), PICTURES[:1])
