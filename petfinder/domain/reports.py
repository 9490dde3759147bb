"""What a call on many pets did, item by item."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from petfinder.domain.errors import PetfinderError, RegistryError
from petfinder.domain.shown import Result
from petfinder.domain.text import clean

SHOWN = 20  # failures that a report lists in a terminal; all are in its `failures`


@dataclass(frozen=True)
class Failure:
    """One pet, or one photo of a pet, that did not go in, and why.

    `item` is the pet's id or the file's path; `photo` is set where only this photo of the pet was left out.
    """

    item: str
    error: PetfinderError
    photo: str | None = None

    @property
    def reason(self) -> str:
        """The error in one line, with its kind."""
        return f"{type(self.error).__name__}: {clean(str(self.error))}"

    @property
    def left_out(self) -> str:
        """One line that says what was left out, and why."""
        return f"left out {clean(self.photo or self.item)}: {self.reason}"

    def __str__(self) -> str:
        photo = f" ({clean(self.photo)})" if self.photo else ""
        return f"{clean(self.item)}{photo}: {self.reason}"


@dataclass(frozen=True)
class Ignored:
    """A file in a folder of photos that is not a photo, and why it was passed over."""

    uri: str
    reason: str

    def __str__(self) -> str:
        return f"passed over {clean(self.uri)}: {clean(self.reason)}"


@dataclass(frozen=True)
class OddPhoto:
    """A registered photo that may not be what was meant: the pet's id, the photo's uri, what is odd.

    It shows several animals, surely another species, or nothing like the other photos of its pet.
    """

    pet_id: str
    photo: str
    reason: str

    def __str__(self) -> str:
        return f"{clean(self.pet_id)} ({clean(self.photo)}): {self.reason}"


def _first(things: Sequence[object], attribute: str) -> list[str]:
    """A line for each of the first of these, and where the others are found."""
    more = len(things) - SHOWN
    return [*(f"  {thing}" for thing in things[:SHOWN]), *([f"  … and {more} more in .{attribute}"] * (more > 0))]


class Report(Result, ABC):
    """What a call on many pets did: its counts, and each failure with its reason. Every kind of report is one."""

    failures: tuple[Failure, ...]

    @property
    @abstractmethod
    def counts(self) -> dict[str, int]:
        """How many of what, by the words that name it."""

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join([self._summary(), *_first(self.failures, "failures")])

    def _summary(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.counts.items() if count) or "nothing to do"


@dataclass(frozen=True, repr=False)
class BulkReport(Report):
    """What registering many pets did: ids of pets added, replaced and skipped, each failure, files passed over.

    `changed` names the skipped pets whose photos are not those that are registered (`on_conflict="replace"` takes them
    in); `pending` counts the photos taken in without an embedding; `odd` are photos that one should look at.
    """

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    changed: tuple[str, ...] = ()
    pending: int = 0
    odd: tuple[OddPhoto, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many of what, by the words that name it."""
        return {
            "added": len(self.added),
            "replaced": len(self.replaced),
            "skipped": len(self.skipped),
            "failed": len(self.failures),
            "passed over": len(self.ignored),
            "photos without embedding yet": self.pending,
            "photos to look at": len(self.odd),
        }

    def _summary(self) -> str:
        advice = 'on_conflict="replace" puts what is read now in their place, owner included'
        changed = f"  {len(self.changed)} of the skipped have other photos than are registered: {advice}"
        return "\n".join([super()._summary(), *([changed] if self.changed else []), *_first(self.odd, "odd")])

    def raise_for_failures(self) -> None:
        """Raise BulkFailed, which carries this report, if anything did not go in."""
        if self.failures:
            message = f"{len(self.failures)} of the items did not go in, the first: {self.failures[0]}"
            raise BulkFailed(message, self)


class BulkFailed(RegistryError):
    """Some pets of a bulk call did not go in; `report` names each."""

    def __init__(self, message: str, report: BulkReport) -> None:
        super().__init__(message)
        self.report = report
