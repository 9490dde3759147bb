"""The verbs that carry pets in and out of files, and what Ctrl-C leaves behind."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from petfinder.domain.pets import Dog, Photo
from petfinder.registry.connect import connect
from tests.test_cli import EMAIL, PHONE, command, data, draw, folder, registered, run

__all__ = ["folder", "registered"]
MANY = 4000


@pytest.mark.parametrize("file", ["out.csv", "out.json", "out.jsonl"])
def test_what_export_wrote_is_imported_again_owners_only_if_asked_for(registered: Path, file: str) -> None:
    bare = run("export", file, "--registry", "pets.db")
    without = Path(file).read_text()
    full = data("export", file, "--contact", "--registry", "pets.db")
    imported = data("import", file, "--registry", "again.db")

    assert (bare.exit_code, bare.stdout) == (0, f"2 dogs written to {file}\n")
    assert full == {"file": file, "pets": 2}
    for secret in (PHONE, EMAIL, "Ully", "-23.5505"):
        assert secret not in without
        assert secret in Path(file).read_text()
    assert (imported["added"], imported["failures"]) == (["luigi", "zoe"], [])
    assert data("owner", "luigi", "--registry", "again.db") == data("owner", "luigi", "--registry", "pets.db")
    assert data("list", "--registry", "again.db") == data("list", "--registry", "pets.db")


def test_export_keeps_to_the_filter_and_the_species_and_prints_json_lines(registered: Path) -> None:
    named = ("--registry", "pets.db")
    printed = run("export", "-", *named)
    Path("printed.jsonl").write_text(printed.stdout)

    assert data("export", "lost.csv", "--status", "lost", *named)["pets"] == 1
    assert data("export", "cats.csv", "--species", "cat", *named)["pets"] == 1
    with Path("lost.csv").open(newline="") as lines:
        assert [row["pet_id"] for row in csv.DictReader(lines)] == ["luigi"]
    assert [json.loads(line)["pet_id"] for line in printed.stdout.splitlines()] == ["luigi", "zoe"]
    assert (PHONE in printed.output, "2 dogs" in printed.stderr) == (False, True)
    assert data("import", "printed.jsonl", "--registry", "again.db")["added"] == ["luigi", "zoe"]


def test_each_row_of_a_manifest_that_was_left_out_is_named_with_its_reason(folder: Path) -> None:
    rows = [f"bad{number},dog,asleep,photos/zoe.png" for number in range(25)]
    rows += ["mimi,cat,home,photos/mimi.png", "zoe,dog,home,photos/zoe.png"]
    (folder / "rows.csv").write_text("\n".join(["pet_id,species,status,photos", *rows]))

    short = run("import", "rows.csv", "--registry", "pets.db")
    long = run("import", "rows.csv", "--registry", "pets.db", "--verbose")
    told = data("import", "rows.csv", "--registry", "pets.db")

    assert (short.exit_code, short.stdout.splitlines()[0]) == (1, "1 added, 25 failed, 1 passed over")
    assert "5 more: --verbose" in short.stdout
    assert "passed over mimi: row 27 is about another species than dog" in short.stdout
    assert [f"bad{number}: InvalidPet: row {number + 2}" in long.stdout for number in range(25)] == [True] * 25
    assert set(told["failures"][0]) == {"item", "photo", "error", "reason"}
    assert (told["failures"][0]["item"], told["failures"][0]["error"]) == ("bad0", "InvalidPet")


def test_register_says_why_files_were_passed_over_and_which_option_takes_changed_photos(folder: Path) -> None:
    for number in range(8):
        (folder / "photos" / f"{number}.txt").write_text("")

    short = run("register", "photos", "--registry", "pets.db")
    draw(Path("photos/zoe.png"), 99)
    long = run("register", "photos", "--registry", "pets.db", "-v")

    assert "passed over photos/0.txt: not a photo, by its ending" in short.stdout
    assert "3 more: --verbose" in short.stdout
    assert long.stdout.count("not a photo, by its ending") == 8
    assert short.stdout.count("\n") < long.stdout.count("\n")
    assert ("--on-conflict replace" in short.stdout, "--on-conflict replace" in long.stdout) == (False, True)


@pytest.fixture
def crowd(folder: Path) -> Path:
    """A registry crowd.db of many dogs, each with an embedding and no photo file."""
    look = np.random.default_rng(3).normal(size=(MANY, 512)).astype(np.float32)
    dogs = (Dog(pet_id=f"{n:05d}", photos=[Photo(photo_id=str(n), embedding=look[n])]) for n in range(MANY))
    with connect("crowd.db") as registry:
        assert len(registry.dogs.register_many(dogs, progress=False).added) == MANY
    return folder / "crowd.db"


def stop(process: subprocess.Popen[str], when: Callable[[], bool]) -> tuple[str, str]:
    """Ctrl-C to a verb as soon as this is so; gives what it printed and what it said beside."""
    deadline = time.monotonic() + 60
    while not when() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)


def pets_in(file: Path) -> int:
    if not file.exists():
        return 0
    found = run("info", "--registry", str(file), "--json")
    return int(json.loads(found.stdout)[0]["pets"]) if found.exit_code == 0 else 0


@pytest.mark.parametrize("verb", ["register", "import"])
def test_ctrl_c_says_how_many_pets_were_registered_and_they_stay(folder: Path, verb: str) -> None:
    lines = []
    for number in range(400):
        draw(folder / "many" / f"{number}.png", 100 + number)
        lines.append(json.dumps({"pet_id": f"{number}", "photo": f"many/{number}.png"}))
    (folder / "many.jsonl").write_text("\n".join(lines))
    source = "many" if verb == "register" else "many.jsonl"

    with command(verb, source, "--registry", "many.db", cwd=folder) as process:
        said, beside = stop(process, lambda: pets_in(folder / "many.db") > 0)

    assert (process.returncode, "stopped" in beside, "Traceback" in beside) == (130, True, False)
    added = int(said.split(" added")[0])
    assert 0 < added <= pets_in(folder / "many.db") < 400
    rest = data(verb, source, "--registry", "many.db")
    assert len(rest["added"]) + len(rest["skipped"]) == 400


def test_ctrl_c_says_how_many_pets_were_copied_and_a_second_copy_completes_them(crowd: Path, folder: Path) -> None:
    with command("copy", "crowd.db", "copy.db", cwd=folder) as process:
        said, beside = stop(process, lambda: pets_in(folder / "copy.db") > 0)

    assert (process.returncode, "stopped" in beside, "Traceback" in beside) == (130, True, False)
    copied = int(said.split("pets-dogs: ")[1].split(" ")[0])
    assert 0 < copied <= pets_in(folder / "copy.db") < MANY
    (again,) = data("copy", "crowd.db", "copy.db")
    assert (again["copied"] + again["already"], pets_in(folder / "copy.db")) == (MANY, MANY)


def test_ctrl_c_leaves_the_exported_file_as_it_was(crowd: Path, folder: Path) -> None:
    (folder / "out.jsonl").write_text("older\n")

    with command("export", "out.jsonl", "--registry", "crowd.db", cwd=folder) as process:
        said, beside = stop(process, lambda: any(folder.glob(".out.jsonl.*.part")))

    assert (process.returncode, said, "Traceback" in beside) == (130, "", False)
    assert "out.jsonl is as it was before" in beside
    assert (folder / "out.jsonl").read_text() == "older\n"
    assert not list(folder.glob(".out*"))
