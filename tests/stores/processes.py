"""What the tests of the embedded store let other processes do, and how they start them.

Each process is forked from a small server that has the store loaded already, so that fifty of them take seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from petfinder.domain.errors import PetfinderError
from petfinder.stores.documents import Document, Query, Record
from petfinder.stores.sqlite.store import EmbeddedStore
from tests.stores.samples import EVERYTHING, SPEC, directions, document, ids, opened

NOBODY = 65534
_ROWS = directions(3, seed=12)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.stores.processes"])


def start(target: Callable[..., None], *arguments: Any) -> tuple[ForkServerProcess, Connection]:
    """Start a process that runs target(pipe, *arguments); returns it and the end of the pipe to listen at."""
    listening, speaking = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=target, args=(speaking, *arguments))
    process.start()
    speaking.close()
    return process, listening


def heard(pipe: Connection) -> list[Any]:
    """All that was said until the other process ended."""
    said = []
    with suppress(EOFError):
        while True:
            said.append(pipe.recv())
    return said


def load(pipe: Connection, path: str, name: str, count: int) -> None:
    """Write pets "<name>/<number>" to the index "dogs" and tell each outcome as it comes."""
    with opened(path) as store:
        for outcome in store.write("dogs", named_documents(name, count), mode="create"):
            pipe.send((outcome.id, outcome.result))


def named_documents(name: str, count: int) -> Iterator[Document]:
    """Pets "<name>/<number>", each with three photos, a portrait, four terms, a date, a place and three thumbnails."""
    for number in range(count):
        id_ = f"{name}/{number:05d}"
        yield document(
            id_,
            _ROWS,
            private={"owner": {"name": "Ully"}},
            terms={"load": (name,), "words": (id_, "a", "dog")},
            dates=(number,),
            places=((1.0, 2.0),),
            thumbnails={f"photo{photo}": id_.encode() * 20 for photo in range(3)},
        )


def fill_until_refused(pipe: Connection, path: str, limit: int) -> None:
    """Write where no file may grow beyond `limit` bytes; tell the error, what went in, and what is readable after."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    written = []
    with opened(path) as store:
        try:
            for outcome in store.write("dogs", named_documents("full", 50_000), mode="create"):
                written.append(outcome.id)
        except PetfinderError as error:
            pipe.send((type(error).__name__, str(error)))
        pipe.send(written)
        pipe.send(ids(store.scan("dogs", EVERYTHING)))


def try_as_a_reader(pipe: Connection, path: str) -> None:
    """As somebody who may not write: tell what can be read, and what every kind of write says."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    store = EmbeddedStore(path, create=False)
    found = store.nearest("dogs", Query(_ROWS[:1], k=2))[0]
    pipe.send((ids(store.scan("dogs", EVERYTHING)), [hit.document.id for hit in found.hits]))
    writes: list[Callable[[], object]] = [
        lambda: list(store.write("dogs", [document("new")], mode="create")),
        lambda: store.delete("dogs", ["a"]),
        lambda: store.create_index("cats", SPEC),
        lambda: store.delete_index("dogs"),
    ]
    for one in writes:
        try:
            one()
            pipe.send("written")
        except PetfinderError as error:
            pipe.send((type(error).__name__, str(error)))
    store.close()


def make_and_write(pipe: Connection, path: str, index: str) -> None:
    """Open a registry that may not be there yet, make an index and write to it."""
    store = EmbeddedStore(path)
    store.create_index(index, SPEC)
    pipe.send(len(list(store.write(index, named_documents(index, 20), mode="create"))))
    store.close()


def put_records(pipe: Connection, path: str) -> None:
    """Put two hundred records that others put too; tell which of them were put here."""
    with opened(path) as store:
        for number in range(200):
            if store.put_record("dogs", Record(f"pair/{number}", {"process": os.getpid()})):
                pipe.send(number)
