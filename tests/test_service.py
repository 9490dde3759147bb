"""What people do with a registry, on every store: register, find, change, remove, ask for the owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.reports import BulkFailed, Failure, Ignored
from petfinder.domain.vectors import Matrix
from petfinder.photos.read import read_photo
from petfinder.stores.documents import IndexSpec
from tests.conftest import TableEncoder

RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 180, 60), (50, 60, 210), (120, 120, 120)
NEARLY_RED = (204, 44, 41)
LISBON = (38.7223, -9.1393)


def picture(colour: tuple[int, int, int], *, size: int = 64) -> Image.Image:
    """A plain picture with one dark corner, told apart by its colour."""
    image = Image.new("RGB", (size, size), colour)
    image.putpixel((0, 0), (0, 0, 0))
    return image


T = TypeVar("T")


def sure(value: T | None) -> T:
    """The value, which must be there."""
    assert value is not None
    return value


def dog(pet_id: str, shade: tuple[int, int, int] = RED, **fields: Any) -> pf.Dog:
    return pf.Dog(pet_id=pet_id, photos=[picture(shade)], **fields)


def test_a_registered_dog_is_found_by_another_photo_of_it_as_one_match_with_the_photo_that_matched(
    registry: pf.Registry,
) -> None:
    luigi = registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(RED), picture(GREY), picture(BLUE)]))
    registry.dogs.register(dog("bella", GREEN))

    red, blue = registry.dogs.find(picture(NEARLY_RED)), registry.dogs.find(picture(BLUE))

    assert [match.pet.pet_id for match in red] == [match.pet.pet_id for match in blue] == ["luigi", "bella"]
    assert sure(red.best).similarity > 0.99
    assert red[0].photo.photo_id == registry.dogs.get("luigi").photos[0].photo_id
    assert blue[0].photo.photo_id == luigi.photos[2].photo_id


def test_a_dog_is_never_compared_with_cats_and_an_empty_registry_knows_nobody(registry: pf.Registry) -> None:
    registry.cats.register(pf.Cat(pet_id="mimi", photos=[picture(RED)]))

    matches = registry.dogs.find(picture(RED))

    assert (len(matches), matches.best, matches.verdict) == (0, None, pf.Verdict.UNKNOWN)
    assert len(registry.cats.find(picture(RED))) == 1
    with pytest.raises(errors.InvalidPet, match="cat"):
        registry.dogs.register(pf.Cat(pet_id="mimi", photos=[picture(RED)]))  # type: ignore[arg-type]


def test_the_registry_searches_all_species_and_reveals_owners(
    registry: pf.Registry, table_encoder: TableEncoder
) -> None:
    registry.dogs.register(dog("luigi", RED, owner=pf.Owner(name="Ully", phone="555-0101")))
    registry.cats.register(pf.Cat(pet_id="mimi", photos=[picture(BLUE)], owner=pf.Owner(name="Ana")))

    encoded = table_encoder.encoded
    matches = registry.find(picture(BLUE), k=1)

    assert table_encoder.encoded == encoded + 1
    assert (matches[0].pet.pet_id, matches.pets_searched) == ("mimi", 2)
    assert sure(registry.owner_of(matches[0])).name == "Ana"


def test_another_species_is_one_class_more(registry: pf.Registry) -> None:
    class Rabbit(pf.Pet):
        species: Literal["rabbit"] = "rabbit"

    registry.of(Rabbit).register(Rabbit(pet_id="flopsy", photos=[picture(GREEN)]))

    assert registry.of(Rabbit).count() == 1
    assert registry.find(picture(GREEN)).best is not None
    assert [info.spec.species for info in registry.indexes()] == ["rabbit"]


def test_registering_the_same_id_again_is_refused_skipped_or_replaced(registry: pf.Registry) -> None:
    registry.dogs.register(dog("luigi", RED, name="Luigi"))

    with pytest.raises(errors.DuplicatePet, match="luigi"):
        registry.dogs.register(dog("luigi", BLUE, name="Other"))
    assert registry.dogs.get("luigi").name == "Luigi"
    assert registry.dogs.register(dog("luigi", BLUE, name="Other"), on_conflict="skip").name == "Luigi"
    assert registry.dogs.register(dog("luigi", BLUE, name="Other"), on_conflict="replace").name == "Other"
    assert registry.dogs.count() == 1


def test_an_unreadable_photo_refuses_the_pet_and_writes_nothing(registry: pf.Registry, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")

    with pytest.raises(errors.UnreadablePhoto):
        registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(RED), tmp_path / "broken.jpg"]))

    assert registry.dogs.count() == 0


def test_pets_from_arrays_are_kept_as_those_that_are_given_one_by_one(registry: pf.Registry) -> None:
    chance = np.random.default_rng(0)
    pet_ids = [
        *(f"pet{number}" for number in range(600)),
        "two",
        "two",
        "nan",
        "zero",
        "\n",
        "p" * 513,
        "tags",
        "wrong",
    ]
    rows = chance.normal(size=(len(pet_ids), 8)).astype(np.float32)
    rows[pet_ids.index("nan"), 3], rows[pet_ids.index("zero")] = np.nan, 0
    known: dict[str, Any] = {"registered_at": "2026-10-02T08:00:00Z"}
    lost: dict[str, Any] = {
        **known,
        "status": "lost",
        "status_at": "2026-10-01",
        "status_place": LISBON,
        "owner": "Ully",
    }
    fields: dict[str, dict[str, Any]] = {
        pet_id: [known, lost, {**known, "breed": "pug"}][len(pet_id) % 3] for pet_id in pet_ids
    }
    fields |= {"tags": {**known, "tags": ["shy"]}, "wrong": {**known, "status": "away"}}

    def kept(dogs: pf.DogService) -> list[tuple[Any, ...]]:
        repository = dogs.repository
        found = [repository.get_document(pet_id) for pet_id in repository.embeddings().pet_ids]
        return [
            (one.id, one.body, one.private, one.terms, one.dates, one.places, one.photo_ids, one.vectors.tolist())
            for one in found
        ]

    report = registry.dogs.register_many(pf.from_arrays(pet_ids, rows, fields=fields), progress=False)

    with pf.connect(":memory:", encoder=registry.encoder) as other:
        listed = other.dogs.register_many([*pf.from_arrays(pet_ids, rows, fields=fields)], progress=False)
        assert kept(registry.dogs) == kept(other.dogs)
    assert (set(report.added), sorted(map(str, report.failures))) == (
        set(listed.added),
        sorted(map(str, listed.failures)),
    )
    assert [len(report.added), len(report.failures)] == [602, 5]
    rows[7] = -rows[7]
    again = registry.dogs.register_many(
        pf.from_arrays(pet_ids[:9], rows[:9], fields={"pet1": {"breed": "x"}}), progress=False
    )
    assert (len(again.skipped), again.changed) == (9, ("pet7",))
    assert registry.dogs.register_many(pf.from_arrays(["new"], rows[:1]), progress=False).added == ("new",)
    assert sure(registry.dogs.get("new").registered_at)


def test_a_pet_that_comes_twice_in_one_stream_is_put_in_once_or_replaced_in_order(registry: pf.Registry) -> None:
    def stream() -> list[pf.Dog]:
        return [dog("luigi", RED, name="first"), dog("bella", GREEN), dog("luigi", BLUE, name="last")]

    once = registry.dogs.register_many(stream(), progress=False)
    assert (once.added, once.skipped, once.changed) == (("luigi", "bella"), ("luigi",), ("luigi",))
    assert registry.dogs.get("luigi").name == "first"
    replaced = registry.dogs.register_many(stream(), on_conflict="replace", progress=False)
    assert (replaced.replaced, registry.dogs.get("luigi").name) == (("luigi", "bella", "luigi"), "last")


def test_a_bulk_call_reports_every_item(
    registry: pf.Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    registry.dogs.register(dog("there", GREY))
    wrong = pf.Dog(pet_id="wrong-dims", photos=[pf.Photo(embedding=np.ones(3))])
    zero = pf.Dog(pet_id="zero", photos=[pf.Photo(embedding=np.zeros(8))])
    stream: list[Any] = [
        {"owner_phone": "+49 170 555"},
        dog("there", GREY),
        dog("new", RED),
        pf.Dog(pet_id="half", photos=[picture(BLUE), tmp_path / "broken.jpg"]),
        pf.Dog(pet_id="none", photos=[tmp_path / "broken.jpg"]),
        wrong,
        zero,
        Failure("row 7", errors.InvalidPet("no id")),
        Ignored("notes.txt", "not a photo"),
        dog("new", BLUE),
    ]

    report = registry.dogs.register_many(iter(stream), progress=True)

    assert "10/10" in capsys.readouterr().err
    assert "555" not in str(report)
    assert report.added == ("new", "half")
    assert report.skipped == ("there", "new")
    assert {failure.item for failure in report.failures} == {"half", "none", "wrong-dims", "zero", "row 7", "a dict"}
    assert [item.uri for item in report.ignored] == ["notes.txt"]
    assert registry.dogs.count() == 3
    with pytest.raises(BulkFailed) as failed:
        report.raise_for_failures()
    assert failed.value.report is report


def test_a_second_run_adds_nothing_and_encodes_nothing(registry: pf.Registry, table_encoder: TableEncoder) -> None:
    pets = [dog(f"d{i}", (i * 9, 250 - i * 9, 90)) for i in range(20)]
    first = registry.dogs.register_many(pets, progress=False)
    encoded = table_encoder.encoded

    second = registry.dogs.register_many(pets, progress=False)

    assert len(first.added) == 20
    assert (second.added, len(second.skipped), second.changed) == ((), 20, ())
    assert table_encoder.encoded == encoded == 20


def test_a_skipped_pet_with_other_photos_is_named_and_replace_takes_them(
    registry: pf.Registry, table_encoder: TableEncoder
) -> None:
    registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(RED), picture(GREEN)]))
    changed = pf.Dog(pet_id="luigi", photos=[picture(RED), picture(BLUE)])

    skipped = registry.dogs.register_many([changed], progress=False)
    missing = registry.dogs.register_many([pf.Dog(pet_id="luigi", photos=[picture(RED), "gone.jpg"])], progress=False)
    encoded = table_encoder.encoded
    replaced = registry.dogs.register_many([changed], on_conflict="replace", progress=False)

    assert (skipped.skipped, skipped.changed) == (("luigi",), ("luigi",))
    assert (missing.skipped, missing.changed) == (("luigi",), ())
    assert replaced.replaced == ("luigi",)
    assert table_encoder.encoded == encoded + 1
    assert registry.dogs.find(picture(BLUE))[0].similarity > 0.999
    assert registry.dogs.find(picture(RED))[0].photo.thumbnail


def test_a_query_can_be_shown_after_its_file_is_gone(registry: pf.Registry, tmp_path: Path) -> None:
    file = tmp_path / "query.png"
    picture(RED).save(file)
    registry.dogs.register(pf.Dog(pet_id="luigi", photos=[picture(RED)]))
    registry.cats.register(pf.Cat(pet_id="mimi", photos=[picture(GREEN)]))
    with file.open("rb") as opened:
        answers = [registry.dogs.find(opened), registry.dogs.find([file, picture(GREEN)]), registry.find(file)]
    thumbnail = read_photo(file).thumbnail
    file.unlink()
    for answer in answers:
        assert [vars(photo).get("thumbnail") for photo in answer.query] == [None] * len(answer.query)
        assert answer._repr_html_().count("data:image/jpeg") == len(answer) + len(answer.query)
        assert answer.query[0].thumbnail == thumbnail


def test_a_moved_photo_is_not_a_new_pet_and_a_copy_is(registry: pf.Registry, tmp_path: Path) -> None:
    for name, colour in (("phone", RED), ("camera", BLUE)):
        (tmp_path / name).mkdir()
        picture(colour).save(tmp_path / name / "IMG_1.png")
    registry.dogs.register_many(pf.read_folder(tmp_path, pf.Dog, by="file"), progress=False)
    (tmp_path / "album").mkdir()
    (tmp_path / "phone" / "IMG_1.png").rename(tmp_path / "album" / "moved.png")
    (tmp_path / "album" / "copy.png").write_bytes((tmp_path / "camera" / "IMG_1.png").read_bytes())

    report = registry.dogs.register_many(pf.read_folder(tmp_path, pf.Dog, by="file"), progress=False)

    assert report.added == ("album/copy",)
    assert set(report.skipped) == {"album/moved", "camera/img_1"}
    one = pf.Dog(pet_id="one", photos=[tmp_path / "album" / "moved.png"])
    assert registry.dogs.register(one, on_conflict="skip").pet_id == "one"


def test_pets_registered_without_embedding_are_pending_and_then_found(registry: pf.Registry) -> None:
    report = registry.dogs.register_many([dog("luigi", RED)], embed=False, progress=False)

    assert report.pending == 1
    assert registry.util.info("pets-dogs").stats.pending == 1
    assert len(registry.dogs.find(picture(RED))) == 0
    done = registry.dogs.embed_pending()
    assert done.replaced == ("luigi",)
    assert registry.util.info("pets-dogs").stats.pending == 0
    assert len(registry.dogs.find(picture(RED))) == 1


def test_what_waits_is_embedded_while_others_change_and_remove_pets(
    registry: pf.Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    class Meanwhile(TableEncoder):
        def encode_images(self, pictures: Sequence[Image.Image]) -> Matrix:
            registry.dogs.update("pet00", name="Luigi")
            registry.dogs.remove("pet01", missing="ignore")
            return super().encode_images(pictures)

    names = [f"pet{number:02d}" for number in range(40)]
    registry.dogs.register_many([dog(name, RED) for name in names], embed=False, progress=False)

    report = pf.DogService(registry.dogs.repository, Meanwhile()).embed_pending(progress=True)

    assert [failure.item for failure in report.failures] == ["pet01"]
    assert [*report.replaced] == [name for name in names if name != "pet01"]
    assert registry.dogs.get("pet00").name == "Luigi"
    assert registry.util.info("pets-dogs").stats.pending == 0
    assert "40/40" in capsys.readouterr().err


def test_photos_come_and_go_and_the_portrait_follows(registry: pf.Registry) -> None:
    registry.dogs.register(dog("luigi", RED))
    registry.dogs.add_photo("luigi", picture(BLUE))
    two = registry.dogs.add_photo("luigi", picture(BLUE))
    assert len(two.photos) == 2
    between = registry.dogs.embeddings(["luigi"]).matrix.mean(axis=0)
    with_portrait = registry.dogs.find_by_embedding(between)[0].similarity

    left = registry.dogs.remove_photo("luigi", two.photos[1].photo_id or "")

    assert with_portrait == pytest.approx(1.0, abs=1e-5)
    assert len(left.photos) == 1
    assert registry.dogs.find_by_embedding(between)[0].similarity < 0.999
    with pytest.raises(errors.InvalidQuery, match="no photo"):
        registry.dogs.remove_photo("luigi", "unknown")


def test_an_update_keeps_what_it_does_not_name(registry: pf.Registry) -> None:
    registry.dogs.register(dog("luigi", RED, name="Luigi", owner=pf.Owner(name="Ully", phone="555-0101")))

    changed = registry.dogs.update("luigi", breed="Jack Russell", tags=["shy"])

    kept = registry.dogs.get("luigi")
    assert kept == changed
    assert (kept.name, kept.breed, kept.tags) == ("Luigi", "Jack Russell", ("shy",))
    assert sure(kept.owner).phone == "555-0101"
    assert registry.dogs.find(picture(RED))[0].photo.thumbnail
    with pytest.raises(errors.PetNotFound, match="nobody"):
        registry.dogs.update("nobody", breed="x")


def test_a_pet_is_lost_found_and_reunited(registry: pf.Registry) -> None:
    home, lisbon = pf.Place(lat=41.15, lon=-8.61), pf.Place(lat=LISBON[0], lon=LISBON[1])
    registry.dogs.register(dog("luigi", RED, place=home))
    at = datetime(2026, 5, 1, 12, 30, tzinfo=timezone.utc)

    lost = registry.dogs.report_lost("luigi", place=LISBON, at=at)
    stray = registry.dogs.report_found(dog("stray-1", BLUE, place=LISBON))
    other = registry.dogs.report_found(dog("stray-2", GREEN, place=home, status_place=LISBON))

    assert (lost.status, lost.status_at, lost.status_place, lost.place) == (pf.Status.LOST, at, lisbon, home)
    assert (stray.status, stray.status_place, stray.place) == (pf.Status.FOUND, lisbon, None)
    assert (other.status_place, other.place) == (lisbon, home)
    assert registry.dogs.count(pf.PetFilter(status=["lost", "found"])) == 3
    for near, there in ((lisbon, 3), (home, 2)):
        assert registry.dogs.count(pf.PetFilter(near=near, within_km=1)) == there
    assert registry.dogs.find(picture(RED), where=pf.PetFilter(near=LISBON, within_km=1))[0].distance_km == 0
    again = registry.dogs.report_lost("luigi")
    back = registry.dogs.reunite(registry.dogs.report_lost("luigi", place=LISBON).pet_id)
    assert [(pet.status_place, pet.place) for pet in (again, back)] == [(None, home)] * 2
    assert back.status == pf.Status.REUNITED
    assert registry.dogs.count(pf.PetFilter(status="lost")) == 0


@pytest.mark.parametrize("status", pf.Status)
def test_the_finder_of_a_found_or_sighted_pet_is_called_where_no_owner_is_known(
    registry: pf.Registry, status: pf.Status
) -> None:
    ana = pf.Owner(name="Ana", phone="555-0102", picture=picture(GREY))
    registry.dogs.register(dog("x", RED, status=status, finder=ana))

    called = registry.owner_of(registry.dogs.find(picture(RED))[0])

    assert (called is not None) == (status in ("found", "sighted"))
    assert (sure(sure(registry.dogs.get("x").finder).picture).thumbnail or b"")[:2] == b"\xff\xd8"
    registry.dogs.update("x", owner=pf.Owner(name="Ully"))
    assert sure(registry.dogs.owner_of("x")).name == "Ully"


def test_what_is_held_back_stays_with_a_pet_that_a_table_replaces(registry: pf.Registry) -> None:
    registry.dogs.register(dog("luigi", RED, held_back="one white toe"))

    registry.dogs.register(dog("luigi", RED, name="Luigi"), on_conflict="replace")

    kept = registry.dogs.get("luigi")
    assert (kept.name, kept.held_back) == ("Luigi", "one white toe")
    assert registry.dogs.update("luigi", held_back=None).held_back is None


def test_removed_pets_are_gone_and_unknown_ids_stop_the_removal(registry: pf.Registry) -> None:
    registry.dogs.register_many([dog("a", RED), dog("b", BLUE)], progress=False)

    with pytest.raises(errors.PetNotFound, match="nothing removed"):
        registry.dogs.remove(["a", "zzz"])
    assert registry.dogs.count() == 2
    assert registry.dogs.remove(["a", "zzz"], missing="ignore") == ("a",)
    assert [match.pet.pet_id for match in registry.dogs.find(picture(RED))] == ["b"]
    with pytest.raises(errors.PetNotFound):
        registry.dogs.get("a")


def test_several_photos_of_one_stray_are_one_query_and_many_queries_have_one_answer_each(registry: pf.Registry) -> None:
    registry.dogs.register_many([dog("a", RED), dog("b", BLUE), dog("c", GREEN)], progress=False)

    mean = registry.dogs.find([picture(RED), picture(NEARLY_RED)], k=1)
    best = registry.dogs.find([picture(RED), picture(BLUE)], combine="best", k=3)
    answers = registry.dogs.find_many([picture(BLUE), picture(GREEN)], k=1)

    assert (len(mean.query), mean[0].pet.pet_id) == (2, "a")
    assert {match.pet.pet_id for match in best[:2]} == {"a", "b"}
    assert all(match.similarity > 0.999 for match in best[:2])
    with pytest.raises(errors.InvalidQuery, match="at least one photo"):
        registry.dogs.find([])
    assert [answer[0].pet.pet_id for answer in answers] == ["b", "c"]
    assert registry.dogs.find_many([]) == []


def test_similar_pets_and_duplicates_are_never_the_pet_itself(registry: pf.Registry) -> None:
    registry.dogs.register_many([dog("a", RED), dog("b", NEARLY_RED), dog("c", GREEN)], progress=False)

    like_a = registry.dogs.find_similar("a")
    like_both = registry.dogs.find_similar(["a", "c"])

    assert [match.pet.pet_id for match in like_a] == ["b", "c"]
    assert like_a.verdict is None
    assert [[match.pet.pet_id for match in answer] for answer in like_both] == [["b"], ["b"]]
    assert [pair.pet_ids for pair in registry.dogs.duplicates(0.99)] == [("a", "b")]


def test_vectors_go_in_and_come_out(registry: pf.Registry) -> None:
    rows = np.eye(8, dtype=np.float32)[:3]
    pets = [pf.Dog(pet_id=f"v{i}", photos=[pf.Photo(embedding=row)]) for i, row in enumerate(rows)]
    registry.dogs.register_many(pets, progress=False)

    out = registry.dogs.embeddings()
    one = registry.dogs.find_by_embedding(rows[1] * 7, k=1)
    many: Any = registry.dogs.find_by_embedding(rows, k=1)

    assert out.pet_ids == ("v0", "v1", "v2")
    np.testing.assert_allclose(out.matrix, rows, atol=1e-6)
    assert (one[0].pet.pet_id, one[0].similarity, one.verdict) == ("v1", pytest.approx(1.0), None)
    assert [answer[0].pet.pet_id for answer in many] == ["v0", "v1", "v2"]
    assert registry.dogs.embeddings(["v2"]).pet_ids == ("v2",)


def test_filters_hold_before_the_search_and_k_and_minimum_similarity_bound_the_answer(registry: pf.Registry) -> None:
    pets = [dog(f"d{i:02}", (200 - i, 40 + i, 40), breed="Poodle" if i % 10 == 9 else "Mutt") for i in range(40)]
    registry.dogs.register_many([*pets, dog("e", GREEN, breed="Poodle")], progress=False)
    poodles = pf.PetFilter(breed=" POODLE")

    matches = registry.dogs.find(picture(RED), k=4, where=poodles)
    near = registry.dogs.find(picture(RED), k=9, where=poodles, min_similarity=0.9)

    assert [match.pet.pet_id for match in matches] == ["d09", "d19", "d29", "d39"]
    assert [match.pet.pet_id for match in near] == ["d09", "d19", "d29", "d39"]
    assert matches.pets_searched == 5


def test_words_are_found_in_name_breed_colour_tags_and_note_and_a_microchip_by_its_number(
    registry: pf.Registry,
) -> None:
    registry.dogs.register(dog("a", RED, name="Luigi", breed="Jack Russell", note="Shy; limps on the left."))
    owner = pf.Owner(name="Jack", phone="5")
    registry.dogs.register(dog("b", BLUE, name="Russell", colour="brown", owner=owner, microchip="999 000-000.012345"))

    assert [pet.pet_id for pet in registry.dogs.search_text("RUSSELL")] == ["a", "b"]
    assert [pet.pet_id for pet in registry.dogs.search_text("left russell")] == ["a"]
    assert [pet.pet_id for pet in registry.dogs.search_text("russell", pf.PetFilter(colour="Brown"))] == ["b"]
    assert [*registry.dogs.search_text("jack brown")] == []
    chipped = sure(registry.dogs.find_by_microchip("999000000012345"))
    assert (chipped.pet_id, chipped.owner) == ("b", None)
    assert registry.dogs.find_by_microchip("1") is None


def test_pages_are_as_deep_as_the_registry(registry: pf.Registry) -> None:
    registry.dogs.register_many([dog(f"d{i:03}", (i, 90, 40)) for i in range(50)], progress=False)
    pages, after = [], None
    while page := registry.dogs.list(limit=7, after=after):
        pages.append(page)
        after = page[-1].pet_id

    assert [len(page) for page in pages] == [7] * 7 + [1]
    assert [pet.pet_id for page in pages for pet in page] == [f"d{i:03}" for i in range(50)]


def test_distance_is_in_whole_kilometres_from_a_centre_that_the_answer_names_to_a_kilometre(
    registry: pf.Registry,
) -> None:
    registry.dogs.register(dog("near", RED, place=(38.73, -9.15)))
    registry.dogs.register(dog("far", RED, place=(41.15, -8.61)))

    matches = registry.dogs.find(picture(RED), where=pf.PetFilter(near=LISBON, within_km=20))

    assert [(match.pet.pet_id, match.distance_km) for match in matches] == [("near", 1)]
    assert matches.centre == pf.Place(lat=38.72, lon=-9.14)
    assert registry.dogs.find(picture(RED)).centre is None


def test_verdicts_follow_thresholds(registry: pf.Registry) -> None:
    registry.dogs.register_many([dog("a", RED), dog("b", GREEN)], progress=False)
    assert registry.dogs.find(picture(RED)).verdict == pf.Verdict.POSSIBLE
    rows = [{"pets": 10, "match": 0.98, "possible": 0.9}, {"pets": 100, "match": 0.99, "possible": 0.95}]

    registry.dogs.repository.keep_thresholds(
        pf.Thresholds(
            measured=rows,  # type: ignore[arg-type]
            source="a test",
        )
    )

    certain, stranger = registry.dogs.find(picture(RED)), registry.dogs.find(picture(BLUE))
    assert certain.verdict == pf.Verdict.MATCH
    assert stranger.verdict == pf.Verdict.UNKNOWN
    assert certain.thresholds_source == "a test"
    assert [match.verdict for match in certain] == [pf.Verdict.MATCH, pf.Verdict.UNKNOWN]


def test_verdicts_follow_the_number_of_photos_that_compete(registry: pf.Registry) -> None:
    luigi = pf.Dog(pet_id="luigi", photos=[picture(RED), picture(NEARLY_RED), picture(GREY)])
    registry.dogs.register_many([luigi, dog("bella", GREEN), pf.Dog(pet_id="shy")], progress=False)
    rows = [{"pets": 1, "match": 0.5, "possible": 0.1}, {"pets": 1000, "match": 0.9, "possible": 0.6}]
    thresholds = pf.Thresholds(
        measured=rows,  # type: ignore[arg-type]
        source="a test",
    )
    registry.dogs.repository.keep_thresholds(thresholds)

    one = registry.dogs.find(picture(RED))
    several = [registry.dogs.find([picture(RED), picture(BLUE)], combine=how) for how in ("mean", "best")]
    narrow = registry.dogs.find(picture(RED), where=pf.PetFilter(ids=["luigi"]))
    nobody = registry.dogs.find(picture(RED), where=pf.PetFilter(ids=["shy"]))
    [many] = registry.dogs.find_many([picture(RED)])

    assert (one.pets_searched, one.photos_searched) == (2, 4)
    assert one.cut == many.cut == registry.find(picture(RED)).cut == thresholds.at(2, 4)
    assert [answer.cut for answer in several] == [thresholds.at(2, 8)] * 2
    assert (narrow.photos_searched, narrow.cut) == (3, thresholds.at(1, 3))
    assert (nobody.photos_searched, nobody.cut) == (0, thresholds.at(1))


def test_dates_without_zone_count_as_utc_and_are_kept_to_the_second(registry: pf.Registry) -> None:
    moment = datetime(2026, 3, 1, 23, 59, 59, 999_999)
    photo = pf.Photo(source=picture(RED), taken_at=moment)
    registry.dogs.register(pf.Dog(pet_id="luigi", photos=[photo]))
    zone = timezone(timedelta(hours=-3))

    assert registry.dogs.get("luigi").photos[0].taken_at == datetime(2026, 3, 1, 23, 59, 59)
    at = datetime(2026, 3, 1, 20, 59, 59, tzinfo=zone)
    assert registry.dogs.count(pf.PetFilter(taken_after=at, taken_before=at)) == 1
    assert registry.dogs.count(pf.PetFilter(taken_after=at + timedelta(seconds=1))) == 0


def test_an_owner_comes_with_the_picture_that_was_registered_and_for_a_match_of_this_index(
    registry: pf.Registry,
) -> None:
    ully = pf.Owner(name="Ully", phone="555-0101", picture=picture(GREY))
    registry.dogs.register(dog("x", RED, owner=ully))
    registry.cats.register(pf.Cat(pet_id="x", photos=[picture(RED)], owner=pf.Owner(name="Cat owner")))
    match = registry.cats.find(picture(RED))[0]

    kept = sure(registry.dogs.owner_of("x"))

    assert (kept.name, kept.phone) == ("Ully", "555-0101")
    assert (sure(kept.picture).thumbnail or b"")[:2] == b"\xff\xd8"
    assert sure(registry.owner_of(match)).name == "Cat owner"
    with pytest.raises(errors.IndexMismatch):
        registry.dogs.owner_of(match)


def test_the_layers_can_be_used_one_by_one(table_encoder: TableEncoder) -> None:
    from petfinder.stores.sqlite.store import EmbeddedStore

    store = EmbeddedStore(None)
    pf.Util(store).create_index("my-dogs", pf.Dog, encoder=table_encoder)
    repository = pf.DogRepository(store, "my-dogs")
    service = pf.DogService(repository, table_encoder)
    service.register(dog("luigi", RED))

    assert repository.count() == 1
    assert repository.search(table_encoder.encode_images([picture(RED)])[0], 1)[0].pet.pet_id == "luigi"
    with pytest.raises(errors.IndexMismatch, match="table-1"):
        pf.DogService(repository, TableEncoder(fingerprint="other weights"))
    with pytest.raises(errors.IndexMismatch, match="species"):
        pf.CatRepository(store, "my-dogs")
    assert isinstance(store.spec("my-dogs"), IndexSpec)


def test_a_listing_shows_itself_as_cards_without_owners_and_exact_places(registry: pf.Registry) -> None:
    owner = pf.Owner(name="Ully", phone="+55 11 5550-1234")
    registry.dogs.register(pf.Dog(pet_id="rex", name="Rex", place=(48.8566, 2.3522), owner=owner))

    for pets in (registry.dogs.list(), registry.dogs.search_text("rex")):
        shown = pets._repr_html_() + repr(pets)

        assert "Rex" in shown
        for hidden in ("Ully", "5550", "48.856"):
            assert hidden not in shown
