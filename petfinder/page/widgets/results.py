"""What a search found, with buttons at each pet: the gallery of matches, and a page of pets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial

import ipywidgets as ipw
from PIL import Image

from petfinder.display import wording
from petfinder.display.colours import STATUS_COLOURS
from petfinder.display.html import markup
from petfinder.display.html.markup import render
from petfinder.domain.errors import InvalidQuery
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Pet, Photo
from petfinder.domain.verdicts import Verdict
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Visit
from petfinder.photos.read import thumbnail_of

_LARGE, _LINE, _TILE = 250, 280, 150  # widths in pixels
_BESIDE, _NEAREST = 4, 4


def matches_shown(visit: Visit, matches: Matches) -> ipw.Widget:
    """The query beside the best match, then the others that may be it; those less alike are folded away."""
    styles = parts.SharedStyles()

    def shown_match(match: Match, *, large: bool) -> ipw.Widget:
        if large or not matches.query:
            card = render("gallery", "match_card", match, matches.lines or matches.cut, _LARGE)
        else:
            card = render("gallery", "match_line", match, matches.lines or matches.cut)
        return pet_shown(visit, match.pet, styles, card=card, call=large, similar=True)

    def as_tiles(found: Sequence[Match]) -> ipw.Widget:
        shown = [shown_match(match, large=False) for match in found]
        return parts.tiles(shown, least=_LINE if matches.query else _TILE)

    likely, others = _divided(matches)
    shown = [parts.html(render("gallery", "head", matches))]
    if matches.query:
        compared = () if matches.verdict is Verdict.UNKNOWN else likely[:1]
        query = parts.html(render("gallery", "query_card", matches.query))
        pair = [query, *(shown_match(match, large=True) for match in compared)]
        likely = likely[len(compared) :]
        beside, likely = likely[:_BESIDE], likely[_BESIDE:]
        others_beside = [as_tiles(beside)] if beside else []
        shown.append(parts.row(parts.row(*pair, css="pf-pair"), *others_beside, css="pf-beside"))
    if likely:
        shown.append(as_tiles(likely))
    if others:
        label = f"{wording.counted(len(others), 'other')} that {'looks' if len(others) == 1 else 'look'} less like it"
        shown.append(parts.Fold(label, lambda: [as_tiles(others)]).widget)
    return parts.column(*shown, _small_print(matches))


def counterparts_shown(visit: Visit, pet_id: str) -> ipw.Widget:
    """The gallery of reports of the other side that may be the animal just reported; a line where there are none."""
    try:
        matches = visit.pets.counterparts(pet_id)
    except InvalidQuery:
        return parts.note("Add a photo: without one it cannot be compared with what others report.")
    return matches_shown(visit, matches) if matches else parts.note("No report of the other side is like it yet.")


def _divided(matches: Matches) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
    """The matches to look at, and those to fold away: behind the possible ones, or behind the nearest where all are
    unknown."""
    if matches.verdict is None:
        return matches.found, ()
    known = sum(match.verdict is not Verdict.UNKNOWN for match in matches) or _NEAREST
    return matches.found[:known], matches.found[known:]


def _small_print(matches: Matches) -> ipw.Widget:
    def text() -> ipw.Widget:
        return parts.html(markup.quiet(wording.small_print(matches)))

    folded = matches.verdict is not None and matches.found
    return parts.Fold("How sure is this?", lambda: [text()]).widget if folded else text()


def pets_shown(visit: Visit, pets: Sequence[Pet]) -> ipw.Widget:
    """Pets as tiles, each with its first photo, breed, status and a button for the rest."""
    styles = parts.SharedStyles()
    return parts.tiles([pet_shown(visit, pet, styles) for pet in pets], least=_TILE)


def _tile(pet: Pet) -> str:
    name, colour = wording.name_of(pet), STATUS_COLOURS[pet.status]
    text = [
        markup.line(name, "font-weight:700;font-size:17px"),
        markup.line(wording.status_of(pet), f"font-weight:600;color:{colour}"),
        markup.line(pet.breed or ""),
    ]
    alt = ", ".join(filter(None, [name, pet.breed]))
    picture = markup.picture(_smaller(pet.photos[0]) if pet.photos else None, alt, width=_TILE)
    return markup.card(picture, markup.block(*text, style="padding:8px 12px 10px"), edge=colour, width=_LARGE)


def _smaller(photo: Photo) -> Photo:
    """The photo with a thumbnail of a tile's size: 48 whole ones are 3 MB for somebody's phone."""
    try:
        with Image.open(io.BytesIO(photo.thumbnail or b""), formats=["JPEG"]) as whole:
            return photo.model_copy(update={"thumbnail": thumbnail_of(whole, side=2 * _TILE, quality=75)})
    except OSError:
        return photo


def details_button(
    visit: Visit, pet: Pet, label: str = "Details", *, styles: parts.SharedStyles | None = None
) -> ipw.Button:
    """The button that opens a pet."""
    about = f"Details of {wording.name_of(pet)}"
    return parts.button(label, lambda: visit.open_pet(pet.pet_id, pet.species), tooltip=about, styles=styles)


def pet_shown(
    visit: Visit, pet: Pet, styles: parts.SharedStyles, *, card: str = "", call: bool = False, similar: bool = False
) -> ipw.Widget:
    """A card of the pet, in place of none a tile, above its buttons."""
    buttons = [details_button(visit, pet, styles=styles)]
    if call:
        about = f"Who to call about {wording.name_of(pet)}"
        owner = partial(visit.open_owner, pet.pet_id, pet.species)
        buttons.insert(0, parts.button("Who to call", owner, kind="primary", tooltip=about, styles=styles))
    if similar:
        like = f"More like this: pets that look like {wording.name_of(pet)}"
        others = partial(visit.open_similar, pet.pet_id, pet.species)
        buttons.append(parts.button("More like this", others, tooltip=like, styles=styles))
    below = parts.row(*buttons, styles=styles) if len(buttons) > 1 else buttons[0]
    return parts.column(parts.html(card or _tile(pet), styles=styles), below, css="pf-pet", styles=styles)
