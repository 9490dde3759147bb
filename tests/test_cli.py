"""The command line: the same verbs, exit codes that say what happened, one sentence instead of a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import petfinder
from petfinder.cli.app import app
from petfinder.domain.pets import Cat, Dog
from petfinder.domain.verdicts import Quantiles, Thresholds
from petfinder.registry.connect import connect

PHONE, EMAIL = "+55 11 5550-1234", "ully@example.org"
MANIFEST = f"""pet_id,species,name,breed,status,lat,lon,owner_name,owner_phone,owner_email,photos
luigi,dog,Luigi,Jack Russell,lost,-23.5505,-46.6333,Ully,{PHONE},{EMAIL},photos/luigi.png
zoe,dog,Zoe,Poodle,home,,,,,,photos/zoe.png
mimi,cat,Mimi,,home,,,Ana,{PHONE},,photos/mimi.png
"""


def draw(path: Path, seed: int) -> Path:
    """A picture of coarse coloured fields, another for each seed."""
    fields = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(fields).resize((96, 96), Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with three photos and a manifest, and nothing set in the environment."""
    for name in [name for name in os.environ if name.startswith("PETFINDER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("luigi", "zoe", "mimi")):
        draw(tmp_path / "photos" / f"{name}.png", seed)
    (tmp_path / "pets.csv").write_text(MANIFEST)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def data(*words: str) -> Any:
    result = run(*words, "--json")
    return json.loads(result.stdout)


@pytest.fixture
def registered(folder: Path) -> Path:
    """A registry in the file pets.db with the two dogs and the cat of the manifest."""
    assert run("register", "pets.csv", "--registry", "pets.db").exit_code == 0
    assert run("register", "pets.csv", "--registry", "pets.db", "--species", "cat").exit_code == 0
    return folder / "pets.db"


def test_pets_are_registered_found_and_their_owner_is_revealed_only_by_owner(registered: Path) -> None:
    found = run("find", "photos/luigi.png", "--registry", "pets.db")
    owner = run("owner", "luigi", "--registry", "pets.db")

    assert (found.exit_code, owner.exit_code) == (0, 0)
    assert "Luigi" in found.stdout
    for secret in (PHONE, EMAIL, "Ully"):
        assert secret not in found.output + run("find", "photos/luigi.png", "--registry", "pets.db", "--json").output
        assert secret in owner.stdout
    told = "petfinder: who to call: petfinder owner luigi --registry pets.db\n"
    assert (found.stderr, owner.stderr) == (told, "")
    assert "who to call" not in run("find", "photos/luigi.png", "--registry", "pets.db", "--json").stderr


def test_verbs_work_on_the_registry_whose_name_is_set(registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETFINDER_NAME", "shelter")
    assert run("list", "--registry", "pets.db").exit_code == 3  # no such index

    assert run("register", "pets.csv", "--registry", "pets.db").exit_code == 0

    names = [index["name"] for index in data("index", "list", "--registry", "pets.db")]
    assert names == ["pets-cats", "pets-dogs", "shelter-dogs"]
    assert run("find", "photos/luigi.png", "--registry", "pets.db").exit_code == 0


def test_find_as_json_names_the_matches_with_places_to_a_kilometre(registered: Path) -> None:
    answer = data("find", "photos/luigi.png", "--registry", "pets.db", "--near", "-23.5,-46.6", "--within-km", "20")

    assert (answer["pets_searched"], answer["photos_searched"]) == (1, 1)
    assert -1 < answer["cut"]["possible"] < answer["cut"]["match"] < 1
    assert answer["cut"]["extrapolated"] in (True, False)
    (match,) = answer["matches"]
    assert (match["pet_id"], match["distance_km"]) == ("luigi", 6)
    assert match["similarity"] == pytest.approx(1.0, abs=1e-4)
    assert match["verdict"] == answer["verdict"] == "match"
    assert match["pet"]["place"] == {"lat": -23.55, "lon": -46.63}
    assert "owner" not in match["pet"]


def test_find_takes_filters_and_exits_with_1_where_nothing_is_found_or_the_verdict_is_unknown(registered: Path) -> None:
    for words, ids in {
        "zoe.png": ["zoe", "luigi", "mimi"],
        "zoe.png --species dog": ["zoe", "luigi"],
        "zoe.png --k 1": ["zoe"],
        "zoe.png --breed Poodle": ["zoe"],
        "zoe.png --status lost": ["luigi"],
        "zoe.png --min-similarity 0.99": ["zoe"],
        "mimi.png --species cat": ["mimi"],
    }.items():
        answer = data("find", *f"photos/{words} --registry pets.db".split())
        assert [match["pet_id"] for match in answer["matches"]] == ids, words
    breeds = data("find", "photos/zoe.png", "--breed", "Poodle", "--breed", "jack russell", "--registry", "pets.db")
    both = data("find", "photos/zoe.png", "photos/luigi.png", "--registry", "pets.db")
    assert [match["pet_id"] for match in breeds["matches"]] == ["zoe", "luigi"]
    assert {match["pet_id"] for match in both["matches"]} == {"luigi", "zoe", "mimi"}

    strict = Quantiles(pets=2, match=2.0, possible=1.5)
    with connect(registered) as registry:
        registry.dogs.repository.keep_thresholds(Thresholds(measured=(strict,), source="a test"))
    nothing = run("find", "photos/zoe.png", "--breed", "Beagle", "--registry", "pets.db")
    unknown = run("find", "photos/mimi.png", "--species", "dog", "--registry", "pets.db", "--json")

    assert (nothing.exit_code, unknown.exit_code) == (1, 1)
    assert json.loads(unknown.stdout)["verdict"] == "unknown"


def test_folders_by_pet_file_or_breed_and_json_are_registered_and_a_second_run_skips(folder: Path) -> None:
    draw(folder / "tree" / "Poodle" / "Zoe.png", 7)
    draw(folder / "tree" / "Poodle" / "Rex.png", 8)
    (folder / "tree" / "notes.txt").write_text("")

    def register(*words: str) -> Any:
        return data("register", "tree", *words)

    assert register("--registry", "pet.db")["added"] == ["poodle"]
    by_breed = register("--registry", "breed.db", "--by", "breed")
    again = register("--registry", "breed.db", "--by", "breed")
    replaced = register("--registry", "breed.db", "--by", "file", "--on-conflict", "replace")

    assert by_breed["added"] == again["skipped"] == replaced["replaced"] == ["poodle/rex", "poodle/zoe"]
    assert [Path(ignored["uri"]).name for ignored in by_breed["ignored"]] == ["notes.txt"]
    assert len(data("list", "--registry", "breed.db")) == 2
    (folder / "more.jsonl").write_text('{"pet_id": "rex", "photo": "photos/zoe.png"}\n')
    assert data("register", "more.jsonl", "--registry", "pet.db")["added"] == ["rex"]


def test_register_exits_with_1_and_names_each_failure(folder: Path) -> None:
    (folder / "photos" / "zoe.png").write_bytes(b"no picture")

    failed = run("register", "pets.csv", "photos", "--by", "file", "--registry", "pets.db")

    assert failed.exit_code == 1
    assert ("zoe" in failed.stdout, "UnreadablePhoto" in failed.stdout, PHONE in failed.output) == (True, True, False)
    assert [pet["pet_id"] for pet in data("list", "--registry", "pets.db")] == ["luigi", "mimi"]


def test_without_a_name_the_registry_is_the_file_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("register", "pets.csv")
    monkeypatch.setenv("PETFINDER_REGISTRY", str(folder / "other.db"))
    named = run("register", "pets.csv")

    assert (result.exit_code, "using ./petfinder.db" in result.stderr, named.stderr) == (0, True, "")
    assert (folder / "petfinder.db").is_file()
    assert (folder / "other.db").is_file()


@pytest.mark.parametrize(
    "words",
    [
        "find photos/zoe.png",
        "similar zoe",
        "duplicates --min-similarity 0.9",
        "owner zoe",
        "list",
        "info",
        "status zoe lost",
        "update zoe --name Zoe",
        "remove zoe --yes",
        "export out.csv",
        "index list",
        "index info pets-dogs",
        "index rename pets-dogs x",
        "index delete pets-dogs --yes",
        "index rebuild pets-dogs --encoder pocket",
    ],
)
@pytest.mark.parametrize("named", [(), ("--registry", "pets.db")])
def test_verbs_that_read_create_nothing(folder: Path, words: str, named: tuple[str, ...]) -> None:
    before = sorted(folder.rglob("*"))

    result = run(*words.split(), *named)

    assert (result.exit_code, result.stdout, "Traceback" in result.output) == (3, "", False)
    assert sorted(folder.rglob("*")) == before


def test_list_goes_page_by_page_and_info_counts_pets_and_photos_of_each_species(registered: Path) -> None:
    first = run("list", "--registry", "pets.db", "--limit", "1")
    rest = run("list", "--registry", "pets.db", "--after", "luigi")
    rows = data("info", "--registry", "pets.db")

    assert [line.split() for line in first.stdout.splitlines()] == [
        ["name", "breed", "status", "photos", "id"],
        ["Luigi", "Jack", "Russell", "lost", "1", "luigi"],
    ]
    assert "--after 'luigi'" in first.stderr
    assert (rest.stdout.split()[-5:], rest.stderr) == (["Poodle", "at", "home", "1", "zoe"], "")
    assert [pet["pet_id"] for pet in data("list", "--registry", "pets.db", "--status", "home")] == ["zoe"]
    assert PHONE not in json.dumps(data("list", "--registry", "pets.db"))
    shown = [(row["species"], row["pets"], row["photos"], row["encoder"]) for row in rows]
    assert shown == [("cat", 1, 1, "pocket-3"), ("dog", 2, 2, "pocket-3")]
    assert [row["species"] for row in data("info", "--registry", "pets.db", "--species", "dog")] == ["dog"]
    assert "pets-dogs: 2 pets" in run("info", "--registry", "pets.db").stdout


def test_a_pet_that_is_not_there_or_has_no_owner_exits_with_1_and_remove_asks_first(registered: Path) -> None:
    stranger = run("owner", "rex", "--registry", "pets.db")
    ownerless = run("owner", "zoe", "--registry", "pets.db")
    assert (stranger.exit_code, "rex" in stranger.stderr) == (1, True)
    assert (ownerless.exit_code, "No owner" in ownerless.stdout) == (1, True)
    assert data("owner", "luigi", "--registry", "pets.db")["owner"]["phone"] == PHONE

    unasked = run("remove", "luigi", "--registry", "pets.db")
    removed = run("remove", "luigi", "--yes", "--registry", "pets.db")
    missing = run("remove", "luigi", "--yes", "--registry", "pets.db")
    allowed = run("remove", "luigi", "zoe", "--yes", "--missing-ok", "--registry", "pets.db", "--json")

    assert (unasked.exit_code, "--yes" in unasked.stderr) == (2, True)
    assert (removed.exit_code, removed.stdout) == (0, "removed: luigi\n")
    assert (missing.exit_code, "luigi" in missing.stderr) == (1, True)
    assert (allowed.exit_code, json.loads(allowed.stdout)) == (0, {"removed": ["zoe"]})
    assert data("list", "--registry", "pets.db") == []


def command(*words: str, cwd: Path, **more: Any) -> subprocess.Popen[str]:
    """The command in a process of its own; Ctrl-C works there as on a terminal, whatever runs this test."""
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{start}; from petfinder.cli import main; sys.argv[0] = 'petfinder'; main()"
    path = str(Path(petfinder.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "latin-1"},
        **more,
    )


def test_a_cat_and_a_dog_of_one_id_are_two_pets_and_no_name_breaks_the_terminal(folder: Path) -> None:
    with connect("pets.db") as registry:
        registry.dogs.register(Dog(pet_id="max", name="犬"))
        registry.cats.register(Cat(pet_id="max", name="Maxi"))

    with command("list", "--registry", "pets.db", cwd=folder) as process:
        shown, said = process.communicate(timeout=60)

    assert (process.returncode, said, "\\u72ac" in shown) == (0, "", True)
    assert [pet["name"] for pet in data("list", "--species", "cat", "--registry", "pets.db")] == ["Maxi"]


def test_a_registry_is_copied_and_trouble_with_store_or_encoder_exits_with_3(registered: Path, folder: Path) -> None:
    first = run("copy", "pets.db", "other.db")
    again = data("copy", "pets.db", "other.db")

    counts = ["pets-cats: 1 pets copied, 0 there already", "pets-dogs: 2 pets copied, 0 there already"]
    assert (first.exit_code, first.stdout.splitlines()) == (0, counts)
    expected = [["pets-cats", 0, 1, []], ["pets-dogs", 0, 2, []]]
    assert [[one[what] for what in ("index", "copied", "already", "failures")] for one in again] == expected
    assert PHONE not in first.output
    assert PHONE in run("owner", "luigi", "--registry", "other.db").stdout
    assert "Luigi" in run("find", "photos/luigi.png", "--registry", "other.db").stdout

    (folder / "broken.db").write_bytes(b"this is no registry at all" * 100)
    for words, said in {
        "copy missing.db new.db": "missing.db",
        "copy pets.db http://127.0.0.1:1": "is it running",
        "info --registry broken.db": "broken.db",
        "find photos/zoe.png --registry pets.db --encoder pocket-99": "pocket-99",
    }.items():
        refused = run(*words.split())
        assert (refused.exit_code, said in refused.stderr, len(refused.stderr.splitlines())) == (3, True, 1), words
    assert not {"missing.db", "new.db"} & {path.name for path in folder.iterdir()}
