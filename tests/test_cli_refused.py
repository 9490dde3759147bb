"""What the command line refuses: it says why by the option's name, leaves nothing half done and makes no file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.pets import Cat, Dog
from petfinder.registry.connect import connect
from petfinder.stores.documents import Document
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.test_cli import EMAIL, data, folder, registered, run
from tests.test_cli_index import names, typed

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")
FIND = ("find", "photos/zoe.png", *NAMED)
SIMILAR = ("similar", "zoe", *NAMED)
LIST = ("list", *NAMED)
FOR_PYTHON = ("this PetFilter", "this Dog", "Input should", "()", "0.9)", "min_similarity", "status_at")


def kept(pet_id: str) -> Any:
    with connect("pets.db", create=False) as registry:
        return registry.dogs.get(pet_id)


@pytest.mark.parametrize(
    "words",
    [
        ("--add-photo", "photos/mimi.png", "--owner-phone", "123"),
        ("--add-photo", "photos/mimi.png", "--add-photo", "nofile.jpg", "--name", "X"),
        ("--add-photo", "photos/mimi.png", "--owner-name", " "),
        ("--add-photo", "photos/mimi.png", "--place", "99,99"),
        ("--add-photo", "photos/mimi.png", "--no-owner", "--owner-email", EMAIL),
        ("--name", "X", "--encoder", "pocket"),
    ],
)
def test_a_change_that_is_refused_leaves_the_pet_as_it_was(registered: Path, words: tuple[str, ...]) -> None:
    before = kept("zoe")

    refused = run("update", "zoe", *words, *NAMED)

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert kept("zoe") == before


def test_photos_and_all_else_are_changed_in_one_write(registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    replace = EmbeddedStore.replace

    def counted(store: EmbeddedStore, name: str, document: Document, **more: Any) -> None:
        written.append(document.id)
        replace(store, name, document, **more)

    monkeypatch.setattr(EmbeddedStore, "replace", counted)
    photos = ("--add-photo", "photos/mimi.png", "--add-photo", "photos/mimi.png", "--add-photo", "photos/zoe.png")
    changed = run("update", "zoe", *photos, "--add-photo", "photos/luigi.png", "--name", "Zoé", *NAMED)

    assert (changed.exit_code, "Zoé, Poodle, at home, 3 photos" in changed.stdout) == (0, True)
    with connect("pets.db", create=False) as registry:
        document = registry.dogs.repository.get_document("zoe")
    assert (written, document.pending, len(document.vectors)) == (["zoe"], 0, 3)


def test_an_empty_place_and_no_owner_take_these_away(registered: Path) -> None:
    changed = data("update", "luigi", "--place", "", "--no-owner", *NAMED)

    assert "place" not in changed
    assert kept("luigi").owner is None
    assert run("owner", "luigi", *NAMED).exit_code == 1


# What is typed, without its registry, which is pets.db where none is named | what is said on standard error.
REFUSED = """
evaluate photos --species cat --registry= | --species
evaluate --by file | --by
evaluate --yes | --yes
evaluate --forget-thresholds --save x.png | --forget-thresholds
index create --setting bogus=1 --species cat --registry new.db | --setting
index rebuild pets-dogs --setting bogus=1 | --setting
import pets.csv --fields flask | --fields
find --text dog --combine best | --combine
list --encoder pocket | --encoder
owner luigi --encoder pocket | --encoder
info --encoder pocket | --encoder
remove luigi --encoder pocket | --encoder
status luigi lost --encoder pocket | --encoder
export out.csv --encoder pocket | --encoder
find |
find photos/none.png |
find photos/zoe.png --near 1 |
find photos/zoe.png --near north,west --within-km 3 |
find photos/zoe.png --near 1,2 |
find photos/zoe.png --k 0 | --k
find photos/zoe.png --min-similarity 5 | --min-similarity
find photos/zoe.png --status asleep |
find photos/zoe.png --species fish |
similar zoe --min-similarity nan | --min-similarity
duplicates --min-similarity nan | --min-similarity
list --near 1,2,3 --within-km 5 |
list --near 1,2 | --within-km
list --near 95,0 --within-km 3 | --near
list --near nan,nan --within-km 3 | --near
list --near 1,2 --within-km -5 | --within-km
list --near 1,2 --within-km nan | --within-km
list --taken-after yesterday | --taken-after
list --taken-before 2026-13-45 | --taken-before
list --taken-after 2026-10-02 --taken-before 2026-10-01 | --taken-before
list --words ... |
list --registry ftp://example.org/pets |
status zoe asleep |
status zoe lost --at garbage | --at
status zoe lost --place a,b | --place
register nowhere |
register photos/none.png |
register photos/zoe.png --owner-phone 123 | --owner-name
register photos --name Zoe | --name
register photos/zoe.png --by file --name Zoe | --name
register photos/zoe.png --status asleep | --status
register https://example.org/zoe.png | download
register pets.db | .csv
register - |
find - |
register photos --by owner |
export pets.xlsx |
export missing/pets.csv |
import |
import photos |
import nowhere.csv |
import pets.csv --index puppies |
import --index puppies |
import --index puppies --fields kittens |
index rebuild pets-dogs |
index create --setting shards |
index info |
index fly |
fly --registry= |
"""


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_bad_use_exits_with_2_says_why_by_the_options_name_and_changes_no_file(registered: Path, line: str) -> None:
    typed_words, _, said = line.partition(" |")
    words = [word for word in typed_words.split() if word != "--registry="]
    before = sorted(Path().rglob("*"))

    refused = run(*words, *(() if "--registry" in typed_words else NAMED))

    assert (refused.exit_code, refused.stdout, "Traceback" in refused.output) == (2, "", False)
    assert refused.stderr
    assert said.strip() in refused.stderr
    assert [words for words in FOR_PYTHON if words in refused.stderr] == []
    assert sorted(Path().rglob("*")) == before


def test_a_pet_or_an_index_that_is_not_there_says_which_verb_shows_them(registered: Path) -> None:
    for words, code, said in (("status rex lost", 1, "list shows"), ("index info nothing", 3, "list of indexes")):
        refused = run(*words.split(), *NAMED)
        assert (refused.exit_code, said in refused.stderr) == (code, True)
        assert [words for words in FOR_PYTHON if words in refused.stderr] == []


def test_a_photo_that_is_too_large_names_the_setting(registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_BYTES", "10")
    assert "raise max_photo_bytes" in run(*FIND).stderr
    monkeypatch.delenv("PETFINDER_MAX_PHOTO_BYTES")
    monkeypatch.setenv("PETFINDER_MAX_PHOTO_PIXELS", "10")
    assert "raise max_photo_pixels" in run(*FIND).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("index", "create", "bad:name", "--registry", "new.db"),
        ("index", "create", "pets-cats", "--registry", "new.db"),
        ("index", "create", "--encoder", "pocket-99", "--registry", "new.db"),
        ("register", "pets.csv", "--encoder", "pocket-99", "--registry", "new.db"),
        ("copy", "empty.db", "new.db"),
        ("register", "", "--registry", "new.db"),
        ("register", "pets.csv", " ", "--registry", "new.db"),
        ("evaluate", ""),
        ("train", "", "--out", "new.npz"),
    ],
)
def test_a_verb_that_is_refused_makes_no_file(folder: Path, words: tuple[str, ...]) -> None:
    with connect("empty.db") as empty:
        assert not empty.specs()
    before = sorted(folder.rglob("*"))

    refused = run(*words)

    assert refused.exit_code in (2, 3)
    assert len(refused.stderr.splitlines()) == 1
    assert ("empty name" in refused.stderr) == any(not word.strip() for word in words)
    assert sorted(folder.rglob("*")) == before


def test_no_index_gets_the_name_under_which_another_species_is_looked_for(registered: Path) -> None:
    with connect("shelter.db", name="shelter") as registry:
        registry.dogs.register(Dog(pet_id="zoe"))
        with pytest.raises(InvalidQuery, match="index of cats"):
            registry.util.rename("shelter-dogs", "shelter-cats")
        registry.cats.register(Cat(pet_id="mimi"))
        registry.util.rename("shelter-cats", "old-cats")

    refused = run("index", "rename", "pets-dogs", "other-cats", *NAMED)
    renamed = run("index", "rename", "pets-dogs", "other-dogs", *NAMED)

    assert (refused.exit_code, "index of cats" in refused.stderr, renamed.exit_code) == (2, True, 0)
    assert names() == ["other-dogs", "pets-cats"]


@pytest.mark.parametrize("name", ["noending", "x.html", "x.pgf", "x.gif", "", "photos", "nowhere/x.png", "folder.png"])
def test_a_picture_is_refused_before_the_search_for_a_name_that_it_cannot_have(registered: Path, name: str) -> None:
    Path("folder.png").mkdir()
    before = sorted(Path().rglob("*"))

    for words in (FIND, SIMILAR, ("evaluate", *NAMED)):
        refused = run(*words, "--save", name)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "--save" in refused.stderr
        assert ("cannot be written" in refused.stderr) == (name in ("nowhere/x.png", "folder.png"))
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("ending", ["png", "JPG", "webp", "svg", "pdf"])
def test_a_picture_is_saved_under_its_name_whole(registered: Path, ending: str) -> None:
    saved = run(*(SIMILAR if ending == "png" else FIND), "--save", f"x.{ending}")

    assert (saved.exit_code, f"saved x.{ending}" in saved.stderr) == (0, True)
    assert not list(Path().glob(".x*"))
    if ending in ("svg", "pdf"):
        assert Path(f"x.{ending}").stat().st_size > 1000
    else:
        with Image.open(f"x.{ending}") as picture:
            picture.load()


def test_a_picture_that_cannot_be_written_leaves_the_older_one(registered: Path, monkeypatch: Any) -> None:
    Path("x.png").write_bytes(b"older")

    def broken_off(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("petfinder.tables.atomic.os.fsync", broken_off)
    refused = run(*FIND, "--save", "x.png")

    assert (refused.exit_code, "No space left" in refused.stderr) == (2, True)
    assert (Path("x.png").read_bytes(), list(Path().glob(".x*"))) == (b"older", [])


def test_remove_asks_beside_its_output_and_says_that_a_no_removed_nothing(registered: Path) -> None:
    refused = typed("n", "remove", "luigi", "--json", *NAMED)
    kept_pets = data(*LIST)
    removed = typed("y", "remove", "luigi", "zoe", "--json", *NAMED)

    assert (refused.returncode, refused.stdout, len(kept_pets)) == (1, "", 2)
    assert "Erase 1 pet with" in refused.stderr
    assert "nothing removed" in refused.stderr
    assert (removed.returncode, json.loads(removed.stdout)) == (0, {"removed": ["luigi", "zoe"]})
    assert "Erase 2 pets with" in removed.stderr
