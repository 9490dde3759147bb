"""What the server behind the page opens and what it keeps shut; how it starts, refuses to start, and ends.

Strangers cannot lead its visitors astray, hang it, fill it, or fill its log.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from petfinder.page.server.handlers import PROTOCOL
from petfinder.page.server.serve import host_for_processes
from tests.page.serving import ROOT, Served, asked, environment, served, stop

NOBODY = "00000000-0000-4000-8000-000000000000"
SHUT = f"""
/voila/files/page.ipynb /voila/files/secret.png /secret.png /pets.db /petfinder.toml /files/../pets.db
/files/..%2f..%2fetc%2fpasswd /voila/static/..%2f..%2f..%2f..%2fetc%2fpasswd
/voila/static/../../../../../../../../../../etc/passwd
/voila/templates/lab/static/..%2f..%2f..%2f..%2fetc%2fpasswd /voila/templates/lab/index.html.j2
/voila/labextensions/..%2f..%2f..%2fetc%2fpasswd /voila/labextensions/jupyter-leaflet/package.json
/voila/tree /voila/render/page.ipynb /voila/api/contents/ /voila/api/themes/x
/voila/query/{NOBODY} /voila/execution/{NOBODY} /api/kernels /api/kernels/{NOBODY}
/api/sessions /api/terminals /api/contents /api/kernelspecs /terminals/1 /lab /login /logout /metrics
""".split()
KINDS = ("execute", "inspect", "complete", "history", "debug", "is_complete")
GARBAGE: list[str | bytes] = [
    "no json",
    "[]",
    json.dumps({"channel": "shell"}),
    b"",
    b"\xff" * 30,
    b"\x7f\xff\xff\xff" * 9,
]
IMPATIENT = (
    "from petfinder.page.server import voila; voila.NEVER_MET_SECONDS = 2; from petfinder.__main__ import main; main()"
)
HOST = "pets.example.org"


def line_to(url: str, process: str, *, origin: str | None = None, protocol: str | None = PROTOCOL) -> ClientConnection:
    return connect(
        f"ws{url.removeprefix('http')}api/kernels/{process}/channels?session_id=stranger",
        origin=None if origin is None else Origin(origin),
        subprotocols=None if protocol is None else [Subprotocol(protocol)],
        open_timeout=60,
        proxy=None,
    )


def process_in(body: str) -> str:
    found = re.search(r'"kernelId": *"([^"]+)"', body)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def opened(page: Served) -> tuple[str, dict[str, str]]:
    """The page as the server sends it to a browser, and its headers."""
    status, body, headers = asked(page.url, "/", Sec_Fetch_Dest="document")
    assert status == 200
    return body, headers


@pytest.fixture(scope="module")
def process(page: Served, opened: tuple[str, dict[str, str]]) -> str:
    """The process behind that page; it has been met, and stays."""
    name = process_in(opened[0])
    with line_to(page.url, name):
        return name


@pytest.mark.parametrize("path", SHUT)
def test_no_file_no_list_and_no_other_door_of_the_server_is_open(page: Served, path: str) -> None:
    (page.log.parent / "secret.png").write_bytes((ROOT / "dataset" / "owners" / "amara-okafor.jpg").read_bytes())

    status, body, _ = asked(page.url, path)

    assert status in (403, 404)
    assert len(body) < 200


@pytest.mark.parametrize(
    "headers", [{"host": HOST}, *({"Sec_Fetch_Dest": one} for one in ("image", "iframe", "empty"))]
)
def test_other_names_and_what_other_pages_load_lead_nowhere(page: Served, headers: dict[str, str]) -> None:
    status, body, _ = asked(page.url, "/", **headers)

    assert status == 403
    assert "petfinder" not in body


def test_browsers_are_told_to_load_nothing_from_elsewhere(page: Served, opened: tuple[str, dict[str, str]]) -> None:
    body, headers = opened

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "https:" not in policy
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', body)
    assert not [folder for folder in (Path.home(), ROOT, page.log.parent) if str(folder) in body]


def test_a_visitor_cannot_run_code(page: Served, process: str) -> None:
    proof, seen = page.log.parent / "proof", set()
    options = {"silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    with line_to(page.url, process) as line:
        for kind in (*KINDS, "kernel_info"):
            header = {"msg_id": kind, "msg_type": f"{kind}_request", "session": "stranger", "username": "", "date": ""}
            content = {"code": f"open({str(proof)!r}, 'w')", **options}
            parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
            line.send(serialize_msg_to_ws_v1(parts, "shell"))  # type: ignore[no-untyped-call]
        with suppress(TimeoutError):
            while True:
                received = line.recv(timeout=3 if "kernel_info_reply" in seen else 60)
                _, (head, *_) = deserialize_msg_from_ws_v1(received)  # type: ignore[no-untyped-call]
                seen.add(json.loads(head)["msg_type"])

    assert "kernel_info_reply" in seen  # the line itself works
    assert not {f"{kind}_reply" for kind in KINDS} & seen
    assert not proof.exists()


def test_a_line_that_speaks_another_protocol_is_refused_and_no_more(page: Served, process: str) -> None:
    for other in (None, "v2.kernel.websocket.jupyter.org", f"x{PROTOCOL}"):
        with pytest.raises(InvalidStatus, match="400"):
            line_to(page.url, process, protocol=other)

    with line_to(page.url, process) as line:
        assert line.subprotocol == PROTOCOL
    assert is_there(page.url, process)


def test_garbage_closes_the_line_and_neither_hangs_the_page_nor_fills_its_log(page: Served, process: str) -> None:
    before = len(page.said)
    for garbage in GARBAGE:
        with line_to(page.url, process) as line:
            line.send(garbage)
            assert closed(line), garbage

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


def test_nobody_else_waits_where_the_processes_wait_for_a_visitor(page: Served, process: str) -> None:
    for name in (NOBODY, process):
        for token in ("", "x/"):
            with pytest.raises(InvalidStatus, match="404"):
                connect(f"ws{page.url.removeprefix('http')}{token}voila/query/{name}", proxy=None)

    assert asked(page.url, "/")[0] == 200


def test_other_machines_are_let_in_and_who_opens_no_line_leaves_no_process(
    tmp_path: Path, locked: dict[str, str]
) -> None:
    impatient = (sys.executable, "-c", IMPATIENT)
    with served("pets.db", tmp_path, "--ip", "0.0.0.0", settings=locked, command=impatient) as running:
        assert "not encrypted" in running.said
        url = here(running)
        staying = process_in(asked(url, "/", host=HOST)[1])
        with line_to(url, staying):  # at once: it too would be gone by the time that a busy machine makes another
            gone = process_in(asked(url, "/", host=HOST)[1])
            assert eventually(lambda: not is_there(url, gone), seconds=60)
            assert is_there(url, staying)
            assert asked(url, "/")[0] == 200


def here(running: Served) -> str:
    """The address by which this machine reaches a server that listens on every address."""
    return f"http://127.0.0.1:{urlsplit(running.url).port}/"


def is_there(url: str, process: str) -> bool:
    return asked(url, f"/api/kernels/{process}", Referer=url)[0] == 200


def eventually(condition: Callable[[], object], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return bool(true)


def test_a_web_server_with_a_name_may_show_the_page_and_no_other(tmp_path: Path, locked: dict[str, str]) -> None:
    with served("pets.db", tmp_path, "--host", HOST, settings=locked) as running:
        assert asked(running.url, "/", host="other.example.org")[0] == 403
        status, body, headers = asked(running.url, "/", host=HOST)
        with line_to(running.url, process_in(body), origin=f"https://{HOST}"):
            pass
        for other in ("https://other.example.org", f"https://{HOST}.example.com", f"http://{HOST}"):
            with pytest.raises(InvalidStatus, match="403"):
                line_to(running.url, process_in(body), origin=other)

    assert status == 200
    assert f"wss://{HOST}" in headers["Content-Security-Policy"]
    assert f"https://{HOST}/" in running.said


def test_ctrl_c_ends_a_server_open_to_all_and_every_process_behind_it(tmp_path: Path) -> None:
    with served("pets.db", tmp_path, "--ip", "0.0.0.0", "--without-passphrase") as running:
        assert "not encrypted" in running.said
        asked(here(running), "/")
        listed = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        assert eventually(lambda: len(listed.read_text().split()) >= 2, seconds=30)
        children = listed.read_text().split()
        assert stop(running) == 0

    assert eventually(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children), seconds=15)
    assert "Traceback" not in running.said


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (("--ip", "0.0.0.0"), {}, "no passphrase is set"),
        (("--host", HOST), {}, "no passphrase is set"),
        (("--host", f"https://{HOST}/"), {}, "without https://"),
        ((), {"PETFINDER_PASSPHRASE_HASH": "three grey whiskers"}, "petfinder passphrase"),
        (("--registry", ":memory:"), {}, "not memory"),
        (("--registry", "http://127.0.0.1:9"), {}, "127.0.0.1:9"),
        (("--port", "TAKEN"), {}, "port TAKEN"),
    ],
)
def test_what_cannot_work_is_said_before_any_page(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "petfinder", "serve", "--no-open", "--registry", "pets.db", "--port", "0"]
            + [argument.replace("TAKEN", port) for argument in arguments],
            cwd=tmp_path,
            env=environment(**settings),
            capture_output=True,
            text=True,
            timeout=60,
        )

    said = ended.stdout + ended.stderr
    assert sentence.replace("TAKEN", port) in said
    assert ended.returncode in (2, 3)
    assert not [text for text in ("petfinder is at", "Traceback", "whiskers") if text in said]
    assert (tmp_path / "pets.db").exists() is ("--port" in arguments)


def test_the_processes_find_the_server_wherever_it_listens() -> None:
    named = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::1": "[::1]", "::": "[::1]", "10.0.0.7": "10.0.0.7"}

    assert {ip: host_for_processes(ip) for ip in named} == named


def test_it_serves_from_the_installed_package(tmp_path: Path) -> None:
    built, installed, folder = tmp_path / "built", tmp_path / "installed", tmp_path / "elsewhere"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    folder.mkdir()
    settings = {"PYTHONPATH": str(installed)}

    with served("pets.db", folder, settings=settings) as running:
        status, body, _ = asked(running.url, "/")

    code = "import petfinder; print(petfinder.__file__)"
    shown = subprocess.check_output([sys.executable, "-c", code], cwd=folder, env=environment(**settings), text=True)
    assert shown.startswith(str(installed))
    assert status == 200
    assert "<title>petfinder</title>" in body
    assert "Opening the registry" in body
    assert "application/vnd.jupyter.widget-view+json" in body
