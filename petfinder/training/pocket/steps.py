"""Long steps whose results are kept in a folder, so that a run that was broken off goes on where it stopped.

A result is taken over when nothing that it depends on has changed: settings, input files, code, the steps before it.
Knows files and keys; nothing of photos or networks.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

_ABOUT = "step.json"
_PACKAGE = "petfinder"
_KEY_DIGITS = 16
_READ_AT_ONCE = 1 << 20

logger = logging.getLogger(__name__)

Work = Callable[[Path], Mapping[str, Any]]
"""Fills an empty folder with arrays and gives its figures; of these `seconds` says how long it took in all."""


@dataclass(frozen=True)
class Kept:
    """A finished step: the folder of its arrays, its figures, and whether it was taken over from an earlier run."""

    name: str
    key: str
    folder: Path
    seconds: float
    figures: Mapping[str, Any]
    taken_over: bool

    def arrays(self) -> list[NDArray[Any]]:
        """The arrays of the step in their order; read-only, and read from the disk where they are looked at."""
        return [np.load(file, mmap_mode="r") for file in sorted(self.folder.glob("*.npy"))]


class Steps:
    """The steps of one run, one after the other, with one bar over all of them.

    `common` is what every step depends on. Only the newest result of each step is kept.
    """

    def __init__(self, folder: Path, common: Mapping[str, Any], *, total: int) -> None:
        self.folder = folder
        self.taken: list[Kept] = []
        self._common = common
        self._bar = tqdm(total=total, desc="steps", unit="step")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def keep(self, name: str, work: Work, *, needs: Mapping[str, Any], after: Sequence[Kept] = ()) -> Kept:
        """The result of a step: an earlier run's, where `needs` and the steps `after` are the same, else its `work`'s.

        `name` is of small letters, digits and hyphens; `needs` are values that JSON knows.
        """
        everything = {**self._common, **needs, **{f"step {step.name}": step.key for step in after}}
        needed = json.loads(json.dumps(everything))  # as it is read again, for what changed to be told
        key = fingerprint([json.dumps({"step": name, **needed}, sort_keys=True).encode()])
        place = self.folder / f"{name}-{key}"
        self._bar.set_postfix_str(name)
        kept = _finished(name, key, place)
        if kept is None:
            changed = _changes(list(_results(self.folder, name)), needed)
            logger.info("%s: begins%s", name, f" anew, for these changed: {', '.join(changed)}" if changed else "")
            kept = _done(name, key, place, work, needed)
            logger.info("%s: done in %.0f s%s", name, kept.seconds, _told(kept.figures))
        else:
            logger.info("%s: taken over, was done in %.0f s%s", name, kept.seconds, _told(kept.figures))
        _forget(path for path in _results(self.folder, name) if path != place)
        self.taken.append(kept)
        self._bar.update()
        return kept


def write_arrays(folder: Path, arrays: Iterable[NDArray[Any]]) -> None:
    """Write the arrays of a step into the folder that it fills, in their order."""
    for place, array in enumerate(arrays):
        np.save(folder / f"{place:03}.npy", array)


def checkpoint_of(folder: Path) -> Path:
    """Where the work that fills `folder` may keep how far it has come; it goes when the step is finished or changes."""
    return folder.with_suffix(".checkpoint")


def replace_file(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all: `write` fills another one, which then takes its place."""
    unfinished = file.with_name(file.name + ".unfinished")
    write(unfinished)
    _to_disk(unfinished)
    unfinished.replace(file)


def forget_all(folder: Path) -> None:
    """Remove every result and checkpoint of steps from a folder; other files in it stay."""
    _forget(_results(folder, "[a-z0-9-]+"))


def fingerprint(pieces: Iterable[bytes]) -> str:
    """16 hexadecimal digits that change with the bytes, joined."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()[:_KEY_DIGITS]


def file_fingerprint(file: Path) -> str:
    """16 hexadecimal digits that change with what is in the file. Raises OSError where it cannot be read."""
    with file.open("rb") as opened:
        return fingerprint(iter(lambda: opened.read(_READ_AT_ONCE), b""))


def code_fingerprint(*names: str, package: Path = Path(__file__).parents[2]) -> str:
    """16 hexadecimal digits that change with these modules of the training, and with all of petfinder that they import.

    Comments and layout do not count.
    """
    outlines: dict[Path, str] = {}
    waiting = [package / "training" / "pocket" / f"{name}.py" for name in names]
    while waiting:
        file = waiting.pop()
        if file not in outlines:
            outlines[file], imported = _outline(file.read_text(encoding="utf-8"))
            waiting.extend(filter(Path.is_file, (package.parent / name for name in imported)))
    return fingerprint(f"{file.name} {outlines[file]}\n".encode() for file in sorted(outlines))


@cache
def _outline(code: str) -> tuple[str, tuple[str, ...]]:
    """Code without comments and layout, and where the modules of petfinder that it imports at once may lie.

    What is imported for types, or within a function (as the displays are), changes no result.
    """
    tree = ast.parse(code)
    nodes = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    sources = [(node, str(node.module).split(".")) for node in nodes if str(node.module).startswith(_PACKAGE)]
    modules = [parts for _, parts in sources]
    modules += [[*parts, alias.name] for node, parts in sources for alias in node.names]
    return ast.dump(tree), tuple("/".join(parts) + ending for parts in modules for ending in (".py", "/__init__.py"))


def _finished(name: str, key: str, place: Path) -> Kept | None:
    about = _about(place)
    return None if about is None else Kept(name, key, place, about["seconds"], about["figures"], taken_over=True)


def _done(name: str, key: str, place: Path, work: Work, needed: Mapping[str, Any]) -> Kept:
    """Do the work in a folder of another name, which takes its place only when all of it is on the disk."""
    part = place.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    began = time.monotonic()
    figures = dict(work(part))
    seconds = figures.pop("seconds", time.monotonic() - began)
    about = {"step": name, "seconds": seconds, "figures": figures, "needs": needed}
    (part / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for file in part.iterdir():
        _to_disk(file)
    part.rename(place)
    return Kept(name, key, place, seconds, figures, taken_over=False)


def _about(place: Path) -> dict[str, Any] | None:
    try:
        about: dict[str, Any] = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return about


def _results(folder: Path, name: str) -> Iterator[Path]:
    """Finished, half-written and half-way results of a step, with any key."""
    pattern = re.compile(rf"{name}-[0-9a-f]{{{_KEY_DIGITS}}}(\.part|\.checkpoint(\.unfinished)?)?")
    return (path for path in sorted(folder.glob("*")) if pattern.fullmatch(path.name))


def _changes(results: Sequence[Path], needed: Mapping[str, Any]) -> list[str]:
    """Names of what is not as it was when the step was last finished; empty where it never was."""
    before = next((about for path in results if not path.suffix and (about := _about(path))), None)
    if before is None:
        return []
    return sorted(name for name in {*needed, *before["needs"]} if needed.get(name) != before["needs"].get(name))


def _forget(results: Iterable[Path]) -> None:
    """Remove results; a folder is first renamed, so that half of it is never taken for a finished one."""
    for path in results:
        if path.is_dir():
            doomed = path.with_suffix(".part")
            if doomed != path:
                shutil.rmtree(doomed, ignore_errors=True)
                path.rename(doomed)
            shutil.rmtree(doomed)
        else:
            path.unlink(missing_ok=True)


def _told(figures: Mapping[str, Any]) -> str:
    return "".join(
        f"; {name} {value:.4g}" if isinstance(value, float) else f"; {name} {value}" for name, value in figures.items()
    )


def _to_disk(file: Path) -> None:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
