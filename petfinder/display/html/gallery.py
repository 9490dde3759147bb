"""The query beside its matches as HTML, for notebooks and saved pages."""

from __future__ import annotations

from dataclasses import replace

from petfinder.display.html.markup import render
from petfinder.display.thumbnails import boxed, pictured
from petfinder.domain.matches import SHOWN, Match, Matches
from petfinder.domain.verdicts import Verdict


def matches_as_html(matches: Matches) -> str:
    """The verdict in a sentence, the query photos, and each match with its photo, similarity, status and distance.

    The best match is drawn as large as the query photo, to be compared with it, unless the verdict is unknown.
    """
    alike = matches.query and matches.verdict is not Verdict.UNKNOWN
    if matches.query:
        matches = replace(matches, query=(boxed(matches.query[0], matches.animals), *matches.query[1:]))
    compared = matches.found[: 1 if alike else 0]
    return render("gallery", "matches", matches, compared, matches.found[len(compared) : SHOWN], SHOWN)


def match_as_html(match: Match) -> str:
    """One match with its photo, as it stands among others."""
    return render("gallery", "one", replace(match, photo=pictured(match.photo)))
