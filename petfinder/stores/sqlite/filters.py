"""Restrictions as SQL: which rows of the table of documents pass. `PetFilter.matches` says what is meant."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.filters import Circle, Restriction
from petfinder.domain.pets import EARTH_RADIUS_KM, Place
from petfinder.stores.sqlite.schema import term_key

_FEW = 2000  # documents that are quicker looked up one by one than met on the way through all
_FEW_VALUES = 4
_NAMED = "SELECT doc FROM documents WHERE index_id = ? AND id IN (SELECT value FROM json_each(?))"
_WITH_TERM = "SELECT doc FROM terms WHERE index_id = ? AND term IN (SELECT value FROM json_each(?))"
_DATED = "SELECT doc FROM dates WHERE index_id = ? AND at BETWEEN ? AND ?"
_PLACED = "SELECT doc FROM places WHERE index_id = ? AND lat BETWEEN ? AND ? AND lon BETWEEN ? AND ?"
_LISTED = "SELECT value AS doc FROM json_each(?)"


@dataclass(frozen=True)
class Clause:
    """A piece of SQL and its parameters."""

    sql: str
    parameters: tuple[object, ...]


@dataclass(frozen=True)
class Demand:
    """One thing to be met: a SELECT of the numbers of all documents that do, and the test of one in `outside`."""

    documents: Clause
    test: str

    def count(self, connection: sqlite3.Connection) -> int:
        """Return how many meet it, or _FEW + 1 if that are too many to count."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM ({self.documents.sql}) LIMIT {_FEW + 1})"
        return int(connection.execute(sql, self.documents.parameters).fetchone()[0])


def _demands(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> list[Demand]:
    """What the restriction demands, `exclude` left aside, the rarest first."""
    found = []
    if restriction.ids is not None:
        found.append(_listed_in(documents_named(index_id, restriction.ids)))
    for field, values in restriction.terms:
        documents = Clause(_WITH_TERM, (index_id, json.dumps([term_key(field, value) for value in values])))
        few = Demand(documents, f"EXISTS ({_WITH_TERM} AND doc = outside.doc)")
        found.append(few if len(values) <= _FEW_VALUES else _listed_in(documents))
    found += [_listed_in(Clause(_DATED, (index_id, *span.kept))) for span in restriction.spans]
    if (cells := restriction.cells) is not None:
        edges = (cells.south, cells.north, cells.west, cells.east)
        found.append(_listed_in(Clause(_PLACED, (index_id, *edges))))
    if restriction.circle is not None:
        inside = _documents_inside(connection, index_id, restriction.circle)
        found.append(_listed_in(Clause(_LISTED, (json.dumps(inside),))))
    return sorted(found, key=lambda demand: demand.count(connection)) if len(found) > 1 else found


def _listed_in(documents: Clause) -> Demand:
    return Demand(documents, f"outside.doc IN ({documents.sql})")


def _tests(demands: Sequence[Demand]) -> Clause:
    tests = [f" AND {demand.test}" for demand in demands]
    return Clause("".join(tests), tuple(value for demand in demands for value in demand.documents.parameters))


def documents_named(index_id: int, ids: Collection[str]) -> Clause:
    """Return the numbers of the documents with these ids."""
    return Clause(_NAMED, (index_id, json.dumps(list(ids))))


def condition(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> Clause:
    """Return the whole restriction as the condition of a WHERE on the table of documents, there called `outside`."""
    demands = _demands(connection, index_id, restriction)
    if demands and demands[0].count(connection) <= _FEW:
        few = _together(connection, demands)
        found = Clause(f"doc IN ({_LISTED})", (json.dumps(few.tolist()),))
    else:
        tests = _tests(demands)
        found = Clause(f"index_id = ? AND id IS NOT NULL{tests.sql}", (index_id, *tests.parameters))
    if not restriction.exclude:
        return found
    named = documents_named(index_id, restriction.exclude)
    return Clause(f"{found.sql} AND doc NOT IN ({named.sql})", found.parameters + named.parameters)


def passing(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> NDArray[np.int64] | None:
    """Return the numbers of the documents that pass but for `exclude`, ascending; None if nothing is demanded."""
    demands = _demands(connection, index_id, restriction)
    return _together(connection, demands) if demands else None


def _together(connection: sqlite3.Connection, demands: list[Demand]) -> NDArray[np.int64]:
    first, tests = demands[0].documents, _tests(demands[1:])
    sql = f"SELECT doc FROM ({first.sql}) AS outside WHERE 1{tests.sql}" if tests.sql else first.sql
    return numbers(connection, Clause(sql, first.parameters + tests.parameters))


def numbers(connection: sqlite3.Connection, clause: Clause) -> NDArray[np.int64]:
    """Return the numbers that a SELECT of one column `doc` yields, ascending, each once."""
    # One long text is quicker to fetch and to read than a thousand rows.
    text = connection.execute(f"SELECT group_concat(doc) FROM ({clause.sql})", clause.parameters).fetchone()[0]
    if text is None:
        return np.zeros(0, dtype=np.int64)
    found: NDArray[np.int64] = np.fromstring(str(text), dtype=np.int64, sep=",")
    return found if (found[1:] > found[:-1]).all() else np.unique(found)


def _documents_inside(connection: sqlite3.Connection, index_id: int, circle: Circle) -> list[int]:
    centre = circle.centre
    reach = math.degrees(circle.km / EARTH_RADIUS_KM) * (1 + 1e-9) + 1e-9
    band = connection.execute(
        "SELECT doc, lat, lon FROM places WHERE index_id = ? AND lat BETWEEN ? AND ?",
        (index_id, centre.lat - reach, centre.lat + reach),
    ).fetchall()
    if not band:
        return []
    docs, lats, lons = (np.array(column) for column in zip(*band, strict=True))
    lat, other_lats = math.radians(centre.lat), np.radians(lats)  # `Place.km_to` for many places at once (haversine)
    chord = np.sin((other_lats - lat) / 2) ** 2
    chord += math.cos(lat) * np.cos(other_lats) * np.sin(np.radians(lons - centre.lon) / 2) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, chord)))
    inside = km <= circle.km
    # NumPy's and Python's sines may differ in the last bit: at the rim the entity's own formula decides.
    for rim in np.flatnonzero(np.abs(km - circle.km) <= 1e-6 * (1 + circle.km)):
        place = Place.model_construct(lat=float(lats[rim]), lon=float(lons[rim]))
        inside[rim] = centre.km_to(place) <= circle.km
    return [int(doc) for doc in np.unique(docs[inside])]
