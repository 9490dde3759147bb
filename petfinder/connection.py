"""connect(): from a URL and settings to a registry. The only place that names concrete stores and encoders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from petfinder.documents import remembered_by
from petfinder.encoders.lazy import RememberedEncoder
from petfinder.encoders.pocket import NAME, SHORT_NAME, full_name, pocket_named
from petfinder.encoders.port import Encoder, identity_of
from petfinder.encoders.tuned import TunedEncoder
from petfinder.errors import ConfigError, EncoderUnavailable, IndexMismatch
from petfinder.opened import check_encoder
from petfinder.registry import ChooseEncoder, Registry
from petfinder.settings import CONNECTION, Settings, load_settings, revealed
from petfinder.stores.embedded import EmbeddedStore
from petfinder.stores.port import IndexSpec, Store
from petfinder.tuned import file_of, is_tuned_file, is_tuned_name, read_tuned

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

IN_MEMORY = ":memory:"
_TUNED: dict[str, TunedEncoder] = {}  # those loaded in this process, by name: an index remembers no file


def connect(
    url: str | os.PathLike[str] | Elasticsearch | None = None,
    *,
    name: str | None = None,
    encoder: str | Encoder | None = None,
    create: bool = True,
    **connection: Any,
) -> Registry:
    """Open a registry: a file, ":memory:", "https://host:9200", or (nothing) PETFINDER_REGISTRY and else memory.

    Several nodes of one cluster stand in one URL, separated by commas; `cloud_id` names a place on Elastic Cloud; a
    client of elasticsearch-py is taken as it is, and stays yours to close. A server is asked whether it answers.
    `name` tells registries in one store apart; none: PETFINDER_NAME, else "pets". No encoder named: the one that the
    registry remembers, else PETFINDER_ENCODER, else "pocket". With create=False nothing is made: a missing file or
    index raises IndexNotFound. `connection`: the fields of `petfinder.settings.Settings`. Raises ConfigError,
    StoreError, IndexMismatch.
    """
    if not (encoder is None or isinstance(encoder, str) or hasattr(encoder, "encode_images")):
        raise ConfigError("encoder is a name such as 'pocket', or an object that meets petfinder.encoders.port.Encoder")
    location = os.fspath(url) if isinstance(url, (str, os.PathLike)) else None
    client = None if location is not None or url is None else _client(url)
    settings = load_settings(**connection, registry=location, name=name)
    named = encoder if encoder is None or isinstance(encoder, str) else None
    choose = _chooser(encoder if named is None else named, settings)
    if client is not None:
        _check_left_to_client(connection)
        store = _store_of_client(client, settings)
    else:
        store = open_store(_place(location, settings, connection), create=create, settings=settings)
    registry = Registry(store, choose, name=settings.name, create=create, limits=settings.photo_limits)
    if encoder is not None:
        try:
            specs = registry.specs()
            _check_serves_one(named, specs, settings)
            for index, spec in specs.items():
                check_encoder(remembered_by(spec), choose(spec), index=index)
        except BaseException:
            store.close()
            raise
    return registry


def open_store(location: str | None, *, create: bool = True, settings: Settings | None = None) -> Store:
    """The store at a location: ":memory:", a file's path, a server's URL, or None for the settings' cloud_id.

    Raises ConfigError for what is no place for a registry, and of a server StoreUnavailable, NotAuthorised.
    """
    if location is None:
        return _store_on_server(None, settings or load_settings())
    if "://" in location:
        kind = location.split("://", 1)[0].lower()
        if kind in ("http", "https"):
            return _store_on_server(location, settings or load_settings())
        raise ConfigError(f"{kind}:// is no place for a registry; name a file, a server's https:// URL, or :memory:")
    if re.search(r"@[^/\\]*:\d+$|^[\w.-]+:\d+$", location):
        raise ConfigError("a server's address begins with https://; a file's name may not end in a port")
    return EmbeddedStore(None if location == IN_MEMORY else location, create=create)


def load_encoder(name: str, *, device: str | None = None, base: Encoder | None = None) -> Encoder:
    """The encoder of this name: "pocket", any sentence-transformers image model or folder, or a file "my.npz".

    "pocket-mirrored" also reads each photo's mirror image, for twice the time; "pocket-384" reads photos that have the
    pixels at 384 instead of 320, for half as much again. Weights are loaded at the first picture. Raises ConfigError
    where the `clip` extra is missing, EncoderUnavailable.

    A file is what `petfinder train` wrote; `base` is the encoder that it was tuned on, where that is one of your own.
    """
    if is_tuned_file(name):
        tuned = read_tuned(name)
        below = (lambda: load_encoder(tuned.base.name, device=device)) if base is None else lambda: base
        _TUNED[tuned.name] = TunedEncoder(tuned, below)
        return _TUNED[tuned.name]
    if base is not None:
        raise ConfigError(f"base= belongs to the file of a tuned encoder, as `petfinder train` writes it; got {name!r}")
    if name in _TUNED:
        return _TUNED[name]
    if is_tuned_name(name):
        raise EncoderUnavailable(
            f"the encoder {name} was made by `petfinder train` and is known by its file alone: name"
            f" {file_of(name)!r}, or what it is called now, as the encoder (encoder=, --encoder or PETFINDER_ENCODER)"
        )
    return _encoder_named(name, device)


@lru_cache(maxsize=4)
def _encoder_named(name: str, device: str | None) -> Encoder:
    """The encoder of this name, made once."""
    built_in = pocket_named(name)
    if built_in is not None:
        return built_in
    if name.startswith(f"{SHORT_NAME}-"):
        raise EncoderUnavailable(f"this version of petfinder brings {NAME!r}, not {name!r}; rebuild moves an index")
    from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(name, device=device)


def _place(location: str | None, settings: Settings, given: dict[str, Any]) -> str | None:
    """Where the registry is: what was given, else what is set; None for the cloud id."""
    if given.get("cloud_id") is not None and location is not None:
        raise ConfigError("name one place: a URL or file, or cloud_id")
    if location is not None:
        return location
    if settings.cloud_id is None:
        return settings.registry or IN_MEMORY
    if settings.registry is not None and given.get("cloud_id") is None:
        raise ConfigError("registry and cloud_id are both set (PETFINDER_… or file); one names the place")
    return None


def _store_on_server(url: str | None, settings: Settings) -> Store:
    from petfinder.stores.elastic_client import make_client, wait_until_ready
    from petfinder.stores.elastic_options import connection_options
    from petfinder.stores.elasticsearch import ElasticsearchStore

    options = connection_options(
        url,
        cloud_id=settings.cloud_id if url is None else None,
        api_key=revealed(settings.api_key),
        user=settings.user,
        password=revealed(settings.password),
        bearer=revealed(settings.bearer),
        ca_certs=settings.ca_certs,
        fingerprint=settings.fingerprint,
        verify=settings.verify,
        timeout=settings.timeout,
        retries=settings.retries,
    )
    client = make_client(options)
    try:
        wait_until_ready(client, settings.wait, location=options.location)
    except BaseException:
        client.close()
        raise
    return ElasticsearchStore(client, retries=settings.retries, location=options.location)


def _store_of_client(client: Any, settings: Settings) -> Store:
    from petfinder.stores.elastic_client import location_of, wait_until_ready
    from petfinder.stores.elasticsearch import ElasticsearchStore

    wait_until_ready(client, settings.wait)
    return ElasticsearchStore(client, retries=settings.retries, location=location_of(client), owns_client=False)


def _client(given: Any) -> Elasticsearch:
    """What was given, if it is a client of elasticsearch-py: where there is one, its package is loaded already."""
    package = sys.modules.get("elasticsearch")
    if package is not None and isinstance(given, package.Elasticsearch):
        client: Elasticsearch = given
        return client
    raise ConfigError("a registry is named by a path, a URL, or an elasticsearch.Elasticsearch (not an Async one)")


def _check_left_to_client(given: dict[str, Any]) -> None:
    own = sorted(name for name in given if name in CONNECTION and given[name] is not None)
    if own:
        raise ConfigError(f"a client was given, so {', '.join(own)} must be given to it; petfinder does not change it")


def _chooser(given: str | Encoder | None, settings: Settings) -> ChooseEncoder:
    def choose(spec: IndexSpec | None) -> Encoder:
        if given is not None and not isinstance(given, str):
            return given
        if spec is None:
            return load_encoder(given or settings.encoder or SHORT_NAME, device=settings.device)
        wanted = None if given is None else full_name(given)
        if wanted is not None and wanted != spec.encoder:
            loaded = load_encoder(wanted, device=settings.device)
            if loaded.name == spec.encoder:
                return loaded
            if not is_tuned_file(wanted):  # the file of one species' encoder leaves the others to theirs
                raise _other_encoder(spec, loaded)
        if is_tuned_name(spec.encoder):
            return _tuned_again(spec, settings)
        if pocket_named(spec.encoder) is not None:
            return load_encoder(spec.encoder)
        return RememberedEncoder(remembered_by(spec), lambda: load_encoder(spec.encoder, device=settings.device))

    return choose


def _check_serves_one(given: str | None, specs: Mapping[str, IndexSpec], settings: Settings) -> None:
    """Raise IndexMismatch for the file of a tuned encoder that no index of the registry was filled by."""
    if given is None or not is_tuned_file(given) or not specs:
        return
    loaded = load_encoder(given, device=settings.device)
    if loaded.name not in {spec.encoder for spec in specs.values()}:
        raise _other_encoder(next(iter(specs.values())), loaded)


def _other_encoder(spec: IndexSpec, loaded: Encoder) -> IndexMismatch:
    way = f"name its file, {file_of(spec.encoder)!r}" if is_tuned_name(spec.encoder) else "leave encoder out"
    return IndexMismatch(
        f"this registry was filled by encoder {spec.encoder!r}, not by {loaded.name!r}; {way}, or move it with rebuild"
    )


def _tuned_again(spec: IndexSpec, settings: Settings) -> Encoder:
    """The tuned encoder that an index remembers: one that was loaded before, or the settings' file.

    The file is read with the first picture, and errors come then: listing and counting do without it.
    """
    remembered = remembered_by(spec)
    known = _TUNED.get(spec.encoder)
    if known is not None and identity_of(known) == remembered:
        return known

    def load() -> Encoder:
        if settings.encoder is not None and is_tuned_file(settings.encoder):
            load_encoder(settings.encoder, device=settings.device)
        return load_encoder(spec.encoder, device=settings.device)

    return RememberedEncoder(remembered, load)
