"""What the server behind the page opens and what it keeps shut; how it starts, refuses to start, and ends."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.page.serving import ROOT, Served, asked, environment, served, stop, visiting

SHUT = [
    "/voila/files/page.ipynb",
    "/voila/files/secret.png",
    "/secret.png",
    "/pets.db",
    "/petfinder.toml",
    "/files/../pets.db",
    "/files/..%2f..%2fetc%2fpasswd",
    "/voila/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/voila/static/../../../../../../../../../../etc/passwd",
    "/voila/templates/lab/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/voila/templates/lab/index.html.j2",
    "/voila/labextensions/..%2f..%2f..%2fetc%2fpasswd",
    "/voila/labextensions/jupyter-leaflet/package.json",
    "/voila/tree",
    "/voila/render/page.ipynb",
    "/voila/api/contents/",
    "/voila/api/themes/x",
    "/voila/query/00000000-0000-4000-8000-000000000000",
    "/voila/execution/00000000-0000-4000-8000-000000000000",
    "/api/kernels",
    "/api/kernels/00000000-0000-4000-8000-000000000000",
    "/api/sessions",
    "/api/terminals",
    "/api/contents",
    "/api/kernelspecs",
    "/terminals/1",
    "/lab",
    "/login",
    "/logout",
    "/metrics",
]
KINDS = ("execute", "inspect", "complete", "history", "debug", "is_complete")
RUN_CODE = """([code, kinds]) => new Promise((resolve) => {
    const { kernelId } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    const line = new WebSocket(`ws://${location.host}/api/kernels/${kernelId}/channels?session_id=intruder`);
    const seen = [];
    const say = (type, content) => line.send(JSON.stringify({ channel: "shell", parent_header: {}, metadata: {},
        content, header: { msg_id: crypto.randomUUID(), msg_type: type, session: "intruder", username: "", date:
        new Date().toISOString(), version: "5.3" } }));
    line.onopen = () => {
        for (const kind of kinds)
            say(kind, { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false });
        say("kernel_info_request", {});
    };
    line.onmessage = ({ data }) => { seen.push(JSON.parse(data).header.msg_type); };
    setTimeout(() => { line.close(); resolve(seen); }, 3000);
})"""


@pytest.mark.parametrize("path", SHUT)
def test_no_file_no_list_and_no_other_door_of_the_server_is_open(page: Served, path: str) -> None:
    (page.log.parent / "secret.png").write_bytes((ROOT / "dataset" / "owners" / "amara-okafor.jpg").read_bytes())

    status, body, _ = asked(page.url, path)

    assert status in (403, 404)
    assert len(body) < 200


def test_another_name_for_this_machine_leads_nowhere(page: Served) -> None:
    status, body, _ = asked(page.url, "/", host="pets.example.org")

    assert status == 403
    assert "petfinder" not in body


def test_the_page_tells_browsers_to_load_nothing_from_elsewhere(page: Served) -> None:
    _, body, headers = asked(page.url, "/")

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "https:" not in policy
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', body)
    assert str(Path.home()) not in body
    assert str(ROOT) not in body
    assert str(page.log.parent) not in body


def test_a_visitor_cannot_run_code(browser: Browser, page: Served) -> None:
    proof = page.log.parent / "proof"
    with visiting(browser, page.url) as visitor:
        seen = visitor.page.evaluate(RUN_CODE, [f"open({str(proof)!r}, 'w')", [f"{kind}_request" for kind in KINDS]])

    assert "kernel_info_reply" in seen  # the line itself works
    assert not {f"{kind}_reply" for kind in KINDS} & {*seen}
    assert not proof.exists()


def test_ctrl_c_ends_the_server_and_every_process_behind_it(tmp_path: Path, chromium: str) -> None:
    with served("pets.db", tmp_path) as running:
        asked(running.url, "/")
        deadline = time.monotonic() + 30
        while len(children := _children_of(running.process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)

        assert len(children) >= 2
        assert stop(running) == 0

    deadline = time.monotonic() + 15
    while (left := [child for child in children if Path(f"/proc/{child}/cmdline").exists()]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.2)
    assert left == []
    assert "Traceback" not in running.said


def _children_of(pid: int) -> list[int]:
    if not Path("/proc").is_dir():
        pytest.skip("processes are counted in /proc")
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def refused(folder: Path, *arguments: str, **settings: str) -> str:
    """What `petfinder serve` says where it refuses to start; it has exit code 2 or 3 and shows no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "petfinder", "serve", "--no-open", *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode in (2, 3)
    assert "petfinder is at" not in ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def test_other_machines_are_not_let_in_without_a_passphrase(tmp_path: Path) -> None:
    said = refused(tmp_path, "--registry", "pets.db", "--ip", "0.0.0.0", "--port", "0")

    assert "no passphrase is set" in said
    assert not (tmp_path / "pets.db").exists()


def test_with_a_passphrase_or_in_so_many_words_they_are(tmp_path: Path, locked: dict[str, str]) -> None:
    with served("pets.db", tmp_path, "--ip", "0.0.0.0", settings=locked) as running:
        assert "not encrypted" in running.said
        assert asked(f"http://127.0.0.1:{urlsplit(running.url).port}", "/", host="pets.example.org")[0] == 200
    with served("pets.db", tmp_path, "--ip", "0.0.0.0", "--without-passphrase") as running:
        assert "not encrypted" in running.said


def test_a_hash_that_is_none_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    said = refused(tmp_path, "--registry", "pets.db", PETFINDER_PASSPHRASE_HASH="three grey whiskers")

    assert "petfinder passphrase" in said
    assert "whiskers" not in said


def test_a_registry_in_memory_is_refused(tmp_path: Path) -> None:
    assert "not memory" in refused(tmp_path, "--registry", ":memory:", "--port", "0")


def test_a_server_that_is_not_there_is_said_before_any_page(tmp_path: Path) -> None:
    said = refused(tmp_path, "--registry", "http://127.0.0.1:9", "--port", "0")

    assert "127.0.0.1:9" in said


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"port {port}" in refused(tmp_path, "--registry", "pets.db", "--port", str(port))


def test_it_serves_from_the_installed_package(tmp_path: Path) -> None:
    built = tmp_path / "built"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    installed, folder = tmp_path / "installed", tmp_path / "elsewhere"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    folder.mkdir()
    where = "import petfinder; print(petfinder.__file__)"

    with served("pets.db", folder, settings={"PYTHONPATH": str(installed)}) as running:
        status, body, _ = asked(running.url, "/")

    shown = subprocess.run(
        [sys.executable, "-c", where],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith(str(installed))
    assert status == 200
    assert "<title>petfinder</title>" in body
    assert "Opening the registry" in body
    assert "application/vnd.jupyter.widget-view+json" in body
