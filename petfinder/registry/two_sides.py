"""Lost meets found: reports of three kinds, matched both ways as they are written, and what people say of the pairs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from petfinder.domain.errors import EditConflict, InvalidQuery, StoreError
from petfinder.domain.filters import PetFilter, own_place
from petfinder.domain.matches import Matches, PetRef, Pets, id_of
from petfinder.domain.pairs import Pair, Pairs, PairState
from petfinder.domain.pets import REPORTED, TAKEN_IN, Pet, PetT, Status, as_found, changed
from petfinder.domain.values import now
from petfinder.domain.vectors import common_direction
from petfinder.matching import judge
from petfinder.matching.weigh import Asked
from petfinder.registry.documents import TELLING, TO_MATCH, distinct_photos, matched, to_be_matched, to_pet
from petfinder.registry.finder import PetFinder, Wanted
from petfinder.registry.opened_index import outliving_rebuilds
from petfinder.registry.pair_book import CONFIRM, DISMISS, UNDO, Meeting, pair_id
from petfinder.stores.documents import Document, batches

PAIRS_A_REPORT = 5
"""Chosen: so many of the most probable counterparts of a report become pairs."""

_PAGE = 32
_RESTORED = ("status", "status_at", "status_place", "renewed_at")
Listener = Callable[[Pair], object]

logger = logging.getLogger(__name__)


class TwoSides(PetFinder[PetT]):
    """The reports of one species: who may be whose counterpart, and what people decided.

    `listeners` are called with each new pair that this process writes. Every call raises StoreError.
    """

    listeners: Sequence[Listener] = ()

    @outliving_rebuilds
    def counterparts(self, pet_id: PetRef, *, k: int = 5) -> Matches:
        """Find the reports of the other side that may be the same animal, the most probable first.

        For a lost pet the found and sighted ones; for a found or sighted one the lost and the other found and sighted
        ones; never itself, nor what was dismissed. Photos, places, days and facts of both are weighed. Raises
        PetNotFound, and InvalidQuery for a pet that is not reported or has no embedded photo.
        """
        document = self.repository.get_document(id_of(pet_id))
        pet = to_pet(document, self.repository.pet_class)
        if pet.status not in REPORTED:
            raise InvalidQuery(f"{pet.pet_id!r} is {pet.status}: only lost, found and sighted pets have counterparts")
        if not len(document.vectors):
            raise InvalidQuery(f"{pet.pet_id!r} has no embedded photo to be compared by: add one")
        return self._illustrated(self._counterparts(pet, document, k))

    def _counterparts(self, pet: PetT, document: Document, k: int) -> Matches:
        others = TAKEN_IN if pet.status is Status.LOST else REPORTED
        where = PetFilter(status=others, exclude=[pet.pet_id])
        place = own_place(pet)
        asked = Asked(place and place.rounded(), pet.status_at, told=pet.status is Status.LOST, about=pet)
        [found] = self._searched([common_direction(document.vectors)], asked, Wanted(judge.NEAREST, where, None))
        answer = self._weighed(found, asked, photos=1)
        near = [match.pet.pet_id for match in answer.found]
        states = self._book.states([pair_id(pet.pet_id, other) for other in near])
        dismissed = {other for other, state in zip(near, states, strict=True) if state is PairState.DISMISSED}
        return self._placed(judge.shown(answer, k, None, without=dismissed), asked.place)

    def open_pairs(self, min_probability: float = 0.0, *, after: str = "", limit: int | None = None) -> Pairs:
        """List the pairs that wait for a person, in the order of their ids: the first `limit` behind the id `after`."""
        self.finish_matching()
        pages = batches(self._book.meetings(after=after), _PAGE)
        passing = (pair for page in pages for pair in self._shown_pairs(page) if pair.probability >= min_probability)
        return Pairs(islice(passing, limit))

    def pair(self, pair: str) -> Pair | None:
        """Read the pair of this id; None where it is gone, or where one of the two is no report any more."""
        meeting = self._book.meeting(pair)
        return next(iter(self._shown_pairs([meeting])), None) if meeting else None

    def _shown_pairs(self, meetings: Sequence[Meeting]) -> Iterator[Pair]:
        """Those of both of whose pets are reported still, and of which nobody said anything."""
        ids = [id_ for meeting in meetings for id_ in meeting.pets]
        documents = self.repository.store.get(self.repository.index, ids)
        pets = {one.id: to_pet(one, self.repository.pet_class) for one in documents if one is not None}
        reported = {pet.pet_id: as_found(pet) for pet in pets.values() if pet.status in REPORTED}
        pictured = {pet.pet_id: pet for pet in self.with_thumbnails(reported.values())}
        states = self._book.states([meeting.pair_id for meeting in meetings])
        for meeting, state in zip(meetings, states, strict=True):
            if set(meeting.pets) <= pictured.keys() and state is PairState.OPEN:
                one, other = sorted((pictured[id_] for id_ in meeting.pets), key=_lost_first)
                yield Pair(meeting.pair_id, (one, other), meeting.probability, meeting.reasons, meeting.met_at, state)

    def dismiss(self, one: PetRef, other: PetRef) -> None:
        """Say that two reports are not one animal: remembered as long as both exist. Raises PetNotFound."""
        pets = self._both(one, other)
        self._book.decide(pets[0].pet_id, pets[1].pet_id, DISMISS)

    def confirm(self, one: PetRef, other: PetRef) -> PetT:
        """Say that two reports are one animal, and return it as it is kept.

        A lost and a found or sighted one are both reunited. Two of one side become one: with the photos of both and the
        oldest date, under the older's id, which `get` gives for the other's too. Saying it again finishes what was
        broken off. Raises PetNotFound, and InvalidQuery for pets that are no reports.
        """
        pets = sorted(self._both(one, other), key=_lost_first)
        one, other = (pet.pet_id for pet in pets)
        lost = [pet for pet in pets if pet.status is Status.LOST]
        before = {pet.pet_id: pet.model_dump(mode="json", include={*_RESTORED}) for pet in pets}
        if self._book.states([pair_id(one, other)]) != [PairState.CONFIRMED]:
            if any(pet.status not in REPORTED for pet in pets):
                raise InvalidQuery("only reports can be confirmed: pets that are lost, found or sighted")
            self._book.decide(one, other, CONFIRM, before if len(lost) == 1 else {})
        if len(lost) == 1 or Status.REUNITED in {pet.status for pet in pets}:
            for pet in pets:
                self._changed(pet.pet_id, {"status": Status.REUNITED, "status_at": now(), "status_place": None})
            return self.repository.get(pets[0].pet_id)
        return self._merged(*pets)

    def _merged(self, kept: PetT, gone: PetT) -> PetT:
        """One report of two, under the older one's id."""
        held = next((pet for pet in (kept, gone) if pet.status is Status.FOUND), kept)
        found = {"status": held.status, "finder": held.finder or kept.finder or gone.finder}

        def both(pet: PetT) -> PetT:
            filled = {name: getattr(gone, name) for name in type(pet).model_fields if getattr(pet, name) is None}
            photos = distinct_photos((*pet.photos, *gone.photos))
            return pet.model_copy(update={**filled, **found, "photos": photos})

        self.repository.update(kept.pet_id, both)
        self._book.rename(gone.pet_id, kept.pet_id)
        self.match_reports(kept.pet_id)
        return self.repository.get(kept.pet_id)

    def undo(self, one: PetRef | Pair, other: PetRef | None = None) -> None:
        """Take back what was last said of a pair, or of two reports: what a confirmation changed is as it was.

        Raises PetNotFound where one of the two is gone (merged reports stay one), InvalidQuery where nothing was said.
        """
        named = one.pets if isinstance(one, Pair) else (one, other or "")
        one, other = (pet.pet_id for pet in self._both(*named))
        decision = self._book.decision(pair_id(one, other))
        if decision is None or decision.what == UNDO:
            raise InvalidQuery("nothing was said of these two that could be taken back")
        for pet_id, status in decision.before.items():
            self._changed(pet_id, status)
        self._book.decide(one, other, UNDO)
        self.finish_matching(*decision.before)

    def _both(self, one: PetRef, other: PetRef) -> list[PetT]:
        if id_of(one) == id_of(other):
            raise InvalidQuery("a pair is two different pets")
        return [self.repository.get(pet) for pet in (one, other)]

    def _changed(self, pet_id: str, values: dict[str, Any]) -> None:
        self.repository.update(pet_id, lambda pet: changed(pet, values))

    def stale(self) -> Pets[PetT]:
        """List the reports that are past their days and were not renewed: are they still so?"""
        reported = self.repository.list(PetFilter(status=REPORTED))
        stale = (pet for pet in reported if self.evidence.is_stale(pet, now()))
        return Pets(stale, self.repository.thumbnails)

    def match_reports(self, *pet_ids: str) -> None:
        """Match what is marked, or those named: write its pairs, tell of new ones, take the mark away.

        What others change meanwhile stays marked for them.
        """
        store, index, spec = self.repository.store, self.repository.index, self.repository.spec
        for document in store.scan(index, to_be_matched(*pet_ids), vectors=True, expected=spec):
            pet = to_pet(document, self.pet_class)
            aloud = TELLING in document.terms[TO_MATCH]
            for match in self._counterparts(pet, document, PAIRS_A_REPORT):
                if match.probability is not None and match.probability >= self.evidence.pairs_from:
                    meeting = Meeting((pet.pet_id, match.pet.pet_id), match.probability, match.reasons, now())
                    self._meet(meeting, aloud=aloud)
            with suppress(EditConflict):
                store.replace(index, matched(document), expected=spec)

    def _meet(self, meeting: Meeting, *, aloud: bool) -> None:
        self._book.meet(meeting)
        new = self._book.tell(meeting.pair_id, aloud=aloud)
        pair = self.pair(meeting.pair_id) if new and self.listeners else None
        if pair is None:
            return
        for listener in self.listeners:
            try:
                listener(pair)
            except Exception:
                logger.exception("a listener failed on pair %s", meeting.pair_id)

    def finish_matching(self, *pet_ids: str) -> None:
        """Match what is marked, after a write that is done: where the store fails the marks stay for later."""
        with suppress(StoreError):
            self.match_reports(*pet_ids)

    def alerts(self, after: int = 0) -> Iterator[tuple[int, Pair]]:
        """Stream the new pairs behind a number in the order of alerts, each with its number, but for closed ones."""
        self.finish_matching()
        for number, pair in self._book.alerts(after):
            if shown := self.pair(pair):
                yield number, shown


def _lost_first(pet: Pet) -> tuple[bool, datetime | float, str]:
    at = pet.status_at.timestamp() if pet.status_at else 0.0
    return pet.status is not Status.LOST, at, pet.pet_id
