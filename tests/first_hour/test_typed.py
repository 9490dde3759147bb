"""The types are true for those outside: two checkers, without plugins, and help() that begins with the fields."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import petfinder as pf

IDIOMS = Path(__file__).with_name("idioms.py")
CHECKERS = {"mypy": "--python-executable", "basedpyright": "--pythonpath"}
WRONG = """
import petfinder as pf
pf.Dog(pet_id="x", place=5)
pf.PetFilter(staus="lost")
pf.Owner(name=5)
"""


def wrong_lines(checker: str, folder: Path, python: str | Path = sys.executable) -> list[str]:
    """The lines that a checker without plugins refuses, where petfinder is what this Python has installed."""
    (folder / "right.py").write_text(IDIOMS.read_text())
    (folder / "wrong.py").write_text(WRONG)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    command = [sys.executable, "-m", checker, "right.py", "wrong.py", CHECKERS[checker], str(python)]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    errors = re.findall(r"(\w+\.py:\d+)\S* (?:- )?error: ", said.stdout)
    assert errors, said
    return errors


@pytest.mark.parametrize("checker", CHECKERS)
def test_programs_of_others_are_checked(checker: str, tmp_path: Path) -> None:
    assert wrong_lines(checker, tmp_path) == ["wrong.py:3", "wrong.py:4", "wrong.py:5"]


def test_help_begins_with_the_fields() -> None:
    text = pydoc.plain(pydoc.render_doc(pf.Dog))

    start = text[: text.index("Method resolution order")]
    assert all(f" {field}" in start for field in ("pet_id", "owner", "photos", "status_place", "held_back"))
    assert "whom to call" in start
