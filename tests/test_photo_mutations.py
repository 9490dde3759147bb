"""Broken files of every kind: each gives a picture or a PhotoError; never a blank picture, a crash or a hang.

The files are read in a process of their own, which says what it is about to read: a crash in a decoder names its file.
"""

from __future__ import annotations

import faulthandler
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import PhotoError
from petfinder.photos.read import read_photo
from tests.photo_samples import grey, pet_picture, saved, see_through

CASES = 1000
SECONDS_FOR_ONE = 30  # a limit against hangs on a busy machine; one takes some milliseconds
MEMORY = 2 * 2**30  # of address space beyond what the process has at its start
PEAK = 2**30  # resident


def whole_files() -> dict[str, bytes]:
    picture = pet_picture(240, 180)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "S", 2: (23.0, 33.0, 1.0), 3: "W", 4: (46.0, 38.0, 2.0)})
    palette = picture.quantize(64)
    return {
        "jpeg": saved(picture, "JPEG", quality=85, exif=exif),
        "progressive": saved(picture, "JPEG", quality=85, progressive=True),
        "restarts": saved(picture, "JPEG", restart_marker_rows=1),
        "cmyk": saved(picture.convert("CMYK"), "JPEG"),
        "mpo": saved(picture, "MPO", save_all=True, append_images=[picture.rotate(180)]),
        "png": saved(picture, "PNG", exif=exif),
        "palette": saved(palette, "PNG", transparency=0),
        "png16": saved(grey(picture, np.uint16, 65535), "PNG"),
        "apng": saved(picture, "PNG", save_all=True, append_images=[picture.rotate(180)]),
        "webp": saved(picture, "WEBP", exif=exif),
        "lossless": saved(see_through(picture), "WEBP", lossless=True),
        "animation": saved(picture, "WEBP", save_all=True, append_images=[picture.rotate(180)]),
        "heic": saved(picture, "HEIF", exif=exif.tobytes()),
        "heic alpha": saved(see_through(picture), "HEIF"),
        "gif": saved(palette, "GIF"),
        "frames": saved(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
        "lzw": saved(picture, "TIFF", compression="tiff_lzw", exif=exif),
        "tiff jpeg": saved(picture, "TIFF", compression="jpeg"),
        "float": saved(grey(picture, np.float32, 1), "TIFF"),
        "bmp": saved(picture, "BMP"),
    }


def mutated(file: bytes, draw: random.Random) -> tuple[str, bytes]:
    """What was done to the file, and the file: bytes flipped, cut, put in, moved, zeroed."""
    data = bytearray(file)
    size = len(data)
    start, length = draw.randrange(size), draw.randrange(1, size // 3)
    how = draw.choice(
        ["flip", "flips", "header", "cut", "hole", "insertion", "repeat", "swap", "zeros", "ones", "never_copied"]
    )
    if how == "flip":
        for _ in range(draw.randrange(1, 40)):
            data[draw.randrange(size)] ^= 1 << draw.randrange(8)
    elif how == "header":
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(min(size, 300))] = draw.choice([0, 1, 127, 128, 255, draw.randrange(256)])
    elif how == "cut":
        del data[start:]
    elif how == "hole":
        del data[start : start + length]
    elif how == "insertion":
        data[start:start] = draw.randbytes(draw.randrange(1, 200))
    elif how == "repeat":
        data[start:start] = data[start : start + length]
    elif how == "swap":
        one, other = draw.randrange(size - length), draw.randrange(size - length)
        data[one : one + length], data[other : other + length] = data[other : other + length], data[one : one + length]
    elif how in ("zeros", "ones"):
        data[start : start + length] = (b"\0" if how == "zeros" else b"\xff") * len(data[start : start + length])
    else:
        data[start:] = bytes(size - start)
    return how, bytes(data)


def read_them_all() -> None:
    """In the process of its own: a line before each file, one after it, and the peak of memory at the end."""
    import resource

    files = whole_files()
    kinds = list(files)
    read_photo(files["heic"])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for case in range(CASES):
        kind = kinds[case % len(kinds)]
        how, data = mutated(files[kind], random.Random(f"{kind} {case}"))
        print(f"reading case {case}, {kind}, {how}", flush=True)
        faulthandler.dump_traceback_later(SECONDS_FOR_ONE, exit=True)
        try:
            picture = read_photo(data).image
            blank = all(high - low <= 3 for low, high in picture.getextrema())  # type: ignore[misc]
            print("blank" if blank else "read", picture.mode, flush=True)
        except PhotoError as error:
            print("refused", error, flush=True)
        faulthandler.cancel_dump_traceback_later()
    # `getrusage` would count what the parent held before this process.
    print("peak", int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024, flush=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory in the way of Linux")
def test_a_thousand_broken_files_give_a_picture_or_an_error_each() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", __name__],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
        timeout=600,
    )
    lines = done.stdout.splitlines()
    last = "\n".join(lines[-2:])
    assert done.returncode == 0, f"the process ended with {done.returncode} after: {last}\n{done.stderr[-3000:]}"
    outcomes = list(zip(lines[0:-1:2], lines[1:-1:2], strict=True))
    assert len(outcomes) == CASES
    assert [(case, outcome) for case, outcome in outcomes if outcome.split()[0] not in ("read", "refused")] == []
    assert {outcome for _, outcome in outcomes if outcome.startswith("read")} == {"read RGB"}
    refused = sum(outcome.startswith("refused") for _, outcome in outcomes)
    assert CASES // 4 < refused < CASES, "mutations that all pass or all fail would show nothing"
    assert int(lines[-1].removeprefix("peak ")) < PEAK


if __name__ == "__main__":
    read_them_all()
