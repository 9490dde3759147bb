"""An index made anew beside the one in use, by another encoder or with other settings, and put in its place.

A rebuild passes over the index until nearly nothing has changed since the last pass, and once more while nobody writes.
Each document of the new index names the version that it was made from, so a rebuild may be broken off and resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any

from tqdm import tqdm

from petfinder.domain.filters import Restriction
from petfinder.domain.reports import Failure, Report
from petfinder.encoders.base import Encoder
from petfinder.photos.read import PhotoLimits
from petfinder.registry.documents import of_today, photos_of, waiting, with_vectors
from petfinder.registry.embed import Reading, embedded, in_parallel, read_again
from petfinder.registry.progress import progress_bar
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec, batches, side_by_side

_BATCH = 256  # pets read from the store in one request
_FEW = 32  # pets that may have changed since, for the last pass to be short
_MOST_PASSES = 10  # after which others have to wait, however much they write


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
class Rebuild:
    """One run of a rebuild of the index `name`, from what it remembers `before` to what `after` says.

    `encoder` encodes the photos anew; with None the vectors are taken over as they are.
    """

    store: Store
    name: str
    before: IndexSpec
    after: IndexSpec
    encoder: Encoder | None
    limits: PhotoLimits
    bar: tqdm[Any] = field(init=False)
    target: str = ""
    pets: int = 0
    originals: int = 0
    thumbnails: int = 0
    failures: dict[str, list[Failure]] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)  # of pets with photos that could not be read

    def run(self, *, progress: bool | None) -> RebuildReport:
        """Rebuild, and swap; the old index is kept."""
        self.target = self.store.begin_rebuild(self.name, self.after)
        if self.encoder is not None:
            self.tries.update(document.id for document in self.store.scan(self.target, waiting()))
        left = self.store.count(self.name, Restriction()) - self.store.count(self.target, Restriction())
        with progress_bar(progress, what="rebuilding", total=max(0, left)) as self.bar:
            for _ in range(_MOST_PASSES):
                if self._catch_up() <= _FEW:
                    break
            kept = self.store.finish_rebuild(self.name, self.target, self._catch_up_to_the_end)
        failures = tuple(chain.from_iterable(self.failures.values()))
        return RebuildReport(self.pets, self.originals, self.thumbnails, failures, kept)

    def _catch_up_to_the_end(self) -> None:
        self._catch_up()
        if 1 in self.tries.values():
            self._catch_up()

    def _catch_up(self) -> int:
        """Make the pets anew that have changed since they were made; returns how many these were."""
        changed, made = 0, self._made()
        for first in made:
            batch = chain([first], islice(made, _BATCH - 1))  # each looks anew whether the target is unfinished
            for outcome in self.store.write(self.target, batch, mode="index", expected=self.after):
                if outcome.error:
                    raise outcome.error
                self.bar.update()
                changed += 1
        return changed

    def _made(self) -> Iterator[Document]:
        """The pets that have changed, for the target: looked up in batches, read and encoded in one stream."""
        ids = batches(self._changed(), _BATCH)
        if self.encoder is None:
            return chain.from_iterable(map(self._copied, ids))
        readings = in_parallel(self._read, chain.from_iterable(map(self._begun, ids)))
        return map(self._finished, embedded(readings, self.encoder))

    def _changed(self) -> Iterator[str]:
        """Give the ids of pets that are not in the target as they are now; erase there those that are gone.

        A pet with a photo that could not be read is tried twice: others may be writing its thumbnail just now.
        """
        self.pets, gone = 0, []
        for id_, version, made_from in side_by_side(self.store.versions(self.name), self.store.versions(self.target)):
            if version is None:
                gone.append(id_)
            else:
                self.pets += 1
                if version != made_from or self.tries[id_] == 1:
                    yield id_
        for ids in batches(gone, _BATCH):
            self.store.delete(self.target, ids)
            for id_ in ids:
                self._record(id_, [])

    def _copied(self, ids: list[str]) -> Iterator[Document]:
        for document in self.store.get(self.name, ids, vectors=True, expected=self.before):
            if document is not None:
                yield replace(of_today(document), made_from=document.version)

    def _begun(self, ids: list[str]) -> Iterator[Document]:
        """The pets as they are now, with the new embeddings that were made before, whatever else was changed."""
        documents = self.store.get(self.name, ids)
        made = self.store.get(self.target, ids, vectors=True, expected=self.after)
        for document, known in zip(documents, made, strict=True):
            if document is not None:
                vectors = {} if known is None else dict(zip(known.photo_ids, known.vectors, strict=True))
                yield with_vectors(of_today(document), vectors, dims=self.after.dims)

    def _read(self, document: Document) -> Reading[Document]:
        left = [photo for photo in photos_of(document) if photo.photo_id and photo.photo_id not in document.photo_ids]
        thumbnails = partial(self.store.thumbnails, self.name)
        return Reading(document, [read_again(document.id, photo, thumbnails, limits=self.limits) for photo in left])

    def _finished(self, reading: Reading[Document]) -> Document:
        document, failures = reading.subject, []
        vectors = dict(zip(document.photo_ids, document.vectors, strict=True))
        for read in reading.photos:
            if read.error:
                failures.append(Failure(document.id, read.error, read.photo.uri or read.photo.photo_id))
            elif read.photo.photo_id and read.photo.embedding is not None:
                vectors[read.photo.photo_id] = read.photo.embedding
                self.originals += read.original
                self.thumbnails += not read.original
        self._record(document.id, failures)
        return replace(with_vectors(document, vectors, dims=self.after.dims), made_from=document.version)

    def _record(self, pet_id: str, failures: list[Failure]) -> None:
        if failures:
            self.failures[pet_id] = failures
            self.tries[pet_id] += 1
        else:
            self.failures.pop(pet_id, None)
            self.tries.pop(pet_id, None)
