"""Makes the demonstration data set: the pets' photos, the finders' pictures, the owners' portraits and the manifest.

python dataset/render.py              writes everything into the folder of this file
python dataset/render.py --check      makes everything again and compares; exit code 1 names what differs
python dataset/render.py --only mel   (with or without --check, more than once) only files with this in their path
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from drawing import files, owners

HERE = Path(__file__).resolve().parent


def works() -> dict[str, Callable[[], bytes]]:
    """Every file of the data set that a program makes, by its path, and what makes its bytes."""
    return {**files.photos(), **files.tables(), **owners.portraits()}


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description="Make the demonstration data set, or check that it can be made again.")
    parser.add_argument("--check", action="store_true", help="compare with the files that are there, write nothing")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PART", help="only files with PART in their path"
    )
    chosen = parser.parse_args(arguments)
    parts = chosen.only or [""]
    wanted = {path: make for path, make in works().items() if any(part in path for part in parts)}
    if not wanted:
        parser.error(f"no file of the data set has {' or '.join(parts)} in its path")
    if chosen.check:
        return check(wanted)
    for path, make in wanted.items():
        target = HERE / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(make())
        print(path)
    return 0


def check(wanted: dict[str, Callable[[], bytes]]) -> int:
    """Make each file again, in memory; 1 when any differs from what lies there, and say which."""
    different = [p for p, make in wanted.items() if not (HERE / p).is_file() or (HERE / p).read_bytes() != make()]
    for path in different:
        print(f"differs: {path}", file=sys.stderr)
    print(f"{len(wanted) - len(different)} of {len(wanted)} files are the same")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
