"""Chunks of documents written to an index on Elasticsearch, with their thumbnails, and what became of each.

A document goes in first and its thumbnails after it, so that no picture of a pet stays behind that is not registered.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import attrgetter
from typing import Any

from elasticsearch import ApiError, ConflictError, Elasticsearch, TransportError

from petfinder.domain.errors import EditConflict, IndexNotFound, PetfinderError
from petfinder.stores.documents import (
    Document,
    IndexSpec,
    Outcome,
    Record,
    WriteMode,
    batches,
    in_chunks,
    record_as_json,
)
from petfinder.stores.elasticsearch import bulk, documents, indexes
from petfinder.stores.elasticsearch.bulk import Action, Result
from petfinder.stores.elasticsearch.errors import body_of, error_of_item, is_write_block
from petfinder.stores.elasticsearch.indexes import Opened
from petfinder.stores.elasticsearch.mapping import REBUILDING
from petfinder.stores.elasticsearch.read import found_in, pages
from petfinder.stores.elasticsearch.session import IndexReplaced, Session

_PAGE = 1000
_AT_ONCE = 4  # chunks under way; fewer leave a server of two cores idle now and then
_A_LOAD = 5000  # documents in one stream
_Written = tuple[dict[int, Outcome], Exception | None]


class StreamWriter:
    """Writes a stream to an index by name, chunk by chunk, and into its successor where it is rebuilt meanwhile."""

    def __init__(self, session: Session, name: str, *, expected: IndexSpec | None, retries: int) -> None:
        self.session, self.name, self.expected, self.retries = session, name, expected, retries
        self.opened = session.open(name, expected=expected)
        refuse_finished(name, self.opened)

    def write(self, stream: Iterable[Document], *, mode: WriteMode) -> Iterator[Outcome]:
        """Write the stream; its outcomes in order. All is visible to searches when it ends, however it ends."""
        written, lost, loaded = self._written(stream, mode), None, 0
        try:
            for outcomes, error in written:
                self.session.unseen(self.opened)
                lost = lost or error
                loaded += sum(outcome.result in ("added", "replaced") for outcome in outcomes.values())
                yield from (outcomes[number] for number in sorted(outcomes))
            if lost is not None:
                with self.session.asking(self.name):
                    raise lost
        finally:
            written.close()
            self.session.show(self.name, self.opened)
        if loaded >= _A_LOAD:
            indexes.merge_after(self.session.client, self.opened, loaded=loaded)

    def _written(self, stream: Iterable[Document], mode: WriteMode) -> Generator[_Written, None, None]:
        """Chunks in order as they were written, the next put together meanwhile; once one met an error, no more begin.

        The first is written before the next is asked for, and one that has an id in common with others after them.
        """
        chunks = in_chunks(stream, size_of=attrgetter("size"))
        sent: deque[tuple[set[str], Future[_Written]]] = deque()
        most, failed = 0, False
        broken: Exception | None = None

        def told(under_way: int) -> Iterator[_Written]:
            nonlocal failed
            while len(sent) > (0 if failed else under_way):
                outcomes, error = sent.popleft()[1].result()
                failed |= error is not None
                yield outcomes, error

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="petfinder-write") as pool:
            while not failed:
                try:
                    chunk = next(chunks, [])
                except Exception as raised:  # what came before it is told first
                    chunk, broken = [], raised
                ids = {document.id for document in chunk}
                if not chunk or any(ids & others for others, _ in sent):
                    yield from told(0)
                if failed or not chunk:
                    break
                sent.append((ids, pool.submit(self._chunk, chunk, mode)))
                yield from told(most)
                most = _AT_ONCE - 1
        if broken is not None:
            raise broken

    def _chunk(self, chunk: Sequence[Document], mode: WriteMode) -> tuple[dict[int, Outcome], Exception | None]:
        """Write a chunk: its outcomes by place, and the error that ends the stream, if there is one."""
        todo, outcomes = dict(enumerate(chunk)), dict[int, Outcome]()
        try:
            while True:
                self.opened = opened = self.session.upgraded(self.name, self.opened, expected=self.expected)
                error = self._attempt(opened, todo, mode, outcomes)
                todo = {number: document for number, document in todo.items() if number not in outcomes}
                if error is not None or not todo:
                    return outcomes, error
                self.opened = self.session.after_rebuild(self.name, expected=self.expected)
                refuse_finished(self.name, self.opened)
        except Exception as error:
            return outcomes, error

    def _attempt(
        self, opened: Opened, todo: Mapping[int, Document], mode: WriteMode, outcomes: dict[int, Outcome]
    ) -> Exception | None:
        """Write documents; of those with one id the first counts (create) or the last (index).

        What has no outcome afterwards met a write block, or the error that is returned.
        """
        client, run = self.session.client, uuid.uuid4().hex
        actions: dict[int, Action] = {}
        for number, document in todo.items():
            try:
                source = documents.to_json(document, dims=opened.spec.dims, packed=self.session.packed, run=run)
                actions[number] = Action(mode, opened.handle, document.id, source)
            except PetfinderError as refused:
                outcomes[number] = Outcome(document.id, "failed", refused)

        def went_in(ids: Sequence[str]) -> set[str]:
            """Documents that carry the mark of this attempt."""
            there = sources_of(client, opened.handle, ids, ["run"])
            return {id_ for id_, source in there.items() if source.get("run") == run}

        order = list(actions) if mode == "index" else list(reversed(actions))
        sent = sorted({actions[number].id: number for number in order}.values())
        ids = [actions[number].id for number in sent]
        known = set(sources_of(client, opened.handle, ids, ["id"])) if mode == "index" else set()
        results, error = bulk.send(client, [actions[number] for number in sent], retries=self.retries, went_in=went_in)
        written = [todo[number] for number, result in zip(sent, results, strict=True) if result and result.status < 300]
        error = self._write_thumbnails(opened, written, replaced=known) or error
        by_id = dict(zip(ids, results, strict=True))
        for number, action in actions.items():
            result = by_id[action.id]
            if result is not None and not _is_block(result):
                outcomes[number] = _outcome(action.id, result, known, mode)
                known.add(action.id)
        return error

    def _write_thumbnails(
        self, opened: Opened, written: Sequence[Document], *, replaced: Collection[str]
    ) -> Exception | None:
        """Put in the thumbnails of documents that were written, erase what those that they replaced had."""
        gone = [one.id for one in written if one.id in replaced]
        stay = {documents.thumbnail_id(one.id, photo) for one in written for photo in one.thumbnails}
        try:
            if gone:
                erase_thumbnails(self.session.client, opened, gone, keep=stay, retries=self.retries)
            put_thumbnails(self.session.client, opened, written, retries=self.retries)
        except (ApiError, TransportError, PetfinderError) as error:
            return error
        return None


def refuse_finished(name: str, opened: Opened) -> None:
    """Raise IndexNotFound for the target of a rebuild that others have finished: it is the live index now."""
    if opened.names and name == opened.concrete:
        raise IndexNotFound(f"the rebuild {name!r} was finished by others; use {opened.names[0]!r}")


def sources_of(
    client: Elasticsearch, index: str, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Return these fields of the documents of these ids that there are."""
    if not ids:
        return {}
    answer = body_of(client.mget(index=index, ids=list(ids), source_includes=list(fields)))
    return {one["_id"]: one["_source"] for one in answer["docs"] if one.get("found")}


def _is_block(result: Result) -> bool:
    return is_write_block(result.error) or result.error.get("type") == "index_not_found_exception"


def _outcome(id_: str, result: Result, known: Collection[str], mode: WriteMode) -> Outcome:
    if result.status < 300:
        return Outcome(id_, "added" if id_ not in known else "replaced" if mode == "index" else "exists")
    if result.status == 409 and mode == "create":
        return Outcome(id_, "exists")
    return Outcome(id_, "failed", error_of_item(result.status, result.error, id_))


def put_thumbnails(client: Elasticsearch, opened: Opened, written: Iterable[Document], *, retries: int) -> None:
    """Write the thumbnails that documents bring; raises StoreUnavailable where one is refused."""
    actions = [
        Action(
            "index",
            opened.thumbnails,
            documents.thumbnail_id(one.id, photo),
            {"pet": one.id, "photo": photo, "jpeg": base64.b64encode(data).decode("ascii")},
        )
        for one in written
        for photo, data in one.thumbnails.items()
    ]
    _do_all(client, actions, retries=retries)


def _do_all(
    client: Elasticsearch, actions: Sequence[Action], *, retries: int, went_in: bulk.WentIn = lambda ids: ()
) -> None:
    """Do what may be done twice, or what `went_in` tells of; raises the first error."""
    for part in batches(actions, _PAGE):
        results, error = bulk.send(client, part, retries=retries, went_in=went_in)
        if error is not None:
            raise error
        for action, result in zip(part, results, strict=True):
            if result is None or result.status < 300 or (action.operation == "delete" and result.status == 404):
                continue
            if _is_block(result):
                raise IndexReplaced(f"index {action.index!r} takes no writes; open it again")
            raise error_of_item(result.status, result.error, action.id, index=action.index)


def erase_thumbnails(
    client: Elasticsearch, opened: Opened, pets: Sequence[str], *, keep: Collection[str] = (), retries: int
) -> None:
    """Erase the thumbnails of these pets but those whose ids are to stay; a target's are those of its source."""
    if opened.state == REBUILDING:
        return
    client.indices.refresh(index=opened.thumbnails)
    for some in batches(pets, _PAGE):
        of_them = {"terms": {"pet": some}}
        for hits in pages(client, opened.thumbnails, sort=["pet", "photo"], source=False, query=of_them):
            gone = [Action("delete", opened.thumbnails, hit["_id"]) for hit in hits if hit["_id"] not in keep]
            _do_all(client, gone, retries=retries)


def erase_records(client: Elasticsearch, opened: Opened, pets: Sequence[str], *, retries: int) -> None:
    """Erase the records that are about one of these pets."""
    if not indexes.have_records(client, opened):
        return
    client.indices.refresh(index=opened.records)
    for some in batches(pets, _PAGE):
        about = {"terms": {"pets": some}}
        for hits in pages(client, opened.records, sort=["key"], source=False, query=about):
            _do_all(client, [Action("delete", opened.records, hit["_id"]) for hit in hits], retries=retries)
    client.indices.refresh(index=opened.records)


def put_record(client: Elasticsearch, opened: Opened, record: Record, *, retries: int) -> bool:
    """Put a record unless there is one of its key; whether it was put, also where an answer was lost."""
    run, body = uuid.uuid4().hex, json.loads(record_as_json(record))
    source = {"key": record.key, "body": body, "pets": list(record.pets), "run": run}
    indexes.have_records(client, opened, make=True)

    def went_in(keys: Sequence[str]) -> Collection[str]:
        there = sources_of(client, opened.records, keys, ["run"])
        return {key for key, one in there.items() if one["run"] == run}

    try:
        _do_all(client, [Action("create", opened.records, record.key, source)], retries=retries, went_in=went_in)
    except EditConflict:
        return False
    finally:
        client.indices.refresh(index=opened.records)
    return True


def replace(client: Elasticsearch, opened: Opened, document: Document, *, packed: bool, retries: int) -> None:
    """Put a changed document in the place of the version it was read as; raises EditConflict if it no longer is."""
    run = uuid.uuid4().hex
    source: Any = documents.to_json(document, dims=opened.spec.dims, packed=packed, run=run)  # the client takes text
    read_as = documents.sequence(document.version, made=opened.made)
    conflict = EditConflict(f"{document.id!r} was changed or removed meanwhile; read it again")
    if read_as is None:
        raise conflict
    try:
        client.options(max_retries=0).index(
            index=opened.handle,
            id=document.id,
            document=source,
            if_seq_no=read_as[0],
            if_primary_term=read_as[1],
            require_alias=True,
            refresh=True,
        )
    except ConflictError as error:
        client.indices.refresh(index=opened.handle)
        raise conflict from error
    except TransportError:
        if sources_of(client, opened.handle, [document.id], ["run"]).get(document.id, {}).get("run") != run:
            raise
        client.indices.refresh(index=opened.handle)
    photos = frozenset(document.photo_ids) | frozenset(document.terms.get("photo", ()))
    stay = {documents.thumbnail_id(document.id, photo) for photo in photos}
    erase_thumbnails(client, opened, [document.id], keep=stay, retries=retries)
    put_thumbnails(client, opened, [document], retries=retries)


def erase_unshown(client: Elasticsearch, opened: Opened, *, retries: int) -> None:
    """Erase thumbnails of photos that no document has."""
    client.indices.refresh(index=[opened.handle, opened.thumbnails])
    for hits in pages(client, opened.thumbnails, sort=["pet", "photo"], source={"includes": ["pet", "photo"]}):
        pets = sorted({hit["_source"]["pet"] for hit in hits})
        answer = body_of(client.mget(index=opened.handle, ids=pets, source_includes=["photos.photo_id", "terms.photo"]))
        shown = {one["_id"]: one["_source"] for one in found_in(answer, opened)}
        gone = [
            Action("delete", opened.thumbnails, hit["_id"])
            for hit in hits
            if hit["_source"]["photo"] not in _photos_of(shown.get(hit["_source"]["pet"], {}))
        ]
        _do_all(client, gone, retries=retries)


def _photos_of(source: Mapping[str, Any]) -> set[str]:
    embedded = {photo["photo_id"] for photo in source.get("photos", ()) if "photo_id" in photo}
    return embedded | set(source.get("terms", {}).get("photo", ()))


def erase(client: Elasticsearch, opened: Opened, ids: Sequence[str], *, retries: int) -> frozenset[str]:
    """Erase documents, their thumbnails before them; returns the ids that were there."""
    gone: list[str] = []
    for some in batches(ids, _PAGE):
        answer = body_of(client.mget(index=opened.handle, ids=some, source=False))
        there = [one["_id"] for one in found_in(answer, opened)]
        if there:
            erase_thumbnails(client, opened, there, retries=retries)
            _do_all(client, [Action("delete", opened.handle, id_) for id_ in there], retries=retries)
            gone += there
    if gone:
        client.indices.refresh(index=opened.handle)
    return frozenset(gone)
