"""The README's code blocks are run, in the order in which they stand."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import petfinder as pf
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(text) if name == language]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_run_and_test_have_one_block_of_one_command_and_every_block_is_one_that_is_run_here() -> None:
    for title, end in {"Run": "petfinder demo", "Test": "pytest"}.items():
        (code,) = blocks(section(title), "sh")
        assert len(code.strip().splitlines()) == 1
        assert code.startswith("python3 -m venv .venv && ")
        assert code.strip().endswith(end)
    assert sorted(name for name, _ in BLOCK.findall(README)) == ["csv", "python", "python", *["sh"] * 5]


def test_the_run_command_ends_in_a_demo_that_works(tmp_path: Path) -> None:
    demo = run([sys.executable, "-m", "petfinder", "demo"], tmp_path)

    assert demo.returncode == 0, demo.stderr
    assert "match" in demo.stdout
    assert "unknown" in demo.stdout
    assert "555 01" in demo.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"petfinder-demo.png", "petfinder-demo-unknown.png"}


def test_the_session_of_the_readme_gives_the_output_that_it_shows(tmp_path: Path) -> None:
    (session,) = blocks(section("A session"), "python")
    (tmp_path / "dataset").symlink_to(ROOT / "dataset")
    code = "import doctest, sys\nfailed, tried = doctest.testfile(sys.argv[1], module_relative=False, "
    code += "optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)\nassert tried > 5\nsys.exit(failed)"
    (tmp_path / "session.txt").write_text(session)

    done = run([sys.executable, "-c", code, "session.txt"], tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_async_code_of_the_readme_finds_who_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(section("Threads and async code"), "python")
    (tmp_path / "dataset").symlink_to(ROOT / "dataset")
    monkeypatch.chdir(tmp_path)
    with pf.connect("pets.db") as registry:
        registry.dogs.register_many(pf.read_csv("dataset/manifest.csv", pf.Dog))

    names: dict[str, Any] = {}
    exec(code, names)

    assert [names[name].best.pet.pet_id for name in ("luna", "mel")] == ["luna", "mel"]


def test_the_table_of_the_readme_is_a_pet_with_an_owner(tmp_path: Path) -> None:
    (table,) = blocks(section("In a shell"), "csv")
    (tmp_path / "pets.csv").write_text(table)

    (pet,) = pf.read_csv(tmp_path / "pets.csv", pf.Dog)

    assert isinstance(pet, pf.Dog)
    assert (pet.status, len(pet.photos)) == (pf.Status.LOST, 2)
    assert pet.owner is not None
    assert pet.owner.phone == "+1 415 555 0142"


def test_the_evaluation_of_the_readme_works(tmp_path: Path) -> None:
    (line,) = blocks(section("How good is it on your own photos"), "sh")
    (tmp_path / "photos").symlink_to(ROOT / "dataset" / "photos")
    assert line.startswith("petfinder ")

    done = run([sys.executable, "-m", *line.split()], tmp_path)

    assert done.returncode == 0, done.stderr
    assert "rank-1" in done.stdout
    assert "pocket-mirrored" in done.stdout


def test_the_page_of_the_readme_opens_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    (line,) = blocks(section("A page for a town"), "sh")
    command = [sys.executable, "-m", *line.split(), "--port", "0", "--no-open"]

    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            address = re.search(r"http://\S+", served.stdout.readline())
            assert address is not None
            with urllib.request.urlopen(address[0], timeout=120) as page:
                assert b"petfinder" in page.read()
        finally:
            served.send_signal(signal.SIGINT)
        assert served.wait(timeout=60) == 0


def test_the_shell_lines_of_the_readme_work(tmp_path: Path) -> None:
    (script,) = blocks(section("In a shell"), "sh")
    (tmp_path / "dataset").symlink_to(ROOT / "dataset")
    for line in script.strip().splitlines():
        command = line.split("  #")[0].strip()
        assert command.startswith("petfinder ")
        done = run([sys.executable, "-m", *command.split()], tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("title", "least"), [("A photo, a place, a day", 3), ("Lost and found", 9)])
def test_what_the_readme_shows_of_a_shell_is_what_is_printed(title: str, least: int, tmp_path: Path) -> None:
    (tmp_path / "dataset").symlink_to(ROOT / "dataset")
    command_and_output = r"^    \$ petfinder ((?:.*\\\n)*.*)\n((?:    [^$].*\n|\n(?=      ))*)"
    shown = re.findall(command_and_output, section(title), re.MULTILINE)
    assert len(shown) >= least
    for command, output in shown:
        done = run([sys.executable, "-m", "petfinder", *shlex.split(command.replace("\\\n", ""))], tmp_path)
        assert done.returncode == 0, done.stderr
        printed = re.sub(r"reunited on [\d-]+", "reunited on 2026-11-29", done.stdout)
        for line in output.splitlines():
            assert line.strip() in printed, command
