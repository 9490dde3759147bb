"""Pets as documents and back: what a store keeps of a pet, and what is private stands apart."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from petfinder.domain.filters import DATED_OR_NEVER, Restriction, dates_of, own_words, places_of, terms_of
from petfinder.domain.pets import CONTACT, PEOPLE, REPORTED, Owner, Pet, PetT, Photo
from petfinder.domain.vectors import Matrix, Vector, portrait, unit
from petfinder.encoders.base import EncoderIdentity
from petfinder.stores.base import Store
from petfinder.stores.documents import Document, IndexSpec
from petfinder.tables.arrays import PlainPet

PENDING = "pending"  # the term of a pet with photos that wait for an embedding
TO_MATCH = "to_match"  # the term of a report that has not been looked for among the others since it was written
TELLING, QUIETLY = "telling", "quietly"


class Embeddings(NamedTuple):
    """Vectors out: row i of `matrix` (n, dims) is the embedding of photo `photo_ids[i]` of pet `pet_ids[i]`."""

    pet_ids: tuple[str, ...]
    photo_ids: tuple[str, ...]
    matrix: Matrix


def distinct_photos(photos: tuple[Photo, ...]) -> tuple[Photo, ...]:
    """Give each photo with a picture or an embedding an id, and keep the same photo only once."""
    known: dict[str, Photo] = {}
    for position, photo in enumerate(photos):
        if not photo.photo_id and photo.embedding is not None:
            digest = hashlib.sha256(photo.embedding.tobytes() + (photo.uri or "").encode()).hexdigest()
            photo = photo.model_copy(update={"photo_id": digest})
        known[photo.photo_id or str(position)] = photo
    return tuple(known.values())


def to_document(pet: Pet, *, dims: int, mark: str = TELLING) -> Document:
    """Turn a pet into what a store keeps, its portrait with it; raises InvalidEmbedding.

    A report is marked as one that is still to be matched.
    """
    photos = distinct_photos(pet.photos)
    if photos != pet.photos:
        pet = pet.model_copy(update={"photos": photos})
    vectors = {p.photo_id: unit(p.embedding, dims=dims) for p in photos if p.photo_id and p.embedding is not None}
    terms = terms_of(pet)
    if known := tuple(photo.photo_id for photo in photos if photo.photo_id):
        terms["photo"] = known
    if pet.confirmed:
        terms[TO_MATCH] = (mark,)
    private: dict[str, Any] = {name: _person_body(person) for name in PEOPLE if (person := getattr(pet, name))}
    if pet.held_back:
        private["held_back"] = pet.held_back
    body = pet.model_dump(mode="json", exclude={*PEOPLE, "pet_id"}, exclude_none=True)
    return Document(
        id=pet.pet_id,
        body=body,
        private=private or None,
        dates=dates_of(pet),
        places=tuple((place.lat, place.lon) for place in places_of(pet)),
        thumbnails={p.photo_id: p.thumbnail for p in photos if p.photo_id and p.thumbnail},
        **_embedded(body, terms, vectors, dims=dims),
    )


def like_document(pet: PlainPet[PetT], like: Document) -> Document:
    """Make the document of a plain pet of that of another one like it."""
    return Document(
        id=pet.pet_id,
        body={**like.body, "photos": [{"photo_id": pet.photo_id}]},
        private=like.private,
        terms={**like.terms, "photo": (pet.photo_id,)},
        dates=like.dates,
        places=like.places,
        photo_ids=(pet.photo_id,),
        vectors=pet.direction[np.newaxis],
    )


def of_today(document: Document) -> Document:
    """Give a document of an earlier version all that today's filters ask for."""
    pet, own = to_pet(document, Pet), own_words(document.body)
    return replace(document, terms={**document.terms, **terms_of(pet), "own": own}, dates=dates_of(pet))


def lacking(store: Store, index: str) -> int:
    """Count the pets that an earlier version wrote, which lack some of that; thrice, for others may write meanwhile."""
    today = Restriction(spans=(DATED_OR_NEVER,))
    return max(0, min(store.count(index, Restriction()) - store.count(index, today) for _ in range(3)))


def photos_of(document: Document) -> list[Photo]:
    """List the photos of a document, without embeddings and thumbnails."""
    return [Photo(**photo) for photo in document.body.get("photos", ())]


def with_vectors(document: Document, vectors: Mapping[str, Vector], *, dims: int) -> Document:
    """Give a document these embeddings (unit length, by photo_id) and no others, and the portrait that they make.

    Photos without one wait for it: they are counted, and the term "pending" finds the pet. A report keeps its mark, as
    one that is to be matched, as soon as it has an embedding.
    """
    return replace(document, **_embedded(document.body, document.terms, vectors, dims=dims))


def _embedded(
    body: Mapping[str, Any], terms: Mapping[str, tuple[str, ...]], vectors: Mapping[str, Vector], *, dims: int
) -> dict[str, Any]:
    photo_ids = [photo.get("photo_id", "") for photo in body.get("photos", ())]
    embedded = tuple(photo_id for photo_id in photo_ids if photo_id in vectors)
    rows = np.array([vectors[photo_id] for photo_id in embedded], dtype=np.float32).reshape(-1, dims)
    pending = len(photo_ids) - len(embedded)
    left_out = {PENDING} if embedded and _is_report(terms) else {PENDING, TO_MATCH}
    kept = {field: values for field, values in terms.items() if field not in left_out}
    kept |= {PENDING: ("yes",)} if pending else {}
    return {"photo_ids": embedded, "vectors": rows, "portrait": portrait(rows), "pending": pending, "terms": kept}


def to_be_matched(*pet_ids: str) -> Restriction:
    """Restrict to reports that are to be matched, or to those of them that are named."""
    return Restriction(terms=((TO_MATCH, (TELLING, QUIETLY)),), ids=frozenset(pet_ids) if pet_ids else None)


def to_match_quietly(document: Document) -> Document:
    """The document with the mark, where it is a report that can be matched, so that nobody is told."""
    terms = matched(document).terms
    marked = document.photo_ids and _is_report(terms)
    return replace(document, terms={**terms, TO_MATCH: (QUIETLY,)} if marked else terms)


def _is_report(terms: Mapping[str, tuple[str, ...]]) -> bool:
    return not set(terms.get("status", ())).isdisjoint(REPORTED)


def matched(document: Document) -> Document:
    """The document without the mark."""
    return replace(document, terms={field: values for field, values in document.terms.items() if field != TO_MATCH})


def waiting() -> Restriction:
    """Restrict to pets with photos that wait for an embedding."""
    return Restriction(terms=((PENDING, ("yes",)),))


def _person_body(person: Owner) -> dict[str, Any]:
    body = person.model_dump(mode="json", context=CONTACT, exclude_none=True)
    if person.picture and person.picture.thumbnail:
        body["picture"]["thumbnail"] = base64.b64encode(person.picture.thumbnail).decode("ascii")
    return body


def _to_person(body: Mapping[str, Any]) -> Owner:
    picture = dict(body.get("picture") or {})
    if "thumbnail" in picture:
        picture["thumbnail"] = base64.b64decode(picture["thumbnail"])
    return Owner(**{**body, "picture": Photo(**picture) if picture else None})


def to_pet(document: Document, pet_class: type[PetT]) -> PetT:
    """Turn a document into the whole pet, with what is private and the vectors that came with it."""
    fields = pet_class.model_fields
    body = {name: value for name, value in document.body.items() if name in fields}
    if len(document.vectors):
        rows = dict(zip(document.photo_ids, document.vectors, strict=False))
        body["photos"] = [Photo(**photo, embedding=rows.get(photo.get("photo_id"))) for photo in body["photos"]]
    if private := document.private:
        body |= {**private, **{name: _to_person(private[name]) for name in PEOPLE if name in private}}
    return pet_class(**body, pet_id=document.id)


def remembered_by(spec: IndexSpec) -> EncoderIdentity:
    """Name the encoder that an index remembers."""
    return EncoderIdentity(spec.encoder, spec.dims, spec.fingerprint)
