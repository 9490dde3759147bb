"""Manifests as they lie on disk: CSV and JSON files as streams of labelled rows.

What cannot be read as a row is an error in its place; what is wrong with the whole, a ConfigError before the first.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import BytesIO, TextIOWrapper
from itertools import count
from pathlib import Path
from typing import IO, Any

from petfinder.domain.errors import ConfigError, InvalidPet
from petfinder.tables.columns import Columns, meant_by
from petfinder.tables.rows import Row, column


class Held(bytes):
    """The bytes of a manifest that came on standard input; its photos are named from the working folder."""

    parent = Path()

    def open(self, mode: str = "r", **how: Any) -> Any:
        """Open them as Path.open does a file."""
        return BytesIO(self) if mode == "rb" else TextIOWrapper(BytesIO(self), **how)

    def __str__(self) -> str:
        return "standard input"


LabelledRow = tuple[str, Row | InvalidPet]
_DELIMITERS = ",;\t"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK = 1 << 16
# What a cell begins with that a spreadsheet may run as a formula (OWASP, "CSV Injection"); write_csv protects it.
FORMULA_SIGNS = "=+-@\t\r\n＝＋－＠"


def csv_rows(manifest: Path | Held, known: Collection[str], columns: Columns | None = None) -> Iterator[LabelledRow]:
    """The rows of a CSV file, the header being row 1; raises ConfigError, at the call, for unknown columns.

    `columns` says what they are called here.
    """
    with _opened(manifest) as lines:
        header, delimiter, padded = _csv_header(manifest, lines)
    check_columns(header if columns is None else meant_by(header, columns), known, where=str(manifest), theirs=columns)
    return _csv_rows(manifest, header, delimiter, padded)


def json_rows(manifest: Path | Held, known: Collection[str], columns: Columns | None = None) -> Iterator[LabelledRow]:
    """The rows of a JSON array of objects, alone or under one name, or of a file with one object a line; streamed.

    The file is read through once at the call: raises ConfigError for an array that breaks off and for unknown keys.
    """
    rows = objects = 0
    for _, row in _json_rows(manifest):
        rows += 1
        if not isinstance(row, InvalidPet):
            objects += 1
            keys = list(row) if columns is None else meant_by(row, columns)
            check_columns(keys, known, where=str(manifest), required=())
    if rows and not objects:
        raise ConfigError(f"{manifest} holds no JSON object; write an array of objects, or one object on each line")
    return _json_rows(manifest)


def check_columns(
    headers: Sequence[str],
    known: Collection[str],
    *,
    where: str,
    required: Collection[str] = ("pet_id",),
    theirs: Columns | None = None,
) -> None:
    """Raises ConfigError, naming them, for columns that are unknown, missing or double."""
    columns = [column(header) for header in headers]
    hint = f"known are {', '.join(known)}"
    missing = [name for name in required if name not in columns]
    if missing and theirs is not None:
        raise ConfigError(f"{where} has no column that columns= names for pet_id; it names {', '.join(theirs)}")
    if missing:  # the first row may hold a pet instead of names, and its owner's telephone number: it is not repeated
        raise ConfigError(f"{where} has no column {', '.join(missing)}; is its first row the header? {hint}")
    unknown = [_shown(header, at) for at, header in enumerate(headers, 1) if column(header) not in known]
    if unknown:
        raise ConfigError(f"{where} has unknown columns: {', '.join(unknown)}; {hint}")
    double = sorted({name for name in columns if columns.count(name) > 1})
    if double:
        raise ConfigError(f"{where} has two columns that mean {', '.join(double)}; keep one")


def unprotected(cell: str) -> str:
    """The cell without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    bare = cell.lstrip("'")
    return cell[1:] if cell.startswith("'") and bare[:1] and bare[0] in FORMULA_SIGNS else cell


def _shown(header: str, at: int) -> str:
    plain = header.strip()
    tame = plain and len(plain) <= 40 and plain.isprintable() and "@" not in plain
    return plain if tame and sum(sign.isdigit() for sign in plain) < 5 else f"column {at}"


def _opened(manifest: Path | Held) -> IO[str]:
    """The manifest as text. Bytes that are not UTF-8 become lone surrogates, so that only their row is refused."""
    try:
        with manifest.open("rb") as raw:
            start = raw.read(2)
        if start in _UTF_16:
            raise ConfigError(f"{manifest} is UTF-16; save it as UTF-8")
        return manifest.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ConfigError(f"the manifest {manifest} cannot be read ({reason}); name a CSV or JSON file") from error


def _csv_header(manifest: Path | Held, lines: IO[str]) -> tuple[list[str], str, bool]:
    line = next((line for line in lines if line.strip()), None)
    if line is None:
        raise ConfigError(f"{manifest} is empty; its first row names the columns, pet_id among them")
    by_delimiter = {delimiter: next(csv.reader([line], delimiter=delimiter)) for delimiter in _DELIMITERS}
    delimiter, header = max(by_delimiter.items(), key=lambda found: len(found[1]))
    padded = len(header) > 1 and all(name.startswith(" ") for name in header[1:])
    return [name.strip() for name in header], delimiter, padded


def _csv_rows(manifest: Path | Held, header: Sequence[str], delimiter: str, padded: bool) -> Iterator[LabelledRow]:
    with _opened(manifest) as lines:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=padded)
        header_seen = False
        for number in count(1):
            try:
                row = next(reader, None)
            except csv.Error:
                yield f"row {number}", InvalidPet("the row cannot be read as CSV; is a quotation mark left open?")
                continue
            if row is None:
                return
            if any(cell.strip() for cell in row):
                if header_seen:
                    yield f"row {number}", _checked(row, header)
                header_seen = True


def _checked(row: Sequence[str], header: Sequence[str]) -> Row | InvalidPet:
    if len(row) != len(header):
        return InvalidPet(f"the row has {len(row)} cells where the header names {len(header)} columns")
    return _utf8({name: unprotected(cell) for name, cell in zip(header, row, strict=True)})


def _utf8(row: Row) -> Row | InvalidPet:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return InvalidPet("the row is not UTF-8; save the manifest as UTF-8")
    return row


def _json_rows(manifest: Path | Held) -> Iterator[LabelledRow]:
    with _opened(manifest) as text:
        while (first := text.read(1)).isspace():
            pass
        if first == "[":
            yield from _array(manifest, text)
        elif first:
            text.seek(0)
            head = text.read(_CHUNK)
            under_one_name = re.match(r'\s*\{\s*"[^"]*"\s*:\s*\[\s*(?=\{)', head)
            text.seek(0)
            if under_one_name and not _is_a_row(head.strip().splitlines()[0]):
                text.read(under_one_name.end())
                yield from _array(manifest, text)
            else:
                yield from _lines(text)


def _is_a_row(line: str) -> bool:
    """Whether a first line that begins with a list is one pet's, of a file with an object on each line."""
    try:
        return len(json.loads(line)) > 1
    except (ValueError, RecursionError):
        return False


def _lines(lines: Iterable[str]) -> Iterator[LabelledRow]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                yield f"row {number}", InvalidPet("the line is not one whole JSON object")
            else:
                yield f"row {number}", _object(value)


def _array(manifest: Path | Held, text: IO[str]) -> Iterator[LabelledRow]:
    """The elements of an array, each read as soon as it is whole, so that memory stays flat."""
    decoder, number, held = json.JSONDecoder(), 0, ""
    while True:
        held = held.lstrip()
        if held.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(held)
            after = held[end:].lstrip()
            if after[:1] not in (",", "]"):
                raise ValueError("neither a comma nor the end of the array follows")
        except (ValueError, RecursionError) as error:
            more = text.read(max(_CHUNK, len(held)))
            if not more:
                raise ConfigError(f"{manifest} is not a whole JSON array: it breaks at row {number + 1}") from error
            held += more
            continue
        number += 1
        yield f"row {number}", _object(value)
        held = after[1:] if after.startswith(",") else after


def _object(value: Any) -> Row | InvalidPet:
    return _utf8(value) if isinstance(value, dict) else InvalidPet("the row is not a JSON object")
