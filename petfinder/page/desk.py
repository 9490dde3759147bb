"""The desk where a visitor asks: all that a page may do for people, in plain calls without a single widget.

Reading is open and shows pets as searches do (no owner, places to about 1 km). A locked desk, that of somebody who did
not give the passphrase, lists and opens reports only, and refuses whatever shows contact or changes something.
"""

from __future__ import annotations

import io
import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from petfinder.domain.errors import InvalidPet, InvalidQuery, PassphraseNeeded, PetNotFound, PhotoTooLarge
from petfinder.domain.filters import PetFilter, place_of, places_of
from petfinder.domain.matches import SHOWN, Matches
from petfinder.domain.pairs import Pairs
from petfinder.domain.pets import REPORTED, SPECIES, Owner, Pet, Photo, Place, Status, as_found
from petfinder.domain.text import fold
from petfinder.encoders.base import species_shown
from petfinder.photos.read import completed, read_photo
from petfinder.registry.registry import Registry
from petfinder.registry.service import PetService

ROUNDED_BY_KM = 1.0  # a place and the same to 0.01 degree are at most 0.8 km apart
HALF_ROUND_KM = 20_040.0  # half way round the earth: everywhere
PAGE = SHOWN  # pets on a page
NEAREST = 12  # matches of one search
PAIRS = 20  # pairs on a page
UPLOAD_LIMIT = 25 * 2**20
MOST_PLACED = 300  # pets on one map
_NUMBERED = 30  # pets of one name that are told apart by a number
_CHIP = re.compile(r"[\d\s.\-]{9,}")


@dataclass(frozen=True)
class Upload:
    """A file that a visitor handed in: the name it had there, and its bytes."""

    name: str
    content: bytes = field(repr=False)

    def photo(self) -> Photo:
        """The file as a photo whose errors call it by its name; nothing of where it came from is kept."""
        file = io.BytesIO(self.content)
        file.name = self.name
        return Photo(source=file)


@dataclass(frozen=True)
class Counts:
    """How many pets are registered, and of these lost and found."""

    pets: int = 0
    lost: int = 0
    found: int = 0


@dataclass(frozen=True)
class PetPage:
    """One page of pets by id, how many pass in all, and the id behind which the next page begins, if there is one."""

    pets: tuple[Pet, ...] = ()
    count: int = 0
    following: str | None = None


@dataclass(frozen=True)
class ReportPage:
    """One page of reports, the newest first, and whether there are others behind it."""

    pets: tuple[Pet, ...] = ()
    more: bool = False


class Desk:
    """The desk of one visitor; `locked` as above; `upload_limit_bytes` bounds the files of one call."""

    def __init__(self, registry: Registry, *, locked: bool = False, upload_limit_bytes: int = UPLOAD_LIMIT) -> None:
        self.registry = registry
        self.locked = locked
        self.upload_limit_bytes = upload_limit_bytes

    def of(self, species: str) -> PetDesk:
        """The desk for one of the SPECIES ("dog"); raises InvalidQuery for any other."""
        if species not in SPECIES:
            raise InvalidQuery(f"the desk knows {' and '.join(SPECIES)}, not {species!r}")
        return PetDesk(self, species)

    def desks(self) -> list[PetDesk]:
        """The desks of the species that there are pets of; an index that is not there yet is not made."""
        there = {spec.species for spec in self.registry.specs().values()}
        return [self.of(species) for species in SPECIES if species in there]

    def counts(self) -> Counts:
        """Count the pets of all species."""
        each = [one.counts() for one in self.desks()]
        return Counts(sum(one.pets for one in each), sum(one.lost for one in each), sum(one.found for one in each))

    def look_for(
        self,
        photos: Sequence[Photo],
        *,
        where: PetFilter | None = None,
        place: Place | None = None,
        at: datetime | None = None,
        species: str = "",
    ) -> Matches:
        """Find who the animal in these photos could be, in the light of where and when it was seen or lost.

        Pets of both species, unless one is named or the photos surely show one. Raises PhotoError, InvalidQuery.
        """
        matches = self.registry.find(photos, k=NEAREST, where=where, place=place, at=at)
        rows = [photo.embedding for photo in matches.query if photo.embedding is not None]
        sure = {*species_shown(self.registry.encoder, rows)} if rows else {None}
        shown = {species} if species in SPECIES else sure if len(sure) == 1 and None not in sure else {*SPECIES}
        return replace(matches, found=tuple(match for match in matches if match.pet.species in shown))

    def reports(
        self,
        where: PetFilter | None = None,
        *,
        words: str = "",
        species: str = "",
        since: datetime | None = None,
        page: int = 1,
    ) -> ReportPage:
        """List lost, found and sighted pets, by the day of that, the latest first, 48 on a page; raises InvalidQuery.

        `words` must all stand in name, breed, colour, tags or note. An unlocked desk lists other pets too where the
        filter names their status, by the day on which they were registered.
        """
        given = (where or PetFilter()).model_dump(exclude_unset=True)
        status = given.get("status") or REPORTED
        where = PetFilter.of({**given, "status": [one for one in status if not self.locked or one in REPORTED]})
        desks = [one for one in self.desks() if species in ("", one.species)]
        found = [pet for desk in desks for pet in desk.passing(words, where) if not since or _day(pet) >= since]
        found.sort(key=lambda pet: (-_day(pet).timestamp(), pet.pet_id))
        start = PAGE * (page - 1)
        return ReportPage(tuple(map(as_found, found[start : start + PAGE])), len(found) > start + PAGE)

    def stale(self) -> list[Pet]:
        """List the reports that are past their days; raises PassphraseNeeded."""
        self.check()
        return [as_found(pet) for desk in self.desks() for pet in desk.service.stale()]

    def check(self) -> None:
        """Raise PassphraseNeeded where the desk is locked."""
        if self.locked:
            raise PassphraseNeeded("contact details and changes need the passphrase; give it first")

    def check_uploads(self, uploads: Sequence[Upload]) -> None:
        """Raise PhotoTooLarge, saying the limit in MB, for a file or for files together that pass it."""
        limit = f"may have at most {_megabytes(self.upload_limit_bytes)} MB: send"
        for upload in uploads:
            if (size := len(upload.content)) > self.upload_limit_bytes:
                raise PhotoTooLarge(f"{upload.name} has {_megabytes(size)} MB and a photo {limit} a smaller copy of it")
        if (total := sum(len(upload.content) for upload in uploads)) > self.upload_limit_bytes:
            together = f"these {len(uploads)} photos have {_megabytes(total)} MB together"
            raise PhotoTooLarge(f"{together} and {limit} fewer at a time")

    def look_at(self, upload: Upload) -> Photo:
        """Read a visitor's photo: thumbnail, and date and place as the camera wrote them; raises PhotoError."""
        self.check_uploads([upload])
        return completed(Photo(), read_photo(upload.photo()))


class PetDesk:
    """What a visitor may ask about, and do with, the pets of one species.

    Whatever shows contact or changes a pet raises PassphraseNeeded while the desk is locked.
    """

    def __init__(self, desk: Desk, species: str) -> None:
        self._desk = desk
        self.species = species
        self.service: PetService[Pet] = desk.registry.of(SPECIES[species])

    @property
    def _unlocked(self) -> PetService[Pet]:
        """The service, for what shows contact or changes a pet; raises PassphraseNeeded."""
        self._desk.check()
        return self.service

    def counts(self) -> Counts:
        """Count the pets that are registered, lost, found."""
        count = self.service.count
        return Counts(count(), count(PetFilter(status=Status.LOST)), count(PetFilter(status=Status.FOUND)))

    def similar(self, pet_id: str) -> Matches:
        """Find other pets that look like a registered one; raises PetNotFound, InvalidQuery."""
        return self.service.find_similar(pet_id, k=NEAREST)

    def page(self, *, after: str | None = None, where: PetFilter | None = None) -> PetPage:
        """List at most 48 pets by id, those behind `after`; their pictures come in one request."""
        pets = self._unlocked.list(where, after=after, limit=PAGE + 1)
        shown = pets[:PAGE]
        following = shown[-1].pet_id if len(pets) > PAGE else None
        return PetPage(self._with_pictures(shown), self.service.count(where), following)

    def passing(self, words: str, where: PetFilter | None) -> Iterable[Pet]:
        """Find the pets that pass; with `words` those in which all of these are written.

        Where none is so: the one with this chip number, else those whose photos look like that, where an encoder knows.
        """
        where = self.open_to_all(where)
        if not words:
            return self.service.scan(where)
        found: list[Pet] = [*self.service.search_text(words, where)]
        if not found and _CHIP.fullmatch(words):
            chip = None if self._desk.locked else self.service.find_by_microchip(words)
            return [chip] if chip else []
        if not found and self.service.encoder.supports_text:
            return [match.pet for match in self.service.find_by_text(words, k=NEAREST, where=where)]
        return found

    def pet(self, pet_id: str) -> Pet:
        """Get a pet with the thumbnails of all its photos, as searches show pets; raises PetNotFound.

        A locked desk gives reports only, and no chip number, by which somebody could pass for the owner.
        """
        pet = _shown(self.service.get(pet_id))
        if not self._desk.locked:
            return pet
        if pet.status not in REPORTED:
            raise PetNotFound("this pet is not reported, or not any more")
        return pet.model_copy(update={"microchip": None})

    def thumbnail(self, pet_id: str, photo_id: str) -> bytes | None:
        """Get the EXIF-free JPEG of a photo; None where there is none."""
        return self.service.repository.thumbnails([(pet_id, photo_id)])[0]

    def placed(self, where: PetFilter | None = None) -> tuple[Pet, ...]:
        """List at most 300 pets whose own place or a photo's is known, without pictures."""
        placed = (as_found(pet) for pet in self._unlocked.scan(where) if place_of(pet))
        return tuple(islice(placed, MOST_PLACED))

    def owner_of(self, pet_id: str) -> Owner | None:
        """Say who to call, with all contact; raises PetNotFound."""
        return self._unlocked.owner_of(pet_id)

    def whole(self, pet_id: str) -> Pet:
        """Get the whole pet, owner and exact places with it, to be edited; raises PetNotFound."""
        return self._unlocked.get(pet_id)

    def register(self, uploads: Sequence[Upload], fields: Mapping[str, Any]) -> Pet:
        """Register a pet of these photos and fields (those of Pet); a report without a day is of now.

        An id is made of the name where `fields` has none. Raises PhotoError, InvalidPet (without a photo too),
        DuplicatePet; then nothing is written.
        """
        service = self._unlocked
        check_some(uploads)
        self._desk.check_uploads(uploads)
        known = {name: value for name, value in fields.items() if value not in (None, "")}
        if known.get("status") in REPORTED:
            known = {"status_at": datetime.now().astimezone(), **known}
        known["pet_id"] = known.get("pet_id") or self._free_id(known.get("name") or "")
        pet = self.service.pet_class(**known, photos=_photos(uploads))
        return self.pet(service.register(pet).pet_id)

    def update(self, pet_id: str, changes: Mapping[str, Any]) -> Pet:
        """Change fields of a pet; raises PetNotFound, InvalidPet."""
        self._unlocked.update(pet_id, **changes)
        return self.pet(pet_id)

    def add_photos(self, pet_id: str, uploads: Sequence[Upload]) -> Pet:
        """Give a pet more photos, all or none; raises PetNotFound, PhotoError."""
        service = self._unlocked
        self._desk.check_uploads(uploads)
        service.change(pet_id, lambda pet: pet, photos=_photos(uploads))
        return self.pet(pet_id)

    def remove_photo(self, pet_id: str, photo_id: str) -> Pet:
        """Take one photo from a pet; raises PetNotFound, InvalidQuery."""
        self._unlocked.remove_photo(pet_id, photo_id)
        return self.pet(pet_id)

    def report_lost(self, pet_id: str, *, place: Place | None = None, at: datetime | None = None) -> Pet:
        """Report a registered pet missing, from where and since when (default now); raises PetNotFound."""
        self._unlocked.report_lost(pet_id, place=place, at=at)
        return self.pet(pet_id)

    def renew(self, pet_id: str) -> Pet:
        """Say that a report is still so; raises PetNotFound."""
        self._unlocked.renew(pet_id)
        return self.pet(pet_id)

    def reunite(self, pet_id: str) -> Pet:
        """Report that the pet is back with its people; raises PetNotFound."""
        self._unlocked.reunite(pet_id)
        return self.pet(pet_id)

    def counterparts(self, pet_id: str) -> Matches:
        """Find reports that may be the same animal as this one, beside its own photos; raises as the service does."""
        return replace(self._unlocked.counterparts(pet_id), query=self.pet(pet_id).photos)

    def pairs(self, after: str = "") -> Pairs:
        """List the open pairs behind the id `after`: 20, and one more where there are others."""
        return self._unlocked.open_pairs(after=after, limit=PAIRS + 1)

    def confirm(self, one: str, other: str) -> Pet:
        """Say that two reports are one animal, and get it as it is kept; raises PetNotFound, InvalidQuery."""
        return self.pet(self._unlocked.confirm(one, other).pet_id)

    def dismiss(self, one: str, other: str) -> None:
        """Say that two reports are not one animal; raises PetNotFound."""
        self._unlocked.dismiss(one, other)

    def undo(self, one: str, other: str) -> None:
        """Take back what was said last of two reports; raises PetNotFound, InvalidQuery."""
        self._unlocked.undo(one, other)

    def remove(self, pet_id: str) -> None:
        """Erase a pet with owner, photos and thumbnails; raises PetNotFound."""
        self._unlocked.remove(pet_id)

    def open_to_all(self, where: PetFilter | None) -> PetFilter | None:
        """The filter as it is answered while the desk is locked: distances between places as they are shown.

        With the exact ones somebody could ask again and again until a pet's home is known to the metre.
        """
        if where is None or where.near is None or where.within_km is None or not self._desk.locked:
            return where
        centre, km = where.near.rounded(), where.within_km
        wider = where.model_copy(update={"near": centre, "within_km": km + ROUNDED_BY_KM})
        inside = [
            pet.pet_id
            for pet in self.service.scan(wider)
            if any(centre.km_to(place.rounded()) <= km for place in places_of(pet))
        ]
        return where.model_copy(update={"near": centre, "within_km": HALF_ROUND_KM, "ids": tuple(inside)})

    def _with_pictures(self, pets: Sequence[Pet]) -> tuple[Pet, ...]:
        """The pets as searches show them, the first photo of each with its thumbnail, all fetched in one request."""
        return tuple(_shown(pet) for pet in self.service.with_thumbnails(pets))

    def _free_id(self, name: str) -> str:
        """An id made of the name that no pet has: bella, bella-2, ...; of the species where there is no name."""
        stem = re.sub(r"\W+", "-", fold(name)).strip("-_")[:60]
        if not stem:
            return f"{self.service.species}-{secrets.token_hex(4)}"
        numbered = [stem, *(f"{stem}-{number}" for number in range(2, _NUMBERED))]
        taken = {pet.pet_id for pet in self.service.list(PetFilter(ids=numbered))}
        return next((one for one in numbered if one not in taken), f"{stem}-{secrets.token_hex(4)}")


def check_some(uploads: Sequence[Upload], *, of: str = "the pet") -> None:
    """Raise InvalidPet where no photo was handed in."""
    if not uploads:
        raise InvalidPet(f"choose at least one photo of {of}: it is found by its looks")


def _photos(uploads: Sequence[Upload]) -> list[Photo]:
    return [upload.photo() for upload in uploads]


def _shown(pet: Pet) -> Pet:
    """A pet as searches show it, without embeddings."""
    found = as_found(pet)
    bare = tuple(photo.model_copy(update={"embedding": None}) for photo in found.photos)
    return found.model_copy(update={"photos": bare})


def _day(pet: Pet) -> datetime:
    """When it was lost, found or seen, else when it was registered; long ago where nobody knows."""
    day = pet.status_at or pet.registered_at
    return day.astimezone() if day else datetime.min.replace(tzinfo=timezone.utc)


def _megabytes(count: int) -> str:
    return f"{math.ceil(count / 2**20 * 10) / 10:g}"
