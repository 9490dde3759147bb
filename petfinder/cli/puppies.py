"""The thirteen pictures of the notebook "Finding your puppy with image search": fetched once, each byte checked.

The pictures: MIT licence, (c) 2023 Alex Salgado, from github.com/salgado/image-search-01.
"""

from __future__ import annotations

import hashlib
import time
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from petfinder.domain.errors import ConfigError, StoreUnavailable
from petfinder.registry.progress import progress_bar
from petfinder.tables.atomic import replacing

COMMIT = "47ed2e87e2e33d4282f6eaf5c6f7343335d59fd0"
BASE_URL = f"https://raw.githubusercontent.com/salgado/image-search-01/{COMMIT}/dataset/"
MAX_BYTES = 2 * 2**20  # the largest picture has 0.7 MB
DOGS, LOST, OWNER = "dogs", "lost-dogs/lost_dog1.png", "lost-dogs/Ully.png"
"""In the folder: one photo of each of eleven dogs, the finder's photo of Luigi, the picture of his owner."""

_OFFLINE = "without a network, `petfinder demo` shows the same story on pictures that come with petfinder"

# sha256 of each file at that commit
SHA256 = {
    "dogs/Bella.png": "f2d5a76985d41fd9e43f9ac6ade414c42a6f57b23b3cd8fbb8b4a729368a4732",
    "dogs/Bigu.png": "81bd837dfaa19ba7a45ff82ad4c72ea886fef5a96e67d08aba0b165a920ef2ad",
    "dogs/Buddy.png": "63f06b42226c693a217ff635b2197f8055f8d75fc90b808a161235f56304c06c",
    "dogs/Charlie.png": "3fc9e72a0a1d49d6b4cc02f08bf9fc0b5cc399887082c2ce57cc565f37aa2c66",
    "dogs/Luigi.png": "ef8c83cc43a9c0cedec5e218904a6f23681162f7a033f1b4a52929e8d5cc9d60",
    "dogs/Luna.png": "33b2b1a9d3a857cc08f81087d12662555180cc7bc2316ddc7b68b5b39fc1d02a",
    "dogs/Max.png": "0d12ed2aaa6bfd0ae5dc3e0394a23c868fd6c972a794de0419c5f484e74b1af7",
    "dogs/Milo.png": "5a9b610c33c4a9eeb4389ce91ca6bbe3c941dcd48bea6d4829650c963003134f",
    "dogs/Oscar.png": "fb2310dc4035132ec56298eb56eedccc70cc6a6df20d071c6dec4faa82d2751e",
    "dogs/Ruby.png": "35c48091be56242180964a764cecb63ad03d250f57e433f74156d86d749ed316",
    "dogs/Zoe.png": "9cecc2e32115982218f5fafd31ff0970d6eabeb0d42dcf68e2409501569bef4d",
    "lost-dogs/Ully.png": "e6d2ca52093f537842ee61be0c2c0694d25235c72cf728d8ff18728619d59ed7",
    "lost-dogs/lost_dog1.png": "873540b5bffab5d46f855858b73d46aeaa549645097ea55277dfbe104fdd3d09",
}


def download_puppies(folder: Path, *, base_url: str = BASE_URL, progress: bool | None = None) -> None:
    """Fetch the thirteen pictures into a folder, as far as they are not there.

    A file gets its name only when its sha256 is right. `progress`: a bar or none; None decides by itself. Raises
    StoreUnavailable where they cannot be had, ConfigError where the folder cannot be written.
    """
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigError("base_url must begin with http:// or https:// and name a host")
    address = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # without a mirror's password
    missing = [folder / name for name in SHA256 if not _is_right(folder / name, SHA256[name])]
    with progress_bar(progress if missing else False, what="fetching puppies") as bar:
        for path in missing:
            content = _fetched(address, path.relative_to(folder).as_posix(), host=url.hostname)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as part:
                    part.write_bytes(content)
            except OSError as error:
                raise ConfigError(f"{path} cannot be written ({error.strerror}); name another folder") from error
            bar.update()


def _is_right(path: Path, digest: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def _fetched(address: str, name: str, *, host: str, waits: tuple[float, ...] = (0.2, 0.4)) -> bytes:
    try:
        with urlopen(f"{address.rstrip('/')}/{name}", timeout=10) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except (HTTPException, OSError) as error:
        if waits:
            time.sleep(waits[0])
            return _fetched(address, name, host=host, waits=waits[1:])
        status = getattr(error, "code", None)
        reason = f"answers {status}" if status else "cannot be reached (offline?)"
        raise StoreUnavailable(f"{name} cannot be fetched: {host} {reason}; {_OFFLINE}") from error
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise StoreUnavailable(f"{name} from {host} is not the picture it should be and was not kept; {_OFFLINE}")
    return content
