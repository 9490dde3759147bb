"""Files that are written whole or not at all: beside the one that is there, whose place they then take."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Where to write a new file; it takes the target's place, and its rights, once the block is left.

    A link stays one: the file that it names is replaced. If anything fails, all stays as it was. Raises OSError.
    """
    whole = Path(os.path.realpath(target))
    part = whole.with_name(f".{whole.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("r+b") as written:
            os.fsync(written.fileno())
        if whole.exists():
            shutil.copymode(whole, part)
        part.replace(whole)
    finally:
        with suppress(OSError):
            part.unlink()
