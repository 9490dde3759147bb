"""What a registry answers as plain data, for scripts: no owner, and no place more exact than about 1 km."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from petfinder.domain.animals import Animals
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Pet, as_found
from petfinder.domain.reports import BulkReport, Failure

if TYPE_CHECKING:
    from petfinder.registry.copy import CopyReport
    from petfinder.registry.rebuild import RebuildReport
    from petfinder.registry.util import IndexInfo


def pet_as_data(pet: Pet) -> dict[str, Any]:
    """A pet as searches show it."""
    return as_found(pet).model_dump(mode="json", exclude_none=True)


def matches_as_data(matches: Matches) -> dict[str, Any]:
    """The verdict, how many pets were searched, and each match, nearest first.

    Where there is a verdict, also how many photos, and its cut: a similarity is None where none, or every one, reaches.
    """
    data: dict[str, Any] = {"verdict": matches.verdict, "pets_searched": matches.pets_searched}
    data |= {"animals": _boxes(matches.animals), "looks_like": matches.looks_like}
    if cut := matches.cut:
        limits = {name: value if math.isfinite(value) else None for name, value in cut.model_dump().items()}
        data |= {"photos_searched": matches.photos_searched, "cut": limits}
    if matches.nobody is not None:
        data |= {"nobody": matches.nobody, "others": matches.others}
    if matches.lines and matches.evidence:
        data |= {"lines": matches.lines.model_dump(), "evidence": matches.evidence.model_dump(mode="json")}
    found = [_match_as_data(match) for match in matches]
    return {**data, "thresholds": matches.thresholds_source or None, "matches": found}


def pair_as_data(pair: Pair) -> dict[str, Any]:
    """A pair of reports: both pets, the probability, and the reasons."""
    return {
        "pair_id": pair.pair_id,
        "probability": pair.probability,
        "reasons": [vars(reason) for reason in pair.reasons],
        "met_at": pair.met_at.isoformat(),
        "state": pair.state,
        "pets": [*map(pet_as_data, pair.pets)],
    }


def report_as_data(report: BulkReport | CopyReport | RebuildReport) -> dict[str, Any]:
    """What a call on many pets came to: ids and counts, each failure, each file that was passed over."""
    data = {**vars(report), "failures": [*map(failure_as_data, report.failures)]}
    if isinstance(report, BulkReport):
        data["ignored"] = [*map(vars, report.ignored)]
        data["several"] = [{**vars(photo), "animals": _boxes(photo.animals)} for photo in report.several]
        data["other_species"] = [*map(vars, report.other_species)]
    return data


def index_as_data(index: IndexInfo) -> dict[str, Any]:
    """One index: name, species, counts, size, encoder, and on what its own thresholds were measured, None for none."""
    return {
        "name": index.name,
        "species": index.spec.species,
        **vars(index.stats),
        "encoder": index.spec.encoder,
        "dims": index.spec.dims,
        "metric": index.spec.metric,
        "own_thresholds": None if index.spec.thresholds is None else index.spec.thresholds.get("source", ""),
    }


def failure_as_data(failure: Failure) -> dict[str, str | None]:
    """What did not go in: the item, its photo where it was but one, the error's kind and its reason."""
    error = failure.error
    return {"item": failure.item, "photo": failure.photo, "error": type(error).__name__, "reason": str(error)}


def _boxes(animals: Animals) -> list[dict[str, float]]:
    return [box.model_dump(exclude_defaults=True) for box in animals]


def _match_as_data(match: Match) -> dict[str, Any]:
    place = match.photo.place.rounded() if match.photo.place else None
    return {
        "pet_id": match.pet.pet_id,
        "similarity": match.similarity,
        "verdict": match.verdict,
        "probability": match.probability,
        "reasons": [vars(reason) for reason in match.reasons],
        "distance_km": match.distance_km,
        "photo": match.photo.model_copy(update={"place": place}).model_dump(mode="json", exclude_none=True),
        "pet": pet_as_data(match.pet),
    }
