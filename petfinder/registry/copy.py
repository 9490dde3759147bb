"""A registry copied from one store to another: a file to a server, and back.

What is there already with the same content is not written again, so a copy that was broken off is completed by running
it again, and a later one brings over what was changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from petfinder.domain.errors import IndexExists, IndexMismatch, IndexNotFound, StoreError
from petfinder.domain.filters import Restriction
from petfinder.domain.reports import Failure, Report
from petfinder.domain.text import clean
from petfinder.domain.values import check_kind
from petfinder.domain.vectors import Matrix, Vector
from petfinder.registry.documents import matched, to_match_quietly
from petfinder.registry.progress import progress_bar
from petfinder.registry.registry import Registry
from petfinder.registry.repository import Tally
from petfinder.stores.base import Store
from petfinder.stores.documents import SCHEMA, Document, IndexSpec, batches, side_by_side

_BATCH = 64  # pets compared in one request; with their thumbnails they are held in memory
_EXAMPLES = 5  # missing pets that an error names
Tell = Callable[["CopyReport"], object]


@dataclass(frozen=True, repr=False)
class CopyReport(Report):
    """What copying one index did: pets copied now, pets that were there already, alike, and each failure.

    `index` is its name at the target; `others` counts the pets that only the target has, which are left alone.
    """

    index: str
    copied: int
    already: int
    failures: tuple[Failure, ...] = ()
    others: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many of what, by the words that name it."""
        optional = {"failed": len(self.failures), "others left alone": self.others}
        return {"pets copied": self.copied, "there already": self.already} | optional

    def _summary(self) -> str:
        always = ("pets copied", "there already")
        counts = [f"{count} {what}" for what, count in self.counts.items() if count or what in always]
        return f"{clean(self.index)}: {', '.join(counts)}"


def copy_registry(
    source: Registry, target: Registry, *, progress: bool | None = None, tell: Tell | None = None
) -> list[CopyReport]:
    """Copy all indexes of a registry, pets with owners, embeddings, thumbnails, and records; one report an index.

    `tell` gets each report as soon as there is one, and of a copy that was broken off what was done by then.
    Indexes that are missing at the target are made, with the encoder and the thresholds of the source's. Raises
    IndexNotFound where the source has none; IndexMismatch before anything is written where one at the target was filled
    by another encoder; StoreError where pets are missing at the end.
    """
    for registry in (source, target):
        check_kind(registry, Registry, "a registry is copied to another one, as petfinder.connect gives them")
    specs = specs_to_copy(source)
    names = {name: target.index_name(spec.species) for name, spec in specs.items()}
    store = target.util.store
    for name, spec in specs.items():
        _check_target(store, names[name], spec)
    here = source.util.store
    return [copy_index(here, store, name, to=names[name], progress=progress, tell=tell) for name in specs]


def specs_to_copy(source: Registry) -> dict[str, IndexSpec]:
    """What the indexes of a registry remember of themselves, by name; raises IndexNotFound where it has none."""
    specs = source.specs()
    if not specs:
        raise IndexNotFound(f"{source!r} holds no pets yet; register some, or check its name")
    return specs


def copy_index(
    source: Store,
    target: Store,
    index: str,
    *,
    to: str | None = None,
    progress: bool | None = None,
    tell: Tell | None = None,
) -> CopyReport:
    """Copy one index to another store, or under another name; `tell` and errors as of copy_registry."""
    copy = _Copy(source, index, target, to or index, source.spec(index))
    try:
        target.create_index(copy.name, replace(copy.spec, schema=SCHEMA))
    except IndexExists:
        _check_target(target, copy.name, copy.spec)
    try:
        copy.run(progress=progress)
        copy.check()
    finally:
        done, copied = copy.tally, len(copy.tally.added) + len(copy.tally.replaced)
        report = CopyReport(copy.name, copied, copy.already, tuple(done.failures), copy.others)
        if tell is not None:
            tell(report)
    return report


@dataclass(eq=False)
class _Copy:
    """One copy on its way, and the record of what was copied so far."""

    source: Store
    index: str
    target: Store
    name: str
    spec: IndexSpec
    already: int = 0
    others: int = 0
    tally: Tally = field(default_factory=Tally)

    def run(self, *, progress: bool | None) -> None:
        """Write the pets that the target lacks or has otherwise, then the records that it lacks, and the thresholds."""
        total = self.source.count(self.index, Restriction())
        with progress_bar(progress, what=f"copying {self.index}", total=total) as bar:
            for outcome in self.target.write(self.name, self._lacking(bar.update), mode="index", expected=self.spec):
                self.tally.add(outcome)
        self._put_records()
        if self.target.spec(self.name).thresholds != self.spec.thresholds:
            self.target.change_thresholds(self.name, self.spec.thresholds)

    def _lacking(self, compared: Callable[[], object]) -> Iterator[Document]:
        for batch in batches(self.source.scan(self.index, Restriction(), vectors=True, expected=self.spec), _BATCH):
            ids = [document.id for document in batch]
            found = self.target.get(self.name, ids, vectors=True, expected=self.spec)
            there = _with_thumbnails(self.target, self.name, [document for document in found if document is not None])
            known = {document.id: document for document in there}
            for document in _with_thumbnails(self.source, self.index, batch):
                compared()
                if document.id in known and _alike(document, known[document.id]):
                    self.already += 1
                else:
                    yield replace(to_match_quietly(document), version=0, made_from=0)

    def _put_records(self) -> None:
        """Put the records whose pets are all at the target and whose keys are not."""
        for batch in batches(self.source.scan_records(self.index), _BATCH):
            named = {pet for record in batch for pet in record.pets}
            pets = {pet.id for pet in self.target.get(self.name, sorted(named)) if pet is not None}
            for record, known in zip(batch, self.target.records(self.name, [one.key for one in batch]), strict=True):
                if known is None and pets.issuperset(record.pets):
                    self.target.put_record(self.name, record)

    def check(self) -> None:
        """Count the target's other pets; raises StoreError, naming them, where pets of the source are not in it."""
        failed = {failure.item for failure in self.tally.failures}
        missing: list[str] = []
        both = side_by_side(self.source.versions(self.index), self.target.versions(self.name))
        for id_, in_source, in_target in both:
            if in_source is None:
                self.others += 1
            elif in_target is None and id_ not in failed:
                missing.append(id_)
        place = f"{self.name!r} of {self.target.location}"
        if missing:
            some = ", ".join(missing[:_EXAMPLES]) + (", …" if len(missing) > _EXAMPLES else "")
            raise StoreError(f"{len(missing)} pets of {self.index!r} are not in {place}: {some}; run the copy again")
        if failed or self.others:
            return
        here, there = vars(self.source.stats(self.index)), vars(self.target.stats(self.name))
        for what in ("pets", "photos", "pending"):
            if here[what] != there[what]:
                counts = f"{place} counts {there[what]} {what}, the source {here[what]}"
                raise StoreError(f"{counts}; was somebody writing? run the copy again")


def _check_target(target: Store, name: str, spec: IndexSpec) -> None:
    """Refuse a target that could not take these embeddings; one that is not there yet can."""
    try:
        there = target.spec(name)
    except IndexNotFound:
        return
    if other := there.difference(spec):
        where = f"{name!r} of {target.location} is there with {other}"
        raise IndexMismatch(f"{where}; copy into a registry of another name, or move one with rebuild first")


def _with_thumbnails(store: Store, index: str, documents: Sequence[Document]) -> list[Document]:
    photos = [(one.id, photo) for one in documents for photo in {*one.photo_ids, *one.terms.get("photo", ())}]
    found: dict[str, dict[str, bytes]] = {one.id: {} for one in documents}
    for (id_, photo), data in zip(photos, store.thumbnails(index, photos), strict=True):
        if data is not None:
            found[id_][photo] = data
    return [replace(one, thumbnails=found[one.id]) for one in documents]


def _alike(one: Document, other: Document) -> bool:
    vectors_alike = _near(one.vectors, other.vectors) and _near(one.portrait, other.portrait)
    return vectors_alike and _content(one) == _content(other)


def _near(one: Matrix | Vector | None, other: Matrix | Vector | None) -> bool:
    """Whether vectors are the same; servers since 9.2 give them back rounded in the last digit."""
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and (len(one) == 0 or bool(np.allclose(one, other, atol=1e-5)))


def _content(document: Document) -> tuple[object, ...]:
    """What a document says beside its vectors, the same whichever store it comes from."""
    return (
        document.body,
        document.private,
        {field: set(values) for field, values in matched(document).terms.items() if values},
        sorted(document.dates),
        sorted(document.places),
        document.photo_ids,
        document.pending,
        document.thumbnails,
    )
