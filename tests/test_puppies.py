"""The puppies of the original notebook are fetched from a server of our own, which serves the same bytes, or others."""

from __future__ import annotations

import functools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from petfinder.cli.puppies import BASE_URL, DOGS, LOST, MAX_BYTES, SHA256, download_puppies
from petfinder.domain.errors import ConfigError, StoreUnavailable


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder and notes what was asked for; `failures` requests are answered 503 first."""

    asked: list[str]
    failures = 0

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if len(self.asked) <= self.failures:
            self.send_error(503)
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@contextmanager
def served(folder: Path, *, failures: int = 0) -> Iterator[tuple[str, list[str]]]:
    """The URL of a folder on this machine, and the list of what is asked for."""
    asked: list[str] = []
    handler = type("Once", (Handler,), {"asked": asked, "failures": failures})
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pictures_come_whole_after_a_stumble_and_only_a_spoilt_one_comes_twice(shared: Path, tmp_path: Path) -> None:
    originals = shared / "lost-puppy"  # laid out as in their repository
    puppies = tmp_path / "new" / "puppies"
    with served(originals, failures=2) as (url, asked):
        download_puppies(puppies, base_url=url, progress=False)
        first = len(asked)
        download_puppies(puppies, base_url=url)
        twice = len(asked)
        (puppies / LOST).write_bytes(b"half a picture")
        download_puppies(puppies, base_url=url)
        third = asked[15:]
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="name another folder"):
            download_puppies(tmp_path / "file", base_url=url)

    assert (first, twice, third) == (15, 15, [f"/{LOST}"])
    assert {name: (puppies / name).read_bytes() for name in SHA256} == {
        name: (originals / name).read_bytes() for name in SHA256
    }
    assert len(list((puppies / DOGS).iterdir())) == 11


@pytest.mark.parametrize("content", [b"", b"another picture", b"x" * (MAX_BYTES + 5)])
def test_wrong_bytes_never_get_the_pictures_name(tmp_path: Path, content: bytes) -> None:
    for name in SHA256:
        (tmp_path / "fake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fake" / name).write_bytes(content)

    said = r"not the picture it should be.*petfinder demo"
    with served(tmp_path / "fake") as (url, _), pytest.raises(StoreUnavailable, match=said):
        download_puppies(tmp_path / "puppies", base_url=url)

    assert [path for path in (tmp_path / "puppies").rglob("*") if path.is_file()] == []


def test_a_server_without_the_pictures_or_none_is_said_within_seconds_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    for failures in (0, 10_000):
        with (
            served(tmp_path / "nothing", failures=failures) as (url, _),
            pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"),
        ):
            download_puppies(tmp_path / "puppies", base_url=url)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    start = time.monotonic()

    with pytest.raises(StoreUnavailable, match=r"offline.*`petfinder demo`") as offline:
        download_puppies(tmp_path, base_url=f"http://ully:secret@127.0.0.1:{port}/")

    assert time.monotonic() - start < 20
    assert "secret" not in f"{offline.value} {offline.value.__cause__!r}"


def test_the_address_is_pinned_to_one_commit_and_what_is_no_web_address_is_refused(tmp_path: Path) -> None:
    commit = "47ed2e87e2e33d4282f6eaf5c6f7343335d59fd0"
    assert f"https://raw.githubusercontent.com/salgado/image-search-01/{commit}/dataset/" == BASE_URL
    for url in ("ftp://example.org/", "file:///etc/", "nothing", "https://"):
        with pytest.raises(ConfigError, match="base_url"):
            download_puppies(tmp_path, base_url=url)
