"""Encoders side by side: on the same photos, with paired differences, and in spite of those that cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import ConfigError, EncoderUnavailable, InvalidQuery
from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import EncoderIdentity
from petfinder.evaluation.compare import SHOWN, ComparedRow, compare_encoders
from petfinder.evaluation.evaluate import evaluate_folder
from petfinder.evaluation.result import FOUND, RANK1
from tests.conftest import TableEncoder
from tests.test_evaluate import dapples
from tests.test_service import sure


class BlindEncoder(TableEncoder):
    """Sees noise: the darkest digits of a picture's size and colour."""

    name = "blind-1"

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        seeds = [int(np.asarray(picture).astype(int).sum()) for picture in pictures]
        self.encoded += len(pictures)
        return np.stack([np.random.default_rng(seed).normal(size=self.dims) for seed in seeds]).astype(np.float32)


class AbsentEncoder(TableEncoder):
    """Has no weights, and finds it out at the third picture."""

    name = "absent-1"

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        if self.encoded == 2:
            raise EncoderUnavailable("its weights are gone; fetch them")
        return super().encode_images(pictures)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return dapples(tmp_path, pets=8)


def test_each_encoder_gets_what_it_would_get_alone_and_photos_are_decoded_once_for_all(folder: Path) -> None:
    one, other = KeepingEncoder("one-1"), KeepingEncoder("other-1")
    compare_encoders(folder, [one, other])
    comparison = compare_encoders(folder, [TableEncoder(), BlindEncoder()], progress=False)

    for column, encoder in zip(comparison.columns, (TableEncoder(), BlindEncoder()), strict=True):
        alone, together = evaluate_folder(folder, encoder, progress=False), column.evaluation
        for measure in ("rank1", "mean_precision", "found", "thresholds"):
            assert getattr(together, measure) == getattr(alone, measure)
        assert column.identity == EncoderIdentity(encoder.name, 8, "t1")
    assert comparison.errors == {}
    assert len(one.shown) == 24
    assert all(mine is theirs for mine, theirs in zip(one.shown, other.shown, strict=True))


def test_differences_are_paired_and_to_the_first(folder: Path) -> None:
    sees, blind = compare_encoders(folder, [TableEncoder(), BlindEncoder()]).columns
    _, same = compare_encoders(folder, [TableEncoder(), KeepingEncoder("twin-1")]).columns

    assert sees.differences == {}
    more = sure(blind.evaluation).rank1.value - sure(sees.evaluation).rank1.value
    assert blind.differences[RANK1].value == pytest.approx(more)
    assert blind.differences[RANK1].high < -0.3
    assert blind.differences[FOUND].high < 0
    assert all((one.value, one.low, one.high) == (0, 0, 0) for one in same.differences.values())


class KeepingEncoder(TableEncoder):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.shown: list[Image.Image] = []

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        self.shown += pictures
        return super().encode_images(pictures)


def test_an_encoder_that_cannot_be_had_stops_no_other_and_the_table_says_why(folder: Path) -> None:
    comparison = compare_encoders(folder, ["pocket-99", AbsentEncoder(), TableEncoder(), BlindEncoder()])
    nothing = compare_encoders(folder, ["pocket-98", "pocket-99"])

    missing, absent, sees, blind = comparison.columns
    assert isinstance(missing.error, EncoderUnavailable)
    assert (missing.evaluation, absent.evaluation) == (None, None)
    assert (missing.identity, absent.identity) == (None, EncoderIdentity("absent-1", 8, "t1"))
    assert list(comparison.errors) == ["pocket-99", "absent-1"]
    assert sees.evaluation is not None
    assert (sees.differences, bool(blind.differences)) == ({}, True), "the first that could be tried"
    assert str(comparison).count("EncoderUnavailable") >= 2 * len(SHOWN)
    assert "absent-1 could not be tried: its weights are gone; fetch them" in str(comparison)
    assert (nothing.as_rows(), len(nothing.errors)) == ((), 2)
    assert "pocket-99 could not be tried" in str(nothing)


def test_the_table_has_a_column_for_each_encoder_and_the_rows_are_as_pandas_takes_them(folder: Path) -> None:
    (folder / "pet0" / "broken.jpg").write_bytes(b"not a picture")

    comparison = compare_encoders(folder, [TableEncoder(), BlindEncoder()])

    lines, rows = str(comparison).splitlines(), comparison.as_rows()
    assert lines[0] == "24 query photos of 8 pets, 24 photos"
    assert lines[1].split() == ["table-1", "blind-1"]
    assert [line.split("  ")[0] for line in lines[2:] if line[0] != " "][: len(SHOWN)] == list(SHOWN)
    assert "100.0% (100.0% to 100.0%)" in lines[2]
    assert lines[3].startswith("  more than the first")
    assert lines[3].count("%") == 3
    assert "broken.jpg" in lines[-1]
    assert {row.encoder for row in rows} == {"table-1", "blind-1"}
    first, second = (row for row in rows if row.measure == RANK1)
    assert first == ComparedRow("table-1", RANK1, 1.0, "share", 1.0, 1.0)
    assert second.difference == pytest.approx(second.value - 1)
    assert all(row.difference is None for row in rows if row.unit != "share")


def test_what_cannot_be_compared_is_refused(folder: Path, tmp_path: Path) -> None:
    for twice in ([], ["pocket", "pocket"]):
        with pytest.raises(InvalidQuery, match="each once"):
            compare_encoders(folder, twice)
    with pytest.raises(ConfigError):
        compare_encoders(tmp_path / "nowhere", [TableEncoder()])
    with pytest.raises(InvalidQuery, match="sub-folder for each pet"):
        compare_encoders(dapples(tmp_path / "few", pets=1), [TableEncoder()])
