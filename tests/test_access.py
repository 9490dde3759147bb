"""The passphrase before contacts and changes: only its hash is kept, each visitor opens for themselves."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from petfinder.domain.errors import ConfigError, PassphraseNeeded
from petfinder.page.access import LONGEST_WAIT, Access, hash_passphrase
from petfinder.registry.settings import load_settings

PASSPHRASE = "three grey whiskers"


@pytest.fixture(scope="module")
def kept() -> str:
    return hash_passphrase(PASSPHRASE)


def test_without_a_passphrase_all_is_open() -> None:
    access = Access()

    access.check()
    access.lock()

    assert (access.needed, access.is_open, access.unlock("anything")) == (False, True, True)


def test_with_one_all_is_locked_until_this_visitor_gives_it(kept: str) -> None:
    access, another = Access(kept, sleep=lambda _: None), Access(kept)

    with pytest.raises(PassphraseNeeded, match="passphrase"):
        access.check()
    assert (access.needed, access.is_open, access.unlock("three grey whisker")) == (True, False, False)
    with pytest.raises(PassphraseNeeded):
        access.check()
    assert access.unlock(PASSPHRASE)
    access.check()
    assert (access.is_open, another.is_open) == (True, False)
    access.lock()
    with pytest.raises(PassphraseNeeded):
        access.check()


def test_each_wrong_passphrase_costs_twice_the_time_of_the_one_before(kept: str) -> None:
    waits: list[float] = []
    access = Access(kept, sleep=waits.append)

    for _ in range(8):
        access.unlock("guessed")

    assert waits[:3] == [0.5, 1.0, 2.0]
    assert waits[-1] == LONGEST_WAIT
    assert access.unlock(PASSPHRASE)
    assert not access.unlock("guessed")
    assert waits[-1] == 0.5


def test_who_comes_anew_waits_as_long_as_who_guessed_before(kept: str, tmp_path: Path) -> None:
    attempts, waits = tmp_path / "attempts.db", list[float]()
    for _ in range(8):
        assert not Access(kept, attempts=attempts, sleep=waits.append).unlock("guessed")

    early: list[float] = []
    assert Access(kept, attempts=attempts, sleep=early.append).unlock(PASSPHRASE)

    assert waits[0] == 0.5
    assert waits[-1] == LONGEST_WAIT
    assert len(early) == 1  # before anything was looked at
    assert 0 < early[0] <= LONGEST_WAIT
    assert all(secret.encode() not in attempts.read_bytes() for secret in (PASSPHRASE, "guessed", kept))


def test_wrong_ones_are_forgotten_after_a_while(kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, waits = tmp_path / "attempts.db", list[float]()
    for _ in range(3):
        Access(kept, attempts=attempts, sleep=lambda _: None).unlock("guessed")
    monkeypatch.setattr("petfinder.page.access.FORGOTTEN_AFTER", 0.0)

    Access(kept, attempts=attempts, sleep=waits.append).unlock("guessed")

    assert waits == [0.5]


def test_where_nothing_is_counted_each_visitor_waits_alone(
    kept: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    access = Access(kept, attempts=tmp_path / "gone" / "attempts.db", sleep=waits.append)

    assert [access.unlock("guessed"), access.unlock("guessed"), access.unlock(PASSPHRASE)] == [False, False, True]
    assert waits == [0.5, 1.0]
    assert "cannot be counted" in caplog.text


@pytest.mark.parametrize("given", ["", " ", "x" * 2_000_000, "\ud800 no text", "'; DROP TABLE pets; --", "\x00" * 9])
def test_odd_input_is_a_wrong_passphrase_and_no_error(kept: str, given: str) -> None:
    assert not Access(kept, sleep=lambda _: None).unlock(given)


@pytest.mark.parametrize(
    ("made_of", "given"),
    [
        ("caf\u00e9 of the cats", "cafe\u0301 of the cats"),
        ("  correct horse \n", "correct horse"),
        ("x" * 1000 + "  ", " " + "x" * 1000),
    ],
)
def test_it_is_the_same_however_its_letters_are_composed_and_spaced(made_of: str, given: str) -> None:
    assert Access(hash_passphrase(made_of), sleep=lambda _: None).unlock(given)


@pytest.mark.parametrize("text", ["", "short", " " * 20, "seven77  ", "x" * 1001, "\ud800" * 10])
def test_a_passphrase_that_is_too_short_or_no_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="8 to 1000"):
        hash_passphrase(text)


def test_what_is_no_hash_is_refused_at_the_start_without_repeating_it(kept: str) -> None:
    for unusable in ("", PASSPHRASE, kept[:-3], kept + "x", kept.rpartition("$")[0], kept.replace("m=65536", "m=1")):
        with pytest.raises(ConfigError, match="petfinder passphrase") as caught:
            Access(unusable)
        assert not unusable or unusable not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_nothing_shows_passphrase_or_hash(kept: str, caplog: pytest.LogCaptureFixture) -> None:
    again = hash_passphrase(PASSPHRASE)
    caplog.set_level(logging.DEBUG)
    access = Access(kept, sleep=lambda _: None)

    access.unlock("a wrong guess")
    access.unlock(PASSPHRASE)
    with pytest.raises(PassphraseNeeded) as caught:
        Access(kept).check()

    assert again != kept
    assert kept.startswith("$argon2id$")
    assert "whiskers" not in kept + again
    said = f"{access!r} {access} {caught.value} {caplog.text}"
    assert "a wrong passphrase was given" in said
    assert not any(secret in said for secret in (kept, PASSPHRASE, "a wrong guess"))


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
        "Access().check()\n"
        "for call in (lambda: hash_passphrase('three grey whiskers'), lambda: Access('$argon2id$')):\n"
        "    try: call()\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.count("ConfigError") == 2
    assert said.count("[notebook]'") == 2
