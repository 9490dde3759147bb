"""Encoding an index anew: every photo once more, by another encoder.

Knows photos, the way to embeddings, and the ports of encoders and stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from petfinder.embedding import Reading, embedded, read_again
from petfinder.encoders.port import Encoder
from petfinder.filters import Restriction
from petfinder.pets import Photo
from petfinder.photos import PhotoLimits
from petfinder.reports import Failure
from petfinder.stores.port import Document, Store
from petfinder.vectors import Vector, portrait


@dataclass(frozen=True)
class RebuildReport:
    """What a rebuild did: pets, photos read from their original and from their thumbnail, photos that had neither."""

    pets: int
    originals: int
    thumbnails: int
    failures: tuple[Failure, ...] = ()


class Rebuilding:
    """The embeddings of one rebuild, photo by photo, until the documents are changed."""

    def __init__(self, store: Store, name: str, encoder: Encoder, limits: PhotoLimits) -> None:
        self.store, self.name, self.encoder, self.limits = store, name, encoder, limits
        self.vectors: dict[tuple[str, str], Vector] = {}
        self.seen: set[str] = set()
        self.tried: set[tuple[str, str]] = set()
        self.originals: set[tuple[str, str]] = set()
        self.thumbnails: set[tuple[str, str]] = set()
        self.failures: list[Failure] = []

    def encode_all(self) -> Iterator[str]:
        """Embed the photos of every pet; gives the ids of those done."""
        for document in self.store.scan(self.name, Restriction()):
            self.encode(document)
            yield document.id

    def encode(self, document: Document) -> None:
        """Embed the photos of one pet that have no new embedding yet."""
        self.seen.add(document.id)
        photos = [Photo(**photo) for photo in document.body.get("photos", ())]
        new = [photo for photo in photos if photo.photo_id and (document.id, photo.photo_id) not in self.tried]
        self.tried |= {(document.id, photo.photo_id or "") for photo in new}
        kept = self.store.thumbnails(self.name, [(document.id, photo.photo_id or "") for photo in new])
        read = [read_again(photo, thumbnail, limits=self.limits) for photo, thumbnail in zip(new, kept, strict=True)]
        reading = Reading(document.id, [one for one, _ in read])
        for whole in embedded([reading], self.encoder):
            for photo, done, (_, original) in zip(new, whole.photos, read, strict=True):
                key = (document.id, photo.photo_id or "")
                if done.error:
                    self.failures.append(Failure(document.id, done.error, photo.uri or photo.photo_id))
                elif done.photo.embedding is not None:
                    self.vectors[key] = done.photo.embedding
                    (self.originals if original else self.thumbnails).add(key)

    def changed(self, document: Document) -> Document:
        """The document with its new embeddings and portrait; photos that came meanwhile are embedded now."""
        self.encode(document)
        ids = [photo["photo_id"] for photo in document.body.get("photos", ()) if "photo_id" in photo]
        embedded_ids = tuple(photo_id for photo_id in ids if (document.id, photo_id) in self.vectors)
        rows = [self.vectors[document.id, photo_id] for photo_id in embedded_ids]
        vectors = np.stack(rows) if rows else np.zeros((0, self.encoder.dims), dtype=np.float32)
        pending = len(document.body.get("photos", ())) - len(embedded_ids)
        terms = {field: values for field, values in document.terms.items() if field != "pending"}
        terms |= {"pending": ("yes",)} if pending else {}
        return replace(
            document, photo_ids=embedded_ids, vectors=vectors, portrait=portrait(vectors), pending=pending, terms=terms
        )

    def report(self) -> RebuildReport:
        """What was done."""
        return RebuildReport(len(self.seen), len(self.originals), len(self.thumbnails), tuple(self.failures))
