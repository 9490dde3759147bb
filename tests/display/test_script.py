"""Matches as plain data for scripts."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from petfinder.display.data import matches_as_data
from petfinder.domain.matches import Matches
from petfinder.domain.verdicts import Cut


def test_a_verdict_comes_with_the_photos_and_the_cut_it_was_read_at(matches: Matches) -> None:
    data = matches_as_data(matches)

    assert (data["pets_searched"], data["photos_searched"]) == (1204, 3310)
    assert data["cut"] == {"match": 0.9, "possible": 0.7, "extrapolated": False}


def test_a_search_without_verdict_has_no_cut(matches: Matches) -> None:
    data = matches_as_data(replace(matches, cut=None))

    assert data["pets_searched"] == 1204
    assert not {"cut", "photos_searched"} & set(data)


def test_a_cut_that_was_never_measured_is_still_valid_json(matches: Matches) -> None:
    nothing_measured = Cut(match=math.inf, possible=-math.inf, extrapolated=True)
    data = matches_as_data(replace(matches, cut=nothing_measured))

    assert data["cut"] == {"match": None, "possible": None, "extrapolated": True}
    json.dumps(data, allow_nan=False)
