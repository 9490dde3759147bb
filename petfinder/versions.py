"""The versions of two indexes side by side, for whoever brings one up to the other.

Knows only what `Store.versions` gives: id, version and what it was made from, in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Iterator

Versions = Iterator[tuple[str, int, int]]


def side_by_side(source: Versions, target: Versions) -> Iterator[tuple[str, int | None, int | None]]:
    """Each id of either, in order: its version in the source, and the one that the target's was made from.

    None stands for the side where it is not.
    """
    there = next(target, None)
    for id_, version, _ in source:
        while there is not None and there[0] < id_:
            yield there[0], None, there[2]
            there = next(target, None)
        if there is not None and there[0] == id_:
            yield id_, version, there[2]
            there = next(target, None)
        else:
            yield id_, version, None
    while there is not None:
        yield there[0], None, there[2]
        there = next(target, None)
