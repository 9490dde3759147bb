"""From a name to an encoder. The only place that names concrete encoders."""

from __future__ import annotations

from functools import lru_cache

from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import NAME, SHORT_NAME, pocket_named
from petfinder.encoders.tuned import TunedEncoder, file_of, is_tuned_file, is_tuned_name, read_tuned

_TUNED: dict[str, TunedEncoder] = {}  # those loaded in this process, by name: an index remembers no file


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
