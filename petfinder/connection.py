"""connect(): from a URL and settings to a registry. The only place that names concrete stores and encoders."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

from petfinder.documents import remembered_by
from petfinder.encoders.lazy import RememberedEncoder
from petfinder.encoders.pocket import PocketEncoder
from petfinder.encoders.port import Encoder
from petfinder.errors import ConfigError, EncoderUnavailable, IndexMismatch
from petfinder.finding import check_encoder
from petfinder.photos import PhotoLimits
from petfinder.registry import ChooseEncoder, Registry
from petfinder.settings import Settings, load_settings
from petfinder.stores.embedded import EmbeddedStore
from petfinder.stores.port import IndexSpec, Store

POCKET = "pocket-1"  # what "pocket", the newest built-in encoder, stands for
_POCKET_NAMES = ("pocket", POCKET)
IN_MEMORY = ":memory:"


def connect(
    url: str | os.PathLike[str] | None = None,
    *,
    name: str = "pets",
    encoder: str | Encoder | None = None,
    create: bool = True,
    **connection: Any,
) -> Registry:
    """Open a registry: a file, ":memory:", or (nothing) PETFINDER_REGISTRY and else memory.

    `name` tells registries in one store apart. No encoder named: the one that the registry remembers, else
    PETFINDER_ENCODER, else "pocket". With create=False nothing is made: a missing file or index raises IndexNotFound.
    `connection`: the fields of `petfinder.settings.Settings`. Raises ConfigError, StoreError, IndexMismatch.
    """
    if not (encoder is None or isinstance(encoder, str) or hasattr(encoder, "encode_images")):
        raise ConfigError("encoder is a name such as 'pocket', or an object that meets petfinder.encoders.port.Encoder")
    location = None if url is None else os.fspath(url)
    settings = load_settings(**connection, registry=location)
    named = encoder if encoder is None or isinstance(encoder, str) else None
    choose = _chooser(encoder if named is None else named, settings)
    limits = PhotoLimits(max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels)
    store = open_store(settings.registry or IN_MEMORY, create=create)
    registry = Registry(store, choose, name=name, create=create, limits=limits)
    if encoder is not None:
        try:
            for index, spec in registry.specs().items():
                check_encoder(remembered_by(spec), choose(spec), index=index)
        except BaseException:
            store.close()
            raise
    return registry


def open_store(location: str, *, create: bool = True) -> Store:
    """The store at a location: ":memory:" or a file's path; raises ConfigError for a URL that is not supported."""
    if "://" in location:
        kind = location.split("://", 1)[0].lower()
        if kind in ("http", "https"):
            raise ConfigError("registries on Elasticsearch come with the next version; name a file for now")
        raise ConfigError(f"{kind}:// is no place for a registry; name a file, or :memory:")
    if re.search(r"@[^/\\]*:\d+$|^[\w.-]+:\d+$", location):
        raise ConfigError("a server's address begins with https://; a file's name may not end in a port")
    return EmbeddedStore(None if location == IN_MEMORY else location, create=create)


@lru_cache(maxsize=4)
def load_encoder(name: str, *, device: str | None = None) -> Encoder:
    """The encoder of this name, made once: "pocket", or any sentence-transformers image model or folder.

    Weights are loaded at the first picture. Raises ConfigError where the `clip` extra is missing, EncoderUnavailable.
    """
    if name in _POCKET_NAMES:
        return PocketEncoder()
    if name.startswith("pocket-"):
        raise EncoderUnavailable(f"this version of petfinder brings {POCKET!r}, not {name!r}; rebuild moves an index")
    from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(name, device=device)


def _chooser(given: str | Encoder | None, settings: Settings) -> ChooseEncoder:
    def choose(spec: IndexSpec | None) -> Encoder:
        if given is not None and not isinstance(given, str):
            return given
        if spec is None:
            return load_encoder(given or settings.encoder or "pocket", device=settings.device)
        wanted = POCKET if given in _POCKET_NAMES else given
        if wanted is not None and wanted != spec.encoder:
            loaded = load_encoder(wanted, device=settings.device)
            if loaded.name != spec.encoder:
                raise IndexMismatch(
                    f"this registry was filled by encoder {spec.encoder!r}, not by {loaded.name!r}; "
                    "leave encoder out, or move it with rebuild"
                )
        if spec.encoder in _POCKET_NAMES:
            return load_encoder(spec.encoder)
        return RememberedEncoder(remembered_by(spec), lambda: load_encoder(spec.encoder, device=settings.device))

    return choose
