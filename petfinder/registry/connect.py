"""connect(): from a URL and settings to a registry. The only place that names concrete stores."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from petfinder.domain.errors import ConfigError
from petfinder.domain.evidence import Evidence
from petfinder.encoders.base import Encoder
from petfinder.registry.documents import remembered_by
from petfinder.registry.encoder_choice import check_is_encoder, check_serves_one, chooser
from petfinder.registry.opened_index import check_encoder
from petfinder.registry.registry import Registry
from petfinder.registry.settings import CONNECTION, Settings, load_settings, revealed
from petfinder.stores.base import Store
from petfinder.stores.sqlite.store import EmbeddedStore

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

IN_MEMORY = ":memory:"


def connect(
    url: str | os.PathLike[str] | Elasticsearch | None = None,
    *,
    name: str | None = None,
    encoder: str | Encoder | None = None,
    create: bool = True,
    evidence: Evidence | None = None,
    **connection: Any,
) -> Registry:
    """Open a registry: a file, ":memory:", "https://host:9200", or (nothing) PETFINDER_REGISTRY and else memory.

    Several nodes of one cluster stand in one URL, separated by commas; `cloud_id` names a place on Elastic Cloud; a
    client of elasticsearch-py is taken as it is, and stays yours to close. A server is asked whether it answers.
    `name` tells registries in one store apart; none: PETFINDER_NAME, else "pets". No encoder named: the one that the
    registry remembers, else PETFINDER_ENCODER, else "pocket". With create=False nothing is made: a missing file or
    index raises IndexNotFound. `evidence`: what is assumed where place, days and facts are weighed beside a photo; kept
    with nothing. `connection`: other fields of `petfinder.registry.settings.Settings`. Raises ConfigError, StoreError.
    """
    check_is_encoder(encoder)
    location = os.fspath(url) if isinstance(url, (str, os.PathLike)) else None
    settings, place = load_settings(**connection, registry=location, name=name), url
    if url is None or location is not None:
        place = place_of(location, settings, cloud_id=connection.get("cloud_id"))
    elif own := sorted(name for name, value in connection.items() if name in CONNECTION and value is not None):
        raise ConfigError(f"a client was given, so {', '.join(own)} must be given to it; petfinder does not change it")
    return open_registry(place, settings, encoder=encoder, create=create, evidence=evidence)


def place_of(
    location: str | None, settings: Settings, *, cloud_id: str | None = None, default: str = IN_MEMORY
) -> str | None:
    """Where the registry is: what was named, else what is set, else the default; None for the settings' cloud id."""
    if cloud_id is not None and location is not None:
        raise ConfigError("name one place: a URL or file, or cloud_id")
    if location is not None:
        return location
    if settings.cloud_id is None:
        return settings.registry or default
    if settings.registry is not None and cloud_id is None:
        raise ConfigError("registry and cloud_id are both set (PETFINDER_… or file); one names the place")
    return None


def open_registry(
    place: str | os.PathLike[str] | Elasticsearch | None,
    settings: Settings,
    *,
    encoder: str | Encoder | None = None,
    create: bool = True,
    evidence: Evidence | None = None,
) -> Registry:
    """Open the registry at a place that `place_of` gave, under settings that are loaded already; errors as connect."""
    store = open_store(place, create=create, settings=settings)
    choose, limits = chooser(encoder, settings), settings.photo_limits
    registry = Registry(store, choose, name=settings.name, create=create, limits=limits, evidence=evidence)
    if encoder is not None:
        try:
            specs = registry.specs()
            check_serves_one(encoder, specs, settings)
            for index, spec in specs.items():
                check_encoder(remembered_by(spec), choose((index, spec)), index=index)
        except BaseException:
            store.close()
            raise
    return registry


def open_store(
    location: str | os.PathLike[str] | Elasticsearch | None, *, create: bool = True, settings: Settings | None = None
) -> Store:
    """Open what Util and a repository work on: ":memory:", a file, a server's URL or client, None for the cloud_id set.

    Raises ConfigError for what is no place for a registry, and of a server StoreUnavailable, NotAuthorised.
    """
    if location is None:
        return _store_on_server(None, settings or load_settings())
    if not isinstance(location, (str, os.PathLike)):
        return _store_of_client(location, settings or load_settings())
    location = os.fspath(location)
    kind, remote, _ = location.lower().partition("://")
    if kind in ("http", "https") and remote:
        return _store_on_server(location, settings or load_settings())
    if remote:
        raise ConfigError(f"{kind}:// is no place for a registry; name a file, a server's https:// URL, or :memory:")
    if re.search(r"@[^/\\]*:\d+$|^[\w.-]+:\d+$", location):
        raise ConfigError("a server's address begins with https://; a file's name may not end in a port")
    return EmbeddedStore(None if location == IN_MEMORY else location, create=create)


def _store_on_server(url: str | None, settings: Settings) -> Store:
    from petfinder.stores.elasticsearch.client import ConnectionOptions, make_client, wait_until_ready
    from petfinder.stores.elasticsearch.store import ElasticsearchStore

    chosen: dict[str, Any] = {name: getattr(settings, name) for name in (*CONNECTION, "retries")}
    chosen |= {name: revealed(chosen[name]) for name in ("api_key", "password", "bearer")}
    chosen["cloud_id"] = settings.cloud_id if url is None else None
    options = ConnectionOptions(url, **chosen)
    client = make_client(options)
    try:
        wait_until_ready(client, settings.wait, location=options.location)
    except BaseException:
        client.close()
        raise
    return ElasticsearchStore(client, retries=settings.retries, location=options.location)


def _store_of_client(client: Any, settings: Settings) -> Store:
    package = sys.modules.get("elasticsearch")  # loaded already where there is a client
    if package is None or not isinstance(client, package.Elasticsearch):
        raise ConfigError("a registry is named by a path, a URL, or an elasticsearch.Elasticsearch (not an Async one)")
    from petfinder.stores.elasticsearch.client import location_of, wait_until_ready
    from petfinder.stores.elasticsearch.store import ElasticsearchStore

    wait_until_ready(client, settings.wait)
    return ElasticsearchStore(client, retries=settings.retries, location=location_of(client), owns_client=False)
