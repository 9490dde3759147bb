"""What a bulk call did, item by item."""

from __future__ import annotations

from dataclasses import dataclass, field

from petfinder.domain.errors import PetfinderError, RegistryError
from petfinder.domain.shown import as_html
from petfinder.domain.text import clean


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


@dataclass(frozen=True, repr=False)
class BulkReport:
    """What was added, replaced and skipped (ids of pets), each failure, and the files that were passed over.

    `changed` names the skipped pets whose photos are not those that are registered (`on_conflict="replace"` takes
    them in); `pending` counts the photos taken in without an embedding.
    """

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    changed: tuple[str, ...] = ()
    pending: int = field(default=0)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        counts = {
            "added": len(self.added),
            "replaced": len(self.replaced),
            "skipped": len(self.skipped),
            "failed": len(self.failures),
            "passed over": len(self.ignored),
            "photos without embedding yet": self.pending,
        }
        lines = [", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to do"]
        if self.changed:
            lines.append(
                f"  {len(self.changed)} of the skipped have other photos than are registered: "
                'on_conflict="replace" puts what is read now in their place, owner included'
            )
        lines += [f"  {failure}" for failure in self.failures[:20]]
        if len(self.failures) > 20:
            lines.append(f"  … and {len(self.failures) - 20} more in .failures")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return as_html(self)

    def raise_for_failures(self) -> None:
        """Raise BulkFailed, with this report, if anything did not go in."""
        if self.failures:
            first = self.failures[0]
            raise BulkFailed(
                f"{len(self.failures)} of the items did not go in, the first: {clean(first.item)}: {first.reason}",
                self,
            )


class BulkFailed(RegistryError):
    """Some pets of a bulk call did not go in; `report` names each."""

    def __init__(self, message: str, report: BulkReport) -> None:
        super().__init__(message)
        self.report = report
