"""The desk where a visitor asks: all that a page may do for people, in plain calls without a single widget.

Reading is open and shows pets as searches do (no owner, places to about 1 km). A locked desk, that of somebody who did
not give the passphrase, lists and opens reports only, and refuses whatever shows contact or changes something.
"""

from __future__ import annotations

import io
import math
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from threading import Lock
from typing import Any

from petfinder.domain.errors import InvalidPet, InvalidQuery, PassphraseNeeded, PetNotFound, PhotoTooLarge
from petfinder.domain.filters import PetFilter, places_of
from petfinder.domain.matches import SHOWN, Matches
from petfinder.domain.pets import REPORTED, SPECIES, Pet, Photo, Place, as_found, changed
from petfinder.domain.text import fold
from petfinder.encoders.base import species_shown
from petfinder.registry.registry import Registry
from petfinder.registry.service import PetService

PAGE = SHOWN  # pets on a page
NEAREST = 12  # matches of one search
UPLOAD_LIMIT = 25 * 2**20
LATELY_SECONDS = 5.0
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
class ReportPage:
    """One page of reports, the newest first, and whether there are others behind it."""

    pets: tuple[Pet, ...] = ()
    more: bool = False


class Board:
    """The reports of a registry as searches show pets, the latest first; looked up anew every few seconds.

    All visitors share one: 48 of them are asked for again and again, and to sort them all have to be read.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry, self._reading = registry, Lock()
        self._pets: tuple[Pet, ...] = ()
        self._until, self._changes = -math.inf, 0

    def pets(self) -> tuple[Pet, ...]:
        """List lost, found and sighted pets by the day of that, else by that on which they were registered."""
        with self._reading:
            if time.monotonic() > self._until:
                before = self._changes
                desks, reported = Desk(self._registry).desks(), PetFilter(status=REPORTED)
                found = (as_found(pet) for desk in desks for pet in desk.service.scan(reported))
                self._pets = tuple(sorted(found, key=_latest))
                self._until = time.monotonic() + LATELY_SECONDS if before == self._changes else -math.inf
            return self._pets

    def look_anew(self) -> None:
        """Forget the reports, for something was changed."""
        self._changes += 1
        self._until = -math.inf


class Desk:
    """The desk of one visitor; `locked` as above; `upload_limit_bytes` bounds the files of one call."""

    def __init__(
        self,
        registry: Registry,
        *,
        locked: bool = False,
        board: Board | None = None,
        upload_limit_bytes: int = UPLOAD_LIMIT,
    ) -> None:
        self.registry = registry
        self.locked = locked
        self.board = board or Board(registry)
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

    def counts(self) -> Counter[str]:
        """Count the `pets` of all species, and the reports by their status."""
        pets = sum(desk.service.count() for desk in self.desks())
        return Counter([pet.status for pet in self.board.pets()]) + Counter(pets=pets)

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
        asked: dict[str, Any] = {"k": NEAREST, "where": where, "place": place, "at": at}
        desks = self.desks()
        if named := [desk for desk in desks if desk.species == species]:
            return named[0].service.find(photos, **asked)
        matches = self.registry.find(photos, **asked)
        rows = [photo.embedding for photo in matches.query if photo.embedding is not None]
        sure = {*species_shown(desks[0].service.encoder, rows)} if rows and desks else {None}
        shown = sure if len(sure) == 1 and None not in sure else {*SPECIES}
        return replace(matches, found=tuple(match for match in matches if match.pet.species in shown))

    def reports(
        self,
        *,
        words: str = "",
        species: str = "",
        status: str = "",
        near: Place | None = None,
        km: float = 0.0,
        since: datetime | None = None,
        page: int = 1,
    ) -> ReportPage:
        """List lost, found and sighted pets, the latest first, 48 on a page; raises InvalidQuery.

        `words` must all stand in name, breed, colour, tags or note; distances are between places to 0.01 degree. An
        unlocked desk lists pets of another `status` too, by the day on which they were registered.
        """
        allowed = [one for one in ([status] if status else REPORTED) if not self.locked or one in REPORTED]
        where = PetFilter(status=allowed)
        found: Sequence[Pet]
        if words:
            found = sorted((pet for desk in self.desks() for pet in desk.with_words(words, where)), key=_latest)
        elif status in ("", *REPORTED):
            found = self.board.pets()
        else:
            newest = [desk.service.list(where, newest=True, limit=PAGE * page + 1) for desk in self.desks()]
            found = sorted((as_found(pet) for pets in newest for pet in pets), key=_latest)
        passing = [
            pet
            for pet in found
            if pet.status in allowed
            and species in ("", pet.species)
            and (not since or _day(pet) >= since)
            and (not near or any(near.rounded().km_to(place) <= km for place in places_of(pet)))
        ]
        start = PAGE * (page - 1)
        return ReportPage(tuple(passing[start : start + PAGE]), len(passing) > start + PAGE)

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


class PetDesk:
    """What a visitor may ask about, and do with, the pets of one species.

    Whatever shows contact or changes a pet raises PassphraseNeeded while the desk is locked.
    """

    def __init__(self, desk: Desk, species: str) -> None:
        self._desk = desk
        self.species = species
        self.service: PetService[Pet] = desk.registry.of(SPECIES[species])

    @property
    def unlocked(self) -> PetService[Pet]:
        """The service, for what shows contact or changes a pet; raises PassphraseNeeded."""
        self._desk.check()
        return self.service

    def similar(self, pet_id: str) -> Matches:
        """Find other pets that look like a registered one; raises PetNotFound, InvalidQuery."""
        return self.service.find_similar(pet_id, k=NEAREST)

    def with_words(self, words: str, where: PetFilter) -> Sequence[Pet]:
        """Find the pets that pass and in which all these words are written; raises InvalidQuery where there is none.

        Where none is so, an unlocked desk finds the one with this chip number, else those whose photos look like that.
        """
        found: Sequence[Pet] = self.service.search_text(words, where)
        if found or self._desk.locked:
            return found
        if _CHIP.fullmatch(words):
            chip = self.service.find_by_microchip(words)
            return [chip] if chip else []
        if self.service.encoder.supports_text:
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

    def register(self, uploads: Sequence[Upload], fields: Mapping[str, Any]) -> Pet:
        """Register a pet of these photos and fields (those of Pet); a report without a day is of now.

        An id is made of the name where `fields` has none. Raises PhotoError, InvalidPet (without a photo too),
        DuplicatePet; then nothing is written.
        """
        service = self.unlocked
        check_some(uploads)
        self._desk.check_uploads(uploads)
        known = {name: value for name, value in fields.items() if value not in (None, "")}
        if known.get("status") in REPORTED:
            known = {"status_at": datetime.now().astimezone(), **known}
        known["pet_id"] = known.get("pet_id") or self._free_id(known.get("name") or "")
        pet = self.service.pet_class(**known, photos=_photos(uploads))
        return self.pet(service.register(pet).pet_id)

    def update(self, pet_id: str, changes: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> Pet:
        """Change fields of a pet and add photos, all or nothing; raises PetNotFound, InvalidPet, PhotoError."""
        service = self.unlocked
        self._desk.check_uploads(uploads)
        service.change(pet_id, lambda pet: changed(pet, {**changes}), photos=_photos(uploads))
        return self.pet(pet_id)

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


def place_in(text: str) -> Place | None:
    """The place in "lat, lon", in degrees; None where nothing stands there; raises InvalidQuery."""
    if not text.strip():
        return None
    try:
        if "." in text:  # 38,72 is one number in many countries, and no place
            return Place.model_validate(text)
    except ValueError:
        pass
    raise InvalidQuery("a place is written as latitude, longitude in degrees: 38.72, -9.14")


def _photos(uploads: Sequence[Upload]) -> list[Photo]:
    return [upload.photo() for upload in uploads]


def _shown(pet: Pet) -> Pet:
    """A pet as searches show it, without embeddings."""
    found = as_found(pet)
    bare = tuple(photo.model_copy(update={"embedding": None}) for photo in found.photos)
    return found.model_copy(update={"photos": bare})


def _latest(pet: Pet) -> tuple[float, str]:
    return -_day(pet).timestamp(), pet.pet_id


def _day(pet: Pet) -> datetime:
    """When it was lost, found or seen, else when it was registered; long ago where nobody knows."""
    day = pet.status_at or pet.registered_at
    return day.astimezone() if day else datetime.min.replace(tzinfo=timezone.utc)


def _megabytes(count: int) -> str:
    return f"{math.ceil(count / 2**20 * 10) / 10:g}"
