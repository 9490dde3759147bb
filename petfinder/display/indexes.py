"""The indexes of a store as a table.

Knows what an index tells of itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from petfinder.display import markup
from petfinder.util import IndexInfo

_HEAD = ("index", "species", "pets", "photos", "encoder", "thresholds", "size")
_NUMBERS = frozenset({"pets", "photos", "size"})


def indexes_as_html(indexes: Sequence[IndexInfo]) -> str:
    """A line for each index: its species, counts, size, the encoder that filled it and whose thresholds hold."""
    if not indexes:
        return markup.whole([markup.line("There is no index yet; registering a pet makes one.")], label="Indexes")
    return markup.whole([markup.table(_HEAD, map(_row, indexes), numbers=_NUMBERS)], label="Indexes")


def _row(index: IndexInfo) -> list[str]:
    spec, stats = index.spec, index.stats
    waiting = markup.quiet(f"{stats.pending:,} wait for an embedding" if stats.pending else "")
    return [
        f"<strong>{markup.escape(index.name)}</strong>",
        markup.escape(spec.species),
        f"{stats.pets:,}",
        f"{stats.photos + stats.pending:,}{waiting}",
        markup.escape(spec.encoder or "embeddings given") + markup.quiet(f"{spec.dims} dims, {spec.metric}"),
        "its own" if spec.thresholds else "the encoder's",
        f"{stats.size_bytes / 1e6:,.1f}&nbsp;MB",
    ]
