"""Who may see contacts and change pets: a passphrase, kept only as its hash, asked for by whoever serves the registry.

Who gave it has a signed cookie for half a day; it is worth nothing any more once the passphrase is another.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 8
LONGEST = 1000
_SECONDS = 12 * 3600
_SAID = "volunteer"


def hash_passphrase(text: str) -> str:
    """The hash (argon2id) of a passphrase, which goes into the settings in its place: PETFINDER_PASSPHRASE_HASH.

    Raises ConfigError for fewer than 8 or more than 1,000 characters; spaces at the ends do not count.
    """
    passphrase = _normal(text)
    if passphrase is None or not SHORTEST <= len(passphrase) <= LONGEST:
        raise ConfigError(f"a passphrase has {SHORTEST} to {LONGEST} characters; several words are easy to remember")
    return _hasher().hash(passphrase)


class Access:
    """Who may do more than read: everybody where no hash is given, else who brings the passphrase's cookie.

    `key` signs the cookies. Raises ConfigError for what is no hash of hash_passphrase.
    """

    def __init__(self, passphrase_hash: str | None = None, *, key: bytes = b"") -> None:
        from itsdangerous import TimestampSigner

        self._hash = passphrase_hash
        self._signer = TimestampSigner(hashlib.sha256(key + (passphrase_hash or "").encode()).digest())
        self.name = f"petfinder-{hashlib.sha256(b'name' + key).hexdigest()[:8]}"  # of the cookie: ports share them
        if passphrase_hash is not None:
            _verify(passphrase_hash, "")

    def __repr__(self) -> str:
        return "Access(...)"

    @property
    def needed(self) -> bool:
        """Whether a passphrase is set at all."""
        return self._hash is not None

    def is_right(self, passphrase: str) -> bool:
        """Whether this is the passphrase; takes a tenth of a second and 64 MB."""
        normal = _normal(passphrase)
        return self._hash is not None and normal is not None and len(normal) <= LONGEST and _verify(self._hash, normal)

    def cookie(self) -> str:
        """Make what a browser brings back to be let in."""
        return self._signer.sign(_SAID).decode()

    def lets_in(self, cookie: str | None) -> bool:
        """Whether who brings this cookie may see contacts and change pets."""
        from itsdangerous import BadData

        if not self.needed:
            return True
        try:
            return self._signer.unsign(cookie or "", max_age=_SECONDS).decode() == _SAID
        except (BadData, UnicodeError):
            return False


def _verify(passphrase_hash: str, passphrase: str) -> bool:
    """Whether the hash is this passphrase's; raises ConfigError for what is no such hash."""
    hasher = _hasher()
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    try:
        found = extract_parameters(passphrase_hash)
        if found.hash_len == hasher.hash_len and found.salt_len == hasher.salt_len:
            return hasher.verify(passphrase_hash, passphrase)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError, UnicodeError):
        pass  # the error may repeat the hash, so that it is not chained
    raise ConfigError(
        "passphrase_hash (PETFINDER_PASSPHRASE_HASH or petfinder.toml) is no hash of a passphrase;"
        " make one with `petfinder passphrase` and set all of it, in single quotes in a shell"
    )


def _hasher() -> PasswordHasher:
    """Argon2id with the costs that argon2-cffi recommends; raises ConfigError where the package is missing."""
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise ConfigError(f"a passphrase needs argon2-cffi: {install_line('serve')}") from error
    return PasswordHasher()


def _normal(text: str) -> str | None:
    """The same characters however a keyboard composes them, no spaces at the ends; None for what is not in UTF-8."""
    try:
        return unicodedata.normalize("NFC", text.strip()).encode().decode()
    except UnicodeError:
        return None
