"""What people pass where the docs say something else: taken where it is clear, refused with a sentence where not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.verdicts import Quantiles
from petfinder.registry.opened_index import brings_embedding
from tests.conftest import TableEncoder
from tests.test_service import BLUE, GREEN, RED, dog, picture


@pytest.fixture
def stocked(registry: pf.Registry) -> pf.Registry:
    red = dog("red", RED, breed="pug", owner=pf.Owner(name="Ully", phone="1"), status="lost", status_at="2026-10-01")
    registry.dogs.register_many([red, dog("blue", BLUE)], progress=False)
    return registry


def test_a_match_or_a_pet_where_an_id_is_wanted(stocked: pf.Registry) -> None:
    dogs, match = stocked.dogs, stocked.dogs.find(picture(RED))[0]
    pet = dogs.get(match)

    assert dogs.get(pet) == pet
    assert dogs.update(match, name="Red").name == "Red"
    assert dogs.report_lost(pet, place=(1, 2)).status_place == pf.Place(lat=1, lon=2)
    assert [other.pet.pet_id for other in dogs.find_similar(match)] == ["blue"]
    assert (dogs.owner_of(pet), stocked.owner_of(match)) == (pet.owner, pet.owner)
    assert dogs.embeddings(pet).pet_ids == ("red",)
    assert dogs.add_photo(match, picture(GREEN)).pet_id == dogs.reunite(pet).pet_id == "red"
    assert dogs.remove([match, "blue"]) == ("red", "blue")


def test_a_service_is_a_collection(stocked: pf.Registry) -> None:
    dogs = stocked.dogs

    assert (len(dogs), len(stocked.cats), bool(stocked.cats)) == (2, 0, True)
    assert [pet.pet_id for pet in dogs] == ["blue", "red"]
    assert ("red" in dogs, dogs["red"] in dogs, "nobody" in dogs, 5 in dogs) == (True, True, False, False)
    assert dogs["red"].breed == "pug"
    with pytest.raises(errors.PetNotFound):
        dogs["nobody"]


def test_filters_by_name_and_as_a_mapping(stocked: pf.Registry) -> None:
    dogs = stocked.dogs

    assert [pet.pet_id for pet in dogs.list(status="lost")] == ["red"]
    assert (dogs.count(status="lost"), dogs.count({"breed": ["pug"]}), dogs.count({"breed": "pug"}, status="home")) == (
        1,
        1,
        0,
    )
    assert [match.pet.pet_id for match in dogs.find(picture(BLUE), where={"breed": "pug"})] == ["red"]
    with pytest.raises(errors.InvalidQuery, match="search_text"):
        dogs.find(picture(BLUE), where="pug")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidQuery, match="colr"):
        dogs.list(colr="red")


def test_removing_all_that_pass_a_filter_wants_a_second_word(stocked: pf.Registry) -> None:
    lost = pf.PetFilter(status="lost")

    with pytest.raises(errors.InvalidQuery, match=r"1 pets pass.*confirm=True"):
        stocked.dogs.remove(lost)
    assert (stocked.dogs.remove(lost, confirm=True), stocked.dogs.count()) == (("red",), 1)


def test_photos_as_sets_streams_and_arrays(registry: pf.Registry, tmp_path: Path) -> None:
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        picture(colour).save(tmp_path / name)
    pixels = np.asarray(picture(GREEN))
    registry.dogs.register(pf.Dog(pet_id="set", photos={tmp_path / "a.png", tmp_path / "b.png"}))
    registry.dogs.register(pf.Dog(pet_id="stream", photos=(path for path in [tmp_path / "b.png"])))
    registry.dogs.register(pf.Dog(pet_id="array", photos=pixels))

    assert [len(pet.photos) for pet in registry.dogs] == [1, 2, 1]
    assert registry.dogs.find(pixels)[0].pet.pet_id == "array"
    assert not brings_embedding(pixels)  # so that a rebuild meanwhile does not refuse the call
    best = registry.dogs.find(path for path in [tmp_path / "b.png"])[0]
    assert (best.pet.pet_id, round(best.similarity, 4)) == ("set", 1)
    assert registry.dogs.find(pf.Photo(tmp_path / "a.png", box=(0, 0, 1, 1)))[0].pet.pet_id == "set"
    for wrong in (pixels / 255, pixels[:, :, 0], np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(errors.UnreadablePhoto, match="RGB uint8"):
            registry.dogs.find(wrong)


def test_an_address_is_not_fetched_and_says_so(registry: pf.Registry) -> None:
    for address in (
        "https://user:secret@example.org/dog.jpg",
        Path("http:/example.org/dog.jpg"),
        "s3://bucket/dog.jpg",
    ):
        with pytest.raises(errors.UnreadablePhoto, match="addresses are not fetched: download") as caught:
            registry.dogs.find(address)
        assert "secret" not in str(caught.value)


def test_photos_under_one_pet_that_look_nothing_alike_are_named() -> None:
    """`register dogs/*.png` by somebody whose every picture is another dog."""
    line = Quantiles(pets=10, match=0.9, possible=0.5)
    encoder = TableEncoder(thresholds=pf.Thresholds(measured=(line,)))
    shades = [picture((200 + step, 40, 40)) for step in range(3)]
    with pf.connect(":memory:", encoder=encoder) as registry:
        red = registry.dogs.register_many([pf.Dog(pet_id="red", photos=shades)])
        heap = registry.dogs.register_many([pf.Dog(pet_id="heap", photos=[*shades, picture(BLUE)])])

    assert (red.odd, heap.added) == ((), ("heap",))
    assert [(one.pet_id, one.reason) for one in heap.odd] == [("heap", "looks like no other photo of this pet")]


def test_encoders_by_name_and_registries_whole(tmp_path: Path) -> None:
    for name in ("luna", "mel"):
        (tmp_path / name).mkdir()
        for number in ("1", "2"):
            content = (Path("dataset/photos") / name / f"{number}.jpg").read_bytes()
            (tmp_path / name / f"{number}.jpg").write_bytes(content)
    store = pf.open_store(":memory:")
    pf.Util(store).create_index("dogs", encoder="pocket")
    service = pf.DogService(pf.DogRepository(store, "dogs"), "pocket")
    assert (service.encoder.name, len(service)) == (pf.load_encoder("pocket").name, 0)

    by_folder = pf.evaluate_folder(tmp_path, progress=False)
    with pf.connect(":memory:") as registry:
        registry.dogs.register_many(pf.read_folder(tmp_path))
        by_registry = pf.evaluate_registry(registry)
        with pytest.raises(errors.InvalidQuery, match=r"registry\.dogs"):
            pf.evaluate_registry(pf.connect(":memory:"))

    assert by_folder.encoder == by_registry.encoder == service.encoder.name


WRONG: list[Any] = [None, -1, 3.5, float("nan"), "", "\x00", "x" * 600, b"x", [], {}, object(), [None], {"a": 1}]
WRONG += [np.zeros((2, 2)), Path("nowhere"), dict, io.StringIO("text"), True]
CALLS: dict[str, Callable[[pf.Registry, Any], object]] = {
    "find": lambda r, x: r.dogs.find(x),
    "find k": lambda r, x: r.dogs.find(picture(RED), k=x),
    "find where": lambda r, x: r.dogs.find(picture(RED), where=x),
    "find place": lambda r, x: r.dogs.find(picture(RED), place=x),
    "find at": lambda r, x: r.dogs.find(picture(RED), at=x),
    "find about": lambda r, x: r.dogs.find(picture(RED), about=x),
    "find least": lambda r, x: r.dogs.find(picture(RED), min_similarity=x),
    "find_many": lambda r, x: r.dogs.find_many(x),
    "find in all": lambda r, x: r.find(x),
    "find_similar": lambda r, x: r.dogs.find_similar(x),
    "find_by_embedding": lambda r, x: r.dogs.find_by_embedding(x),
    "find_by_text": lambda r, x: r.dogs.find_by_text(x),
    "find_by_microchip": lambda r, x: r.dogs.find_by_microchip(x),
    "search_text": lambda r, x: r.dogs.search_text(x),
    "search_text limit": lambda r, x: r.dogs.search_text("pug", limit=x),
    "duplicates": lambda r, x: r.dogs.duplicates(x),
    "embeddings": lambda r, x: r.dogs.embeddings(x),
    "embed": lambda r, x: r.dogs.embed(x),
    "owner_of": lambda r, x: r.dogs.owner_of(x),
    "owner_of a match": lambda r, x: r.owner_of(x),
    "get": lambda r, x: r.dogs.get(x),
    "item": lambda r, x: r.dogs[x],
    "list": lambda r, x: r.dogs.list(x),
    "list after": lambda r, x: r.dogs.list(after=x),
    "list limit": lambda r, x: r.dogs.list(limit=x),
    "list breed": lambda r, x: r.dogs.list(breed=x),
    "list near": lambda r, x: r.dogs.list(near=x, within_km=1),
    "count": lambda r, x: r.dogs.count(x),
    "register": lambda r, x: r.dogs.register(x),
    "register twice": lambda r, x: r.dogs.register(dog("new"), on_conflict=x),
    "register_many": lambda r, x: r.dogs.register_many(x, progress=False),
    "add_photo": lambda r, x: r.dogs.add_photo("red", x),
    "add_photo to": lambda r, x: r.dogs.add_photo(x, picture(RED)),
    "remove_photo": lambda r, x: r.dogs.remove_photo("red", x),
    "update": lambda r, x: r.dogs.update(x, name="x"),
    "update breed": lambda r, x: r.dogs.update("red", breed=x),
    "update owner": lambda r, x: r.dogs.update("red", owner=x),
    "remove": lambda r, x: r.dogs.remove(x, missing="ignore"),
    "remove missing": lambda r, x: r.dogs.remove("nobody", missing=x),
    "report_lost": lambda r, x: r.dogs.report_lost(x),
    "report_lost place": lambda r, x: r.dogs.report_lost("red", place=x),
    "report_lost at": lambda r, x: r.dogs.report_lost("red", at=x),
    "report_found": lambda r, x: r.dogs.report_found(x),
    "report_sighting": lambda r, x: r.dogs.report_sighting(x),
    "reunite": lambda r, x: r.dogs.reunite(x),
    "renew": lambda r, x: r.dogs.renew(x),
    "counterparts": lambda r, x: r.dogs.counterparts(x),
    "open_pairs": lambda r, x: r.dogs.open_pairs(x),
    "confirm": lambda r, x: r.dogs.confirm("red", x),
    "dismiss": lambda r, x: r.dogs.dismiss("red", x),
    "undo": lambda r, x: r.dogs.undo(x),
    "alerts": lambda r, x: [*r.alerts(x)],
    "of": lambda r, x: r.of(x),
    "insert": lambda r, x: r.dogs.repository.insert(x),
    "bulk_insert": lambda r, x: r.dogs.repository.bulk_insert(x),
    "search": lambda r, x: r.dogs.repository.search(x),
    "create_index": lambda r, x: r.util.create_index(x),
    "create_index class": lambda r, x: r.util.create_index("x", x),
    "create_index dims": lambda r, x: r.util.create_index("x", dims=x),
    "create_index encoder": lambda r, x: r.util.create_index("x", encoder=x),
    "create_index settings": lambda r, x: r.util.create_index("x", settings=x),
    "delete_index": lambda r, x: r.util.delete_index(x),
    "exists": lambda r, x: r.util.exists(x),
    "info": lambda r, x: r.util.info(x),
    "rename": lambda r, x: r.util.rename("pets-dogs", x),
    "rebuild": lambda r, x: r.util.rebuild(x),
    "connect": lambda r, x: pf.connect(":memory:", name=x),
    "connect encoder": lambda r, x: pf.connect(":memory:", encoder=x),
    "Dog": lambda r, x: pf.Dog(pet_id=x),
    "Dog photos": lambda r, x: pf.Dog(pet_id="x", photos=x),
    "Photo": lambda r, x: pf.Photo(x),
    "Owner": lambda r, x: pf.Owner(name=x),
    "PetFilter": lambda r, x: pf.PetFilter(ids=x),
    "read_folder": lambda r, x: [*pf.read_folder(x)],
    "read_csv": lambda r, x: [*pf.read_csv(x)],
    "read_json": lambda r, x: [*pf.read_json(x)],
    "read_csv columns": lambda r, x: [*pf.read_csv("dataset/manifest.csv", columns=x)],
    "from_table": lambda r, x: [*pf.from_table(x)],
    "from_arrays": lambda r, x: [*pf.from_arrays(["a"], x)],
    "from_arrays ids": lambda r, x: [*pf.from_arrays(x, np.ones((1, 8)))],
    "to_table": lambda r, x: pf.to_table(x),
    "write_csv": lambda r, x: pf.write_csv(x, "pets.csv"),
    "write_json path": lambda r, x: pf.write_json([], x),
    "load_encoder": lambda r, x: pf.load_encoder(x),
    "animals_in": lambda r, x: pf.animals_in(x),
    "evaluate_folder": lambda r, x: pf.evaluate_folder(x),
    "evaluate_registry": lambda r, x: pf.evaluate_registry(x),
    "compare_encoders": lambda r, x: pf.compare_encoders("dataset/photos", x),
    "copy_registry": lambda r, x: pf.copy_registry(x, r),
    "on_alert": lambda r, x: r.on_alert(x),
    "import_index": lambda r, x: r.dogs.import_index(x),
    "open_existing": lambda r, x: r.open_existing(x, pf.Dog, pf.PUPPIES, encoder="pocket"),
    "change": lambda r, x: r.dogs.change("red", x),
    "change photos": lambda r, x: r.dogs.change("red", lambda pet: pet, photos=x),
    "owner_card": lambda r, x: pf.owner_card(x),
    "plot_places": lambda r, x: pf.plot_places(x),
    "save": lambda r, x: r.dogs.find(picture(RED)).save(x),
    "keep_thresholds": lambda r, x: r.dogs.repository.keep_thresholds(x),
    "open_store": lambda r, x: pf.open_store(x),
    "Util": lambda r, x: pf.Util(x).list_indexes(),
    "DogRepository": lambda r, x: pf.DogRepository(r.util.store, x),
    "DogService": lambda r, x: pf.DogService(x),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_value_ends_in_a_sentence_of_ours(
    call: str, tmp_path: Path, table_encoder: TableEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dataset").symlink_to(Path("dataset").absolute())
    monkeypatch.chdir(tmp_path)
    raw: dict[str, BaseException] = {}
    for wrong in WRONG:
        with pf.connect(":memory:", encoder=table_encoder) as registry:
            registry.dogs.register(dog("red", RED))
            try:
                CALLS[call](registry, wrong)
            except errors.PetfinderError:
                pass
            except Exception as error:
                raw[repr(wrong)[:40]] = error

    assert raw == {}


def test_what_a_stranger_met_in_the_first_hour(stocked: pf.Registry, tmp_path: Path) -> None:
    dogs, luigi = stocked.dogs, pf.Dog(pet_id="luigi", owner="Ully")
    with pytest.raises(errors.InvalidPet, match=r"update\(\)") as caught:
        luigi.owner = pf.Owner(name="x", phone="555-0101")
    assert "555" not in str(caught.value)
    assert dogs.find(picture(RED), about={"breed": "pug"})[0].pet.pet_id == "red"
    assert [pet.pet_id for pet in dogs.list(after=dogs["blue"])] == ["red"]
    refused: dict[str, Callable[[], object]] = {
        "returns the changed pet": lambda: dogs.change("red", lambda pet: None),  # type: ignore[arg-type, return-value]
        "keeps its pet_id": lambda: dogs.change("red", lambda pet: pet.model_copy(update={"pet_id": "other"})),
        "status": lambda: dogs.change("red", lambda pet: pet.model_copy(update={"status": "asleep"})),
        "evidence is": lambda: pf.connect(":memory:", evidence=0.5),  # type: ignore[arg-type]
        "Owner": lambda: pf.owner_card(None),  # type: ignore[arg-type]
        "place": lambda: pf.plot_places([], centre="x"),
        "no photo": lambda: pf.Dog(pet_id="x", photos=5),  # type: ignore[arg-type]
        "ours are pet_id": lambda: pf.read_csv("dataset/manifest.csv", columns={"name": "nme"}),
        "names for pet_id; it names ANIMALCODE": lambda: pf.read_csv("dataset/manifest.csv", columns=pf.ASM3),
        "no embedded photo": lambda: dogs.counterparts(dogs.report_lost(pf.Dog(pet_id="chip"))),
    }
    for said, call in refused.items():
        with pytest.raises(errors.PetfinderError, match=said):
            call()
    assert dogs.change("red", lambda pet: pet.model_copy(update={"status": "home"})).status is pf.Status.HOME
