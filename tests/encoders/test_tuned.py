"""An encoder from a file: the same after a round trip, known by name and weights, refused where its base changed."""

from __future__ import annotations

import errno
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain.errors import ConfigError, EncoderUnavailable, InvalidQuery, TextNotSupported
from petfinder.domain.verdicts import Quantiles, Thresholds
from petfinder.encoders import load
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.projection import Normaliser
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder
from petfinder.encoders.tuned import Metrics, ModelCard, Tuned, check_new_file, read_tuned
from petfinder.training.fit import Views, fit
from petfinder.training.tune import tune_pets
from tests.encoders.tiny_models import DIMS, change_weights, save_clip
from tests.own_pets import LightEncoder, draw_pets

CARD = ModelCard(9, 9, 40, 3, 4.0, Metrics(0.5, 0.4, 0.1), Metrics(0.7, 0.6, 0.3), 0.2, 0.1, 0.3)
THRESHOLDS = Thresholds(measured=(Quantiles(pets=4, match=0.9, possible=0.7),), source="drawn pets")


def made_up(base: EncoderIdentity, *, dims: int = 6, seed: int = 0) -> Tuned:
    draw = np.random.default_rng(seed)
    mean = draw.normal(0, 0.1, base.dims).astype(np.float32)
    matrix = draw.normal(size=(base.dims, dims)).astype(np.float32)
    return Tuned(base, Normaliser(mean, matrix), "dog", THRESHOLDS, CARD)


def pictures(count: int = 5) -> list[Image.Image]:
    draw = np.random.default_rng(1)
    return [Image.fromarray(draw.integers(0, 255, (40, 50, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_TUNED", {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made_up(identity_of(LightEncoder())).save(tmp_path / "shelter.npz")
    return tmp_path / "shelter.npz"


@pytest.mark.parametrize("name", ["shelter", "犬_é²"])
def test_a_file_gives_back_what_was_saved_and_its_name_stays_when_it_is_renamed(tmp_path: Path, name: str) -> None:
    saved = made_up(identity_of(LightEncoder())).save(tmp_path / f"{name}.npz")

    read = read_tuned((tmp_path / f"{name}.npz").rename(tmp_path / "other.npz"))

    np.testing.assert_array_equal(read.normaliser.mean, saved.normaliser.mean)
    np.testing.assert_array_equal(read.normaliser.matrix, saved.normaliser.matrix)
    assert (read.base, read.card, read.species, read.thresholds) == (saved.base, CARD, "dog", THRESHOLDS)
    assert read.name == saved.name == f"tuned:{name}@light-1"


def test_it_is_an_encoder_whose_fingerprint_changes_with_the_matrix_and_with_the_base(file: Path) -> None:
    encoder = pf.load_encoder(str(file), base=LightEncoder())
    base = identity_of(LightEncoder())

    together = encoder.encode_images(pictures())
    alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures()])
    others = made_up(base, seed=1), made_up(replace(base, fingerprint="l2"))

    assert isinstance(encoder, Encoder)
    assert (encoder.name, encoder.dims, encoder.supports_text) == ("tuned:shelter@light-1", 6, False)
    assert encoder.thresholds == {"dog": THRESHOLDS}
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert encoder.encode_images([]).shape == (0, 6)
    with pytest.raises(TextNotSupported):
        encoder.encode_texts(["a brown dog"])
    assert made_up(base).identity == made_up(base).identity
    assert len({tuned.identity.fingerprint for tuned in (made_up(base), *others)}) == 3


def test_a_base_that_has_changed_and_what_is_no_such_file_are_refused(tmp_path: Path, file: Path) -> None:
    made_up(EncoderIdentity("pocket-99", 8, "p")).save(tmp_path / "old.npz")
    np.savez(tmp_path / "foreign.npz", a=np.ones(3))

    with pytest.raises(EncoderUnavailable, match="tune anew"):
        pf.load_encoder(str(file), base=LightEncoder(fingerprint="l2")).encode_images(pictures())
    with pytest.raises(EncoderUnavailable, match=r"pocket-99.*base="):
        pf.load_encoder(str(tmp_path / "old.npz")).encode_images(pictures())
    for content in (b"", b"not a zip", file.read_bytes()[:400]):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(EncoderUnavailable, match="broken"):
            pf.load_encoder(str(tmp_path / "broken.npz"))
    for name, said in {
        "foreign.npz": "foreign",
        "missing.npz": "missing",
        "~no-such-user/x.npz": "no-such-user",
    }.items():
        with pytest.raises(EncoderUnavailable, match=said):
            pf.load_encoder(name if name[0] == "~" else str(tmp_path / name))
    with pytest.raises(ConfigError, match="base="):
        pf.load_encoder("pocket", base=LightEncoder())


@pytest.mark.parametrize("name", ["plain", "no space.npz", "a@b.npz", "missing/it.npz", "shelter.npz"])
def test_where_it_cannot_be_saved_is_said(file: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        made_up(identity_of(LightEncoder())).save(file.parent / name)


def test_thresholds_hold_for_the_species_they_were_measured_on(file: Path) -> None:
    with pf.connect(":memory:", encoder=pf.load_encoder(str(file), base=LightEncoder())) as registry:
        registry.dogs.register(pf.Dog(pet_id="rex", photos=[pf.Photo(source=pictures()[0])]))
        registry.cats.register(pf.Cat(pet_id="tom", photos=[pf.Photo(source=pictures()[0])]))

        assert registry.dogs.find(pictures()[0]).thresholds_source == "drawn pets"
        assert registry.cats.find(pictures()[0]).thresholds_source.startswith("never calibrated")


def _changed(content: bytes, place: int, value: int) -> bytes:
    """The archive with one byte of its first entry in the directory changed."""
    at = content.index(b"PK\x01\x02") + place
    return content[:at] + bytes([value]) + content[at + 1 :]


def _packed(content: bytes, method: int, change: Callable[[bytes], bytes]) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as before, zipfile.ZipFile(made, "w", method) as after:
        for name in before.namelist():
            after.writestr(name, change(before.read(name)))
    return made.getvalue()


def _with_header(content: bytes) -> bytes:
    """The archive with a mean that says to be huge, its header as long as it was."""
    old, new = b"(8,), }" + b" " * 15, b"(" + b"9" * 16 + b",), }"
    return _packed(content, zipfile.ZIP_STORED, lambda part: part.replace(old, new))


def _deflated(content: bytes) -> bytes:
    """The archive pressed, with the pressed mean overwritten."""
    pressed = _packed(content, zipfile.ZIP_DEFLATED, lambda part: part)
    return pressed[:40] + b"\xff" * 20 + pressed[60:]


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (_deflated, zlib.error),
        (lambda content: _changed(content, 8, 1), RuntimeError),
        (lambda content: _changed(content, 10, 99), NotImplementedError),
        (_with_header, MemoryError),
    ],
)
def test_damage_is_one_error(file: Path, damage: Callable[[bytes], bytes], cause: type[Exception]) -> None:
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(EncoderUnavailable, match="damaged") as refused:
        read_tuned(file)

    assert isinstance(refused.value.__cause__, cause)


def _told(part: str, **changed: object) -> Callable[[dict[str, Any]], None]:
    return lambda stored: stored["about"][part].update(changed)


@pytest.mark.parametrize(
    "change",
    [
        _told("base", name=3),
        _told("base", dims="8"),
        _told("card", pets="nine"),
        _told("card", gain=float("nan")),
        _told("card", before={"rank1": 0.5}),
        lambda stored: stored["about"]["thresholds"]["measured"][0].update(match=float("inf")),
        lambda stored: stored["about"].update(label="a@b"),
        lambda stored: stored["about"].update(species=""),
        lambda stored: stored["about"].pop("species"),
        lambda stored: stored["about"].update(format=2),
        lambda stored: stored.update(mean=stored["mean"][:7]),
        lambda stored: stored.update(mean=stored["mean"] * np.float32(np.inf)),
        lambda stored: stored.update(matrix=stored["matrix"].astype(np.complex64)),
        lambda stored: stored.update(matrix=np.full_like(stored["matrix"], np.nan)),
        lambda stored: stored.update(about=json.loads("[" * 900 + "]" * 900)),
    ],
)
def test_what_does_not_fit_is_refused(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with np.load(file) as content:
        stored: dict[str, Any] = {**content, "about": json.loads(str(content["about"]))}
    np.savez(file, **{**stored, "about": json.dumps(stored["about"])})
    assert read_tuned(file).species == "dog"
    change(stored)
    np.savez(file, **{**stored, "about": json.dumps(stored["about"])})

    with pytest.raises(EncoderUnavailable, match="damaged"):
        read_tuned(file)


def test_saving_leaves_nothing_behind_and_keeps_a_file_that_came_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, file, plain = tmp_path / "x.npz.part", tmp_path / "x.npz", tmp_path / "plain"
    other.write_bytes(b"another's")
    tuned, real = made_up(identity_of(LightEncoder())), np.savez

    def broken_off(out: BinaryIO, **_: object) -> None:
        out.write(b"half")
        raise KeyboardInterrupt

    def overtaken(out: BinaryIO, **parts: Any) -> None:
        real(out, **parts)
        file.write_bytes(b"came first")

    monkeypatch.setattr(np, "savez", broken_off)
    with pytest.raises(KeyboardInterrupt):
        tuned.save(file)
    assert list(tmp_path.iterdir()) == [other]

    monkeypatch.setattr(np, "savez", overtaken)
    with pytest.raises(ConfigError, match="there already"):
        tuned.save(file)
    assert file.read_bytes() == b"came first"
    file.unlink()

    monkeypatch.setattr(np, "savez", real)
    tuned.save(file)
    plain.touch()
    assert sorted(tmp_path.iterdir()) == [plain, file, other]
    assert other.read_bytes() == b"another's"
    assert file.stat().st_mode == plain.stat().st_mode


def test_where_it_can_go_is_known_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert check_new_file("~/x.npz") == tmp_path / "x.npz"
    assert list(tmp_path.iterdir()) == []
    for name in (f"{'犬' * 100}.npz", f"{'folder' * 100}/x.npz"):
        with pytest.raises(ConfigError, match="cannot be written"):
            check_new_file(tmp_path / name)
    monkeypatch.setattr(tempfile, "mkdtemp", Mock(side_effect=PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(ConfigError, match=r"cannot be written \(Permission denied\)"):
        check_new_file(tmp_path / "x.npz")


def test_a_fit_of_few_dims_is_the_matrix_worked_out_by_hand() -> None:
    draw = np.random.default_rng(0)
    embeddings = draw.normal(size=(12, 3, 4)).astype(np.float32)
    ids = np.repeat(["a", "b", "c", "d"], 3)
    rows = embeddings.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    mean = rows[:, 0].mean(axis=0)
    seen = rows - mean
    seen /= np.linalg.norm(seen, axis=2, keepdims=True)
    within = np.zeros((4, 4))
    for photo in seen:
        within += sum(np.outer(view - photo.mean(0), view - photo.mean(0)) for view in photo)
    mates = np.zeros((4, 4))
    for pet in range(4):
        group = seen[3 * pet : 3 * pet + 3, 0]
        mates += sum(np.outer(one - group.mean(0), one - group.mean(0)) for one in group)
    scatter = within / np.trace(within) + 0.5 * mates / np.trace(mates)
    wanted = np.linalg.inv(scatter * 4 / np.trace(scatter) + 2.0 * np.eye(4))

    matrix = fit(Views(ids, embeddings), dims=4, ridges=(2.0,))[2.0].matrix.astype(np.float64)

    np.testing.assert_allclose(matrix @ matrix, wanted, atol=1e-5)


def test_a_sentence_transformers_model_is_tuned_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="the extra 'clip' is not installed")
    folder = str(save_clip(tmp_path / "clip"))
    base = SentenceTransformersEncoder(folder)
    try:
        tuned = tune_pets(pf.read_folder(draw_pets(tmp_path / "photos")), base, views=2).tuned
    except InvalidQuery:  # random weights may see the drawn colours as well as can be
        tuned = made_up(identity_of(base), dims=DIMS)
    tuned.save(tmp_path / "mine.npz")

    embeddings = pf.load_encoder(str(tmp_path / "mine.npz")).encode_images(pictures())

    wanted = tuned.normaliser.apply(base.encode_images(pictures()))
    np.testing.assert_allclose(embeddings, wanted, atol=1e-5)
    change_weights(Path(folder), add=0.01)
    load._sentence_transformers.cache_clear()
    with pytest.raises(EncoderUnavailable, match="tune anew"):
        pf.load_encoder(str(tmp_path / "mine.npz")).encode_images(pictures())
