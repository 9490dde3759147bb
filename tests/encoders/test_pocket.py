"""The built-in encoder: the same numbers on any number of threads, from one session; its fingerprint and thresholds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.encoders.pocket import WEIGHTS, PocketEncoder
from tests.encoders.tiny_models import blots

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = '{"dog": {"measured": [{"pets": 10, "match": 0.7, "possible": 0.5}], "source": "a test"}}'


def in_a_new_python(code: str, home: Path) -> str:
    """What a script prints in a process of its own, with an empty home folder and no switch set."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**surroundings, "HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pocket() -> PocketEncoder:
    return PocketEncoder(threads=1)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_picture_has_the_same_embedding_alone_in_a_batch_and_on_any_number_of_threads(
    pocket: PocketEncoder, threads: int
) -> None:
    many, encoder = blots(3), PocketEncoder(threads=threads)
    alone = np.concatenate([encoder.encode_images([picture]) for picture in many])
    for rows in (alone, encoder.encode_images(many)):
        assert np.einsum("ij,ij->i", rows.astype(float), pocket.encode_images(many)).min() >= 1 - 1e-6


def test_weights_that_were_replaced_between_a_single_picture_and_a_batch_are_refused(tmp_path: Path) -> None:
    weights = Path(shutil.copy(WEIGHTS, tmp_path / "mine.onnx"))
    encoder = PocketEncoder(weights=weights, threads=2)
    encoder.encode_images(blots(1))
    weights.write_bytes(WEIGHTS.read_bytes() + b"\x32\x01x")  # the same network with a doc_string of its own
    with pytest.raises(EncoderUnavailable, match="were replaced"):
        encoder.encode_images(blots(2))
    assert len(encoder.encode_images(blots(1))) == 1


def test_different_pictures_have_different_embeddings(pocket: PocketEncoder) -> None:
    one, other = pocket.encode_images(blots(2))
    assert float(one @ other) < 0.99


def test_real_photos_of_one_animal_are_nearer_than_those_of_another(pocket: PocketEncoder, shared: Path) -> None:
    folders = sorted(folder for folder in (shared / "identity").rglob("*") if len(list(folder.glob("*.jpg"))) >= 2)[:4]
    if len(folders) < 4:
        pytest.skip("the folder ../shared/identity holds no folders of photos")
    photos = [Image.open(file).convert("RGB") for folder in folders for file in sorted(folder.glob("*.jpg"))[:2]]
    embeddings = pocket.encode_images(photos)
    similarities = embeddings @ embeddings.T
    same = np.mean([similarities[n, n + 1] for n in range(0, len(photos), 2)])
    other = np.mean([similarities[n, (n + 2) % len(photos)] for n in range(0, len(photos), 2)])
    assert same > other + 0.1


def test_a_text_is_refused(pocket: PocketEncoder) -> None:
    assert not pocket.supports_text
    with pytest.raises(TextNotSupported, match="clip-ViT-B-32"):
        pocket.encode_texts(["a black dog"])


def test_threads_that_come_first_together_read_the_weights_once_and_a_batch_once_more(tmp_path: Path) -> None:
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; from threading import Barrier;"
        "from PIL import Image; from petfinder.encoders.pocket import PocketEncoder;"
        "opened = []; sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None);"
        "encoder, together, black = PocketEncoder(threads=2), Barrier(6), Image.new('RGB', (50, 40));"
        "encode = lambda n: (together.wait(30), encoder.encode_images([black]))[1];"
        "found = list(ThreadPoolExecutor(6).map(encode, range(6)));"
        "print(len(found), sum(name.endswith('.onnx') for name in opened));"
        "encoder.encode_images([black] * 2), encoder.encode_images([black] * 3);"
        "print(sum(name.endswith('.onnx') for name in opened))"
    )
    assert in_a_new_python(code, tmp_path).split() == ["6", "1", "2"]


def test_the_fingerprint_stays_and_changes_with_the_weights(tmp_path: Path) -> None:
    same = Path(shutil.copy(WEIGHTS, tmp_path / "same.onnx"))
    other = tmp_path / "other.onnx"
    other.write_bytes(WEIGHTS.read_bytes() + b"\0")
    assert PocketEncoder(weights=same).fingerprint == PocketEncoder().fingerprint
    assert PocketEncoder(weights=other).fingerprint != PocketEncoder().fingerprint
    assert len(PocketEncoder().fingerprint) == 16


def test_what_is_known_without_onnxruntime_and_that_encoding_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import os, sys; from PIL import Image; from petfinder.encoders.pocket import PocketEncoder;"
        "e = PocketEncoder();"
        "print(e.name, e.dims, len(e.fingerprint), e.thresholds is None or 'dog' in e.thresholds,"
        "'onnxruntime' in sys.modules);"
        "print(e.encode_images([Image.new('RGB', (50, 40))]).shape, os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    assert in_a_new_python(code, tmp_path).splitlines() == ["pocket-3 512 16 True False", "(1, 512) 1"]
    assert list(tmp_path.iterdir()) == []


def test_thresholds_are_read_beside_the_weights(tmp_path: Path) -> None:
    weights = tmp_path / "mine.onnx"
    assert PocketEncoder(weights=weights).thresholds is None
    (tmp_path / "mine.thresholds.json").write_text(THRESHOLDS)
    thresholds = PocketEncoder(weights=weights).thresholds
    assert thresholds is not None
    assert thresholds["dog"].at(10).match == 0.7


@pytest.mark.parametrize("broken", ["{", "[]", '{"dog": 3}', '{"dog": {"measured": []}}'])
def test_broken_thresholds_are_refused(tmp_path: Path, broken: str) -> None:
    (tmp_path / "mine.thresholds.json").write_text(broken)
    with pytest.raises(ConfigError):
        _ = PocketEncoder(weights=tmp_path / "mine.onnx").thresholds


@pytest.mark.parametrize(("kept", "refusal"), [(None, "install petfinder-registry again"), (10_000, "not an encoder")])
def test_weights_that_are_missing_or_torn_are_refused_with_what_to_do(
    tmp_path: Path, kept: int | None, refusal: str
) -> None:
    weights = tmp_path / "mine.onnx"
    if kept is not None:
        weights.write_bytes(WEIGHTS.read_bytes()[:kept])
    with pytest.raises(EncoderUnavailable, match=refusal) as caught:
        PocketEncoder(weights=weights).encode_images(blots(1))
    assert kept is not None or isinstance(caught.value.__cause__, OSError)


def test_an_encoder_without_threads_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 thread"):
        PocketEncoder(threads=0)


def test_the_weights_stay_small_enough_for_a_package() -> None:
    assert WEIGHTS.stat().st_size <= 24_000_000
