"""A store of one index that petfinder did not make: searched and read where it is, and changed by nobody through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from petfinder.domain.errors import IndexMismatch, IndexNotFound, InvalidQuery
from petfinder.domain.filters import Restriction
from petfinder.domain.vectors import Matrix
from petfinder.stores.documents import Document, IndexSpec, IndexStats, Nearest, Outcome
from petfinder.stores.elasticsearch.foreign import read as reading
from petfinder.stores.elasticsearch.foreign import search as search
from petfinder.stores.elasticsearch.foreign.fields import KnownFields, known_fields
from petfinder.stores.elasticsearch.foreign.read import Existing
from petfinder.stores.elasticsearch.indexes import stored_bytes
from petfinder.stores.elasticsearch.mapping import memory_of
from petfinder.stores.elasticsearch.session import Session
from petfinder.stores.field_names import FieldNames

_EVERYTHING = Restriction()


class ExistingIndexStore:
    """The Store of one index that petfinder did not make, whose documents are photos; threads may share it.

    `names` says in which fields it keeps what petfinder knows; `spec`, of which species its pets are and which encoder
    made its vectors. Raises IndexNotFound, and IndexMismatch where the index is petfinder's own, has no such fields, or
    vectors of other dims. The connection is that of the store that opened it, and closed with that.

    A pet passes a filter by one photo that passes it whole (date and place of the same photo). Similarities are exact,
    of all photos of a pet and of their portrait. Which pets are looked at is the server's proposal, by its nearest
    photos: where it ranks by another metric than the angle, and vectors are not of unit length, the nearest pet may lie
    outside its first 1,000; an exact search looks at all.
    """

    def __init__(self, session: Session, name: str, names: FieldNames, spec: IndexSpec, *, retries: int) -> None:
        with session.asking(name):
            fields = _fields_of(session, name, names)
        if fields.dims not in (None, spec.dims):
            raise IndexMismatch(
                f"index {name!r} holds vectors of {fields.dims} dims, and encoder {spec.encoder!r} makes {spec.dims}; "
                "name the encoder that filled it"
            )
        self._existing = Existing(session, name, fields, spec, retries)

    @property
    def location(self) -> str:
        """The server's URL, without credentials."""
        return self._existing.session.location

    @property
    def client(self) -> Any:
        """The client underneath."""
        return self._existing.client

    def _refused(self, name: str, *given: Any, **named: Any) -> NoReturn:
        """Whatever would change the index raises InvalidQuery."""
        raise InvalidQuery(
            f"index {name!r} is not petfinder's: it is searched and read, but not changed; import_index takes its pets "
            "into a registry"
        )

    create_index = delete_index = rename_index = change_thresholds = _refused
    begin_rebuild = versions = finish_rebuild = _refused
    write = replace = delete = _refused

    def index_names(self) -> list[str]:
        """The name of the one index."""
        return [self._existing.name]

    def spec(self, name: str) -> IndexSpec:
        """What was said of the index when it was opened."""
        return self._of(name).spec

    def stats(self, name: str) -> IndexStats:
        """Counts, and the bytes on disk, copies on other nodes left aside."""
        existing = self._of(name)
        with existing.session.asking(name) as client:
            photos, _ = reading.counted(existing, reading.clauses(existing, _EVERYTHING))
            embedded, _ = reading.counted(existing, reading.clauses(existing, _EVERYTHING, embedded=True))
            stored = stored_bytes(client, name)
        return IndexStats(self.count(name, _EVERYTHING), embedded, photos - embedded, stored)

    def refresh(self, name: str) -> None:
        """Make what others wrote visible to searches."""
        with self._of(name).session.asking(name) as client:
            client.indices.refresh(index=name)

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: IndexSpec | None = None
    ) -> list[Document | None]:
        """Pets by id, in this order, None where there is none; with owner, and with vectors if asked for."""
        existing = self._of(name, expected)
        with existing.session.asking(name):
            there = {pet.id: pet for pet in reading.whole(existing, list(dict.fromkeys(ids)), vectors=vectors)}
        return [there.get(id_) for id_ in ids]

    def scan(
        self,
        name: str,
        restriction: Restriction,
        *,
        after: str | None = None,
        vectors: bool = False,
        expected: IndexSpec | None = None,
    ) -> Iterator[Document]:
        """All pets that pass, in the order of their ids (of numbers where they are numbers), those behind `after`.

        Streamed. Without vectors it is not said either which photos have one.
        """
        existing = self._of(name, expected)
        found = reading.scan(existing, restriction, after=after, vectors=vectors)
        return existing.session.streamed(name, found)

    def count(self, name: str, restriction: Restriction) -> int:
        """How many pets pass; all their ids are read for it."""
        existing = self._of(name)
        with existing.session.asking(name):
            return sum(1 for _ in reading.pet_ids(existing, restriction))

    def nearest(
        self,
        name: str,
        queries: Matrix,
        *,
        k: int,
        restriction: Restriction,
        min_similarity: float | None = None,
        exact: bool = False,
        expected: IndexSpec | None = None,
    ) -> list[Nearest]:
        """For each query (m, dims), unit length: the k nearest pets that pass; how many those are is estimated.

        `exact`, and every search where the vectors are not indexed, looks at up to 10,000 photos after the restriction;
        InvalidQuery for more.
        """
        existing = self._of(name, expected)
        with existing.session.asking(name):
            return search.nearest(
                existing, queries, k=k, restriction=restriction, min_similarity=min_similarity, exact=exact
            )

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """None for each photo: no thumbnails are kept there."""
        return [None for _ in photos]

    def strays(self, name: str) -> Iterator[Outcome]:
        """Documents that name no pet, and ids that no pet can have, each as failed, with the reason."""
        existing = self._of(name)
        return existing.session.streamed(name, reading.strays(existing))

    def close(self) -> None:
        """Nothing is let go of: the connection is another store's."""

    def _of(self, name: str, expected: IndexSpec | None = None) -> Existing:
        if name != self._existing.name:
            raise IndexNotFound(f"only index {self._existing.name!r} was opened here, not {name!r}")
        self._existing.spec.check_is(expected, name=name)
        return self._existing


def _fields_of(session: Session, name: str, names: FieldNames) -> KnownFields:
    """The fields of an index, or of all indexes behind an alias."""
    unheard = IndexNotFound(f"there is no index {name!r} in {session.location}")
    if not name or name.startswith(("_", "-")):
        raise unheard
    mappings = [one["mappings"] for one in session.client.indices.get_mapping(index=name).body.values()]
    if any(memory_of(one) is not None for one in mappings):
        raise IndexMismatch(f"index {name!r} is petfinder's own; connect opens it")
    fields = [known_fields(name, one, names) for one in mappings]
    if not fields:
        raise unheard
    if any(one != fields[0] for one in fields):
        raise IndexMismatch(f"{name!r} stands for indexes with different fields; open them one by one")
    return fields[0]
