"""What visitors and whoever runs the page are told when something goes wrong behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.serving import Served, served, visiting


@pytest.fixture
def broken(tmp_path: Path, chromium: str) -> Path:
    """A folder whose registry goes away while it is served."""
    return tmp_path


def test_a_registry_that_went_away_is_a_sentence_for_visitors_and_a_line_for_whoever_runs_it(
    browser: Browser, broken: Path
) -> None:
    with served("pets.db", broken) as running:
        with visiting(browser, running.url) as first:
            first.go("All pets")
            _break(broken / "pets.db")
            first.go("Find by photo")
            first.go("All pets")
            first.sees("The registry does not answer.")
            assert not first.received(str(broken))
        with visiting(browser, running.url, wait=False) as second:
            second.page.get_by_role("heading", name="petfinder").or_(second.page.get_by_role("alert")).first.wait_for()
            assert not second.received(str(broken))
        assert "Traceback" not in running.said
        assert "pets.db" in running.said


def _break(registry: Path) -> None:
    for file in registry.parent.glob(f"{registry.name}*"):
        file.write_bytes(b"no database " * 4096)


def test_nothing_that_a_process_prints_reaches_the_visitor(browser: Browser, page: Served) -> None:
    with visiting(browser, page.url) as visitor:
        visitor.upload({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        visitor.sees("is not a picture")

        assert visitor.frames
        assert not any(b'"msg_type":"stream"' in frame or b'"msg_type": "stream"' in frame for frame in visitor.frames)
