"""What tuning an encoder on one's own pets came to, and the one file that keeps it.

Knows the matrix, thresholds and by what an encoder is known; no photo, and no pet by name.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from petfinder.encoders.port import EncoderIdentity
from petfinder.errors import ConfigError, EncoderUnavailable, PetfinderError
from petfinder.thresholds import Thresholds
from petfinder.within_class import Normaliser

ENDING = ".npz"
PREFIX = "tuned:"  # no published model and no folder's full path begins so
_FORMAT = 1
_LABEL = re.compile(r"[\w.-]{1,100}")


@dataclass(frozen=True)
class Reached:
    """What an encoder reached on pets it was not tuned on, means over the halves: shares, 0 to 1."""

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
class Card:
    """On how much an encoder was tuned, how strongly, and what that gave.

    `several`: pets with several photos. `gain`: of the mAP; `low` and `high` hold 95 % of a bootstrap over pets.
    """

    pets: int
    several: int
    photos: int
    views: int
    ridge: float
    before: Reached
    after: Reached
    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.photos} photos of {self.pets} pets, {self.several} of them with several photos",
                f"  before: {self.before}",
                f"  after:  {self.after}",
                f"  mAP {self.gain:+.1%} ({self.low:+.1%} to {self.high:+.1%}), on pets that it was not fitted on",
            )
        )


@dataclass(frozen=True, eq=False)
class Tuned:
    """An encoder tuned: on which `base`, by which mean and matrix, with the thresholds measured for it and its card.

    `label` is the stem of the file it was first saved to, and stays when the file is renamed.
    """

    base: EncoderIdentity
    normaliser: Normaliser
    thresholds: Thresholds
    card: Card
    label: str = ""

    def __str__(self) -> str:
        return f"{self.name or f'{self.base.name}, tuned'}: {self.card}"

    @property
    def name(self) -> str:
        """What an index remembers it by: `tuned:shelter@pocket-2` for a file shelter.npz; empty until it is saved."""
        return f"{PREFIX}{self.label}@{self.base.name}" if self.label else ""

    @property
    def identity(self) -> EncoderIdentity:
        """Name, dims and a fingerprint that changes with the base's and with the matrix."""
        told = json.dumps([self.base.name, self.base.dims, self.base.fingerprint])
        weights = self.normaliser.mean.tobytes() + self.normaliser.matrix.tobytes()
        fingerprint = hashlib.sha256(told.encode() + weights).hexdigest()[:16]
        return EncoderIdentity(self.name, self.normaliser.matrix.shape[1], fingerprint)

    def save(self, path: Path | str) -> Tuned:
        """Write it to a new file, whose stem becomes its label, and give it as it is there; raises ConfigError."""
        file = check_new_file(path)
        named = replace(self, label=file.stem)
        unfinished = file.with_name(f"{file.name}.part")
        try:
            with unfinished.open("wb") as out:
                np.savez(out, mean=named.normaliser.mean, matrix=named.normaliser.matrix, about=_about(named))
            unfinished.replace(file)
        except OSError as error:
            raise ConfigError(f"{file} cannot be written ({error.strerror}); name another place") from error
        return named


def is_tuned_file(name: str) -> bool:
    """Whether an encoder's name is that of a file of a tuned encoder."""
    return name.lower().endswith(ENDING)


def is_tuned_name(name: str) -> bool:
    """Whether an index that remembers this name was filled by a tuned encoder."""
    return name.startswith(PREFIX)


def file_of(name: str) -> str:
    """The name of the file that a tuned encoder was saved to: `shelter.npz` of `tuned:shelter@pocket-2`."""
    return name.removeprefix(PREFIX).split("@", 1)[0] + ENDING


def check_new_file(path: Path | str) -> Path:
    """The file that a tuned encoder may be saved to; raises ConfigError for one that is there or cannot be made."""
    file = Path(path)
    if not is_tuned_file(file.name) or not _LABEL.fullmatch(file.stem):
        raise ConfigError(
            f"{file.name!r} cannot name an encoder: letters, digits, '-', '_', '.', and {ENDING} at the end"
        )
    if file.exists():
        raise ConfigError(f"{file} is there already, and an index may need it; name another file")
    if not file.parent.is_dir():
        raise ConfigError(f"the folder of {file} is not there; make it first")
    return file


def read_tuned(path: Path | str) -> Tuned:
    """The tuned encoder in a file; raises EncoderUnavailable where there is none or something else."""
    file = Path(path).expanduser()
    try:
        with file.open("rb") as content, np.load(content, allow_pickle=False) as stored:
            mean, matrix, told = stored["mean"], stored["matrix"], json.loads(str(stored["about"]))
        tuned = _from(mean, matrix, told)
    except OSError as error:
        raise EncoderUnavailable(
            f"the encoder file {file} cannot be read ({error.strerror or type(error).__name__}): name the file that"
            " `petfinder train` wrote"
        ) from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        ValidationError,
        PetfinderError,
    ) as error:
        raise EncoderUnavailable(f"{file} is not an encoder as `petfinder train` writes it, or is damaged") from error
    return tuned


def _about(tuned: Tuned) -> str:
    return json.dumps(
        {
            "format": _FORMAT,
            "label": tuned.label,
            "base": asdict(tuned.base),
            "thresholds": tuned.thresholds.model_dump(mode="json", exclude_none=True),
            "card": asdict(tuned.card),
        }
    )


def _from(mean: Any, matrix: Any, told: dict[str, Any]) -> Tuned:
    base = EncoderIdentity(**told["base"])
    fits = mean.shape == (base.dims,) and matrix.ndim == 2 and len(matrix) == base.dims >= matrix.shape[1] > 0
    if told["format"] != _FORMAT or not fits or not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise ValueError("another format, or numbers that do not fit together")
    if not _LABEL.fullmatch(told["label"]):
        raise ValueError("no label")
    card = {**told["card"], "before": Reached(**told["card"]["before"]), "after": Reached(**told["card"]["after"])}
    normaliser = Normaliser(mean.astype(np.float32), matrix.astype(np.float32))
    return Tuned(base, normaliser, Thresholds(**told["thresholds"]), Card(**card), told["label"])
