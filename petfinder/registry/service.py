"""PetService: all that people do with the pets of one species: register, change, report lost and found, and find."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from petfinder.domain.errors import InvalidPet, InvalidQuery
from petfinder.domain.filters import PetFilter
from petfinder.domain.matches import PetRef
from petfinder.domain.pets import (
    REPORTED,
    AnyOwner,
    AnyPhoto,
    AnyPlace,
    Cat,
    Dog,
    Pet,
    PetT,
    Photo,
    Status,
    changed,
    several_photos,
)
from petfinder.domain.reports import BulkReport
from petfinder.domain.values import AnyMoment, check_kind, now
from petfinder.registry.documents import distinct_photos
from petfinder.registry.embed import embed_photos, people_with_pictures
from petfinder.registry.foreign import ExistingIndex
from petfinder.registry.opened_index import check_encoder, outliving_rebuilds
from petfinder.registry.registration import Completion, Incoming, Registration
from petfinder.registry.repository import Missing, OnConflict, check_stream
from petfinder.registry.two_sides import TwoSides

logger = logging.getLogger(__name__)
Tell = Callable[[BulkReport], object]
_SET_OTHERWISE = {"pet_id": "a new registration", "species": "another service", "photos": "add_photo, remove_photo"}


class PetService(TwoSides[PetT]):
    """The registry of one species: everything a PetFinder answers, and everything that changes pets."""

    def register(self, pet: PetT, *, on_conflict: OnConflict = "error") -> PetT:
        """Register one pet with its photos and return it as it is kept.

        One photo that cannot be read refuses the pet, and nothing is written. If the pet_id is there already: "error"
        raises DuplicatePet, "skip" returns the pet that is there, "replace" puts this one in its place. An odd
        photo (BulkReport.odd) is logged as a warning. Raises PhotoError, InvalidPet.
        """
        if not isinstance(pet, Pet):
            raise InvalidPet(f"register takes a pet, not a {type(pet).__name__}; read_folder makes pets of photos")
        report = Registration(self, on_conflict=on_conflict, strict=True).run([pet], progress=False)
        for failure in report.failures:
            raise failure.error
        for photo in report.odd:
            logger.warning("%s", photo)
        if pet.status in REPORTED:
            self.finish_matching(pet.pet_id)
        return self.get(pet.pet_id)

    def register_many(
        self,
        pets: Incoming[PetT],
        *,
        on_conflict: OnConflict = "skip",
        embed: bool = True,
        progress: bool | None = None,
        tell: Tell | None = None,
    ) -> BulkReport:
        """Register any iterable of pets, streamed, and report what became of each.

        `pets` may hold the failures and ignored files that read_folder and read_csv give; they go into the report. Pets
        that are there are skipped, so a second run goes on where the first stopped. `embed=False` keeps the photos and
        leaves the encoder's work to embed_pending(). `progress`: a bar or none; None: on a terminal and in a notebook.
        `tell` gets the report in any case, also where the call is interrupted.
        """
        check_stream(pets, "register_many takes a list or stream of pets; register takes one, read_folder a folder")
        work = Registration(self, on_conflict=on_conflict, embed=embed)
        try:
            report = work.run(pets, progress=progress)
            self.finish_matching()
            return report
        finally:
            if tell is not None:
                tell(work.tally.report())

    def import_index(
        self,
        existing: ExistingIndex[PetT],
        *,
        on_conflict: OnConflict = "skip",
        progress: bool | None = None,
        tell: Tell | None = None,
    ) -> BulkReport:
        """Copy all pets, owners and embeddings of an index that petfinder did not make, and report on each.

        Pets that are there are skipped, so that a second call goes on where the first stopped. A photo without an
        embedding (or one of zeros) is embedded from its original, or reported. Raises IndexMismatch (other encoder).
        """
        check_kind(existing, ExistingIndex, "registry.open_existing opens an index of others", refusal=InvalidPet)
        check_encoder(self.repository.encoder_identity, existing.encoder, index=self.repository.index)
        return self.register_many(existing.pets(), on_conflict=on_conflict, progress=progress, tell=tell)

    def embed_pending(self, *, progress: bool | None = None) -> BulkReport:
        """Embed the photos that wait for it, from their originals or else thumbnails; report the pets completed.

        `progress` as in register_many.
        """
        report = Completion(self).run(progress=progress)
        self.finish_matching()
        return report

    @outliving_rebuilds
    def change(self, pet_id: PetRef, change: Callable[[PetT], PetT], *, photos: Sequence[AnyPhoto] = ()) -> PetT:
        """Change one pet by a function, and give it more photos, in one write: all of it or nothing.

        `change` gets the whole pet and returns it changed; it is called again on what others wrote meanwhile. A photo
        that the pet has already changes nothing. Raises PetNotFound, PhotoError, EditConflict after 5 tries, and
        InvalidPet for what is no pet of this id.
        """
        check_kind(change, Callable, "a pet is changed by a function that takes and returns it", refusal=InvalidPet)
        new: list[Photo] = []
        if several := several_photos(photos):
            change(self.repository.get(pet_id))  # what this refuses is refused before a photo is read
            new = [read.photo for read in embed_photos(several, self.encoder, limits=self.limits)]

        def with_photos(pet: PetT) -> PetT:
            known = {photo.photo_id for photo in pet.photos}
            added = [photo for photo in new if photo.photo_id not in known]
            after = change(pet)
            if after is not pet:
                check_kind(after, Pet, "the function returns the changed pet", refusal=InvalidPet)
                after = changed(after, {})  # model_copy checked nothing
            if after.pet_id != pet.pet_id:
                raise InvalidPet("a pet keeps its pet_id: register it anew under another one")
            return after.model_copy(update={"photos": distinct_photos((*after.photos, *added))}) if added else after

        pet = self.repository.update(pet_id, with_photos)
        if pet.status in REPORTED:
            self.finish_matching(pet.pet_id)
        return pet

    def add_photo(self, pet_id: PetRef, photo: AnyPhoto) -> PetT:
        """Add a photo to a pet and update its portrait; a photo that it has already changes nothing.

        Raises PetNotFound, PhotoError, EditConflict.
        """
        return self.change(pet_id, lambda pet: pet, photos=[photo])

    def remove_photo(self, pet_id: PetRef, photo_id: str) -> PetT:
        """Remove one photo of a pet, with embedding and thumbnail; raises PetNotFound, InvalidQuery, EditConflict."""
        check_kind(photo_id, str, "a photo is named by its photo_id")

        def without(pet: PetT) -> PetT:
            left = tuple(photo for photo in pet.photos if photo.photo_id != photo_id)
            if len(left) == len(pet.photos):
                raise InvalidQuery(f"pet {pet.pet_id!r} has no photo {photo_id!r}")
            return pet.model_copy(update={"photos": left})

        return self.change(pet_id, without)

    def update(self, /, pet_id: PetRef, **changes: Any) -> PetT:
        """Change named attributes of a pet; what is not named stays, owner and finder too.

        Raises PetNotFound, InvalidPet (unknown or unusable attribute), EditConflict after 5 tries.
        """
        for name in changes:
            if name in _SET_OTHERWISE:
                raise InvalidPet(f"{name} is not changed by update but by {_SET_OTHERWISE[name]}")

        def change(pet: PetT) -> PetT:
            after = changed(pet, changes)
            return after.model_copy(update=people_with_pictures(after, limits=self.limits))

        return self.change(pet_id, change)

    def remove(
        self, pet_ids: PetRef | Iterable[PetRef] | PetFilter, *, missing: Missing = "error", confirm: bool = False
    ) -> tuple[str, ...]:
        """Erase pets with owner, photos and thumbnails and return the ids that were there.

        With missing="error" an unknown id raises PetNotFound, and nothing is removed. All pets that pass a PetFilter go
        with confirm=True; without it InvalidQuery says how many they are.
        """
        if isinstance(pet_ids, (PetFilter, Mapping)):
            if not confirm:
                raise InvalidQuery(f"{self.count(pet_ids)} pets pass this filter; confirm=True erases them all")
            pet_ids, missing = [pet.pet_id for pet in self.scan(pet_ids)], "ignore"
        return self.repository.remove(pet_ids, missing=missing)

    def report_lost(self, pet: PetRef | PetT, *, place: AnyPlace | None = None, at: AnyMoment | None = None) -> PetT:
        """Report a pet missing since `at` (default: now) from `place`: a registered one, or a new one.

        `place` becomes its `status_place`, None where it is not known; where the pet lives stays. Errors as of update
        and register.
        """
        if isinstance(pet, self.pet_class) and pet.registered_at is None:
            where = place or pet.status_place
            return self.register(_reported(pet, Status.LOST, {"status_place": where}, at))
        return self.update(
            pet, status=Status.LOST, status_at=now() if at is None else at, status_place=place, renewed_at=None
        )

    def report_found(
        self, pet: PetT, *, place: AnyPlace | None = None, at: AnyMoment | None = None, finder: AnyOwner | None = None
    ) -> PetT:
        """Register a stray that somebody took in, as found at `at` (default: now) in `place` by `finder`.

        What is not given is the pet's own; without a `status_place` its `place` is that. Errors as of register.
        """
        return self._taken_in(pet, Status.FOUND, place, at, finder)

    def report_sighting(
        self, pet: PetT, *, place: AnyPlace | None = None, at: AnyMoment | None = None, finder: AnyOwner | None = None
    ) -> PetT:
        """Register a stray that somebody saw and did not take in; all else as report_found."""
        return self._taken_in(pet, Status.SIGHTED, place, at, finder)

    def _taken_in(self, pet: PetT, status: Status, place: Any, at: AnyMoment | None, finder: Any) -> PetT:
        check_kind(pet, Pet, "a report takes a pet, petfinder.Dog(pet_id=..., photos=...)", refusal=InvalidPet)
        where = {"status_place": place or pet.status_place, "finder": finder or pet.finder}
        if not where["status_place"]:
            where |= {"status_place": pet.place, "place": None}
        return self.register(_reported(pet, status, where, at))

    def reunite(self, pet_id: PetRef) -> PetT:
        """Report a pet back with its people, where it lives; raises PetNotFound."""
        return self.update(pet_id, status=Status.REUNITED, status_at=now(), status_place=None, renewed_at=None)

    def renew(self, pet_id: PetRef) -> PetT:
        """Say that a report is still so: it is fresh again from now on; raises PetNotFound."""
        return self.update(pet_id, renewed_at=now())


def _reported(pet: PetT, status: Status, known: dict[str, Any], at: AnyMoment | None) -> PetT:
    return changed(pet, known | {"status": status, "status_at": (pet.status_at or now()) if at is None else at})


class DogService(PetService[Dog]):
    """The registry of dogs."""


class CatService(PetService[Cat]):
    """The registry of cats."""
