"""An index made anew beside the one in use, by another encoder or with other settings, and put in its place.

A rebuild goes over the index until nearly nothing has changed since the last time, and once more while nobody writes.
What it has made so far tells by itself, document by document, what it was made from: so it may be broken off at any
time and taken up again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from petfinder.domain.pets import Photo
from petfinder.domain.reports import Failure, Report
from petfinder.domain.vectors import Vector
from petfinder.encoders.base import Encoder
from petfinder.photos.read import PhotoLimits
from petfinder.registry.documents import photos_of, waiting, with_vectors
from petfinder.registry.embed import Reading, ReadPhoto, embedded, in_parallel, read_again
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, side_by_side

_AT_ONCE = 256  # documents read from the store in one request
_FEW = 32  # pets that may have changed since, for the last time over to be short
_MOST_TIMES = 10  # after which others have to wait, however much they write
_GONE_AT_ONCE = 1000


@dataclass(frozen=True, repr=False)
class RebuildReport(Report):
    """What a rebuild did: the pets in the new index, and the photos that this run encoded for it.

    `originals` and `thumbnails` count what these were read from; `failures` are photos that had neither. `kept` is the
    name of the old index, None where it was deleted.
    """

    pets: int
    originals: int
    thumbnails: int
    failures: tuple[Failure, ...] = ()
    kept: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many of what, by the words that name it."""
        return {
            "pets in the new index": self.pets,
            "photos encoded from their originals": self.originals,
            "photos encoded from their thumbnails": self.thumbnails,
            "photos without embedding": len(self.failures),
        }


@dataclass(eq=False)
class _Job:
    """A pet to be made anew: its photos without a new embedding, and whether each was read from its original."""

    document: Document
    vectors: dict[str, Vector]
    photos: list[Photo]
    originals: list[bool] = field(default_factory=list)


class Rebuilding:
    """One run of a rebuild of the index `name` to what `after` says.

    `encoder`: what encodes the photos anew, None where the vectors are taken over as they are.
    """

    def __init__(
        self, store: Store, name: str, after: IndexSpec, encoder: Encoder | None, *, limits: PhotoLimits
    ) -> None:
        self.store, self.name, self.after, self.encoder, self.limits = store, name, after, encoder, limits
        self.before = store.spec(name)
        self.target = ""
        self.again: set[str] = set()
        self.trying_again: set[str] = set()
        self.tried_again: set[str] = set()
        self.pets = self.changed = self.originals = self.thumbnails = 0
        self.failures: dict[tuple[str, str], Failure] = {}

    def run(self, *, made: Callable[[], object]) -> RebuildReport:
        """Do it, calling `made` for each pet that is done; the old index is kept."""
        self.target = self.store.begin_rebuild(self.name, self.after)
        if self.encoder is not None:
            self.again = {document.id for document in self.store.scan(self.target, waiting())}
        for _ in range(_MOST_TIMES):
            self._catch_up(made)
            if self.changed <= _FEW:
                break
        kept = self.store.finish_rebuild(self.name, self.target, partial(self._catch_up_to_the_end, made))
        return RebuildReport(self.pets, self.originals, self.thumbnails, tuple(self.failures.values()), kept)

    def _catch_up_to_the_end(self, made: Callable[[], object]) -> None:
        self._catch_up(made)
        if self.again:
            self._catch_up(made)

    def _catch_up(self, made: Callable[[], object]) -> None:
        """Make anew what has changed since it was made, and count it.

        Pets with a photo that could not be read are tried once more: others may be writing its thumbnail just now.
        """
        self.trying_again, self.again = self.again, set()
        self.tried_again |= self.trying_again
        documents = self._copied() if self.encoder is None else self._encoded(self.encoder)
        self.changed = 0
        for outcome in self.store.write(self.target, documents, mode="index", expected=self.after):
            if outcome.error:
                raise outcome.error
            made()
            self.changed += 1

    def _copied(self) -> Iterator[Document]:
        for ids in _chunks(self._changed()):
            for document in self.store.get(self.name, ids, vectors=True, expected=self.before):
                if document is not None:
                    yield replace(document, made_from=document.version)

    def _encoded(self, encoder: Encoder) -> Iterator[Document]:
        for whole in embedded(in_parallel(self._read, self._jobs()), encoder):
            yield self._made_anew(whole)

    def _changed(self) -> Iterator[str]:
        """Ids of the pets that are not in the target as they are now; those that are there no more are erased."""
        self.pets = 0
        gone: list[str] = []
        for id_, version, made_from in side_by_side(self.store.versions(self.name), self.store.versions(self.target)):
            if version is None:
                gone.append(id_)
            else:
                self.pets += 1
                if version != made_from or id_ in self.trying_again:
                    yield id_
            if len(gone) >= _GONE_AT_ONCE:
                self._erase(gone)
                gone = []
        if gone:
            self._erase(gone)

    def _erase(self, ids: list[str]) -> None:
        self.store.delete(self.target, ids)
        gone = frozenset(ids)
        self.failures = {key: failure for key, failure in self.failures.items() if key[0] not in gone}

    def _jobs(self) -> Iterator[_Job]:
        for ids in _chunks(self._changed()):
            documents = self.store.get(self.name, ids)
            made = self.store.get(self.target, ids, vectors=True, expected=self.after)
            for document, old in zip(documents, made, strict=True):
                if document is not None:
                    yield _job(document, old)

    def _read(self, job: _Job) -> Reading[_Job]:
        reading = Reading(job)
        for photo in job.photos:
            one, original = read_again(photo, partial(self._thumbnail, job, photo), limits=self.limits)
            reading.photos.append(one)
            job.originals.append(original)
        return reading

    def _thumbnail(self, job: _Job, photo: Photo) -> bytes | None:
        return self.store.thumbnails(self.name, [(job.document.id, photo.photo_id or "")])[0]

    def _made_anew(self, reading: Reading[_Job]) -> Document:
        job = reading.subject
        for photo, read, original in zip(job.photos, reading.photos, job.originals, strict=True):
            self._count(job, photo, read, original=original)
        new = with_vectors(job.document, job.vectors, dims=self.after.dims)
        return replace(new, made_from=job.document.version)

    def _count(self, job: _Job, photo: Photo, read: ReadPhoto, *, original: bool) -> None:
        key = (job.document.id, photo.photo_id or "")
        self.failures.pop(key, None)
        if read.error:
            self.failures[key] = Failure(job.document.id, read.error, photo.uri or photo.photo_id)
            self.again |= {job.document.id} - self.tried_again
        elif read.photo.embedding is not None:
            job.vectors[key[1]] = read.photo.embedding
            self.originals += original
            self.thumbnails += not original


def _job(document: Document, made: Document | None) -> _Job:
    """What is left to do for a pet: a photo that has a new embedding already keeps it, whatever else was changed."""
    known = {} if made is None else dict(zip(made.photo_ids, made.vectors, strict=True))
    photos = [photo for photo in photos_of(document) if photo.photo_id and photo.photo_id not in known]
    return _Job(document, known, photos)


def _chunks(ids: Iterator[str]) -> Iterator[list[str]]:
    while chunk := [*islice(ids, _AT_ONCE)]:
        yield chunk
