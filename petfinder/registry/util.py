"""Util: the management of a store's indexes. Create, delete, list, info, rename, rebuild, refresh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from petfinder.domain.errors import IndexExists, IndexMismatch, IndexNotFound, InvalidQuery
from petfinder.domain.pets import SPECIES, Dog, Pet, species_of
from petfinder.domain.shown import as_html
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.load import DEFAULT, is_former_name, load_encoder
from petfinder.photos.read import PhotoLimits
from petfinder.registry.rebuild import Rebuild, RebuildReport
from petfinder.stores.base import Store
from petfinder.stores.documents import SCHEMA, IndexSpec, IndexStats

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")  # what Elasticsearch too accepts as an index name


def check_name(name: str, species: str) -> None:
    """Refuse a name that an index of this species cannot have; raises InvalidQuery.

    Registries look for their cats in an index whose name ends in "-cats", and would find dogs there.
    """
    if not _NAME.fullmatch(name):
        raise InvalidQuery(f"{name!r} is no index name: lower-case letters, digits, '-', '_' and '.' only")
    for other in SPECIES.keys() - {species}:
        if name.endswith(f"-{other}s"):
            raise InvalidQuery(
                f"{name!r} is the name of an index of {other}s, and this one is for the species {species}"
            )


@dataclass(frozen=True)
class IndexInfo:
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

    def _repr_html_(self) -> str:
        return as_html(self)


class Indexes(tuple[IndexInfo, ...]):
    """Several indexes: a table in a notebook, one a line in a terminal."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no index"

    def _repr_html_(self) -> str:
        return as_html(self)


class Util:
    """The management of the indexes of one store. Every method raises StoreUnavailable, NotAuthorised."""

    def __init__(self, store: Store) -> None:
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
        encoder: Encoder | None = None,
        dims: int | None = None,
        exist_ok: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> IndexInfo:
        """Make an empty index for one species, to be filled by this encoder, or with ready vectors of `dims` numbers.

        `settings` are those of the store (Elasticsearch: shards, replicas, refresh_interval, vectors, m,
        ef_construction). Raises IndexExists, or with exist_ok IndexMismatch where the index that is there differs;
        InvalidQuery for a name that no index can have, or without encoder and dims.
        """
        species = species_of(pet_class)
        check_name(name, species)
        if encoder is None and not (isinstance(dims, int) and dims > 0):
            raise InvalidQuery("an index needs its encoder, or the dims of the vectors that it will be given")
        identity = identity_of(encoder) if encoder else EncoderIdentity("", dims or 0)
        spec = IndexSpec(species, identity.name, identity.dims, identity.fingerprint, settings=settings or {})
        try:
            self.store.create_index(name, spec)
        except IndexExists:
            if not exist_ok:
                raise
            if other := self.store.spec(name).difference(spec):
                raise IndexMismatch(f"index {name!r} is there with {other}") from None
        return self.info(name)

    def delete_index(self, name: str) -> None:
        """Erase one index, its name spelled out, and all pets in it; raises IndexNotFound."""
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
        encoder: Encoder | None = None,
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
        built-in encoder is moved to the one of today. `settings` that are not named stay. Thresholds are dropped
        with the old encoder.

        The old index is kept as `<name>-000001` (the report names it), without thumbnails, until it is deleted:
        `remove` erases pets from it too, but what else is changed later, contact included, stays in it as it was. With
        keep_old=False it is deleted. Raises IndexNotFound, InvalidQuery where nothing is to change.
        """
        before = self.store.spec(name)
        if encoder is None and settings is None:
            if not is_former_name(before.encoder):
                raise InvalidQuery("name what is to change: another encoder, or other settings")
            encoder = load_encoder(DEFAULT)
        after = replace(before, settings={**before.settings, **(settings or {})}, thresholds=None, schema=SCHEMA)
        if encoder is not None:
            to = identity_of(encoder)
            after = replace(after, encoder=to.name, dims=to.dims, fingerprint=to.fingerprint)
        work = Rebuild(self.store, name, before, after, encoder, limits or PhotoLimits())
        report = work.run(progress=progress)
        if keep_old or report.kept is None:
            return report
        self.store.delete_index(report.kept)
        return replace(report, kept=None)

    def refresh(self, name: str) -> None:
        """Make all writes visible to searches; raises IndexNotFound."""
        self.store.refresh(name)
