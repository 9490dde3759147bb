"""The command with streams closed, full, or not UTF-8, with names that would rewrite a terminal, and stopped early."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from petfinder.domain.errors import StoreError, UnreadablePhoto
from petfinder.domain.pets import Dog
from petfinder.domain.reports import BulkReport, Failure, Ignored
from petfinder.domain.text import clean, clean_lines
from petfinder.registry.connect import connect
from petfinder.registry.copy import CopyReport
from tests.test_cli import data, draw, folder, registered, run
from tests.test_cli_shell import ran

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")
HOSTILE = "evil\x1b[31mRED\nFAKE: 9 added\r.png"


def redirected(how: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it with this behind it: `2>&-` closes a stream, `| head -1` reads but one line."""
    line = ["sh", "-c", f'"$0" -m petfinder "$@" {how}', sys.executable, *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_valid_in_every_encoding(folder: Path, encoding: str) -> None:
    with connect("pets.db") as registry:
        registry.dogs.register(Dog(pet_id="zoe", name="犬", note="dog 🐶 ą"))

    listed = ran("list", "--json", *NAMED, PYTHONIOENCODING=encoding).stdout
    exported = ran("export", "-", *NAMED, PYTHONIOENCODING=encoding).stdout

    assert [pet["note"] for pet in json.loads(listed)] == ["dog 🐶 ą"]
    assert json.loads(exported)["name"] == "犬"
    assert ("🐶" in listed, "🐶" in exported) == ((True, True) if encoding == "utf-8" else (False, False))


@pytest.mark.parametrize(
    "words",
    [("register", "pets.csv", "--registry", "new.db"), ("copy", "pets.db", "new.db"), ("export", "new.csv", *NAMED)],
)
def test_long_work_is_done_though_standard_error_is_closed(registered: Path, words: tuple[str, ...]) -> None:
    done = redirected("2>&-", *words)

    first = {"register": "2", "copy": "pets-cats:", "export": "2"}[words[0]]
    assert (done.returncode, done.stdout.split()[0]) == (0, first)
    assert Path("new.db").is_file() or Path("new.csv").read_text().startswith("pet_id")


@pytest.mark.parametrize(
    "words", [("remove", "luigi", *NAMED), ("index", "delete", "pets-dogs", *NAMED), ("passphrase",)]
)
def test_nobody_is_asked_where_standard_input_is_closed(registered: Path, words: tuple[str, ...]) -> None:
    refused = redirected("<&-", *words)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert len(data("list", *NAMED)) == 2


@pytest.mark.parametrize("words", [("list", *NAMED), ("export", "-", *NAMED), ("--help",)])
def test_a_full_disk_is_one_sentence_and_a_closed_pipe_none(registered: Path, words: tuple[str, ...]) -> None:
    full = redirected("> /dev/full", *words)
    read = redirected("| head -1", *words)

    assert (full.returncode, full.stderr) == (3, "petfinder: the disk is full; what was printed is not whole\n")
    assert (len(read.stdout.splitlines()), "Traceback" in read.stderr) == (1, False)


@pytest.mark.parametrize("module", ["typer", "petfinder.registry.settings", "petfinder.cli.find"])
def test_ctrl_c_while_the_command_is_still_loading_is_no_traceback(folder: Path, module: str) -> None:
    code = f"""
import sys
from importlib.abc import MetaPathFinder
class Stopped(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stopped())
sys.argv = ["petfinder", "find", "photos/zoe.png"]
import runpy
runpy.run_module("petfinder", run_name="__main__")
"""
    stopped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert stopped.returncode == 130
    assert "Traceback" not in stopped.stderr


def test_names_of_files_cannot_rewrite_the_terminal(folder: Path) -> None:
    for pet in ("pet1", "pet2"):
        for number in range(2):
            draw(folder / "hostile" / pet / f"{number}.png", number)
        (folder / "hostile" / pet / HOSTILE).write_bytes(b"no picture")
    (folder / "hostile" / f"{HOSTILE}.txt").write_text("")

    for words in (
        ("register", "hostile", "--verbose", *NAMED),
        ("evaluate", "hostile"),
        ("evaluate", "hostile", "--encoder", "no\x1b[31mx\nFAKE"),
        ("find", "no\x1b[31mx\nFAKE.png", *NAMED),
        ("import", "no\x1b[31mx.csv", *NAMED),
    ):
        said = run(*words).output
        assert ("[31m" in said, "\x1b" in said, "\r" in said) == (True, False, False)
        assert not [line for line in said.splitlines() if line.startswith("FAKE")]


def test_text_and_reports_are_cleaned_to_one_line_for_each_thing() -> None:
    broken = Failure(HOSTILE, UnreadablePhoto(f"{HOSTILE} is broken"), photo=HOSTILE)
    copied = CopyReport("pets-dogs", 0, 0, (Failure(HOSTILE, StoreError(HOSTILE)),))
    shown = "evil[31mRED FAKE: 9 added .png"

    assert clean(" a\tb\n\x1b[0mc\u202e ") == "a b [0mc"
    assert clean_lines("a   b\n  c\t\x1b[0m\r\n") == "a   b\n  c [0m \n"
    assert broken.left_out == f"left out {shown}: UnreadablePhoto: {shown} is broken"
    line = f"  {shown} ({shown}): UnreadablePhoto: {shown} is broken"
    assert str(BulkReport(failures=(broken,))).splitlines() == ["1 failed", line]
    assert str(Ignored(HOSTILE, HOSTILE)) == f"passed over {shown}: {shown}"
    assert str(copied).splitlines()[1:] == [f"  {shown}: StoreError: {shown}"]
