"""Every notebook is run from its first cell to its last, and stands in the repository with its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def kinds_of_output(notebook: Any) -> list[set[str]]:
    """For each code cell the kinds of output that it shows."""
    return [
        {kind for output in cell.outputs for kind in output.get("data", {"stream": ""})}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    committed = read(path)
    if "elasticsearch" in path.stem:
        url = request.getfixturevalue("elasticsearch_url")
        empty_elasticsearch_store(url).close()
        monkeypatch.setenv("PETFINDER_REGISTRY", url)
    fresh = read(path)

    NotebookClient(fresh, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()

    assert all(cell.get("execution_count") for cell in committed.cells if cell.cell_type == "code" and cell.source)
    assert kinds_of_output(fresh) == kinds_of_output(committed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_destroys_data_or_shows_a_path_of_the_machine_it_ran_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert str(Path.home()) not in text
    assert str(ROOT) not in text
    for cell in read(path).cells:
        assert "delete_index" not in cell.source


def test_the_first_notebook_is_there() -> None:
    assert NOTEBOOKS[0].name == "01_register_and_find.ipynb"
