"""From a name to an encoder: the one table of the kinds that there are. Asking for a name loads no weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.lazy import RememberedEncoder
from petfinder.encoders.pocket import NAME, SHORT_NAME, full_name, is_pocket_name, pocket_named
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder
from petfinder.encoders.tuned import TunedEncoder, file_of, is_tuned_file, is_tuned_name, read_tuned

DEFAULT = SHORT_NAME
_TUNED: dict[str, TunedEncoder] = {}  # those loaded in this process, by name: an index remembers no file


def load_encoder(name: str, *, device: str | None = None, base: Encoder | None = None) -> Encoder:
    """Give the encoder of a name: "pocket", any sentence-transformers image model or folder, or a file "my.npz".

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
    return _of_kind(name)(name, device)


def load_remembered(identity: EncoderIdentity, *, device: str | None, default: str | None) -> Encoder:
    """The encoder that an index remembers, loaded with the first picture, so that listing and counting do without.

    `default` is the encoder that is set: where it is the file of a tuned one, that file may be what the index needs.
    """
    if is_pocket_name(identity.name):
        return load_encoder(identity.name)
    known = _TUNED.get(identity.name)
    if known is not None and identity_of(known) == identity:
        return known

    def load() -> Encoder:
        if is_tuned_name(identity.name) and default is not None and is_tuned_file(default):
            load_encoder(default, device=device)
        return load_encoder(identity.name, device=device)

    return RememberedEncoder(identity, load)


def _tuned_before(name: str, device: str | None) -> Encoder:
    if name in _TUNED:
        return _TUNED[name]
    raise EncoderUnavailable(
        f"the encoder {name} was made by `petfinder train` and is known by its file alone: name"
        f" {file_of(name)!r}, or what it is called now, as the encoder (encoder=, --encoder or PETFINDER_ENCODER)"
    )


@lru_cache(maxsize=4)
def _pocket(name: str, device: str | None) -> Encoder:
    if not is_pocket_name(name):
        raise EncoderUnavailable(f"this version of petfinder brings {NAME!r}, not {name!r}; rebuild moves an index")
    return pocket_named(name)


@lru_cache(maxsize=4)
def _sentence_transformers(name: str, device: str | None) -> Encoder:
    return SentenceTransformersEncoder(name, device=device)


@dataclass(frozen=True)
class _Kind:
    """One kind of encoder: which names are its own, and how it is made of a name and a device."""

    owns: Callable[[str], bool]
    make: Callable[[str, str | None], Encoder]


_KINDS = (
    _Kind(is_tuned_name, _tuned_before),
    _Kind(lambda name: name == SHORT_NAME or name.startswith(f"{SHORT_NAME}-"), _pocket),
    _Kind(lambda name: True, _sentence_transformers),
)


def _of_kind(name: str) -> Callable[[str, str | None], Encoder]:
    return next(kind.make for kind in _KINDS if kind.owns(name))


__all__ = ["DEFAULT", "full_name", "load_encoder", "load_remembered"]
