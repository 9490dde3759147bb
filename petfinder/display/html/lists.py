"""A page of pets as cards, and the indexes of a store as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from petfinder.display.html.markup import line, render
from petfinder.display.thumbnails import all_pictured
from petfinder.domain.errors import PetfinderError
from petfinder.domain.matches import SHOWN, Answers
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Pet, Photo
from petfinder.registry.finder import Duplicates
from petfinder.registry.opened_index import OpenedIndex
from petfinder.registry.registry import Registry
from petfinder.registry.util import IndexInfo, Util


def pets_as_html(pets: Sequence[Pet]) -> str:
    """The first 48 pets, each with a photo, name, breed, status, place to 1 km and date; no pictures where none is."""
    named = [(pet.pet_id, photo) for pet in pets[:SHOWN] for photo in pet.photos[:1]]
    photos = iter(all_pictured(named, pets))
    both = [(*(next(photos) for _ in pet.photos[:1]), *pet.photos[1:]) for pet in pets[:SHOWN]]
    shown = [pet.model_copy(update={"photos": own}) for pet, own in zip(pets, both, strict=False)]
    return render("lists", "pets", shown, len(pets), any(photo.thumbnail for own in both for photo in own))


def answers_as_html(answers: Answers) -> str:
    """The first query photo of each of the first 48 answers, and its best match."""
    first = answers[:SHOWN]
    best = [answer.best for answer in first if answer.best]
    photos = iter(all_pictured([(match.pet.pet_id, match.photo) for match in best], answers))
    shown = [(answer, answer.best and answer.best.pictured(next(photos))) for answer in first]
    return render("lists", "answers", shown, len(answers))


def duplicates_as_html(duplicates: Duplicates) -> str:
    """The two photos of each of the first 48 pairs side by side, with the pets' ids and the similarity."""
    both = [two for pair in duplicates[:SHOWN] for two in zip(pair.pet_ids, pair.photo_ids, strict=True)]
    photos = iter(all_pictured([(pet_id, Photo(photo_id=photo_id)) for pet_id, photo_id in both], duplicates))
    return render("lists", "duplicates", [*zip(duplicates[:SHOWN], photos, photos, strict=True)], len(duplicates))


def pairs_as_html(pairs: Sequence[Pair]) -> str:
    """The two photos of each pair side by side, the probability and the reasons; the first 48."""
    return render("lists", "pairs", pairs[:SHOWN], len(pairs))


def indexes_as_html(indexes: Sequence[IndexInfo] | IndexInfo) -> str:
    """A line for each index: its species, counts, size, the encoder that filled it and whose thresholds hold."""
    return render("lists", "indexes", [indexes] if isinstance(indexes, IndexInfo) else indexes)


def opened_as_html(opened: Registry | OpenedIndex[Any]) -> str:
    """Which registry or service it is, and its indexes as a table, where the store still answers."""
    try:
        if isinstance(opened, Registry):
            return render("lists", "indexes", opened.indexes(), repr(opened))
        return render("lists", "indexes", [Util(opened.repository.store).info(opened.repository.index)], repr(opened))
    except PetfinderError as error:
        return line(f"{opened!r}: {error}")
