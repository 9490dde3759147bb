"""PetFinder: the asking half of the service. Photos, vectors, texts, stored pets in; matches with verdicts out.

No search gives an owner: only `owner_of`, and the whole pets of `get`, `list` and `scan`, do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Any, Literal, overload

import numpy as np

from petfinder.domain.errors import IndexMismatch, InvalidEmbedding, InvalidQuery, PetNotFound
from petfinder.domain.fields import fold_microchip
from petfinder.domain.filters import AnyFilter, PetFilter, own_place, places_of
from petfinder.domain.matches import SHOWN, Answers, Match, Matches, PetRef, Pets, id_of, ids_of
from petfinder.domain.pets import (
    TAKEN_IN,
    AnyPhoto,
    AnyPlace,
    Owner,
    Pet,
    PetT,
    Photo,
    Place,
    as_found,
    is_one_photo,
    several_photos,
)
from petfinder.domain.shown import Listing
from petfinder.domain.values import AnyMoment, check_choice, check_kind, check_similarity
from petfinder.domain.vectors import Matrix, common_direction, unit
from petfinder.domain.verdicts import Thresholds
from petfinder.encoders.base import species_shown
from petfinder.matching import judge
from petfinder.matching.judge import asked_of
from petfinder.matching.weigh import Asked
from petfinder.photos.read import completed_query
from petfinder.registry.documents import Embeddings
from petfinder.registry.embed import ReadPhoto, embed_photos
from petfinder.registry.opened_index import OpenedIndex, outliving_rebuilds
from petfinder.registry.pair_book import PairBook
from petfinder.registry.repository import restriction_of

Combine = Literal["mean", "best"]
OneVector = Sequence[float] | np.ndarray[tuple[int], Any]
SeveralVectors = Sequence[OneVector] | np.ndarray[tuple[int, int], Any]
_ROWS = 512  # photos compared with all others at once: among 100,000 that is 200 MB of similarities


@dataclass(frozen=True)
class Duplicate:
    """Two pets that may be one: their ids in order, their photos most alike, and the similarity (raw cosine)."""

    pet_ids: tuple[str, str]
    photo_ids: tuple[str, str]
    similarity: float


class Duplicates(Listing[Duplicate]):
    """Pairs of pets that may be one; a notebook shows the two photos of each of the first 48 side by side."""


@dataclass(frozen=True)
class Wanted:
    """What a search is to answer: how many pets at most, which of them, how similar; raises InvalidQuery."""

    k: int
    where: PetFilter | None
    min_similarity: float | None

    @property
    def near(self) -> Place | None:
        """The centre of the circle that was asked for."""
        return self.where.near if self.where else None


class PetFinder(OpenedIndex[PetT]):
    """The searches and listings of one species; raises IndexMismatch where the index was filled by another encoder.

    `where` restricts a search to some pets before photos are compared. `k` is how many pets at most (1 to 10,000),
    `min_similarity` the raw cosine (-1 to 1) that they must reach. Every search raises StoreError, and InvalidQuery for
    a `k` or `min_similarity` out of range.
    """

    @property
    def species(self) -> str:
        """The species of the pets in this index: "dog"."""
        return self.repository.species

    @property
    def pet_class(self) -> type[PetT]:
        """The class of the pets that are given back: Dog."""
        return self.repository.pet_class

    @outliving_rebuilds
    def find(
        self,
        photo: AnyPhoto | Iterable[AnyPhoto],
        *,
        k: int = 5,
        where: AnyFilter | None = None,
        min_similarity: float | None = None,
        combine: Combine = "mean",
        place: AnyPlace | None = None,
        at: AnyMoment | None = None,
        about: Pet | Mapping[str, Any] | None = None,
    ) -> Matches:
        """Find the registered pets that are most probably the one in a photo, or several of ONE animal, with verdicts.

        A photo is a path, bytes, a file object, a PIL image, an RGB uint8 array (height, width, 3) or a Photo. Several
        become one query: the unit-length mean of their embeddings, or (combine="best") for each pet the best of their
        similarities. `where` is a PetFilter or a mapping of its fields: {"breed": "pug"}. `place` (lat, lon in degrees)
        and `at` say where and when the animal was seen or lost; without them the photos' own count. `about` is what is
        known, a pet or a mapping: {"sex": "female", "colour": "black"}. Places are rounded to 0.01 degree before
        anything is computed from them. Where only the photo is known, it alone is judged. The 48 first come with
        thumbnails. Raises PhotoError, InvalidQuery, EncoderError.
        """
        check_choice(combine, Combine, what="combine")
        if not (several := several_photos(photo)):
            raise InvalidQuery("find needs at least one photo")
        wanted = _wanted(k, where, min_similarity)
        photos = embed_photos(several, self.encoder, limits=self.limits, complete=completed_query)
        queries = unit([query.photo.embedding for query in photos], dims=self.repository.spec.dims)
        queries = common_direction(queries).reshape(1, -1) if combine == "mean" else queries
        asked = asked_of(place, at, about, [query.photo for query in photos])
        answer = _best_of(self._searched(queries, asked, wanted))
        answer = replace(answer, pending=self._count_pending())
        return self._illustrated(self._judged(answer, photos, asked, wanted))

    def _count_pending(self) -> int:
        return self.repository.count_pending()

    @outliving_rebuilds
    def find_many(
        self,
        photos: Iterable[AnyPhoto],
        *,
        k: int = 5,
        where: AnyFilter | None = None,
        min_similarity: float | None = None,
    ) -> Answers:
        """Find the pets nearest to each of many photos: one answer a photo, in order, with verdicts.

        They are encoded in batches and searched in one request; answers come without thumbnails. Errors as find.
        """
        if is_one_photo(photos):
            raise InvalidQuery("find_many takes several photos; find takes one")
        wanted = _wanted(k, where, min_similarity)
        queries = embed_photos(several_photos(photos), self.encoder, limits=self.limits)
        asked = [asked_of(None, None, None, [query.photo]) for query in queries]
        answers = Answers(read=self.repository.thumbnails)
        for _, several in groupby(zip(queries, asked, strict=True), key=lambda one: one[1].place):
            group = [*several]  # those without a place, or with the same, in one request
            rows = [query.photo.embedding for query, _ in group]
            most = next((one for _, one in group if one), group[0][1])
            found = zip(self._searched(rows, most, wanted), group, strict=True)
            answers += [self._judged(answer, [query], one, wanted) for answer, (query, one) in found]
        return answers

    @overload
    def find_similar(
        self, pet_ids: PetRef, *, k: int = ..., where: AnyFilter | None = ..., min_similarity: float | None = ...
    ) -> Matches: ...
    @overload
    def find_similar(
        self,
        pet_ids: list[str] | list[PetT] | tuple[PetRef, ...],
        *,
        k: int = ...,
        where: AnyFilter | None = ...,
        min_similarity: float | None = ...,
    ) -> Answers: ...
    def find_similar(
        self,
        pet_ids: PetRef | list[str] | list[PetT] | tuple[PetRef, ...],
        *,
        k: int = 5,
        where: AnyFilter | None = None,
        min_similarity: float | None = None,
    ) -> Matches | Answers:
        """Find pets that look like a registered one (one answer for each of several ids); no verdict.

        The pets named are in no answer. Raises PetNotFound, and InvalidQuery for a pet without an embedding.
        """
        ids, others = ids_of(pet_ids), PetFilter.of(where) or PetFilter()
        others = others.model_copy(update={"exclude": (*(others.exclude or ()), *ids)})
        answers = [self._similar_to(pet_id, _wanted(k, others, min_similarity)) for pet_id in ids]
        return answers[0] if isinstance(pet_ids, (str, Pet, Match)) else Answers(answers, self.repository.thumbnails)

    @outliving_rebuilds
    def _similar_to(self, pet_id: str, wanted: Wanted) -> Matches:
        document = self.repository.get_document(pet_id)
        if not len(document.vectors):
            raise InvalidQuery(f"pet {pet_id!r} has no embedded photo; add one, or have those that wait embedded")
        return self._illustrated(self._nearest_to(common_direction(document.vectors), wanted)[0])

    def _nearest_to(self, embeddings: Any, wanted: Wanted) -> list[Matches]:
        answers = self.repository.search_many(embeddings, **vars(wanted))
        return [self._placed(answer, wanted.near) for answer in answers]

    @overload
    def find_by_embedding(
        self, embedding: OneVector, *, k: int = ..., where: AnyFilter | None = ..., min_similarity: float | None = ...
    ) -> Matches: ...
    @overload
    def find_by_embedding(
        self,
        embedding: SeveralVectors,
        *,
        k: int = ...,
        where: AnyFilter | None = ...,
        min_similarity: float | None = ...,
    ) -> Sequence[Matches]: ...
    def find_by_embedding(
        self, embedding: Any, *, k: int = 5, where: AnyFilter | None = None, min_similarity: float | None = None
    ) -> Matches | Sequence[Matches]:
        """Find the pets nearest to a vector (dims,), as Matches, or to each row of a matrix (m, dims), as a list.

        Vectors need no unit length; there is no verdict. Raises InvalidEmbedding, and IndexMismatch where the index was
        rebuilt with another encoder meanwhile: `embed` the query anew.
        """
        return self._find_by_embedding(embedding, _wanted(k, where, min_similarity))

    @outliving_rebuilds
    def _find_by_embedding(self, embedding: Any, wanted: Wanted) -> Matches | Sequence[Matches]:
        try:
            one = unit(embedding, dims=self.repository.spec.dims).ndim == 1
        except InvalidEmbedding:
            self.repository.check_unchanged()
            raise
        answers = self._nearest_to(embedding, wanted)
        return self._illustrated(answers[0]) if one else Answers(answers, self.repository.thumbnails)

    @outliving_rebuilds
    def find_by_text(
        self, text: str, *, k: int = 5, where: AnyFilter | None = None, min_similarity: float | None = None
    ) -> Matches:
        """Find pets whose photos look like a description; no verdict.

        Raises TextNotSupported where the encoder of this index reads no text.
        """
        if not isinstance(text, str) or not text.strip():
            raise InvalidQuery("find_by_text takes a description in words")
        answers = self._nearest_to(self.encoder.encode_texts([text]), _wanted(k, where, min_similarity))
        return self._illustrated(answers[0])

    def find_by_microchip(self, number: str) -> PetT | None:
        """Find the pet with this chip or tattoo number (blanks, dots, dashes do not count); None where there is none.

        It comes as searches show pets, without owner and exact place. Raises InvalidQuery for what is no number.
        """
        if not fold_microchip(str(number)):
            raise InvalidQuery("a chip or tattoo number has digits or letters in it")
        where = PetFilter(microchip=str(number))
        return next((as_found(pet) for pet in self.repository.scan(where.restriction())), None)

    def search_text(self, words: str, where: AnyFilter | None = None, *, limit: int | None = None) -> Pets[PetT]:
        """List the pets that have all these words in name, breed, colour, tags or note, in the order of their ids.

        They come as searches show pets, without owner and exact place; the first `limit` of them, else all. Raises
        InvalidQuery where there is no word.
        """
        check_limit(limit)
        found = islice(self.repository.with_words(words, where), limit)
        return Pets(map(as_found, found), self.repository.thumbnails)

    @outliving_rebuilds
    def duplicates(self, min_similarity: float) -> Duplicates:
        """List the pairs of different pets with photos at least this alike (raw cosine, -1 to 1), most alike first.

        Every photo is compared with every other. Raises InvalidQuery.
        """
        check_kind(min_similarity, (int, float), "min_similarity is a raw cosine from -1 to 1")
        check_similarity(min_similarity)
        pet_ids, photo_ids, matrix = self.repository.embeddings()
        closest: dict[tuple[str, str], Duplicate] = {}
        for start in range(0, len(matrix), _ROWS):
            similarities = matrix[start : start + _ROWS] @ matrix.T
            for row, other in zip(*np.nonzero(similarities >= min_similarity), strict=True):
                pets, similarity = (pet_ids[start + row], pet_ids[other]), float(similarities[row, other])
                if pets[0] < pets[1] and (pets not in closest or similarity > closest[pets].similarity):
                    closest[pets] = Duplicate(pets, (photo_ids[start + row], photo_ids[other]), similarity)
        pairs = sorted(closest.values(), key=lambda pair: (-pair.similarity, pair.pet_ids))
        return Duplicates(pairs, self.repository.thumbnails)

    @outliving_rebuilds
    def embeddings(self, pet_ids: PetRef | Iterable[PetRef] | None = None) -> Embeddings:
        """Give the vectors out: pet ids, photo ids and the matrix (n, dims), of all pets or of those named.

        Raises PetNotFound.
        """
        return self.repository.embeddings(pet_ids)

    @outliving_rebuilds
    def embed(self, photos: AnyPhoto | Iterable[AnyPhoto]) -> Matrix:
        """Encode photos as this index does, unit length, float32 (n, dims); nothing is stored. Raises PhotoError."""
        self.repository.check_unchanged()
        read = embed_photos(several_photos(photos), self.encoder, limits=self.limits)
        rows = [one.photo.embedding for one in read if one.photo.embedding is not None]
        return np.stack(rows) if rows else np.zeros((0, self.repository.spec.dims), np.float32)

    def owner_of(self, found: PetRef) -> Owner | None:
        """Tell whom to call about a match or a pet id: the owner, else the finder of a found or sighted pet, else None.

        This alone reveals the contact behind a match. Raises PetNotFound; IndexMismatch for a match from another index.
        """
        if found is None:
            raise InvalidQuery("owner_of takes a match or a pet_id; an empty search has no best match")
        here = (self.repository.store_key, self.repository.index, self.repository.species)
        if isinstance(found, Match) and (found.store, found.index, found.pet.species) != here:
            raise IndexMismatch(f"this match comes from index {found.index!r} of {found.store}, not from this one")
        pet = self._kept(id_of(found))
        return pet.owner or (pet.finder if pet.status in TAKEN_IN else None)

    def get(self, pet_id: PetRef) -> PetT:
        """Get one whole pet, with owner, embeddings and thumbnails; raises PetNotFound.

        The id of a report that was merged into another gives that one.
        """
        pet = self._kept(id_of(pet_id))
        photos = self._pictured([(pet.pet_id, photo) for photo in pet.photos])
        return pet.model_copy(update={"photos": tuple(photos)})

    def _kept(self, pet_id: str) -> PetT:
        try:
            return self.repository.get(pet_id)
        except PetNotFound:
            if (kept := self._book.kept_as(pet_id)) is None:
                raise
            return self.repository.get(kept)

    @property
    def _book(self) -> PairBook:
        return PairBook(self.repository.store, self.repository.index)

    def list(
        self,
        where: AnyFilter | None = None,
        *,
        after: PetRef | None = None,
        limit: int | None = None,
        newest: bool = False,
        **fields: Any,
    ) -> Pets[PetT]:
        """List the pets that pass, whole, in the order of their ids; a page of `limit` behind the pet `after`.

        `newest`: by `registered_at`, the latest first, those of one second by id and those without one last. `fields`
        are those of a PetFilter: list(status="lost"). They have owners, but no embeddings and thumbnails. Raises
        InvalidQuery for a `limit` below 0, PetNotFound for an `after` that is gone where the order is not by id.
        """
        check_limit(limit)
        after = None if after is None else id_of(after)
        return self.repository.list(PetFilter.of(where, fields), after=after, limit=limit, newest=newest)

    def scan(self, where: AnyFilter | None = None) -> Iterator[PetT]:
        """Stream the pets that pass, as `list` gives them."""
        return self.repository.scan(restriction_of(where))

    def __iter__(self) -> Iterator[PetT]:
        return self.scan()

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        return True  # an empty registry is one too

    def __contains__(self, pet_id: object) -> bool:
        with suppress(InvalidQuery, PetNotFound):
            return bool(self._kept(id_of(pet_id)))  # type: ignore[arg-type]  # what names no pet is not in it
        return False

    def __getitem__(self, pet_id: PetRef) -> PetT:
        return self.get(pet_id)

    def with_thumbnails(self, pets: Iterable[PetT]) -> Pets[PetT]:
        """Give each pet the thumbnail of its first photo, all fetched in one request."""
        several = [*pets]
        first = {pet.pet_id: pet.photos[0] for pet in several if pet.photos}
        pictured = dict(zip(first, self._pictured([*first.items()]), strict=True))
        photos = [(pictured[pet.pet_id], *pet.photos[1:]) if pet.photos else () for pet in several]
        return Pets(pet.model_copy(update={"photos": own}) for pet, own in zip(several, photos, strict=True))

    def _pictured(self, photos: Sequence[tuple[str, Photo]]) -> Iterator[Photo]:
        """Photos, each named with its pet's id, with the thumbnails that there are, all fetched in one request."""
        pictures = self.repository.thumbnails([(pet_id, photo.photo_id or "") for pet_id, photo in photos])
        for (_, photo), picture in zip(photos, pictures, strict=True):
            yield photo.model_copy(update={"thumbnail": picture}) if picture else photo

    def count(self, where: AnyFilter | None = None, **fields: Any) -> int:
        """Count the pets that pass; `fields` as in list: count(status="lost")."""
        return self.repository.count(PetFilter.of(where, fields))

    def _searched(self, queries: Any, asked: Asked, wanted: Wanted) -> Sequence[Matches]:
        """Search for each of the queries (n, dims) all candidates that are weighed for an answer."""
        k, cells = wanted.k, None
        if self.thresholds.likelihood:
            k, cells = judge.candidates_wanted(k, asked, self.species, self.evidence)
        return self.repository.search_many(queries, k, wanted.where, cells=cells)

    def _judged(self, answer: Matches, read: Sequence[ReadPhoto], asked: Asked, wanted: Wanted) -> Matches:
        query = [one.photo for one in read]
        answer = judge.shown(self._weighed(answer, asked, photos=len(query)), wanted.k, wanted.min_similarity)
        shown = tuple(photo.model_copy(update={"place": photo.place and photo.place.rounded()}) for photo in query)
        seen = {*species_shown(self.encoder, [photo.embedding for photo in query])} - {None}
        other = seen.pop() if len(seen) == 1 and self.species not in seen else None
        answer = replace(answer, query=shown, animals=read[0].animals or (), looks_like=other)
        return self._placed(answer, wanted.near or asked.place)

    def _weighed(self, answer: Matches, asked: Asked, *, photos: int) -> Matches:
        thresholds = self.thresholds
        if isinstance(thresholds, Thresholds) and thresholds.likelihood:
            answer = judge.by_probability(answer, thresholds, thresholds.likelihood, asked, self.evidence)
        else:
            answer = judge.by_thresholds(answer, thresholds, photos=photos)
        return replace(answer, thresholds_source=thresholds.source)

    def _placed(self, answer: Matches, centre: Place | None) -> Matches:
        if centre is None:
            return answer
        here = centre.rounded()
        owned = [own_place(match.pet) for match in answer]  # else where its photos were taken
        places = [[own] if own else places_of(match.pet) for own, match in zip(owned, answer, strict=True)]
        km = [round(min(map(here.km_to, some))) if some else None for some in places]
        placed = tuple(replace(match, distance_km=far) for match, far in zip(answer, km, strict=True))
        return replace(answer, found=placed, centre=here)

    def _illustrated(self, answer: Matches) -> Matches:
        shown = answer.found[:SHOWN]
        photos = self._pictured([(match.pet.pet_id, match.photo) for match in shown])
        pictured = tuple(match.pictured(photo) for match, photo in zip(shown, photos, strict=True))
        return replace(answer, found=pictured + answer.found[SHOWN:])


def _wanted(k: int, where: AnyFilter | None, min_similarity: float | None) -> Wanted:
    check_similarity(min_similarity)
    return Wanted(k, PetFilter.of(where), min_similarity)


def check_limit(limit: int | None) -> None:
    """Raise InvalidQuery for a `limit` that is no number of pets."""
    if limit is not None and not (isinstance(limit, int) and limit >= 0):
        raise InvalidQuery("limit is how many pets at most, a whole number from 0; without it all are listed")


def _best_of(answers: Sequence[Matches]) -> Matches:
    if len(answers) == 1:
        return answers[0]
    best: dict[str, Match] = {}
    everything = [match for answer in answers for match in answer]
    for match in sorted(everything, key=lambda match: (-match.similarity, match.pet.pet_id)):
        best.setdefault(match.pet.pet_id, match)
    return replace(answers[0], found=tuple(best.values()))
