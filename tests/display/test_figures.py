"""Matches as a figure, and what holds for every figure: any name, any style, saved in one call, no pyplot."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from petfinder.display.figures.matches import plot_matches
from petfinder.display.figures.places import plot_places
from petfinder.domain.errors import ConfigError
from petfinder.domain.matches import Matches
from petfinder.domain.pets import Photo
from petfinder.domain.verdicts import Verdict
from petfinder.evaluation.compare import Comparison
from petfinder.evaluation.result import Evaluation
from tests.display.conftest import CUT, check_texts_lie_apart_and_inside, drawn_texts, photo, texts

NAMES = ["$5^$ \\frac", "Zé Straße", "ポチ", "🐕‍🦺", "كلب", "<script>alert(1)</script>", "a\nb", "x" * 300, "\ud800"]


@pytest.fixture(params=["matches", "places", "evaluation", "comparison"])
def draw(
    request: pytest.FixtureRequest, named: Callable[[str], Matches], evaluation: Evaluation, comparison: Comparison
) -> Callable[[str], Figure]:
    """Draws one kind of figure, of a pet or of encoders that have this name."""
    kinds: dict[str, Callable[[str], Figure]] = {
        "matches": lambda name: named(name).plot(),
        "places": lambda name: plot_places(match.pet for match in named(name)),
        "evaluation": lambda name: replace(evaluation, encoder=name).plot(),
        "comparison": lambda name: Comparison(tuple(replace(each, encoder=name) for each in comparison.columns)).plot(),
    }
    return kinds[request.param]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_drawn_without_a_warning_and_lies_on_nothing(draw: Callable[[str], Figure], name: str) -> None:
    figure = draw(name)

    figure.savefig(io.BytesIO())
    check_texts_lie_apart_and_inside(figure)


def test_a_figure_is_saved_and_shown_without_pyplot_whatever_the_callers_style(draw: Callable[[str], Figure]) -> None:
    from matplotlib import pyplot

    figure, plain, styled = draw("Luigi"), io.BytesIO(), io.BytesIO()
    figure.savefig(plain)
    with matplotlib.rc_context(
        {"text.color": "white", "figure.facecolor": "black", "font.size": 40, "text.parse_math": True}
    ):
        draw("Luigi").savefig(styled)

    with Image.open(plain) as picture:
        assert picture.tobytes() == Image.open(styled).tobytes()
        assert picture.width > 1200
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    with Image.open(io.BytesIO(vars(figure)["_repr_png_"]())) as picture:
        assert picture.format == "PNG"
    assert pyplot.get_fignums() == []


def test_without_matplotlib_a_pip_line_is_named(draw: Callable[[str], Figure], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ConfigError, match=r"pip install .*\[notebook\]'"):
        draw("Luigi")


def test_a_dollar_stays_a_dollar_and_long_words_stay_inside_their_tile(named: Callable[[str], Matches]) -> None:
    figure = plot_matches(named("Bartholomew the Magnificent of the Seven Hills"))

    tile = next(
        text
        for text in drawn_texts(figure)
        if text.get_text().startswith("Bartholomew") and text.get_fontsize() == 11.5
    )
    assert tile.get_text().endswith("…")
    assert tile.get_window_extent().width <= 2.0 * figure.dpi
    check_texts_lie_apart_and_inside(figure)
    assert "$5^$" in texts(plot_matches(named("$5^$")))


def test_the_query_and_each_match_have_a_picture_and_their_words(matches: Matches) -> None:
    figure = plot_matches(matches)
    several = plot_matches(replace(matches, query=tuple(photo(f"{n}.jpg") for n in range(5))))
    words = texts(figure)

    assert [len(axes.images) for axes in figure.axes] == [1, 1, 0]
    for said in ("This looks like Luigi", "Your photo", "Luigi", "Jack Russell", "3 km away", "similarity 0.931"):
        assert said in words
    assert (words.count("match"), words.count("unknown"), "no picture here" in words) == (2, 1, True)
    assert [len(axes.images) for axes in several.axes] == [3, 1, 0]
    assert "Your 5 photos" in texts(several)


def test_seven_matches_take_two_rows_and_more_than_twenty_are_cut(matches: Matches) -> None:
    one, seven, many = (plot_matches(replace(matches, found=matches.found[:1] * count)) for count in (1, 7, 23))

    assert len(seven.axes) == 8
    assert seven.get_figheight() > one.get_figheight() + 3
    assert len(many.axes) == 21
    assert any(text.startswith("3 more matches are not shown.") for text in texts(many))
    assert len({id(text._renderer) for text in drawn_texts(many)}) == 1  # type: ignore[attr-defined]  # one canvas
    check_texts_lie_apart_and_inside(plot_matches(replace(matches, found=matches.found * 4, query=matches.query * 3)))


def test_an_empty_answer_a_search_in_words_and_an_unreadable_thumbnail_are_drawn_too(matches: Matches) -> None:
    words = texts(plot_matches(Matches(found=tuple(replace(match, verdict=None) for match in matches))))
    broken = replace(matches[0], photo=Photo(photo_id="x", thumbnail=b"\xff\xd8\xff cut off"))

    assert "similarity 0.931" in words
    assert not {str(verdict) for verdict in Verdict} & set(words)
    for answer, said in (
        (Matches(query=(photo("q.jpg"),), cut=CUT), "There is no pet to compare with"),
        (Matches(), "No pet found"),
        (Matches(found=(broken,)), "no picture here"),
    ):
        assert said in texts(plot_matches(answer))
