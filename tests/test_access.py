"""The passphrase before contacts and changes: only its hash is kept, each visitor brings a cookie."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from petfinder.domain.errors import ConfigError
from petfinder.page.access import Access, hash_passphrase
from petfinder.registry.settings import load_settings

PASSPHRASE = "three grey whiskers"


@pytest.fixture(scope="module")
def kept() -> str:
    return hash_passphrase(PASSPHRASE)


def test_without_a_passphrase_all_is_open() -> None:
    access = Access(key=b"a")

    assert (access.needed, access.lets_in(None), access.is_right("anything")) == (False, True, False)


def test_with_one_all_is_locked_but_for_who_brings_its_cookie(kept: str) -> None:
    access = Access(kept, key=b"a")

    assert (access.needed, access.is_right("three grey whisker"), access.is_right(PASSPHRASE)) == (True, False, True)
    assert access.lets_in(access.cookie())
    assert not any(map(access.lets_in, (None, "", "volunteer", access.cookie()[:-1], access.cookie() + "a", "\ud800")))


def test_a_cookie_is_worth_nothing_after_half_a_day_or_with_another_passphrase_or_elsewhere(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, elsewhere = Access(kept, key=b"a"), Access(kept, key=b"b")
    cookie, later = access.cookie(), time.time() + 12 * 3600 + 2

    assert not Access(hash_passphrase("another passphrase"), key=b"a").lets_in(cookie)
    assert not elsewhere.lets_in(cookie)
    assert elsewhere.name != access.name  # so that a browser keeps both, whatever their ports
    assert Access(kept, key=b"a").lets_in(cookie)
    monkeypatch.setattr("time.time", lambda: later)
    assert not access.lets_in(cookie)


@pytest.mark.parametrize("given", ["", " ", "x" * 2_000_000, "\ud800 no text", "'; DROP TABLE pets; --", "\x00" * 9])
def test_odd_input_is_a_wrong_passphrase_and_no_error(kept: str, given: str) -> None:
    assert not Access(kept).is_right(given)


@pytest.mark.parametrize(
    ("made_of", "given"),
    [
        ("caf\u00e9 of the cats", "cafe\u0301 of the cats"),
        ("  correct horse \n", "correct horse"),
        ("x" * 1000 + "  ", " " + "x" * 1000),
    ],
)
def test_it_is_the_same_however_its_letters_are_composed_and_spaced(made_of: str, given: str) -> None:
    assert Access(hash_passphrase(made_of)).is_right(given)


@pytest.mark.parametrize("text", ["", "short", " " * 20, "seven77  ", "x" * 1001, "\ud800" * 10])
def test_a_passphrase_that_is_too_short_or_no_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="8 to 1000"):
        hash_passphrase(text)


def test_what_is_no_hash_is_refused_at_the_start_without_repeating_it(kept: str) -> None:
    for unusable in ("", PASSPHRASE, kept[:-3], kept + "x", kept.rpartition("$")[0], kept.replace("m=65536", "m=1")):
        with pytest.raises(ConfigError, match="petfinder passphrase") as caught:
            Access(unusable)
        assert not unusable or unusable not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_nothing_shows_passphrase_or_hash(kept: str) -> None:
    access = Access(kept, key=b"a")

    assert hash_passphrase(PASSPHRASE) != kept
    assert kept.startswith("$argon2id$")
    assert "whiskers" not in kept + access.cookie()
    assert not any(secret in f"{access!r} {access} {access.cookie()} {access.name}" for secret in (kept, PASSPHRASE))


def test_the_settings_never_show_the_hash(kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("petfinder.toml").write_text(f"passphrase_hash = '{kept}'\n")

    settings = load_settings()

    assert settings.passphrase_hash is not None
    assert settings.passphrase_hash.get_secret_value() == kept
    assert kept not in f"{settings!r} {settings}"


def test_without_argon2_the_message_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['argon2'] = None\n"
        "from petfinder.page.access import Access, hash_passphrase\n"
        "Access().lets_in(None)\n"
        "for call in (lambda: hash_passphrase('three grey whiskers'), lambda: Access('$argon2id$')):\n"
        "    try: call()\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.count("ConfigError") == 2
    assert said.count("[serve]'") == 2
