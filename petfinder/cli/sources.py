"""What pets are read from: a folder of photos, a CSV or a JSON file, told apart by the ending.

Knows intake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from petfinder.errors import ConfigError
from petfinder.intake import Grouping, read_csv, read_folder, read_json
from petfinder.pets import Pet
from petfinder.reports import Failure, Ignored

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", *JSON_ENDINGS)


def named(path: str) -> Path:
    """The path; raises ConfigError for an empty one, which would mean the working folder."""
    if not path.strip():
        raise ConfigError("an empty name was given where a folder or a file is wanted; . is the folder that you are in")
    return Path(path)


def read(path: str, pet_class: type[Pet], by: Grouping) -> Iterator[Pet | Failure | Ignored]:
    """The pets of a folder or a manifest; raises ConfigError."""
    source = named(path)
    if source.suffix.lower() == ".csv":
        return read_csv(source, pet_class)
    if source.suffix.lower() in JSON_ENDINGS:
        return read_json(source, pet_class)
    return read_folder(source, pet_class, by=by)
