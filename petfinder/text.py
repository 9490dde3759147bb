"""How words are compared: one folding for breeds, names and tags, in every store alike.

Knows only text.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """The form in which two texts are compared: NFKC, casefold, strip ("Straße " and "STRASSE" agree)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def words(text: str) -> tuple[str, ...]:
    """The folded words of a text, each once, in the order in which they first stand."""
    return tuple(dict.fromkeys(_WORD.findall(fold(text))))
