"""What shows each value, by the name of its class and the way it is shown. A renderer is loaded when it is used."""

from __future__ import annotations

from typing import Final

from petfinder.domain.shown import Renderers

RENDERERS: Final[Renderers] = {
    ("Matches", "text"): "petfinder.display.text:matches_as_text",
    ("Matches", "html"): "petfinder.display.html.gallery:matches_as_html",
    ("Matches", "figure"): "petfinder.display.figures.matches:plot_matches",
    ("Matches", "places"): "petfinder.display.figures.places:plot_places",
    ("Pet", "html"): "petfinder.display.html.cards:pet_as_html",
    ("Pairs", "html"): "petfinder.display.html.lists:pairs_as_html",
    ("Pets", "html"): "petfinder.display.html.lists:pets_as_html",
    ("BulkReport", "html"): "petfinder.display.html.reports:report_as_html",
    ("RebuildReport", "html"): "petfinder.display.html.reports:rebuild_as_html",
    ("CopyReport", "html"): "petfinder.display.html.reports:copy_as_html",
    ("IndexInfo", "html"): "petfinder.display.html.lists:index_as_html",
    ("Indexes", "html"): "petfinder.display.html.lists:indexes_as_html",
    ("Evaluation", "html"): "petfinder.display.html.evaluations:evaluation_as_html",
    ("Evaluation", "figure"): "petfinder.display.figures.evaluations:plot_evaluation",
    ("Comparison", "html"): "petfinder.display.html.evaluations:comparison_as_html",
    ("Comparison", "figure"): "petfinder.display.figures.evaluations:plot_comparison",
}
