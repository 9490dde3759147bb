"""What a search found, with buttons at each pet: the gallery of matches, and a page of pets."""

from __future__ import annotations

import io
from collections.abc import Sequence

import ipywidgets as ipw
from PIL import Image

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.html import gallery, markup
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Pet, Photo
from petfinder.domain.verdicts import Verdict
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Visit
from petfinder.page.widgets.style import Looks

_LARGE, _TILE = 250, 150  # widths in pixels
_BESIDE, _NEAREST = 4, 4


def matches_shown(visit: Visit, matches: Matches) -> ipw.Widget:
    """The query beside the best match, then the others that may be it; those less alike are folded away."""
    looks = Looks()
    likely, others = _divided(matches)
    compared = likely[:1] if matches.query and matches.verdict is not Verdict.UNKNOWN else ()
    pair = [parts.html(gallery.query_card(matches.query))] if matches.query else []
    pair += [
        _with_buttons(visit, match.pet, gallery.match_card(match, matches.cut, width=_LARGE), looks, call=True)
        for match in compared
    ]
    rest = [_other(visit, match, matches, looks) for match in likely[len(compared) :]]
    beside, below = (rest[:_BESIDE], rest[_BESIDE:]) if pair else ([], rest)
    return parts.column(
        [
            parts.html(gallery.head(matches)),
            *([_pair_beside(pair, beside)] if pair else []),
            *([_tiles(below, matches)] if below else []),
            *([_folded(visit, others, matches, looks)] if others else []),
            *_small_print(matches),
        ]
    )


def _small_print(matches: Matches) -> list[ipw.Widget]:
    said = wording.small_print(matches)
    if matches.verdict is None or not matches.found:
        return [parts.html(markup.quiet(said))]
    return [parts.Fold("How sure is this?", lambda: [parts.html(markup.quiet(said))]).widget]


def _divided(matches: Matches) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
    """The matches to look at, and those to fold away: behind the possible ones, or behind the nearest where all are
    unknown."""
    if matches.verdict is None:
        return matches.found, ()
    known = sum(match.verdict is not Verdict.UNKNOWN for match in matches) or _NEAREST
    return matches.found[:known], matches.found[known:]


def _pair_beside(pair: list[ipw.Widget], beside: list[ipw.Widget]) -> ipw.Widget:
    shown = [parts.row(pair, "pf-pair")]
    return parts.row([*shown, *([parts.tiles(beside, least=280)] if beside else [])], "pf-beside")


def _folded(visit: Visit, others: Sequence[Match], matches: Matches, looks: Looks) -> ipw.Widget:
    label = f"{wording.counted(len(others), 'other')} that {'looks' if len(others) == 1 else 'look'} less like it"
    return parts.Fold(label, lambda: [_tiles([_other(visit, each, matches, looks) for each in others], matches)]).widget


def _tiles(shown: list[ipw.Widget], matches: Matches) -> ipw.Widget:
    return parts.tiles(shown, least=280 if matches.query else _TILE)


def _other(visit: Visit, match: Match, matches: Matches, looks: Looks) -> ipw.Widget:
    cut = matches.cut
    card = gallery.match_line(match, cut) if matches.query else gallery.match_card(match, cut, width=_LARGE)
    return _with_buttons(visit, match.pet, card, looks)


def pets_shown(visit: Visit, pets: Sequence[Pet]) -> ipw.Widget:
    """Pets as tiles, each with its first photo, breed, status and a button for the rest."""
    looks = Looks()
    return parts.tiles([_with_buttons(visit, pet, _tile(pet), looks, similar=False) for pet in pets], least=_TILE)


def _tile(pet: Pet) -> str:
    name = wording.name_of(pet)
    word = f"font-weight:600;color:{STATUS_COLOURS[pet.status]}"
    text = [
        markup.line(name, "font-weight:700;font-size:17px"),
        markup.line(wording.status_of(pet), word),
        markup.line(pet.breed or ""),
    ]
    first: Photo | None = pet.photos[0] if pet.photos else None
    alt = ", ".join(filter(None, [name, pet.breed]))
    picture = markup.picture(_smaller(first), alt, width=_TILE)
    return markup.card(
        [picture, markup.block(text, "padding:8px 12px 10px")], edge=STATUS_COLOURS[pet.status], width=_LARGE
    )


def _smaller(photo: Photo | None) -> Photo | None:
    """The photo with a thumbnail of a tile's size: 48 whole ones are 3 MB for somebody's phone."""
    if photo is None or photo.thumbnail is None:
        return photo
    try:
        with Image.open(io.BytesIO(photo.thumbnail), formats=["JPEG"]) as whole:
            whole.thumbnail((2 * _TILE, 2 * _TILE))
            file = io.BytesIO()
            whole.save(file, "JPEG", quality=75)
    except OSError:
        return photo
    return photo.model_copy(update={"thumbnail": file.getvalue()})


def _with_buttons(
    visit: Visit, pet: Pet, shown: str, looks: Looks, *, call: bool = False, similar: bool = True
) -> ipw.Widget:
    name, pet_id = wording.name_of(pet), pet.pet_id
    buttons = []
    if call:
        about = f"Who to call about {name}"
        who = parts.button("Who to call", lambda: visit.open_owner(pet_id), kind="primary", tooltip=about, looks=looks)
        buttons.append(who)
    buttons.append(parts.button("Details", lambda: visit.open_pet(pet_id), tooltip=f"Details of {name}", looks=looks))
    if similar:
        like = f"More like this: pets that look like {name}"
        buttons.append(parts.button("More like this", lambda: visit.open_similar(pet_id), tooltip=like, looks=looks))
    below = parts.row(buttons, looks=looks) if len(buttons) > 1 else buttons[0]
    return parts.column([parts.html(shown, looks=looks), below], "pf-pet", looks=looks)
