"""Whether a published model lies on this machine already, and whether the hub it comes from can be asked for it.

Knows names of models and huggingface_hub; loads nothing. The hub's own retries take more than a minute to give up.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

from petfinder.errors import EncoderUnavailable

ORGANISATION = "sentence-transformers"  # where a name without an owner is looked for
REACH_SECONDS = 8.0  # the hub answers within one; a resolver that hears nothing would try for half a minute
_WAYS_OUT = (
    "Name a local folder that holds the model, or load it once on a machine with a network and copy its cache"
    " (~/.cache/huggingface), or use the built-in encoder 'pocket'"
)


def without_owner(name: str) -> str:
    """The shortest name of a model: the default owner left out, so that one model has one name."""
    return name.removeprefix(f"{ORGANISATION}/")


def folder_of(name: str) -> Path | None:
    """The local folder that the name means, absolute; None where it is the name of a published model."""
    folder = Path(name).expanduser()
    return folder.resolve() if folder.is_dir() else None


def is_here(name: str) -> bool:
    """Whether the model can be loaded without a network: it is a folder, or its first file is in the hub's cache."""
    if folder_of(name):
        return True
    from huggingface_hub import try_to_load_from_cache

    try:
        # Without word on modules.json, cached weights might be put together in another way than their maker's.
        return (
            try_to_load_from_cache(
                _repository(name), "modules.json", cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME")
            )
            is not None
        )
    except ValueError as error:  # huggingface_hub's word for a name that breaks its rules
        raise EncoderUnavailable(f"there is no folder {name!r}, nor can a published model have this name") from error


def ask(name: str) -> None:
    """Make sure that the hub has the model, within seconds; raises EncoderUnavailable with the ways out."""
    answers: list[Exception | None] = []
    # In a thread of its own, since nothing else ends a name lookup that gets no answer.
    question = Thread(target=lambda: answers.append(_asked(name)), daemon=True)
    question.start()
    question.join(REACH_SECONDS)
    error = answers[0] if answers else TimeoutError(f"no answer within {REACH_SECONDS:g} s")
    if error is None:
        return
    if type(error).__name__ in ("RepositoryNotFoundError", "GatedRepoError"):
        raise EncoderUnavailable(
            f"the hub knows no model {name!r}, or shows it to its members only (HF_TOKEN), and no folder has this name"
        ) from error
    raise EncoderUnavailable(
        f"the model {name!r} is not, or not wholly, on this machine, and the hub cannot be reached"
        f" ({type(error).__name__}). {_WAYS_OUT}"
    ) from error


def _asked(name: str) -> Exception | None:
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(_repository(name), timeout=REACH_SECONDS)
    except Exception as error:  # whatever the HTTP library of the installed version raises; `ask` sorts it
        return error
    return None


def _repository(name: str) -> str:
    return name if "/" in name else f"{ORGANISATION}/{name}"
