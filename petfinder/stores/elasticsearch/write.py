"""Chunks of documents written to an index on Elasticsearch, with their thumbnails, and what became of each.

A document goes in first and its thumbnails after it, so that no picture of a pet stays behind that is not registered.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ApiError, ConflictError, Elasticsearch, TransportError

from petfinder.domain.errors import EditConflict, IndexNotFound, PetfinderError
from petfinder.stores.documents import Document, IndexSpec, Outcome, WriteMode, in_chunks
from petfinder.stores.elasticsearch import bulk as bulk
from petfinder.stores.elasticsearch import documents as documents
from petfinder.stores.elasticsearch.bulk import Action, BulkEnded, Result
from petfinder.stores.elasticsearch.errors import error_of_item, is_write_block, said_by
from petfinder.stores.elasticsearch.indexes import Opened
from petfinder.stores.elasticsearch.mapping import REBUILDING
from petfinder.stores.elasticsearch.read import found_in, pages
from petfinder.stores.elasticsearch.session import IndexReplaced, Session

_PAGE = 1000


@dataclass
class Written:
    """What became of a chunk, by place: outcomes, what met a write block or an index that is gone, and the error that
    ended the writing, if any did."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    blocked: list[int] = field(default_factory=list)
    broken: Exception | None = None


class ChunkWriter:
    """Writes chunks to one opened index; `run` marks what came from the one in hand, should its answer be lost."""

    def __init__(self, client: Elasticsearch, opened: Opened, *, retries: int, packed: bool) -> None:
        self.client, self.opened, self.retries, self.packed = client, opened, retries, packed
        self.run = ""

    def write(self, chunk: Sequence[Document], *, mode: WriteMode) -> Written:
        """Write a chunk; of documents with one id the first counts (create) or the last (index)."""
        told = Written()
        self.run = uuid.uuid4().hex
        actions: dict[int, Action] = {}
        for number, document in enumerate(chunk):
            try:
                source = documents.to_source(document, dims=self.opened.spec.dims, packed=self.packed, run=self.run)
                actions[number] = Action(mode, self.opened.handle, document.id, source)
            except PetfinderError as error:
                told.outcomes[number] = Outcome(document.id, "failed", error)
        sent = _one_of_each(actions, mode)
        known = self._there([chunk[number].id for number in sent]) if mode == "index" else set()
        results, told.broken = self._send([actions[number] for number in sent])
        said = dict(zip(sent, results, strict=True))
        written = [chunk[number] for number, result in said.items() if result and result.status < 300]
        told.broken = self._write_thumbnails(written, replaced=known) or told.broken
        by_id = {actions[number].id: result for number, result in said.items()}
        for number, action in actions.items():
            result = by_id[action.id]
            if result is not None and _is_block(result):
                told.blocked.append(number)
            elif result is not None:
                told.outcomes[number] = _outcome(action.id, result, known, mode)
                known.add(action.id)
        return told

    def _send(self, actions: Sequence[Action]) -> tuple[Sequence[Result | None], Exception | None]:
        try:
            return bulk.send(self.client, actions, retries=self.retries, ask=self._went_in), None
        except BulkEnded as error:
            return error.results, error.reason

    def _went_in(self, actions: Sequence[Action]) -> list[Result | None]:
        """Which actions went in although their answer was lost: those that carry this writer's mark."""
        marks = self._sources([action.id for action in actions], ["run"]) if actions else {}
        return [Result(201) if marks.get(one.id, {}).get("run") == self.run else None for one in actions]

    def _there(self, ids: Sequence[str]) -> set[str]:
        return set(self._sources(ids, ["id"])) if ids else set()

    def _sources(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        answer = said_by(self.client.mget(index=self.opened.handle, ids=list(ids), source_includes=list(fields)))
        return {one["_id"]: one["_source"] for one in answer["docs"] if one.get("found")}

    def _write_thumbnails(self, written: Sequence[Document], *, replaced: Collection[str]) -> Exception | None:
        """Put in the thumbnails of documents that were written, erase what those that they replaced had."""
        gone = [one.id for one in written if one.id in replaced]
        try:
            if gone:
                stay = {documents.thumbnail_id(one.id, photo) for one in written for photo in one.thumbnails}
                erase_thumbnails(self.client, self.opened, gone, keep=stay, retries=self.retries)
            put_thumbnails(self.client, self.opened, written, retries=self.retries)
        except (ApiError, TransportError, PetfinderError) as error:
            return error
        return None


class StreamWriter:
    """Writes a stream to an index by name, chunk by chunk, and into its successor where it is rebuilt meanwhile."""

    def __init__(self, session: Session, name: str, *, expected: IndexSpec | None, retries: int) -> None:
        self.session, self.name, self.expected, self.retries = session, name, expected, retries
        self.writer = self._writer(session.open(name, expected=expected))

    def _writer(self, opened: Opened) -> ChunkWriter:
        refuse_finished(self.name, opened)
        with self.session.asking(self.name) as client:
            return ChunkWriter(client, opened, retries=self.retries, packed=self.session.packed)

    def write(self, stream: Iterable[Document], *, mode: WriteMode) -> Iterator[Outcome]:
        """Write the stream; its outcomes in order. All is visible to searches when it ends, however it ends."""
        try:
            for chunk in in_chunks(stream):
                outcomes, ended = self._chunk(chunk, mode=mode)
                self.session.unseen(self.writer.opened)
                yield from (outcomes[number] for number in sorted(outcomes))
                if ended is not None:
                    with self.session.asking(self.name):
                        raise ended
        finally:
            self.session.show(self.name, self.writer.opened)

    def _chunk(self, chunk: Sequence[Document], *, mode: WriteMode) -> tuple[dict[int, Outcome], Exception | None]:
        """Outcomes by place, and the error that ends the stream if there is one."""
        outcomes: dict[int, Outcome] = {}
        todo = [*range(len(chunk))]
        try:
            while todo:
                written = self.writer.write([chunk[number] for number in todo], mode=mode)
                outcomes |= {todo[number]: outcome for number, outcome in written.outcomes.items()}
                if written.broken is not None:
                    return outcomes, written.broken
                todo = [todo[number] for number in written.blocked]
                if todo:
                    self.writer = self._writer(self.session.after_rebuild(self.name, expected=self.expected))
        except Exception as error:
            return outcomes, error
        return outcomes, None


def refuse_finished(name: str, opened: Opened) -> None:
    """Raise IndexNotFound for the target of a rebuild that others have finished: it is the live index now."""
    if opened.names and name == opened.concrete:
        raise IndexNotFound(f"the rebuild {name!r} was finished by others; use {opened.names[0]!r}")


def _one_of_each(actions: Mapping[int, Action], mode: WriteMode) -> list[int]:
    numbers = actions if mode == "index" else reversed([*actions])
    return sorted({actions[number].id: number for number in numbers}.values())


def _is_block(result: Result) -> bool:
    return is_write_block(result.error) or (result.error or {}).get("type") == "index_not_found_exception"


def _outcome(id_: str, result: Result, known: Collection[str], mode: WriteMode) -> Outcome:
    if result.status < 300:
        if id_ not in known:
            return Outcome(id_, "added")
        return Outcome(id_, "replaced" if mode == "index" else "exists")
    if result.status == 409 and mode == "create":
        return Outcome(id_, "exists")
    return Outcome(id_, "failed", error_of_item(result.status, result.error or {}, id_))


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
    _all_done(client, actions, retries=retries)


def _all_done(client: Elasticsearch, actions: Sequence[Action], *, retries: int) -> None:
    for start in range(0, len(actions), _PAGE):
        part = actions[start : start + _PAGE]
        try:
            results = bulk.send(client, part, retries=retries, ask=_nothing)
        except BulkEnded as error:
            raise error.reason from None
        for action, result in zip(part, results, strict=True):
            if _is_block(result):
                raise IndexReplaced(f"index {action.index!r} takes no writes; open it again")
            if result.status >= 300 and not (action.operation == "delete" and result.status == 404):
                raise error_of_item(result.status, result.error or {}, action.id, index=action.index)


def _nothing(actions: Sequence[Action]) -> list[Result | None]:
    return [None] * len(actions)  # this may be done twice


def erase_thumbnails(
    client: Elasticsearch, opened: Opened, pets: Sequence[str], *, keep: Collection[str] = (), retries: int
) -> None:
    """Erase the thumbnails of these pets but those whose ids are to stay; a target's are those of its source."""
    if opened.state == REBUILDING:
        return
    client.indices.refresh(index=opened.thumbnails)
    for start in range(0, len(pets), _PAGE):
        of_them = {"terms": {"pet": list(pets[start : start + _PAGE])}}
        for hits in pages(client, opened.thumbnails, sort=["pet", "photo"], source=False, query=of_them):
            gone = [Action("delete", opened.thumbnails, hit["_id"]) for hit in hits if hit["_id"] not in keep]
            _all_done(client, gone, retries=retries)


def replace(client: Elasticsearch, opened: Opened, document: Document, *, packed: bool, retries: int) -> None:
    """Put a changed document in the place of the version it was read as; raises EditConflict if it no longer is."""
    run = uuid.uuid4().hex
    source = documents.to_source(document, dims=opened.spec.dims, packed=packed, run=run)
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
        kept = said_by(client.mget(index=opened.handle, ids=[document.id], source_includes=["run"]))["docs"][0]
        if kept.get("_source", {}).get("run") != run:
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
        answer = said_by(client.mget(index=opened.handle, ids=pets, source_includes=["photos.photo_id", "terms.photo"]))
        shown = {one["_id"]: _photos_of(one["_source"]) for one in found_in(answer, opened)}
        photos = [(hit["_id"], hit["_source"]["pet"], hit["_source"]["photo"]) for hit in hits]
        gone = [id_ for id_, pet, photo in photos if photo not in shown.get(pet, ())]
        _all_done(client, [Action("delete", opened.thumbnails, id_) for id_ in gone], retries=retries)


def _photos_of(source: Mapping[str, Any]) -> set[str]:
    embedded = {photo["photo_id"] for photo in source.get("photos", ()) if "photo_id" in photo}
    return embedded | set(source.get("terms", {}).get("photo", ()))


def erase(client: Elasticsearch, opened: Opened, ids: Sequence[str], *, retries: int) -> frozenset[str]:
    """Erase documents, their thumbnails before them; returns the ids that were there."""
    gone: list[str] = []
    for start in range(0, len(ids), _PAGE):
        answer = said_by(client.mget(index=opened.handle, ids=ids[start : start + _PAGE], source=False))
        there = [one["_id"] for one in found_in(answer, opened)]
        if there:
            erase_thumbnails(client, opened, there, retries=retries)
            _all_done(client, [Action("delete", opened.handle, id_) for id_ in there], retries=retries)
            gone += there
    if gone:
        client.indices.refresh(index=opened.handle)
    return frozenset(gone)
