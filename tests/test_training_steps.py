"""A training that is broken off goes on where it stopped, and redoes only what a change asks for."""

from __future__ import annotations

import csv
import json
import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="the extra 'train' is not installed")
pytest.importorskip("torch", reason="the extra 'train' is not installed")

from petfinder.training.pocket.make import make_encoder
from petfinder.training.pocket.material import Settings
from petfinder.training.pocket.steps import Kept, Steps, checkpoint_of, code_fingerprint, forget_all, write_arrays
from tests.test_training import make_small_class

SMALL = Settings(share=0.5, epochs=3, views=1, threads=1)
STEPS = [
    "photos",
    "starting-parts",
    "light-training",
    "saliency-maps",
    "saliency-head",
    "axes",
    "parts",
    "view-1",
    "matrix",
]


MOMENTS = [
    "open photos-KEY.part/000.npy",
    "rename starting-parts-KEY",
    "rename light-training-KEY.checkpoint",
    "rename light-training-KEY",
    "open saliency-maps-KEY.part/001.npy",
    "rename saliency-head-KEY",
    "open axes-KEY.part/002.npy",
    "open parts-KEY.part/step.json",
    "rename view-1-KEY",
    "open matrix-KEY.part/000.npy",
    "rename pocket-2.onnx",
    "rename training.json",
]
"""When a run is killed: as it opens the file to write it, or as all is written and about to take its place."""


def train_until(folders: tuple[Path, Path], out: Path, moment: str) -> None:
    """Train with a checkpoint after every batch, and be killed at a moment; of checkpoints, at the second one."""
    pattern = re.compile(re.escape(moment).replace("KEY", "[0-9a-f]{16}").replace(r"\ ", " .*/"))
    left = 2 if "checkpoint" in moment else 1

    def watch(event: str, about: tuple[Any, ...]) -> None:
        nonlocal left
        seen = {"open": lambda: f"open {about[0]}", "os.rename": lambda: f"rename {about[1]}"}
        if event in seen and pattern.fullmatch(seen[event]()):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    out.mkdir(exist_ok=True)
    logging.basicConfig(level=logging.INFO, filename=out / "training.log", format="%(message)s")
    sys.addaudithook(watch)
    make_encoder(*folders, out, SMALL, checkpoint_every=1)


def test_a_training_killed_in_every_step_ends_with_the_same_file(tmp_path: Path) -> None:
    folders = make_small_class(tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.test_training_steps", "torch._inductor.config", "torch._inductor.cpp_builder"]
    )

    def train(out: Path, moment: str) -> int | None:
        process = context.Process(target=train_until, args=(folders, out, moment))
        process.start()
        process.join()
        return process.exitcode

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train(whole, "never") == 0
    assert {moment: train(broken, moment) for moment in MOMENTS} == dict.fromkeys(MOMENTS, -signal.SIGKILL)

    options = ["--share", "0.5", "--epochs", "3", "--views", "1", "--threads", "1"]
    given = ["--photos", str(folders[0]), "--start", str(folders[1]), "--out", str(broken), *options]
    subprocess.run([sys.executable, "-m", "petfinder.training", *given], check=True, capture_output=True)

    for file in ("pocket-2.onnx", "learning_curve.csv"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()
    log = (broken / "training.log").read_text()
    assert [len(re.findall(rf"^{step}: done", log, re.MULTILINE)) for step in STEPS] == [1] * len(STEPS)
    assert "goes on after step 1" in log
    assert done_now(broken) == []
    assert sorted(path.name.rpartition("-")[0] for path in (broken / "steps").iterdir()) == sorted(STEPS)


def done_now(out: Path) -> list[str]:
    told = json.loads((out / "training.json").read_text())
    return [step["step"] for step in told["steps"] if not step["taken over"]]


def test_a_change_redoes_only_what_depends_on_it(tmp_path: Path) -> None:
    folders, out = make_small_class(tmp_path), tmp_path / "out"
    first = make_encoder(*folders, out, Settings(share=0.5, views=1, threads=1)).read_bytes()
    assert done_now(out) == STEPS

    make_encoder(*folders, out, Settings(share=0.5, views=2, dims=6, threads=1))
    assert done_now(out) == ["view-2", "matrix"]

    make_encoder(*folders, out, Settings(share=0.6, views=1, threads=1))
    assert done_now(out) == ["saliency-maps", "saliency-head", "axes", "parts", "view-1", "matrix"]

    Image.new("RGB", (300, 240), "red").save(folders[0] / "photo07.png")
    other = make_encoder(*folders, out, Settings(share=0.5, views=1, threads=1)).read_bytes()
    assert done_now(out) == STEPS
    assert other != first


def test_what_a_training_tells_of_itself(tmp_path: Path) -> None:
    folders, out = make_small_class(tmp_path), tmp_path / "out"

    make_encoder(*folders, out, Settings(share=0.5, epochs=2, views=1, threads=1))
    make_encoder(*folders, out, Settings(share=0.5, epochs=2, views=1, threads=1), fresh=True)

    told = json.loads((out / "training.json").read_text())
    with (out / "learning_curve.csv").open(newline="") as lines:
        curve = list(csv.DictReader(lines))
    assert done_now(out) == STEPS
    assert told["settings"] == {"share": 0.5, "epochs": 2, "views": 1, "dims": 512, "seed": 1, "threads": 1}
    assert [row["step"] for row in curve] == ["1", "2"]
    assert [[int(row["step"]), float(row["loss"])] for row in curve] == told["learning_curve"]
    assert 0 < float(curve[0]["loss"]) < 2
    assert told["seconds"] == pytest.approx(sum(step["seconds"] for step in told["steps"]), abs=0.5)
    assert told["steps"][0]["photos of pets"] == 8
    assert told["largest difference from torch"] < 1e-4


def kept(folder: Path, needs: Mapping[str, Any], *, after: tuple[Kept, ...] = (), name: str = "first") -> Kept:
    """A step whose result is the number that it needs."""

    def work(place: Path) -> dict[str, Any]:
        write_arrays(place, [np.array([needs["number"]])])
        return {"figure": 1.5}

    with Steps(folder, {"everywhere": 1}, total=1) as steps:
        return steps.keep(name, work, needs=needs, after=after)


def test_a_step_is_taken_over_until_something_it_needs_changes(tmp_path: Path) -> None:
    first, again, changed = (kept(tmp_path, {"number": number}) for number in (1, 1, 2))

    assert [step.taken_over for step in (first, again, changed)] == [False, True, False]
    assert [array.tolist() for array in changed.arrays()] == [[2]]
    assert (again.figures, again.seconds) == (first.figures, first.seconds)
    assert [path.name for path in tmp_path.iterdir()] == [f"first-{changed.key}"]


def test_a_step_is_redone_when_the_step_before_it_was_another(tmp_path: Path) -> None:
    one, other = (kept(tmp_path, {"number": number}) for number in (1, 2))

    taken = [kept(tmp_path, {"number": 7}, after=(step,), name="second").taken_over for step in (one, one, other)]

    assert taken == [False, True, False]


def test_the_log_says_what_changed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for number in (1, 1, 2):
            kept(tmp_path, {"number": number, "same": (1, 2)})

    said = [record.getMessage().split(" in 0 s")[0] for record in caplog.records]
    assert said == [
        "first: begins",
        "first: done",
        "first: taken over, was done",
        "first: begins anew, for these changed: number",
        "first: done",
    ]


def test_a_half_written_step_is_never_used(tmp_path: Path) -> None:
    whole = kept(tmp_path, {"number": 1})
    (whole.folder / "step.json").unlink()
    np.save(whole.folder / "000.npy", np.array([9]))
    whole.folder.rename(whole.folder.with_suffix(".part"))

    again = kept(tmp_path, {"number": 1})

    assert not again.taken_over
    assert [array.tolist() for array in again.arrays()] == [[1]]


def test_starting_anew_forgets_steps_and_checkpoints_and_nothing_else(tmp_path: Path) -> None:
    step = kept(tmp_path, {"number": 1})
    checkpoint_of(step.folder).write_bytes(b"half way")
    (tmp_path / "notes.txt").write_text("mine")

    forget_all(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_code_counts_with_what_it_imports_and_without_its_comments(tmp_path: Path) -> None:
    package = tmp_path / "petfinder"
    (package / "training" / "pocket").mkdir(parents=True)
    (package / "training" / "pocket" / "top.py").write_text("import numpy\nfrom petfinder.low import ONE\n")
    low, shown = package / "low.py", package / "shown.py"
    low.write_text("ONE = 1\ndef show():\n    from petfinder.shown import WORDS\n")
    shown.write_text("WORDS = 'one'\n")
    before = code_fingerprint("top", package=package)

    shown.write_text("WORDS = 'another'\n")

    assert code_fingerprint("top", package=package) == before

    low.write_text("# why\nONE   = 1\ndef show():\n    from petfinder.shown import WORDS\n")
    commented = code_fingerprint("top", package=package)
    low.write_text("ONE = 2\n")

    assert commented == before
    assert code_fingerprint("top", package=package) != before
