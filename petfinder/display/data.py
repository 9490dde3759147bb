"""What a registry answers as plain data, for scripts that read JSON.

There is no owner in any of it, and no place more exact than about 1 km.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Pet, Photo, as_found
from petfinder.domain.reports import BulkReport, Failure
from petfinder.domain.verdicts import Cut

if TYPE_CHECKING:
    from petfinder.registry.copy import CopyReport
    from petfinder.registry.finder import Duplicate
    from petfinder.registry.rebuild import RebuildReport
    from petfinder.registry.util import IndexInfo


def pet_as_data(pet: Pet) -> dict[str, Any]:
    """A pet as searches show it."""
    return as_found(pet).model_dump(mode="json", exclude_none=True)


def matches_as_data(matches: Matches) -> dict[str, Any]:
    """The verdict, how many pets were searched, and each match, nearest first.

    Where there is a verdict, also the number of their photos and the cut that it was read at: two similarities, each
    None where no similarity is high enough or every one is.
    """
    return {
        "verdict": None if matches.verdict is None else str(matches.verdict),
        "pets_searched": matches.pets_searched,
        **({} if matches.cut is None else {"photos_searched": matches.photos_searched, "cut": _cut(matches.cut)}),
        "thresholds": matches.thresholds_source or None,
        "matches": [_match_as_data(match) for match in matches],
    }


def report_as_data(report: BulkReport) -> dict[str, Any]:
    """What was added, replaced and skipped, each failure and each file that was passed over."""
    return {
        "added": list(report.added),
        "replaced": list(report.replaced),
        "skipped": list(report.skipped),
        "changed": list(report.changed),
        "failures": [failure_as_data(failure) for failure in report.failures],
        "ignored": [{"uri": ignored.uri, "reason": ignored.reason} for ignored in report.ignored],
        "pending": report.pending,
    }


def copy_as_data(report: CopyReport) -> dict[str, Any]:
    """What copying one index came to."""
    return {
        "index": report.index,
        "copied": report.copied,
        "already": report.already,
        "others": report.others,
        "failures": [failure_as_data(failure) for failure in report.failures],
    }


def index_as_data(index: IndexInfo) -> dict[str, Any]:
    """One index: its name, species, counts, size and encoder, and on what its own thresholds were measured.

    These are None where the encoder's hold.
    """
    return {
        "name": index.name,
        "species": index.spec.species,
        "pets": index.stats.pets,
        "photos": index.stats.photos,
        "pending": index.stats.pending,
        "size_bytes": index.stats.size_bytes,
        "encoder": index.spec.encoder,
        "dims": index.spec.dims,
        "metric": index.spec.metric,
        "own_thresholds": None if index.spec.thresholds is None else index.spec.thresholds.get("source", ""),
    }


def failure_as_data(failure: Failure) -> dict[str, str | None]:
    """What did not go in: the item, its photo where it was but one, the error's kind and its reason."""
    return {
        "item": failure.item,
        "photo": failure.photo,
        "error": type(failure.error).__name__,
        "reason": str(failure.error),
    }


def duplicate_as_data(pair: Duplicate) -> dict[str, Any]:
    """Two pets that may be one: their ids, the photos that are alike, and how alike."""
    return {"pet_ids": list(pair.pet_ids), "photo_ids": list(pair.photo_ids), "similarity": pair.similarity}


def rebuild_as_data(report: RebuildReport) -> dict[str, Any]:
    """What a rebuild came to: pets, photos encoded from originals and from thumbnails, the old index, failures."""
    return {
        "pets": report.pets,
        "originals": report.originals,
        "thumbnails": report.thumbnails,
        "kept": report.kept,
        "failures": [failure_as_data(failure) for failure in report.failures],
    }


def _cut(cut: Cut) -> dict[str, Any]:
    return {
        "match": cut.match if math.isfinite(cut.match) else None,
        "possible": cut.possible if math.isfinite(cut.possible) else None,
        "extrapolated": cut.extrapolated,
    }


def _match_as_data(match: Match) -> dict[str, Any]:
    return {
        "pet_id": match.pet.pet_id,
        "similarity": match.similarity,
        "verdict": None if match.verdict is None else str(match.verdict),
        "distance_km": match.distance_km,
        "photo": _photo_as_data(match.photo),
        "pet": pet_as_data(match.pet),
    }


def _photo_as_data(photo: Photo) -> dict[str, Any]:
    shown = photo.model_copy(update={"place": photo.place.rounded() if photo.place else None})
    return shown.model_dump(mode="json", exclude_none=True)
