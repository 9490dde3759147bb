"""Values as HTML by the templates beside this file, for light and dark themes. No script, nothing from elsewhere.

Styles stand inline, because notebook viewers strip style sheets.
"""

from __future__ import annotations

import base64
import html
import re
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from petfinder.display import colours, wording
from petfinder.domain.pets import Photo

_JPEG = b"\xff\xd8\xff"
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_TEMPLATE_LINES = re.compile(r"\s*\n\s*")
_BETWEEN_ATTRIBUTES = re.compile(r'(?<!=)"\s*\n\s*(?=\w)')


def escape(text: str) -> str:
    """Text that shows as it is written, in a page and in a quoted attribute."""
    return html.escape(wording.clean(text), quote=True)


def block(*inner: str, style: str) -> str:
    """A box around ready HTML."""
    return f'<div style="{style}">{"".join(inner)}</div>'


def line(text: str, style: str = "") -> str:
    """A line of text, escaped, its dates never broken in two; nothing for an empty text."""
    return render("parts", "line", text, style)


def quiet(text: str) -> str:
    """A line of small print, escaped; nothing for an empty text."""
    return render("parts", "quiet", text)


def picture(photo: Photo | None, alt: str, *, width: int = 170) -> str:
    """The photo's thumbnail in a square, uncut, or a drawn paw where there is none; `alt` says what it shows.

    `width` in pixels counts only where a viewer strips styles; else the picture fills its box.
    """
    return render("parts", "picture", photo, alt, width)


def card(*inner: str, edge: str, width: int) -> str:
    """A box around ready HTML of at most this width in pixels, with the colour `edge` along its top."""
    return render("parts", "card", width, edge, caller=lambda: Markup("".join(inner)))


def render(template: str, macro: str, *values: object, **named: object) -> str:
    """What a macro of `templates/<template>.html.j2` makes of these values, every text of theirs cleaned and escaped.

    ASCII only, so that no page's encoding can spoil it; the template's own line breaks are taken out.
    """
    shown = getattr(_environment().get_template(f"{template}.html.j2").module, macro)(*values, **named)
    shown = _BETWEEN_ATTRIBUTES.sub('" ', shown)
    return _TEMPLATE_LINES.sub("", shown).encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _environment() -> Environment:
    loader = PackageLoader("petfinder.display.html")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_cleaned)
    environment.globals.update(colours=colours, wording=wording)
    unbroken = partial(_DATE.sub, r'<span style="white-space:nowrap">\g<0></span>')
    environment.filters.update(clean=wording.clean, thumbnail=_thumbnail, percent="{:.1%}".format)
    environment.filters["unbroken_dates"] = lambda text: Markup(unbroken(escape(text)))
    return environment


def _cleaned(value: Any) -> Any:
    """Text without control characters, which is done to whatever a template shows; ready HTML as it is."""
    return wording.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _thumbnail(photo: Photo | None) -> Markup | None:
    """The thumbnail as a data URI; None where there is none or it is no JPEG."""
    if photo is None or photo.thumbnail is None or not photo.thumbnail.startswith(_JPEG):
        return None
    return Markup(f"data:image/jpeg;base64,{base64.b64encode(photo.thumbnail).decode('ascii')}")
