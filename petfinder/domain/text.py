"""How words are compared, one folding for breeds, names and tags in every store alike, and how they may be shown."""

from __future__ import annotations

import re
import shlex
import unicodedata
from pathlib import Path, PureWindowsPath

_WORD = re.compile(r"\w+")
_SPACES = re.compile(r"\s+")
_SPACE = re.compile(r"[^\S\n]")
_CHECKOUT = Path(__file__).resolve().parents[2]


def fold(text: str) -> str:
    """The form in which two texts are compared: NFKC, casefold, strip ("Straße " and "STRASSE" agree)."""
    if text.isascii():
        return text.casefold().strip()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def words(text: str) -> tuple[str, ...]:
    """The folded words of a text, each once, in the order in which they first stand."""
    return tuple(dict.fromkeys(_WORD.findall(fold(text))))


def clean(text: str) -> str:
    """The text in one line, without control, direction and other invisible signs: they could rewrite a terminal."""
    return "".join(sign for sign in _SPACES.sub(" ", text) if sign.isprintable()).strip()


def clean_lines(text: str) -> str:
    """The text without such signs, its lines and the spaces in them as they are."""
    return "".join(sign for sign in _SPACE.sub(" ", text) if sign == "\n" or sign.isprintable())


def is_path(name: str) -> bool:
    """Tell whether an encoder's name is the full path of a model folder, on this machine or another."""
    return name.startswith("/") or PureWindowsPath(name).is_absolute()


def install_line(extra: str) -> str:
    """The command that installs an extra of petfinder: from the checkout that it runs in, else from an index."""
    if (_CHECKOUT / "pyproject.toml").is_file():
        return f"pip install -e {shlex.quote(f'{_CHECKOUT}[{extra}]')}"
    return f"pip install 'petfinder-registry[{extra}]'"
