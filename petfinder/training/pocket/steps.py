"""Steps whose results are kept in a folder, so that a run that was broken off goes on where it stopped.

A result is taken over while nothing that it depends on has changed: settings, inputs, packages, the step's version and
the steps before it. Raise a step's version when its code begins to give other results.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHECKPOINT = "checkpoint"
_NEEDS, _ABOUT = "needs.json", "step.json"
_KEY_DIGITS = 16

logger = logging.getLogger(__name__)

Output = tuple[Iterable[NDArray[Any]], Mapping[str, Any]]
"""The arrays of a step and its figures; among these `seconds` may say how long it took in all."""

Work = Callable[[Path], Output]
"""Does a step. It is given a folder, for arrays too large for memory (`NNN.npy`) and for the file `checkpoint`, which
is there again when the work was broken off and is called anew."""


@dataclass(frozen=True)
class Step:
    """A finished step: the folder of its arrays, its figures, and whether it was taken over from an earlier run."""

    name: str
    key: str
    folder: Path
    seconds: float
    figures: Mapping[str, Any]
    taken_over: bool

    def arrays(self) -> list[NDArray[Any]]:
        """Return the arrays in their order: read-only, and read from the disk where they are looked at."""
        return [np.load(file, mmap_mode="r") for file in sorted(self.folder.glob("*.npy"))]

    def record(self) -> dict[str, Any]:
        """Return what is told of the step in JSON."""
        seconds = round(self.seconds, 1)
        return {"step": self.name, "key": self.key, "seconds": seconds, "taken over": self.taken_over, **self.figures}


class Steps:
    """The steps of one run, each with its newest result in a sub-folder.

    Every step depends on `common` and on the step before it, and so on all of them.
    """

    def __init__(self, folder: Path, common: Mapping[str, Any]) -> None:
        self.folder = folder
        self.done: list[Step] = []
        self._common = common

    def keep(self, name: str, work: Work, *, version: int, needs: Mapping[str, Any]) -> Step:
        """Return an earlier run's result where everything that it depends on is the same, else do the work.

        `needs` holds values that JSON can carry.
        """
        before = {f"step {step.name}": step.key for step in self.done[-1:]}
        needed = json.loads(json.dumps({**self._common, **needs, **before, "version": version}))
        place = self.folder / name
        last = _read(place / _NEEDS)
        taken_over = _read(place / _ABOUT) != {} and last == needed
        if not taken_over:
            changed = sorted(name for name in {*needed, *last} if last and needed.get(name) != last.get(name))
            logger.info("%s: begins%s", name, f" anew, for these changed: {', '.join(changed)}" if changed else "")
            self._do(place, work, needed)
        key = fingerprint(json.dumps({"step": name, **needed}, sort_keys=True).encode())
        step = Step(name, key, place, taken_over=taken_over, **_read(place / _ABOUT))
        figures = "".join(f"; {figure} {value}" for figure, value in step.figures.items())
        logger.info("%s: %s in %.0f s%s", name, "taken over, was done" if taken_over else "done", step.seconds, figures)
        self.done.append(step)
        return step

    def _do(self, place: Path, work: Work, needed: Mapping[str, Any]) -> None:
        """Work in a folder beside the result's, which takes its place only when all of it is on the disk."""
        part = place.with_suffix(".part")
        if _read(part / _NEEDS) != needed:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            (part / _NEEDS).write_text(json.dumps(needed, indent=1), "utf-8")
        began = time.monotonic()
        arrays, figures = work(part)
        for number, array in enumerate(arrays):
            np.save(part / f"{number:03}.npy", array)
        figures = {"seconds": time.monotonic() - began, **figures}
        about = {"seconds": figures.pop("seconds"), "figures": figures}
        (part / _ABOUT).write_text(json.dumps(about), "utf-8")
        for file in part.iterdir():
            _to_disk(file)
        (place / _ABOUT).unlink(missing_ok=True)  # first, so that half of an old result is never taken for all of it
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
        for checkpoint in place.glob(f"{CHECKPOINT}*"):
            checkpoint.unlink()


def replace_file(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all: `write` fills another one, which then takes its place."""
    unfinished = file.with_name(file.name + ".unfinished")
    write(unfinished)
    _to_disk(unfinished)
    unfinished.replace(file)


def forget_all(folder: Path) -> None:
    """Remove every result and checkpoint of steps from a folder; other files in it stay."""
    for needs in [*folder.glob(f"*/{_NEEDS}")]:
        shutil.rmtree(needs.parent)


def fingerprint(content: bytes) -> str:
    """Return 16 hexadecimal digits that change with the bytes."""
    return hashlib.sha256(content).hexdigest()[:_KEY_DIGITS]


def file_fingerprint(file: Path) -> str:
    """Return 16 hexadecimal digits that change with what is in the file. Raises OSError where it cannot be read."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:_KEY_DIGITS]


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):  # not there, or half written
        return {}
    return content


def _to_disk(file: Path) -> None:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
