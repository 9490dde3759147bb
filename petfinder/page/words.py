"""How the page speaks to the public: human names, chances in words, days as people say them; no ids and no figures."""

from __future__ import annotations

import re
from datetime import datetime

from markupsafe import Markup, escape

from petfinder.display import wording
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Pet, Status
from petfinder.domain.verdicts import Verdict

STATUS = dict(zip(Status, ("At home", "Lost", "Found", "Seen", "Back home"), strict=True))
_LINKED = re.compile(
    r"(?P<url>https?://[^\s,;]+)|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]*\w)|(?P<phone>\+?\d[\d ()./-]{5,}\d)"
)


def minute(moment: datetime | None) -> str:
    """A day and minute here, as a form has it: "2026-11-28T14:05"; empty where there is none."""
    return f"{moment.astimezone():%Y-%m-%dT%H:%M}" if moment else ""


def day(moment: datetime | None) -> str:
    """A day as people say it: "28 November", and the year where it is another; empty where there is none."""
    if moment is None:
        return ""
    here = moment.astimezone()
    return f"{here.day} {here:%B}" if here.year == datetime.now().year else f"{here.day} {here:%B %Y}"


def kind(pet: Pet) -> str:
    """What the pet is, as far as it is known: "Samoyed", "Cat"."""
    return wording.begun(wording.clean(pet.breed or pet.species))


def called(pet: Pet) -> str:
    """What people call the pet: its name, else what it is and what is known of it ("Samoyed found on 28 November")."""
    if name := wording.clean(pet.name or ""):
        return name
    said = standing(pet)
    return f"{kind(pet)} {said[:1].lower()}{said[1:]}"


def standing(pet: Pet) -> str:
    """Its status and since when: "Lost since 2 October", "Found on 4 October", "At home"."""
    if pet.status is Status.HOME or not (pet.status_at or pet.registered_at):
        return STATUS[pet.status]
    link = ", reported on" if pet.status_at is None else " since" if pet.status is Status.LOST else " on"
    return f"{STATUS[pet.status]}{link} {day(pet.status_at or pet.registered_at)}"


def place_is(pet: Pet) -> str:
    """What the place is that is known of a pet."""
    if pet.status_place and pet.status is not Status.REUNITED:
        return {Status.LOST: "Where it was last seen", Status.FOUND: "Where it was found"}.get(
            pet.status, "Where it was seen"
        )
    return "Where it lives" if pet.place else "Where its photo was taken"


def chance(match: Match) -> str:
    """How probable it is that this is the animal, in words."""
    return {Verdict.MATCH: "Very probably", Verdict.POSSIBLE: "Possibly"}.get(
        match.verdict or Verdict.UNKNOWN, "Hardly"
    )


def headline(matches: Matches, *, lost: bool) -> str:
    """What was found, as a sentence."""
    best = matches.best
    if best is None or matches.verdict is Verdict.UNKNOWN:
        return "Nobody has reported your pet yet" if lost else "We do not know this pet"
    name = called(best.pet) if best.pet.name else f"the {called(best.pet)}"
    return f"This is very probably {name}" if best.verdict is Verdict.MATCH else f"This could be {name}"


def said(problem: str) -> str:
    """What went wrong, without the names that programs have for it."""
    return re.sub(r" \(\w+Error\)", "", problem)


def ways(text: str) -> list[tuple[str, str]]:
    """The telephone numbers, mail and web addresses in a text: what is done there, and the link."""
    verbs = {"phone": "Call", "mail": "Write", "url": "Open the web page"}
    return [(verbs[found.lastgroup or ""], _target(found)) for found in _LINKED.finditer(text)]


def linked(text: str) -> Markup:
    """The text with its telephone numbers, mail and web addresses as links."""
    return Markup(_LINKED.sub(lambda found: f'<a href="{_target(found)}">{found[0]}</a>', str(escape(text))))


def _target(found: re.Match[str]) -> str:
    if found.lastgroup == "phone":
        return f"tel:{re.sub(r'[^0-9+]', '', found[0])}"
    return f"mailto:{found[0]}" if found.lastgroup == "mail" else found[0]
