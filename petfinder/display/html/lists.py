"""A page of pets as cards.

No owner, no exact place and no EXIF is in what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.html import markup
from petfinder.domain.matches import SHOWN
from petfinder.domain.pets import Pet
from petfinder.registry.util import IndexInfo

_CARD = 168


def pets_as_html(pets: Sequence[Pet], *, more: int | None = None) -> str:
    """The first 48 pets, each with a thumbnail where one is at hand, name, breed, status, place to 1 km and date.

    Where no pet brings a thumbnail (a listing has none) there are no pictures at all.

    `more`: how many further pets there are elsewhere, where the caller knows it; else those behind the 48.
    """
    shown = pets[:SHOWN]
    left = len(pets) - len(shown) + (more or 0)
    pictured = any(photo.thumbnail for pet in shown for photo in pet.photos)
    said = wording.counted(len(pets) + (more or 0), "pet") if pets else "No pet here."
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
    name = wording.name_of(pet)
    taken = wording.day(photo.taken_at) if photo else ""
    facts = [pet.breed or "", wording.status_of(pet), wording.near(pet.place) if pet.place else ""]
    text = [
        markup.line(name, "font-weight:700;font-size:17px"),
        *(markup.line(fact, "font-size:14px") for fact in facts),
        markup.quiet(f"photo taken {taken}" if taken else ""),
        markup.quiet("" if name == wording.clean(pet.pet_id) else f"id {pet.pet_id}"),
    ]
    alt = ", ".join(filter(None, [name, pet.breed]))
    picture = [markup.picture(photo, alt, width=_CARD)] if pictured else []
    body = markup.block(text, "padding:8px 10px 10px")
    return markup.card([*picture, body], edge=STATUS_COLOURS[pet.status], width=_CARD)


_HEAD = ("index", "species", "pets", "photos", "encoder", "thresholds", "size")
_NUMBERS = frozenset({"pets", "photos", "size"})


def indexes_as_html(indexes: Sequence[IndexInfo]) -> str:
    """A line for each index: its species, counts, size, the encoder that filled it and whose thresholds hold."""
    if not indexes:
        return markup.whole([markup.line("There is no index yet; registering a pet makes one.")], label="Indexes")
    return markup.whole([markup.table(_HEAD, map(_row, indexes), numbers=_NUMBERS)], label="Indexes")


def index_as_html(index: IndexInfo) -> str:
    """One index as a table of one line."""
    return indexes_as_html([index])


def _row(index: IndexInfo) -> list[str]:
    spec, stats = index.spec, index.stats
    waiting = markup.quiet(f"{stats.pending:,} wait for an embedding" if stats.pending else "")
    return [
        f"<strong>{markup.escape(index.name)}</strong>",
        markup.escape(spec.species),
        f"{stats.pets:,}",
        f"{stats.photos + stats.pending:,}{waiting}",
        markup.escape(spec.encoder or "embeddings given") + markup.quiet(f"{spec.dims} dims, {spec.metric}"),
        "its own" if spec.thresholds else "the encoder's",
        f"{stats.size_bytes / 1e6:,.1f}&nbsp;MB",
    ]
