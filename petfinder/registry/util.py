"""Util: the management of a store's indexes. Create, delete, list, info, rename, rebuild, refresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from petfinder.domain.errors import IndexExists, IndexMismatch, IndexNotFound, InvalidQuery
from petfinder.domain.pets import Dog, Pet
from petfinder.domain.shown import Shown
from petfinder.domain.values import check_choice
from petfinder.encoders.base import Encoder, identity_of
from petfinder.encoders.load import DEFAULT, is_former_name
from petfinder.photos.read import PhotoLimits
from petfinder.registry.documents import lacking
from petfinder.registry.encoder_choice import as_encoder, check_is_store, check_name, new_spec
from petfinder.registry.rebuild import Rebuild, RebuildReport
from petfinder.registry.repository import Missing
from petfinder.stores.base import Store
from petfinder.stores.documents import SCHEMA, IndexSpec, IndexStats


@dataclass(frozen=True)
class IndexInfo(Shown):
    """One index: its name, what it remembers of itself, and its counts."""

    name: str
    spec: IndexSpec
    stats: IndexStats

    def __str__(self) -> str:
        spec, stats = self.spec, self.stats
        photos = f"{stats.photos + stats.pending} photos"
        waiting = f", {stats.pending} of them waiting for an embedding" if stats.pending else ""
        return (
            f"{self.name}: {stats.pets} pets of species {spec.species}, {photos}{waiting}; "
            f"{spec.encoder or 'embeddings given'} ({spec.dims} dims, {spec.metric}), {stats.size_bytes / 1e6:.1f} MB"
        )


class Indexes(tuple[IndexInfo, ...], Shown):
    """Several indexes: a table in a notebook, one a line in a terminal."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no index"


class Util:
    """The management of the indexes of one store. Every method raises StoreUnavailable, NotAuthorised."""

    def __init__(self, store: Store) -> None:
        check_is_store(store)
        self.store = store

    @property
    def client(self) -> Any:
        """The raw client or connection underneath, for what petfinder does not offer."""
        return self.store.client

    def create_index(
        self,
        name: str,
        pet_class: type[Pet] = Dog,
        *,
        encoder: str | Encoder | None = None,
        dims: int | None = None,
        exist_ok: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> IndexInfo:
        """Make an empty index for one species, to be filled by this encoder, or with ready vectors of `dims` numbers.

        Neither: by the encoder that is set, else the built-in one. `settings` are those of the store (Elasticsearch:
        shards, replicas, refresh_interval, vectors, m, ef_construction). Raises IndexExists, or with exist_ok
        IndexMismatch where the one that is there differs; InvalidQuery for an impossible name, ConfigError.
        """
        spec = new_spec(name, pet_class, encoder=encoder, dims=dims, settings=settings)
        try:
            self.store.create_index(name, spec)
        except IndexExists:
            if not exist_ok:
                raise
            if other := self.store.spec(name).difference(spec):
                raise IndexMismatch(f"index {name!r} is there with {other}") from None
        return self.info(name)

    def delete_index(self, name: str, *, missing: Missing = "error") -> None:
        """Erase one index, its name spelled out, and all pets in it; raises IndexNotFound unless missing="ignore"."""
        check_choice(missing, Missing, what="missing")
        if missing == "error" or self.exists(name):
            self.store.delete_index(name)

    def exists(self, name: str) -> bool:
        """Tell whether there is an index of this name; no right to see others is needed."""
        try:
            self.store.spec(name)
        except IndexNotFound:
            return False
        except IndexMismatch:  # of a later petfinder, but there
            pass
        return True

    def list_indexes(self) -> Indexes:
        """List all indexes of the store with their counts and sizes, by name; kept old ones are among them."""
        return Indexes(self.info(name) for name in self.store.index_names())

    def info(self, name: str) -> IndexInfo:
        """Describe one index with its counts and size in bytes; raises IndexNotFound."""
        return IndexInfo(name, self.store.spec(name), self.store.stats(name))

    def rename(self, name: str, new_name: str) -> None:
        """Give an index another name; raises IndexNotFound, IndexExists, InvalidQuery.

        A name under which a registry looks for another species (pets-cats for dogs) is refused.
        """
        check_name(new_name, self.store.spec(name).species)
        self.store.rename_index(name, new_name)

    def rebuild(
        self,
        name: str,
        encoder: str | Encoder | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        keep_old: bool = True,
        limits: PhotoLimits | None = None,
        progress: bool | None = None,
    ) -> RebuildReport:
        """Make an index anew, every photo encoded by another encoder, or with other settings, and swap the two.

        Others search and write meanwhile; what they write is taken in. A rebuild that was broken off goes on where it
        stopped when it is called again with the same arguments. A photo is read from its original where that is there
        and unchanged, else from its thumbnail; one that has neither stays without an embedding and is reported. Without
        an encoder the embeddings are taken over as they are; with nothing named at all, an index made by an earlier
        built-in encoder is moved to the one of today, and pets of an earlier version are made ready for all filters.
        `settings` that are not named stay. Thresholds are dropped with the old encoder.

        The old index is kept as `<name>-000001` (the report names it), without thumbnails, until it is deleted:
        `remove` erases pets from it too, but what else is changed later, contact included, stays in it as it was. With
        keep_old=False it is deleted. Raises IndexNotFound, InvalidQuery where nothing is to change.
        """
        before = self.store.spec(name)
        if encoder is None and settings is None:
            if is_former_name(before.encoder):
                encoder = DEFAULT
            elif not lacking(self.store, name):
                raise InvalidQuery("name what is to change: another encoder, or other settings")
        after = replace(before, settings={**before.settings, **(settings or {})}, thresholds=None, schema=SCHEMA)
        new = None if encoder is None else as_encoder(encoder)
        if new is not None:
            to = identity_of(new)
            after = replace(after, encoder=to.name, dims=to.dims, fingerprint=to.fingerprint)
        work = Rebuild(self.store, name, before, after, new, limits or PhotoLimits())
        report = work.run(progress=progress)
        if keep_old or report.kept is None:
            return report
        self.store.delete_index(report.kept)
        return replace(report, kept=None)

    def refresh(self, name: str) -> None:
        """Make all writes visible to searches; raises IndexNotFound."""
        self.store.refresh(name)
