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
OPTIONS = {"mypy": [], "basedpyright": ["--pythonpath", sys.executable]}
WRONG = """
import petfinder as pf
pf.Dog(pet_id="x", place=5)
pf.PetFilter(staus="lost")
pf.Owner(name=5)
"""


@pytest.mark.parametrize("checker", OPTIONS)
def test_programs_of_others_are_checked(checker: str, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(IDIOMS.read_text())
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")

    command = [sys.executable, "-m", checker, "right.py", "wrong.py", *OPTIONS[checker]]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    errors = [line for line in said.splitlines() if re.search(r"(: | - )error: ", line)]
    assert [line.strip().removeprefix(f"{tmp_path}/")[:11] for line in errors] == [
        "wrong.py:3:",
        "wrong.py:4:",
        "wrong.py:5:",
    ]


def test_help_begins_with_the_fields() -> None:
    text = pydoc.plain(pydoc.render_doc(pf.Dog))

    start = text[: text.index("Method resolution order")]
    assert all(f" {field}" in start for field in ("pet_id", "owner", "photos", "status_place", "held_back"))
    assert "whom to call" in start
