"""What finding is measured on: photos of known animals, a crowd of strangers, and the encoders that are measured."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from petfinder.domain.errors import ConfigError, TextNotSupported
from petfinder.domain.pets import Box
from petfinder.domain.vectors import Matrix, unit
from petfinder.domain.verdicts import Interval
from petfinder.encoders.base import Encoder, encode, identity_of
from petfinder.encoders.load import load_encoder
from petfinder.encoders.pocket import PocketEncoder, is_pocket_name, pocket_named
from petfinder.evaluation.calibration import Estimate, FoundRate
from petfinder.evaluation.evaluate import painted_out
from petfinder.evaluation.metrics import Labelled, Rows
from petfinder.photos.read import read_photo
from petfinder.training.pocket.photos import read_albums, read_held_out, read_manifest, read_places

_TEACHER_SIDE, _MASK_SIDE = 224, 321
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_CAT_AND_DOG = (8, 12)  # classes of Pascal VOC
_SAVED_EVERY = 1000

Mask = NDArray[np.bool_]
Record = dict[str, Any]
"""Figures by name, as they are printed and written as JSON; measured values are an Estimate or a FoundRate."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchPhoto:
    """One photo: its file relative to the shared folder, the animal, the species, the pet's box where one is known."""

    file: str
    animal: str
    species: str
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class Bench:
    """One bench: `photos` to search in (`rows` of all), which of them are `queries`, and strangers of either kind."""

    name: str
    rows: Rows
    photos: Labelled
    queries: Rows
    strangers: Rows
    crowd: Rows


@dataclass(frozen=True, eq=False)
class Benches:
    """All photos that the protocol looks at, and which of them (n,) are what.

    `identity`: the pets of the folder identity. `training`: all pets' photos of the folder training without edited
    copies; of these `crowd`: held out of training; `albums`: photos of even-numbered animals; `queries`: those of them
    whose animal has another photo; `several`: those queries whose animal was seen in several places.
    """

    folder: Path
    photos: tuple[BenchPhoto, ...]
    identity: Mask
    training: Mask
    crowd: Mask
    albums: Mask
    queries: Mask
    several: Mask

    def of_species(self, species: str) -> Mask:
        """Which photos show this species."""
        return np.array([photo.species == species for photo in self.photos])

    def labelled(self, embeddings: Matrix) -> Labelled:
        """The photos' embeddings (n, dims) with their animals."""
        return Labelled(np.array([photo.animal for photo in self.photos]), embeddings)

    def each(self, photos: Labelled) -> list[Bench]:
        """The benches of all `photos` (n,): identity with the crowd, albums, and those with several places."""
        return [
            self.bench("identity", photos, self.identity | self.crowd, self.identity, self.identity),
            self.bench("albums", photos, self.training, self.queries, self.queries),
            self.bench("albums, several places", photos, self.training, self.several, self.queries),
        ]

    def bench(self, name: str, photos: Labelled, gallery: Mask, queries: Mask, strangers: Mask) -> Bench:
        """One bench of these photos; all that `queries` and `strangers` mark must be in the gallery."""
        place = np.cumsum(gallery) - 1  # position in the gallery of each of all photos
        return Bench(
            name,
            np.flatnonzero(gallery),
            photos.at(gallery),
            place[queries],
            place[strangers],
            place[self.crowd & gallery],
        )


def read_benches(folder: Path) -> Benches:
    """The benches of the shared folder. Raises ConfigError where a part of it is missing."""
    try:
        known, several = _training_photos(folder)
        photos = (*_identity_photos(folder), *known)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{folder} lacks a part of the benches ({error.filename}); name the shared folder") from error
    even = np.array([re.fullmatch(r"animal\d*[02468]", photo.animal) is not None for photo in photos])
    animals, codes, counts = np.unique([photo.animal for photo in photos], return_inverse=True, return_counts=True)
    identity = np.array([photo.file.startswith("identity/") for photo in photos])
    held_out = {f"training/{file}" for file in read_held_out()}
    queries = even & (counts[codes] > 1)
    return Benches(
        folder=folder,
        photos=photos,
        identity=identity,
        training=~identity,
        crowd=np.array([photo.file in held_out for photo in photos]),
        albums=even,
        queries=queries,
        several=queries & np.isin(animals[codes], sorted(several)),
    )


def _training_photos(folder: Path) -> tuple[list[BenchPhoto], set[str]]:
    training = folder / "training"
    files, albums = read_manifest(training), read_albums(training)
    places = read_places(folder / "teacher" / "targets.npz", files)
    copies = {file for album in albums for file in album.copies}
    animal_of = {file: album.animal for album in albums for file in album.files}
    photos = [
        BenchPhoto(f"training/{photo.file}", animal_of.get(photo.file, photo.file), photo.species, _box(*box))
        for photo, box in zip(files, places.boxes.tolist(), strict=True)
        if photo.species and photo.file not in copies
    ]
    with (training / "albums.csv").open(newline="", encoding="utf-8") as lines:
        return photos, {row["animal"] for row in csv.DictReader(lines) if row["places"] == "several"}


def _identity_photos(folder: Path) -> list[BenchPhoto]:
    masks = MaskNetwork(folder / "teacher" / "deeplabv3_pets.onnx")
    photos = []
    for file in sorted((folder / "identity" / "photos").glob("*/*.jpg")):
        animal = file.parent.name
        species = "cat" if "cat" in animal else "dog"
        box = masks.box(read_photo(file).image)
        photos.append(BenchPhoto(file.relative_to(folder).as_posix(), f"identity/{animal}", species, box))
    if not photos:
        raise FileNotFoundError(2, "no photos", str(folder / "identity" / "photos"))
    return photos


def _box(left: float, top: float, right: float, bottom: float) -> Box | None:
    """The box from its corners (0 to 1); None where it is empty or the whole photo, as where no pet was found."""
    if (left, top, right, bottom) == (0, 0, 1, 1) or right <= left or bottom <= top:
        return None
    return Box(x=left, y=top, w=min(right, 1.0) - left, h=min(bottom, 1.0) - top)


def _session(weights: Path, threads: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import onnxruntime

    if not weights.is_file():
        raise FileNotFoundError(2, "missing", str(weights))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixel_values": pixels.transpose(0, 3, 1, 2)})[0]


def _pixels(picture: Image.Image, side: int) -> NDArray[np.float32]:
    """The whole picture squashed: (1, side, side, 3), 0 to 255."""
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), np.float32)[np.newaxis]


class MaskNetwork:
    """Says where the pet is, by a segmentation network trained on Pascal VOC."""

    def __init__(self, weights: Path, *, threads: int = 1) -> None:
        self._logits = _session(weights, threads)

    def mask(self, picture: Image.Image) -> NDArray[np.float32]:
        """Of each cell (41, 41) of the picture, the chance that it shows a cat or a dog."""
        logits = self._logits(_pixels(picture, _MASK_SIDE) / 127.5 - 1)[0]
        chances = np.exp(logits - logits.max(axis=0))
        found: NDArray[np.float32] = chances[list(_CAT_AND_DOG)].sum(axis=0) / chances.sum(axis=0)
        return found

    def box(self, picture: Image.Image) -> Box | None:
        """The box round all cells that are rather cat or dog than not; None where there are none."""
        pet = self.mask(picture) > 0.5
        rows, columns = np.flatnonzero(pet.any(axis=1)), np.flatnonzero(pet.any(axis=0))
        if not len(rows):
            return None
        height, width = pet.shape
        return _box(columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)


class Teacher:
    """The baseline: the starting network as it is, on the whole photo squashed to 224 px; knows no words."""

    name = "teacher"
    dims = 1280
    supports_text = False
    thresholds = None

    def __init__(self, weights: Path, *, threads: int = 1) -> None:
        self._weights = weights
        self._embed = _session(weights, threads)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the weights."""
        return hashlib.sha256(self._weights.read_bytes()).hexdigest()[:16]

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, 1280) of upright RGB pictures, unit length."""
        pixels = (_pixels(picture, _TEACHER_SIDE) / np.float32(255) for picture in pictures)
        return unit(np.concatenate([self._embed((one - _MEAN) / _SPREAD) for one in pixels]))

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Always raises TextNotSupported."""
        raise TextNotSupported("the teacher knows pictures only")


class EmbeddingCache:
    """Embeddings of photos by file, kept in one file for each encoder's fingerprint.

    Empty the folder when the reading of photos changes: that is not in the fingerprint.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        identity = identity_of(encoder)
        self._encoder = encoder
        self._file = folder / f"{identity.name.replace('/', '_')}-{identity.fingerprint}.npz"
        self._known: dict[str, NDArray[np.float32]] = {}
        if self._file.is_file():
            with np.load(self._file) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["embeddings"], strict=True))

    def whole(self, benches: Benches) -> Matrix:
        """Embeddings (n, dims) of all photos of the benches."""
        return self._embed(benches, {photo.file: photo for photo in benches.photos}, erased=False)

    def erased(self, benches: Benches, rows: Iterable[int]) -> Matrix:
        """Embeddings of the photos at these positions with the pet painted out, where its box is known."""
        photos = {f"{benches.photos[row].file} without pet": benches.photos[row] for row in rows}
        return self._embed(benches, photos, erased=True)

    def _embed(self, benches: Benches, photos: dict[str, BenchPhoto], *, erased: bool) -> Matrix:
        missing = [key for key in photos if key not in self._known]
        for done, key in enumerate(tqdm(missing, desc=self._encoder.name, unit="photo", disable=None), 1):
            picture, box = read_photo(benches.folder / photos[key].file).image, photos[key].box
            self._known[key] = encode(self._encoder, [painted_out(picture, box) if erased and box else picture])[0]
            if done % _SAVED_EVERY == 0 or done == len(missing):
                self._save()
        return np.stack([self._known[key] for key in photos])

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".part.npz")
        np.savez(unfinished, keys=np.array(list(self._known)), embeddings=np.stack(list(self._known.values())))
        unfinished.replace(self._file)


def measuring_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options of `python -m petfinder.training.pocket.MODULE`, which `run` reads."""
    parser = argparse.ArgumentParser(prog=f"python -m petfinder.training.pocket.{module}", description=description)
    parser.add_argument("--shared", type=Path, required=True, help="folder with training, identity and teacher")
    parser.add_argument("--encoder", action="append", help="pocket, teacher, a NAME.onnx or any name; may be repeated")
    parser.add_argument("--cache", type=Path, help="folder that keeps embeddings for the next run; else a passing one")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of an encoder")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def run(options: argparse.Namespace, measure: Callable[[Encoder, Benches, Path], tuple[str, Record]]) -> None:
    """Measure each encoder that was named, else pocket: print the text, and write the records to the JSON file.

    `measure` is given the encoder, the benches and the folder that keeps embeddings. Raises ConfigError.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    benches = read_benches(options.shared)
    records = []
    with tempfile.TemporaryDirectory() as passing:
        for name in options.encoder or ["pocket"]:
            encoder = encoder_named(name, options.shared, threads=options.threads)
            logger.info("measuring %s", encoder.name)
            text, record = measure(encoder, benches, options.cache or Path(passing))
            typer.echo(text)
            records.append(record)
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1, default=asdict) + "\n", encoding="utf-8")


def encoder_named(name: str, shared: Path, *, threads: int) -> Encoder:
    """`teacher`, a weights file of pocket's kind (NAME.onnx), or any encoder that petfinder knows by name."""
    if name == "teacher":
        return Teacher(shared / "teacher" / "mobilenetv2_features.onnx", threads=threads)
    if is_pocket_name(name):
        return pocket_named(name, threads=threads)
    return PocketEncoder(weights=Path(name), threads=threads) if name.endswith(".onnx") else load_encoder(name)


def table(rows: Sequence[Record]) -> str:
    """Records with the same fields as aligned columns under the fields' names."""
    lines = [[*rows[0]], *([as_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_text(value: object) -> str:
    """A figure as it is printed: shares with their 95 % interval, found rates with the threshold too."""
    if isinstance(value, Estimate):
        return f"{value.value:.3f} ({value.low:.3f}-{value.high:.3f})"
    if isinstance(value, FoundRate):
        return f"{as_text(value.share)} above {value.threshold:.3f}"
    if isinstance(value, Interval):
        return f"{value.low:.3f}-{value.high:.3f}"
    return f"{value:.3f}" if isinstance(value, float) else "-" if value is None else str(value)
