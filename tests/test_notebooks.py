"""Every notebook is run from its first cell to its last, and stands in the repository with its outputs.

Cells tagged `needs-clip` ask for weights that are not in the repository: they stand there without outputs, and run
here on a tiny CLIP of random weights, which the notebooks are told of by PETFINDER_CLIP and PETFINDER_CLIP_PAIR.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT
from tests.elastic.stores import empty_elasticsearch_store
from tests.encoders.tiny_models import save_bert, save_clip

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 2_000_000
NEEDS_CLIP = "needs-clip"
ADDRESSES = re.compile(r"\+1 415 555 01\d\d|[a-z.-]+@example\.org")  # what the owners of dataset/ may be reached by
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def code_cells(notebook: Any, *, needs_clip: bool) -> list[Any]:
    """The code cells that need CLIP's weights, or all others."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (NEEDS_CLIP in cell.metadata.get("tags", [])) is needs_clip
    ]


def kinds_of_output(notebook: Any) -> list[Counter[str]]:
    """How many displays of each kind every cell has."""
    return [
        Counter(kind for output in cell.outputs for kind in output.get("data", {}))
        for cell in code_cells(notebook, needs_clip=False)
    ]


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the notebooks find in the environment: a tiny CLIP in a folder, and one with a text model beside it."""
    folder = tmp_path_factory.mktemp("models")
    clip, bert = save_clip(folder / "clip"), save_bert(folder / "bert")
    return {"PETFINDER_CLIP": str(clip), "PETFINDER_CLIP_PAIR": f"{clip}+{bert}"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    committed, fresh = read(path), read(path)
    if "elasticsearch" in path.stem:
        url = request.getfixturevalue("elasticsearch_url")
        empty_elasticsearch_store(url).close()
        monkeypatch.setenv("PETFINDER_REGISTRY", url)
    if code_cells(fresh, needs_clip=True):
        for name, value in request.getfixturevalue("tiny_clip").items():
            monkeypatch.setenv(name, value)

    NotebookClient(fresh, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()

    assert all(cell.execution_count for cell in code_cells(fresh, needs_clip=True))
    assert kinds_of_output(fresh) == kinds_of_output(committed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_with_the_outputs_of_a_whole_run_and_no_others(path: Path) -> None:
    committed = read(path)
    needs = [NEEDS_CLIP in cell.metadata.get("tags", []) for cell in committed.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code_cells(committed, needs_clip=False)]

    assert needs == sorted(needs)  # cells that need weights come last
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(committed, needs_clip=True):
        assert (cell.outputs, cell.execution_count) == ([], None)
    for cell in code_cells(committed, needs_clip=False):
        kinds = [(output.output_type, output.get("name")) for output in cell.outputs]
        assert [kind for kind in kinds if kind[0] == "error" or kind[1] == "stderr"] == []
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_destroys_data_or_shows_contact_unasked_or_a_path_of_its_machine(path: Path) -> None:
    text, notebook = path.read_text(encoding="utf-8"), read(path)

    assert [word for word in (str(Path.home()), str(ROOT), "/tmp/") if word in text] == []
    if 'store = pf.open_store(":memory:")' not in text.replace('\\"', '"'):  # where nothing is that could be lost
        assert [cell.source for cell in notebook.cells if "delete_index" in cell.source] == []
    for cell in code_cells(notebook, needs_clip=False):
        if "owner_card(" not in cell.source:  # a card asked for by name
            assert ADDRESSES.findall(str(cell.outputs)) == []


def test_the_nine_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS if path.stem[0] == "0"] == [
        "00_the_original_retyped",
        "01_register_and_find",
        "02_folders_tables_pandas",
        "03_text_similar_filtered",
        "04_elasticsearch",
        "05_how_good_is_it",
        "06_bring_your_own_encoder",
        "07_evidence",
        "08_lost_and_found",
    ]
