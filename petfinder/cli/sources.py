"""What pets are read from: a folder of photos, a CSV or a JSON file, told apart by the ending.

Knows intake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from petfinder.intake import Grouping, read_csv, read_folder, read_json
from petfinder.pets import Pet
from petfinder.reports import Failure, Ignored

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", *JSON_ENDINGS)


def read(source: Path, pet_class: type[Pet], by: Grouping) -> Iterator[Pet | Failure | Ignored]:
    """The pets of a folder or a manifest; raises ConfigError."""
    if source.suffix.lower() == ".csv":
        return read_csv(source, pet_class)
    if source.suffix.lower() in JSON_ENDINGS:
        return read_json(source, pet_class)
    return read_folder(source, pet_class, by=by)
