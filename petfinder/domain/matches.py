"""What a search answers: matches, the photo that matched, the verdict. Never an owner, never an exact place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, overload

from petfinder.domain.pets import Pet, Photo, Place
from petfinder.domain.shown import as_figure, as_html, as_text
from petfinder.domain.verdicts import Cut, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PetT = TypeVar("PetT", bound=Pet)
SHOWN = 48  # pets on one page or in one gallery, and so many thumbnails come with one answer


class Pets(list[PetT]):
    """Pets of a listing, by id; a notebook shows the first 48 as cards, without owners and exact places."""

    def _repr_html_(self) -> str:
        return as_html(self)


@dataclass(frozen=True, repr=False)
class Match:
    """One pet that was found: the photo of it that matched, the similarity (raw cosine), the verdict.

    `pet` has no owner, and places to 0.01 degree; `distance_km` is in whole km, from where the search was centred or
    the query photo was taken. `index` and `store` are where the pet is registered.
    """

    pet: Pet
    photo: Photo
    similarity: float
    verdict: Verdict | None = None
    distance_km: int | None = None
    index: str = ""
    store: str = ""

    def __repr__(self) -> str:
        return f"<Match {self.pet.pet_id!r} similarity={self.similarity:.3f} verdict={self.verdict}>"

    def __str__(self) -> str:
        verdict = f"{self.verdict}, " if self.verdict else ""
        away = "" if self.distance_km is None else f", {self.distance_km} km away"
        return f"{self.pet.name or self.pet.pet_id} ({verdict}similarity {self.similarity:.3f}{away})"


@dataclass(frozen=True, repr=False)
class Matches(Sequence[Match]):
    """The pets nearest to a query, nearest first.

    `query` are the query photos (empty for other queries), `cut` the thresholds behind the verdicts, `pets_searched`
    how many pets were left after the filter, and `photos_searched` how many photos these have. `centre` is where
    distances are counted from, to 0.01 degree.
    """

    found: tuple[Match, ...] = ()
    query: tuple[Photo, ...] = ()
    cut: Cut | None = None
    pets_searched: int = 0
    photos_searched: int = 0
    thresholds_source: str = ""
    centre: Place | None = None

    @property
    def best(self) -> Match | None:
        """The nearest pet; None where there is none."""
        return self.found[0] if self.found else None

    @property
    def verdict(self) -> Verdict | None:
        """The best match's verdict; unknown where a photo found nothing; None for queries without verdicts."""
        if self.best:
            return self.best.verdict
        return Verdict.UNKNOWN if self.cut else None

    @overload
    def __getitem__(self, position: int) -> Match: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Match, ...]: ...
    def __getitem__(self, position: int | slice) -> Match | tuple[Match, ...]:
        return self.found[position]

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def plot(self) -> Figure:
        """The query beside its matches as a matplotlib figure; needs the `notebook` extra (else ConfigError)."""
        return as_figure(self)

    def plot_places(self) -> Figure:
        """Where these pets are, around where the search was centred or the query photo was taken.

        A matplotlib figure, places to 0.01 degree; needs the `notebook` extra (else ConfigError).
        """
        return as_figure(self, "places")
