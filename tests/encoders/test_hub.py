"""Published models: found in the cache without a network, fetched once with one, refused in seconds without either."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from petfinder.domain.errors import EncoderUnavailable
from petfinder.encoders import sentence_transformers

pytest.importorskip("sentence_transformers", reason="the clip extra is not installed")

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODELS = ("/sentence-transformers/tiny", "/sentence-transformers/cut-short")
NOBODY = "http://127.0.0.1:9"  # the discard port: refuses at once
ENCODE = """
import sys, time
from PIL import Image
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder
from petfinder.domain.errors import PetfinderError
for name in sys.argv[1:]:
    started = time.monotonic()
    try:
        text = SentenceTransformersEncoder(name).encode_images([Image.new("RGB", (40, 30), "red")]).shape
    except PetfinderError as error:
        text = f"{type(error).__name__} {error}"
    print(round(time.monotonic() - started), text)
"""


class Answer(NamedTuple):
    """What encoding a picture with a model gave, and after how many seconds."""

    seconds: int
    text: str


def encode(*models: str, cache: Path, endpoint: str, offline: bool = False) -> list[Answer]:
    """Encode a picture with each model, in a new process that knows this hub and this cache."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    switches = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": str(int(offline)),
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", ENCODE, *models]
    done = subprocess.run(
        command, env={**clean, **switches}, cwd=cache, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 1) for line in done.stdout.strip().splitlines()]
    return [Answer(int(seconds), answer) for seconds, answer in lines]


def put_into_cache(folder: Path, cache: Path, name: str, *, leave_out: str) -> None:
    """Lay the files as the hub's client does when a fetch is cut short; `modules.json` is known not to exist."""
    stored = cache / "hub" / f"models--sentence-transformers--{name}"
    shutil.copytree(folder, stored / "snapshots" / COMMIT, ignore=shutil.ignore_patterns(leave_out))
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(COMMIT)
    for missing in ("modules.json", "adapter_config.json"):
        file = stored / ".no_exist" / COMMIT / missing
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.fixture(scope="module")
def published(clip_folder: Path) -> Iterator[str]:
    """A hub of our own with one model under the names `tiny` and `cut-short`; gives its address."""

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            file = clip_folder / path.rsplit("/", 1)[-1]
            content = None
            if path.startswith(MODELS) and file.is_file():
                content = file.read_bytes()
            elif path.startswith(tuple(f"/api/models{model}" for model in MODELS)) and "/tree/" not in path:
                files = [{"rfilename": name} for name in sorted(file.name for file in clip_folder.iterdir())]
                content = json.dumps({"id": "x", "sha": COMMIT, "siblings": files}).encode()
            self.send_response(404 if content is None else 200)
            if content is None:
                known = path.startswith(MODELS) or "/tree/" in path
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("ETag", f'"{hashlib.sha1(content or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content or b"")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def with_and_without_the_hub(
    published: str, clip_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Answer]:
    """tiny and cut-short while the hub is there; then tiny, cut-short and torn when it is not."""
    cache = tmp_path_factory.mktemp("cache")
    put_into_cache(clip_folder, cache, "cut-short", leave_out="tokenizer*.json")
    online = encode("tiny", "cut-short", cache=cache, endpoint=published)
    put_into_cache(clip_folder, cache, "torn", leave_out="model.safetensors")
    return online + encode("sentence-transformers/tiny", "cut-short", "torn", cache=cache, endpoint=NOBODY)


def test_a_model_is_fetched_once_or_completed_and_then_needs_no_network(with_and_without_the_hub: list[Answer]) -> None:
    assert [one.text for one in with_and_without_the_hub[:4]] == ["(1, 16)"] * 4


def test_half_a_model_is_not_made_up_where_the_hub_cannot_be_reached(with_and_without_the_hub: list[Answer]) -> None:
    torn = with_and_without_the_hub[4]
    assert torn.text.startswith("EncoderUnavailable")
    assert "not wholly" in torn.text
    assert torn.seconds < 20


def test_a_model_that_the_hub_does_not_know_is_refused(published: str, tmp_path: Path) -> None:
    (unknown,) = encode("no-such-model", cache=tmp_path, endpoint=published)
    assert unknown.text.startswith("EncoderUnavailable the hub knows no model 'no-such-model'")
    assert unknown.seconds < 20


@pytest.mark.parametrize("offline", [False, True])
def test_a_hub_that_refuses_is_given_up_in_seconds_with_the_ways_out(tmp_path: Path, offline: bool) -> None:
    (refused,) = encode("clip-ViT-B-32", cache=tmp_path, endpoint=NOBODY, offline=offline)
    assert refused.text.startswith("EncoderUnavailable")
    for way_out in ("local folder", "machine with a network", "'pocket'"):
        assert way_out in refused.text
    assert refused.seconds < 20


def test_a_hub_that_says_nothing_is_given_up_in_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (unheard,) = encode("clip-ViT-B-32", cache=tmp_path, endpoint=endpoint)
    assert unheard.text.startswith("EncoderUnavailable")
    assert "cannot be reached" in unheard.text
    assert unheard.seconds < 20


@pytest.mark.parametrize("name", ["/no/such/folder", "models/of/mine", "a folder"])
def test_a_name_that_no_model_can_have_means_a_folder_that_is_missing(name: str) -> None:
    with pytest.raises(EncoderUnavailable, match="there is no folder"):
        sentence_transformers.is_cached(name)
