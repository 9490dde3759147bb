"""The query beside its matches as HTML, for notebooks and saved pages."""

from __future__ import annotations

from petfinder.display.html.markup import render
from petfinder.domain.matches import SHOWN, Match, Matches
from petfinder.domain.pets import Photo
from petfinder.domain.verdicts import Cut, Verdict


def matches_as_html(matches: Matches) -> str:
    """The verdict in a sentence, the query photos, and each match with its photo, similarity, status and distance.

    The best match is drawn as large as the query photo, to be compared with it, unless the verdict is unknown.
    """
    alike = matches.query and matches.verdict is not Verdict.UNKNOWN
    compared = matches.found[: 1 if alike else 0]
    return render("gallery", "matches", matches, compared, matches.found[len(compared) : SHOWN], SHOWN)


def head(matches: Matches) -> str:
    """The verdict, what was found, and what to do next."""
    return render("gallery", "head", matches)


def query_card(photos: tuple[Photo, ...]) -> str:
    """The query photos: the first large, three more below it."""
    return render("gallery", "query_card", photos)


def match_card(match: Match, cut: Cut | None, *, width: int) -> str:
    """A match as a card of at most this width in pixels."""
    return render("gallery", "match_card", match, cut, width)


def match_line(match: Match, cut: Cut | None) -> str:
    """One of the matches that come after the best: a small picture, and the same facts beside it."""
    return render("gallery", "match_line", match, cut)
