"""The stores that the contract holds for: each is one line in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petfinder.stores.base import Store
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.elastic.stores import empty_elasticsearch_store
from tests.stores.samples import DIMS, SPEC

STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Store]] = {
    "memory": lambda request, folder: EmbeddedStore(None),
    "file": lambda request, folder: EmbeddedStore(folder / "pets.db"),
    "elasticsearch": lambda request, folder: empty_elasticsearch_store(request.getfixturevalue("elasticsearch_url")),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind, with the index "dogs" in it."""
    made = STORES[request.param](request, tmp_path)
    made.create_index("dogs", SPEC)
    assert SPEC.dims == DIMS
    yield made
    made.close()
