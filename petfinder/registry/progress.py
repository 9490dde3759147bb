"""The bar that long work shows."""

from __future__ import annotations

import builtins
import sys
from typing import Any

from tqdm import tqdm


def progress_bar(wanted: bool | None, *, what: str, unit: str = "pets", total: int | None = None) -> tqdm[Any]:
    """A bar on standard error that counts `unit`: as wanted, or (None) on a terminal and in a notebook.

    None is shown where a program has no standard error.
    """
    if sys.stderr is None:
        return tqdm(total=total, disable=True)
    shown = (sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")) if wanted is None else wanted
    return tqdm(desc=what, unit=f" {unit}", total=total, disable=not shown, file=sys.stderr)
