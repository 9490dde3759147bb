"""Where the server's jars come from: Maven Central, once; afterwards the dependency cache in the home folder.

`python -m tests.elastic.jars 9.5.3` fetches those of one version and prints their paths, one a line.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

import jgo

PARTS = ("org.elasticsearch:elasticsearch", "org.elasticsearch.plugin:transport-netty4")


def main() -> None:
    """Fetch the server and its HTTP module with all that they depend on."""
    print(*jars_of(sys.argv[1]), sep="\n")


def jars_of(version: str) -> list[str]:
    """The paths of the jars; a second process waits, and what is complete is left alone, for servers run on it."""
    listing = Path.home() / ".cache" / "petfinder-tests" / f"elasticsearch-{version}.txt"
    listing.parent.mkdir(parents=True, exist_ok=True)
    with listing.open("a+") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        known = kept.read().split()
        if known and all(Path(jar).is_file() for jar in known):
            return known
        endpoint = "+".join(f"{part}:{version}" for part in PARTS)
        jars = [str(jar) for jar in jgo.build(endpoint).all_jars]
        kept.truncate(0)
        kept.write("\n".join(jars))
        return jars


if __name__ == "__main__":
    main()
