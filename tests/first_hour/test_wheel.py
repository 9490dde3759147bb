"""The wheel in a bare environment: installed, shown, used, and the notebooks run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT
from tests.first_hour.test_typed import CHECKERS, wrong_lines

pytestmark = pytest.mark.slow
PYTHONS = ("3.11", "3.12", "3.13")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
NOTEBOOKS = ("00_the_original_retyped", "01_register_and_find")
DRAWINGS = "petfinder/cli/drawings/"


def run(*words: str | Path, cwd: Path) -> str:
    """What a command prints, with nothing set that leads to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PETFINDER_", "PYTHONPATH"))}
    done = subprocess.run([*map(str, words)], cwd=cwd, env=kept, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python_of(version: str) -> str:
    """A Python of this version that can make environments: the running one, or another; skips where there is none."""
    if version == RUNNING:
        return sys.executable
    versions = Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")
    for place in (f"python{version}", *map(str, versions)):
        if (
            shutil.which(place)
            and not subprocess.run([place, "-c", "import ensurepip"], capture_output=True).returncode
        ):
            return place
    pytest.skip(f"Python {version} is not on this machine")


def installed(python: str, wheel: Path, folder: Path, *, extra: str = "") -> Path:
    """The folder of programs of a new environment that holds the wheel and what it asks for."""
    run(python, "-m", "venv", folder, cwd=folder.parent)
    run(folder / "bin" / "pip", "install", "--quiet", f"{wheel}{extra}", cwd=folder.parent)
    return folder / "bin"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_the_licence_the_mark_of_types_and_drawings_of_at_most_3_megabytes(wheel: Path) -> None:
    with ZipFile(wheel) as packed:
        sizes = {info.filename: info.file_size for info in packed.infolist()}

    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in sizes)
    assert "petfinder/py.typed" in sizes
    assert 1_000_000 < sum(size for name, size in sizes.items() if name.startswith(DRAWINGS)) < 3_000_000
    assert not [name for name in sizes if name.startswith(("dataset", "tests", "petfinder/training/pocket"))]


@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_alone_shows_the_demonstration_registers_and_finds(version: str, wheel: Path, tmp_path: Path) -> None:
    petfinder = installed(python_of(version), wheel, tmp_path / "env") / "petfinder"
    luna = ROOT / "dataset" / "photos" / "luna" / "2.jpg"

    shown = run(petfinder, "demo", cwd=tmp_path)
    run(petfinder, "register", luna, "--name", "Luna", "--owner-name", "Ully", cwd=tmp_path)
    found = run(petfinder, "find", luna, cwd=tmp_path)

    assert "9 dogs and 5 cats" in shown
    assert ("match: this looks like Bento" in shown, "555 01" in shown) == (True, True)
    assert "Luna" in found
    assert run(petfinder, "owner", "luna", cwd=tmp_path).startswith("Ully")


def test_the_notebooks_run_on_the_wheel_and_its_types_are_true(wheel: Path, tmp_path: Path) -> None:
    programs = installed(sys.executable, wheel, tmp_path / "env", extra="[notebook]")
    there = [path for name in NOTEBOOKS if (path := ROOT / "notebooks" / f"{name}.ipynb").is_file()]
    for name in ("dataset", "../shared"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "notebooks").mkdir()

    for path in there:
        shutil.copy(path, tmp_path / "notebooks")
        made = ("--execute", "--to", "notebook", "--inplace", path.name)
        run(programs / "jupyter", "nbconvert", *made, cwd=tmp_path / "notebooks")

    assert there
    for checker in CHECKERS:
        assert wrong_lines(checker, tmp_path, programs / "python") == ["wrong.py:3", "wrong.py:4", "wrong.py:5"]
    where = run(programs / "python", "-c", "import petfinder; print(petfinder.__file__)", cwd=tmp_path)
    assert "site-packages" in where
