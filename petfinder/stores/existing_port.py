"""The port for indexes that petfinder did not make: stores that are read and searched, and who can open them.

Knows the port of stores and the names of fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from petfinder.field_names import FieldNames
from petfinder.stores.port import IndexSpec, Outcome, Store


class ExistingStore(Store, Protocol):
    """A Store of one index that petfinder did not make. Whatever would change it raises InvalidQuery."""

    def strays(self, name: str) -> Iterator[Outcome]:
        """What no listing and no search gives: documents without a usable pet id, each as failed, with the reason."""
        ...


@runtime_checkable
class OpensExisting(Protocol):
    """A store that lives where others keep indexes too."""

    def existing(self, name: str, fields: FieldNames, spec: IndexSpec) -> ExistingStore:
        """The index of this name, to be read and searched by these fields.

        `spec` says of which species its pets are and which encoder made its vectors. Raises IndexNotFound, and
        IndexMismatch where it has no such fields, or vectors of other dims.
        """
        ...
