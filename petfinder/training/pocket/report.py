"""The figures of an encoder as tables, read from the small JSON files that the commands of the training write.

Needs the extra `notebook`. A file that is not there yet gives an empty table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER_VARIABLE = "PETFINDER_REPORT"
BENCHES = ("identity", "albums", "albums, several places")
TEACHER = "teacher"
MEASURES = {
    "rank1": "rank-1",
    "mean_precision": "mAP",
    "found_crowd": "found at 1 %, crowd strangers",
    "found_bench": "found at 1 %, bench strangers",
}
"""The measures of the protocol that are shown, and how they are called."""

_SHIPPED = "written"
_USUAL = {"brought": 1, "way": "photos and portrait", "combine": "mean", "least": 0}
_BENCH_COLUMNS = ("encoder", "bench", "queries", "animals", "gallery", *MEASURES)
_FEW_COLUMNS = (
    "encoder",
    "bench",
    "registered",
    "brought",
    "way",
    "combine",
    "least",
    "animals",
    "rank1",
    "found_bench",
)
_THRESHOLD_COLUMNS = ("encoder", "species", "pets", "match", "match_low", "match_high", "possible", "possible_low")
_ALARM_COLUMNS = (
    "encoder",
    "species",
    "thresholds",
    "strangers",
    "gallery",
    "pets",
    "extrapolated",
    "match",
    "possible",
)
_CONDITION_COLUMNS = ("encoder", "bench", "condition", "queries", "cosine", "low_cosine", "rank1", "unchanged_rank1")
_ABLATION_COLUMNS = ("variant", "bench", "rank1", "map", "found", "note")
_CURVE_COLUMNS = ("encoder", "step", "loss")
_TIME_COLUMNS = ("encoder", "step", "seconds")


def report_folder() -> Path:
    """The folder of the JSON files: that of the variable PETFINDER_REPORT, else the one beside this module."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).with_name("report_data"))


def bench_figures(folder: Path) -> pd.DataFrame:
    """A row for each encoder and bench of `protocol.json`, leave one out: `rank1`, `rank1_low`, `rank1_high` ..."""
    return _table(_BENCH_COLUMNS, _parts(folder, "protocol", "benches"))


def few_photos(folder: Path) -> pd.DataFrame:
    """A row for each encoder, bench, number of registered and brought photos, and way to use them."""
    rows = (_USUAL | row for kind in ("protocol", "several_photos") for row in _parts(folder, kind, "few"))
    return _table(_FEW_COLUMNS, rows)


def false_alarms(folder: Path) -> pd.DataFrame:
    """A row for each check of the thresholds: the shares of strangers seen above them (promised: .01 and .30)."""
    return _table(_ALARM_COLUMNS, _parts(folder, "protocol", "checks"))


def thresholds(folder: Path) -> pd.DataFrame:
    """A row for each encoder, species and number of pets: the two similarities, and their intervals where measured."""
    return _table(_THRESHOLD_COLUMNS, _threshold_rows(folder))


def robustness(folder: Path) -> pd.DataFrame:
    """A row for each encoder, bench and change of the query photo in `robustness.json`."""
    return _table(_CONDITION_COLUMNS, _parts(folder, "robustness", "conditions"))


def ablations(folder: Path, kind: str) -> pd.DataFrame:
    """A row for each variant of a kind (`step` or `change`) and bench of `ablations.json`.

    `gain`: mAP above the first variant's of that kind on the same bench.
    """
    rows = (
        {"variant": entry["variant"], "note": entry.get("note", ""), "bench": bench, **flat(measures)}
        for entry in _records(folder, "ablations")
        if entry["kind"] == kind
        for bench, measures in entry["benches"].items()
    )
    found = _table(_ABLATION_COLUMNS, rows)
    first = found[found["variant"] == found["variant"].iloc[0]] if len(found) else found
    found["gain"] = found["map"] - found["bench"].map(dict(zip(first["bench"], first["map"], strict=True)))
    return found


def learning_curves(folder: Path) -> pd.DataFrame:
    """A row for each encoder and batch of the light training in `training.json`, with its loss."""
    rows = (
        {"encoder": _name_of(told), "step": step, "loss": loss}
        for told in _records(folder, "training")
        for step, loss in told["learning_curve"]
    )
    return _table(_CURVE_COLUMNS, rows)


def timings(folder: Path) -> pd.DataFrame:
    """A row for each step of each training in `training.json`, with the seconds that it took."""
    rows = (
        {"encoder": _name_of(told), "step": step["step"], "seconds": step["seconds"]}
        for told in _records(folder, "training")
        for step in told["steps"]
    )
    return _table(_TIME_COLUMNS, rows)


def with_intervals(
    figures: pd.DataFrame, measures: Mapping[str, str], *, rows: str = "bench", columns: str = "encoder"
) -> pd.DataFrame:
    """A table to be read: for each of `rows` and measure, the value of each of `columns` as "0.832 (0.780-0.875)"."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in figures.to_dict("records"):
        for measure, title in measures.items():
            lines.setdefault((str(row[rows]), title), {})[str(row[columns])] = _share(row, measure)
    index = pd.MultiIndex.from_tuples(list(lines) or [("", "")], names=[rows, "measure"])[: len(lines)]
    return pd.DataFrame(list(lines.values()), index=index).fillna("")


def ways_to_search(few: pd.DataFrame, encoder: str) -> pd.DataFrame:
    """A table to be read: rank-1 by how a pet of several registered photos is searched, with one photo brought."""
    several = (few["brought"] == 1) & (few["registered"] > 1) & (few["least"] == 0)
    one = few[several & (few["encoder"] == encoder)]
    ways = one["registered"].astype(str) + " registered, " + one["way"].astype(str)
    return with_intervals(one.assign(search=ways), {"rank1": "rank-1"}, rows="search", columns="bench")


def alarms_kept(checks: pd.DataFrame, encoder: str) -> pd.DataFrame:
    """A table to be read: the share of strangers above the thresholds that are shipped, by what is searched."""
    shipped = checks[(checks["encoder"] == encoder) & (checks["thresholds"] == _SHIPPED)].to_dict("records")
    rows = [
        {
            "species": row["species"],
            "strangers": row["strangers"],
            "searched": f"{row['pets']:,} pets of {row['gallery']}"
            + (" (not measured)" if row["extrapolated"] else ""),
            "match (promised 0.01)": _share(row, "match"),
            "possible (promised 0.30)": _share(row, "possible"),
        }
        for row in shipped
    ]
    return pd.DataFrame(rows)


def ablation_table(figures: pd.DataFrame) -> pd.DataFrame:
    """A table to be read: for each variant the mAP on each bench, the mean gain in points, and the note."""
    if not len(figures):
        return pd.DataFrame(columns=["mean gain, points", "note"])
    order = list(dict.fromkeys(figures["variant"]))
    found = figures.pivot(index="variant", columns="bench", values="map").reindex(order)
    found = found[[bench for bench in figures["bench"].unique() if bench in found]]
    found.columns.name = None
    found["mean gain, points"] = (100 * figures.groupby("variant")["gain"].mean()).reindex(order).round(1)
    found["note"] = figures.groupby("variant")["note"].first().reindex(order)
    return found


def encoders(figures: pd.DataFrame) -> list[str]:
    """The encoders of a table in its order: the teacher, then the others by name, so that the newest is the last."""
    return list(dict.fromkeys(figures["encoder"]))


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """One measured record as the fields of a row.

    An estimate becomes NAME, NAME_low and NAME_high; a found rate that and NAME_threshold.
    """
    fields: dict[str, Any] = {}
    for name, value in record.items():
        if not isinstance(value, Mapping):
            fields[name] = np.nan if value is None else value
        elif "share" in value:
            fields |= flat({name: value["share"], f"{name}_threshold": value["threshold"]})
        elif "value" in value:
            fields |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    return fields


def _threshold_rows(folder: Path) -> Iterator[dict[str, Any]]:
    for figures in _records(folder, "protocol"):
        for species, measured in figures["thresholds"].items():
            for row in measured["measured"]:
                fields = {"encoder": figures["encoder"], "species": species} | flat(row)
                for name in ("match", "possible"):
                    interval = row.get(f"{name}_interval") or {"low": np.nan, "high": np.nan}
                    fields |= {f"{name}_low": interval["low"], f"{name}_high": interval["high"]}
                yield fields


def _parts(folder: Path, kind: str, part: str) -> Iterator[dict[str, Any]]:
    return (
        {"encoder": figures["encoder"]} | flat(row)
        for figures in _records(folder, kind)
        for row in figures.get(part, ())
    )


def _records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What the files `KIND.json` and `KIND-NAME.json` hold: each a list of records, or one record.

    A single record of a file `KIND-NAME.json` is that of the encoder NAME, however it calls itself. The teacher, which
    the others are compared with, comes first, the others by name, so that the newest is the last.
    """
    found: list[dict[str, Any]] = []
    for file in [*folder.glob(f"{kind}.json"), *sorted(folder.glob(f"{kind}-*.json"))]:
        content = json.loads(file.read_text(encoding="utf-8"))
        records = content if isinstance(content, list) else [content]
        name = file.stem.removeprefix(kind).removeprefix("-")
        found.extend({**record, "encoder": name} if name and len(records) == 1 else record for record in records)
    return sorted(found, key=lambda record: (record.get("encoder") != TEACHER, record.get("encoder", "")))


def _table(columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    found = pd.DataFrame(list(rows))
    return found.reindex(columns=[*columns, *(name for name in found.columns if name not in columns)])


def _name_of(told: Mapping[str, Any]) -> str:
    return str(told["encoder"]).removesuffix(".onnx")


def _share(row: Mapping[Any, Any], measure: str) -> str:
    value, low, high = (row.get(name, np.nan) for name in (measure, f"{measure}_low", f"{measure}_high"))
    if pd.isna(value):
        return ""
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} ({low:.3f}-{high:.3f})"
