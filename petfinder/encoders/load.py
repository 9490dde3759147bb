"""From a name to an encoder of one of the three kinds that there are. Asking for a name loads no weights."""

from __future__ import annotations

from functools import lru_cache

from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.domain.text import is_path
from petfinder.domain.values import check_kind
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.lazy import RememberedEncoder
from petfinder.encoders.pocket import NAME, SHORT_NAME, full_name, is_pocket_name, pocket_named
from petfinder.encoders.pocket import is_former_name as is_former_name
from petfinder.encoders.sentence_transformers import SentenceTransformersEncoder, folder_of
from petfinder.encoders.tuned import TunedEncoder, base_of, file_of, is_tuned_file, is_tuned_name, read_tuned

DEFAULT = SHORT_NAME
_TUNED: dict[str, TunedEncoder] = {}  # those loaded in this process, by name: an index remembers no file


def load_encoder(name: str, *, device: str | None = None, base: Encoder | None = None) -> Encoder:
    """Give the encoder of a name: "pocket", any sentence-transformers image model or folder, or a file "my.npz".

    "pocket-mirrored" also reads each photo's mirror image, for twice the time. Weights are loaded at the first picture.
    A file is what `petfinder train` wrote; `base` is the encoder that it was tuned on, where that is one of your own.
    Raises ConfigError where the `clip` extra is missing, EncoderUnavailable.
    """
    check_kind(name, str, "an encoder is named by its name or file, such as 'pocket'", refusal=ConfigError)
    if is_tuned_file(name):
        tuned = read_tuned(name)
        below = (lambda: load_encoder(tuned.base.name, device=device)) if base is None else lambda: base
        _TUNED[tuned.name] = TunedEncoder(tuned, below)
        return _TUNED[tuned.name]
    if base is not None:
        raise ConfigError(f"base= belongs to the file of a tuned encoder, as `petfinder train` writes it; got {name!r}")
    if is_tuned_name(name):
        if name in _TUNED:
            return _TUNED[name]
        way = f"name {file_of(name)!r}, or what it is called now (encoder=, --encoder or PETFINDER_ENCODER)"
        raise EncoderUnavailable(f"the encoder {name} was made by `petfinder train` and is known by its file: {way}")
    if name == SHORT_NAME or name.startswith(f"{SHORT_NAME}-"):
        if not is_pocket_name(name):
            raise EncoderUnavailable(f"this version of petfinder brings {NAME!r}, not {name!r}; rebuild moves an index")
        return _pocket(full_name(name))
    return _sentence_transformers(name, device=device)


def load_remembered(identity: EncoderIdentity, index: str, *, device: str | None, default: str | None) -> Encoder:
    """The encoder that an index remembers, loaded with the first picture, so that listing and counting do without.

    `default` is the encoder that is set: a file or folder there may be the one of the index, moved.
    An earlier built-in one, or what was tuned on it, raises EncoderUnavailable then, with how the `index` is moved.
    """
    if is_pocket_name(identity.name):
        return load_encoder(identity.name)
    known = _TUNED.get(identity.name)
    if known is not None and identity_of(known) == identity:
        return known

    def load() -> Encoder:
        if is_former(identity.name):
            raise _former(identity.name, index)
        gone = is_tuned_name(identity.name) or (is_path(identity.name) and folder_of(identity.name) is None)
        if gone and default is not None and is_on_disk(default):
            moved = load_encoder(default, device=device)
            if serves(moved, identity):
                return moved
        return load_encoder(identity.name, device=device)

    reads_no_text = is_tuned_name(identity.name) or is_former(identity.name)
    return RememberedEncoder(identity, load, supports_text=False if reads_no_text else None)


def is_on_disk(name: str) -> bool:
    """Tell whether this names a file or folder, so that of all indexes only those that it filled are meant."""
    return is_tuned_file(name) or (not is_pocket_name(name) and folder_of(name) is not None)


def serves(encoder: Encoder, identity: EncoderIdentity) -> bool:
    """Tell whether this is the encoder that an index remembers: by name, else by the weights in a folder."""
    paths = is_path(encoder.name) or is_path(identity.name)
    return encoder.name == identity.name or (paths and identity_of(encoder).is_same(identity))


def is_former(name: str) -> bool:
    """Tell whether this encoder is an earlier built-in one, or tuned on one: nothing can be encoded by it any more."""
    return is_former_name(base_of(name))


def _former(name: str, index: str) -> EncoderUnavailable:
    gone, first, new = "which", "", SHORT_NAME
    if is_tuned_name(name):
        gone, first, new = f"and {base_of(name)}", "`petfinder train` makes a new FILE, and ", "FILE"
    way = f"{first}`petfinder index rebuild {index} --encoder {new}` moves it"
    return EncoderUnavailable(f"the index {index} was made by {name}, {gone} is no longer in petfinder: {way}")


_pocket = lru_cache(maxsize=4)(pocket_named)
_sentence_transformers = lru_cache(maxsize=4)(SentenceTransformersEncoder)
