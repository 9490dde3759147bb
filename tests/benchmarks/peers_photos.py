"""Part `photos` of tests.benchmarks.peers: registering 12-megapixel JPEGs, beside decoding and encoding alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
from elasticsearch import Elasticsearch
from PIL import Image, ImageFilter

import petfinder as pf
from petfinder.encoders.base import cores
from petfinder.encoders.pocket import PocketEncoder
from petfinder.photos.read import read_photo
from tests.benchmarks.common import Row, Step, beside, filling, in_turns, line, print_table, times
from tests.benchmarks.elasticsearch_server import make_flat, one_by_one, rest

SIZE = (4000, 3000)
FILE, SERVER, LATER, AGAIN = "register, a file", "register, Elasticsearch", "embed_pending, a file", "rebuild, a file"
LOOP, LOOP_INDEX = "a loop: read, encode, index, refresh", "peers-loop"


def photo(path: Path, seed: int) -> Path:
    """A JPEG with the size and about the bytes of a phone's: blurred colours with the grain of a sensor."""
    chance = np.random.default_rng(seed)
    small = Image.fromarray(chance.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize(SIZE, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3)), np.int16)
    grain = chance.integers(-6, 7, (SIZE[1], SIZE[0], 1), dtype=np.int16)
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(path, quality=92)
    return path


def read_and_encoded(paths: list[Path], encoder: PocketEncoder) -> Iterator[Row]:
    """What a notebook sends of each photo; the encoder has all cores for it."""
    for path in paths:
        picture = Image.open(path).convert("RGB")
        yield {"dog_id": path.stem, "image_path": str(path), "vector": encoder.encode_images([picture])[0].tolist()}


def ways_of(
    client: Elasticsearch, paths: list[Path], encoder: PocketEncoder, new_file: Callable[[], pf.Registry]
) -> dict[str, tuple[Step, Step]]:
    """What makes ready and what registers, for each way; all encoders are warm."""
    dogs = [pf.Dog(pet_id=path.stem, photos=[path]) for path in paths]

    def register(registry: pf.Registry, *, embed: bool = True) -> pf.Registry:
        report = registry.dogs.register_many(dogs, embed=embed, progress=False)
        assert len(report.added) == len(dogs), report
        return registry

    def warm(registry: pf.Registry) -> pf.Registry:
        registry.dogs.register(pf.Dog(pet_id="first", photos=[Image.effect_noise((900, 900), 90).convert("RGB")]))
        return registry

    def new_index() -> pf.Registry:
        registry = pf.connect(client, name="photos")
        registry.util.delete_index("photos-dogs", missing="ignore")
        rest(client)
        return warm(registry)

    def new_loop() -> None:
        make_flat(client, LOOP_INDEX)
        encoder.encode_images([Image.new("RGB", (900, 900))])
        rest(client)

    return {
        FILE: (lambda: warm(new_file()), register),
        SERVER: (new_index, register),
        LOOP: (new_loop, lambda _: one_by_one(client, LOOP_INDEX, read_and_encoded(paths, encoder), refresh=True)),
        LATER: (lambda: register(warm(new_file()), embed=False), lambda registry: registry.dogs.embed_pending()),
        AGAIN: (
            lambda: register(warm(new_file())),
            lambda registry: registry.util.rebuild("photos-dogs", PocketEncoder(), keep_old=False, progress=False),
        ),
    }


def photos(client: Elasticsearch, number: int, runs: int, folder: Path) -> list[Row]:
    """Register photos and find by one; the lines of the summary."""
    paths = [photo(folder / f"{one}.jpg", one) for one in range(number)]
    size = paths[0].stat().st_size / 1e6
    print(f"{number} JPEGs of {SIZE[0]} x {SIZE[1]}, {size:.1f} MB each, {cores()} cores")
    alone, together = PocketEncoder(threads=1), PocketEncoder()
    pictures = {path: read_photo(path).image for path in paths[:16]}
    parts: dict[str, Step] = {
        "decode": read_photo,
        "encode, 1 thread": lambda path: alone.encode_images([pictures[path]]),
    }
    with ExitStack() as kept:
        numbers, registries = count(), list[pf.Registry]()

        def new_file() -> pf.Registry:
            registries.append(kept.enter_context(pf.connect(folder / f"photos{next(numbers)}.db", name="photos")))
            return registries[-1]

        def of_parts() -> float:
            return float(sum(times(own)["p50 ms"] for own in in_turns(parts, [*pictures]).values()))

        before = of_parts()
        filled = filling("12-megapixel photos", ways_of(client, paths, together, new_file), number, runs)
        best = cores() / (before + of_parts()) * 2e3
        print(f"cores / (decode + encode): {best:.3g} photos a second")
        print_table([row | {"share of that": row["a second"] / best} for row in filled.values()])
        steps: dict[str, Step] = {
            "decode and encode": lambda path: together.encode_images([read_photo(path).image]),
            "find": registries[-1].dogs.find,
        }
        print_table(beside("a photo asked for", in_turns(steps, paths[:50], warm=3), "decode and encode"))
    speed = {way: row["a second"] for way, row in filled.items()}
    what = "12-megapixel photos {}, a second".format
    return [
        line(what("into a file"), speed[FILE], best, "cores / (decode + encode)"),
        line(what("into a file"), speed[FILE], speed[LOOP], LOOP),
        line(what("into Elasticsearch"), speed[SERVER], speed[FILE], "into a file"),
        line(what("into Elasticsearch"), speed[SERVER], speed[LOOP], LOOP),
        line(what("embedded later"), speed[LATER], best, "cores / (decode + encode)"),
        line(what("encoded anew"), speed[AGAIN], best, "cores / (decode + encode)"),
    ]
