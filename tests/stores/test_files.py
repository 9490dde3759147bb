"""Files that are no registry, or not this version's: typed errors, and not a byte changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from petfinder.domain.errors import IndexMismatch, IndexNotFound, StoreUnavailable
from petfinder.stores.documents import SCHEMA, Query
from petfinder.stores.sqlite.errors import typed_errors
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.samples import EVERYTHING, directions, document, opened, random_documents, write

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "user_version": SCHEMA}


def made(path: Path) -> Path:
    """A registry of five hundred pets, closed."""
    with opened(path) as store:
        write(store, random_documents(500, seed=1))
    return path


@pytest.mark.parametrize("name", ["pets.db", "pets ?mode=ro#1 %41.db"], ids=["plain", "with signs of URLs in it"])
def test_a_registry_is_one_file_of_its_own_kind_and_name(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert path.read_bytes()[68:72] == b"PETF"
    with opened(path) as store:
        assert {name: store.client.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS} == PRAGMAS
        assert store.location == str(path)


@pytest.mark.parametrize("path", [None, ":memory:", Path(":memory:")])
def test_memory_leaves_no_file(path: str | Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(path) as store:
        write(store, [document("a")])
        assert store.location == ":memory:"
        assert isinstance(store.client, sqlite3.Connection)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("empty", [False, True])
def test_a_file_that_is_missing_or_empty_becomes_a_registry_only_when_asked(tmp_path: Path, empty: bool) -> None:
    path = tmp_path / "pets.db"
    if empty:
        path.touch()
    with pytest.raises(IndexNotFound, match=r"pets\.db"):
        EmbeddedStore(path, create=False)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b""] * empty
    made(path)


@pytest.mark.parametrize(
    ("place", "said"), [("none/pets.db", r"folder of .* does not exist"), ("", "is a folder"), ("/dev/null", "no file")]
)
def test_a_place_where_no_registry_can_be_is_named(tmp_path: Path, place: str, said: str) -> None:
    with pytest.raises(StoreUnavailable, match=said):
        EmbeddedStore(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def made_by_others(path: Path, *, journal: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE documents (text)")


FOREIGN: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("dear diary\n" * 100),
    "short": lambda path: path.write_bytes(b"x"),
    "only a beginning": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "somebody's SQLite": lambda path: made_by_others(path, journal="DELETE"),
    "somebody's SQLite with a log": lambda path: made_by_others(path, journal="WAL"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_registry_is_refused_and_left_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "pets.db"
    FOREIGN[kind](path)
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StoreUnavailable, match="not a petfinder registry"):
            EmbeddedStore(path, create=create)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_of_a_newer_petfinder_is_a_mismatch_and_left_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "pets.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(IndexMismatch, match="newer petfinder"):
        EmbeddedStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("keep", "rubbish"), [(1000, 0), (20_000, 0), (100_000, 0), (16_384, 200_000)])
def test_a_file_that_was_cut_off_or_holds_rubbish_is_damaged(tmp_path: Path, keep: int, rubbish: int) -> None:
    path = made(tmp_path / "pets.db")
    path.write_bytes(path.read_bytes()[:keep] + b"\xa7" * rubbish)
    with pytest.raises(StoreUnavailable, match="damaged"):
        search(path)


def search(path: Path) -> None:
    with opened(path) as store:
        list(store.scan("dogs", EVERYTHING, vectors=True))
        store.nearest("dogs", Query(directions(1, seed=1), k=3))


ERRORS = [sqlite3.Error, *sqlite3.Error.__subclasses__(), *sqlite3.DatabaseError.__subclasses__()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_sqlite3_exception_is_a_store_that_is_unavailable(error: type[sqlite3.Error]) -> None:
    with pytest.raises(StoreUnavailable, match=r"the registry pets\.db") as raised, typed_errors("pets.db"):
        raise error("owner phone 555-1234")
    assert isinstance(raised.value.__cause__, error)
    assert "555-1234" not in str(raised.value)


@pytest.mark.parametrize("name", ["FULL", "IOERR", "READONLY", "BUSY", "CORRUPT", "NOTADB", "CANTOPEN", "AUTH"])
def test_the_causes_that_a_user_can_mend_have_their_own_words(name: str) -> None:
    code = getattr(sqlite3, f"SQLITE_{name}")
    for extended in (code, code | 3 << 8):
        error = sqlite3.OperationalError("no")
        error.sqlite_errorcode, error.sqlite_errorname = extended, f"SQLITE_{name}"
        with pytest.raises(StoreUnavailable) as raised, typed_errors("pets.db"):
            raise error
        assert "could not do what was asked" not in str(raised.value)
        assert f"SQLITE_{name}" in str(raised.value)
