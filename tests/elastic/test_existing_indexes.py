"""Indexes that petfinder did not make: searched and read by the names of their fields, and imported in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from PIL import Image

import petfinder as pf
from petfinder.domain.errors import IndexMismatch, IndexNotFound, InvalidQuery
from petfinder.domain.field_names import FIFTYONE, FLASK_IMAGE_SEARCH, PUPPIES, FieldNames
from petfinder.domain.vectors import Matrix
from petfinder.registry.foreign import ExistingIndex
from petfinder.stores.documents import Record
from tests.conftest import TableEncoder

DIMS = 512
ENCODER = TableEncoder(dims=DIMS)
INDEX = "others-index"
EXIF = {"properties": {"location": {"type": "geo_point"}, "date": {"type": "date"}}}
# A vector field as others map it, its index options left to the server.
DENSE = {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine"}
Documents = Sequence[Mapping[str, Any]]


def mapping_of(keywords: str, **others: Any) -> dict[str, Any]:
    """A mapping with these keyword fields and these others."""
    return {"properties": {name: {"type": "keyword"} for name in keywords.split()} | others}


def puppies_mapping(vector: Mapping[str, Any] = DENSE) -> dict[str, Any]:
    """The mapping of the puppies notebook."""
    return mapping_of("dog_id breed image_path owner_name", image_embedding=vector, exif=EXIF)


def directions(count: int, *, seed: int = 0) -> Matrix:
    """Random vectors (count, DIMS) of different lengths."""
    return np.random.default_rng(seed).normal(size=(count, DIMS)).astype(np.float32)


def unit_rows(rows: Any) -> Any:
    """Vectors at unit length, in float64."""
    wide = np.asarray(rows, dtype=np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)


@pytest.fixture(autouse=True)
def tidied(client: Elasticsearch) -> Iterator[None]:
    yield
    client.options(ignore_status=404).indices.delete(index=INDEX)


def filled(
    client: Elasticsearch, names: FieldNames, mapping: Mapping[str, Any], documents: Documents, *, shards: int = 1
) -> ExistingIndex[pf.Dog]:
    """An index of this mapping with these documents, open; "_id" names one, else the server does."""
    client.indices.create(index=INDEX, mappings=mapping, settings={"number_of_shards": shards})
    lines: list[Mapping[str, Any]] = []
    for document in documents:
        named = {"_id": document["_id"]} if "_id" in document else {}
        lines += [{"index": named}, {name: value for name, value in document.items() if name != "_id"}]
    assert not client.bulk(index=INDEX, operations=lines, refresh=True)["errors"]
    return opened(client, names)


def opened(client: Elasticsearch, names: FieldNames, encoder: TableEncoder = ENCODER) -> ExistingIndex[pf.Dog]:
    """The index, open for search and reading."""
    return pf.connect(client).open_existing(INDEX, pf.Dog, names, encoder=encoder)


def puppy(dog_id: str, vector: Any, **fields: Any) -> dict[str, Any]:
    """One document of the puppies notebook: one photo of one dog."""
    return {"dog_id": dog_id, "image_embedding": np.asarray(vector).tolist(), **fields}


def nearest_by_numpy(vectors: Mapping[str, Matrix], query: Any, *, k: int) -> list[tuple[str, float]]:
    """Pet and similarity of the k nearest pets, each by the best of its photos and their unit-length mean."""
    found = []
    for pet_id, rows in vectors.items():
        units = unit_rows(rows)
        several = [unit_rows(units.mean(axis=0))] if len(units) > 1 else []
        found.append((pet_id, max(float(row @ unit_rows(query)) for row in [*units, *several])))
    return sorted(found, key=lambda pet: -pet[1])[:k]


def check_found(matches: pf.Matches, expected: Sequence[tuple[str, float]]) -> None:
    """The same pets in the same order, by cosines that agree to a millionth."""
    pet_ids, similarities = zip(*expected, strict=True)
    assert found_ids(matches) == [*pet_ids]
    np.testing.assert_allclose([match.similarity for match in matches], similarities, atol=1e-6)


def found_ids(matches: pf.Matches) -> list[str]:
    return [match.pet.pet_id for match in matches]


def some_pets(count: int, *, seed: int) -> dict[str, Matrix]:
    """Pets with one to three photos that look alike."""
    looks, noise = directions(count, seed=seed), directions(count * 3, seed=seed + 1)
    return {f"dog{n:03d}": looks[n] + 0.5 * noise[3 * n : 3 * n + n % 3 + 1] for n in range(count)}


@pytest.mark.parametrize("metric", ["cosine", "dot_product", "l2_norm", "max_inner_product"])
def test_similarity_is_the_raw_cosine_whatever_the_metric(client: Elasticsearch, metric: str) -> None:
    pets = some_pets(60, seed=1)
    if metric == "dot_product":
        pets = {pet_id: unit_rows(rows) for pet_id, rows in pets.items()}
    documents = [
        {"_id": f"{pet_id}-{n}", "sample_id": pet_id, "vector": row.tolist()}
        for pet_id, rows in pets.items()
        for n, row in enumerate(rows)
    ]
    samples = filled(client, FIFTYONE, mapping_of("", vector=DENSE | {"similarity": metric}), documents, shards=2)

    queries = directions(5, seed=9)
    answers = samples.find_by_embedding(queries, k=10)

    for query, matches in zip(queries, answers, strict=True):
        check_found(matches, nearest_by_numpy(pets, query, k=10))
        assert (matches.pets_searched, matches.photos_searched) == (60, len(documents))
    check_found(samples.find_by_embedding(queries[0], k=100), nearest_by_numpy(pets, queries[0], k=100))


MAPPINGS: dict[str, dict[str, Any]] = {
    "as the server likes": puppies_mapping(),
    "not quantised": puppies_mapping(DENSE | {"index_options": {"type": "hnsw"}}),
    "vectors kept out of the source": puppies_mapping() | {"_source": {"excludes": ["image_embedding"]}},
    "vectors not indexed": puppies_mapping({"type": "dense_vector", "index": False}),
}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_matched_photo_is_the_pets_best(client: Elasticsearch, mapping: str) -> None:
    pets = some_pets(30, seed=2)
    documents = [
        puppy(pet_id, row, image_path=f"{pet_id}/{n}.png")
        for pet_id, rows in pets.items()
        for n, row in enumerate(rows)
    ]
    index = filled(client, PUPPIES, MAPPINGS[mapping], documents)

    matches = index.find_by_embedding(pets["dog005"][2], k=5)

    check_found(matches, nearest_by_numpy(pets, pets["dog005"][2], k=5))
    assert matches[0].photo.uri == "dog005/2.png"
    assert matches.photos_searched == len(documents)


def test_as_many_pets_come_back_as_there_are(client: Elasticsearch) -> None:
    query, *others = directions(5, seed=3)
    crowd = [puppy("luigi", query + 0.01 * row) for row in directions(450, seed=4)]
    strangers = (puppy(f"other{n}", row) for n, row in enumerate(others))
    index = filled(client, PUPPIES, puppies_mapping(), [*crowd, *strangers])

    matches = index.find_by_embedding(query, k=4)

    assert len(matches) == 4
    assert found_ids(matches).count("luigi") == 1
    assert len(matches[0].pet.photos) == 450
    assert (matches.pets_searched, matches.photos_searched) == (5, 454)


NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
SAO_PAULO, CAMPINAS = [-46.63, -23.55], [-47.06, -22.91]  # lon, lat; 86 km apart


@pytest.fixture
def puppies(client: Elasticsearch) -> ExistingIndex[pf.Dog]:
    """Four dogs of the puppies notebook, luigi with two photos."""
    red, green, *others = directions(5, seed=5)
    documents = [
        puppy("luigi", red, breed="Jack Russell", image_path="a.png", owner_name="Ully", exif={"location": SAO_PAULO}),
        puppy("luigi", green, breed="Jack Russell", owner_name="Ully", exif={"date": "2024-05-01T12:00:00.700Z"}),
        puppy("max", others[0], breed="POODLE ", owner_name="Zoë", exif={"location": CAMPINAS, "date": 1714564800000}),
        puppy("ruby", others[1], breed="Straße", owner_name="ZOË", exif={"date": "2023-01-01"}),
        puppy("zoe", others[2], breed="STRASSE"),
    ]
    return filled(client, PUPPIES, puppies_mapping(), documents)


def test_the_dogs_of_the_puppies_notebook_are_read_whole(puppies: ExistingIndex[pf.Dog]) -> None:
    luigi = puppies.get("luigi")

    assert [pet.pet_id for pet in puppies.list()] == ["luigi", "max", "ruby", "zoe"]
    assert [pet.pet_id for pet in puppies.list(after="luigi", limit=2)] == ["max", "ruby"]
    assert (luigi.breed, luigi.owner and luigi.owner.name) == ("Jack Russell", "Ully")
    assert [photo.uri for photo in luigi.photos if photo.uri] == ["a.png"]
    assert [photo.place for photo in luigi.photos if photo.place] == [pf.Place(lat=-23.55, lon=-46.63)]
    assert [photo.taken_at for photo in luigi.photos if photo.taken_at] == [NOON]
    assert len(puppies.embeddings("luigi").matrix) == 2
    with pytest.raises(pf.PetfinderError, match="no pet 'rex'"):
        puppies.get("rex")


def test_a_photo_finds_as_in_a_registry_and_only_owner_of_reveals_an_owner(puppies: ExistingIndex[pf.Dog]) -> None:
    matches = puppies.find(Image.new("RGB", (64, 64), "red"), k=2)
    assert len(matches) == 2
    assert matches.verdict is not None
    assert matches.query[0].embedding is not None

    (match,) = puppies.find_similar("zoe", where=pf.PetFilter(ids="luigi"))
    assert (match.pet.pet_id, match.pet.owner) == ("luigi", None)
    assert owner_name(puppies, match) == "Ully"
    assert puppies.owner_of("zoe") is None


def owner_name(index: ExistingIndex[pf.Dog] | pf.DogService, who: pf.Match | str) -> str | None:
    owner = index.owner_of(who)
    return owner.name if owner else None


@pytest.mark.parametrize(
    "where",
    [
        pf.PetFilter(breed="poodle"),
        pf.PetFilter(breed=["strasse", "jack russell"]),
        pf.PetFilter(breed=[]),
        pf.PetFilter(owner="zoë"),
        pf.PetFilter(owner="ZOË", exclude="max"),
        pf.PetFilter(ids=["luigi", "rex"]),
        pf.PetFilter(taken_after=NOON, taken_before=NOON),
        pf.PetFilter(taken_before=NOON.replace(year=2023)),
        pf.PetFilter(near=(-23.5, -46.6), within_km=20),
        pf.PetFilter(near=(-23.5, -46.6), within_km=100, breed="Poodle"),
    ],
    ids=str,
)
def test_filters_mean_what_they_mean_everywhere(puppies: ExistingIndex[pf.Dog], where: pf.PetFilter) -> None:
    passing = {pet.pet_id for pet in puppies.list() if where.matches(pet)}

    found = puppies.find_by_embedding(directions(1)[0], k=10, where=where)

    assert {*found_ids(found)} == passing
    assert {pet.pet_id for pet in puppies.list(where)} == passing
    assert (puppies.count(where), found.pets_searched) == (len(passing), len(passing))


def test_what_no_field_says_cannot_be_asked(puppies: ExistingIndex[pf.Dog], client: Elasticsearch) -> None:
    nowhere = opened(client, PUPPIES.model_copy(update={"place": None, "taken_at": None}))
    questions: dict[str, Callable[[], object]] = {
        "status": lambda: puppies.count(pf.PetFilter(status="lost")),
        "tags": lambda: puppies.find_by_embedding(directions(1)[0], where=pf.PetFilter(tags="shy")),
        "words": lambda: puppies.search_text("poodle"),
        "place": lambda: nowhere.count(pf.PetFilter(near=(0, 0), within_km=1)),
        "taken_at": lambda: nowhere.count(pf.PetFilter(taken_after=NOON)),
    }
    for field, ask in questions.items():
        with pytest.raises(InvalidQuery, match=f"cannot be asked for {field}"):
            ask()


def _writes(client: Elasticsearch) -> tuple[int, int]:
    done = client.indices.stats(index=INDEX, metric="indexing")["_all"]["primaries"]["indexing"]
    return done["index_total"], done["delete_total"]


def test_nothing_is_written_to_it(puppies: ExistingIndex[pf.Dog], client: Elasticsearch) -> None:
    store = puppies.repository.store
    before = _writes(client)
    changes: list[Callable[[], object]] = [
        lambda: puppies.repository.insert(pf.Dog(pet_id="rex")),
        lambda: puppies.repository.remove("luigi"),
        lambda: puppies.repository.update("luigi", lambda pet: pet.model_copy(update={"breed": "Poodle"})),
        lambda: puppies.repository.keep_thresholds(None),
        lambda: store.delete_index(INDEX),
        lambda: store.rename_index(INDEX, "mine"),
        lambda: store.begin_rebuild(INDEX, puppies.repository.spec),
        lambda: store.put_record(INDEX, Record("a", {})),
        lambda: store.delete(INDEX, ["luigi"]),
    ]

    for change in changes:
        with pytest.raises(InvalidQuery, match="import_index"):
            change()

    assert _writes(client) == before
    assert puppies.count() == 4
    stats = store.stats(INDEX)
    assert (stats.pets, stats.photos, stats.pending) == (4, 5, 0)
    assert (store.records(INDEX, ["a"]), [*store.scan_records(INDEX)]) == ([None], [])


def test_each_picture_of_the_flask_image_search_is_a_pet(client: Elasticsearch) -> None:
    rows = directions(3)
    documents = [
        {"image_id": f"IMG_{n}", "image_name": f"IMG_{n}.jpg", "relative_path": f"phone/IMG_{n}.jpg", "exif": {}}
        | {"image_embedding": row.tolist()}
        for n, row in enumerate(rows)
    ]
    mapping = mapping_of("image_id image_name relative_path", image_embedding=DENSE, exif=EXIF)

    (best,) = filled(client, FLASK_IMAGE_SEARCH, mapping, documents).find_by_embedding(rows[1], k=1)

    assert (best.pet.pet_id, best.pet.name, best.photo.uri) == ("IMG_1", "IMG_1.jpg", "phone/IMG_1.jpg")
    assert best.similarity == pytest.approx(1, abs=1e-6)


def test_pets_may_be_numbered(client: Elasticsearch) -> None:
    rows = directions(3)
    animals = [{"v": row.tolist(), "animal": {"number": n}} for row, n in zip(rows, (2, 10, -1), strict=True)]
    mapping = mapping_of("", v=DENSE, animal={"properties": {"number": {"type": "long"}}})
    numbered = filled(client, FieldNames(embedding="v", pet_id="animal.number"), mapping, animals)

    assert [pet.pet_id for pet in numbered.list()] == ["-1", "2", "10"]
    assert [pet.pet_id for pet in numbered.list(after="2")] == ["10"]
    assert numbered.find_similar("10", k=2)[0].pet.pet_id in ("-1", "2")
    assert numbered.count(pf.PetFilter(ids=["10", "luigi", "007"])) == 1


def test_it_is_said_what_does_not_fit(puppies: ExistingIndex[pf.Dog], client: Elasticsearch) -> None:
    for changed, filled_by, said in (
        ({"pet_id": "dogid"}, ENCODER, r"no field 'dogid'; it has breed, dog_id, exif\.date"),
        ({"place": "breed"}, ENCODER, "of type keyword, which is no place"),
        ({}, TableEncoder(), "512 dims, and encoder 'table-1' makes 8"),
    ):
        with pytest.raises(IndexMismatch, match=said):
            opened(client, PUPPIES.model_copy(update=changed), filled_by)
    registry = pf.connect(client, name="own", encoder=ENCODER)
    with pytest.raises(IndexNotFound, match="nowhere"):
        registry.open_existing("nowhere", pf.Dog, PUPPIES, encoder=ENCODER)
    with pytest.raises(IndexMismatch, match="petfinder's own"):
        registry.open_existing(registry.dogs.repository.index, pf.Dog, PUPPIES, encoder=ENCODER)
    with pytest.raises(InvalidQuery, match="others are on a server"), pf.connect(":memory:") as memory:
        memory.open_existing(INDEX, pf.Dog, PUPPIES, encoder=ENCODER)
    with pytest.raises(pf.PetfinderError, match="embeding"):
        FieldNames(embeding="v", pet_id="id")  # type: ignore[call-arg]
    registry.util.delete_index("own-dogs")


@pytest.fixture(params=["memory", "elasticsearch"])
def registry(request: pytest.FixtureRequest, client: Elasticsearch) -> Iterator[pf.Registry]:
    """A new registry, in memory or beside the index that is imported."""
    place = ":memory:" if request.param == "memory" else client
    with pf.connect(place, name="imported", encoder=ENCODER) as made:
        yield made
        made.util.delete_index("imported-dogs")


def test_an_index_is_imported_in_one_call(puppies: ExistingIndex[pf.Dog], registry: pf.Registry) -> None:
    query = directions(1, seed=6)[0]
    there = puppies.find_by_embedding(query, k=4)

    report = registry.dogs.import_index(puppies)

    assert (report.added, report.failures, report.pending) == (("luigi", "max", "ruby", "zoe"), (), 0)
    here = registry.dogs.find_by_embedding(query, k=4)
    check_found(here, [(match.pet.pet_id, match.similarity) for match in there])
    assert registry.dogs.count(pf.PetFilter(breed="strasse")) == 2
    assert owner_name(registry.dogs, "luigi") == "Ully"

    registry.dogs.remove(["max"])
    again = registry.dogs.import_index(puppies)

    assert (again.added, again.skipped, again.changed) == (("max",), ("luigi", "ruby", "zoe"), ())


def test_what_cannot_be_imported_is_in_the_report(client: Elasticsearch, registry: pf.Registry, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "here.png")
    vector = directions(1)[0]
    documents = [
        {"_id": "nobody", "image_embedding": vector.tolist()},
        puppy(" spaced ", vector),
        puppy("gone", np.zeros(DIMS), image_path=str(tmp_path / "gone.png")),
        puppy("half", np.zeros(DIMS), image_path=str(tmp_path / "gone.png")),
        puppy("half", vector),
        {"dog_id": "late", "image_path": str(tmp_path / "here.png")},
        puppy("twice", vector, image_path="a.png"),
        puppy("twice", vector, image_path="a.png"),
    ]
    puppies = filled(client, PUPPIES, puppies_mapping(DENSE | {"similarity": "l2_norm"}), documents)

    report = registry.dogs.import_index(puppies)

    assert report.added == ("half", "late", "twice")
    failures = {failure.item: failure for failure in report.failures}
    assert sorted(failures) == [" spaced ", "gone", "half", "nobody"]
    assert failures["half"].photo == str(tmp_path / "gone.png")
    assert "names no pet" in failures["nobody"].reason
    assert "spaces at its ends" in failures[" spaced "].reason
    assert [len(registry.dogs.get(pet_id).photos) for pet_id in report.added] == [1, 1, 1]
    assert len(registry.dogs.embeddings("late").matrix) == 1
    assert found_ids(puppies.find_by_embedding(vector)) == ["half", "twice"]


def test_vectors_of_another_encoder_are_not_imported(puppies: ExistingIndex[pf.Dog]) -> None:
    with pf.connect(":memory:", encoder=TableEncoder(dims=DIMS, fingerprint="t2")) as registry:
        with pytest.raises(IndexMismatch, match="filled by"):
            registry.dogs.import_index(puppies)
        assert registry.dogs.count() == 0
