"""Where photos lie: a tree of folders walked in a fixed order, and paths as a manifest beside the photos names them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from petfinder.domain.errors import ConfigError, UnreadablePhoto
from petfinder.domain.reports import Failure, Ignored
from petfinder.domain.values import check_kind

PHOTO_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff", ".mpo", ".avif"}
)
# What Windows, macOS and NAS systems leave in folders of photos, beside names that begin with a dot.
_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"})
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")  # two letters at least: "C:" is a drive


AnyPath = str | os.PathLike[str]


def as_path(given: AnyPath) -> Path:
    """Take the path of a file or folder; raises ConfigError for what is none."""
    check_kind(given, (str, os.PathLike), "a file or folder is named by its path", refusal=ConfigError)
    return Path(given)


@dataclass(frozen=True)
class PhotoFolder:
    """One folder and the photos that lie in it, sorted by name."""

    path: Path
    photos: tuple[Path, ...]


def shown(path: Path) -> str:
    """The path as it can be printed, also where its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def located(uri: str, folder: Path | None) -> str:
    """Where a photo is that a manifest in `folder` names; absolute paths and URLs stay as they are."""
    if folder is None or _REMOTE.match(uri) or Path(uri).is_absolute():
        return uri
    return os.path.normpath(folder / uri)


def named_from(uri: str, folder: Path) -> str:
    """How a manifest in `folder` names a photo, so that `located` finds the same file."""
    if _REMOTE.match(uri) or Path(uri).is_absolute():
        return uri
    try:
        return Path(os.path.relpath(uri, folder)).as_posix()
    except ValueError:  # on another drive
        return str(Path(uri).absolute())


def walk(root: Path) -> Iterator[PhotoFolder | Failure | Ignored]:
    """The folders that hold photos, a folder before its sub-folders, and each entry that is passed over.

    A linked folder is followed once, if it lies elsewhere; loops of links end. An unreadable folder is a Failure.
    """
    real_root = Path(os.path.realpath(root))
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            here = os.stat(folder)  # noqa: PTH116 - as for os.scandir below: one vocabulary for the whole walk
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            problem = UnreadablePhoto(f"the folder cannot be opened ({error.strerror}); check its permissions")
            problem.__cause__ = error
            yield Failure(shown(folder), problem)
            continue
        if (here.st_dev, here.st_ino) in seen:
            yield Ignored(shown(folder), "a link to a folder that was read already")
            continue
        seen.add((here.st_dev, here.st_ino))
        photos: list[Path] = []
        folders: list[Path] = []
        for entry in entries:
            reason = _why_passed_over(entry, real_root)
            if reason:
                yield Ignored(shown(Path(entry.path)), reason)
            else:
                (folders if entry.is_dir() else photos).append(Path(entry.path))
        if photos:
            yield PhotoFolder(folder, tuple(photos))
        if not entries:
            yield Ignored(shown(folder), "an empty folder")
        waiting += reversed(folders)


def _why_passed_over(entry: os.DirEntry[str], real_root: Path) -> str | None:
    if entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_SYSTEMS:
        return "hidden, or left by the operating system"
    try:
        mode = entry.stat().st_mode
    except OSError:
        return "a link that leads nowhere" if entry.is_symlink() else "it cannot be looked at"
    if stat.S_ISDIR(mode):
        target = Path(os.path.realpath(entry.path)) if entry.is_symlink() else None
        if target and target.is_relative_to(real_root):
            return "a link to a folder of this same tree"
        return "a link to a folder above" if target and real_root.is_relative_to(target) else None
    if not stat.S_ISREG(mode):
        return "not a file"
    return None if Path(entry.name).suffix.lower() in PHOTO_ENDINGS else "not a photo, by its ending"
