"""A store of one index that petfinder did not make: searched and read where it is, and changed by nobody through it.

Pets' ids come from the server page by page and in order, so that memory stays flat. For a search the server proposes
pets; similarities are computed here, so that they are raw cosines whatever metric and quantisation the index has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NoReturn

from petfinder.domain.errors import IndexMismatch, IndexNotFound, InvalidPet, InvalidQuery
from petfinder.domain.field_names import FieldNames
from petfinder.domain.fields import fold_microchip
from petfinder.domain.filters import Restriction
from petfinder.domain.pets import Pet
from petfinder.domain.text import fold
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import (
    Document,
    Expected,
    Hit,
    IndexSpec,
    IndexStats,
    Nearest,
    Outcome,
    Query,
    Record,
    batches,
    with_cells,
)
from petfinder.stores.elasticsearch.foreign import queries as bodies
from petfinder.stores.elasticsearch.foreign.fields import KnownFields, known_fields, to_documents
from petfinder.stores.elasticsearch.indexes import stored_bytes
from petfinder.stores.elasticsearch.mapping import memory_of
from petfinder.stores.elasticsearch.queries import Clause
from petfinder.stores.elasticsearch.read import at_once, pages
from petfinder.stores.elasticsearch.search import compared, cut, nearest_of, refuse_too_many, together
from petfinder.stores.elasticsearch.session import Session

_EVERYTHING = Restriction()
_QUERIES_AT_ONCE = 50  # whose proposed pets are read together


class ForeignIndexStore:
    """The Store of one index that petfinder did not make, whose documents are photos; threads may share it.

    `names` says in which fields it keeps what petfinder knows; `spec`, of which species its pets are and which encoder
    made its vectors. Raises IndexNotFound, and IndexMismatch where the index is petfinder's own, has no such fields, or
    vectors of other dims. The connection is that of the store that opened it, and closed with that.

    A pet passes a filter by one photo that passes it whole (date and place of the same photo). Ids that are whole
    numbers go in the order of numbers; a scan without vectors does not say which photos have one. Similarities are
    exact, of all photos of a pet and of their portrait. Which pets are looked at is the server's proposal, by its
    nearest photos: where it ranks by another metric than the angle, and vectors are not of unit length, the nearest pet
    may lie outside its first 1,000; an exact search, and every one where the vectors are not indexed, looks at all, up
    to 10,000 photos. How many pets a search looked at is estimated.
    """

    def __init__(self, session: Session, name: str, names: FieldNames, spec: IndexSpec, *, retries: int) -> None:
        with session.asking(name):
            self._fields = _fields_of(session, name, names)
        if self._fields.dims not in (None, spec.dims):
            made = f"encoder {spec.encoder!r} makes {spec.dims}; name the encoder that filled it"
            raise IndexMismatch(f"index {name!r} holds vectors of {self._fields.dims} dims, and {made}")
        self._session, self._name, self._spec, self._retries = session, name, spec, retries
        self.location = session.location

    @property
    def client(self) -> Any:
        return self._session.client

    def _refuse(self, name: str, *arguments: Any, **named: Any) -> NoReturn:
        raise InvalidQuery(f"index {name!r} is not petfinder's: it is only read; import_index takes its pets over")

    create_index = delete_index = rename_index = change_thresholds = _refuse
    begin_rebuild = versions = finish_rebuild = _refuse
    write = replace = delete = put_record = _refuse

    def index_names(self) -> list[str]:
        return [self._name]

    def spec(self, name: str) -> IndexSpec:
        self._check(name)
        return self._spec

    def stats(self, name: str) -> IndexStats:
        self._check(name)
        with self._session.asking(name) as client:
            photos, _ = self._counted(self._clauses(_EVERYTHING))
            embedded, _ = self._counted(self._clauses(_EVERYTHING, embedded=True))
            stored = stored_bytes(client, name)
        return IndexStats(self.count(name, _EVERYTHING), embedded, photos - embedded, stored)

    def refresh(self, name: str) -> None:
        self._check(name)
        with self._session.asking(name) as client:
            client.indices.refresh(index=name)

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: Expected = None
    ) -> list[Document | None]:
        self._check(name, expected)
        with self._session.asking(name):
            there = {pet.id: pet for pet in self._whole(list(dict.fromkeys(ids)), vectors=vectors)}
        return [there.get(id_) for id_ in ids]

    def scan(
        self, name: str, restriction: Restriction, *, after: str = "", vectors: bool = False, expected: Expected = None
    ) -> Iterator[Document]:
        self._check(name, expected)
        return self._session.streamed(name, self._scan(restriction, after=after, vectors=vectors))

    def count(self, name: str, restriction: Restriction) -> int:
        self._check(name)
        with self._session.asking(name):
            return sum(1 for _ in self._pet_ids(restriction))

    def nearest(self, name: str, query: Query, *, expected: Expected = None) -> list[Nearest]:
        self._check(name, expected)
        with self._session.asking(name):
            return with_cells(self._nearest, query if "place" in self._fields.known else replace(query, cells=None))

    def _nearest(self, query: Query) -> list[Nearest]:
        found = self._clauses(query.restriction, embedded=True)
        photos, pets = self._counted(found)
        if query.exact or not self._fields.indexed:
            refuse_too_many(photos, otherwise="import the index")
            return nearest_of(self._scan(query.restriction, vectors=True), query)
        near: list[list[Hit]] = []
        for start in range(0, len(query.vectors), _QUERIES_AT_ONCE):
            near += self._of_proposed(query.vectors[start : start + _QUERIES_AT_ONCE], query.k, found)
        return [Nearest(cut(hits, query), pets, photos) for hits in near]

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        return [None for _ in photos]

    def records(self, name: str, keys: Sequence[str]) -> list[Record | None]:
        return [None for _ in keys]

    def scan_records(self, name: str, *, after: str = "", prefix: str = "") -> Iterator[Record]:
        return iter(())

    def strays(self, name: str) -> Iterator[Outcome]:
        self._check(name)
        return self._session.streamed(name, self._strays())

    def close(self) -> None:
        pass  # the connection is another store's

    def _check(self, name: str, expected: Expected = None) -> None:
        if name != self._name:
            raise IndexNotFound(f"only index {self._name!r} was opened here, not {name!r}")
        self._spec.check_is(expected, name=name)

    def _ask(self, *searches: dict[str, Any]) -> list[Any]:
        return [*together(self.client, self._name, searches, retries=self._retries)]

    def _clauses(self, restriction: Restriction, *, embedded: bool = False) -> list[Clause]:
        """What documents must hold to pass; texts are compared folded, so the server is asked how they are written."""
        stored = {}
        for word, wanted in restriction.terms:
            folded = fold_microchip if word == "microchip" else fold
            there = self._values(self._fields.compared_by(word), self._clauses(_EVERYTHING))
            stored[word] = [value for value in there if folded(value) in wanted]
        return bodies.clauses(restriction, self._fields, stored=stored, embedded=embedded)

    def _values(self, field: str, found: Sequence[Clause]) -> Iterator[str]:
        """The different values of a field among the documents that pass, in their order."""
        after = None
        while True:
            [answer] = self._ask(bodies.values(field, bodies.passing(found), after=after))
            page = answer["aggregations"]["values"]
            yield from (str(bucket["key"]["value"]) for bucket in page["buckets"])
            after = page.get("after_key")
            if after is None:
                return

    def _pet_ids(self, restriction: Restriction, *, after: str = "") -> Iterator[str]:
        """The ids of the pets that pass, in order, those behind `after`."""
        behind = [{"range": {self._fields.pet: {"gt": after}}}] if after else []
        return filter(_usable, self._values(self._fields.pet, [*self._clauses(restriction), *behind]))

    def _scan(self, restriction: Restriction, *, after: str = "", vectors: bool) -> Iterator[Document]:
        for some in batches(self._pet_ids(restriction, after=after), at_once(vectors=vectors)):
            yield from self._whole(some, vectors=vectors)

    def _whole(self, ids: Sequence[str], *, vectors: bool) -> Iterator[Document]:
        """The pets of these ids that there are, with all their photos, whatever filter they passed."""
        for some in batches(ids, bodies.PAGE):
            wanted = {*some}
            body: dict[str, Any] = {"query": bodies.passing([bodies.of_pets(wanted, self._fields)])}
            body |= bodies.whole(self._fields, vectors=vectors)
            by_pet = [self._fields.pet, "_shard_doc"]
            found = pages(self.client, self._name, sort=by_pet, size=at_once(vectors=vectors), **body)
            hits = (hit for page in found for hit in page)
            documents = to_documents(hits, self._fields, species=self._spec.species, dims=self._spec.dims)
            yield from (one for one in documents if one.id in wanted)

    def _counted(self, found: Sequence[Clause]) -> tuple[int, int]:
        """How many photos pass, and about how many pets have one of them: the server estimates different values."""
        [answer] = self._ask(bodies.pets_counted(found, self._fields))
        return int(answer["hits"]["total"]["value"]), int(answer["aggregations"]["pets"]["value"])

    def _of_proposed(self, queries: Matrix, k: int, found: Sequence[Clause]) -> list[list[Hit]]:
        most = bodies.shortlist(k, self._fields)
        proposed = [ids[:most] for ids in self._proposed(queries, k, found)]
        every = sorted({id_ for ids in proposed for id_ in ids})
        whole = {pet.id: pet for pet in self._whole(every, vectors=True) if pet.photo_ids}
        there = [[whole[id_] for id_ in ids if id_ in whole] for ids in proposed]
        return [compared(pets, query, k) for pets, query in zip(there, queries, strict=True)]

    def _proposed(self, queries: Matrix, k: int, found: Sequence[Clause]) -> list[list[str]]:
        """For each query the pets of the nearest photos, nearest first.

        A query that has not k of them is asked again without those that it has, until there are or no photo is left.
        """
        size = bodies.width(k, self._fields)
        pets: list[dict[str, None]] = [{} for _ in queries]
        waiting = [*range(len(queries))]
        while waiting:
            others = {n: [bodies.but(bodies.of_pets(pets[n], self._fields))] if pets[n] else [] for n in waiting}
            searches = [bodies.nearest(queries[n], [*found, *others[n]], self._fields, size=size) for n in waiting]
            answers = dict(zip(waiting, self._ask(*searches), strict=True))
            for number, answer in answers.items():
                hits = answer["hits"]["hits"]
                pets[number] |= dict.fromkeys(str(hit["fields"][self._fields.pet][0]) for hit in hits)
                if len(hits) < size or sum(map(_usable, pets[number])) >= k:
                    waiting.remove(number)
        return [[*filter(_usable, ids)] for ids in pets]

    def _strays(self) -> Iterator[Outcome]:
        field = self._fields.pet
        query = bodies.but({"exists": {"field": field}})
        reason = f"this document names no pet: its field {field!r} is missing, or too long for the index"
        for page in pages(self.client, self._name, sort=["_shard_doc"], source=False, query=query):
            yield from (Outcome(hit["_id"], "failed", InvalidPet(reason)) for hit in page)
        for id_ in self._values(field, self._clauses(_EVERYTHING)):
            if (problem := _why_not(id_)) is not None:
                yield Outcome(id_, "failed", problem)


@lru_cache(maxsize=10_000)
def _usable(pet_id: str) -> bool:
    return _why_not(pet_id) is None


def _why_not(pet_id: str) -> InvalidPet | None:
    """What keeps a pet from having this id; None if nothing does."""
    try:
        Pet(pet_id=pet_id, species="any")
    except InvalidPet as error:
        return error
    return None


def _fields_of(session: Session, name: str, names: FieldNames) -> KnownFields:
    """The fields of an index, or of all indexes behind an alias."""
    unknown = IndexNotFound(f"there is no index {name!r} in {session.location}")
    if not name or name.startswith(("_", "-")):
        raise unknown
    mappings = [one["mappings"] for one in session.client.indices.get_mapping(index=name).body.values()]
    if any(memory_of(one) is not None for one in mappings):
        raise IndexMismatch(f"index {name!r} is petfinder's own; connect opens it")
    fields = [known_fields(name, one, names) for one in mappings]
    if not fields:
        raise unknown
    if any(one != fields[0] for one in fields):
        raise IndexMismatch(f"{name!r} stands for indexes with different fields; open them one by one")
    return fields[0]
