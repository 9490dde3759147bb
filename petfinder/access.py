"""Who may see contacts and change pets: a passphrase, kept only as its hash, asked for by whoever serves the registry.

Knows the errors and argon2. An Access belongs to one visitor: what one unlocks stays locked for the others.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from petfinder.errors import ConfigError, PassphraseNeeded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 8
LONGEST = 1000
FIRST_WAIT = 0.5
LONGEST_WAIT = 16.0


def hash_passphrase(text: str) -> str:
    """The hash (argon2id) of a passphrase, which goes into the settings in its place: PETFINDER_PASSPHRASE_HASH.

    Raises ConfigError for fewer than 8 or more than 1,000 characters; spaces at the ends do not count.
    """
    passphrase = _normal(text)
    if passphrase is None or not SHORTEST <= len(passphrase) <= LONGEST:
        raise ConfigError(f"a passphrase has {SHORTEST} to {LONGEST} characters; several words are easy to remember")
    return _hasher().hash(passphrase)


class Access:
    """What one visitor may do: reading is open; contacts and changes need the passphrase where one is set."""

    def __init__(self, passphrase_hash: str | None = None, *, sleep: Callable[[float], object] = time.sleep) -> None:
        """Locked where a hash is given, else open. Raises ConfigError for what is no hash of hash_passphrase."""
        self._hash = passphrase_hash
        self._sleep = sleep
        self._unlocked = False
        self._wrong = 0
        if passphrase_hash is not None:
            _verify(passphrase_hash, "")

    def __repr__(self) -> str:
        return "Access(...)"

    @property
    def needed(self) -> bool:
        """Whether a passphrase is set at all."""
        return self._hash is not None

    @property
    def is_open(self) -> bool:
        """Whether contacts and changes are allowed now."""
        return self._unlocked or not self.needed

    def unlock(self, passphrase: str) -> bool:
        """Open it with the passphrase; False, after a wait that doubles each time up to 16 s, for a wrong one."""
        if self._hash is None:
            return True
        given = _normal(passphrase)
        if given is not None and len(given) <= LONGEST and _verify(self._hash, given):
            self._unlocked, self._wrong = True, 0
            return True
        self._wrong += 1
        self._sleep(min(FIRST_WAIT * 2 ** min(self._wrong - 1, 10), LONGEST_WAIT))
        return False

    def lock(self) -> None:
        """Forget that the passphrase was given."""
        self._unlocked = False

    def check(self) -> None:
        """Raise PassphraseNeeded unless contacts and changes are allowed now."""
        if not self.is_open:
            raise PassphraseNeeded("contact details and changes need the passphrase; give it first")


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
        raise ConfigError("a passphrase needs argon2-cffi: pip install 'petfinder-registry[notebook]'") from error
    return PasswordHasher()


def _normal(text: str) -> str | None:
    """The same characters however a keyboard composes them, no spaces at the ends; None for what is not in UTF-8."""
    try:
        return unicodedata.normalize("NFC", text.strip()).encode().decode()
    except UnicodeError:
        return None
