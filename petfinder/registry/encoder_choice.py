"""Choose the encoder that an index is opened with: the one named, the one remembered, or the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from petfinder.domain.errors import (
    IndexMismatch,
)
from petfinder.encoders.base import Encoder, identity_of
from petfinder.encoders.lazy import RememberedEncoder
from petfinder.encoders.load import _TUNED, load_encoder
from petfinder.encoders.pocket import SHORT_NAME, full_name, pocket_named
from petfinder.encoders.tuned import file_of, is_tuned_file, is_tuned_name
from petfinder.registry.documents import remembered_by
from petfinder.registry.settings import Settings
from petfinder.stores.documents import IndexSpec


def chooser(given: str | Encoder | None, settings: Settings) -> ChooseEncoder:
    """The encoder of each index: the one given, else the one that the index remembers, else the default."""

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


def check_serves_one(given: str | None, specs: Mapping[str, IndexSpec], settings: Settings) -> None:
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


ChooseEncoder = Callable[[IndexSpec | None], Encoder]
