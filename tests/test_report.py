"""The report of an encoder: JSON files of figures become tables, and the notebook shows them and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra 'dev' is not installed")
plt = pytest.importorskip("matplotlib.pyplot", reason="the extra 'notebook' is not installed")


from tests.conftest import ROOT  # noqa: E402
from tests.test_notebooks import code_cells, read  # noqa: E402

NOTEBOOK = ROOT / "notebooks" / "pocket_report.ipynb"


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - 0.05), "high": min(1.0, value + 0.04)}


def found(value: float) -> dict[str, Any]:
    return {"threshold": 0.7, "share": estimate(value)}


def few(bench: str, registered: int, brought: int, way: str, value: float, *, least: int = 0) -> dict[str, Any]:
    setting = {"registered": registered, "brought": brought, "way": way, "combine": "mean", "least": least}
    crowd = found(value / 3) if brought == 1 else None
    return {"bench": bench, **setting, "rank1": estimate(value), "found_crowd": crowd, "found_bench": found(value / 2)}


def protocol(encoder: str, better: float) -> dict[str, Any]:
    """Figures as the protocol writes them, all higher by `better`."""
    benches = [
        {
            "bench": bench,
            "rank1": estimate(level + better),
            "mean_precision": estimate(level - 0.1 + better),
            "found_crowd": found(0.2 + better),
            "found_bench": found(0.3 + better),
            "erased_rank1": None,
        }
        for bench, level in (("identity", 0.9), ("mpdd, reports", 0.8), ("mpdd, chooses", 0.7))
    ]
    measured = [
        {"pets": pets, "match": match, "possible": match - 0.2, "match_interval": {"low": match - 0.1, "high": 0.9}}
        for pets, match in ((10, 0.5), (100, 0.6))
    ]
    kind = {"species": "dog", "thresholds": "written", "strangers": "crowd", "gallery": "crowd"}
    check = {**kind, "pets": 20, "extrapolated": False, "match": estimate(0.06), "possible": 0.31}
    settings = [few("identity", n, m, "photos and portrait", 0.6 + 0.05 * (n + m)) for n in (1, 2, 3) for m in (1, 2)]
    settings.append(few("identity", 3, 1, "portrait alone", 0.75))
    settings.append(few("identity", 2, 1, "photos and portrait", 0.72, least=6))
    thresholds = {species: {"measured": measured, "source": "made up"} for species in ("dog", "cat")}
    return {"encoder": encoder, "benches": benches, "few": settings, "checks": [check], "thresholds": thresholds}


def robust(encoder: str, better: float) -> dict[str, Any]:
    levels = {"turned by 20 degrees": 0.8, "in the dark": 0.5, "photo of a screen": 0.3}
    unchanged = estimate(0.85 + better)
    conditions = [
        {"bench": bench, "condition": name, "cosine": 0.8, "rank1": estimate(level), "unchanged_rank1": unchanged}
        for bench in ("identity", "albums, reports")
        for name, level in levels.items()
    ]
    return {"encoder": encoder, "conditions": conditions}


def variant(name: str, mean: float) -> dict[str, Any]:
    return {"variant": name, "chooses: mean": mean, "reports: mAP": mean + 0.1}


TRAINED = {
    "encoder": "pocket-2.onnx",
    "steps": [{"step": "photos", "seconds": 60.0}, {"step": "matrix", "seconds": 30.0}],
    "learning_curve": [[step, 0.2 + 0.1 / step] for step in range(1, 61)],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of made-up figures: the first pocket in a file of its own, the others together."""
    folder = tmp_path_factory.mktemp("report")
    for name, content in {
        "protocol": [protocol("teacher", 0.0), protocol("pocket-2", 0.08)],
        "protocol-pocket-1": [protocol("pocket", 0.04)],
        "robustness": [robust("teacher", 0.0), robust("pocket-2", 0.1)],
        "ablations": [variant("as it is", 0.4), variant("as shipped", 0.6)],
        "training": TRAINED,
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def page_of(folder: Path) -> dict[str, Any]:
    """What the notebook's cells define, run on a folder of figures."""
    names: dict[str, Any] = {}
    plt.switch_backend("agg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETFINDER_REPORT", str(folder))
        for cell in code_cells(read(NOTEBOOK), needs_clip=False):
            exec(cell.source, names)
    plt.close("all")
    return names


@pytest.fixture(scope="module")
def page(folder: Path) -> dict[str, Any]:
    return page_of(folder)


def test_tables_show_each_encoder_with_its_measured_intervals(page: dict[str, Any]) -> None:
    table = page["with_intervals"](page["benches"], {"rank1": "rank-1", "mean_precision": "mAP"})
    thresholds = page["thresholds"].query("encoder == 'teacher' and species == 'dog'")
    (alarms,) = page["alarms"].to_dict("records")

    assert page["encoders"] == list(table.columns) == ["teacher", "pocket-1", "pocket-2"]
    assert len(table) == 6
    assert table.loc[("mpdd, reports", "mAP"), "teacher"] == "0.700 (0.650-0.740)"
    assert table.loc[("identity", "rank-1"), "pocket-1"].startswith("0.940")
    assert thresholds["pets"].tolist() == [10, 100]
    assert thresholds["match_low"].tolist() == pytest.approx([0.4, 0.5])
    assert thresholds["possible_low"].isna().all()
    assert alarms["searched"] == "20 pets of crowd"
    assert alarms["match (promised 0.01)"] == "0.060 (0.010-0.100)"
    assert alarms["possible (promised 0.30)"] == "0.310"
    assert page["ways"].loc[("3 registered, portrait alone", "rank-1"), "identity"] == "0.750 (0.700-0.790)"
    assert len(page["ways"]) == 3


def test_few_photos_of_older_files_are_the_usual_way(tmp_path: Path) -> None:
    older = {"bench": "identity", "registered": 3, "animals": 11, "rank1": estimate(0.9), "found_bench": found(0.5)}
    (tmp_path / "protocol.json").write_text(json.dumps([protocol("pocket", 0.0) | {"few": [older]}]))

    (row,) = page_of(tmp_path)["few"].to_dict("records")

    assert (row["brought"], row["way"], row["combine"], row["least"]) == (1, "photos and portrait", "mean", 0)


def test_variants_are_bars_and_training_shows_its_curve(page: dict[str, Any]) -> None:
    bars = page["variants_plot"].axes[0].containers[0]
    assert [bar.get_width() for bar in bars] == [0.4, 0.6]
    assert page["tried"].set_index("variant").loc["as shipped", "reports: mAP"] == pytest.approx(0.7)
    line = page["learning_plot"].axes[0].lines[0]
    assert np.shape(line.get_path().vertices) == (60, 2)
    assert line.get_ydata()[:2].tolist() == pytest.approx([0.3, 0.25])
    assert page["seconds"].loc["matrix", "pocket-2"] == 30.0


def test_plots_show_every_bench_and_encoder(page: dict[str, Any]) -> None:
    def legend(name: str) -> list[str]:
        return [text.get_text() for text in page[name].legends[0].get_texts()]

    assert legend("bench_plot") == ["teacher", "pocket-1", "pocket-2"]
    panel = page["bench_plot"].axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["identity", "mpdd, reports"], "what chooses"
    assert legend("few_plot") == ["1 brought", "1 brought, pets with 6 photos or more", "2 brought"]
    assert [panel.get_title() for panel in page["threshold_plot"].axes] == ["dogs", "cats"]
    assert [text.get_text() for text in page["variants_plot"].axes[0].texts] == ["0.400", "0.600"]
    assert page["changed_plot"].axes[0].get_yticklabels()[0].get_text() == "turned by 20 degrees"


def test_what_was_not_measured_is_an_empty_table_and_a_plot_that_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    plots = [value for name, value in page.items() if name.endswith("_plot")]

    assert page["with_intervals"](page["benches"], page["MEASURES"]).empty
    assert page["tried"].empty
    assert [plot.axes[0].get_title() for plot in plots] == ["not measured yet"] * 6
