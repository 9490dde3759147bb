"""What somebody types in the first hour with the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import petfinder as pf
from petfinder.cli.app import HOMES, app
from petfinder.display.text import matches_as_text, pets_as_text
from petfinder.domain import text
from petfinder.domain.evidence import Reason
from petfinder.domain.text import install_line
from tests.conftest import ROOT
from tests.test_cli import PHONE, data, draw, folder, registered, run

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")
OWNER = ("--owner-name", "Ully", "--owner-phone", PHONE)


def piped(content: bytes, *words: str) -> Result:
    return CliRunner().invoke(app, [*words], input=content)


def test_one_pet_is_registered_by_its_photo_without_a_table(folder: Path) -> None:
    photos = ("photos/luigi.png", "photos/zoe.png")
    done = run("register", *photos, "--name", "Luigi II", "--breed", "Jack Russell", *OWNER, *NAMED)
    chosen = data("register", "photos/mimi.png", "--id", "a-17", "--tag", "shy", *NAMED)

    assert (done.exit_code, done.output) == (0, "1 added: luigi-ii\n")
    assert chosen["added"] == ["a-17"]
    assert data("owner", "luigi-ii", *NAMED)["owner"] == {"name": "Ully", "phone": PHONE}
    mimi, luigi = data("list", *NAMED)
    assert (mimi["name"], mimi["tags"]) == ("mimi", ["shy"])
    assert (luigi["name"], luigi["breed"], len(luigi["photos"])) == ("Luigi II", "Jack Russell", 2)


def test_a_second_pet_of_the_same_name_is_told_to_take_an_id_of_its_own(folder: Path) -> None:
    for photo, said in (("luigi", False), ("luigi", False), ("zoe", True)):
        done = run("register", f"photos/{photo}.png", "--name", "Luna", *NAMED)
        assert (done.exit_code, "--id" in done.stderr) == (0, said)


def test_photos_of_many_pets_taken_for_one_are_said_and_how_to_make_a_pet_of_each(folder: Path) -> None:
    photos = [f"photos/{name}.png" for name in ("luigi", "mimi", "zoe")]

    once = run("register", *photos, *NAMED)
    assert (once.exit_code, once.stdout) == (0, "1 added: photos\n")
    assert "3 photos became one pet, photos; if they show 3 pets: petfinder remove photos, then" in once.stderr
    assert "--by file" in once.stderr
    assert run("remove", "photos", "--yes", *NAMED).exit_code == 0
    assert data("register", *photos, "--by", "file", *NAMED)["added"] == ["luigi", "mimi", "zoe"]

    draw(folder / "others" / "zoe.png", 9)
    alike = run("register", *photos, "others/zoe.png", "--by", "file", *NAMED)
    assert (alike.exit_code, "register the folder" in alike.stderr) == (2, True)


def test_every_verb_takes_the_name_of_the_registry_and_name_is_the_pets(folder: Path) -> None:
    of_shelter = ("--registry-name", "shelter", *NAMED)
    assert run("register", "photos/zoe.png", "--name", "Zoe", *of_shelter).exit_code == 0
    assert run("copy", "pets.db", "new.db", "--registry-name", "shelter").exit_code == 0

    assert [index["name"] for index in data("index", "list", "--registry", "new.db")] == ["shelter-dogs"]
    assert [pet["name"] for pet in data("list", *of_shelter)] == ["Zoe"]
    assert run("find", "photos/zoe.png", *of_shelter).stderr.endswith(
        "zoe --registry pets.db --registry-name shelter\n"
    )
    without = {verb for verb in HOMES if "--registry-name" not in run(verb, "--help").stdout}
    assert without == {"demo", "train", "passphrase", "index"}  # the verbs below index have it


def test_a_lost_cat_is_found_by_somebody_who_does_not_say_that_it_is_a_cat(registered: Path) -> None:
    found = run("find", "photos/mimi.png", *NAMED)
    among_dogs = data("find", "photos/mimi.png", "--species", "dog", *NAMED)

    assert found.stdout.splitlines()[3].split()[:2] == ["name", "species"]
    assert found.stdout.splitlines()[4].split()[:2] == ["Mimi", "cat"]
    assert found.stderr == "petfinder: who to call: petfinder owner mimi --species cat --registry pets.db\n"
    assert {match["pet"]["species"] for match in among_dogs["matches"]} == {"dog"}


def test_tables_and_a_photo_come_from_standard_input_and_a_table_has_tabs(folder: Path) -> None:
    tabs = b"pet_id\tname\tphotos\tnote\nzoe\tZo\xc3\xa9\tphotos/zoe.png\tshy, old\n"
    registered = piped(tabs, "register", "-", *NAMED)
    assert (registered.exit_code, registered.stdout) == (0, "1 added: zoe\n")
    lines = run("export", "-", *NAMED).stdout.encode()
    assert run("export", "pets.tsv", *NAMED).exit_code == 0

    assert data("register", "pets.tsv", "--registry", "tabs.db")["added"] == ["zoe"]
    assert piped(lines, "import", "-", "--registry", "lines.db").stdout == "1 added: zoe\n"
    for place in ("tabs.db", "lines.db"):
        (pet,) = data("list", "--registry", place)
        assert (pet["name"], pet["note"], pet["photos"][0]["uri"]) == ("Zoé", "shy, old", "photos/zoe.png")
    found = piped(Path("photos/zoe.png").read_bytes(), "find", "-", "--json", *NAMED)
    assert json.loads(found.stdout)["matches"][0]["similarity"] == pytest.approx(1, abs=1e-4)
    wrong = piped(b"name\nZoe\n", "register", "-", *NAMED)
    assert (wrong.exit_code, "standard input has no column pet_id" in wrong.stderr) == (2, True)


def test_pets_are_listed_in_a_table_and_narrow_terminals_wrap_tables_between_words() -> None:
    long: dict[str, Any] = {"breed": "Portuguese Water Dog", "colour": "white with black spots", "sex": "male"}
    pets = [pf.Dog(pet_id=f"dog-{number}", name="Faísca", **long) for number in range(2)]
    reasons = tuple(Reason("photo", words, 1) for words in ("very alike", "about 1 km from home"))
    match = pf.Match(pets[0], pf.Photo(uri="garden.jpg"), 0.7, pf.Verdict.MATCH, 0.9, reasons)
    matches = pf.Matches((match, match))
    listed, found = pets_as_text(pets), matches_as_text(matches)

    assert (listed.count("Portuguese Water Dog"), listed.count("dog-"), found.count("garden.jpg")) == (2, 2, 2)
    for width in (72, 48, 34):
        for wide, narrow in ((listed, pets_as_text(pets, width=width)), (found, matches_as_text(matches, width=width))):
            assert max(map(len, narrow.splitlines())) <= width
            assert {*narrow.split()} <= {*wide.split()}


def test_an_error_advises_an_install_line_for_a_checkout_or_for_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shlex.split(install_line("clip")) == ["pip", "install", "-e", f"{ROOT}[clip]"]
    monkeypatch.setattr(text, "_CHECKOUT", ROOT / "tests")
    assert install_line("clip") == "pip install 'petfinder-registry[clip]'"


@pytest.mark.parametrize(
    "words",
    [
        ("register", "empty"),
        ("register", "empty/none.csv"),
        ("register", "broken.jpg", "--name", "Rex"),
        ("register", "photos/zoe.png", "--name", " "),
        ("register", "photos/zoe.png", "--id", "a\nb"),
        ("find", "broken.jpg"),
        ("find", "zoe"),
        ("find", "photos"),
        ("find", "photos/zoe.png", "--registry-name", ""),
        ("find", "photos/zoe.png", "--registry", "photos"),
        ("find", "photos/zoe.png", "--encoder", "pocket-99"),
        ("list", "--registry-name", "no/such"),
        ("owner", "ZOE"),
        ("report", "lost", "nobody"),
        ("export", "photos/none/x.csv"),
    ],
)
def test_a_wrong_value_ends_in_a_sentence(registered: Path, words: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    Path("broken.jpg").write_bytes(b"hello")

    done = run(*words, *(() if "--registry" in words else NAMED))

    assert done.exit_code in ((0,) if words == ("register", "empty") else (1, 2, 3))
    assert isinstance(done.exception, SystemExit | None)
    assert done.output.strip()
