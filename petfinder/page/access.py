"""Who may see contacts and change pets: a passphrase, kept only as its hash, asked for by whoever serves the registry.

An Access belongs to one visitor: what one unlocks stays locked for the others.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import unicodedata
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from petfinder.domain.errors import ConfigError, PassphraseNeeded
from petfinder.domain.text import install_line

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 8
LONGEST = 1000
FIRST_WAIT = 0.5
LONGEST_WAIT = 16.0
FORGOTTEN_AFTER = 600.0

log = logging.getLogger(__name__)


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

    def __init__(
        self,
        passphrase_hash: str | None = None,
        *,
        attempts: Path | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Locked where a hash is given, else open; raises ConfigError for what is no hash of hash_passphrase.

        `attempts`: a file in which a server counts its visitors' wrong passphrases, so that who comes anew waits too.
        """
        self._hash = passphrase_hash
        self._attempts = attempts
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
        """Open it with the passphrase; False, after a wait that doubles each time up to 16 s, for a wrong one.

        With `attempts` they are serialised across visitors: each waits out the delay of the one before, until ten
        minutes pass without a wrong one.
        """
        if self._hash is None:
            return True
        if self._is_right(passphrase) if self._attempts is None else self._is_right_in_turn(passphrase, self._attempts):
            self._unlocked, self._wrong = True, 0
            return True
        log.warning("a wrong passphrase was given")
        self._sleep(_wait_after(self._wrong))
        return False

    def _is_right(self, passphrase: str) -> bool:
        """Whether this is the passphrase; counted if not."""
        assert self._hash is not None
        normal = _normal(passphrase)
        right = normal is not None and len(normal) <= LONGEST and _verify(self._hash, normal)
        self._wrong += not right
        return right

    def _is_right_in_turn(self, passphrase: str, attempts: Path) -> bool:
        """Whether this is the passphrase, checked when it is its turn; counted for all visitors if not."""
        try:
            with closing(sqlite3.connect(attempts, timeout=FORGOTTEN_AFTER, isolation_level=None)) as counting:
                counting.execute("BEGIN EXCLUSIVE")  # nobody else's turn until COMMIT, or the end of this process
                self._wrong = self._wait_for_turn(counting)
                right = self._is_right(passphrase)
                if not right:
                    counting.execute("INSERT INTO wrong VALUES (?)", [time.time()])
                counting.execute("COMMIT")
                return right
        except sqlite3.OperationalError as error:
            log.error("wrong passphrases cannot be counted for all visitors: %s", error)
            return self._is_right(passphrase)

    def _wait_for_turn(self, counting: sqlite3.Connection) -> int:
        """Wait out the delay after the latest wrong passphrase; return how many there were lately."""
        counting.execute("CREATE TABLE IF NOT EXISTS wrong (at REAL)")
        wrong, latest = counting.execute("SELECT count(*), coalesce(max(at), 0) FROM wrong").fetchone()
        since = time.time() - latest
        if not 0 <= since < FORGOTTEN_AFTER:
            counting.execute("DELETE FROM wrong")
            return 0
        if since < (wait := _wait_after(wrong)):
            self._sleep(wait - since)
        return int(wrong)

    def lock(self) -> None:
        """Forget that the passphrase was given."""
        self._unlocked = False

    def check(self) -> None:
        """Raise PassphraseNeeded unless contacts and changes are allowed now."""
        if not self.is_open:
            raise PassphraseNeeded("contact details and changes need the passphrase; give it first")


def _wait_after(wrong: int) -> float:
    """The seconds to wait after that many wrong passphrases."""
    return float(min(FIRST_WAIT * 2 ** min(wrong - 1, 10), LONGEST_WAIT))


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
        raise ConfigError(f"a passphrase needs argon2-cffi: {install_line('notebook')}") from error
    return PasswordHasher()


def _normal(text: str) -> str | None:
    """The same characters however a keyboard composes them, no spaces at the ends; None for what is not in UTF-8."""
    try:
        return unicodedata.normalize("NFC", text.strip()).encode().decode()
    except UnicodeError:
        return None
