"""The encoder that an index remembers: known without loading, and refused where another one turns up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import EncoderUnavailable, IndexMismatch
from petfinder.domain.vectors import Matrix
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import EncoderIdentity, identity_of
from petfinder.encoders.lazy import RememberedEncoder

GREEN = Image.new("RGB", (4, 4), "green")
REMEMBERED = EncoderIdentity("corner-1", 2, "abc")


@dataclass
class CornerEncoder:
    """Reads one pixel; knows words too, by their length."""

    name: str = "corner-1"
    dims: int = 2
    fingerprint: str = "abc"
    supports_text: bool = True
    thresholds: Thresholds | None = None
    seen: list[int] = field(default_factory=list)

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        self.seen.append(len(pictures))
        return np.array([[0.6, 0.8]] * len(pictures), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        return np.array([[1.0, 0.0]] * len(texts), dtype=np.float32)


class Loader(list[CornerEncoder]):
    """Loads an encoder at each call, and remembers each."""

    def __call__(self) -> CornerEncoder:
        self.append(CornerEncoder())
        return self[-1]


def never() -> CornerEncoder:
    raise EncoderUnavailable("this model is not here")


def test_what_an_index_remembers_is_known_without_loading() -> None:
    remembered = RememberedEncoder(REMEMBERED, never)
    assert identity_of(remembered) == REMEMBERED
    assert remembered.thresholds is None
    assert repr(remembered) == "RememberedEncoder(corner-1, not loaded yet)"


def test_the_first_picture_loads_the_encoder_once() -> None:
    remembered = RememberedEncoder(REMEMBERED, loads := Loader())
    assert loads == []
    np.testing.assert_array_equal(remembered.encode_images([GREEN]), np.array([[0.6, 0.8]], dtype=np.float32))
    remembered.encode_images([GREEN, GREEN])
    assert remembered.supports_text
    assert remembered.encode_texts(["green"]).shape == (1, 2)
    assert [encoder.seen for encoder in loads] == [[1, 2]]


def test_pictures_from_many_threads_load_it_once() -> None:
    remembered, together = RememberedEncoder(REMEMBERED, loads := Loader()), Barrier(8)

    def encode(_: int) -> None:
        together.wait(timeout=30)
        remembered.encode_images([GREEN])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(encode, range(8)))
    assert len(loads) == 1
    assert sum(loads[0].seen) == 8


@pytest.mark.parametrize(
    ("loaded", "named"),
    [
        (CornerEncoder(name="corner-2"), "'corner-1' .* is 'corner-2'"),
        (CornerEncoder(dims=3), r"\(2 dims.*\(3 dims"),
        (CornerEncoder(fingerprint="xyz"), "weights abc.* weights xyz"),
        (CornerEncoder(fingerprint=""), "weights abc.* weights not named"),
    ],
)
def test_another_encoder_than_the_remembered_one_is_refused(loaded: CornerEncoder, named: str) -> None:
    remembered = RememberedEncoder(REMEMBERED, lambda: loaded)
    for _ in range(2):
        with pytest.raises(IndexMismatch, match=named) as refusal:
            remembered.encode_images([GREEN])
        assert "rebuild" in str(refusal.value)
        assert "encoder=" in str(refusal.value)
    assert loaded.seen == []


def test_an_encoder_that_cannot_be_had_says_so_at_each_try() -> None:
    remembered = RememberedEncoder(REMEMBERED, never)
    for _ in range(2):
        with pytest.raises(EncoderUnavailable, match="not here"):
            remembered.encode_images([GREEN])
