"""The tables of a registry file, and how what is erased leaves no trace in them.

A row that may hold contact or a picture is never moved and never deleted alone: SQLite's `secure_delete` zeroes what
is deleted, but when it balances pages it leaves copies of rows that it moved (measured: of 1 row in 5,000 that are
erased). So such tables only grow at their end, where SQLite moves nothing; erasing empties a row in its place and
leaves a husk; `compact` sheds the husks by writing the table anew. Terms are kept as hashes, for an index has to move
its entries. The keys of records are read in their order and cannot be hashes: `compact` writes their index anew where
one was erased, and the pages of the old one, moved entries with them, are zeroed as wholes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache

from petfinder.stores.documents import SCHEMA

APPLICATION_ID = 0x50455446  # "PETF", at offset 68 of the file
PAGE_BYTES = 16384  # six documents with a vector of 512 numbers share a page; at 4096 each would fill one alone
_FEW_HUSKS = 1000
_LIVING = {
    "documents": "SELECT count(*) FROM documents WHERE id IS NOT NULL",
    "thumbnails": "SELECT count(*) FROM thumbnail_of",
    "records": "SELECT count(*) FROM records WHERE key IS NOT NULL",
}

_DOCUMENTS = """CREATE TABLE {name} (
    doc INTEGER PRIMARY KEY,
    index_id INTEGER NOT NULL,
    id TEXT,
    change INTEGER NOT NULL,
    photos INTEGER NOT NULL,
    portrait INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    size INTEGER NOT NULL,
    photo_ids TEXT,
    body TEXT,
    owner TEXT,
    checks TEXT,
    vectors BLOB
)"""
_THUMBNAILS = "CREATE TABLE {name} (thumbnail INTEGER PRIMARY KEY, data BLOB)"
_RECORDS = "CREATE TABLE {name} (record INTEGER PRIMARY KEY, index_id INTEGER, key TEXT, pets TEXT, body TEXT)"
_KEYS = "CREATE UNIQUE INDEX records_by_key ON records (index_id, key) WHERE key IS NOT NULL"
_DOCUMENT_INDEXES = (
    "CREATE UNIQUE INDEX documents_by_id ON documents (index_id, id)",
    "CREATE INDEX documents_by_change ON documents (index_id, change, doc, photos, portrait, pending, size)",
)
_WITH_HUSKS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "documents": (_DOCUMENTS, _DOCUMENT_INDEXES, "id IS NOT NULL ORDER BY doc"),
    "thumbnails": (_THUMBNAILS, (), "data IS NOT NULL ORDER BY thumbnail"),
    "records": (_RECORDS, (_KEYS,), "key IS NOT NULL ORDER BY record"),
}
"""How each of these tables and its indexes are made, and which of its rows live."""
_TABLES = (
    "CREATE TABLE indexes (index_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, spec TEXT NOT NULL,"
    " change INTEGER NOT NULL)",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO counters VALUES ('change', 0), ('compacted', 0), ('documents', 0), ('thumbnails', 0)",
    _DOCUMENTS.format(name="documents"),
    *_DOCUMENT_INDEXES,
    _THUMBNAILS.format(name="thumbnails"),
    "CREATE TABLE thumbnail_of (index_id INTEGER, id TEXT, photo_id TEXT, thumbnail INTEGER NOT NULL,"
    " size INTEGER NOT NULL, PRIMARY KEY (index_id, id, photo_id)) WITHOUT ROWID",
    "CREATE TABLE terms (index_id INTEGER, term INTEGER, doc INTEGER, PRIMARY KEY (index_id, term, doc)) WITHOUT ROWID",
    "CREATE TABLE dates (index_id INTEGER, at INTEGER, doc INTEGER, PRIMARY KEY (index_id, at, doc)) WITHOUT ROWID",
    "CREATE TABLE places (index_id INTEGER, lat REAL, lon REAL, doc INTEGER,"
    " PRIMARY KEY (index_id, lat, lon, doc)) WITHOUT ROWID",
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the empty tables and sign the file as petfinder's; inside the caller's transaction."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    upgrade(connection)


def upgrade(connection: sqlite3.Connection) -> None:
    """Make a file of an earlier schema one of today's, its rows as they are; inside the caller's transaction."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA:
        connection.execute("UPDATE indexes SET spec = json_set(spec, '$.schema', ?)", (SCHEMA,))
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    if not has_records(connection):  # as in the first files of schema 2
        connection.execute(_RECORDS.format(name="records"))
        connection.execute(_KEYS)


def has_records(connection: sqlite3.Connection) -> bool:
    """Tell whether the file has a table of records."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone() is not None


@lru_cache(maxsize=10_000)
def term_key(field: str, value: str) -> int:
    """Return the 64 bits (blake2b) by which the table of terms knows a value of a field."""
    digest = hashlib.blake2b(f"{field}\0{value}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def counter(connection: sqlite3.Connection, name: str) -> int:
    """Return one of the file's own counters: changes, compactions, husks by table, keys erased since `compact`."""
    return int(connection.execute("SELECT total(value) FROM counters WHERE name = ?", (name,)).fetchone()[0])


def raise_counter(connection: sqlite3.Connection, name: str, by: int) -> None:
    """Count further, inside the caller's transaction."""
    sql = "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
    connection.execute(sql, (name, by))


def next_change(connection: sqlite3.Connection, index_id: int) -> int:
    """Return a number for the change that the caller's transaction makes to an index, which no other has."""
    raise_counter(connection, "change", 1)
    change = counter(connection, "change")
    connection.execute("UPDATE indexes SET change = ? WHERE index_id = ?", (change, index_id))
    return change


def compact(connection: sqlite3.Connection) -> None:
    """Shed the husks of tables that hold more of them than rows that live, and erased keys, in a transaction."""
    if not counter(connection, "keys") and not any(_mostly_husks(connection, table) for table in _LIVING):
        return
    connection.execute("BEGIN IMMEDIATE")
    for table, (definition, indexes, living) in _WITH_HUSKS.items():
        if not _mostly_husks(connection, table):
            continue
        connection.execute(definition.format(name=f"fresh_{table}"))
        connection.execute(f"INSERT INTO fresh_{table} SELECT * FROM {table} WHERE {living}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE fresh_{table} RENAME TO {table}")
        for statement in indexes:
            connection.execute(statement)
        raise_counter(connection, table, -counter(connection, table))
        if table == "documents":  # nobody can learn of erasures any more, and numbers may come again
            raise_counter(connection, "compacted", 1)
    if counter(connection, "keys"):
        connection.execute("REINDEX records_by_key")
        raise_counter(connection, "keys", -counter(connection, "keys"))
    connection.execute("COMMIT")


def _mostly_husks(connection: sqlite3.Connection, table: str) -> bool:
    husks = counter(connection, table)
    return husks >= _FEW_HUSKS and husks > int(connection.execute(_LIVING[table]).fetchone()[0])
