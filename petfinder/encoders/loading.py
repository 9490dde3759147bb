"""Loading a sentence-transformers model: from where it lies, without noise, and never with weights made up.

Knows sentence-transformers and what it logs; what the model is for does not matter here.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from petfinder.encoders import hub
from petfinder.errors import ConfigError, EncoderUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NOISY = ("transformers", "sentence_transformers", "huggingface_hub")
_RANDOM_WEIGHTS = "newly initialized"  # in transformers' report on a load, 4.x and 5.x alike


class _Incomplete(EncoderUnavailable):
    """Some files of the model are not where it lies."""


def load(name: str, device: str | None) -> SentenceTransformer:
    """The model in float32 on its device, from a folder, the hub's cache or the hub.

    `device`: cpu, cuda, cuda:N, mps, None for the best there is. Raises ConfigError where package or device are
    missing, EncoderUnavailable where the model or some of its weights are.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ConfigError(
            f"the encoder {name!r} needs a package that is missing: pip install 'petfinder-registry[clip]'"
        )
    if hub.is_here(name):
        try:
            return _model(name, device, local=True)
        except _Incomplete:
            if hub.folder_of(name):
                raise
            # A fetch was cut short; the hub may have the rest.
    hub.ask(name)
    return _model(name, device, local=False)


def _model(name: str, device: str | None, *, local: bool) -> SentenceTransformer:
    try:
        import sentence_transformers
    except ImportError as error:
        raise ConfigError(
            f"sentence-transformers cannot be imported: pip install 'petfinder-registry[clip]' ({error})"
        ) from error
    _check_device(device)
    with _quietly() as said:
        try:
            model = sentence_transformers.SentenceTransformer(name, device=device, local_files_only=local)
        except Exception as error:  # files, settings, weights: every library below has its own errors
            kind = _Incomplete if isinstance(error, OSError) else EncoderUnavailable
            raise kind(
                f"the model {name!r} cannot be loaded ({type(error).__name__}): name a folder or a published model that"
                " sentence-transformers can load, or use the built-in encoder 'pocket'"
            ) from error
    if any(_RANDOM_WEIGHTS in line for line in said):
        raise EncoderUnavailable(
            f"the model {name!r} lacks weights, and they would be random: its files do not belong to its configuration;"
            " fetch it anew or name another"
        )
    model.float().eval()  # half precision would give other numbers alone than in a batch
    if _takes_all_words_for_one(model):
        raise _Incomplete(f"the model {name!r} lacks the files of its vocabulary; fetch it anew or name another")
    return model


def _takes_all_words_for_one(model: SentenceTransformer) -> bool:
    """Whether the vocabulary is empty, which transformers 5 makes of one that is missing, without a word."""
    try:
        dog, cat = model.encode(["dog", "cat"], show_progress_bar=False)
    except Exception:  # an image model without words fails as its processor happens to
        return False
    return bool(np.allclose(dog, cat, rtol=0, atol=1e-6))


def _check_device(device: str | None) -> None:
    import torch

    if device is None or device == "cpu":
        return
    there = torch.backends.mps.is_available() if device == "mps" else torch.cuda.is_available()
    if device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        there = False
    if not there:
        raise ConfigError(f"there is no device {device!r} on this machine; name none for the best there is")


@contextmanager
def _quietly() -> Iterator[list[str]]:
    """Loads without bars and log lines; gives what would have been logged, which tells of weights that are missing."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as bars

    said: list[str] = []
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    show_bars: Callable[[], None] = bars.enable_progress_bar
    hide_bars: Callable[[], None] = bars.disable_progress_bar
    bar, downloads = bars.is_progress_bar_enabled(), not are_progress_bars_disabled()
    hide_bars()
    disable_progress_bars()
    for logger in loggers:
        logger.handlers, logger.propagate = [_Listener(said)], False
        logger.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        if bar:
            show_bars()
        if downloads:
            enable_progress_bars()


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())
