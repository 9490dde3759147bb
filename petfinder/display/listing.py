"""A page of pets as cards.

Knows pets. No owner, no exact place and no EXIF is in what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from petfinder.display import markup, words
from petfinder.display.paint import STATUS_COLOURS
from petfinder.pets import Pet
from petfinder.search import SHOWN

_CARD = 168


def pets_as_html(pets: Sequence[Pet], *, more: int | None = None) -> str:
    """The first 48 pets, each with a thumbnail where one is at hand, name, breed, status, place to 1 km and date.

    Where no pet brings a thumbnail (a listing has none) there are no pictures at all.

    `more`: how many further pets there are elsewhere, where the caller knows it; else those behind the 48.
    """
    shown = pets[:SHOWN]
    left = len(pets) - len(shown) + (more or 0)
    pictured = any(photo.thumbnail for pet in shown for photo in pet.photos)
    said = words.counted(len(pets) + (more or 0), "pet") if pets else "No pet here."
    return markup.whole(
        [
            markup.line(said, "font-weight:700;font-size:17px;margin-bottom:10px"),
            markup.row(_card(pet, pictured=pictured) for pet in shown),
            markup.quiet(f"and {left:,} more" if left else ""),
        ],
        label=said,
    )


def _card(pet: Pet, *, pictured: bool) -> str:
    photo = next((photo for photo in pet.photos if photo.thumbnail), None)
    name = words.name_of(pet)
    taken = words.day(photo.taken_at) if photo else ""
    facts = [pet.breed or "", words.status_of(pet), words.near(pet.place) if pet.place else ""]
    text = [
        markup.line(name, "font-weight:700;font-size:17px"),
        *(markup.line(fact, "font-size:14px") for fact in facts),
        markup.quiet(f"photo taken {taken}" if taken else ""),
        markup.quiet("" if name == words.clean(pet.pet_id) else f"id {pet.pet_id}"),
    ]
    alt = ", ".join(filter(None, [name, pet.breed]))
    picture = [markup.picture(photo, alt, width=_CARD)] if pictured else []
    body = markup.block(text, "padding:8px 10px 10px")
    return markup.card([*picture, body], edge=STATUS_COLOURS[pet.status], width=_CARD)
