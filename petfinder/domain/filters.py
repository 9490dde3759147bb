"""PetFilter: which pets a search, a listing or a count looks at, and the one table of fields behind it.

Stores see only the `Restriction` that a filter comes down to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import to_jsonable_python

from petfinder.domain.errors import InvalidQuery, PetfinderError
from petfinder.domain.fields import FIELD, FIELDS
from petfinder.domain.pets import EARTH_RADIUS_KM, AnyPlace, Pet, Place, Status
from petfinder.domain.text import fold, words
from petfinder.domain.values import NONE_OF_THEM, NOTHING, AnyMoment, Moment, Takes, Value, epoch_seconds

EDGE_KM = 2e-5  # stores keep places to about a centimetre, so the edge of a circle is two wide and belongs to it
Terms = tuple[tuple[str, tuple[str, ...]], ...]

TERM_FIELDS: Mapping[str, Callable[[Pet], Iterable[str]]] = {
    **{field.name: field.values for field in FIELDS if field.filtered},
    "name": FIELD["name"].values,
    "status": lambda pet: (pet.status.value,),
    "owner": lambda pet: (pet.owner.name,) if pet.owner else (),
}
"""What PetFilter compares: under each name, what a pet has, before folding."""

_LONGEST = 1000  # characters of a value that can be asked for


def own_words(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Write fields of a class of one's own as words to compare: `ears=lop` by JSON's text for each value, folded."""
    written = to_jsonable_python({name: value for name, value in values.items() if name not in Pet.model_fields})
    single = [(name, one) for name, some in written.items() for one in (some if isinstance(some, list) else [some])]
    whole = [(name, int(one) if isinstance(one, float) and one.is_integer() else one) for name, one in single]
    texts = (f"{name}={fold(str(one))}" for name, one in whole if one is not None)
    return tuple(dict.fromkeys(text for text in texts if len(text) <= _LONGEST))


def _folded(field: str, value: str) -> str:
    return FIELD[field].fold(value) if field in FIELD else fold(value)


@dataclass(frozen=True)
class Circle:
    """All places within `km` kilometres of `centre`."""

    centre: Place
    km: float


@dataclass(frozen=True)
class Cells:
    """Whole cells of 0.01 degree, as the edges in degrees: a place is inside exactly where its rounded one is.

    Cells that would reach over a pole or 180 degrees of longitude end there.
    """

    south: float
    north: float
    west: float
    east: float

    @classmethod
    def around(cls, place: Place, km: float) -> Cells:
        """All cells whose middle lies in the square of this half side, in km, around a rounded place."""
        middle, degrees = place.rounded(), math.degrees(km / EARTH_RADIUS_KM)
        narrow = max(0.01, math.cos(math.radians(middle.lat)))
        high, wide = (math.ceil(side / 0.01) * 0.01 + 0.005 for side in (degrees, min(degrees / narrow, 180)))
        edges = (middle.lat - high, middle.lat + high, middle.lon - wide, middle.lon + wide)
        most = (90, 90, 180, 180)
        return cls(*(min(max(round(edge, 3), -end), end) for edge, end in zip(edges, most, strict=True)))


DATES = ("taken", "registered", "lost")
NEVER, EARLIEST, LATEST = -(2**37), -(2**36), 2**38  # epoch seconds: no date, and the bounds of all there are
_APART = 2**40


@dataclass(frozen=True)
class Span:
    """The dates of one kind, a photo's (`taken`) or the pet's, from `first` to `last`: epoch seconds, both included."""

    what: str
    first: int = EARLIEST
    last: int = LATEST

    @property
    def kept(self) -> tuple[int, int]:
        """Both ends as stores keep dates: each kind lies apart."""
        apart = _APART * DATES.index(self.what)
        return self.first + apart, self.last + apart


DATED_OR_NEVER = Span("registered", NEVER)  # what every pet has that was written since there are these dates


@dataclass(frozen=True)
class Restriction:
    """What a store checks: every named term field has one of its values, the id is (not) among these, a date lies in
    each of the spans, one place lies in the circle, one in the cells. All must hold."""

    terms: Terms = ()
    ids: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    circle: Circle | None = None
    cells: Cells | None = None

    def also(self, terms: Terms) -> Restriction:
        """Add terms that must hold too."""
        return replace(self, terms=self.terms + terms)


def terms_of(pet: Pet) -> dict[str, tuple[str, ...]]:
    """What the pet can be filtered by, folded: one entry for each field of the table, and its `words`."""
    terms: dict[str, Iterable[str]] = {
        field: [_folded(field, value) for value in given]
        for field, values in TERM_FIELDS.items()
        if (given := values(pet))
    }
    texts = [text for field in FIELDS if field.words for text in field.values(pet)]
    terms["words"] = [word for text in texts for word in words(text)]
    if own := _own_fields(type(pet)):
        terms["own"] = own_words({name: getattr(pet, name) for name in own})
    return {field: kept for field, values in terms.items() if (kept := tuple(dict.fromkeys(filter(None, values))))}


@cache
def _own_fields(pet_class: type[Pet]) -> tuple[str, ...]:
    """The fields that a class of pets has beside those of every pet, and that its pets show."""
    own = pet_class.model_fields.items()
    return tuple(name for name, field in own if name not in Pet.model_fields and not field.exclude)


def dates_of(pet: Pet) -> tuple[int, ...]:
    """When the pet's photos were taken, when it was registered and lost, as stores keep dates."""
    lost = pet.status_at if pet.status is Status.LOST else None
    dates = [*(("taken", photo.taken_at) for photo in pet.photos), ("registered", pet.registered_at), ("lost", lost)]
    kept = [Span(what, epoch_seconds(date)).kept[0] for what, date in dates if date]
    return (*kept, *(() if pet.registered_at else DATED_OR_NEVER.kept[:1]))


def own_place(pet: Pet) -> Place | None:
    """Where its record says that the pet is or lives: where it was lost, found or seen, else its home."""
    return pet.status_place or pet.place


def places_of(pet: Pet) -> tuple[Place, ...]:
    """Where the pet was lost, found or seen, where it lives, and its photos' places."""
    places = (pet.status_place, pet.place, *(photo.place for photo in pet.photos))
    return tuple(place for place in places if place)


def place_of(pet: Pet) -> Place | None:
    """Where a pet is shown on a map: the first of its places."""
    return next(iter(places_of(pet)), None)


def _several(values: Any) -> Any:
    if values is None:
        return None
    return tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)


def _as_words(own: Any) -> Any:
    if not isinstance(own, Mapping):
        return own
    if known := own.keys() & Pet.model_fields.keys():
        raise ValueError(f"these are the fields of a class of your own; every pet has {', '.join(sorted(known))}")
    return tuple(own_words({name: value}) for name, value in own.items())


AnyWords = str | Iterable[str]
Several = Annotated[tuple[str, ...] | None, BeforeValidator(_several)]


class PetFilter(Value):
    """A restriction on pets: every field that is given must hold; of several values in one field, one must.

    Text is compared after NFKC, casefold and strip. `taken_after` and `taken_before` (both included; without zone: UTC)
    hold if one photo was taken in the whole range; `near` (lat, lon in degrees) with `within_km` holds if one place of
    the pet (of its status, its own, a photo's) lies in the circle; the two are independent. `registered_after` and
    `registered_before` bound `registered_at`, `lost_after` and `lost_before` the `status_at` of lost pets.
    `own={"ears": "lop"}` asks for fields of a class of your own. An empty list of values matches nothing. Raises
    InvalidQuery.
    """

    refusal: ClassVar[type[PetfinderError]] = InvalidQuery

    breed: Takes[AnyWords | None, Several] = NOTHING
    colour: Takes[AnyWords | None, Several] = NOTHING
    sex: Takes[AnyWords | None, Several] = NOTHING
    status: Takes[AnyWords | None, Several] = NOTHING
    owner: Takes[AnyWords | None, Several] = NOTHING
    tags: Takes[AnyWords | None, Several] = NOTHING
    ids: Takes[AnyWords | None, Several] = NOTHING
    exclude: Takes[AnyWords | None, Several] = NOTHING
    microchip: Takes[AnyWords | None, Several] = NOTHING
    taken_after: Takes[AnyMoment | None, Moment | None] = NOTHING
    taken_before: Takes[AnyMoment | None, Moment | None] = NOTHING
    near: Takes[AnyPlace | None, Place | None] = NOTHING
    within_km: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    name: Takes[AnyWords | None, Several] = NOTHING
    registered_after: Takes[AnyMoment | None, Moment | None] = NOTHING
    registered_before: Takes[AnyMoment | None, Moment | None] = NOTHING
    lost_after: Takes[AnyMoment | None, Moment | None] = NOTHING
    lost_before: Takes[AnyMoment | None, Moment | None] = NOTHING
    own: Takes[Mapping[str, Any], Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_as_words)]] = NONE_OF_THEM

    @field_validator("status")
    @classmethod
    def _known_status(cls, wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
        unknown = [status for status in wanted or () if fold(status) not in Status.__members__.values()]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no status; choose from {', '.join(Status)}")
        return wanted

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.near is None) != (self.within_km is None):
            raise ValueError("near and within_km go together")
        for span in self._spans():
            if span.first > span.last:
                raise ValueError(f"{span.what}_after is later than {span.what}_before")
        return self

    @classmethod
    def of(cls, where: AnyFilter | None, fields: Mapping[str, Any] | None = None) -> PetFilter | None:
        """Make a filter of one, of a mapping of its fields, and of named fields; None where nothing is asked."""
        if where is not None and not isinstance(where, (PetFilter, Mapping)):
            raise InvalidQuery('where is a PetFilter, or {"breed": "pug"}; search_text looks for words')
        if isinstance(where, PetFilter):
            if not fields:
                return where
            where = {name: getattr(where, name) for name in where.model_fields_set}
        both = {str(name): value for name, value in {**(where or {}), **(fields or {})}.items()}
        return cls(**both) if both else None

    def _spans(self) -> Iterator[Span]:
        for what in DATES:
            after, before = getattr(self, f"{what}_after"), getattr(self, f"{what}_before")
            if after or before:
                first, last = EARLIEST if after is None else epoch_seconds(after), before and epoch_seconds(before)
                yield Span(what, first, LATEST if last is None else last)

    def restriction(self) -> Restriction:
        """Turn the filter into the form that stores check."""
        circle = Circle(self.near, self.within_km + EDGE_KM) if self.near and self.within_km else None
        return Restriction(
            terms=tuple(
                (field, tuple(_folded(field, value) for value in values))
                for field in TERM_FIELDS
                if (values := getattr(self, field)) is not None
            )
            + tuple(("own", words) for words in self.own),
            ids=None if self.ids is None else frozenset(self.ids),
            exclude=frozenset(self.exclude or ()),
            spans=tuple(self._spans()),
            circle=circle,
        )

    def matches(self, pet: Pet) -> bool:
        """Tell whether the pet passes: the reference meaning that every store must agree with."""
        rule = self.restriction()
        own = terms_of(pet)
        if any(not set(values) & set(own.get(field, ())) for field, values in rule.terms):
            return False
        if pet.pet_id in rule.exclude or (rule.ids is not None and pet.pet_id not in rule.ids):
            return False
        dates = dates_of(pet)
        if not all(any(first <= date <= last for date in dates) for first, last in (span.kept for span in rule.spans)):
            return False
        circle = rule.circle
        return circle is None or any(circle.centre.km_to(place) <= circle.km for place in places_of(pet))


AnyFilter = PetFilter | Mapping[str, Any]
