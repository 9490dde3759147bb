"""What shows each value, by the name of its class and the way it is shown. A renderer is loaded when it is used."""

from __future__ import annotations

from typing import Final

from petfinder.domain.shown import Renderers

RENDERERS: Final[Renderers] = {
    ("Matches", "text"): "petfinder.display.text:matches_as_text",
    ("Matches", "html"): "petfinder.display.html.gallery:matches_as_html",
    ("Matches", "figure"): "petfinder.display.figures.matches:plot_matches",
    ("Matches", "places"): "petfinder.display.figures.places:plot_places",
    ("Matches", "data"): "petfinder.display.data:matches_as_data",
    ("Match", "html"): "petfinder.display.html.gallery:match_as_html",
    ("Answers", "html"): "petfinder.display.html.lists:answers_as_html",
    ("Answers", "data"): "petfinder.display.data:answers_as_data",
    ("Result", "table"): "petfinder.display.data:result_as_table",
    ("Result", "file"): "petfinder.display.files:save",
    ("Pet", "html"): "petfinder.display.html.cards:pet_as_html",
    ("Photo", "html"): "petfinder.display.html.cards:photo_as_html",
    ("Duplicates", "html"): "petfinder.display.html.lists:duplicates_as_html",
    ("Pairs", "html"): "petfinder.display.html.lists:pairs_as_html",
    ("Pets", "html"): "petfinder.display.html.lists:pets_as_html",
    ("Report", "data"): "petfinder.display.data:report_as_data",
    ("Report", "html"): "petfinder.display.html.reports:report_as_html",
    ("Registry", "html"): "petfinder.display.html.lists:opened_as_html",
    ("OpenedIndex", "html"): "petfinder.display.html.lists:opened_as_html",
    ("IndexInfo", "html"): "petfinder.display.html.lists:indexes_as_html",
    ("Indexes", "html"): "petfinder.display.html.lists:indexes_as_html",
    ("Evaluation", "html"): "petfinder.display.html.evaluations:evaluation_as_html",
    ("Evaluation", "figure"): "petfinder.display.figures.evaluations:plot_evaluation",
    ("Evaluation", "data"): "petfinder.display.data:evaluation_as_data",
    ("Comparison", "html"): "petfinder.display.html.evaluations:comparison_as_html",
    ("Comparison", "figure"): "petfinder.display.figures.evaluations:plot_comparison",
    ("Comparison", "data"): "petfinder.display.data:comparison_as_data",
}
