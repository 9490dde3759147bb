"""A pet, a photo, or an owner with their contact, as a card for a notebook.

Contact shows in the card itself and in `as_text()`, both asked for by name, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from petfinder.display import wording
from petfinder.display.html.markup import render
from petfinder.display.text import owner_as_text
from petfinder.display.thumbnails import pictured
from petfinder.domain.matches import Match
from petfinder.domain.pets import Owner, Pet, Photo
from petfinder.domain.values import check_kind

_PHOTOS = 6
_PHONE = re.compile(r"\+?[0-9 ()./-]+")


@dataclass(frozen=True, repr=False)
class HtmlCard:
    """Something to show in a notebook; its repr and str say only what it is, never what is on it."""

    title: str
    _html: str
    _text: str

    def __repr__(self) -> str:
        return f"<card: {self.title}>"

    def _repr_html_(self) -> str:
        return self._html

    def as_text(self) -> str:
        """All that is on the card, contact too, as plain text."""
        return self._text


def owner_card(owner: Owner, pet: Pet | Match | None = None) -> HtmlCard:
    """Show who to call, with picture and every way to reach them, and a photo of the pet (a match's own)."""
    check_kind(owner, Owner, "an owner card shows a petfinder.Owner; this pet may have none")
    about = pet.pet if isinstance(pet, Match) else pet
    photos = (pet.photo,) if isinstance(pet, Match) else pet.photos if pet else ()
    photo = next((photo for photo in photos if photo.thumbnail), None)
    title = f"Owner of {wording.name_of(about)}" if about else "Owner"
    ways = [
        ("phone", owner.phone, _phone_link(owner.phone or "")),
        ("e-mail", owner.email, f"mailto:{quote(wording.clean(owner.email or ''), safe='@+')}"),
        ("address", owner.address, ""),
    ]
    shown = render("cards", "owner", title, owner, [way for way in ways if way[1]], about, photo)
    return HtmlCard(title, shown, f"{title}: {owner_as_text(owner)}")


def pet_as_html(pet: Pet) -> str:
    """A card of a pet with its photos and what is known of it but its people; places to about 1 km."""
    title = f"{pet.species} {wording.name_of(pet)}"
    facts = {**wording.facts_of(pet), "id": pet.pet_id}
    return render("cards", "pet", title, pet, [*map(pictured, pet.photos[:_PHOTOS])], facts)


def photo_as_html(photo: Photo) -> str:
    """The photo with its name and day."""
    return render("cards", "photo", pictured(photo))


def _phone_link(phone: str) -> str:
    """A link that a phone can dial; empty for anything but one plain number."""
    number = wording.clean(phone)
    return f"tel:{re.sub('[^0-9+]', '', number)}" if _PHONE.fullmatch(number) else ""
