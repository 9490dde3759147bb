"""Choose the encoder that an index is opened with: the one named, the one remembered, or the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from petfinder.domain.errors import EncoderUnavailable, IndexMismatch
from petfinder.encoders.base import Encoder
from petfinder.encoders.load import DEFAULT, is_former, load_encoder, load_remembered
from petfinder.encoders.tuned import file_of, is_tuned_file, is_tuned_name
from petfinder.registry.documents import remembered_by
from petfinder.registry.settings import Settings
from petfinder.stores.documents import IndexSpec

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
            if loaded.name == spec.encoder:
                return loaded
            if not is_tuned_file(named):  # the file of one species' encoder leaves the others to theirs
                raise _other_encoder(spec, loaded)
        return load_remembered(remembered_by(spec), index, device=settings.device, default=settings.encoder)

    return choose


def check_serves_one(named: str | Encoder | None, specs: Mapping[str, IndexSpec], settings: Settings) -> None:
    """Raise IndexMismatch for the file of a tuned encoder that no index of the registry was filled by."""
    if isinstance(named, str) and is_tuned_file(named) and specs:
        loaded = load_encoder(named, device=settings.device)
        if loaded.name not in {spec.encoder for spec in specs.values()}:
            raise _other_encoder(next(iter(specs.values())), loaded)


def _other_encoder(spec: IndexSpec, loaded: Encoder) -> IndexMismatch:
    way = f"name its file, {file_of(spec.encoder)!r}" if is_tuned_name(spec.encoder) else "leave encoder out"
    return IndexMismatch(
        f"this registry was filled by encoder {spec.encoder!r}, not by {loaded.name!r}; {way}, or move it with rebuild"
    )
