"""Two encoders known by name, a registry that chooses between them, and what other processes do in a rebuild."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

import petfinder as pf
from petfinder.domain.errors import PetfinderError
from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder
from petfinder.registry.connect import open_store
from petfinder.registry.registry import Registry
from petfinder.stores.documents import IndexSpec
from tests.conftest import TableEncoder
from tests.test_service import picture

INDEX = "pets-dogs"


class OtherTable(TableEncoder):
    """Another table of as many dims: what it says of a picture is the opposite of what the first one says."""

    name = "table-2"

    def __init__(self, *, seconds: float = 0.0, dims: int = 8) -> None:
        super().__init__(fingerprint="t2", dims=dims)
        self.seconds = seconds

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        time.sleep(self.seconds)
        rows: Matrix = -super().encode_images(pictures)
        return rows


def choose(remembered: tuple[str, IndexSpec] | None) -> Encoder:
    """The encoder that an index remembers by its name; the first one for a new index."""
    if remembered is not None and remembered[1].encoder == OtherTable.name:
        return OtherTable(dims=remembered[1].dims)
    return TableEncoder()


def opened(place: str) -> Registry:
    """The registry at a place, which chooses its encoders by name."""
    return Registry(open_store(place), choose)


def shade(number: int) -> tuple[int, int, int]:
    """A colour of its own for each of 4,096 numbers."""
    return (number % 16 * 16, number // 16 % 16 * 16, number // 256 % 16 * 16)


def stock(registry: Registry, count: int) -> None:
    """Register dogs "old0000" and on, each with a name and one photo."""
    dogs = (pf.Dog(pet_id=f"old{n:04d}", name=f"Old {n}", photos=[picture(shade(n))]) for n in range(count))
    assert len(registry.dogs.register_many(dogs, progress=False).added) == count


def rebuild(pipe: Connection, place: str, seconds: float) -> None:
    """Rebuild with the other encoder, which takes its time for each batch; tell what came of it."""
    with opened(place) as registry:
        pipe.send(os.getpid())
        pipe.send(registry.util.rebuild(INDEX, OtherTable(seconds=seconds), progress=False))


def stop_while_nobody_may_write(pipe: Connection, place: str, target: str) -> None:
    """Begin the last step of a rebuild and stay in it."""
    store = open_store(place)

    def stay() -> None:
        pipe.send("inside")
        time.sleep(60)

    store.finish_rebuild(INDEX, target, stay)


def use(pipe: Connection, place: str, until: str) -> None:
    """Register, change, add photos, remove and find until there is a file `until`; tell each call that was answered."""
    numbers, names, step = random.Random(1), {f"old{n:04d}" for n in range(40)}, 0
    with opened(place) as registry:
        dogs = registry.dogs

        def tell(what: str, pet_id: str, call: Callable[[], object], value: str = "") -> None:
            try:
                call()
            except PetfinderError as error:
                pipe.send(("failed", what, f"{type(error).__name__}: {error}"))
            else:
                pipe.send((what, pet_id, value))

        while not Path(until).exists() or step < 40:
            new, name, colour = f"new{step:04d}", f"Renamed {step}", shade(1000 + step)
            other, gone, photo = *numbers.choices(sorted(names), k=2), picture(shade(step), size=48)
            tell("register", new, partial(dogs.register, pf.Dog(pet_id=new, name=new, photos=[picture(colour)])), new)
            tell("rename", other, partial(dogs.update, other, name=name), name)
            tell("add a photo", new, partial(dogs.add_photo, new, photo))
            tell("find", new, partial(_check_found, registry, new, colour))
            names.add(new)
            if step % 4 == 3:
                names.remove(gone)
                tell("remove", gone, partial(dogs.remove, gone))
            step += 1
            time.sleep(0.02)  # so that the one who rebuilds can keep up
        pipe.send(("encoder", dogs.encoder.name, None))


def _check_found(registry: Registry, pet_id: str, colour: tuple[int, int, int]) -> None:
    best = registry.dogs.find(picture(colour), k=1, where=pf.PetFilter(ids=[pet_id])).best
    if best is None or best.similarity < 0.999:
        raise PetfinderError(f"{pet_id} is not found by its own photo: {best}")
