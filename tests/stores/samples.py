"""Documents, pets and filters for the tests of stores, and the plain NumPy answer that every store must give."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from petfinder.domain.filters import Cells, PetFilter, Restriction, dates_of, places_of, terms_of
from petfinder.domain.pets import Owner, Pet, Photo, Place, Status
from petfinder.domain.vectors import Matrix, portrait, unit
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, Outcome, Query, WriteMode
from petfinder.stores.sqlite.store import EmbeddedStore

DIMS = 8
SPEC = IndexSpec(species="dog", encoder="table-1", dims=DIMS, fingerprint="t1", settings={"vectors": "int8_hnsw"})
EVERYTHING = Restriction()
SWAPPABLE = 1e-5  # neighbours as near as this may change places between stores


def directions(count: int, *, seed: int, dims: int = DIMS) -> Matrix:
    """Random unit vectors (count, dims)."""
    return unit(np.random.default_rng(seed).normal(size=(count, dims)))


def document(id_: str, vectors: Matrix | None = None, **fields: Any) -> Document:
    """A document with these vectors (none: one made of its id) and their portrait."""
    rows = directions(1, seed=sum(map(ord, id_))) if vectors is None else vectors
    given: dict[str, Any] = {
        "body": {"name": id_},
        "photo_ids": tuple(f"photo{number}" for number in range(len(rows))),
        "vectors": rows,
        "portrait": portrait(rows),
    }
    return Document(id=id_, **(given | fields))


def random_documents(count: int, *, seed: int, breeds: int = 5) -> list[Document]:
    """Documents with none to four photos and the term "breed"."""
    numbers = random.Random(seed)
    rows = directions(count * 4, seed=seed)
    return [
        document(
            f"pet{number:05d}",
            rows[number * 4 : number * 4 + numbers.randrange(5)],
            terms={"breed": (f"breed{numbers.randrange(breeds)}",)},
        )
        for number in numbers.sample(range(count), count)
    ]


def write(store: Store, documents: Iterable[Document], *, mode: WriteMode = "create") -> list[Outcome]:
    """Write documents to the index "dogs" and wait for all outcomes."""
    return list(store.write("dogs", documents, mode=mode))


@contextmanager
def opened(path: str | Path | None, **options: Any) -> Iterator[EmbeddedStore]:
    """A file's store, or one in memory, with the index "dogs" in it; closed at the end."""
    with closing(EmbeddedStore(path, **options)) as store:
        if "dogs" not in store.index_names():
            store.create_index("dogs", SPEC)
        yield store


def ids(documents: Iterable[Document]) -> list[str]:
    """The ids of documents."""
    return [one.id for one in documents]


def held(cells: Cells, place: Place) -> bool:
    """Whether a place lies in one of these cells."""
    return cells.south <= place.lat <= cells.north and cells.west <= place.lon <= cells.east


def breed(*values: str) -> Restriction:
    """What has one of these breeds."""
    return Restriction(terms=(("breed", values),))


def found(store: Store, name: str, id_: str) -> Document:
    """A document that must be there, with its vectors."""
    there = store.get(name, [id_], vectors=True)[0]
    assert there is not None
    return there


def expected(documents: Sequence[Document], query: Matrix, *, k: int) -> list[tuple[str, float, str]]:
    """Id, similarity and nearest photo of the k nearest documents, by NumPy in float64."""
    found = []
    for one in documents:
        if not one.photo_ids:
            continue
        cosines = one.vectors.astype(np.float64) @ query.astype(np.float64)
        also = [] if one.portrait is None else [float(one.portrait.astype(np.float64) @ query.astype(np.float64))]
        found.append((one.id, max([float(cosines.max()), *also]), one.photo_ids[int(cosines.argmax())]))
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]


def check_nearest(
    store: Store, documents: Sequence[Document], queries: Matrix, *, k: int, restriction: Restriction = EVERYTHING
) -> None:
    """Compare what the store finds with NumPy's answer on the documents that pass."""
    answers = store.nearest("dogs", Query(queries, k=k, restriction=restriction, exact=True))
    assert len(answers) == len(queries)
    for query, answer in zip(queries, answers, strict=True):
        wanted = expected(documents, query, k=k)
        similarities = [hit.similarity for hit in answer.hits]
        np.testing.assert_allclose(similarities, [similarity for _, similarity, _ in wanted], atol=SWAPPABLE)
        for hit, (id_, similarity, photo_id) in zip(answer.hits, wanted, strict=True):
            alike = [other for other in wanted if abs(other[1] - similarity) < SWAPPABLE]
            assert len(alike) > 1 or (hit.document.id, hit.photo_id) == (id_, photo_id)
        assert answer.searched == sum(bool(one.photo_ids) for one in documents)
        assert answer.photos == sum(len(one.photo_ids) for one in documents)


_BREEDS = ("Poodle", "poodle ", "Straßenhund", "STRASSENHUND", "Jack Russell", "Ｐｏｏｄｌｅ", "Ñandú")
_COLOURS = ("black", "Black", "white", None)
_TAGS = ("shy", "Chipped", "ﬁerce", "one-eyed", "Shy")
_OWNERS = ("Ully", "ULLY", "Zoë", "O'Neil", None)
_CHIPS = ("985 112.345-678", "985112345678", "A1-b2", None, None)
_ZONES = (None, timezone.utc, timezone(timedelta(hours=13)), timezone(timedelta(hours=-11, minutes=-30)))
_SPOTS = ((0.0, 179.99), (0.0, -179.99), (89.99, 10.0), (89.98, -170.0), (-90.0, 0.0), (-89.9, 90.0), (48.1, 11.6))


def _moment(numbers: random.Random) -> datetime:
    seconds = numbers.randrange(3) if numbers.random() < 0.3 else numbers.randrange(10 * 24 * 3600)
    return (datetime(2026, 3, 1) + timedelta(seconds=seconds)).replace(tzinfo=numbers.choice(_ZONES))


def _place(numbers: random.Random) -> Place:
    lat, lon = numbers.choice(_SPOTS)
    lat = max(-90.0, min(90.0, lat + numbers.uniform(-0.3, 0.3)))
    lon += numbers.uniform(-0.3, 0.3)
    return Place(lat=lat, lon=lon - 360 if lon > 180 else lon + 360 if lon < -180 else lon)


def _some(numbers: random.Random, values: Sequence[Any], *, chance: float) -> Any:
    return numbers.choice(values) if numbers.random() < chance else None


class Hound(Pet):
    """A dog with fields of its own."""

    ears: str | None = None
    legs: float | None = None


def random_pet(numbers: random.Random, pet_id: str) -> Pet:
    """A pet with any of the fields that filters ask for."""
    photos = tuple(
        Photo(
            uri=f"{pet_id}/{number}.jpg",
            taken_at=_moment(numbers) if numbers.random() < 0.7 else None,
            place=_place(numbers) if numbers.random() < 0.5 else None,
        )
        for number in range(numbers.randrange(4))
    )
    name = _some(numbers, _OWNERS, chance=0.8)
    return Hound(
        pet_id=pet_id,
        name=_some(numbers, _OWNERS, chance=0.6),
        ears=_some(numbers, ("Lop", "lop ", "up"), chance=0.7),
        legs=_some(numbers, (3, 4, 4.0), chance=0.7),
        status_at=_moment(numbers) if numbers.random() < 0.7 else None,
        registered_at=_moment(numbers) if numbers.random() < 0.9 else None,
        species="dog",
        breed=_some(numbers, _BREEDS, chance=0.9),
        colour=_some(numbers, _COLOURS, chance=0.7),
        sex=_some(numbers, ("male", "Female"), chance=0.7),
        status=numbers.choice(list(Status)),
        owner=Owner(name=name, phone="123") if name else None,
        tags=tuple(numbers.sample(_TAGS, numbers.randrange(3))),
        microchip=_some(numbers, _CHIPS, chance=0.5),
        place=_place(numbers) if numbers.random() < 0.5 else None,
        photos=photos,
    )


def pet_document(pet: Pet, *, number: int) -> Document:
    """The pet as a document with one vector, as the filters' table says."""
    return document(
        pet.pet_id,
        directions(1, seed=number),
        terms=terms_of(pet),
        dates=dates_of(pet),
        places=tuple((place.lat, place.lon) for place in places_of(pet)),
    )


def random_filter(numbers: random.Random, pets: Sequence[Pet]) -> PetFilter:
    """A filter of one to three demands, each of any kind."""
    first = _moment(numbers)
    demands: list[Mapping[str, Any]] = [
        {"breed": numbers.sample(_BREEDS, numbers.randrange(3))},
        {"colour": numbers.choice(("BLACK", "white"))},
        {"sex": numbers.choice(("female", "MALE"))},
        {"status": numbers.sample([status.value for status in Status], numbers.randrange(1, 4))},
        {"owner": numbers.choice(("ully", "ZOË", "o'neil", "nobody"))},
        {"tags": numbers.sample(_TAGS, numbers.randrange(1, 3))},
        {"microchip": numbers.choice(("985.112.345.678", "a1b2", "0"))},
        {"ids": [pet.pet_id for pet in numbers.sample(pets, min(len(pets), numbers.choice((0, 1, 150))))]},
        {"exclude": [pet.pet_id for pet in numbers.sample(pets, min(len(pets), numbers.choice((0, 1, 150))))]},
        {"name": numbers.choice(("ully", "ZOË", "nobody"))},
        {"own": {"ears": numbers.choice((" LOP", ("up", "lop"), ())), "legs": [numbers.choice((3, 4.0, "4"))]}},
        {"registered_after": first, "registered_before": first + timedelta(seconds=numbers.choice((0, 3600, 400_000)))},
        {numbers.choice(("lost_after", "lost_before")): _moment(numbers)},
        {"taken_after": _moment(numbers)},
        {"taken_before": _moment(numbers)},
        {"taken_after": first, "taken_before": first + timedelta(seconds=numbers.choice((0, 3600, 400_000)))},
        _circle(numbers, pets),
        _circle(numbers, pets),
    ]
    chosen: dict[str, Any] = {}
    for demand in numbers.sample(demands, numbers.randrange(1, 4)):
        if not demand.keys() & {"taken_after", "taken_before"} or not chosen.keys() & {"taken_after", "taken_before"}:
            chosen |= demand
    return PetFilter(**chosen)


def _circle(numbers: random.Random, pets: Sequence[Pet]) -> dict[str, Any]:
    near = _place(numbers)
    spots = [place for pet in numbers.sample(pets, 20) for place in places_of(pet)]
    exactly = [near.km_to(place) for place in spots if near.km_to(place) > 0]
    return {"near": near, "within_km": numbers.choice((0.5, 20.0, 40.0, 400.0, 9000.0, 20015.2, *exactly[:6]))}
