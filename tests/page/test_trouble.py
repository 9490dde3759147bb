"""What visitors and whoever runs the page are told when something goes wrong behind it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.page.serving import served, visiting


def test_a_registry_that_went_away_is_a_sentence_and_a_line_in_the_log(browser: Browser, tmp_path: Path) -> None:
    with served("pets.db", tmp_path) as running:
        with visiting(browser, running.url) as first:
            first.go("All pets")
            for file in tmp_path.glob("pets.db*"):
                file.write_bytes(b"no database " * 4096)
            first.go("Find by photo")
            first.go("All pets")
            first.sees("The registry does not answer.")
            assert not first.received(str(tmp_path))
        with visiting(browser, running.url, wait=False) as second:
            second.page.get_by_role("heading", name="petfinder").or_(second.page.get_by_role("alert")).first.wait_for()
            assert not second.received(str(tmp_path))
        assert "Traceback" not in running.said
        assert "pets.db" in running.said
