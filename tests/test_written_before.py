"""A registry file and Elasticsearch indexes that version 0.1.0 wrote, at commit 052d686, open, and are moved.

They are of schema 1: read as they are, and of today's schema from the first write on.

Fixtures: three drawn dogs and two cats, their photos made small. `registry-0.1.0.db` is the file, `index-0.1.0.json`
the indexes with mappings, aliases and documents, `registry-0.1.0.json` what that commit answered on either of them.
They were filled by `pocket-2`, which is no longer in the package: what needs it is refused until the index is moved.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain.errors import EncoderUnavailable, IndexExists, InvalidQuery
from petfinder.encoders import load
from petfinder.encoders.base import Encoder, EncoderIdentity
from petfinder.encoders.pocket import NAME
from petfinder.registry.copy import copy_registry
from petfinder.registry.documents import remembered_by
from petfinder.stores.documents import SCHEMA, Record
from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store
from tests.encoders.test_tuned import made_up, pictures
from tests.test_copying import THRESHOLDS

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS = json.loads((FIXTURES / "registry-0.1.0.json").read_text(encoding="utf-8"))
DATASET = ROOT / "dataset"
PHOTO = DATASET / "photos" / "mel" / "1.jpg"
MOVES = (
    "the index pets-dogs was made by pocket-2, which is no longer in petfinder:"
    " `petfinder index rebuild pets-dogs --encoder pocket` moves it"
)


@pytest.fixture(params=["file", "elasticsearch"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[pf.Registry]:
    """The old registry, opened by today's code with the encoder that it remembers."""
    if request.param == "file":
        place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    else:
        place = request.getfixturevalue("elasticsearch_url")
        restore_indexes(place)
    with pf.connect(place, create=False) as opened:
        yield opened


def restore_indexes(url: str) -> None:
    """Lay the indexes out as they lay on the server then, by the plain client."""
    empty_elasticsearch_store(url).close()
    with Elasticsearch(url) as client:
        for name, index in json.loads((FIXTURES / "index-0.1.0.json").read_text(encoding="utf-8")).items():
            documents = index.pop("documents")
            client.indices.create(index=name, **index)
            for id_, document in documents.items():
                client.index(index=name, id=id_, document=document, refresh=True)


def kept_bytes(registry: pf.Registry) -> object:
    """What lies in the file and beside it, or the mappings and versions on the server."""
    if "://" not in registry.util.store.location:
        return {one.name: one.read_bytes() for one in Path(registry.util.store.location).parent.iterdir()}
    with Elasticsearch(registry.util.store.location) as client:
        indexes = client.indices.get(index="pets-*", expand_wildcards="open,hidden").body
    return indexes, [*registry.util.store.versions("pets-dogs")]


def schemas(registry: pf.Registry) -> dict[str, int]:
    return {name: spec.schema for name, spec in registry.specs().items()}


def service(registry: pf.Registry, species: str) -> Any:
    return registry.dogs if species == "dog" else registry.cats


def check_pets(registry: pf.Registry) -> None:
    """What needs no encoder is answered as it was."""
    for species, pets in ANSWERS["list"].items():
        there = [json.loads(pet.model_dump_json()) for pet in service(registry, species).list()]
        assert [{name: one[name] for name in pet} for one, pet in zip(there, pets, strict=True)] == pets
    microchip, pet_id = ANSWERS["microchip"]
    chipped = registry.dogs.find_by_microchip(microchip)
    assert chipped is not None
    assert chipped.pet_id == pet_id
    told = ANSWERS["owner"]
    owner = registry.dogs.owner_of(told["pet_id"])
    assert owner is not None
    assert (owner.name, owner.phone, owner.email) == (told["name"], told["phone"], told["email"])
    assert registry.dogs.get(told["pet_id"]).photos[0].thumbnail


def test_what_an_earlier_version_wrote_opens_and_needs_no_encoder_but_for_photos(registry: pf.Registry) -> None:
    assert {index.spec.encoder for index in registry.indexes()} == {"pocket-2"}
    check_pets(registry)
    similar = registry.dogs.find_similar("bento")
    assert {match.pet.pet_id for match in similar} == {"luna", "trigo"}
    registry.dogs.update("bento", note="swims at once")
    assert registry.dogs.get("bento").note == "swims at once"
    with pf.connect() as elsewhere:
        assert sum(report.copied for report in copy_registry(registry, elsewhere)) == 5
        assert [match.pet.pet_id for match in elsewhere.dogs.find_similar("bento")] == [
            match.pet.pet_id for match in similar
        ]


def test_reading_changes_no_byte_of_it(request: pytest.FixtureRequest, registry: pf.Registry) -> None:
    server = "://" in registry.util.store.location
    if not server:
        registry.close()
    before = kept_bytes(registry)
    with pf.connect(registry.util.store.location) as reading:
        check_pets(reading)
        assert reading.dogs.find_similar("bento")
        assert reading.dogs.search_text("bento")
        assert reading.dogs.embeddings().matrix.any()
        assert reading.util.store.records("pets-dogs", ["a"]) == [None]
        with pf.connect() as elsewhere:
            copy_registry(reading, elsewhere)
            assert schemas(elsewhere) == dict.fromkeys(schemas(reading), SCHEMA)
        assert schemas(reading) == {"pets-dogs": 1, "pets-cats": 1}
    assert kept_bytes(registry) == before


ANA = pf.Owner(name="Ana", phone="555-0102")
WRITES: dict[str, Callable[[pf.Registry], object]] = {
    "register": lambda one: one.dogs.register(pf.Dog(pet_id="new")),
    "update": lambda one: one.dogs.update("luna", note="swims"),
    "remove": lambda one: one.dogs.remove("new", missing="ignore"),
    "thresholds": lambda one: one.dogs.repository.keep_thresholds(None),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_first_write_makes_it_one_of_todays_schema_whoever_writes_first(registry: pf.Registry, write: str) -> None:
    with pf.connect(registry.util.store.location) as other:
        assert schemas(other)["pets-dogs"] == 1
        assert other.dogs.get("luna").finder is None

        WRITES[write](registry)
        registry.dogs.repository.keep_thresholds(THRESHOLDS)
        other.dogs.update("bento", finder=ANA, held_back="one white toe")

        assert schemas(other)["pets-dogs"] == schemas(registry)["pets-dogs"] == SCHEMA
    with pf.connect(registry.util.store.location) as later:
        bento = later.dogs.get("bento")
        assert (bento.finder, bento.held_back) == (ANA, "one white toe")
        assert later.dogs.repository.thresholds == THRESHOLDS
        if write != "update":
            assert later.dogs.remove("new", missing="ignore") == (("new",) if write == "register" else ())
            check_pets(later)


def test_records_are_none_until_the_first_is_put(registry: pf.Registry) -> None:
    store, first = registry.util.store, Record("pair", {"yes": True}, ("luna",))
    assert (store.records("pets-dogs", ["pair"]), [*store.scan_records("pets-dogs")]) == ([None], [])
    assert schemas(registry)["pets-dogs"] == 1
    with pf.connect(registry.util.store.location) as other:
        assert store.put_record("pets-dogs", first)
        assert not other.util.store.put_record("pets-dogs", Record("pair", {}))
        assert schemas(registry)["pets-dogs"] == SCHEMA
        assert [*other.util.store.scan_records("pets-dogs")] == [first]
        other.dogs.remove("luna")
    assert store.records("pets-dogs", ["pair"]) == [None]


def test_a_file_of_this_schema_from_before_there_were_records_has_none(tmp_path: Path) -> None:
    with pf.connect(tmp_path / "pets.db") as first:
        first.dogs.register(pf.Dog(pet_id="luna"))
    with closing(sqlite3.connect(tmp_path / "pets.db")) as connection:
        connection.execute("DROP TABLE records")
    with pf.connect(tmp_path / "pets.db") as registry:
        store = registry.util.store
        assert (store.records("pets-dogs", ["a"]), [*store.scan_records("pets-dogs")]) == ([None], [])
    with pf.connect(tmp_path / "pets.db") as registry:
        assert registry.util.store.put_record("pets-dogs", Record("a", {}, ("luna",)))
        registry.dogs.remove("luna")
        assert [*registry.util.store.scan_records("pets-dogs")] == []


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    place = shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db")
    with pf.connect(place) as registry:
        with pytest.raises(IndexExists):
            registry.util.create_index("pets-dogs", dims=2)
        assert schemas(registry) == {"pets-dogs": 1, "pets-cats": 1}
        registry.dogs.update("bento", note="swims")
        assert schemas(registry) == {"pets-dogs": SCHEMA, "pets-cats": SCHEMA}
    with sqlite3.connect(place) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    connection.close()


def test_it_takes_in_the_pets_of_todays_schema(registry: pf.Registry) -> None:
    with pf.connect() as elsewhere:
        copy_registry(registry, elsewhere)
        elsewhere.dogs.update("bento", finder=ANA)
        reports = copy_registry(elsewhere, registry)
    assert {report.index: (report.copied, report.already) for report in reports} == {
        "pets-dogs": (1, 2),
        "pets-cats": (0, 2),
    }
    assert registry.dogs.get("bento").finder == ANA
    assert schemas(registry)["pets-dogs"] == SCHEMA
    check_pets(registry)


def test_what_needs_the_encoder_that_is_gone_is_refused_in_one_sentence_and_nothing_is_written(
    registry: pf.Registry,
) -> None:
    dogs, mel = registry.dogs, pf.Dog(pet_id="mel", photos=[PHOTO])
    calls: list[Callable[[], object]] = [
        lambda: dogs.find(PHOTO),
        lambda: dogs.find_many([PHOTO]),
        lambda: dogs.embed([PHOTO]),
        lambda: dogs.find_by_text("brown"),
        lambda: dogs.register(mel),
        lambda: dogs.register_many([mel], progress=False),
        lambda: dogs.add_photo("bento", PHOTO),
    ]
    for call in calls:
        with pytest.raises(EncoderUnavailable) as refusal:
            call()
        assert str(refusal.value) == MOVES
    with pytest.raises(EncoderUnavailable, match="rebuild pets-cats"):
        registry.cats.find(PHOTO)
    with pytest.raises(EncoderUnavailable, match="moves it"):
        registry.find(PHOTO)
    check_pets(registry)

    vector = np.eye(1, 512, dtype=np.float32)[0]
    registry.dogs.register(pf.Dog(pet_id="mel", photos=[pf.Photo(embedding=vector)]))
    assert registry.dogs.find_by_embedding(vector)[0].pet.pet_id == "mel"


@pytest.mark.parametrize("encoder", [None, pf.load_encoder("pocket")])
def test_a_rebuild_moves_it_also_for_who_had_it_open(registry: pf.Registry, encoder: Encoder | None) -> None:
    dogs = registry.dogs
    with pytest.raises(EncoderUnavailable):
        dogs.find(PHOTO)

    registry.util.rebuild("pets-dogs", encoder, progress=False)

    with pytest.raises(InvalidQuery, match="what is to change"):
        registry.util.rebuild("pets-dogs")
    assert dogs.find(PHOTO).best is not None
    assert (registry.util.info("pets-dogs").spec.encoder, schemas(registry)["pets-dogs"]) == (NAME, SCHEMA)
    assert registry.util.info("pets-dogs").stats.pending == 0
    dogs.register_many([pf.Dog(pet_id="mel", photos=[PHOTO])], progress=False).raise_for_failures()
    found = dogs.find(PHOTO)
    assert found.best is not None
    assert found.best.pet.pet_id == "mel"
    assert found.best.similarity == pytest.approx(1, abs=1e-4)
    assert dogs.repository.thresholds is None, "those of the new encoder hold"
    dogs.remove("mel")
    check_pets(registry)


def test_a_new_index_beside_it_is_filled_by_the_encoder_of_today(tmp_path: Path) -> None:
    place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    with pf.connect(place) as registry:
        registry.util.delete_index("pets-cats")
        registry.cats.register(pf.Cat(pet_id="mia", photos=[PHOTO]))
        encoders = {index.name: index.spec.encoder for index in registry.indexes()}
    assert encoders == {"pets-dogs": "pocket-2", "pets-cats": NAME}


def test_what_was_tuned_on_it_says_to_tune_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_TUNED", {})
    place = str(shutil.copy(FIXTURES / "registry-0.1.0.db", tmp_path / "pets.db"))
    with pf.connect(place) as registry:
        base = remembered_by(registry.specs()["pets-dogs"])
    file = str(tmp_path / "shelter.npz")
    made_up(base, dims=2).save(file)
    with pf.connect(tmp_path / "new.db", encoder=file) as new, pytest.raises(EncoderUnavailable, match="tune anew"):
        new.dogs.count()
    monkeypatch.setattr(load, "_TUNED", {})
    identity = EncoderIdentity("tuned:shelter@pocket-2", 2, "f")
    tuned = load.load_remembered(identity, "pets-dogs", device=None, default=file)
    assert not tuned.supports_text
    for encoder in (tuned, pf.load_encoder(file)):
        with pytest.raises(EncoderUnavailable, match="petfinder train"):
            encoder.encode_images(pictures(1))
