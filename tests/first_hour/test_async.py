"""A registry in a program that does several things at once: threads, and async code through asyncio.to_thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

import petfinder as pf
from tests.conftest import TableEncoder

THREADS, EACH = 8, 5


@pytest.fixture
def registry(tmp_path: Path, table_encoder: TableEncoder) -> Iterator[pf.Registry]:
    with pf.connect(tmp_path / "pets.db", encoder=table_encoder) as opened:
        yield opened


def photo(number: int) -> Image.Image:
    """A photo like no other: each number has a colour of its own."""
    return Image.new("RGB", (8, 8), (40 * (number % 6), 40 * (number // 6), 200))


def register_and_find(registry: pf.Registry, number: int) -> str:
    """Register a dog, find it by its photo, and give the id of the one found."""
    registry.dogs.register(pf.Dog(pet_id=f"dog-{number:02}", photos=photo(number)))
    best = registry.dogs.find(photo(number)).best
    assert best is not None
    return best.pet.pet_id


def test_eight_threads_register_and_find_in_one_registry_at_once(registry: pf.Registry) -> None:
    numbers = range(THREADS * EACH)
    with ThreadPoolExecutor(THREADS) as threads:
        found = [*threads.map(lambda number: register_and_find(registry, number), numbers)]

    assert found == [f"dog-{number:02}" for number in numbers]
    assert [pet.pet_id for pet in registry.dogs.list()] == found
    assert registry.dogs.count() == len(numbers)


def test_async_code_registers_and_finds_in_threads(registry: pf.Registry) -> None:
    async def several() -> list[str]:
        calls = (asyncio.to_thread(register_and_find, registry, number) for number in range(THREADS))
        return await asyncio.gather(*calls)

    assert asyncio.run(several()) == [f"dog-{number:02}" for number in range(THREADS)]
