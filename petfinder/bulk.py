"""What a bulk call comes to: outcomes counted while they stream by.

Knows the port of stores and the reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

from petfinder.errors import DuplicatePet, PetfinderError, StoreError
from petfinder.pets import Pet
from petfinder.reports import BulkReport, Failure
from petfinder.stores.port import Document, Outcome

PetT = TypeVar("PetT", bound=Pet)
OnConflict = Literal["error", "replace", "skip"]


def already_there(pet_id: str) -> DuplicatePet:
    """The error for a pet that is registered already."""
    return DuplicatePet(f'pet {pet_id!r} is registered already; on_conflict="replace" or "skip", or another id')


class BulkCount:
    """Counts outcomes while they stream by, and becomes a BulkReport at the end."""

    def __init__(self, on_conflict: OnConflict) -> None:
        self.on_conflict = on_conflict
        self.ids: dict[str, list[str]] = {"added": [], "replaced": [], "exists": [], "failed": []}
        self.failures: list[Failure] = []

    def add(self, outcome: Outcome) -> None:
        """Take in what became of one pet."""
        self.ids[outcome.result].append(outcome.id)
        if outcome.result == "failed":
            self.failures.append(Failure(outcome.id, outcome.error or StoreError("the store did not say why")))
        elif outcome.result == "exists" and self.on_conflict == "error":
            self.failures.append(Failure(outcome.id, already_there(outcome.id)))

    def report(self, failures: Iterable[Failure]) -> BulkReport:
        """What was counted, with failures from before the store."""
        skipped = self.ids["exists"] if self.on_conflict == "skip" else []
        return BulkReport(
            added=tuple(self.ids["added"]),
            replaced=tuple(self.ids["replaced"]),
            skipped=tuple(skipped),
            failures=(*failures, *self.failures),
        )


def insert_all(
    pets: Iterable[PetT],
    to_document: Callable[[PetT], Document],
    write: Callable[[Iterator[Document]], Iterator[Outcome]],
    *,
    on_conflict: OnConflict,
) -> BulkReport:
    """Write a stream of pets; every one is in the report, those too that were left when the store gave up."""
    failures: list[Failure] = []
    counted = BulkCount(on_conflict)
    incoming = iter(pets)
    on_the_way: Counter[str] = Counter()

    def documents() -> Iterator[Document]:
        for pet in incoming:
            try:
                document = to_document(pet)
            except PetfinderError as error:
                failures.append(Failure(pet.pet_id, error))
                continue
            on_the_way[pet.pet_id] += 1
            yield document

    try:
        for outcome in write(documents()):
            on_the_way[outcome.id] -= 1
            counted.add(outcome)
    except StoreError as error:
        failures += [Failure(pet_id, error) for pet_id in on_the_way.elements()]
        failures += [Failure(pet.pet_id, error) for pet in incoming]
    return counted.report(failures)
