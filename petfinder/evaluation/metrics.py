"""How well embeddings tell pets apart: ranks, precision and error rates of photos whose pet is known.

Similarities are raw cosines. Where two similarities are equal, the wrong pet counts as the nearer one, so that an
encoder which sees no difference is not flattered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.errors import InvalidQuery
from petfinder.domain.vectors import Matrix, Vector, portrait, unit

Numbers = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

_QUERIES_AT_ONCE = 512
_NO_PAIR = "no pet has two photos; give at least one a second photo"


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
            raise InvalidQuery(f"each embedding needs the id of its pet: got {ids.shape} for {embeddings.shape}")
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "embeddings", embeddings)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Rows | Mask) -> Labelled:
        """Some of the photos: by position, or by a mask (n,)."""
        return Labelled(self.ids[rows], self.embeddings[rows])

    def and_also(self, others: Labelled) -> Labelled:
        """These photos followed by others."""
        return Labelled(np.concatenate([self.ids, others.ids]), np.concatenate([self.embeddings, others.embeddings]))

    def with_positives(self) -> Rows:
        """The positions of the photos whose pet has another photo here."""
        _, codes, counts = np.unique(self.ids, return_inverse=True, return_counts=True)
        return np.flatnonzero(counts[codes] > 1)


@dataclass(frozen=True, eq=False)
class Gallery:
    """What is searched: `pets` (p,) in order, and embeddings (m, dims) sorted by pet; pet i's begin at `starts[i]`."""

    pets: NDArray[np.str_]
    embeddings: Matrix
    starts: Rows

    @classmethod
    def of(cls, photos: Labelled) -> Gallery:
        """A gallery of the photos alone. Raises InvalidQuery where there are none."""
        if not len(photos):
            raise InvalidQuery("there are no photos to search in; give at least one pet with a photo")
        order = np.argsort(photos.ids, kind="stable")
        pets, starts = np.unique(photos.ids[order], return_index=True)
        return cls(pets, photos.embeddings[order], starts)

    def similarities(self, queries: Matrix) -> Numbers:
        """Of each query (q, dims) with each pet, the nearest of the pet's embeddings: (q, p), float32."""
        return np.maximum.reduceat(queries @ self.embeddings.T, self.starts, axis=1)

    def codes(self, ids: NDArray[np.str_]) -> Rows:
        """The column of each id in `similarities`; -1 for a pet that is not here."""
        places = np.minimum(np.searchsorted(self.pets, ids), len(self.pets) - 1)
        return np.where(self.pets[places] == ids, places, -1)

    def impostors(self, queries: Matrix, ids: NDArray[np.str_]) -> Numbers:
        """The same (q, p) with -inf for each query's own pet: what it would meet as a stranger."""
        by_pet, codes = self.similarities(queries), self.codes(ids)
        mated = np.flatnonzero(codes >= 0)
        by_pet[mated, codes[mated]] = -np.inf
        return by_pet


def registered(photos: Labelled) -> Gallery:
    """A gallery as a registry keeps it: the photos and, from two photos on, each pet's portrait."""
    alone = Gallery.of(photos)
    by_pet = zip(alone.pets, np.split(alone.embeddings, alone.starts[1:]), strict=True)
    portraits = {pet: face for pet, embeddings in by_pet if (face := portrait(embeddings)) is not None}
    if not portraits:
        return alone
    return Gallery.of(photos.and_also(Labelled(np.array([*portraits]), np.array([*portraits.values()]))))


@dataclass(frozen=True, eq=False)
class Ranking:
    """What each query (q,) met: similarities with its own pet (`genuine`) and with the nearest other (`impostor`).

    `ids` names the query's pet, `ranks` the place of the own pet among the pets (1 = first). -inf stands where there is
    nothing to be near to. `impostor` is what the query would find in a non-mated search, its own pet not registered.
    """

    ids: NDArray[np.str_]
    ranks: NDArray[np.intp]
    genuine: Numbers
    impostor: Numbers

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, places: int) -> Mask:
        """Of each query, whether its own pet is among the first `places` pets; the mean is rank-1, rank-5 ..."""
        return self.ranks <= places

    def found(self, threshold: float) -> Mask:
        """Of each query, whether its own pet is first and its similarity above the threshold."""
        return self.within(1) & (self.genuine > threshold)


def joined(parts: list[Ranking]) -> Ranking:
    """Several rankings as one."""
    columns = zip(*((part.ids, part.ranks, part.genuine, part.impostor) for part in parts), strict=True)
    return Ranking(*map(np.concatenate, columns))


def leave_one_out(photos: Labelled, *, queries: Rows | None = None, seen_as: Matrix | None = None) -> Ranking:
    """Each query photo taken out of the gallery and looked for there: the nearest photo counts, no portraits.

    `queries` are positions in `photos`; left out, every photo whose pet has another one. `seen_as` (q, dims) stands in
    for the queries' embeddings, as of a copy of each photo that was changed.
    """
    return _leave_one_out(photos, queries, seen_as, Gallery.of(photos), portraits=False)


def leave_one_out_registered(
    photos: Labelled, *, queries: Rows | None = None, seen_as: Matrix | None = None
) -> Ranking:
    """The same as a registry would answer: with portraits, the own pet's made anew without the query photo."""
    return _leave_one_out(photos, queries, seen_as, registered(photos), portraits=True)


def _leave_one_out(
    photos: Labelled, queries: Rows | None, seen_as: Matrix | None, gallery: Gallery, *, portraits: bool
) -> Ranking:
    rows = photos.with_positives() if queries is None else queries
    if not len(rows):
        raise InvalidQuery(_NO_PAIR)
    embeddings = photos.embeddings[rows] if seen_as is None else unit(seen_as)
    _, codes = np.unique(photos.ids, return_inverse=True)
    genuine = np.empty(len(rows), np.float64)
    for place, (row, embedding) in enumerate(zip(rows, embeddings, strict=True)):
        positives = np.flatnonzero(codes == codes[row])
        genuine[place] = _nearest(embedding, photos.embeddings[positives[positives != row]], portraits=portraits)
    parts = []
    for start in range(0, len(rows), _QUERIES_AT_ONCE):
        part = slice(start, start + _QUERIES_AT_ONCE)
        ids = photos.ids[rows[part]]
        impostors = gallery.impostors(embeddings[part], ids)
        ahead = (impostors >= genuine[part, None]) & np.isfinite(impostors)
        parts.append(Ranking(ids, 1 + ahead.sum(axis=1), genuine[part], impostors.max(axis=1)))
    return joined(parts)


def _nearest(query: Vector, positives: Matrix, *, portraits: bool) -> float:
    """The similarity with the nearest of a pet's photos, and of its portrait where these count; -inf without photos."""
    face = portrait(positives) if portraits else None
    known = positives if face is None else np.vstack([positives, face])
    return float((known @ query).max()) if len(known) else -np.inf


def _photo_similarities(photos: Labelled, queries: Rows | None) -> Iterator[tuple[Numbers, Mask]]:
    """Of each query, its similarities with all other photos, and which of these show its pet."""
    rows = photos.with_positives() if queries is None else queries
    for start in range(0, len(rows), _QUERIES_AT_ONCE):
        part = rows[start : start + _QUERIES_AT_ONCE]
        for row, similarities in zip(part, photos.embeddings[part] @ photos.embeddings.T, strict=True):
            yield np.delete(similarities, row), np.delete(photos.ids == photos.ids[row], row)


def average_precision(photos: Labelled, *, queries: Rows | None = None) -> Numbers:
    """Of each query photo, the mean of the precision at each photo of its pet among all photos by similarity.

    (q,), 0 to 1; `queries` as in `leave_one_out`; the mean of the result is the mAP. NaN where a query's pet has no
    other photo.
    """
    precisions = []
    for similarities, same in _photo_similarities(photos, queries):
        places = np.flatnonzero(same[np.lexsort((same, -similarities))]) + 1
        precisions.append((np.arange(1, len(places) + 1) / places).mean() if len(places) else np.nan)
    return np.array(precisions)


def pair_similarities(photos: Labelled, *, queries: Rows | None = None) -> tuple[Numbers, Numbers]:
    """Similarities of query photos with photos of the same pet (genuine) and of others (impostor): two arrays.

    `queries` as in `leave_one_out`. Holds 4 bytes a pair: a gigabyte from some 16,000 photos on.
    """
    pairs = list(_photo_similarities(photos, queries))
    if not pairs:
        raise InvalidQuery(_NO_PAIR)
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
    """Both error rates of pairs at `points` similarities seen of each kind, evenly by rank; at all where these are few.

    Raises InvalidQuery where either kind of pair is missing.
    """
    if not len(genuine) or not len(impostor):
        raise InvalidQuery("error rates need two photos of one pet and photos of two pets")
    ranks = np.linspace(0, 1, points)
    seen = np.unique([np.quantile(values, ranks, method="nearest") for values in (genuine, impostor)])
    alarms = 1 - np.searchsorted(np.sort(impostor), seen, side="left") / len(impostor)
    misses = np.searchsorted(np.sort(genuine), seen, side="left") / len(genuine)
    return ErrorRates(seen, alarms, misses)
