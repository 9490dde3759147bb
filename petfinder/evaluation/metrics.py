"""How well embeddings tell pets apart: ranks, precision and error rates of photos whose pet is known.

Similarities are raw cosines. Where two similarities are equal, the wrong pet counts as the nearer one, so that an
encoder which sees no difference is not flattered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import Matrix, Vector, portrait, unit

Numbers = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]

_QUERIES_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Labelled:
    """Embeddings of photos and whom each shows: `ids` (n,) names the pet of each row of `embeddings` (n, dims).

    The embeddings are brought to unit length. Raises InvalidQuery when the two do not fit together.
    """

    ids: NDArray[np.str_]
    embeddings: Matrix

    def __post_init__(self) -> None:
        ids, embeddings = np.asarray(self.ids, dtype=np.str_), unit(self.embeddings)
        if ids.ndim != 1 or embeddings.ndim != 2 or len(ids) != len(embeddings):
            raise InvalidQuery(
                f"each embedding needs the id of its pet: got ids {ids.shape} and embeddings {embeddings.shape}"
            )
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "embeddings", embeddings)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Rows | NDArray[np.bool_]) -> Labelled:
        """Some of the photos: by position, or by a mask (n,)."""
        return Labelled(self.ids[rows], self.embeddings[rows])

    def and_also(self, others: Labelled) -> Labelled:
        """These photos followed by others."""
        return Labelled(np.concatenate([self.ids, others.ids]), np.concatenate([self.embeddings, others.embeddings]))

    def with_mates(self) -> Rows:
        """The positions of the photos whose pet has another photo here."""
        _, codes, counts = np.unique(self.ids, return_inverse=True, return_counts=True)
        return np.flatnonzero(counts[codes] > 1)


@dataclass(frozen=True, eq=False)
class Gallery:
    """What is searched: `pets` (p,) in order, and embeddings (m, dims) sorted by pet; pet i's begin at `starts[i]`."""

    pets: NDArray[np.str_]
    embeddings: Matrix
    starts: Rows

    def similarities(self, queries: Matrix) -> Numbers:
        """Of each query (q, dims) with each pet, the nearest of the pet's embeddings: (q, p), float32."""
        pairs = queries @ self.embeddings.T
        return np.maximum.reduceat(pairs, self.starts, axis=1)

    def codes(self, ids: NDArray[np.str_]) -> Rows:
        """The column of each id in `similarities`; -1 for a pet that is not here."""
        places = np.minimum(np.searchsorted(self.pets, ids), len(self.pets) - 1)
        return np.where(self.pets[places] == ids, places, -1)


def gallery_of_photos(photos: Labelled) -> Gallery:
    """A gallery of the photos alone. Raises InvalidQuery where there are none."""
    if not len(photos):
        raise InvalidQuery("there are no photos to search in; give at least one pet with a photo")
    order = np.argsort(photos.ids, kind="stable")
    pets, starts = np.unique(photos.ids[order], return_index=True)
    return Gallery(pets, photos.embeddings[order], starts)


def registered(photos: Labelled) -> Gallery:
    """A gallery as a registry keeps it: the photos and, from two photos on, each pet's portrait."""
    alone = gallery_of_photos(photos)
    ends = np.append(alone.starts[1:], len(alone.embeddings))
    portraits = [
        (pet, face)
        for pet, start, end in zip(alone.pets, alone.starts, ends, strict=True)
        if (face := portrait(alone.embeddings[start:end])) is not None
    ]
    if not portraits:
        return alone
    faces = Labelled(np.array([pet for pet, _ in portraits]), np.array([face for _, face in portraits]))
    return gallery_of_photos(photos.and_also(faces))


@dataclass(frozen=True, eq=False)
class Ranking:
    """What each query (q,) met: `own` is the similarity with its own pet, `other` with the nearest other pet.

    `ids` names the query's pet, `ranks` the place of the own pet among the pets (1 = first). -inf stands where there is
    nothing to be near to. `other` is what the query would find as a stranger, its own pet not being registered.
    """

    ids: NDArray[np.str_]
    ranks: NDArray[np.intp]
    genuine: Numbers
    impostor: Numbers

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, places: int) -> NDArray[np.bool_]:
        """Of each query, whether its own pet is among the first `places` pets."""
        return self.ranks <= places

    def share_within(self, places: int) -> float:
        """The share of queries whose own pet is among the first `places` pets: rank-1, rank-5 ..."""
        return float(self.within(places).mean())

    def found(self, threshold: float) -> NDArray[np.bool_]:
        """Of each query, whether its own pet is first and its similarity above the threshold."""
        return self.within(1) & (self.genuine > threshold)

    def at(self, rows: Rows | NDArray[np.bool_]) -> Ranking:
        """Some of the queries: by position, or by a mask (q,)."""
        return Ranking(self.ids[rows], self.ranks[rows], self.genuine[rows], self.impostor[rows])


def rank(ids: NDArray[np.str_], genuine: Numbers, by_pet: Numbers, codes: Rows) -> Ranking:
    """The ranking of queries (q,) from their similarities with each pet (q, p); the own pet's column is passed over.

    `genuine` (q,) is each query's similarity with its own pet, `codes` (q,) that pet's column (-1: it has none).
    """
    others = by_pet.copy()
    has_column = np.flatnonzero(codes >= 0)
    others[has_column, codes[has_column]] = -np.inf
    ahead = (others >= genuine[:, None]) & np.isfinite(others)
    return Ranking(ids, 1 + ahead.sum(axis=1), genuine, others.max(axis=1))


def joined(parts: list[Ranking]) -> Ranking:
    """Several rankings as one."""
    return Ranking(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        np.concatenate([part.genuine for part in parts]),
        np.concatenate([part.impostor for part in parts]),
    )


def leave_one_out(photos: Labelled, *, queries: Rows | None = None, seen_as: Matrix | None = None) -> Ranking:
    """Each query photo taken out of the gallery and looked for there: the nearest photo counts, no portraits.

    `queries` are positions in `photos`; left out, every photo whose pet has another one. `seen_as` (q, dims) stands in
    for the queries' embeddings, as of a copy of each photo that was changed.
    """
    return _leave_one_out(photos, queries, seen_as, gallery_of_photos(photos), _nearest_photo)


def leave_one_out_registered(
    photos: Labelled, *, queries: Rows | None = None, seen_as: Matrix | None = None
) -> Ranking:
    """The same as a registry would answer: with portraits, the own pet's made anew without the query photo."""
    return _leave_one_out(photos, queries, seen_as, registered(photos), _nearest_photo_or_portrait)


def _leave_one_out(
    photos: Labelled,
    queries: Rows | None,
    seen_as: Matrix | None,
    gallery: Gallery,
    nearest: Callable[[Vector, Matrix], float],
) -> Ranking:
    asked = photos.with_mates() if queries is None else queries
    looks = photos.embeddings[asked] if seen_as is None else unit(seen_as)
    if not len(asked):
        raise InvalidQuery("no pet has two photos; give at least one a second photo")
    mates = _Mates(photos)
    parts = []
    for start in range(0, len(asked), _QUERIES_AT_ONCE):
        rows, seen = asked[start : start + _QUERIES_AT_ONCE], looks[start : start + _QUERIES_AT_ONCE]
        own = np.array([nearest(look, photos.embeddings[mates.of(row)]) for row, look in zip(rows, seen, strict=True)])
        ids = photos.ids[rows]
        parts.append(rank(ids, own, gallery.similarities(seen), gallery.codes(ids)))
    return joined(parts)


class _Mates:
    """Finds a photo's other photos of the same pet."""

    def __init__(self, photos: Labelled) -> None:
        _, self._codes, counts = np.unique(photos.ids, return_inverse=True, return_counts=True)
        self._rows: list[Rows] = np.split(np.argsort(self._codes, kind="stable"), np.cumsum(counts)[:-1])

    def of(self, row: int) -> Rows:
        rows = self._rows[self._codes[row]]
        others: Rows = rows[rows != row]
        return others


def _nearest_photo(query: Vector, known: Matrix) -> float:
    return float((known @ query).max()) if len(known) else -np.inf


def _nearest_photo_or_portrait(query: Vector, known: Matrix) -> float:
    face = portrait(known)
    nearest = _nearest_photo(query, known)
    return nearest if face is None else max(nearest, float(face @ query))


def _photo_similarities(photos: Labelled, queries: Rows) -> Iterator[tuple[Numbers, NDArray[np.bool_]]]:
    """Of each query, its similarities with all other photos, and which of these show its pet."""
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        rows = queries[start : start + _QUERIES_AT_ONCE]
        block = photos.embeddings[rows] @ photos.embeddings.T
        for row, similarities in zip(rows, block, strict=True):
            yield np.delete(similarities, row), np.delete(photos.ids == photos.ids[row], row)


def average_precision(photos: Labelled, *, queries: Rows | None = None) -> Numbers:
    """Of each query photo, the mean of the precision at each photo of its pet among all photos by similarity.

    (q,), 0 to 1; `queries` as in `leave_one_out`; the mean of the result is the mAP. NaN where a query's pet has no
    other photo.
    """
    rows = photos.with_mates() if queries is None else queries
    precisions = []
    for similarities, same in _photo_similarities(photos, rows):
        hits = same[np.lexsort((same, -similarities))]
        places = np.flatnonzero(hits) + 1
        precisions.append((np.arange(1, len(places) + 1) / places).mean() if len(places) else np.nan)
    return np.array(precisions)


def pair_similarities(photos: Labelled, *, queries: Rows | None = None) -> tuple[Numbers, Numbers]:
    """Similarities of query photos with photos of the same pet (genuine) and of others (impostor): two arrays.

    `queries` as in `leave_one_out`. Holds 4 bytes a pair: a gigabyte from some 16,000 photos on.
    """
    rows = photos.with_mates() if queries is None else queries
    pairs = list(_photo_similarities(photos, rows))
    if not pairs:
        raise InvalidQuery("no pet has two photos; give at least one a second photo")
    genuine = np.concatenate([similarities[same] for similarities, same in pairs])
    return genuine, np.concatenate([similarities[~same] for similarities, same in pairs])


@dataclass(frozen=True, eq=False)
class ErrorRates:
    """At rising similarities: the share of pairs of different pets that reach each, and of one pet that do not."""

    similarities: Numbers
    false_alarms: Numbers
    misses: Numbers

    @property
    def equal(self) -> float:
        """The equal error rate: where false alarms and misses meet (the mean of the two where they are nearest)."""
        nearest = int(np.argmin(np.abs(self.false_alarms - self.misses)))
        return float((self.false_alarms[nearest] + self.misses[nearest]) / 2)


def error_rates(genuine: Numbers, impostor: Numbers, *, points: int = 1001) -> ErrorRates:
    """Both error rates of pairs at every similarity seen, or at `points` of them evenly by rank where there are more.

    Raises InvalidQuery where either kind of pair is missing.
    """
    if not len(genuine) or not len(impostor):
        raise InvalidQuery("error rates need two photos of one pet and photos of two pets")
    seen = np.unique(np.concatenate([_by_rank(genuine, points), _by_rank(impostor, points)]))
    alarms = 1 - np.searchsorted(np.sort(impostor), seen, side="left") / len(impostor)
    misses = np.searchsorted(np.sort(genuine), seen, side="left") / len(genuine)
    return ErrorRates(seen, alarms, misses)


def _by_rank(values: Numbers, points: int) -> Numbers:
    ordered = np.unique(values)
    if len(ordered) <= points:
        return ordered
    return ordered[np.linspace(0, len(ordered) - 1, points).round().astype(np.intp)]
