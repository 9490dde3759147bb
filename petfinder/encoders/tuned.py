"""An encoder tuned on one's own pets: another encoder's embeddings, read by the mean and matrix of a file."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from petfinder.domain.animals import Animals
from petfinder.domain.errors import ConfigError, EncoderUnavailable, TextNotSupported
from petfinder.domain.vectors import Matrix
from petfinder.domain.verdicts import AnyThresholds, Thresholds
from petfinder.encoders.base import Encoder, EncoderIdentity, encode_with_animals, identity_of
from petfinder.encoders.projection import Normaliser


class TunedEncoder:
    """Pictures to embeddings (n, dims) by a base encoder and a matrix; knows no words, whatever its base does.

    `load_base` is called once, at the first picture; what it gives must be the encoder that `tuned` was fitted on.
    """

    supports_text = False

    def __init__(self, tuned: Tuned, load_base: Callable[[], Encoder]) -> None:
        self.tuned = tuned
        identity = tuned.identity
        self.name, self.dims, self.fingerprint = identity.name, identity.dims, identity.fingerprint
        self._load_base = load_base
        self._loading = Lock()
        self._base: Encoder | None = None

    def __repr__(self) -> str:
        return f"TunedEncoder({self.name})"

    @property
    def thresholds(self) -> AnyThresholds:
        """What was measured when it was tuned, for the species that it was measured on."""
        return {self.tuned.species: self.tuned.thresholds}

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        """Embeddings (n, dims) of upright pictures, unit length, float32; raises EncoderUnavailable, EncoderError."""
        return self.encode_with_animals(pictures)[0]

    def encode_with_animals(self, pictures: Sequence[Image.Image]) -> tuple[Matrix, Sequence[Animals | None]]:
        """Encode, and box the animals where the base can; errors as of `encode_images`."""
        if not len(pictures):
            return np.empty((0, self.dims), dtype=np.float32), []
        with self._loading:
            self._base = self._base or self._checked_base()
        rows, animals = encode_with_animals(self._base, pictures)
        return self.tuned.normaliser.apply(rows), animals

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """Always raises TextNotSupported."""
        way = f"to search by words, keep a registry with {self.tuned.base.name} itself, where that reads words"
        raise TextNotSupported(f"the encoder {self.name} is tuned on photos, and words are no longer near them; {way}")

    def _checked_base(self) -> Encoder:
        wanted = self.tuned.base
        try:
            base = self._load_base()
            given = identity_of(base)  # some load their weights only now
        except EncoderUnavailable as error:
            way = "tune anew with `petfinder train`, or give it: load_encoder('FILE.npz', base=load_encoder(NAME))"
            told = f"{self.name} is tuned on {wanted.name!r}, which cannot be had: {error}; {way}"
            raise EncoderUnavailable(told) from error
        if not given.is_same(wanted):
            raise EncoderUnavailable(
                f"{self.name} is tuned on {wanted}, not on {given}: tune anew by `petfinder train`"
            )
        return base


_UNFINISHED = ".petfinder-"
ENDING = ".npz"
PREFIX = "tuned:"  # no published model and no folder's full path begins so
_LABEL = re.compile(r"[\w.-]{1,100}")


@dataclass(frozen=True)
class Metrics:
    """How well pets that it was not tuned on are found, means over the folds: rank-1, mAP, TPIR at FPIR 0.01."""

    rank1: float
    mean_precision: float
    found: float

    @property
    def together(self) -> float:
        """The sum of the three, by which strengths are compared: each alone is at the mercy of a few photos."""
        return self.rank1 + self.mean_precision + self.found

    def __str__(self) -> str:
        return f"rank-1 {self.rank1:.1%}, mAP {self.mean_precision:.1%}, found at 1 % {self.found:.1%}"


@dataclass(frozen=True)
class ModelCard:
    """On how much an encoder was tuned, how strongly, and what that gave.

    `several`: pets with several photos. `gain`: of the mAP; `low` and `high` hold 95 % of a bootstrap over pets.
    """

    pets: int
    several: int
    photos: int
    views: int
    ridge: float
    before: Metrics
    after: Metrics
    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.photos} photos of {self.pets} pets, {self.several} of them with several photos\n"
            f"  before: {self.before}\n  after:  {self.after}\n"
            f"  mAP {self.gain:+.1%} ({self.low:+.1%} to {self.high:+.1%}), on pets that it was not fitted on"
        )


@dataclass(frozen=True, eq=False)
class Tuned:
    """An encoder tuned: on which `base`, by which mean and matrix, with the thresholds measured for it and its card.

    `species`: of the pets that the thresholds were measured on; they hold for no other. `label` is the stem of the
    file it was first saved to, and stays when the file is renamed.
    """

    base: EncoderIdentity
    normaliser: Normaliser
    species: str
    thresholds: Thresholds
    card: ModelCard
    label: str = ""

    def __str__(self) -> str:
        return f"{self.name or f'{self.base.name}, tuned'}: {self.card}"

    @property
    def name(self) -> str:
        """What an index remembers it by: `tuned:shelter@pocket-3` for a file shelter.npz; empty until it is saved."""
        return f"{PREFIX}{self.label}@{self.base.name}" if self.label else ""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, dims and a fingerprint that changes with the base's and with the matrix."""
        base = json.dumps([self.base.name, self.base.dims, self.base.fingerprint])
        weights = self.normaliser.mean.tobytes() + self.normaliser.matrix.tobytes()
        fingerprint = hashlib.sha256(base.encode() + weights).hexdigest()[:16]
        return EncoderIdentity(self.name, self.normaliser.matrix.shape[1], fingerprint)

    def save(self, path: Path | str) -> Tuned:
        """Write it to a new file, whose stem becomes its label, and give it as it is there; raises ConfigError."""
        file = check_new_file(path)
        named = replace(self, label=file.stem)
        about = _About.model_validate(named, from_attributes=True).model_dump_json(exclude_none=True)
        with _new(file) as out:
            np.savez(out, mean=self.normaliser.mean, matrix=self.normaliser.matrix, about=about)
        return named


class _About(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, regex_engine="python-re")

    format: Literal[1] = 1
    label: str = Field(pattern=rf"^{_LABEL.pattern}\Z")
    species: str = Field(min_length=1)
    base: EncoderIdentity
    thresholds: Thresholds
    card: ModelCard


def is_tuned_file(name: str) -> bool:
    """Whether an encoder's name is that of a file of a tuned encoder."""
    return name.lower().endswith(ENDING)


def is_tuned_name(name: str) -> bool:
    """Whether an index that remembers this name was filled by a tuned encoder."""
    return name.startswith(PREFIX)


def base_of(name: str) -> str:
    """The name of the encoder that lies below a tuned one; any other name stays as it is."""
    return name.partition("@")[2] if is_tuned_name(name) else name


def file_of(name: str) -> str:
    """The name of the file that a tuned encoder was saved to: `shelter.npz` of `tuned:shelter@pocket-3`."""
    return name.removeprefix(PREFIX).split("@", 1)[0] + ENDING


def check_new_file(path: Path | str) -> Path:
    """The file that a tuned encoder may be saved to, `~` put in full; nothing is left in its folder.

    Raises ConfigError for one that is there or cannot be made, also where the folder cannot be written to.
    """
    file = Path(path)
    with suppress(RuntimeError):  # nobody's home: then the name is no folder's
        file = file.expanduser()
    if not is_tuned_file(file.name) or not _LABEL.fullmatch(file.stem):
        raise ConfigError(f"{file.name!r} names no encoder: letters, digits, '-', '_', '.', and {ENDING} at the end")
    with _new(file):
        pass
    file.unlink()
    return file


@contextmanager
def _new(file: Path) -> Iterator[BinaryIO]:
    """Write a whole file beside its place, then put it there unless one is or came first; raises ConfigError."""
    try:
        with TemporaryDirectory(dir=file.parent, prefix=_UNFINISHED) as place:
            whole = Path(place, file.name)
            with whole.open("wb") as out:
                yield out
            file.hardlink_to(whole)
    except FileExistsError as error:
        raise ConfigError(f"{file} is there already, and an index may need it; name another file") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror or error}); name another place") from error


def read_tuned(path: Path | str) -> Tuned:
    """The tuned encoder in a file; raises EncoderUnavailable where there is none or something else."""
    file = Path(path)
    try:
        file = file.expanduser()
        with file.open("rb") as content, np.load(content, allow_pickle=False) as stored:
            return _from(stored["mean"], stored["matrix"], str(stored["about"]))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise EncoderUnavailable(f"{file} cannot be read ({why}): name what `petfinder train` wrote") from error
    except Exception as error:  # on damaged bytes numpy and zipfile raise nearly anything
        raise EncoderUnavailable(f"{file} is not an encoder as `petfinder train` writes it, or is damaged") from error


def _from(mean: Any, matrix: Any, record: str) -> Tuned:
    json.loads(record, parse_float=_finite, parse_constant=_finite)
    about = _About.model_validate_json(record)
    dims = about.base.dims
    if mean.shape != (dims,) or matrix.ndim != 2 or not len(matrix) == dims >= matrix.shape[1] > 0:
        raise ValueError("mean and matrix do not fit together, or not the base")
    if not mean.dtype == matrix.dtype == np.float32 or not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise ValueError("mean and matrix are finite and float32")
    return Tuned(about.base, Normaliser(mean, matrix), about.species, about.thresholds, about.card, about.label)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("numbers that are not finite")
    return value
