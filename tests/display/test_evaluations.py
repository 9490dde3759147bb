"""Evaluations and comparisons to look at, as HTML and as figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from petfinder.domain.errors import UnreadablePhoto
from petfinder.domain.reports import Failure
from petfinder.evaluation.compare import Comparison
from petfinder.evaluation.result import FOUND, RANK1, Evaluation
from tests.display.conftest import texts
from tests.display.test_gallery import Reader


def said(source: str) -> str:
    return "\n".join(Reader(source).text)


def test_every_measure_is_told_in_words_with_its_interval(evaluation: Evaluation, comparison: Comparison) -> None:
    text = said(evaluation._repr_html_())

    shares = [row for row in evaluation.as_rows() if row.unit == "share"]
    assert len(shares) == 5
    for row in shares:
        assert row.measure in text
        assert f"{row.value:.1%}" in text
    assert f"{evaluation.rank1.low:.1%} to {evaluation.rank1.high:.1%}" in text
    assert "the right pet comes first" in text
    assert f"table-1 puts the right pet first for {round(evaluation.rank1.value * 36)} of 36 photos" in text
    assert repr(evaluation).startswith("table-1 on 12 pets\n  pets ")
    assert repr(comparison).splitlines()[1].split() == ["table-1", "blind-1", "absent-1"]


def test_the_bars_lie_where_the_intervals_are_and_the_thresholds_are_a_table(evaluation: Evaluation) -> None:
    page = Reader(evaluation._repr_html_())
    styles, share = "\n".join(page.values("style")), evaluation.rank1

    assert f"left:{share.low:.1%};width:{share.high - share.low:.1%}" in styles
    assert f"left:calc({share.value:.1%} - 2px)" in styles
    for row in evaluation.thresholds.measured:
        assert {f"{row.match:.3f}", f"{row.possible:.3f}"} <= set(page.text)
    assert "registry.dogs.repository.keep_thresholds(evaluation.thresholds)" in page.text
    assert page.values("scope") == ["col"] * 4


def test_too_few_photos_are_called_a_first_guess_and_what_was_left_out_is_named(evaluation: Evaluation) -> None:
    broken = Failure("rex", UnreadablePhoto("cut off"), photo="x.jpg")
    few = said(replace(evaluation, failures=(broken,), notes=("no background control",))._repr_html_())

    for words in ("36 photos are too few", "No background control.", "x.jpg"):
        assert words in few
    assert "first guess" not in said(replace(evaluation, queries=100)._repr_html_())
    assert any("36 photos are too few" in text for text in texts(evaluation.plot()))


def test_encoders_stand_below_one_another_and_one_that_is_missing_says_why(comparison: Comparison) -> None:
    text = said(comparison._repr_html_())
    alone = Comparison(comparison.columns[2:])

    assert text.count("blind-1") == 5 + 1 + 1  # a line for each measure, the title, the times
    assert "25.0 points less than table-1 (-40.0 to -10.0)" in text
    assert "absent-1 could not be tried: its weights are <gone>" in text
    assert Reader(alone._repr_html_()).text == ["absent-1 could not be tried: its weights are <gone>"]
    assert "could not be tried" in texts(alone.plot())


def test_the_plot_counts_each_photos_own_pet_and_the_nearest_other_on_one_scale(evaluation: Evaluation) -> None:
    figure, cut = evaluation.plot(), evaluation.cut
    nobody = evaluation.ranking.impostor.copy()
    nobody[0] = -np.inf

    for values in (evaluation.ranking.genuine, evaluation.ranking.impostor):
        matches = sum(float(value) >= cut.match for value in values)
        assert f"{matches} of 36" in texts(figure)
    assert {f"match from {cut.match:.3f}", f"possible from {cut.possible:.3f}"} <= set(texts(figure))
    for axes in figure.axes:
        heights = [bar.get_height() for bars in axes.containers for bar in bars]
        assert sum(heights) == 36
        assert {round(height) for height in heights} == set(heights)
        assert axes.get_ylim() == figure.axes[0].get_ylim()
    met_nothing = replace(evaluation, ranking=replace(evaluation.ranking, impostor=nobody))
    assert any(text.endswith("of 35") for text in texts(met_nothing.plot()))  # it is not drawn


def test_the_comparison_has_a_dot_and_an_interval_for_each_encoder(comparison: Comparison) -> None:
    figure = comparison.plot()
    written = texts(figure)

    evaluation = comparison.columns[0].evaluation
    assert evaluation is not None
    assert written.count(f"{evaluation.rank1.value:.1%}") >= 2
    for words in (RANK1, "mAP", FOUND, "table-1", "blind-1", "absent-1", "could not be tried"):
        assert words in written
    assert sum(np.size(line.get_xdata()) == 2 for axes in figure.axes for line in axes.lines) == 2 * 3
