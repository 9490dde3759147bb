"""Where the server's jars come from: Maven Central, once; afterwards a folder in the home's cache for each version.

`python -m tests.elastic.jars 9.5.3` fetches those of one version and prints their paths, one a line.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

import jgo

PARTS = ("org.elasticsearch:elasticsearch", "org.elasticsearch.plugin:transport-netty4")
CACHE = Path.home() / ".cache" / "petfinder-tests"


def main() -> None:
    """Fetch the server and its HTTP module with all that they depend on."""
    print(*jars_of(sys.argv[1]), sep="\n")


def jars_of(version: str) -> list[str]:
    """The paths of the jars, in a folder that is complete or absent, for servers run on it.

    Only one process fetches at a time, into caches of its own: jgo's common ones do not bear two.
    """
    folder = CACHE / f"elasticsearch-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                os.environ["M2_REPO"] = f"{work}/repository"
                complete = Path(work, "complete")
                complete.mkdir()
                for jar in jgo.build("+".join(f"{part}:{version}" for part in PARTS), cache_dir=Path(work)).all_jars:
                    shutil.copy(jar, complete)
                complete.rename(folder)
    return sorted(map(str, folder.glob("*.jar")))


if __name__ == "__main__":
    main()
