"""The page as its visitors meet it: `petfinder serve` as a process of its own, and a browser in front of it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, WebSocket

ROOT = Path(__file__).resolve().parents[2]
DATASET = ROOT / "dataset"
START_SECONDS = 90
SHOWN_MS = 60_000
PASSPHRASE = "three grey whiskers"


@dataclass
class Served:
    url: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PETFINDER_")}
    return {**kept, **more}


@contextmanager
def served(
    registry: str,
    folder: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "petfinder"),
) -> Iterator[Served]:
    """`petfinder serve` on a free port, working in `folder`, until the block ends (by Ctrl-C)."""
    log = folder / "serve.log"
    with log.open("wb") as writing:
        process = subprocess.Popen(
            [*command, "serve", "--registry", registry, "--port", "0", "--no-open", *arguments],
            cwd=folder,
            env=environment(**(settings or {})),
            stdout=writing,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Served("", log, process)
    try:
        running.url = _address(running)
        yield running
    finally:
        stop(running)


def stop(running: Served) -> int:
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
    try:
        return running.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        running.process.kill()
        raise


def _address(running: Served) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.process.poll() is None:
        if found := re.search(r"petfinder is at (http://\S+)", running.said):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"no page came up:\n{running.said}")


def asked(url: str, path: str, *, host: str | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of what the server answers to a path as it is written."""
    place = urlsplit(url)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request("GET", path, headers={"Host": host or place.netloc, **named})
        answer = line.getresponse()
        return answer.status, answer.read().decode(errors="replace"), dict(answer.getheaders())
    finally:
        line.close()


@dataclass
class Visitor:
    """Somebody with a browser of their own, and all that came over their line."""

    page: Page
    requests: list[str] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", self._listen)

    def _listen(self, line: WebSocket) -> None:
        self.requests.append(line.url)
        line.on("framereceived", lambda got: self.frames.append(got if isinstance(got, bytes) else got.encode()))

    def received(self, text: str) -> bool:
        """Whether this text came to the browser, seen or unseen."""
        return text in self.page.content() or any(text.encode() in frame for frame in self.frames)

    def button(self, name: str, *, exact: bool = True) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact).filter(visible=True).first

    def press(self, name: str, *, exact: bool = True) -> None:
        self.button(name, exact=exact).click()

    def go(self, section: str) -> None:
        """Choose a section of the page, and wait until it is there."""
        self.press(section)
        self.page.get_by_role("heading", name=section, exact=True).wait_for(timeout=SHOWN_MS)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).filter(visible=True).first

    def upload(self, *photos: Path | Mapping[str, Any]) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.locator(".pf-upload:visible").first.click()
        chooser.value.set_files(list(photos))  # type: ignore[arg-type]

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).filter(visible=True).first.wait_for(timeout=SHOWN_MS)

    def sees_not(self, text: str) -> bool:
        return self.page.get_by_text(text).filter(visible=True).count() == 0

    def unlock(self, passphrase: str = PASSPHRASE) -> None:
        self.field("Passphrase").fill(passphrase)
        self.press("Unlock")

    def process(self) -> Path:
        """The process behind this visitor, as a folder in /proc."""
        kernel = self.page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
        return next(
            folder
            for folder in Path("/proc").glob("[0-9]*")
            if f"kernel-{kernel}.json" in (folder / "cmdline").read_text(errors="replace")
        )


@contextmanager
def visiting(browser: Browser, url: str, *, width: int = 1280, wait: bool = True) -> Iterator[Visitor]:
    """Somebody new on the page, with nothing of any other visitor."""
    visitor = Visitor(browser.new_context(viewport={"width": width, "height": 844}).new_page())
    try:
        visitor.page.goto(url, wait_until="commit")
        if wait:
            visitor.page.get_by_role("heading", name="petfinder").wait_for(timeout=SHOWN_MS)
        yield visitor
    finally:
        visitor.page.context.close()
