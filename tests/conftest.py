"""What the tests share: how they are spread, the folder of real photos, an encoder that is a table of vectors."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from petfinder.domain.errors import TextNotSupported
from petfinder.domain.vectors import Matrix, unit
from petfinder.domain.verdicts import AnyThresholds
from petfinder.registry.connect import connect
from petfinder.registry.registry import Registry
from tests.elastic.fixtures import elasticsearch_url, own_servers, three_nodes
from tests.elastic.stores import empty_elasticsearch_store
from tests.spreading import Groups, group_of

__all__ = ["elasticsearch_url", "own_servers", "three_nodes"]
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start, also where the run itself stands in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Spread the tests over the workers by what they share."""
    return Groups(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test on the one Elasticsearch that word as a parameter, by which it is known."""
    if "elasticsearch_url" in metafunc.fixturenames:
        metafunc.fixturenames.append("server")
        metafunc.parametrize("server", ["elasticsearch"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the largest groups."""
    items.sort(key=lambda item: (group_of(item.nodeid) != "elasticsearch", "page/" not in item.nodeid))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos beside the checkout; a test that cannot do without it is skipped elsewhere."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with real photos is not here")
    return SHARED


class TableEncoder:
    """The only fake: a picture's mean colour, seen from grey, is its direction in `dims` dimensions."""

    name = "table-1"
    supports_text = False

    def __init__(self, *, dims: int = 8, thresholds: AnyThresholds = None, fingerprint: str = "t1") -> None:
        self.dims = dims
        self.thresholds = thresholds
        self.fingerprint = fingerprint
        self.encoded = 0

    def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
        self.encoded += len(pictures)
        colours = np.array([np.asarray(picture).reshape(-1, 3).mean(axis=0) for picture in pictures]).reshape(-1, 3)
        rows = np.ones((len(pictures), self.dims))
        rows[:, :3] = colours - 128
        return unit(rows)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        raise TextNotSupported("the table encoder knows colours only")


@pytest.fixture
def table_encoder() -> TableEncoder:
    return TableEncoder()


@pytest.fixture(params=["memory", "file", "elasticsearch"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new registry may be made, on each store: what `connect` takes, nothing in it yet."""
    if request.param == "elasticsearch":
        url: str = request.getfixturevalue("elasticsearch_url")
        empty_elasticsearch_store(url).close()
        return url
    return ":memory:" if request.param == "memory" else str(tmp_path / "pets.db")


@pytest.fixture
def registry(place: str, table_encoder: TableEncoder) -> Iterator[Registry]:
    """A new registry on each store, with the table of vectors as its encoder."""
    with connect(place, encoder=table_encoder) as opened:
        yield opened
