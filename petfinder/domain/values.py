"""What all values share: checked once, immutable, silent about what was put in; dates and text as they are kept."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, get_args, overload

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from petfinder.domain.errors import ConfigError, InvalidPet, InvalidQuery, PetfinderError

GivenT = TypeVar("GivenT")
KeptT = TypeVar("KeptT")

if TYPE_CHECKING:

    class Takes(Generic[GivenT, KeptT]):
        """What type checkers are told of a field: what may be given for it, and what it is when it is read."""

        @overload
        def __get__(self, value: None, owner: object) -> Any: ...
        @overload
        def __get__(self, value: object, owner: object) -> KeptT: ...
        def __get__(self, value: object | None, owner: object) -> Any: ...
        def __set__(self, value: Any, given: GivenT) -> None: ...

else:

    class Takes:
        """`Takes[what may be given, what is kept]` is the type of a field; pydantic sees only what is kept."""

        def __class_getitem__(cls, types: tuple[Any, Any]) -> Any:
            return types[1]


NOTHING: Any = None  # the default of such a field
NONE_OF_THEM: Any = ()


class Value(BaseModel):
    """A checked, immutable value whose errors name the field and never repeat what was put in.

    Its repr shows places to 0.01 degree, for reprs stand in logs and saved notebooks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)
    refusal: ClassVar[type[PetfinderError]] = InvalidPet

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'as a whole'}: {problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            )
            raise self.refusal(f"this {type(self).__name__} cannot be used: {problems}") from error

    def __setattr__(self, name: str, value: Any) -> None:
        raise self.refusal(f"a {type(self).__name__} is not changed in place; a service's update() changes a pet")

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        shown = super().__repr_args__()
        return [(name, value.rounded() if hasattr(value, "rounded") else value) for name, value in shown]


class ConfigValue(Value):
    """A value that is part of a configuration: raises ConfigError."""

    refusal: ClassVar[type[PetfinderError]] = ConfigError


def epoch_seconds(moment: datetime) -> int:
    """Seconds since 1970-01-01 UTC; a date without zone counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return math.floor(aware.timestamp())


def now() -> datetime:
    """Give the current time in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def writable(text: object) -> object:
    """The text, if it can be kept in UTF-8; raises ValueError."""
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("this text is not valid Unicode and could not be kept; write it again") from error
    return text


def _text(given: object) -> object:
    return None if isinstance(given, str) and not given.strip() else writable(given)


_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d*\s*")


def _as_date(moment: object, read: ValidatorFunctionWrapHandler) -> datetime:
    """Read a date to the second, a pandas time stamp too; raises ValueError, without repeating what was written.

    Numbers are refused, which would be read as seconds since 1970: 2026 is meant as a year.
    """
    if isinstance(moment, (int, float)) or (isinstance(moment, str) and _NUMBER.fullmatch(moment)):
        raise ValueError("write a date as 2026-10-02 or 2026-10-02T14:05:00+02:00, not as a number")
    if hasattr(moment, "to_pydatetime"):
        moment = moment.to_pydatetime(warn=False)
    try:
        kept: datetime = read(moment)
    except ValidationError:
        raise ValueError("no date that can be read; write 2026-08-30 or 2026-08-30T14:05:00+02:00") from None
    return kept.replace(microsecond=0)


AnyMoment = date | str  # a datetime is a date
Moment = Annotated[datetime, WrapValidator(_as_date)]
Text = Annotated[str | None, BeforeValidator(_text)]


def check_kind(value: object, kind: Any, sentence: str, *, refusal: type[PetfinderError] = InvalidQuery) -> None:
    """Raise an error that says what to give instead, unless the value is of this kind."""
    if not isinstance(value, kind):
        raise refusal(f"{sentence}, not {type(value).__name__}")


def check_choice(value: object, choices: Any, *, what: str) -> None:
    """Raise InvalidQuery unless the value is one of a Literal's words."""
    if not isinstance(value, str) or value not in get_args(choices):
        raise InvalidQuery(f"{what}={value!r} is unknown; choose from {', '.join(map(repr, get_args(choices)))}")


def check_similarity(least: float | None) -> None:
    """Raise InvalidQuery for a `min_similarity` that is no cosine."""
    if least is not None and not (isinstance(least, (int, float)) and -1 <= least <= 1):
        raise InvalidQuery("min_similarity is a raw cosine from -1 to 1")
