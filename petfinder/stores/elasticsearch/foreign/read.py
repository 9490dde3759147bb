"""Pets read from an index that petfinder did not make: the ids that pass, whole pets of them, what belongs to none.

Ids come from the server page by page and in order, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from petfinder.domain.errors import InvalidPet
from petfinder.domain.fields import fold_microchip
from petfinder.domain.filters import Restriction
from petfinder.domain.pets import Pet
from petfinder.domain.text import fold
from petfinder.stores.documents import Document, IndexSpec, Outcome
from petfinder.stores.elasticsearch.foreign import queries as queries
from petfinder.stores.elasticsearch.foreign.documents import to_documents
from petfinder.stores.elasticsearch.foreign.fields import KnownFields
from petfinder.stores.elasticsearch.foreign.queries import Clause
from petfinder.stores.elasticsearch.read import at_once, pages
from petfinder.stores.elasticsearch.search import together
from petfinder.stores.elasticsearch.session import Session

_NAMED_AT_ONCE = 1000
_EVERYTHING = Restriction()


@dataclass(frozen=True)
class Existing:
    """An index that petfinder did not make, as it was found: how it is reached, its fields, whose its vectors are."""

    session: Session
    name: str
    fields: KnownFields
    spec: IndexSpec
    retries: int

    @property
    def client(self) -> Elasticsearch:
        """The client; raises StoreUnavailable once its store is closed."""
        return self.session.client

    def asked(self, *bodies: dict[str, Any]) -> list[Any]:
        """The answers to searches, sent together."""
        return [*together(self.client, self.name, bodies, retries=self.retries)]


def clauses(existing: Existing, restriction: Restriction, *, embedded: bool = False) -> list[Clause]:
    """What documents must hold to pass; texts are compared folded, so the server is asked how they are written."""
    stored = {word: _as_stored(existing, word, wanted) for word, wanted in restriction.terms}
    return queries.clauses(restriction, existing.fields, stored=stored, embedded=embedded)


def _as_stored(existing: Existing, word: str, wanted: Sequence[str]) -> list[str]:
    folded = fold_microchip if word == "microchip" else fold
    there = _values(existing, existing.fields.compared_by(word), clauses(existing, _EVERYTHING))
    return [value for value in there if folded(value) in wanted]


def _values(existing: Existing, field: str, found: Sequence[Clause]) -> Iterator[str]:
    """The different values of a field among the documents that pass, in their order."""
    after = None
    while True:
        [answer] = existing.asked(queries.values(field, queries.passing(found), after=after))
        page = answer["aggregations"]["values"]
        yield from (str(bucket["key"]["value"]) for bucket in page["buckets"])
        after = page.get("after_key")
        if after is None:
            return


def pet_ids(existing: Existing, restriction: Restriction, *, after: str | None = None) -> Iterator[str]:
    """The ids of the pets that pass, in order, those behind `after`."""
    found = clauses(existing, restriction)
    found += [] if after is None else [queries.behind(after, existing.fields)]
    return filter(usable, _values(existing, existing.fields.pet, found))


def scan(existing: Existing, restriction: Restriction, *, after: str | None, vectors: bool) -> Iterator[Document]:
    """The pets that pass, in the order of their ids, those behind `after`."""
    ids = pet_ids(existing, restriction, after=after)
    while some := [*islice(ids, at_once(vectors=vectors))]:
        yield from whole(existing, some, vectors=vectors)


def whole(existing: Existing, ids: Sequence[str], *, vectors: bool) -> Iterator[Document]:
    """The pets of these ids that there are, with all their photos, whatever filter they passed."""
    fields, spec = existing.fields, existing.spec
    for start in range(0, len(ids), _NAMED_AT_ONCE):
        wanted = {*ids[start : start + _NAMED_AT_ONCE]}
        found = pages(
            existing.client,
            existing.name,
            sort=[fields.pet, "_shard_doc"],
            size=at_once(vectors=vectors),
            query=queries.passing([queries.of_pets(wanted, fields)]),
            **queries.read(fields, vectors=vectors),
        )
        hits = (hit for page in found for hit in page)
        documents = to_documents(hits, fields, species=spec.species, dims=spec.dims)
        yield from (one for one in documents if one.id in wanted)


def counted(existing: Existing, found: Sequence[Clause]) -> tuple[int, int]:
    """How many photos pass, and about how many pets have one of them: the server estimates different values."""
    [answer] = existing.asked(queries.pets_counted(found, existing.fields))
    return int(answer["hits"]["total"]["value"]), int(answer["aggregations"]["pets"]["value"])


def strays(existing: Existing) -> Iterator[Outcome]:
    """Documents that name no pet, then ids that no pet can have, each as failed, with the reason."""
    field = existing.fields.pet
    query = queries.without_pet(existing.fields)
    lost = pages(existing.client, existing.name, sort=["_shard_doc"], source=False, query=query)
    for hit in (hit for page in lost for hit in page):
        error = InvalidPet(f"this document names no pet: its field {field!r} is missing, or too long for the index")
        yield Outcome(hit["_id"], "failed", error)
    for id_ in _values(existing, field, clauses(existing, _EVERYTHING)):
        problem = _why_not(id_)
        if problem is not None:
            yield Outcome(id_, "failed", problem)


@lru_cache(maxsize=10_000)
def usable(pet_id: str) -> bool:
    """Whether a pet can have this id."""
    return _why_not(pet_id) is None


def _why_not(pet_id: str) -> InvalidPet | None:
    try:
        Pet(pet_id=pet_id, species="any")
    except InvalidPet as error:
        return error
    return None
