"""A pet, or an owner with their contact, as a card for a notebook.

Contact shows in the card itself and in `as_text()`, both asked for by name, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.display.text import owner_as_text, pet_as_text
from petfinder.domain.matches import Match
from petfinder.domain.pets import Owner, Pet

_WIDTH = 220
_PHOTOS = 6
_PHONE = re.compile(r"\+?[0-9 ()./-]+")
_PAD = "padding:10px 12px 12px"


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
    """Who to call, with picture, phone, e-mail and address, and a photo of the pet it is about, if one is at hand.

    A match brings the photo that matched.
    """
    about = pet.pet if isinstance(pet, Match) else pet
    photos = [pet.photo] if isinstance(pet, Match) else [*pet.photos] if pet else []
    title = f"Owner of {wording.name_of(about)}" if about else "Owner"
    name = wording.clean(owner.name)
    ways = [
        _way("phone", owner.phone, _phone_link(owner.phone or "")),
        _way("e-mail", owner.email, f"mailto:{quote(wording.clean(owner.email or ''), safe='@+')}"),
        _way("address", owner.address, ""),
    ]
    text = markup.block(
        [
            markup.quiet(title),
            markup.line(name, "font-weight:700;font-size:20px;margin-bottom:8px"),
            *(ways if any(ways) else [markup.quiet("no way to reach them is registered")]),
        ],
        "flex:1 1 220px;padding:4px 0",
    )
    pictures = [_framed(markup.picture(owner.picture, name, width=_WIDTH), name)]
    photo = next((photo for photo in photos if photo.thumbnail), None)
    if about and photo:
        pictures.append(_framed(markup.picture(photo, wording.name_of(about), width=_WIDTH), wording.name_of(about)))
    shown = markup.whole([markup.row([*pictures, text], gap=18)], label=title)
    return HtmlCard(title, shown, f"{title}: {owner_as_text(owner)}")


def pet_card(pet: Pet) -> HtmlCard:
    """A pet with its photos and all that is known of it but its owner; places to about 1 km."""
    name = wording.name_of(pet)
    facts = {
        "breed": pet.breed,
        "colour": pet.colour,
        "sex": pet.sex,
        "place": wording.near(pet.place) if pet.place else None,
        "microchip": pet.microchip,
        "tags": ", ".join(pet.tags),
        "note": pet.note,
        "id": pet.pet_id,
    }
    pictures = [
        _framed(
            markup.picture(photo, f"{name}, {wording.photo_name(photo)}".rstrip(", "), width=_WIDTH),
            wording.photo_name(photo),
            wording.day(photo.taken_at),
        )
        for photo in pet.photos[:_PHOTOS]
    ] or [_framed(markup.picture(None, name), "")]
    left = len(pet.photos) - _PHOTOS
    head = [
        markup.line(name, "font-weight:700;font-size:20px"),
        markup.line(f"{pet.species}, {wording.status_of(pet)}", "margin-bottom:8px"),
    ]
    text = markup.block([*head, *(_way(label, value, "") for label, value in facts.items())], "margin-bottom:14px")
    more = markup.quiet(f"{left} more photos not shown" if left > 0 else "")
    title = f"{pet.species} {name}"
    return HtmlCard(title, markup.whole([text, markup.row(pictures), more], label=title), pet_as_text(pet))


def pet_as_html(pet: Pet) -> str:
    """The pet's card as HTML."""
    return pet_card(pet)._repr_html_()


def _framed(picture: str, *captions: str) -> str:
    under = "".join(markup.quiet(caption) for caption in captions)
    return markup.card([picture, markup.block(under, "padding:6px 10px 8px") if under else ""], width=_WIDTH)


def _way(label: str, value: str | None, link: str) -> str:
    if not value:
        return ""
    shown = markup.escape(value)
    if link.partition(":")[2]:
        shown = f'<a href="{markup.escape(link)}">{shown}</a>'
    term = f'<span style="display:inline-block;min-width:84px;opacity:0.72">{markup.escape(label)}</span>'
    return markup.block(f"{term} <span>{shown}</span>", "overflow-wrap:anywhere;margin:3px 0")


def _phone_link(phone: str) -> str:
    """A link that a phone can dial; empty for anything but one plain number."""
    number = wording.clean(phone)
    return f"tel:{re.sub('[^0-9+]', '', number)}" if _PHONE.fullmatch(number) else ""
