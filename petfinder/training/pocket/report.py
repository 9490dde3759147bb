"""The figures of encoders as tables, from the JSON files that the commands write; needs the extra `notebook`.

`notebooks/pocket_report.ipynb` shows them. A file that is not there yet gives an empty table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER_VARIABLE = "PETFINDER_REPORT"
TEACHER = "teacher"
_BENCH = ("encoder", "bench", "rank1", "mean_precision", "found_crowd", "found_bench")
_FEW = ("registered", "brought", "way", "combine", "least")
_CHECK = ("species", "thresholds", "strangers", "gallery", "pets", "extrapolated", "match", "possible")
_CONDITION = ("condition", "cosine", "unchanged_rank1")
_COLUMNS = {"benches": _BENCH, "few": _BENCH + _FEW, "checks": ("encoder", *_CHECK), "conditions": _BENCH + _CONDITION}
_ENDS = ("match_low", "match_high", "possible_low", "possible_high")
_USUAL = {"brought": 1, "way": "photos and portrait", "combine": "mean", "least": 0}  # what older files do not say


def report_folder() -> Path:
    """Return the folder of the JSON files: that of the variable PETFINDER_REPORT, else the one beside this module."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).with_name("report_data"))


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return what the files `KIND.json` and `KIND-NAME.json` hold: each a list of records, or one record.

    A single record of a file `KIND-NAME.json` is that of the encoder NAME, however it calls itself. The teacher, which
    the others are compared with, comes first, the others by name, so that the newest is the last.
    """
    found: list[dict[str, Any]] = []
    for file in [*folder.glob(f"{kind}.json"), *sorted(folder.glob(f"{kind}-*.json"))]:
        content = json.loads(file.read_text(encoding="utf-8"))
        several = content if isinstance(content, list) else [content]
        name = file.stem.removeprefix(kind).removeprefix("-")
        found.extend({**record, "encoder": name} if name and len(several) == 1 else record for record in several)
    return sorted(found, key=lambda record: (record.get("encoder") != TEACHER, record.get("encoder", "")))


def figures(folder: Path, kind: str, part: str) -> pd.DataFrame:
    """Return a row for each record of a part of each encoder: `benches`, `few` and `checks` of the kind `protocol`,
    `conditions` of `robustness`; an estimate as `rank1`, `rank1_low` and `rank1_high`."""
    usual = _USUAL if part == "few" else {}
    rows = ({"encoder": one["encoder"], **usual, **flat(row)} for one in records(folder, kind) for row in one[part])
    return _table(_COLUMNS[part], rows)


def thresholds(folder: Path) -> pd.DataFrame:
    """Return a row for each encoder, species and number of pets: both similarities, with intervals where measured."""
    rows = (
        {"encoder": one["encoder"], "species": species, **flat(row)}
        for one in records(folder, "protocol")
        for species, measured in one["thresholds"].items()
        for row in measured["measured"]
    )
    return _table(("encoder", "species", "pets", "match", "possible", *_ENDS), rows)


def ablations(folder: Path, kind: str) -> pd.DataFrame:
    """Return a row for each variant of a kind (`step` or `change`) and bench.

    `gain`: mAP above the first variant's of that kind on the same bench.
    """
    rows = (
        {"variant": one["variant"], "note": one.get("note", ""), "bench": bench, **measures}
        for one in records(folder, "ablations")
        if one["kind"] == kind
        for bench, measures in one["benches"].items()
    )
    found = _table(("variant", "bench", "rank1", "map", "found", "note"), rows)
    found["gain"] = found["map"] - found.groupby("bench")["map"].transform("first")
    return found


def with_intervals(
    table: pd.DataFrame, measures: Mapping[str, str], *, rows: str = "bench", columns: str = "encoder"
) -> pd.DataFrame:
    """Return a table to be read: for each of `rows` and measure, each of `columns` as "0.832 (0.780-0.875)"."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in table.to_dict("records"):
        for measure, title in measures.items():
            lines.setdefault((str(row[rows]), title), {})[str(row[columns])] = share(row, measure)
    index = pd.MultiIndex.from_tuples(list(lines) or [("", "")], names=[rows, "measure"])[: len(lines)]
    return pd.DataFrame(list(lines.values()), index=index).fillna("")


def share(row: Mapping[Any, Any], measure: str) -> str:
    """Return a measure of a row with its interval, where there is one."""
    value, low, high = (row.get(name, np.nan) for name in (measure, f"{measure}_low", f"{measure}_high"))
    if pd.isna(value):
        return ""
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} ({low:.3f}-{high:.3f})"


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return one measured record as the fields of a row.

    An estimate becomes NAME, NAME_low and NAME_high; a found rate that and NAME_threshold.
    """
    fields: dict[str, Any] = {}
    for name, value in record.items():
        stem = name.removesuffix("_interval")
        if not isinstance(value, Mapping):
            fields[name] = np.nan if value is None else value
        elif "share" in value:
            fields |= flat({name: value["share"], f"{name}_threshold": value["threshold"]})
        else:
            fields |= {f"{stem}_low": value["low"], f"{stem}_high": value["high"]}
            fields |= {name: value["value"]} if "value" in value else {}
    return fields


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    found = pd.DataFrame(list(rows))
    return found.reindex(columns=[*columns, *(name for name in found.columns if name not in columns)])
