"""The indexes of petfinder on a cluster: found by name, made, renamed, counted, erased.

A name is an alias over a numbered index, `pets-dogs` over `pets-dogs-000001`. Every numbered index has one more alias,
hidden and never used again, by which it is read and written: whoever holds that of an index that is gone or was made
anew is told so, and nothing is ever written to an index that the server made up.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from elasticsearch import ApiError, AuthorizationException, Elasticsearch, NotFoundError, TransportError

from petfinder.domain.errors import IndexExists, IndexMismatch, IndexNotFound
from petfinder.stores.documents import SCHEMA, IndexSettings, IndexSpec
from petfinder.stores.elasticsearch import mapping
from petfinder.stores.elasticsearch.errors import body_of, translated

_KEPT = "*.aliases,*.mappings._meta,*.settings.index.blocks"  # what is read of an index
_HIDDEN = {"is_hidden": True}
_MOST_MERGED = 5 * 10**9  # bytes; by a server's default no larger segment is merged (max_merged_segment)


@dataclass(frozen=True)
class Opened:
    """An index as it was found: its number's name, the alias by which it is used, and what it remembers."""

    concrete: str
    handle: str
    thumbnails: str
    spec: IndexSpec
    made: str
    state: str = mapping.READY
    source: str = ""  # the numbered index that this one is rebuilt from
    names: tuple[str, ...] = ()
    blocked: bool = False
    vectors: int | None = None
    at: float = field(default_factory=time.monotonic)

    @property
    def records(self) -> str:
        """The alias of the index of its records, which it shares, as the thumbnails, with what it is rebuilt to."""
        return f"{self.thumbnails}-records"

    @property
    def memory(self) -> dict[str, Any]:
        """What `_meta` keeps beside the spec."""
        return {"thumbnails": self.thumbnails, "made": self.made, "state": self.state, "source": self.source}


def find(client: Elasticsearch, name: str) -> Opened:
    """Return the index of this name, alias or number; raises IndexNotFound, and IndexMismatch for a later schema."""
    for concrete, described in _described(client, name).items():
        memory = mapping.memory_of(described.get("mappings", {}))
        if memory is not None:
            opened = _opened(name, concrete, memory, described)
            if not opened.handle:
                raise IndexMismatch(f"{concrete!r} is a copy made by hand; petfinder copy makes one that can be used")
            return opened
        raise IndexNotFound(f"index {name!r} is not petfinder's; open_existing reads it, import_index takes its pets")
    raise IndexNotFound(f"there is no index {name!r} here; the list of indexes shows which there are")


def _described(client: Elasticsearch, name: str) -> Mapping[str, Any]:
    if not name or name.startswith(("_", "-")) or any(letter in name for letter in '*?,<>|"\\/ #:'):
        return {}
    try:
        return body_of(client.indices.get(index=name, expand_wildcards="open,hidden", filter_path=_KEPT))
    except NotFoundError as error:
        if error.error == "index_not_found_exception":
            return {}
        raise


def _opened(name: str, concrete: str, memory: Mapping[str, Any], described: Mapping[str, Any]) -> Opened:
    aliases = described.get("aliases", {})
    blocks = described.get("settings", {}).get("index", {}).get("blocks", {})
    names = tuple(sorted(alias for alias, rules in aliases.items() if not rules.get("is_hidden")))
    return Opened(
        concrete=concrete,
        handle=next((alias for alias, rules in aliases.items() if rules.get("is_hidden")), ""),
        thumbnails=memory["thumbnails"],
        spec=IndexSpec.remembered(name, memory),
        made=memory["made"],
        state=mapping.READY if names else memory["state"],  # what has a name is ready, whatever a killed rebuild left
        source=memory["source"],
        names=names,
        blocked=str(blocks.get("write", "false")) == "true",
    )


def all_opened(client: Elasticsearch) -> dict[str, Opened]:
    """Return all indexes of pets by the name that people use: its alias, else (kept by a rebuild) its number."""
    found: dict[str, Opened] = {}
    for opened in _usable(body_of(client.indices.get(index="*", expand_wildcards="open", filter_path=_KEPT))):
        kept = (opened.concrete,) if opened.state == mapping.READY else ()
        found |= dict.fromkeys(opened.names or kept, opened)
    return dict(sorted(found.items()))


def _usable(answer: Mapping[str, Any]) -> list[Opened]:
    """The indexes of pets among those described: of a schema known here, and none that was copied by hand."""
    found = []
    for concrete, described in answer.items():
        memory = mapping.memory_of(described.get("mappings", {}))
        if memory is not None and memory["schema"] <= SCHEMA:
            found.append(_opened(concrete, concrete, memory, described))
    return [opened for opened in found if opened.handle]


def refuse_taken(client: Elasticsearch, name: str) -> None:
    """Raise IndexExists if there is an index or alias of this name, of whatever maker."""
    if _described(client, name):
        raise IndexExists(f"there is an index {name!r} already; delete or rename it first, or choose another name")


def create(client: Elasticsearch, name: str, spec: IndexSpec, *, source: Opened | None = None) -> Opened:
    """Make an empty index under a name, or, to take the place of a source, without it; IndexExists, InvalidQuery."""
    IndexSettings(**spec.settings)
    made = uuid.uuid4().hex
    concrete = _next_number(client, name)
    handle, pictures = f"{concrete}-{made[:8]}", f"{concrete}-thumbnails-{made[:8]}"
    if source is None:
        opened = Opened(concrete, handle, f"{name}-thumbnails-{made[:8]}", spec, made, names=(name,))
        body = mapping.thumbnails_index(spec.settings)
        client.indices.create(index=pictures, aliases={opened.thumbnails: _HIDDEN}, **body)
    else:
        opened = Opened(concrete, handle, source.thumbnails, spec, made, mapping.REBUILDING, source.concrete)
    aliases = {handle: _HIDDEN, **{alias: {} for alias in opened.names}}
    try:
        client.indices.create(index=concrete, aliases=aliases, **mapping.pets_index(spec, opened.memory))
    except BaseException:
        if source is None:
            client.options(ignore_status=404).indices.delete(index=pictures)
        raise
    return opened


def _next_number(client: Elasticsearch, name: str) -> str:
    """The name of the next numbered index of a name: `pets-dogs-000001`."""
    answer = client.indices.get(index=f"{name}-*", expand_wildcards="open,hidden,closed", filter_path=_KEPT)
    numbers = [concrete.removeprefix(f"{name}-")[:6] for concrete in body_of(answer)]
    last = max((int(number) for number in numbers if len(number) == 6 and number.isdecimal()), default=0)
    return f"{name}-{last + 1:06d}"


def remember(client: Elasticsearch, opened: Opened) -> None:
    """Keep what an index remembers of itself, as it is now, and with it today's schema."""
    kept = {"kind": mapping.PETS, **asdict(opened.spec), **opened.memory, "schema": SCHEMA}
    client.indices.put_mapping(index=opened.concrete, meta={mapping.OURS: kept})


def numbered(client: Elasticsearch, name: str) -> list[Opened]:
    """Return all numbered indexes of pets that were made under a name, with or without an alias now."""
    answer = client.indices.get(index=f"{name}-*", expand_wildcards="open,hidden", filter_path=_KEPT)
    return _usable(body_of(answer))


def delete(client: Elasticsearch, opened: Opened) -> None:
    """Erase an index, its thumbnails unless another of its rebuilds is there, its records unless one has a name."""
    client.indices.delete(index=opened.concrete)
    left = [one for one in numbered(client, opened.concrete[:-7]) if one.thumbnails == opened.thumbnails]
    gone = ([] if left else [opened.thumbnails]) + ([] if any(one.names for one in left) else [opened.records])
    for concrete in (_behind(client, *gone) if gone else {}).values():
        client.indices.delete(index=concrete)


def _behind(client: Elasticsearch, *aliases: str) -> dict[str, str]:
    """The index behind each of these aliases that there is."""
    there = body_of(client.options(ignore_status=404).indices.get_alias(name=aliases))
    return {name: index for index, one in there.items() if isinstance(one, Mapping) for name in one.get("aliases", ())}


def have_records(client: Elasticsearch, opened: Opened, *, make: bool = False) -> bool:
    """Tell whether there is an index of records, on request made; IndexNotFound where that of the pets is gone."""
    there = _behind(client, opened.handle, opened.records)
    if opened.handle not in there:
        raise IndexNotFound(f"index {opened.concrete!r} is gone; open it again")
    if make and opened.records not in there:
        body = mapping.records_index(opened.spec.settings)
        with suppress(IndexExists), translated():  # others may make it at the same time
            client.indices.create(index=f"{opened.records}-000001", aliases={opened.records: _HIDDEN}, **body)
    return make or opened.records in there


def rename(client: Elasticsearch, name: str, new_name: str, opened: Opened) -> None:
    """Give an index another name, in one step."""
    old = [{"remove": {"index": opened.concrete, "alias": name}}] if name in opened.names else []
    client.indices.update_aliases(actions=[*old, {"add": {"index": opened.concrete, "alias": new_name}}])


def vectors_in(client: Elasticsearch, opened: Opened) -> int:
    """Return how many vectors the index holds, as of the last refresh; the largest int where that may not be known."""
    try:
        answer = body_of(client.indices.stats(index=opened.handle, metric="dense_vector"))
    except AuthorizationException:
        return sys.maxsize
    return int(answer["_all"]["primaries"]["dense_vector"]["value_count"])


def merge_after(client: Elasticsearch, opened: Opened, *, loaded: int) -> None:
    """Begin to merge each shard into one segment, on the server, after at least half of the index was loaded at once.

    A search looks into every segment: with one instead of three, of 50,000 pets, it takes .8 of the time (5 s of the
    server's). Not where a shard is larger than what a server would ever merge again, nor where it may not be asked.
    """
    with suppress(ApiError, TransportError):
        held = client.count(index=opened.handle)["count"]
        a_shard = stored_bytes(client, opened.handle) / IndexSettings(**opened.spec.settings).shards
        if held <= 2 * loaded and a_shard < _MOST_MERGED:
            client.indices.forcemerge(index=opened.handle, max_num_segments=1, wait_for_completion=False)


def stored_bytes(client: Elasticsearch, *names: str) -> int:
    """Return the bytes on disk of indexes, copies on other nodes left aside."""
    answer = body_of(client.indices.stats(index=names, metric="store"))
    return int(answer["_all"]["primaries"]["store"]["size_in_bytes"])
