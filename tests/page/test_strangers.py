"""What strangers cannot do to a served page: lead its visitors astray, hang it, fill it, or fill its log."""

from __future__ import annotations

import itertools
import json
import re
import sys
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from petfinder.page.server.serve import host_for_processes
from tests.page.serving import Served, asked, served
from tests.page.test_doors import refused

V1 = "v1.kernel.websocket.jupyter.org"
GARBAGE: list[str | bytes] = [
    "no json",
    "[]",
    json.dumps({"channel": "shell"}),
    b"",
    b"\xff" * 30,
    b"\x7f\xff\xff\xff" * 9,
]
IMPATIENT = (
    "from petfinder.page import server; server.NEVER_MET_SECONDS = 2; from petfinder.__main__ import main; main()"
)
HOST = "pets.example.org"


def line_to(url: str, process: str, *, origin: str | None = None, spoken: str | None = None) -> ClientConnection:
    """A visitor's line to the process."""
    return connect(
        f"ws{url.removeprefix('http')}api/kernels/{process}/channels?session_id=stranger",
        origin=None if origin is None else Origin(origin),
        subprotocols=None if spoken is None else [Subprotocol(spoken)],
        open_timeout=60,
        proxy=None,
    )


def process_of_a_visitor(url: str) -> str:
    """Ask for the page; the name of the process behind it."""
    found = re.search(r'"kernelId": *"([^"]+)"', asked(url, "/")[1])
    assert found is not None
    return found[1]


def test_nobody_else_waits_where_the_processes_wait_for_a_visitor(page: Served) -> None:
    for process in ("00000000-0000-4000-8000-000000000000", process_of_a_visitor(page.url)):
        for token in ("", "x/"):
            with pytest.raises(InvalidStatus, match="404"):
                connect(f"ws{page.url.removeprefix('http')}{token}voila/query/{process}", proxy=None)

    assert asked(page.url, "/")[0] == 200


@pytest.mark.parametrize(("dest", "status"), [("image", 403), ("iframe", 403), ("empty", 403), ("document", 200)])
def test_what_another_page_loads_gets_no_process(page: Served, dest: str, status: int) -> None:
    assert asked(page.url, "/", Sec_Fetch_Dest=dest)[0] == status


def test_garbage_closes_the_line_and_neither_hangs_the_page_nor_fills_its_log(page: Served) -> None:
    process = process_of_a_visitor(page.url)
    before = len(page.said)
    for garbage, spoken in itertools.product(GARBAGE, (None, V1)):
        with line_to(page.url, process, spoken=spoken) as line:
            line.send(garbage)
            assert closed(line), (garbage, spoken)

    assert asked(page.url, "/")[0] == 200
    said = page.said[before:]
    assert "message could not be read" in said
    assert re.search(r'File ".*(handlers?|channels|websocket)\.py"', said) is None  # no traceback of a line
    assert process not in said


def closed(line: ClientConnection) -> bool:
    """Wait until the server closes the line; whether it says that it could not read what came."""
    try:
        while True:
            line.recv(timeout=60)
    except ConnectionClosed as error:
        return error.rcvd is not None and error.rcvd.code == 1007


def test_who_asked_for_the_page_and_opened_no_line_leaves_no_process(tmp_path: Path) -> None:
    with served("pets.db", tmp_path, command=(sys.executable, "-c", IMPATIENT)) as running:
        staying, gone = process_of_a_visitor(running.url), process_of_a_visitor(running.url)
        with line_to(running.url, staying):
            deadline = time.monotonic() + 60
            while (there := is_there(running, gone)) and time.monotonic() < deadline:
                time.sleep(0.5)

            assert not there
            assert is_there(running, staying)
            assert asked(running.url, "/")[0] == 200


def is_there(running: Served, process: str) -> bool:
    """Whether a visitor's process runs."""
    return asked(running.url, f"/api/kernels/{process}", Referer=running.url)[0] == 200


def test_a_web_server_with_a_name_may_show_the_page_and_no_other(tmp_path: Path, locked: dict[str, str]) -> None:
    with served("pets.db", tmp_path, "--host", HOST, settings=locked) as running:
        assert asked(running.url, "/", host="other.example.org")[0] == 403
        status, _, headers = asked(running.url, "/", host=HOST)
        process = process_of_a_visitor(running.url)
        with line_to(running.url, process, origin=f"https://{HOST}"):
            pass
        for other in ("https://other.example.org", f"https://{HOST}.example.com", f"http://{HOST}"):
            with pytest.raises(InvalidStatus, match="403"):
                line_to(running.url, process, origin=other)

    assert status == 200
    assert f"wss://{HOST}" in headers["Content-Security-Policy"]
    assert f"https://{HOST}/" in running.said


def test_a_web_server_before_the_page_wants_a_passphrase_too(tmp_path: Path) -> None:
    said = refused(tmp_path, "--registry", "pets.db", "--port", "0", "--host", HOST)

    assert "no passphrase is set" in said


def test_a_host_is_a_name_and_no_address_of_a_page(tmp_path: Path) -> None:
    said = refused(tmp_path, "--registry", "pets.db", "--port", "0", "--host", f"https://{HOST}/")

    assert "without https://" in said


@pytest.mark.parametrize(
    ("ip", "named"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")],
)
def test_the_processes_find_the_server_wherever_it_listens(ip: str, named: str) -> None:
    assert host_for_processes(ip) == named
