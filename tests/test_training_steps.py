"""A training that is broken off goes on where it stopped, and redoes only what a change asks for."""

from __future__ import annotations

import csv
import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="the extra 'train' is not installed")
pytest.importorskip("torch", reason="the extra 'train' is not installed")

from petfinder.training.pocket.make import Settings, make_encoder
from petfinder.training.pocket.steps import CHECKPOINT, Step, Steps, forget_all
from tests.test_training import make_small_class

SMALL = Settings(share=0.5, epochs=3, views=1, side=192, threads=1)
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
    "open photos.part/000.npy",
    "rename starting-parts",
    "rename light-training.part/checkpoint",
    "rename light-training",
    "open saliency-maps.part/001.npy",
    "rename saliency-head",
    "open axes.part/001.npy",
    "open parts.part/step.json",
    "rename view-1",
    "open matrix.part/000.npy",
    "rename pocket-3.onnx",
    "rename training.json",
]
"""When a run is killed: as it opens the file to write it, or as all is written and about to take its place."""


def train_until(inputs: tuple[Path, Path, Path], out: Path, moment: str) -> None:
    """Train with a checkpoint after every batch, and be killed at a moment; of checkpoints, at the second one."""
    pattern = re.compile(re.escape(moment).replace(r"\ ", " .*/"))
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
    make_encoder(*inputs, out, SMALL, checkpoint_every=1)


@pytest.mark.parametrize(
    "moments", [[MOMENTS[2], MOMENTS[-1]], pytest.param(MOMENTS, marks=pytest.mark.slow)], ids=["two", "every"]
)
def test_a_training_killed_in_every_step_ends_with_the_same_file(tmp_path: Path, moments: list[str]) -> None:
    inputs = make_small_class(tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.test_training_steps", "torch._inductor.config", "torch._inductor.cpp_builder"]
    )

    def train(out: Path, moment: str) -> int | None:
        process = context.Process(target=train_until, args=(inputs, out, moment))
        process.start()
        process.join()
        return process.exitcode

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train(whole, "never") == 0
    assert {moment: train(broken, moment) for moment in moments} == dict.fromkeys(moments, -signal.SIGKILL)

    paths = dict(zip(("--photos", "--places", "--network", "--out"), (*inputs, broken), strict=True))
    numbers = {"--share": 0.5, "--epochs": 3, "--views": 1, "--side": 192, "--threads": 1}
    options = [str(one) for option in {**paths, **numbers}.items() for one in option]
    subprocess.run([sys.executable, "-m", "petfinder.training.pocket", *options], check=True, capture_output=True)

    for file in ("pocket-3.onnx", "learning_curve.csv"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()
    log = (broken / "training.log").read_text()
    assert [len(re.findall(rf"^{step}: done", log, re.MULTILINE)) for step in STEPS] == [1] * len(STEPS)
    assert "goes on after step 1" in log
    assert done_now(broken) == []
    assert sorted(path.name for path in (broken / "steps").iterdir()) == sorted(STEPS)


def done_now(out: Path) -> list[str]:
    record = json.loads((out / "training.json").read_text())
    return [step["step"] for step in record["steps"] if not step["taken over"]]


def test_a_change_redoes_only_what_depends_on_it(tmp_path: Path) -> None:
    inputs, out = make_small_class(tmp_path), tmp_path / "out"
    small = Settings(share=0.5, views=1, dims=6, side=192, threads=1)
    first = make_encoder(*inputs, out, small).read_bytes()
    assert done_now(out) == STEPS

    make_encoder(*inputs, out, replace(small, views=2, dims=5))
    assert done_now(out) == ["view-2", "matrix"]

    make_encoder(*inputs, out, replace(small, share=0.6))
    assert done_now(out) == ["saliency-maps", "saliency-head", "axes", "parts", "view-1", "matrix"]

    Image.new("RGB", (300, 240), "red").save(inputs[0] / "photo07.png")
    other = make_encoder(*inputs, out, small).read_bytes()
    assert done_now(out) == STEPS
    assert other != first

    make_encoder(*inputs, out, replace(small, side=160, epochs=2))
    assert done_now(out) == STEPS

    make_encoder(*inputs, out, replace(small, side=160, epochs=2), fresh=True)
    assert done_now(out) == STEPS

    record = json.loads((out / "training.json").read_text())
    with (out / "learning_curve.csv").open(newline="") as lines:
        curve = [[int(row["step"]), float(row["loss"])] for row in csv.DictReader(lines)]
    assert Settings(**record["settings"]) == replace(small, side=160, epochs=2)
    assert [step for step, _ in curve] == [1, 2]
    assert curve == record["learning_curve"]
    assert 0 < curve[0][1] < 2
    assert record["seconds"] == pytest.approx(sum(step["seconds"] for step in record["steps"]), abs=0.5)
    assert record["steps"][0]["photos of pets"] == 8
    assert record["largest difference from torch"] < 1e-4


def kept(folder: Path, number: int, *, version: int = 1) -> Step:
    def work(_: Path) -> tuple[list[np.ndarray], dict[str, float]]:
        return [np.array([number])], {"figure": 1.5}

    return Steps(folder, {"everywhere": 1}).keep(
        "first", work, version=version, needs={"number": number, "same": (1, 2)}
    )


def test_a_step_is_taken_over_until_its_needs_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        first, again, changed, newer = (kept(tmp_path, n, version=v) for n, v in ((1, 1), (1, 1), (2, 1), (2, 2)))

    assert [step.taken_over for step in (first, again, changed, newer)] == [False, True, False, False]
    assert [array.tolist() for array in changed.arrays()] == [[2]]
    assert (again.figures, again.seconds) == (first.figures, first.seconds)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert [record.getMessage().split(" in 0 s")[0] for record in caplog.records] == [
        "first: begins",
        "first: done",
        "first: taken over, was done",
        "first: begins anew, for these changed: number",
        "first: done",
        "first: begins anew, for these changed: version",
        "first: done",
    ]


def test_work_goes_on_from_its_checkpoint_only_while_it_is_the_same_work(tmp_path: Path) -> None:
    there: list[bool] = []

    def work(folder: Path) -> tuple[list[np.ndarray], dict[str, float]]:
        there.append((folder / CHECKPOINT).exists())
        (folder / CHECKPOINT).write_bytes(b"half way")
        if len(there) < 3:
            raise KeyboardInterrupt
        return [], {}

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            Steps(tmp_path, {}).keep("first", work, version=1, needs={"number": 1})
    step = Steps(tmp_path, {}).keep("first", work, version=1, needs={"number": 2})

    assert there == [False, True, False]
    assert not (step.folder / CHECKPOINT).exists()


def test_starting_anew_forgets_steps_and_checkpoints_and_nothing_else(tmp_path: Path) -> None:
    step = kept(tmp_path, 1)
    shutil.copytree(step.folder, step.folder.with_suffix(".part"))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "mine").mkdir()

    forget_all(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "notes.txt"]
