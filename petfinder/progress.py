"""The bar that long work shows.

Knows nothing of the domain.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any

from tqdm import tqdm


def progress_bar(wanted: bool | None, *, what: str) -> tqdm[Any]:
    """A bar on standard error that counts pets: as wanted, or (None) on a terminal and in a notebook."""
    shown = (sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")) if wanted is None else wanted
    return tqdm(desc=what, unit=" pets", disable=not shown, file=sys.stderr)
