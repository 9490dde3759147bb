"""All vectors of an index in memory, kept in blocks, and the exact search in them.

Each document has a slot: its rows stand together, those of its photos first, its portrait last. A document that is
gone leaves its rows behind until the matrix is built anew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.vectors import Matrix, Vector

_BLOCK_BYTES = 2**24  # the least that a matrix grows by; what is not filled yet takes no memory
_GROWTH = 4  # or by a quarter of itself: rows are never copied, and few blocks are quicker than many
_SIMILARITIES_AT_ONCE = 2**22  # 16 MB of float32 for a group of queries
_GATHER_BELOW = 0.3  # of the slots; above this share the whole product is quicker than picking rows out
_ROUNDING = 1e-5  # more than float32 products of unit vectors differ by, whatever the order of summation
_AT_ONCE = 8192
_IN_CACHE = 256
# Up to so many rows one query is multiplied on one thread: on a busy machine BLAS waits milliseconds for its other
# threads, and they spin on for tens of milliseconds, on cores that the encoder of the next query needs.
_WITHOUT_BLAS = 4096

Numbers = NDArray[np.int64]


class Change(NamedTuple):
    """What became of one document: its rows, photos first; none for one that is gone."""

    doc: int
    photos: int
    portrait: int
    vectors: bytes | None


@dataclass(frozen=True)
class Near:
    """A document near a query: its number, its similarity, and which of its photos is the nearest (None: has none)."""

    doc: int
    similarity: float
    photo: int | None


class VectorMatrix:
    """The vectors of one index, of `dims` numbers each; `change` is the last change that it has seen."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self.change = 0
        self._blocks: list[Matrix] = []
        self._edges = [0]  # where each block begins, and where the last one ends
        self._docs: Numbers = np.zeros(0, dtype=np.int64)
        self._starts: Numbers = np.zeros(1, dtype=np.int64)  # one more than slots: the last is the number of rows
        self._photos: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._living: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    @property
    def rows(self) -> int:
        """How many rows are taken, those of documents that are gone too."""
        return int(self._starts[-1])

    @property
    def wasted(self) -> float:
        """The share of slots whose documents are gone."""
        return 1 - self._living.mean() if len(self._living) else 0.0

    def apply(self, changes: Iterable[Sequence[Change]], *, rows: int, change: int) -> None:
        """Take in what changed, `rows` vectors in chunks, up to and with this change.

        New documents are numbered upwards: each has a higher number than all that came before.
        """
        self._make_room(rows)
        docs, counts, photos, gone = [], [], [], []
        end = self.rows
        for chunk in changes:
            gone += [one.doc for one in chunk if not one.vectors]
            there = [one for one in chunk if one.vectors]
            docs += [one.doc for one in there]
            counts += [one.photos + one.portrait for one in there]
            photos += [one.photos for one in there]
            data = b"".join(one.vectors or b"" for one in there)
            end = self._append(np.frombuffer(data, dtype=np.float32).reshape(-1, self.dims), at=end)
        self._living[self._slots(np.array(gone, dtype=np.int64))] = False
        if docs:
            self._docs = np.concatenate([self._docs, np.array(docs, dtype=np.int64)])
            self._starts = np.concatenate([self._starts, self.rows + np.cumsum(counts)])
            self._photos = np.concatenate([self._photos, np.array(photos, dtype=np.int32)])
            self._living = np.concatenate([self._living, np.ones(len(docs), dtype=np.bool_)])
        self.change = change

    def _make_room(self, rows: int) -> None:
        end = self._edges[-1]
        if end - self.rows < rows:
            least = max(_BLOCK_BYTES // (4 * self.dims), end // _GROWTH)
            self._blocks.append(np.empty((max(least, rows), self.dims), dtype=np.float32))
            self._edges.append(end + len(self._blocks[-1]))

    def _append(self, vectors: Matrix, *, at: int) -> int:
        while len(vectors):
            block = bisect_right(self._edges, at) - 1
            position = at - self._edges[block]
            part = vectors[: len(self._blocks[block]) - position]
            self._blocks[block][position : position + len(part)] = part
            at, vectors = at + len(part), vectors[len(part) :]
        return at

    def _slots(self, docs: Numbers) -> Numbers:
        """The slots of those of these documents that have one."""
        if not len(self._docs) or not len(docs):
            return np.zeros(0, dtype=np.int64)
        slots = np.minimum(np.searchsorted(self._docs, docs), len(self._docs) - 1)
        found: Numbers = slots[self._docs[slots] == docs]
        return found

    def chosen(self, passing: Numbers | None, *, without: Numbers) -> Numbers | None:
        """Return the slots of documents in `passing` (ascending; None: all) and not in `without`; None: every slot."""
        left_out = self._slots(without)
        if passing is None and not len(left_out) and self._living.all():
            return None
        slots = np.arange(len(self._docs)) if passing is None else self._slots(passing)
        kept = self._living[slots]
        if len(left_out):
            kept &= ~np.isin(slots, left_out)
        return slots[kept]

    def counts(self, slots: Numbers | None) -> tuple[int, int]:
        """Return how many documents a choice of slots holds, and how many photos these have together."""
        photos = self._photos if slots is None else self._photos[slots]
        return len(photos), int(photos.sum())

    def nearest(
        self, queries: Matrix, slots: Numbers | None, *, k: int, min_similarity: float | None
    ) -> Iterator[list[Near]]:
        """Find for each query (m, dims) the nearest documents among these slots: k, and all as near as the k-th.

        They come nearest first, equal ones in any order. Similarities are exact: summed in float64, and the same for
        the same two vectors wherever they stand.
        """
        group = max(1, _SIMILARITIES_AT_ONCE // max(1, self.rows))
        for first in range(0, len(queries), group):
            some = queries[first : first + group]
            for query, best in zip(some, self._best(some, slots), strict=True):
                yield self._ranked(query, best, slots, k=k, min_similarity=min_similarity)

    def _best(self, queries: Matrix, slots: Numbers | None) -> NDArray[np.float32]:
        """For each query the largest similarity of each slot chosen (m, slots)."""
        if slots is not None and not len(slots):
            return np.zeros((len(queries), 0), dtype=np.float32)
        if slots is not None and len(slots) < _GATHER_BELOW * len(self._docs):
            rows, starts = self._rows_of(slots)
            return _largest(self._products(queries, rows), starts)
        best = _largest(self._all_products(queries), self._starts[:-1])
        return best if slots is None else best[:, slots]

    def _rows_of(self, slots: Numbers) -> tuple[Numbers, Numbers]:
        """The rows of some slots one after the other, and where in them each slot begins."""
        first = self._starts[slots]
        counts = self._starts[slots + 1] - first
        if (counts == 1).all():
            return first, np.arange(len(slots))
        starts = np.cumsum(counts) - counts
        return np.arange(counts.sum()) + np.repeat(first - starts, counts), starts

    def _all_products(self, queries: Matrix) -> NDArray[np.float32]:
        products = np.empty((len(queries), self.rows), dtype=np.float32)
        for first, block in zip(self._edges, self._blocks, strict=False):
            part = products[:, first : first + len(block)]
            if len(queries) == 1 and self.rows <= _WITHOUT_BLAS:
                np.einsum("ij,j->i", block[: part.shape[1]], queries[0], out=part[0])
            elif len(queries) == 1:
                np.dot(block[: part.shape[1]], queries[0], out=part[0])
            elif part.shape[1]:
                part[:] = queries @ block[: part.shape[1]].T
        return products

    def _products(self, queries: Matrix, rows: Numbers) -> NDArray[np.float32]:
        products = np.empty((len(queries), len(rows)), dtype=np.float32)
        at_once = _AT_ONCE if len(queries) > 1 else _IN_CACHE
        for first in range(0, len(rows), at_once):
            some = self._rows(rows[first : first + at_once])
            # einsum calls no BLAS, whose threads take longer to meet than so few rows take to multiply.
            part = queries @ some.T if len(queries) > 1 else np.einsum("ij,j->i", some, queries[0])
            products[:, first : first + len(some)] = part
        return products

    def _rows(self, rows: Numbers) -> Matrix:
        found = np.empty((len(rows), self.dims), dtype=np.float32)
        bounds = np.searchsorted(rows, self._edges)
        for first, block, begin, end in zip(self._edges, self._blocks, bounds, bounds[1:], strict=False):
            if begin < end:
                np.take(block, rows[begin:end] - first, axis=0, out=found[begin:end], mode="clip")  # buffers nothing
        return found

    def _ranked(
        self, query: Vector, best: NDArray[np.float32], slots: Numbers | None, *, k: int, min_similarity: float | None
    ) -> list[Near]:
        floor = -np.inf if min_similarity is None else min_similarity
        if k < len(best):
            floor = max(floor, float(np.partition(best, len(best) - k)[len(best) - k]))
        candidates = np.flatnonzero(best >= floor - _ROUNDING)
        if slots is not None:
            candidates = slots[candidates]
        near: list[Near] = []
        for first in range(0, len(candidates), _AT_ONCE):
            near += self._exactly(query, candidates[first : first + _AT_ONCE])
        near.sort(key=lambda one: -one.similarity)
        least = near[k - 1].similarity if k <= len(near) else -np.inf
        if min_similarity is not None:
            least = max(least, min_similarity)
        return [one for one in near if one.similarity >= least]

    def _exactly(self, query: Vector, slots: Numbers) -> Iterator[Near]:
        rows, starts = self._rows_of(slots)
        # Row by row, not a BLAS product: that sums in another order in another place.
        cosines = np.clip((self._rows(rows) * query.astype(np.float64)).sum(axis=1), -1.0, 1.0)
        largest = np.maximum.reduceat(cosines, starts) if len(starts) else cosines
        photos = self._photos[slots].tolist()
        for doc, similarity, start, count in zip(
            self._docs[slots].tolist(), largest.tolist(), starts.tolist(), photos, strict=True
        ):
            photo = int(cosines[start : start + count].argmax()) if count else None
            yield Near(doc=doc, similarity=similarity, photo=photo)


def _largest(products: NDArray[np.float32], starts: Numbers) -> NDArray[np.float32]:
    if len(starts) == products.shape[1]:
        return products
    return np.maximum.reduceat(products, starts, axis=1)
