"""How an encoder was made, told in files: the learning curve, and settings, inputs, timings and figures."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petfinder.training.pocket.steps import Kept, file_fingerprint, replace_file

CURVE_FILE = "learning_curve.csv"
TRAINING_FILE = "training.json"


@dataclass(frozen=True)
class Told:
    """What is told of one training; `losses` (batches,) of the light training, `away` the file's largest difference."""

    encoder: Path
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    packages: Mapping[str, str]
    steps: Sequence[Kept]
    losses: NDArray[np.float64]
    away: float


def write_curve(losses: NDArray[np.float64], file: Path) -> None:
    """The learning curve as a CSV with the columns `step` and `loss`."""

    def write(unfinished: Path) -> None:
        with unfinished.open("w", newline="", encoding="utf-8") as lines:
            rows = csv.writer(lines)
            rows.writerow(["step", "loss"])
            rows.writerows((step, f"{loss:.6f}") for step, loss in enumerate(losses, 1))

    replace_file(file, write)


def write_training(told: Told, file: Path) -> None:
    """Everything as JSON; `seconds` in all are those of the steps, whether done now or taken over."""
    steps = [
        {
            "step": step.name,
            "key": step.key,
            "seconds": round(step.seconds, 1),
            "taken over": step.taken_over,
            **step.figures,
        }
        for step in told.steps
    ]
    everything = {
        "encoder": told.encoder.name,
        "fingerprint": file_fingerprint(told.encoder),
        "settings": told.settings,
        "inputs": told.inputs,
        "packages": told.packages,
        "seconds": round(sum(step.seconds for step in told.steps), 1),
        "steps": steps,
        "largest difference from torch": told.away,
        "learning_curve": [[step, round(float(loss), 6)] for step, loss in enumerate(told.losses, 1)],
    }
    replace_file(file, lambda unfinished: unfinished.write_text(json.dumps(everything, indent=1) + "\n", "utf-8"))
