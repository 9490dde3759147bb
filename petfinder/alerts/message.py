"""What an alert says: two reports that may be one animal, without contact and without any place on the map."""

from __future__ import annotations

from collections.abc import Sequence

from petfinder.display.wording import chance_of, clean, clip, day, name_of, reasons_of, status_of, status_word
from petfinder.domain.pairs import Pair

MOST_PICTURES = 10


def subject_of(pairs: Sequence[Pair]) -> str:
    """What is new, in one line."""
    if len(pairs) > 1:
        return f"{len(pairs):,} possible matches"
    names = (clip(pet.name, 40) if pet.name else f"a {clean(pet.species)}" for pet in pairs[0].pets)
    statuses = (status_word(pet.status) for pet in pairs[0].pets)
    return "Possible match: " + " and ".join(map("{} ({})".format, names, statuses))


def content_of(pairs: Sequence[Pair]) -> tuple[str, list[tuple[str, bytes]]]:
    """The text about new pairs, and the thumbnails of the first ones, 10 at most, as names and JPEGs."""
    lines: list[str] = []
    pictures: list[tuple[str, bytes]] = []
    for number, pair in enumerate(pairs, start=1):
        lines.append(subject_of([pair]))
        for pet, letter in zip(pair.pets, "ab", strict=True):
            facts = [name_of(pet), clean(pet.species), status_of(pet), f"id {clean(pet.pet_id)}"]
            jpeg = next((photo.thumbnail for photo in pet.photos if photo.thumbnail), None)
            if jpeg and len(pictures) < MOST_PICTURES:
                pictures.append((f"{number}{letter}.jpg", jpeg))
                facts.append(f"photo {number}{letter}.jpg")
            lines.append(", ".join(facts))
        lines.append(": ".join(filter(None, [f"{chance_of(pair)} that they are one animal", reasons_of(pair)])))
        lines.append(f"Noticed on {day(pair.met_at)}, pair {clean(pair.pair_id)}\n")
    lines.append("Nobody has confirmed this yet: compare the photos before you call anyone.")
    return "\n".join(lines), pictures
