"""A rebuild on a cluster: the target beside the index, the write block, and the swap of the alias in one step.

With the swap the old index loses the hidden alias by which others use it: whoever holds that looks the name up anew,
and no write can land in what is no longer current.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from elasticsearch import Elasticsearch

from petfinder.domain.errors import IndexNotFound
from petfinder.stores.documents import IndexSpec
from petfinder.stores.elasticsearch import indexes, mapping
from petfinder.stores.elasticsearch.indexes import Opened

_UNBLOCKED = {"index.blocks.write": None}


def begin(client: Elasticsearch, name: str, spec: IndexSpec) -> str:
    """Make the target of a rebuild, or find the unfinished one of this spec; drops one of another spec."""
    source = indexes.find(client, name)
    wanted = replace(spec, thresholds=None)
    for target in rebuilds_of(client, source):
        if replace(target.spec, thresholds=None, schema=wanted.schema) == wanted:
            return target.concrete
        indexes.delete(client, target)
    return indexes.create(client, source.concrete[:-7], spec, source=source).concrete


def rebuilds_of(client: Elasticsearch, source: Opened) -> list[Opened]:
    """Return the unfinished rebuilds of an index."""
    return [one for one in family(client, source) if one.state == mapping.REBUILDING and one.source == source.concrete]


def family(client: Elasticsearch, opened: Opened) -> list[Opened]:
    """Return the indexes that came from this one by rebuilds, or this one from them: those of the same thumbnails."""
    there = indexes.numbered(client, opened.concrete[:-7])
    return [one for one in there if one.thumbnails == opened.thumbnails and one.concrete != opened.concrete]


def unblock_kept(client: Elasticsearch, other: Opened) -> None:
    """Lift the write block from an index that was replaced, where the rebuild was killed before it did so."""
    if other.blocked and other.state == mapping.READY and not other.names:
        client.indices.put_settings(index=other.concrete, settings=_UNBLOCKED)


def finish(client: Elasticsearch, name: str, target: str, catch_up: Callable[[], None]) -> str:
    """Block the index, catch up, put the target in its place; returns the number under which the old one is kept."""
    source = indexes.find(client, name)
    _unfinished(client, source, target)
    client.indices.add_block(index=source.concrete, block="write")
    try:
        catch_up()
        source, new = indexes.find(client, name), _unfinished(client, source, target)
        same = source.spec.difference(new.spec) is None
        new = replace(new, spec=replace(new.spec, thresholds=source.spec.thresholds if same else None))
        indexes.remember(client, new)
        actions: list[dict[str, Any]] = [
            {"remove": {"index": source.concrete, "alias": name}},
            {"add": {"index": new.concrete, "alias": name}},
            {"remove": {"index": source.concrete, "alias": source.handle}},
            {"add": {"index": source.concrete, "alias": f"{source.concrete}-kept-{new.made[:8]}", "is_hidden": True}},
        ]
        client.indices.update_aliases(actions=actions)  # in one step
    finally:
        client.indices.put_settings(index=source.concrete, settings=_UNBLOCKED)
    indexes.remember(client, replace(new, state=mapping.READY, source=""))
    return source.concrete


def _unfinished(client: Elasticsearch, source: Opened, target: str) -> Opened:
    for one in rebuilds_of(client, source):
        if one.concrete == target:
            return one
    raise IndexNotFound(f"{target!r} is no unfinished rebuild of {source.concrete!r}; begin it again")
