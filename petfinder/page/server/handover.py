"""What a served page is told by the server that starts it: which registry, from which folder, in what manner."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "PETFINDER_PAGE"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a visitor's process needs of `serve`: its arguments, its folder, and where wrong guesses are counted."""

    registry: str | None
    encoder: str | None
    name: str
    folder: str
    tiles: bool
    greeting: str
    tries: str

    def tell(self) -> None:
        """Put it where processes that start from now on find it."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def here(cls) -> Told:
        """What this process was told."""
        return cls(**json.loads(os.environ[VARIABLE]))
