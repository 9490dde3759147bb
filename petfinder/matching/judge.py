"""Verdicts on what a search found: by probability where the encoder has curves for it, else by thresholds."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from pydantic import ValidationError

from petfinder.domain.errors import InvalidPet, InvalidQuery
from petfinder.domain.evidence import Evidence
from petfinder.domain.filters import Cells
from petfinder.domain.matches import FEWEST_PETS, Match, Matches
from petfinder.domain.pets import Pet, Photo
from petfinder.domain.values import now
from petfinder.domain.verdicts import Cut, PhotoLikelihood, Thresholds, Uncalibrated, Verdict
from petfinder.matching.place import reach_km
from petfinder.matching.posterior import posterior
from petfinder.matching.weigh import Asked, reasons_of

NEAREST = 50
"""Candidates by the photo, and as many more of those that live near enough, where more than the photo is known."""

_NEAREST_BY_PHOTO = 10  # where nothing else is: those behind them are too unlike to count
_STAND_IN_PETS = 30


def asked_of(place: Any, at: Any, about: Any, photos: Sequence[Photo]) -> Asked:
    """Take what is known beside the photos: what was told, else what stands in them. Raises InvalidQuery."""
    try:
        if isinstance(about, Mapping):
            about = Pet(**{"pet_id": "asked", "species": "asked", **about})
        if about is not None and not isinstance(about, Pet):
            raise InvalidPet("about is a Pet or a mapping")
        told = Photo.model_validate({"place": place, "taken_at": at})
    except (ValidationError, InvalidPet) as error:
        known = 'place is (lat, lon) in degrees, at a date such as 2026-10-02, about {"colour": "black"} or a Pet'
        raise InvalidQuery(known) from error
    seen_at = told.taken_at or next((photo.taken_at for photo in photos if photo.taken_at), None)
    seen_in = told.place or next((photo.place for photo in photos if photo.place), None)
    return Asked(seen_in and seen_in.rounded(), seen_at, told=at is not None, about=about, now=seen_at or now())


def candidates_wanted(k: int, asked: Asked, species: str, evidence: Evidence) -> tuple[int, Cells | None]:
    """How many of the nearest pets are weighed for an answer of k, and the cells in which place speaks for a pet."""
    nearest = max(k, NEAREST if asked else _NEAREST_BY_PHOTO) if isinstance(k, int) and k > 0 else k
    if asked.place is None:
        return nearest, None
    distance = evidence.habits_of(species).distance_km
    reach = reach_km(distance, around_km=evidence.around_km, anywhere=evidence.anywhere)
    return nearest, Cells.around(asked.place, reach)


def by_thresholds(answer: Matches, thresholds: Thresholds | Uncalibrated, *, photos: int) -> Matches:
    """Judge by the similarities that strangers reach among so many photos; `photos`: how many were searched with."""
    cut = thresholds.at(answer.pets_searched, answer.photos_searched * photos)
    judged = tuple(replace(match, verdict=cut.verdict(match.similarity)) for match in answer)
    return replace(answer, found=judged, cut=cut)


def by_probability(
    answer: Matches, thresholds: Thresholds, likelihood: PhotoLikelihood, asked: Asked, evidence: Evidence
) -> Matches:
    """Weigh all candidates of an answer, and order them by probability where more than the photo is known."""
    stand_in = thresholds.at(_STAND_IN_PETS).possible
    reasons = reasons_of(answer.found, asked, likelihood, evidence, stand_in=stand_in)
    ratios = [sum(reason.log10 for reason in why) for why in reasons]
    chances, nobody = posterior(ratios, registered=evidence.registered)
    lines = likelihood.lines(evidence.registered)
    judged = [
        replace(match, probability=chance, reasons=why, verdict=lines.verdict(chance))
        for match, chance, why in zip(answer.found, chances, reasons, strict=True)
    ]
    cut = _cut(judged, likelihood, stand_in, extrapolated=answer.pets_searched < FEWEST_PETS)
    if asked:
        judged.sort(key=lambda match: (-(match.probability or 0.0), -match.similarity, match.pet.pet_id))
    return replace(answer, found=tuple(judged), cut=cut, lines=lines, evidence=evidence, nobody=nobody, others=0.0)


def _cut(found: Sequence[Match], likelihood: PhotoLikelihood, stand_in: float, *, extrapolated: bool) -> Cut:
    """The similarities at which the photo alone would make a pet a match, or possible, beside those that were found."""
    level, curve = stand_in, likelihood.curves[0]
    if found:
        curve = likelihood.curve(len(found[0].pet.photos))
        level = found[0].similarity - curve.lead(found[0].reasons[0].log10)
    match, possible = (level + curve.lead(ratio) for ratio in (likelihood.match, likelihood.possible))
    return Cut(match=min(match, 1.0), possible=min(possible, match, 1.0), extrapolated=extrapolated)


def shown(answer: Matches, k: int, min_similarity: float | None, *, without: Collection[str] = ()) -> Matches:
    """The first k matches that are alike enough and not `without`; what is not shown counts as others."""
    least = -math.inf if min_similarity is None else min_similarity
    passing = (match for match in answer.found if match.similarity >= least and match.pet.pet_id not in without)
    found = tuple(islice(passing, k))
    if answer.nobody is None:
        return replace(answer, found=found)
    others = sum(match.probability or 0.0 for match in answer) - sum(match.probability or 0.0 for match in found)
    return replace(answer, found=found, others=max(0.0, others))


_VERDICTS = (None, Verdict.UNKNOWN, Verdict.POSSIBLE, Verdict.MATCH)


def over_species(answers: Sequence[Matches], k: int, *, one_measure: bool) -> Matches:
    """Join the answers of several species to one of k matches.

    Where all have probabilities, one nobody stands against all pets, and a species counts by its number of pets. Else
    the similarities decide, or the verdicts before them: cosines of two encoders are no common measure.
    """
    pets = sum(answer.pets_searched for answer in answers)
    seen = {answer.looks_like for answer in answers if answer.pets_searched}
    totals: dict[str, Any] = {
        "pets_searched": pets,
        "photos_searched": sum(answer.photos_searched for answer in answers),
        "pending": sum(answer.pending for answer in answers),
        "animals": max((answer.animals for answer in answers), key=len),  # only who encoded the photo knows of any
        "looks_like": seen.pop() if len(seen) == 1 else None,
    }
    if pets and all(answer.nobody is not None for answer in answers):
        answers = _against_one_nobody(answers, pets)

    def order(match: Match | None) -> tuple[float, int, float]:
        if match is None:
            return (-1.0, 0, -2.0)
        rank = 0 if one_measure else _VERDICTS.index(match.verdict)
        return (match.probability or 0.0, rank, match.similarity)

    best = max(answers, key=lambda answer: order(answer.best))
    found = sorted((match for answer in answers for match in answer), key=order, reverse=True)
    shown_too = sum(match.probability or 0.0 for match in found[k:])
    others = None if best.others is None else sum(answer.others or 0.0 for answer in answers) + shown_too
    return replace(best, found=tuple(found[:k]), others=others, **totals)


def _against_one_nobody(answers: Sequence[Matches], pets: int) -> list[Matches]:
    """The same answers, with probabilities of one search of all their pets."""
    shares = [answer.pets_searched / pets / (answer.nobody or 1e-12) for answer in answers]  # odds against nobody
    odds = sum(share * (1 - (answer.nobody or 0.0)) for share, answer in zip(shares, answers, strict=True))
    joined = []
    for answer, share in zip(answers, shares, strict=True):
        times = share / (1 + odds)
        found = tuple(
            replace(match, probability=chance, verdict=answer.lines.verdict(chance) if answer.lines else None)
            for match in answer
            for chance in [(match.probability or 0.0) * times]
        )
        joined.append(replace(answer, found=found, nobody=1 / (1 + odds), others=(answer.others or 0.0) * times))
    return joined
