"""A page of pets as cards, and the indexes of a store as a table."""

from __future__ import annotations

from collections.abc import Sequence

from petfinder.display import wording
from petfinder.display.html.markup import render
from petfinder.domain.matches import SHOWN
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Pet
from petfinder.registry.util import IndexInfo


def pets_as_html(pets: Sequence[Pet], *, more: int = 0) -> str:
    """The first 48 pets, each with a thumbnail where one is at hand, name, breed, status, place to 1 km and date.

    No pictures at all where no pet brings a thumbnail (a listing has none). `more`: how many pets there are beyond.
    """
    said = wording.counted(len(pets) + more, "pet") if pets else "No pet here."
    pictured = any(photo.thumbnail for pet in pets[:SHOWN] for photo in pet.photos)
    return render("lists", "pets", said, pets[:SHOWN], max(len(pets) - SHOWN, 0) + more, pictured)


def pairs_as_html(pairs: Sequence[Pair]) -> str:
    """The two photos of each pair side by side, the probability and the reasons; the first 48."""
    said = f"{wording.counted(len(pairs), 'pair')} to confirm or dismiss" if pairs else "No pair is open."
    return render("lists", "pairs", said, pairs[:SHOWN], max(len(pairs) - SHOWN, 0))


def indexes_as_html(indexes: Sequence[IndexInfo]) -> str:
    """A line for each index: its species, counts, size, the encoder that filled it and whose thresholds hold."""
    return render("lists", "indexes", indexes)


def index_as_html(index: IndexInfo) -> str:
    """One index as a table of one line."""
    return indexes_as_html([index])
