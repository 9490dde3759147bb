"""What a search answers: matches, the photo that matched, the verdict. Never an owner, never an exact place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

from petfinder.domain.animals import Animals
from petfinder.domain.errors import InvalidQuery
from petfinder.domain.evidence import Evidence, Reason
from petfinder.domain.pets import Pet, PetT, Photo, Place
from petfinder.domain.shown import Listing, Result, Shown, as_figure, as_text
from petfinder.domain.verdicts import Cut, Lines, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_PETS = 6  # a pet and the five others that it stands out from
SHOWN = 48  # pets on one page or in one gallery, and so many thumbnails come with one answer


def id_of(named: PetRef) -> str:
    """Give the id that is meant by an id, a pet or a match; raises InvalidQuery."""
    pet_id = named.pet.pet_id if isinstance(named, Match) else getattr(named, "pet_id", named)
    if isinstance(pet_id, str):
        return pet_id
    raise InvalidQuery(f"a pet is named by its id, a Pet or a Match, not by {type(named).__name__}")


def ids_of(named: PetRef | Iterable[PetRef]) -> tuple[str, ...]:
    """Give the ids of one pet or several, each once; raises InvalidQuery."""
    several = [named] if isinstance(named, (str, Pet, Match)) or not isinstance(named, Iterable) else named
    return tuple(dict.fromkeys(map(id_of, several)))


class Pets(Listing[PetT]):
    """The pets of a listing, in the order of their ids; a notebook shows the first 48 as cards, without owners."""


def percent(probability: float) -> str:
    """A probability in whole percent; never nothing, never certain."""
    whole = round(100 * probability)
    return "under 1%" if whole < 1 else "over 99%" if whole > 99 else f"{whole}%"


@dataclass(frozen=True, repr=False)
class Match(Shown):
    """One pet that was found: the photo of it that matched, the similarity (raw cosine, -1 to 1), the verdict.

    `probability` (0 to 1) is the chance that this is the animal, None where the encoder has no curves for that;
    `reasons` are what it was made of. `pet` has no owner, and places to 0.01 degree. `distance_km` is in whole km from
    the centre of the search, or from where the query photo was taken; None where either place is unknown. `index` and
    `store` are where the pet is registered.
    """

    pet: Pet
    photo: Photo
    similarity: float
    verdict: Verdict | None = None
    probability: float | None = None
    reasons: tuple[Reason, ...] = ()
    distance_km: int | None = None
    index: str = ""
    store: str = ""

    def __repr__(self) -> str:
        return f"<Match {self.pet.pet_id!r} similarity={self.similarity:.3f} verdict={self.verdict}>"

    def __str__(self) -> str:
        chance = "" if self.probability is None else f"{percent(self.probability)}, "
        verdict = f"{chance}{self.verdict}, " if self.verdict else ""
        away = "" if self.distance_km is None else f", {self.distance_km} km away"
        return f"{self.pet.name or self.pet.pet_id} ({verdict}similarity {self.similarity:.3f}{away})"

    def pictured(self, photo: Photo) -> Match:
        """Give the match its photo with the thumbnail, among the pet's photos too."""
        photos = tuple(photo if photo.photo_id == one.photo_id else one for one in self.pet.photos)
        return replace(self, photo=photo, pet=self.pet.model_copy(update={"photos": photos}))


PetRef = str | Pet | Match  # what names a registered pet


@dataclass(frozen=True, repr=False)
class Matches(Result, Sequence[Match]):
    """The pets nearest to a query, nearest first; most probable first where more than the photo is known.

    `nobody` is the probability that the animal is not registered, `others` that it is a pet which is not shown; with
    the matches' own they sum to 1, and all are None where the encoder has no curves. `evidence` is what was assumed,
    `lines` the probabilities behind the verdicts. `query` are the query photos (empty for other queries), `cut` the
    thresholds behind the verdicts (where there are lines: the similarities at which the photo alone reaches them),
    `thresholds_source` what these were measured on. `pets_searched` counts the pets left after the filter,
    `photos_searched` their photos; `pending` counts the pets of the index with photos that no search finds yet, for
    they wait for their embedding. `centre` is where distances are measured from, to 0.01 degree. `animals` are the
    boxes of the animals in the first query photo, largest first; empty where it has a box, or the encoder cannot tell.
    `looks_like` is the species ("cat") that the query photos surely show, where no pets of that species were searched.
    """

    found: tuple[Match, ...] = ()
    query: tuple[Photo, ...] = ()
    cut: Cut | None = None
    pets_searched: int = 0
    photos_searched: int = 0
    pending: int = 0
    thresholds_source: str = ""
    nobody: float | None = None
    others: float | None = None
    evidence: Evidence | None = None
    lines: Lines | None = None
    centre: Place | None = None
    animals: Animals = ()
    looks_like: str | None = None

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

    @property
    def too_few(self) -> bool:
        """Whether fewer pets were searched than a probability needs to judge by the gallery itself."""
        return self.lines is not None and 0 < self.pets_searched < FEWEST_PETS

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

    def plot(self) -> Figure:
        """Draw the query beside its matches with matplotlib; raises ConfigError without the `notebook` extra."""
        return as_figure(self)

    def plot_places(self) -> Figure:
        """Draw where these pets are, around the centre of the search, with matplotlib; places to 0.01 degree.

        Raises ConfigError without the `notebook` extra.
        """
        return as_figure(self, "places")


class Answers(Listing[Matches], Result):
    """The answers to several queries, in their order; a notebook shows the best match of each of the first 48."""
