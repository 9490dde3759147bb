"""What those do who know the passphrase: register, edit, report, decide about pairs, see contacts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

from fastapi import APIRouter, Response

from petfinder.domain.errors import DuplicatePet, InvalidPet, InvalidQuery, PhotoError
from petfinder.domain.pets import REPORTED, Pet
from petfinder.page.forms import changes, fields_of, typed_of
from petfinder.page.visit import Form, Sent, Visit, Visiting
from petfinder.page.words import called

router = APIRouter()
PAIRS = 20  # of a species, on a page
Kind = Literal["home", "lost", "found", "sighted"]
_WRONG = (PhotoError, InvalidPet, InvalidQuery, DuplicatePet)
_RESTORED = {"status", "status_at", "status_place", "renewed_at"}


@router.get("/volunteers")
def entrance(visit: Visiting, to: str = "/volunteers") -> Response:
    """The passphrase, or what a volunteer may do."""
    if not visit.volunteer:
        return visit.page("passphrase.html", wrong="", to=to)
    desk, pairs = visit.desk, sum(len(each.unlocked.open_pairs(limit=PAIRS + 1)) for each in visit.desk.desks())
    return visit.page("volunteers.html", counts=desk.counts(), pairs=pairs, stale=len(desk.stale()))


@router.post("/volunteers")
async def let_in(visit: Visiting, sent: Sent) -> Response:
    """Let a volunteer in; a wrong passphrase makes this address wait, and nobody else."""
    visit.count("passphrase", only_look=True)
    to = sent["to"] if sent["to"].startswith("/") and not sent["to"].startswith("//") else "/volunteers"
    access = visit.site.access
    if not await visit.site.door.run(partial(access.is_right, sent["passphrase"])):
        visit.count("passphrase")
        return visit.page("passphrase.html", status=403, wrong="That is not the passphrase.", to=to)
    answer = visit.go(to)
    secure = visit.request.url.scheme == "https"
    answer.set_cookie(access.name, access.cookie(), secure=secure, httponly=True, samesite="lax")
    return answer


@router.post("/volunteers/leave")
def leave(visit: Visiting) -> Response:
    """Lock the page again, and have the browser forget what it kept of it."""
    answer = visit.go("/")
    answer.delete_cookie(visit.site.access.name)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get("/volunteers/new/{kind}")
def new_pet(visit: Visiting, kind: Kind) -> Response:
    """The form for a pet to be registered, or for a report."""
    visit.desk.check()
    return _form(visit, kind, {})


@router.post("/volunteers/new/{kind}")
async def register(visit: Visiting, kind: Kind, sent: Sent) -> Response:
    """Register a pet, or report one that is lost, found or was seen."""
    visit.desk.check()
    try:
        desk, fields = visit.desk.of(sent["species"]), {**fields_of(sent.fields), "status": kind}
        pet = await visit.site.line.run(lambda: desk.register(sent.uploads(), fields))
    except _WRONG as error:
        return _form(visit, kind, sent.fields, wrong=str(error))
    return visit.go(visit.site.links.pet(pet) + "/alike" if kind in REPORTED else visit.site.links.pet(pet))


@router.get("/pets/{sealed}/edit")
def edit(visit: Visiting, sealed: str) -> Response:
    """The form of a pet, filled."""
    desk, pet_id = visit.named(sealed)
    pet = desk.unlocked.get(pet_id)
    typed = typed_of(pet)
    return _form(visit, pet.status, typed, pet=pet, before=visit.site.links.sealed(typed, use="before"))


@router.post("/pets/{sealed}/edit")
async def save(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Write what was changed in the form."""
    desk, pet_id = visit.named(sealed)
    pet = desk.unlocked.get(pet_id)
    try:
        [before] = visit.site.links.opened(sent["before"], "before")
        new = changes(sent.fields, before, pet)
        await visit.site.line.run(lambda: desk.update(pet_id, new, sent.uploads()))
    except _WRONG as error:
        return _form(visit, pet.status, sent.fields, pet=pet, before=sent["before"], wrong=str(error))
    return visit.go(visit.site.links.pet(pet) + "?said=saved")


def _form(
    visit: Visit, kind: str, typed: Mapping[str, str], *, pet: Pet | None = None, before: str = "", wrong: str = ""
) -> Response:
    """The form of a pet with what was typed; `before`: what stood in it at first, `wrong`: what cannot be kept."""
    status = 422 if wrong else 200
    return visit.page("pet_form.html", status=status, kind=kind, typed=typed, pet=pet, before=before, wrong=wrong)


@router.post("/pets/{sealed}/remove-photo")
def remove_photo(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Take one photo from a pet."""
    desk, pet_id = visit.named(sealed)
    pet = desk.unlocked.get(pet_id)
    _, _, photo_id = visit.site.links.opened(sent["photo"], "photo")
    if len(pet.photos) == 1:
        raise InvalidQuery("this is the only photo: add another one first, for a pet is found by its looks")
    if not sent["sure"]:
        question = "Remove this photo? What was typed in the form and not saved is lost."
        shown = pet.model_copy(update={"photos": [one for one in pet.photos if one.photo_id == photo_id]})
        return _ask(visit, sent, question, "Yes, remove it", f"/pets/{sealed}/edit", shown)
    desk.unlocked.remove_photo(pet_id, photo_id)
    return visit.go(f"/pets/{sealed}/edit")


@router.get("/pets/{sealed}/lost")
def lost(visit: Visiting, sealed: str) -> Response:
    """The form for where and when a registered pet went missing."""
    visit.desk.check()
    return visit.page("lost.html", pet=visit.pet(sealed), typed={}, wrong="")


@router.post("/pets/{sealed}/lost")
def report_lost(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Report a registered pet missing."""
    desk, pet_id = visit.named(sealed)
    visit.desk.check()
    try:
        desk.unlocked.report_lost(pet_id, place=sent.place, at=sent.moment)
    except InvalidQuery as error:
        return visit.page("lost.html", status=422, pet=desk.pet(pet_id), typed=sent.fields, wrong=str(error))
    return visit.go(f"/pets/{sealed}/alike")


@router.get("/pets/{sealed}/alike")
def alike(visit: Visiting, sealed: str) -> Response:
    """Reports of the other side that may be the same animal; of a pet at home those that look like it."""
    desk, pet_id = visit.named(sealed)
    visit.desk.check()
    pet = desk.pet(pet_id)
    try:
        matches = desk.unlocked.counterparts(pet_id) if pet.status in REPORTED else desk.similar(pet_id)
    except InvalidQuery:  # it has no photo that could be compared
        matches = None
    return visit.page("alike.html", pet=pet, matches=matches)


@router.get("/pets/{sealed}/contact")
def contact(visit: Visiting, sealed: str) -> Response:
    """Who to call about a pet."""
    desk, pet_id = visit.named(sealed)
    answer = visit.page("contact.html", person=desk.unlocked.owner_of(pet_id), pet=desk.unlocked.get(pet_id))
    answer.headers["Cache-Control"] = "no-store"  # so that Back shows it no more after leaving
    return answer


@router.post("/pets/{sealed}/reunite")
def reunite(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Say that a pet is back with its people, after a question; it can be taken back."""
    desk, pet_id = visit.named(sealed)
    pet = desk.unlocked.get(pet_id)
    if not sent["sure"]:
        question = f"Is {called(pet)} back with its people?"
        return _ask(visit, sent, question, "Yes, it is back", visit.site.links.pet(pet), pet)
    undo = visit.site.links.sealed(pet.model_dump(mode="json", include=_RESTORED), use=f"undo {sealed}")
    desk.unlocked.reunite(pet_id)
    return visit.go(f"/pets/{sealed}?undo={undo}")


@router.post("/pets/{sealed}/undo")
def undo(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Take back that a pet was reunited."""
    desk, pet_id = visit.named(sealed)
    visit.desk.check()
    [before] = visit.site.links.opened(sent["undo"], f"undo {sealed}")
    desk.update(pet_id, before)
    return visit.go(f"/pets/{sealed}")


@router.post("/pets/{sealed}/renew")
def renew(visit: Visiting, sealed: str) -> Response:
    """Say that a report is still so."""
    desk, pet_id = visit.named(sealed)
    desk.unlocked.renew(pet_id)
    return visit.go("/volunteers/stale")


@router.post("/pets/{sealed}/remove")
def remove(visit: Visiting, sealed: str, sent: Sent) -> Response:
    """Erase a pet, after a question."""
    desk, pet_id = visit.named(sealed)
    pet = desk.unlocked.get(pet_id)
    if not sent["sure"]:
        question = f"Erase {called(pet)} with all photos and contact? This cannot be undone."
        return _ask(visit, sent, question, "Yes, erase it", visit.site.links.pet(pet), pet)
    desk.unlocked.remove(pet_id)
    return visit.go("/volunteers")


def _ask(visit: Visit, sent: Form, question: str, yes: str, back: str, *about: Pet) -> Response:
    return visit.page("question.html", question=question, yes=yes, fields=sent.fields, back=back, about=about)


@router.get("/volunteers/stale")
def stale(visit: Visiting) -> Response:
    """Reports that are past their days: are they still so?"""
    return visit.page("stale.html", pets=visit.desk.stale())


@router.get("/volunteers/pairs")
def pairs(visit: Visiting, undo: str = "") -> Response:
    """Reports that may be one animal, and wait for somebody to say so."""
    visit.desk.check()
    waiting = [pair for desk in visit.desk.desks() for pair in desk.unlocked.open_pairs(limit=PAIRS)]
    return visit.page("pairs.html", pairs=waiting, undo=undo)


@router.post("/volunteers/pairs")
def decide(visit: Visiting, sent: Sent) -> Response:
    """Say that two reports are one animal (after a question), that they are not, or take back what was said."""
    visit.desk.check()
    species, one, other = visit.site.links.opened(sent["pair"], "pair")
    desk = visit.desk.of(species)
    match sent["say"]:
        case "same":
            if not sent["sure"]:
                question = "Are these two one animal? A lost and a found one are then both reunited."
                both = desk.pet(one), desk.pet(other)
                return _ask(visit, sent, question, "Yes, one animal", "/volunteers/pairs", *both)
            desk.unlocked.confirm(one, other)
        case "undo":
            desk.unlocked.undo(one, other)
            return visit.go("/volunteers/pairs")
        case "other":
            desk.unlocked.dismiss(one, other)
        case _:
            raise InvalidQuery("say whether these are one animal or two")
    return visit.go(f"/volunteers/pairs?undo={sent['pair']}")
