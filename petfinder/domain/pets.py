"""Pets, their owners and their photos: immutable values, checked once when they are made."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, Self, TypeVar

import numpy as np
from PIL import Image
from pydantic import (
    BeforeValidator,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from petfinder.domain.errors import InvalidPet
from petfinder.domain.shown import Shown
from petfinder.domain.text import fold
from petfinder.domain.values import NONE_OF_THEM, NOTHING, AnyMoment, Moment, Takes, Text, Value, writable
from petfinder.domain.vectors import Vector

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
CONTACT = {"contact": True}  # the serialisation context that asks for people's contact by name
PEOPLE = ("owner", "finder")  # the fields of a pet that hold contact
_HIDDEN_OWNER_FIELDS = ("phone", "email", "address", "picture")


def _by_name(given: Any, *names: str, least: int | None = None) -> Any:
    """Numbers, as a sequence or as text with commas between, by their names; anything else unchanged."""
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, (tuple, list)):
        return given
    if not (least or len(names)) <= len(given) <= len(names):
        raise ValueError(f"write {','.join(names)}")
    return dict(zip(names, given, strict=False))


class Place(Value):
    """Where something was: `lat` -90 to 90, `lon` -180 to 180, in degrees (WGS 84). (lat, lon) or "lat,lon" will do."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, given: Any) -> Any:
        return _by_name(given, "lat", "lon")

    def km_to(self, other: Place) -> float:
        """Measure the great circle to another place in km (haversine formula, mean Earth radius of the IUGG)."""
        lat, other_lat = math.radians(self.lat), math.radians(other.lat)
        half_lat, half_lon = (other_lat - lat) / 2, math.radians(other.lon - self.lon) / 2
        chord = math.sin(half_lat) ** 2 + math.cos(lat) * math.cos(other_lat) * math.sin(half_lon) ** 2
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))

    def rounded(self) -> Place:
        """Round to 0.01 degree (about 1 km), as searches show places."""
        return Place(lat=round(self.lat, 2), lon=round(self.lon, 2))


AnyPlace = Place | Sequence[float] | str


class Box(Value):
    """Where in the picture the pet is: left edge `x`, upper edge `y`, width `w`, height `h`, each 0 to 1.

    `margin` widens the crop on every side by this share of the box. (x, y, w, h) or "x,y,w,h" will do, then a margin.
    """

    x: float = Field(ge=0, lt=1)
    y: float = Field(ge=0, lt=1)
    w: float = Field(gt=0, le=1)
    h: float = Field(gt=0, le=1)
    margin: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        return _by_name(given, "x", "y", "w", "h", "margin", least=4)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.x + self.w > 1 + 1e-6 or self.y + self.h > 1 + 1e-6:
            raise ValueError("the box reaches outside the picture: x + w and y + h must not pass 1")
        return self


AnyBox = Box | Sequence[float] | str


class Photo(Value, Shown):
    """One picture of one pet, made of a path, bytes, a file object, a PIL image, RGB uint8 array, or of named fields.

    `uri` says where the original is; `source` holds a picture given in memory until it is read. `photo_id` is the
    sha256 of the file's bytes (of the RGB pixels for a PIL image) and the box. A `taken_at` without zone is the
    camera's local time. `thumbnail` is an EXIF-free JPEG, `embedding` float32 (dims,). Raises InvalidPet.
    """

    uri: Takes[str | os.PathLike[str] | None, Text] = NOTHING
    photo_id: Text = None
    taken_at: Takes[AnyMoment | None, Moment | None] = NOTHING
    place: Takes[AnyPlace | None, Place | None] = NOTHING
    box: Takes[AnyBox | None, Box | None] = NOTHING
    thumbnail: bytes | None = Field(default=None, exclude=True, repr=False)
    embedding: Takes[Any, Annotated[Vector | None, Field(exclude=True, repr=False)]] = NOTHING
    source: Any = Field(default=None, exclude=True, repr=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            photo: AnyPhoto | None = None,
            /,
            *,
            uri: str | os.PathLike[str] | None = None,
            photo_id: str | None = None,
            taken_at: AnyMoment | None = None,
            place: AnyPlace | None = None,
            box: AnyBox | None = None,
            thumbnail: bytes | None = None,
            embedding: Any = None,
            source: Any = None,
        ) -> None: ...

    else:

        def __init__(self, photo: Any = None, /, **fields: Any) -> None:
            super().__init__(**(fields if photo is None else {**_picture(photo), **fields}))

    @model_validator(mode="before")
    @classmethod
    def _from_a_picture(cls, given: Any) -> Any:
        return given if isinstance(given, (Mapping, Photo)) else _picture(given)

    @field_validator("uri", mode="before")
    @classmethod
    def _path(cls, uri: Any) -> Any:
        return os.fspath(uri) if isinstance(uri, os.PathLike) else uri

    @field_validator("source")
    @classmethod
    def _holds_a_picture(cls, source: Any) -> Any:
        pictures = (bytes, bytearray, memoryview, Image.Image, np.ndarray)
        if source is None or isinstance(source, (str, os.PathLike, *pictures)) or hasattr(source, "read"):
            return source
        raise ValueError("this is no photo: give a path, bytes, a file object, a PIL image or an RGB uint8 array")

    @field_validator("embedding", mode="before")
    @classmethod
    def _own_copy(cls, embedding: Any) -> Any:
        if embedding is None:
            return None
        try:
            vector = np.array(embedding, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError("an embedding is a row of numbers") from error
        vector.flags.writeable = False
        return vector

    def _identity(self) -> tuple[object, ...]:
        source = None if self.photo_id else id(self.source)
        return (self.uri, self.photo_id, self.taken_at, self.place, self.box, source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Photo) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


AnyPhoto = Photo | str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any]


def _picture(given: Any) -> dict[str, Any]:
    if isinstance(given, Photo):
        return {name: getattr(given, name) for name in given.model_fields_set}
    return {"uri": os.fspath(given)} if isinstance(given, (str, os.PathLike)) else {"source": given}


def is_one_photo(given: Any) -> bool:
    """Tell one photo, whatever it is given as, from a list, set or stream of them."""
    one = isinstance(given, (str, bytes, bytearray, memoryview, os.PathLike, Photo, Mapping, np.ndarray))
    return one or hasattr(given, "read") or not isinstance(given, Iterable)


def several_photos(given: Any) -> tuple[Any, ...]:
    """Take one photo, or any list, set or stream of photos, as a tuple."""
    if is_one_photo(given):
        return (given,)
    return tuple(sorted(given, key=str) if isinstance(given, Set) else given)


class Owner(Value):
    """A person to call: an owner, or who found or saw an animal. A name alone will do.

    Ways to reach them show in no repr, str or JSON unless the context `CONTACT` asks for them. `picture` is
    a photo of the person, for the owner card. Raises InvalidPet for a blank name.
    """

    name: Annotated[str, BeforeValidator(writable)] = Field(pattern=r"\S")
    phone: Text = None
    email: Text = None
    address: Text = None
    picture: Takes[AnyPhoto | None, Photo | None] = NOTHING

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        if isinstance(given, str) and ("@" in given or sum(sign.isdigit() for sign in given) > 5):
            raise ValueError("a text alone is a person's name; write Owner(name=..., phone=..., email=...)")
        return {"name": given} if isinstance(given, str) else given

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("name", self.name)]

    @model_serializer(mode="wrap")
    def _without_contact(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        shown: dict[str, Any] = handler(self)
        if not (isinstance(info.context, Mapping) and info.context.get("contact")):
            shown = {name: value for name, value in shown.items() if name not in _HIDDEN_OWNER_FIELDS}
        return shown


AnyOwner = Owner | str | Mapping[str, Any]


class Status(StrEnum):
    """What is known of where a pet is: at home, lost, found by somebody, seen by somebody, back with its people.

    Nobody holds a sighted animal: there is a photo and a place.
    """

    HOME = "home"
    LOST = "lost"
    FOUND = "found"
    SIGHTED = "sighted"
    REUNITED = "reunited"


TAKEN_IN = (Status.FOUND, Status.SIGHTED)
REPORTED = (Status.LOST, *TAKEN_IN)
_AT_HOME: Any = Status.HOME


def _folded(given: Any) -> Any:
    return fold(given) if isinstance(given, str) else given


def _as_photos(given: Any) -> Any:
    return () if given is None else several_photos(given)


def _as_tags(given: Any) -> Any:
    if given is None:
        return ()
    several = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not all(isinstance(tag, str) for tag in several):
        raise ValueError("tags are words")
    tags = [tag.strip() for tag in several if tag.strip()]
    return tuple({fold(tag): writable(tag) for tag in tags}.values())


if TYPE_CHECKING:
    _Species = Any  # so that a class of one's own may narrow it to its Literal
else:
    _Species = str


class Pet(Value, Shown):
    """One registered animal. Raises InvalidPet for what cannot be kept.

    pet_id        its key in every store: printable, at most 512 bytes
    species       what it is; Dog and Cat fix it
    name, breed, colour, sex, note: what people say of it; tags: marks, each a word or a few
    status        home, lost, found, sighted or reunited, since `status_at`
    status_place  where it was lost, found or seen: (lat, lon) in degrees
    place         where it lives; `indoor`: whether it does not go out
    microchip     a chip or tattoo number
    owner         whom to call: an Owner, or a name; `finder`: who found or saw it
    photos        pictures of it: paths, bytes, file objects, PIL images, RGB uint8 arrays, or Photos; three are best
    held_back     one feature that the other side must name: it is searched, shown and exported nowhere
    registered_at, renewed_at: when it came in, when its report was last said to be still so; kept to the second
    confirmed     whether somebody approved its report
    """

    pet_id: str = Field(min_length=1)
    species: _Species = Field(min_length=1)
    name: Text = None
    breed: Text = None
    colour: Text = None
    sex: Text = None
    status: Takes[str, Annotated[Status, BeforeValidator(_folded)]] = _AT_HOME
    status_at: Takes[AnyMoment | None, Moment | None] = NOTHING
    status_place: Takes[AnyPlace | None, Place | None] = NOTHING
    place: Takes[AnyPlace | None, Place | None] = NOTHING
    indoor: bool | None = None
    microchip: Text = None
    tags: Takes[str | Iterable[str] | None, Annotated[tuple[str, ...], BeforeValidator(_as_tags)]] = NONE_OF_THEM
    note: Text = None
    held_back: Text = Field(default=None, exclude=True, repr=False)
    owner: Takes[AnyOwner | None, Owner | None] = NOTHING
    finder: Takes[AnyOwner | None, Owner | None] = NOTHING
    photos: Takes[AnyPhoto | Iterable[AnyPhoto] | None, Annotated[tuple[Photo, ...], BeforeValidator(_as_photos)]] = (
        NONE_OF_THEM
    )
    registered_at: Takes[AnyMoment | None, Moment | None] = NOTHING
    renewed_at: Takes[AnyMoment | None, Moment | None] = NOTHING
    confirmed: bool = True

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Have help() of a class of pets begin with the fields."""
        cls.__doc__ = f"{cls.__doc__ or cls.__name__}\n\n{Pet.__doc__}"

    @field_validator("pet_id")
    @classmethod
    def _usable_key(cls, pet_id: str) -> str:
        if not is_usable_id(pet_id):
            raise ValueError("pet_id must be printable, at most 512 bytes, without spaces at its ends")
        return pet_id

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [(name, value) for name, value in super().__repr_args__() if name not in PEOPLE]


class Dog(Pet):
    """A dog."""

    species: Literal["dog"] = "dog"


class Cat(Pet):
    """A cat."""

    species: Literal["cat"] = "cat"


def is_usable_id(pet_id: str) -> bool:
    """Tell whether a text can be the key of a pet in every store."""
    return pet_id == pet_id.strip() and pet_id.isprintable() and 0 < len(pet_id.encode()) <= 512


def species_of(pet_class: type[Pet]) -> str:
    """The species that a class of pets is fixed to; raises InvalidPet for a class that fixes none."""
    if not (isinstance(pet_class, type) and issubclass(pet_class, Pet)):
        raise InvalidPet(f"{pet_class!r} is no class of pets; give petfinder.Dog, petfinder.Cat or one of your own")
    species = pet_class.model_fields["species"].default
    if not isinstance(species, str):
        raise InvalidPet(f'{pet_class.__name__} fixes no species; write: species: Literal["rabbit"] = "rabbit"')
    return species


SPECIES: Mapping[str, type[Pet]] = {species_of(pet_class): pet_class for pet_class in (Dog, Cat)}
"""The species that every registry has an index for: another one is a class above and its name here."""

PetT = TypeVar("PetT", bound=Pet)


def changed(pet: PetT, values: dict[str, Any]) -> PetT:
    """Make the pet anew with these values, all of it checked; raises InvalidPet."""
    return type(pet)(**{name: getattr(pet, name) for name in type(pet).model_fields} | values)


def as_found(pet: PetT) -> PetT:
    """The pet as a search may show it: no owner, no finder, nothing held back, places to 0.01 degree."""
    hidden = (pet.place, pet.status_place, *(photo.place for photo in pet.photos), pet.owner, pet.finder, pet.held_back)
    if not any(hidden):
        return pet
    photos = tuple(
        photo.model_copy(update={"place": photo.place.rounded()}) if photo.place else photo for photo in pet.photos
    )
    places = {"place": pet.place, "status_place": pet.status_place}
    rounded = {name: place and place.rounded() for name, place in places.items()}
    return pet.model_copy(update={**dict.fromkeys((*PEOPLE, "held_back")), **rounded, "photos": photos})
