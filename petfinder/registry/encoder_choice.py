"""Choose the encoder that an index is made or opened with: the one named, the one remembered, or the default."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from petfinder.domain.errors import ConfigError, EncoderUnavailable, IndexMismatch, InvalidQuery
from petfinder.domain.pets import SPECIES, Pet, species_of
from petfinder.domain.text import is_path
from petfinder.domain.values import check_kind
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.load import DEFAULT, is_former, is_on_disk, load_encoder, load_remembered, serves
from petfinder.encoders.tuned import file_of, is_tuned_name
from petfinder.registry.documents import remembered_by
from petfinder.registry.settings import Settings, load_settings
from petfinder.stores.documents import IndexSpec

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")  # what Elasticsearch too accepts as an index name
ChooseEncoder = Callable[[tuple[str, IndexSpec] | None], Encoder]  # by an index's name and spec; None: a new one


def chooser(named: str | Encoder | None, settings: Settings) -> ChooseEncoder:
    """The choice for each index: the encoder that was named, else the one that it remembers, else the default."""

    def choose(remembered: tuple[str, IndexSpec] | None) -> Encoder:
        if named is not None and not isinstance(named, str):
            return named
        if remembered is None:
            new = load_encoder(named or settings.encoder or DEFAULT, device=settings.device)
            if is_former(new.name):
                raise EncoderUnavailable(f"{new.name} can fill no new index: tune anew with `petfinder train`")
            return new
        index, spec = remembered
        if named is not None and named != spec.encoder:
            loaded = load_encoder(named, device=settings.device)
            if serves(loaded, remembered_by(spec)):
                return loaded
            if not is_on_disk(named):  # one species' encoder leaves the others to theirs
                raise _other_encoder(spec, loaded)
        return load_remembered(remembered_by(spec), index, device=settings.device, default=settings.encoder)

    return choose


def check_name(name: str, species: str) -> None:
    """Refuse a name that an index of this species cannot have; raises InvalidQuery.

    Registries look for their cats in an index whose name ends in "-cats", and would find dogs there.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidQuery(f"{name!r} is no index name: lower-case letters, digits, '-', '_' and '.' only")
    for other in SPECIES.keys() - {species}:
        if name.endswith(f"-{other}s"):
            raise InvalidQuery(f"{name!r} is the name of an index of {other}s, and this one is for {species}s")


def check_is_store(given: object) -> None:
    """Raise ConfigError for what is no store."""
    if not hasattr(given, "index_names"):
        raise ConfigError(f"a store is needed, as petfinder.open_store(place) gives it, not a {type(given).__name__}")


def check_is_encoder(given: object) -> None:
    """Raise ConfigError for what is no encoder's name, no encoder and not None."""
    if not (given is None or isinstance(given, str) or hasattr(given, "encode_images")):
        raise ConfigError("encoder is a name such as 'pocket', or an object that meets petfinder.encoders.base.Encoder")


def as_encoder(given: str | Encoder | None) -> Encoder:
    """Give the encoder of a name, or the object that was given; None: the one that is set, else the built-in one.

    Raises ConfigError, EncoderUnavailable.
    """
    check_is_encoder(given)
    return chooser(given, load_settings())(None)


def new_spec(
    name: str,
    pet_class: type[Pet],
    *,
    encoder: str | Encoder | None = None,
    dims: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> IndexSpec:
    """Say what a new index is to remember: its encoder, or the `dims` of ready vectors. Raises InvalidQuery."""
    species = species_of(pet_class)
    check_name(name, species)
    check_kind(settings, Mapping | None, "settings are a mapping of names")
    if dims is not None and (encoder is not None or not isinstance(dims, int) or dims < 1):
        raise InvalidQuery("dims is how many numbers a ready vector has; an encoder knows it by itself")
    identity = identity_of(as_encoder(encoder)) if dims is None else EncoderIdentity("", dims)
    return IndexSpec(species, identity.name, identity.dims, identity.fingerprint, settings=settings or {})


def check_serves_one(named: str | Encoder | None, specs: Mapping[str, IndexSpec], settings: Settings) -> None:
    """Raise IndexMismatch for the file or folder of an encoder that no index of the registry was filled by."""
    if isinstance(named, str) and is_on_disk(named) and specs:
        loaded = load_encoder(named, device=settings.device)
        if not any(serves(loaded, remembered_by(spec)) for spec in specs.values()):
            raise _other_encoder(next(iter(specs.values())), loaded)


def _other_encoder(spec: IndexSpec, loaded: Encoder) -> IndexMismatch:
    way = f"name its file, {file_of(spec.encoder)!r}" if is_tuned_name(spec.encoder) else "leave encoder out"
    way = "name the folder of the model with those weights" if is_path(spec.encoder) else way
    return IndexMismatch(f"this registry was filled by {spec.encoder!r}, not by {loaded.name!r}; {way}, or rebuild it")
