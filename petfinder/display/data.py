"""What a registry answers as plain data and as tables: no owner, and no place more exact than about 1 km."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from petfinder.display import wording
from petfinder.domain.matches import Answers, Match, Matches
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Pet, as_found
from petfinder.domain.reports import BulkReport, Failure, Report
from petfinder.domain.shown import Result

if TYPE_CHECKING:
    import pandas

    from petfinder.evaluation.compare import ComparedRow, Comparison
    from petfinder.evaluation.result import Evaluation, Row
    from petfinder.registry.util import IndexInfo

_MATCH = ["pet_id", "name", "breed", "status", "verdict", "probability", "similarity", "distance_km", "why", "photo"]


def pet_as_data(pet: Pet) -> dict[str, Any]:
    """A pet as searches show it."""
    return as_found(pet).model_dump(mode="json", exclude_none=True)


def matches_as_data(matches: Matches) -> dict[str, Any]:
    """The verdict, how many pets were searched, and each match, nearest first.

    Where there is a verdict, also how many photos, and its cut: a similarity is None where none, or every one, reaches.
    """
    data: dict[str, Any] = {"verdict": matches.verdict, "pets_searched": matches.pets_searched}
    boxes = [box.model_dump(exclude_defaults=True) for box in matches.animals]
    data |= {"pending": matches.pending, "animals": boxes, "looks_like": matches.looks_like}
    if cut := matches.cut:
        limits = {name: value if math.isfinite(value) else None for name, value in cut.model_dump().items()}
        data |= {"photos_searched": matches.photos_searched, "cut": limits}
    if matches.nobody is not None:
        data |= {"nobody": matches.nobody, "others": matches.others}
    if matches.lines and matches.evidence:
        data |= {"lines": matches.lines.model_dump(), "evidence": matches.evidence.model_dump(mode="json")}
    found = [_match_as_data(match) for match in matches]
    return {**data, "thresholds": matches.thresholds_source or None, "matches": found}


def answers_as_data(answers: Answers) -> dict[str, Any]:
    """Each answer as `matches_as_data` gives it, in the order of the queries."""
    return {"answers": [*map(matches_as_data, answers)]}


def comparison_as_data(comparison: Comparison) -> dict[str, Any]:
    """Each encoder as `evaluation_as_data` gives it, with differences to the first; or why it could not be tried."""
    rows = comparison.as_rows()
    encoders = [
        {"encoder": column.encoder, "error": type(column.error).__name__, "reason": str(column.error)}
        if column.evaluation is None
        else evaluation_as_data(column.evaluation, [row for row in rows if row.encoder == column.encoder])
        | {"encoder": column.encoder}
        for column in comparison.columns
    ]
    return {"encoders": encoders}


def evaluation_as_data(evaluation: Evaluation, rows: Iterable[Row | ComparedRow] = ()) -> dict[str, Any]:
    """The encoder, its measures (`rows` in their place), its thresholds, and what was left out."""
    measures = [row._asdict() for row in rows or evaluation.as_rows()]
    return {
        "encoder": evaluation.encoder,
        "measures": [{name: value for name, value in row.items() if name != "encoder"} for row in measures],
        "thresholds": evaluation.thresholds.model_dump(mode="json", exclude_none=True),
        "doubt": evaluation.doubt or None,
        "failures": [*map(failure_as_data, evaluation.failures)],
        "notes": list(evaluation.notes),
    }


def result_as_table(result: Result) -> pandas.DataFrame:
    """A row for each match (of each answer; queries count from 0), each item of a report, each measure."""
    from petfinder.tables.writers import as_table  # not at import: `find` writes no table

    if isinstance(result, Matches):
        return as_table(map(_match_as_row, result), _MATCH)
    if isinstance(result, Answers):
        rows = ((number, *_match_as_row(match)) for number, answer in enumerate(result) for match in answer)
        return as_table(rows, ("query", *_MATCH))
    if isinstance(result, Report):
        return as_table(_report_as_rows(result), ("item", "result", "photo", "reason"))
    measured: Any = result
    return as_table(measured.as_rows())


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


def report_as_data(report: Report) -> dict[str, Any]:
    """What a call on many pets came to: ids and counts, each failure, each file that was passed over."""
    data = {**vars(report), "failures": [*map(failure_as_data, report.failures)]}
    if isinstance(report, BulkReport):
        data["ignored"] = [*map(vars, report.ignored)]
        data["odd"] = [*map(vars, report.odd)]
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


def _match_as_row(match: Match) -> tuple[object, ...]:
    pet, verdict = match.pet, match.verdict and str(match.verdict)
    facts = (pet.pet_id, pet.name, pet.breed, str(pet.status), verdict, match.probability, match.similarity)
    return (*facts, match.distance_km, wording.reasons_of(match) or None, match.photo.uri)


def _report_as_rows(report: Report) -> list[Any]:
    done = ("added", "replaced", "skipped")
    rows: list[Any] = [(item, result, None, None) for result in done for item in getattr(report, result, ())]
    rows += [(one.item, "failed", one.photo, one.reason) for one in report.failures]
    rows += [(one.uri, "passed over", None, one.reason) for one in getattr(report, "ignored", ())]
    return rows + [(one.pet_id, "odd", one.photo, one.reason) for one in getattr(report, "odd", ())]


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
