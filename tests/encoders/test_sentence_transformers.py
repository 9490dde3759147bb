"""Models by name through the real sentence-transformers: pictures, texts, pairs, and what must be refused."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from petfinder.domain.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.encoders.base import identity_of
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder
from tests.encoders.tiny_models import DIMS, blots, change_preprocessing, change_weights, save_bert

pytest.importorskip("sentence_transformers", reason="the clip extra is not installed")

TEXTS = ["a dog", "a small black cat with a collar", "dog"]


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def clip(clip_folder: Path) -> SentenceTransformersEncoder:
    return SentenceTransformersEncoder(str(clip_folder))


@pytest.fixture
def clip_copy(clip_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_folder, tmp_path / "copy"))


def test_a_text_has_the_same_embedding_alone_and_beside_longer_ones(clip: SentenceTransformersEncoder) -> None:
    alone = np.concatenate([clip.encode_texts([text]) for text in TEXTS])
    assert clip.supports_text
    assert alone.shape == (3, DIMS)
    assert clip.encode_texts([]).shape == (0, DIMS)
    np.testing.assert_allclose(clip.encode_texts(TEXTS), alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)


def test_loading_is_silent(clip_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    SentenceTransformersEncoder(str(clip_folder)).encode_images(blots(3))
    assert capfd.readouterr() == ("", "")


def test_the_fingerprint_stays_for_a_copy(clip: SentenceTransformersEncoder, clip_copy: Path) -> None:
    assert SentenceTransformersEncoder(str(clip_copy)).fingerprint == clip.fingerprint
    assert len(clip.fingerprint) == 16


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: change_weights(folder, add=0.001),
        lambda folder: change_preprocessing(folder, do_center_crop=False, size=[32, 32]),
    ],
    ids=["weights", "preprocessing"],
)
def test_the_fingerprint_changes_with_the_model(
    clip: SentenceTransformersEncoder, clip_copy: Path, change: Callable[[Path], Path]
) -> None:
    assert SentenceTransformersEncoder(str(change(clip_copy))).fingerprint != clip.fingerprint


def test_a_folder_is_named_in_full_and_found_again_by_that_name(
    clip: SentenceTransformersEncoder, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip_folder.parent)
    by_short_name = SentenceTransformersEncoder("clip")
    assert by_short_name.name == str(clip_folder.resolve())
    monkeypatch.chdir("/")
    assert identity_of(SentenceTransformersEncoder(by_short_name.name)) == identity_of(clip)


def test_a_pair_reads_pictures_with_one_model_and_texts_with_the_other(
    clip: SentenceTransformersEncoder, clip_folder: Path, bert_folder: Path
) -> None:
    pair = SentenceTransformersEncoder(f"{clip_folder}+{bert_folder}")
    assert pair.name == f"{clip.name}+{bert_folder.resolve()}"
    assert pair.supports_text
    np.testing.assert_allclose(pair.encode_images(blots(2)), clip.encode_images(blots(2)), atol=1e-6)
    texts = pair.encode_texts(TEXTS)
    assert texts.shape == (3, DIMS)
    assert not np.allclose(texts, clip.encode_texts(TEXTS), atol=0.05)
    again = SentenceTransformersEncoder(pair.name)
    assert identity_of(again) == identity_of(pair)
    np.testing.assert_allclose(again.encode_texts(TEXTS), texts, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("clip-ViT-B-32-multilingual-v1", "clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"),
        ("sentence-transformers/clip-ViT-B-32-multilingual-v1", "clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"),
        ("sentence-transformers/clip-ViT-B-32", "clip-ViT-B-32"),
        ("google/siglip-base-patch16-224", "google/siglip-base-patch16-224"),
    ],
)
def test_a_student_that_reads_texts_only_stands_for_its_pair(given: str, name: str) -> None:
    assert SentenceTransformersEncoder(given).name == name


def test_a_model_that_reads_texts_only_is_given_no_picture(bert_folder: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="name the image model"):
        SentenceTransformersEncoder(str(bert_folder)).encode_images(blots(1))


def test_a_text_model_of_another_space_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    pair = SentenceTransformersEncoder(f"{clip_folder}+{save_bert(tmp_path / 'wide', dims=24)}")
    with pytest.raises(ConfigError, match="do not share a space"):
        pair.encode_texts(TEXTS)


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (lambda folder: change_weights(folder, drop="visual_projection.weight"), "would be random"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "vocabulary"),
        (lambda folder: [file.unlink() for file in folder.iterdir()], "cannot be loaded"),
    ],
    ids=["weights", "vocabulary", "all files"],
)
def test_a_model_that_is_not_whole_is_refused_and_not_made_up(
    clip_copy: Path, spoil: Callable[[Path], object], refusal: str
) -> None:
    spoil(clip_copy)
    with pytest.raises(EncoderUnavailable, match=refusal):
        SentenceTransformersEncoder(str(clip_copy)).encode_images(blots(1))


def test_a_model_without_words_refuses_texts(clip_folder: Path, tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder = tmp_path / "eyes"
    config = CLIPVisionConfig.from_pretrained(clip_folder)
    assert isinstance(config, CLIPVisionConfig)
    CLIPVisionModel(config).save_pretrained(folder)
    CLIPImageProcessorPil.from_pretrained(clip_folder).save_pretrained(folder)
    encoder = SentenceTransformersEncoder(str(folder))
    assert encoder.encode_images(blots(2)).shape == (2, 16)
    assert not encoder.supports_text
    with pytest.raises(TextNotSupported, match="pictures only"):
        encoder.encode_texts(TEXTS)


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:x", ""])
def test_an_unknown_device_is_refused_at_once(device: str) -> None:
    with pytest.raises(ConfigError, match="unknown device"):
        SentenceTransformersEncoder("clip-ViT-B-32", device=device)


def test_a_device_that_is_not_there_is_refused(clip_folder: Path) -> None:
    with pytest.raises(ConfigError, match="no device 'cuda:99'"):
        SentenceTransformersEncoder(str(clip_folder), device="cuda:99").encode_images(blots(1))


def test_the_cpu_can_be_asked_for_by_name(clip: SentenceTransformersEncoder, clip_folder: Path) -> None:
    on_cpu = SentenceTransformersEncoder(str(clip_folder), device="cpu")
    np.testing.assert_allclose(on_cpu.encode_images(blots(2)), clip.encode_images(blots(2)), atol=1e-3)


def test_a_missing_package_is_refused_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"pip install .*\[clip\]'"):
        SentenceTransformersEncoder("clip-ViT-B-32").encode_images(blots(1))
