"""Streams of documents, cut into the chunks that a store writes at once.

Knows documents only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from petfinder.stores.port import Document

_DOCUMENTS_AT_ONCE = 500
_BYTES_AT_ONCE = 2**24
_SECONDS_AT_ONCE = 1.0


def in_chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """The stream in chunks of at most 500 documents, 16 MB and 1 second.

    If the stream breaks off with an error, what came before it is given out first.
    """
    chunk: list[Document] = []
    size, began = 0, time.monotonic()
    stream = iter(documents)
    broken: BaseException | None = None
    while broken is None:
        try:
            document = next(stream)
        except StopIteration:
            break
        except BaseException as error:
            broken = error
            break
        if not chunk:
            size, began = 0, time.monotonic()
        chunk.append(document)
        size += document.vectors.nbytes + sum(len(data) for data in document.thumbnails.values())
        full = len(chunk) >= _DOCUMENTS_AT_ONCE or size >= _BYTES_AT_ONCE
        if full or time.monotonic() - began >= _SECONDS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
    if broken is not None:
        raise broken
