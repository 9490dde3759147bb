"""The page under many visitors, in one run: python -m tests.benchmarks.page [--visitors N] [--seconds N] [--hostile N]

A server of its own on the bundled pets and 300 reports with photos; all visitors on this machine, each with their own
address. Prints memory a visitor, the times of pages while all read, the first page, 50 searches at once beside the bare
encoder, and the times of a reader while somebody tries everything that is not allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

import petfinder as pf
from petfinder.cli.demo import register_bundled
from petfinder.encoders.base import encode_with_animals
from petfinder.page.access import hash_passphrase
from tests.benchmarks.common import memory_mb, print_table
from tests.page.serving import DATASET, served

SEARCHES, REPORTS, THINK_SECONDS = 50, 300, 5.0
QUERY = DATASET / "queries" / "on-the-steps-after-rain.jpg"
GARBAGE = (b"\xff\xd8\xff" + os.urandom(2000), b"GIF89a" + b"\0" * 10, b"<svg onload=alert(1)>", b"")
PATHS = (
    "/../../etc/passwd",
    "/static/../app.py",
    "/pets/%00",
    "/photos/xx.jpg",
    "/found/" + "a" * 4000,
    "/volunteers/pairs",
)


def filled(place: Path) -> None:
    """The bundled pets, and reports of others with the same photos."""
    drawings = sorted((DATASET / "photos").glob("*/*.*"))
    known = {"status": "found", "status_at": "2026-11-20", "status_place": (37.78, -122.43)}
    with pf.connect(place) as registry:
        register_bundled(registry, DATASET, progress=False)
        pets = [pf.Dog(pet_id=f"r{n}", photos=drawings[n % len(drawings)], **known) for n in range(REPORTS)]  # type: ignore[arg-type]
        registry.dogs.register_many(pets, progress=False).raise_for_failures()


def visitor(number: int, url: str, **more: Any) -> httpx.AsyncClient:
    """Somebody with an address of their own, as a web server before the page would tell it."""
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    return httpx.AsyncClient(base_url=url, headers={"X-Forwarded-For": address}, timeout=120, verify=False, **more)


async def reading(number: int, url: str, until: float, taken: list[float]) -> None:
    """Read the first page, lists and a report, with their pictures and pauses, until it is over."""
    chance = random.Random(number)
    async with visitor(number, url) as client:
        await asyncio.sleep(chance.uniform(0, THINK_SECONDS))
        while time.perf_counter() < until:
            report = "/how-sure"
            for path in ("/", "/pets?near=37.78,-122.43&km=5", "report", "/pets?words=beagle"):
                began = time.perf_counter()
                page = await client.get(report if path == "report" else path)
                taken.append((time.perf_counter() - began) * 1e3)
                found = re.findall(r'"(/pets/[\w-]+)"', page.raise_for_status().text)
                report = chance.choice(found) if found else report
                for picture in re.findall(r'src="(/photos/[^"]+)"', page.text)[:8]:
                    (await client.get(picture)).raise_for_status()
                await asyncio.sleep(chance.uniform(0.5, 1.5) * THINK_SECONDS)


async def searching(number: int, url: str, photo: bytes, ended: list[int]) -> None:
    """Send a photo, a little after the one before, and wait for its answer."""
    await asyncio.sleep(number / 200)
    async with visitor(10_000 + number, url) as client:
        answer = await client.post("/found", files={"photos": ("photo.jpg", photo, "image/jpeg")})
        assert answer.status_code == 303, answer.text
        assert "Bento" in (await client.get(answer.headers["location"])).text
        ended.append(number)


async def hostile(url: str, until: float) -> int:
    """Garbage as photos, wrong passphrases, strange paths, as fast as it goes; returns how many requests that were."""
    chance, asked = random.Random(1), 0
    async with visitor(60_000, url) as client:
        while time.perf_counter() < until:
            garbage = chance.choice(GARBAGE)
            tries: Sequence[Coroutine[Any, Any, httpx.Response]] = [
                client.post("/found", files={"photos": ("../../x.jpg", garbage, "image/jpeg")}),
                client.post("/volunteers", data={"passphrase": "wrong passphrase"}),
                client.get(chance.choice(PATHS)),
                client.post(
                    "/found", content=b"x" * 10**6, headers={"Content-Type": "multipart/form-data; boundary=y"}
                ),
                client.get("/", headers={"Cookie": "petfinder=" + "x" * 2000, "Host": "elsewhere.example"}),
            ]
            for answer in await asyncio.gather(*tries, return_exceptions=True):
                assert isinstance(answer, BaseException) or answer.status_code != 500, answer.text
            asked += len(tries)
    return asked


def bare_encoder() -> float:
    """Photos that the built-in encoder alone encodes in a second, read already."""
    with tempfile.TemporaryDirectory() as folder, pf.connect(Path(folder) / "bare.db") as registry:
        picture = Image.open(QUERY).convert("RGB")
        encode_with_animals(registry.encoder, [picture])
        began = time.perf_counter()
        for _ in range(SEARCHES):
            encode_with_animals(registry.encoder, [picture])
        return SEARCHES / (time.perf_counter() - began)


def quantiles(taken: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.quantile(taken, [0.5, 0.95]) if taken else (np.nan, np.nan)
    return {"p50 ms": float(p50), "p95 ms": float(p95)}


async def measured(url: str, process: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    async with visitor(1, url) as client:
        await client.get("/")
        first: list[float] = []
        for _ in range(50):
            began = time.perf_counter()
            page = await client.get("/", headers={"Accept-Encoding": "identity"})
            first.append((time.perf_counter() - began) * 1e3)
        rows.append({"what": "first page", **quantiles(first), "kB": len(page.content) / 1000})
    before, taken = memory_mb(process), list[float]()
    until = time.perf_counter() + options.seconds
    await asyncio.gather(*(reading(number, url, until, taken) for number in range(options.visitors)))
    after = memory_mb(process)
    row = {"what": f"{options.visitors} visitors read", **quantiles(taken), "a second": len(taken) / options.seconds}
    rows.append({**row, "MB": after, "MB a visitor": (after - before) / options.visitors})

    photo, ended, alone = QUERY.read_bytes(), list[int](), bare_encoder()
    await searching(0, url, photo, [])
    began = time.perf_counter()
    await asyncio.gather(*(searching(number, url, photo, ended) for number in range(SEARCHES)))
    speed = SEARCHES / (time.perf_counter() - began)
    late = sum(abs(place - number) > 2 for place, number in enumerate(ended))
    row = {"what": f"{SEARCHES} searches at once", "a second": speed, "x bare encoder": speed / alone}
    rows.append({**row, "answered": len(ended), "out of order": late, "MB": memory_mb(process)})

    taken, until = [], time.perf_counter() + options.hostile
    _, asked = await asyncio.gather(reading(2, url, until, taken), hostile(url, until))
    rows.append({"what": f"one reads, one tries all ({asked} requests)", **quantiles(taken), "MB": memory_mb(process)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--hostile", type=float, default=120, help="seconds of somebody who tries everything")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        filled(Path(folder) / "page.db")
        settings = {"PETFINDER_PASSPHRASE_HASH": hash_passphrase("three grey whiskers")}
        with served("page.db", Path(folder), settings=settings) as running:
            print_table(asyncio.run(measured(running.url, running.process.pid, options)))


if __name__ == "__main__":
    main()
