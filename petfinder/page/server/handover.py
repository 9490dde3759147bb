"""What `petfinder serve` hands over to the processes behind its page: which registry, from which folder, how shown."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "PETFINDER_PAGE"


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """What a visitor's process needs of `serve`: its arguments, its folder, and where wrong guesses are counted."""

    registry: str | None
    encoder: str | None
    name: str
    folder: str
    tiles: bool
    greeting: str
    attempts: str

    def to_environment(self) -> None:
        """Put them where processes that start from now on find them."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> PageOptions:
        """The options that this process was started with."""
        return cls(**json.loads(os.environ[VARIABLE]))
