"""The page as its visitors meet it: `petfinder serve` as a process of its own, and plain HTTP to it."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parents[2]
DATASET = ROOT / "dataset"
START_SECONDS = 90
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


def with_changed(**changed: object) -> tuple[str, ...]:
    """The command line with other numbers in petfinder.page: serve__IDLE_SECONDS=1."""
    lines = [f"{name.replace('__', '.')} = {value!r}" for name, value in changed.items()]
    modules = ", ".join({name.partition("__")[0] for name in changed})
    code = [f"from petfinder.page import {modules}", *lines, "from petfinder.__main__ import main", "main()"]
    return (sys.executable, "-c", "\n".join(code))


@contextmanager
def served(
    registry: str,
    folder: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "petfinder"),
) -> Iterator[Served]:
    """`petfinder serve` on a free port, working in `folder`, until the block ends (by Ctrl-C)."""
    log = folder / f"serve-{secrets.token_hex(4)}.log"
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


def stop(running: Served, by: signal.Signals = signal.SIGINT) -> int:
    if running.process.poll() is None:
        running.process.send_signal(by)
    try:
        return running.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        running.process.kill()
        raise


def _address(running: Served) -> str:
    def found() -> re.Match[str] | None:
        return re.search(r"petfinder is at (http://\S+)", running.said)

    if eventually(lambda: found() or running.process.poll() is not None, seconds=START_SECONDS) and (line := found()):
        return line[1]
    raise AssertionError(f"no page came up:\n{running.said}")


def eventually(condition: Callable[[], object], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(true)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def leads_to(self) -> str:
        return self.headers.get("Location", "")


Form: TypeAlias = Sequence[tuple[str, str] | tuple[str, tuple[str, bytes]]]


def asked(
    url: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    form: Form | None = None,
    body: bytes | None = None,
    cookie: str = "",
    source: str = "127.0.0.1",
    by: str = "",
    trusting: ssl.SSLContext | None = None,
) -> Answer:
    """What the server answers to a path as it is written, asked from an address of this machine.

    `form` is posted: as multipart where a value is a file (name, bytes). `by`: for whom a proxy says that it asks.
    """
    place = urlsplit(url)
    own = {"Host": place.netloc, "Cookie": cookie, "X-Forwarded-For": by, **(headers or {})}
    sent = {name: value for name, value in own.items() if value or name == "Host"}
    if form is not None:
        method, body, kind = "POST", *encoded(form)
        sent = {"Content-Type": kind, **sent}
    to, origin = place.hostname or "", (source, 0)
    line = http.client.HTTPConnection(to, place.port, timeout=60, source_address=origin)
    if trusting:
        line = http.client.HTTPSConnection(to, place.port, timeout=60, source_address=origin, context=trusting)
    try:
        line.request(method, path, body, sent)
        answer = line.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        line.close()


def encoded(form: Form) -> tuple[bytes, str]:
    """A form as a browser sends it, and its content type."""
    if not any(isinstance(value, tuple) for _, value in form):
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    body = b""
    for name, value in form:
        file, content = value if isinstance(value, tuple) else (None, value.encode())
        named = '; filename="' + file.replace('"', "%22") + '"' if file is not None else ""
        body += f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--edge--\r\n", "multipart/form-data; boundary=edge"


def let_in(url: str, *, address: str = "10.9.9.9", passphrase: str = PASSPHRASE) -> str:
    """The cookie of somebody who gave the passphrase."""
    answer = asked(url, "/volunteers", form=[("passphrase", passphrase)], by=address)
    assert answer.status == 303, answer.text
    return answer.headers["Set-Cookie"].partition(";")[0]
