"""The stores that the contract holds for: each is one line in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petfinder.stores.embedded import EmbeddedStore
from petfinder.stores.port import Store
from tests.stores.samples import DIMS, SPEC

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: EmbeddedStore(None),
    "file": lambda folder: EmbeddedStore(folder / "pets.db"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind, with the index "dogs" in it."""
    made = STORES[request.param](tmp_path)
    made.create_index("dogs", SPEC)
    assert SPEC.dims == DIMS
    yield made
    made.close()
