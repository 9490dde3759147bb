"""The store on Elasticsearch: one document a pet, nested photos with their vectors, nearest by kNN.

What was written through this store is visible to it at once, and to others when the stream of writes ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from petfinder.domain.field_names import FieldNames
from petfinder.domain.filters import Restriction
from petfinder.stores.documents import (
    Document,
    Expected,
    IndexSpec,
    IndexStats,
    Nearest,
    Outcome,
    Query,
    Record,
    WriteMode,
    with_cells,
)
from petfinder.stores.elasticsearch import indexes, read, rebuild, search, write
from petfinder.stores.elasticsearch.client import location_of
from petfinder.stores.elasticsearch.foreign.store import ForeignIndexStore
from petfinder.stores.elasticsearch.indexes import Opened
from petfinder.stores.elasticsearch.mapping import with_vector_type
from petfinder.stores.elasticsearch.queries import counted, photos_counted
from petfinder.stores.elasticsearch.search import photos_in, together, total
from petfinder.stores.elasticsearch.session import Session


class ElasticsearchStore:
    """The Store on a cluster, through a client of elasticsearch-py; threads may share it.

    `retries`: how often a write is sent again, with growing pauses, to a server that is busy or does not answer; for
    reads the client's own retries count. `owns_client`: whether close() closes the client too.

    Stats leave aside copies on other nodes; a scan gives documents as they were when it began; an exact search looks at
    up to 10,000 photos after the restriction, InvalidQuery for more. Settings that no index has are an InvalidQuery.
    """

    def __init__(
        self, client: Elasticsearch, *, retries: int = 5, location: str | None = None, owns_client: bool = True
    ) -> None:
        self.location = location or location_of(client)
        self._session = Session(client, location=self.location, owns_client=owns_client)
        self._retries = retries

    @property
    def client(self) -> Elasticsearch:
        return self._session.client

    def create_index(self, name: str, spec: IndexSpec) -> None:
        with self._session.asking(name) as client:
            indexes.refuse_taken(client, name)
            indexes.create(client, name, with_vector_type(spec))
        self._session.forget(name)

    def delete_index(self, name: str) -> None:
        with self._session.asking(name) as client:
            opened = indexes.find(client, name)
            for target in rebuild.rebuilds_of(client, opened):
                indexes.delete(client, target)
            indexes.delete(client, opened)
        self._session.forget(name)

    def rename_index(self, name: str, new_name: str) -> None:
        with self._session.asking(name) as client:
            opened = indexes.find(client, name)
            indexes.refuse_taken(client, new_name)
            indexes.rename(client, name, new_name, opened)
        self._session.forget(name, new_name)

    def index_names(self) -> list[str]:
        with self._session.asking() as client:
            return [*indexes.all_opened(client)]

    def spec(self, name: str) -> IndexSpec:
        return self._session.open(name, afresh=True).spec

    def change_thresholds(self, name: str, thresholds: Mapping[str, Any] | None) -> None:
        opened = self._session.open(name, afresh=True)
        kept = None if thresholds is None else dict(thresholds)
        with self._session.asking(name) as client:
            indexes.remember(client, replace(opened, spec=replace(opened.spec, thresholds=kept)))
        self._session.forget(name)

    def stats(self, name: str) -> IndexStats:
        def measure(opened: Opened) -> IndexStats:
            answer = self._ask(photos_counted(Restriction()), opened)
            pending = int(answer["aggregations"]["pending"]["value"])
            size_bytes = indexes.stored_bytes(self.client, opened.handle, opened.thumbnails)
            return IndexStats(total(answer), photos_in(answer), pending, size_bytes)

        return self._session.on(name, measure)

    def refresh(self, name: str) -> None:
        self._session.count_anew()
        self._session.on(name, lambda opened: self.client.indices.refresh(index=[opened.handle, opened.thumbnails]))

    def begin_rebuild(self, name: str, spec: IndexSpec) -> str:
        with self._session.asking(name) as client:
            return rebuild.begin(client, name, with_vector_type(spec))

    def versions(self, name: str) -> Iterator[tuple[str, int, int]]:
        self.refresh(name)
        return self._session.stream(name, lambda opened: read.versions(self.client, opened))

    def finish_rebuild(self, name: str, target: str, catch_up: Callable[[], None]) -> str:
        with self._session.asking(name) as client:
            kept = rebuild.finish(client, name, target, catch_up)
            self._session.forget(name, target)
            write.erase_unshown(client, indexes.find(client, name), retries=self._retries)
        return kept

    def write(
        self, name: str, documents: Iterable[Document], *, mode: WriteMode, expected: Expected = None
    ) -> Iterator[Outcome]:
        writer = write.StreamWriter(self._session, name, expected=expected, retries=self._retries)
        return writer.write(documents, mode=mode)

    def replace(self, name: str, document: Document, *, expected: Expected = None) -> None:
        def put(opened: Opened) -> None:
            opened = self._session.upgraded(name, opened, expected=expected)
            write.replace(self.client, opened, document, packed=self._session.packed, retries=self._retries)
            self._session.count_anew()

        self._session.on(name, put, expected=expected, searching=False)

    def delete(self, name: str, ids: Collection[str]) -> frozenset[str]:
        def erase(opened: Opened) -> frozenset[str]:
            write.refuse_finished(name, opened)
            opened = self._session.upgraded(name, opened)
            wanted = list(dict.fromkeys(ids))
            if opened.names:  # what is done to the target of a rebuild leaves the index alone
                write.erase_records(self.client, opened, wanted, retries=self._retries)
            for other in rebuild.family(self.client, opened) if opened.names else ():
                rebuild.unblock_kept(self.client, other)
                write.erase(self.client, other, wanted, retries=self._retries)
            erased = write.erase(self.client, opened, wanted, retries=self._retries)
            self._session.count_anew()
            return erased

        return self._session.on(name, erase, searching=False)

    def get(
        self, name: str, ids: Sequence[str], *, vectors: bool = False, expected: Expected = None
    ) -> list[Document | None]:
        by_id = partial(read.by_id, self.client, ids=ids, vectors=vectors)
        there = self._session.on(name, by_id, expected=expected, searching=vectors)
        return [there.get(id_) for id_ in ids]

    def scan(
        self, name: str, restriction: Restriction, *, after: str = "", vectors: bool = False, expected: Expected = None
    ) -> Iterator[Document]:
        scan = partial(read.scan, self.client, restriction=restriction, after=after, vectors=vectors)
        return self._session.stream(name, scan, expected=expected)

    def count(self, name: str, restriction: Restriction) -> int:
        return total(self._session.on(name, partial(self._ask, counted(restriction))))

    def nearest(self, name: str, query: Query, *, expected: Expected = None) -> list[Nearest]:
        def find(opened: Opened) -> list[Nearest]:
            if query.exact:
                exactly = partial(search.exactly, self.client, opened, retries=self._retries)
                return with_cells(exactly, query)
            return search.nearest(self._session, self._session.sized(name, opened), query, retries=self._retries)

        return self._session.on(name, find, expected=expected)

    def thumbnails(self, name: str, photos: Sequence[tuple[str, str]]) -> list[bytes | None]:
        return self._session.on(name, lambda opened: read.thumbnails(self.client, opened, photos), searching=False)

    def put_record(self, name: str, record: Record) -> bool:
        put = partial(write.put_record, self.client, record=record, retries=self._retries)
        return self._session.on(name, lambda opened: put(self._session.upgraded(name, opened)), searching=False)

    def records(self, name: str, keys: Sequence[str]) -> list[Record | None]:
        there = self._session.on(name, partial(read.records, self.client, keys=keys), searching=False)
        return [there.get(key) for key in keys]

    def scan_records(self, name: str, *, after: str = "", prefix: str = "") -> Iterator[Record]:
        return self._session.stream(name, partial(read.scan_records, self.client, after=after, prefix=prefix))

    def foreign(self, name: str, fields: FieldNames, spec: IndexSpec) -> ForeignIndexStore:
        return ForeignIndexStore(self._session, name, fields, spec, retries=self._retries)

    def close(self) -> None:
        self._session.close()

    def _ask(self, body: Mapping[str, Any], opened: Opened) -> Mapping[str, Any]:
        return together(self.client, opened.handle, [body], retries=self._retries)[0]
