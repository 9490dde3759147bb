"""Results leave Python: as plain data, JSON, tables and files, without contact and exact places."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain.matches import Matches
from petfinder.evaluation.compare import Column, Comparison
from petfinder.evaluation.evaluate import measured
from petfinder.evaluation.result import Evaluation
from tests.conftest import TableEncoder
from tests.first_hour.test_seen import COLOURS, PHONE, photo_of, pictures
from tests.test_evaluate import scattered

HIDDEN = ("Ully", PHONE, "38.712", "9.143")


@pytest.fixture
def registry(tmp_path: Path, table_encoder: TableEncoder) -> Iterator[pf.Registry]:
    """Three dogs with an owner, and photos that know where they were taken."""
    with pf.connect(tmp_path / "pets.db", encoder=table_encoder) as opened:
        owner = pf.Owner(name="Ully", phone=PHONE)
        for name in COLOURS:
            opened.dogs.register(pf.Dog(pet_id=name, name=name.title(), owner=owner, photos=photo_of(name)))
        yield opened


@pytest.fixture
def matches(registry: pf.Registry) -> Matches:
    return registry.dogs.find(photo_of("rex"))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return measured(scattered(pets=6, photos_each=2, dims=8, seed=3, spread=0.7), encoder="table-1").evaluation


def test_matches_are_data_json_and_a_table_without_contact(matches: Matches) -> None:
    table = matches.to_table()

    assert json.loads(matches.to_json()) == json.loads(json.dumps(matches.to_dict()))
    assert [match["pet_id"] for match in matches.to_dict()["matches"]] == [*table["pet_id"]]
    assert [*table.loc[0, ["pet_id", "name"]]] == ["rex", "Rex"]
    assert table["similarity"].is_monotonic_decreasing
    assert [*table["distance_km"]] == [0, 0, 0]
    assert [*Matches().to_table().columns] == [*table.columns]
    for out in (matches.to_json(), table.to_csv(), str(matches.to_dict())):
        assert not [secret for secret in HIDDEN if secret in out]


def test_what_find_prints_as_json_is_what_to_json_gives(tmp_path: Path) -> None:
    (tmp_path / "rex.jpg").write_bytes(photo_of("rex"))
    with pf.connect(tmp_path / "pets.db") as registry:
        registry.dogs.register(pf.Dog(pet_id="rex", photos=tmp_path / "rex.jpg"))
        matches = registry.dogs.find(tmp_path / "rex.jpg")
    command = [sys.executable, "-m", "petfinder", "find", "rex.jpg", "--json", "--registry", "pets.db"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert json.loads(done.stdout) == json.loads(matches.to_json())


def test_a_saved_page_stands_alone_with_its_pictures_and_nothing_private(matches: Matches, tmp_path: Path) -> None:
    matches.save(tmp_path / "result.html")

    page = (tmp_path / "result.html").read_text()
    assert page.startswith("<!doctype html>")
    shown = [base64.b64decode(code) for code in re.findall('base64,([^"]+)', page)]
    assert len(shown) == pictures(matches) == 4
    assert not [picture for picture in shown if b"Exif" in picture]
    assert "src=" not in page.replace('src="data:image/jpeg;base64,', "")
    assert not [secret for secret in HIDDEN if secret in page]


def test_matches_are_saved_as_a_picture_a_pdf_and_json(matches: Matches, tmp_path: Path) -> None:
    for name, start in (("a.png", b"\x89PNG"), ("a.PDF", b"%PDF"), ("a.json", b"{")):
        matches.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 1000


@pytest.mark.parametrize("name", ["a.docx", "a", "", 5, None])
def test_a_wrong_ending_is_answered_with_the_right_ones_and_nothing_is_written(
    matches: Matches, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.iterdir()}

    with pytest.raises(pf.ConfigError, match=r"\.png, .*\.pdf, \.html, \.json"):
        matches.save(name)
    with pytest.raises(pf.ConfigError, match=r"BulkReport .* ends in \.html, \.json"):
        pf.BulkReport().save("report.png")
    with pytest.raises(pf.ConfigError, match="cannot be written"):
        matches.save(tmp_path / "no folder" / "a.html")
    assert {*tmp_path.iterdir()} == before


def test_the_answers_to_many_photos_are_one_table(registry: pf.Registry, tmp_path: Path) -> None:
    answers = registry.dogs.find_many([photo_of("rex"), photo_of("luigi")], k=2)
    answers.save(tmp_path / "answers.html")

    best = answers.to_table().groupby("query").first()
    assert [*best["pet_id"]] == ["rex", "luigi"]
    assert len(answers.to_dict()["answers"]) == 2
    assert (tmp_path / "answers.html").read_text().count("base64,") == 4


def test_a_report_is_a_table_of_what_became_of_each(registry: pf.Registry, tmp_path: Path) -> None:
    pets = [pf.Dog(pet_id="rex"), pf.Dog(pet_id="new"), pf.Dog(pet_id="lost", photos="gone.jpg")]
    report = registry.dogs.register_many(pets)
    report.save(tmp_path / "report.html")
    report.save(tmp_path / "report.json")

    rows = {row["item"]: row for row in report.to_table().to_dict("records")}
    assert {item: row["result"] for item, row in rows.items()} == {"new": "added", "rex": "skipped", "lost": "failed"}
    assert "gone.jpg" in rows["lost"]["reason"]
    assert "gone.jpg" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["added"] == ["new"]


def test_an_evaluation_leaves_as_the_command_line_prints_it(evaluation: Evaluation, tmp_path: Path) -> None:
    (column,) = Comparison((Column("table-1", evaluation),)).to_dict()["encoders"]
    data = evaluation.to_dict()
    evaluation.save(tmp_path / "evaluation.html")
    evaluation.save(tmp_path / "evaluation.pdf")

    assert data.keys() == column.keys()
    assert [row["value"] for row in data["measures"]] == [row["value"] for row in column["measures"]]
    assert evaluation.to_table().set_index("measure").loc["pets", "value"] == 6
    assert "puts the right pet first" in (tmp_path / "evaluation.html").read_text()


def test_tables_without_pandas_name_what_to_install(matches: Matches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(pf.ConfigError, match="pip install"):
        matches.to_table()
