"""Restrictions as SQL: which rows of the table of documents pass. `PetFilter.matches` says what is meant.

Knows restrictions and the tables; distances are checked here by the same haversine formula as everywhere.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petfinder.filters import Circle, Restriction
from petfinder.pets import EARTH_RADIUS_KM, Place
from petfinder.stores.sqlite_schema import term_key

_EARLIEST, _LATEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Clause:
    """A SELECT that yields numbers of documents, and its parameters."""

    sql: str
    parameters: tuple[object, ...]


def clauses(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> list[Clause]:
    """What a document must be in, one SELECT for each demand; `exclude` is not among them."""
    found = [] if restriction.ids is None else [documents_named(index_id, restriction.ids)]
    found += [
        Clause(
            "SELECT doc FROM terms WHERE index_id = ? AND term IN (SELECT value FROM json_each(?))",
            (index_id, json.dumps([term_key(field, value) for value in values])),
        )
        for field, values in restriction.terms
    ]
    if restriction.after is not None or restriction.before is not None:
        after = _EARLIEST if restriction.after is None else restriction.after
        before = _LATEST if restriction.before is None else restriction.before
        found.append(
            Clause("SELECT doc FROM dates WHERE index_id = ? AND at BETWEEN ? AND ?", (index_id, after, before))
        )
    if restriction.circle is not None:
        inside = _documents_inside(connection, index_id, restriction.circle)
        found.append(Clause("SELECT value AS doc FROM json_each(?)", (json.dumps(inside),)))
    return found


def documents_named(index_id: int, ids: Collection[str]) -> Clause:
    """The documents with these ids."""
    return Clause(
        "SELECT doc FROM documents WHERE index_id = ? AND id IN (SELECT value FROM json_each(?))",
        (index_id, json.dumps(sorted(ids))),
    )


def condition(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> Clause:
    """The whole restriction as the condition of a WHERE on the table of documents."""
    demands = clauses(connection, index_id, restriction)
    parts = ["index_id = ?", "id IS NOT NULL", *(f"doc IN ({demand.sql})" for demand in demands)]
    parameters = [index_id, *(value for demand in demands for value in demand.parameters)]
    if restriction.exclude:
        parts.append("id NOT IN (SELECT value FROM json_each(?))")
        parameters.append(json.dumps(sorted(restriction.exclude)))
    return Clause(" AND ".join(parts), tuple(parameters))


def passing(connection: sqlite3.Connection, index_id: int, restriction: Restriction) -> NDArray[np.int64] | None:
    """The numbers of the documents that pass, ascending, leaving `exclude` aside; None if nothing is demanded."""
    demands = clauses(connection, index_id, restriction)
    if not demands:
        return None
    first, *others = demands
    sql = first.sql
    if others:
        sql = f"SELECT doc FROM ({sql}) WHERE " + " AND ".join(f"doc IN ({other.sql})" for other in others)
    return numbers(connection, Clause(sql, tuple(value for demand in demands for value in demand.parameters)))


def numbers(connection: sqlite3.Connection, clause: Clause) -> NDArray[np.int64]:
    """The numbers that a SELECT of one column yields, ascending, each once."""
    rows = connection.execute(clause.sql, clause.parameters)
    return np.unique(np.fromiter((row[0] for row in rows), dtype=np.int64))


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
    km = _kilometres(centre, lats, lons)
    inside = km <= circle.km
    # NumPy's and Python's sines may differ in the last bit: at the rim the entity's own formula decides.
    for rim in np.flatnonzero(np.abs(km - circle.km) <= 1e-6 * (1 + circle.km)):
        place = Place.model_construct(lat=float(lats[rim]), lon=float(lons[rim]))
        inside[rim] = centre.km_to(place) <= circle.km
    return [int(doc) for doc in np.unique(docs[inside])]


def _kilometres(centre: Place, lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """`Place.km_to` for many places at once (haversine formula on the mean Earth radius)."""
    lat, other_lats = math.radians(centre.lat), np.radians(lats)
    chord = np.sin((other_lats - lat) / 2) ** 2
    chord += math.cos(lat) * np.cos(other_lats) * np.sin(np.radians(lons - centre.lon) / 2) ** 2
    distances: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, chord)))
    return distances
