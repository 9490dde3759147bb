"""The verbs `petfinder index …`, on a file; and the new verbs on Elasticsearch."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from petfinder.encoders.pocket import NAME
from petfinder.registry.connect import connect
from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store
from tests.test_cli import data, folder, registered, run

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")


def names() -> list[str]:
    return [index["name"] for index in data("index", "list", *NAMED)]


def test_indexes_are_made_listed_renamed_and_deleted(folder: Path) -> None:
    made = data("index", "create", "--species", "cat", *NAMED)
    own = run("index", "create", "shelter-dogs", *NAMED)
    twice = run("index", "create", "shelter-dogs", *NAMED)
    bad = run("index", "create", "Shelter Dogs", *NAMED)

    assert (made["name"], made["species"], made["pets"], made["encoder"]) == ("pets-cats", "cat", 0, "pocket-3")
    assert (own.exit_code, twice.exit_code, bad.exit_code) == (0, 3, 2)
    assert names() == ["pets-cats", "shelter-dogs"]
    assert run("index", "rename", "shelter-dogs", "pets-dogs", *NAMED).stdout.startswith("pets-dogs: 0 pets")
    assert run("register", "pets.csv", *NAMED).exit_code == 0
    assert data("index", "info", "pets-dogs", *NAMED)["pets"] == 2
    assert run("index", "delete", "pets-cats", "--yes", *NAMED).stdout == "deleted: pets-cats\n"
    assert names() == ["pets-dogs"]


def test_an_index_is_deleted_only_by_its_name_or_with_yes(registered: Path) -> None:
    unasked = run("index", "delete", "pets-dogs", *NAMED)
    typed_wrong = typed("cats", "index", "delete", "pets-dogs", *NAMED)
    kept = names()
    typed_right = typed("pets-dogs", "index", "delete", "pets-dogs", *NAMED)

    assert (unasked.exit_code, "--yes" in unasked.stderr) == (2, True)
    assert (typed_wrong.returncode, kept) == (2, ["pets-cats", "pets-dogs"])
    assert (typed_right.returncode, names()) == (0, ["pets-cats"])


def typed(line: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on a terminal where this line is typed, its output and what it says beside kept apart."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{line}\n".encode())
    command = [sys.executable, "-m", "petfinder", *words]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    return done


def test_a_rebuild_changes_the_encoder_may_keep_the_old_index_and_names_what_is_gone(registered: Path) -> None:
    kept = run("index", "rebuild", "pets-dogs", "--encoder", "pocket-mirrored", *NAMED)
    told = data("index", "rebuild", "pets-dogs", "--encoder", "pocket", "--no-keep-old", *NAMED)

    assert kept.exit_code == 0
    assert "pets-dogs: 2 pets in the new index, 2 photos encoded from their originals" in kept.stdout
    assert "kept as pets-dogs-000001" in kept.stdout
    assert (told["pets"], told["originals"], told["kept"], told["failures"]) == (2, 2, None, [])
    assert names() == ["pets-cats", "pets-dogs", "pets-dogs-000001"]
    assert data("index", "info", "pets-dogs", *NAMED)["encoder"] == "pocket-3"

    with connect("pets.db") as registry:
        registry.util.client.execute("DELETE FROM thumbnails")
        registry.util.client.commit()
    Path("photos/zoe.png").unlink()
    missing = run("index", "rebuild", "pets-dogs", "--encoder", "pocket-mirrored", "--json", *NAMED)
    (failure,) = json.loads(missing.stdout)["failures"]
    assert (missing.exit_code, failure["item"], failure["photo"]) == (1, "zoe", "photos/zoe.png")
    assert failure["error"] == "UnreadablePhoto"


def test_verbs_do_the_same_on_elasticsearch(
    elasticsearch_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_elasticsearch_store(elasticsearch_url).close()
    monkeypatch.setenv("PETFINDER_REGISTRY", elasticsearch_url)

    made = data("index", "create", "--setting", "shards=2", "--setting", "vectors=hnsw")
    refused = run("index", "create", "--species", "cat", "--setting", "colour=blue")
    registered = data("register", "pets.csv")
    similar = data("similar", "luigi")
    lost = data("status", "zoe", "lost", "--place", "-23.5,-46.6")
    changed = run("update", "zoe", "--owner-name", "Ana", "--owner-phone", "555 0199", "--tag", "shy")

    assert (made["name"], refused.exit_code) == ("pets-dogs", 2)
    assert registered["added"] == ["luigi", "zoe"]
    assert [match["pet_id"] for match in similar["matches"]] == ["zoe"]
    assert (lost["status"], changed.exit_code, "555" in changed.output) == ("lost", 0, False)
    assert [pet["pet_id"] for pet in data("list", "--words", "shy")] == ["zoe"]
    assert data("owner", "zoe")["owner"]["phone"] == "555 0199"
    assert data("export", "out.jsonl", "--contact", "--status", "lost")["pets"] == 2
    assert data("import", "out.jsonl")["skipped"] == ["luigi", "zoe"]
    assert data("duplicates", "--min-similarity", "-1")[0]["pet_ids"] == ["luigi", "zoe"]
    rebuilt = data("index", "rebuild", "pets-dogs", "--encoder", "pocket-mirrored", "--no-keep-old")
    assert (rebuilt["pets"], rebuilt["originals"], rebuilt["kept"]) == (2, 2, None)
    assert [index["encoder"] for index in data("index", "list")] == ["pocket-3-mirrored"]
    assert run("index", "rename", "pets-dogs", "shelter-dogs").exit_code == 0
    assert run("index", "delete", "shelter-dogs", "--yes").exit_code == 0
    assert run("index", "delete", "shelter-dogs", "--yes").exit_code == 3


def test_an_index_that_others_made_is_taken_over(elasticsearch_url: str, folder: Path) -> None:
    empty_elasticsearch_store(elasticsearch_url).close()
    texts = {name: {"type": "keyword"} for name in ("dog_id", "breed", "image_path", "owner_name")}
    exif = {"properties": {"location": {"type": "geo_point"}, "date": {"type": "date"}}}
    mapping = {"image_embedding": {"type": "dense_vector", "dims": 512}, **texts, "exif": exif}
    look = np.random.default_rng(0).normal(size=(2, 512)).tolist()
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        client.options(ignore_status=404).indices.delete(index="cli-puppies")
        client.indices.create(index="cli-puppies", mappings={"properties": mapping})
        for pet_id, vector in zip(("luigi", "zoe"), look, strict=True):
            puppy = {"dog_id": pet_id, "image_embedding": vector, "owner_name": "Ully"}
            client.index(index="cli-puppies", document=puppy, refresh=True)
        there = ("--index", "cli-puppies", "--registry", elasticsearch_url)

        taken = data("import", *there)
        again = data("import", *there, "--encoder", "pocket")
        others_encoder = run("import", *there, "--encoder", "pocket-mirrored")
        other_fields = run("import", *there, "--fields", "fiftyone")
        client.indices.delete(index="cli-puppies")

    assert (taken["added"], again["skipped"]) == (["luigi", "zoe"], ["luigi", "zoe"])
    assert (others_encoder.exit_code, other_fields.exit_code) == (3, 3)
    assert data("owner", "luigi", "--registry", elasticsearch_url)["owner"] == {"name": "Ully"}


def test_an_index_of_an_earlier_built_in_encoder_is_moved_by_the_verb_that_the_refusal_names(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "fixtures" / "registry-0.1.0.db", tmp_path / "old.db")
    photo, place = str(ROOT / "dataset" / "photos" / "mel" / "1.jpg"), ["--registry", str(tmp_path / "old.db")]

    refused = run("find", photo, "--species", "dog", *place)
    moved = run("index", "rebuild", "pets-dogs", *place)

    assert (refused.exit_code, "petfinder index rebuild pets-dogs --encoder pocket" in refused.output) == (3, True)
    assert (moved.exit_code, data("index", "info", "pets-dogs", *place)["encoder"]) == (0, NAME)
    assert data("find", photo, "--species", "dog", *place)["matches"]
    assert run("index", "rebuild", "pets-dogs", *place).exit_code == 2
