"""The query beside its matches as HTML, for notebooks and saved pages.

No owner, no exact place and no EXIF is in what it shows.
"""

from __future__ import annotations

from petfinder.display import wording
from petfinder.display.colours import paint_of
from petfinder.display.html import markup
from petfinder.display.html.cards import HtmlCard, owner_card, pet_card
from petfinder.domain.matches import SHOWN, Match, Matches
from petfinder.domain.pets import Photo
from petfinder.domain.verdicts import Cut, Verdict

__all__ = ["HtmlCard", "matches_as_html", "owner_card", "pet_card"]

_LARGE, _CARD, _SMALL = 250, 168, 92  # widths of pictures in pixels
_QUERY_PHOTOS = 4
_BESIDE = 4  # as many of the other matches as are about as high as the best one
_PAD = "padding:10px 12px 12px"


def matches_as_html(matches: Matches) -> str:
    """The verdict in a sentence, the query photos, and each match with its photo, similarity, status and distance.

    The best match is drawn as large as the query photo, to be compared with it, unless the verdict is unknown.
    """
    cut = matches.cut
    if matches.query:
        compared = matches.found[: 0 if matches.verdict is Verdict.UNKNOWN else 1]
        others = [match_line(match, cut) for match in matches.found[len(compared) : SHOWN]]
        pair = [query_card(matches.query), *(match_card(match, cut, width=_LARGE) for match in compared)]
        shown = [
            markup.row(
                [
                    markup.block(markup.row(pair), f"flex:1 1 314px;max-width:{len(pair) * (_LARGE + 14)}px"),
                    markup.block(others[:_BESIDE], "flex:1 1 290px;max-width:560px") if others else "",
                ],
                gap=18,
            ),
            markup.row([markup.block(line, "flex:1 1 290px;max-width:350px") for line in others[_BESIDE:]], gap=18),
        ]
    else:
        shown = [markup.row([match_card(match, cut, width=_CARD) for match in matches.found[:SHOWN]])]
    return markup.whole(
        [head(matches), *shown, markup.quiet(wording.small_print(matches, shown=SHOWN))],
        label=f"Matches. {wording.headline(matches)}",
    )


def head(matches: Matches) -> str:
    said = wording.finding(matches)
    title = markup.escape(wording.begun(said))
    word = markup.badge(matches.verdict, size=16) if matches.verdict else ""
    line = markup.block(
        f'{word} <strong style="font-size:21px;line-height:1.25">{title}</strong>',
        "display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center",
    )
    return markup.block(
        [line, markup.block(markup.quiet(wording.advice(matches)), "margin-top:4px")], "margin:4px 0 16px"
    )


def query_card(photos: tuple[Photo, ...]) -> str:
    shown, left = photos[:_QUERY_PHOTOS], len(photos) - _QUERY_PHOTOS
    first, *more = [markup.picture(photo, "your photo", width=_LARGE) for photo in shown]
    small = markup.block(
        [markup.block(picture, "flex:1 1 0") for picture in more], "display:flex;gap:2px;margin-top:2px"
    )
    day = wording.day(photos[0].taken_at) if len(photos) == 1 else ""
    text = [
        markup.line(
            "Your photo" if len(photos) == 1 else f"Your {len(photos)} photos", "font-weight:700;font-size:17px"
        ),
        markup.quiet(f"taken {day}" if day else ""),
        markup.quiet(f"{left} more not shown" if left > 0 else ""),
    ]
    return markup.card([first, small if more else "", markup.block(text, _PAD)], width=_LARGE)


def match_card(match: Match, cut: Cut | None, *, width: int) -> str:
    text = [
        markup.badge(match.verdict) if match.verdict else "",
        markup.line(wording.name_of(match.pet), "font-weight:700;font-size:17px;margin-top:4px"),
        *(markup.line(fact) for fact in _facts(match)),
        _similarity(match, cut),
        markup.quiet(_source(match)),
    ]
    picture = markup.picture(match.photo, _alt(match), width=width)
    return markup.card([picture, markup.block(text, _PAD)], edge=paint_of(match.verdict).fill, width=width)


def match_line(match: Match, cut: Cut | None) -> str:
    """One of the matches that come after the best: a small picture, and the same facts beside it."""
    word = markup.badge(match.verdict) if match.verdict else ""
    title = f'<strong style="overflow-wrap:anywhere">{markup.escape(wording.name_of(match.pet))}</strong>'
    text = [
        markup.block(f"{title} {word}", "display:flex;flex-wrap:wrap;gap:2px 8px;align-items:center"),
        markup.line(", ".join(_facts(match)), "font-size:14px"),
        _similarity(match, cut),
        markup.quiet(_source(match)),
    ]
    edge = f"border-left:5px solid {paint_of(match.verdict).fill};border-radius:6px;overflow:hidden"
    small = markup.picture(match.photo, _alt(match), width=_SMALL)
    picture = markup.block(small, f"flex:0 0 {_SMALL}px;align-self:flex-start;{edge}")
    beside = markup.block(text, "flex:1 1 0;min-width:0")
    return markup.block([picture, beside], "display:flex;gap:12px;margin-bottom:14px")


def _facts(match: Match) -> list[str]:
    away = wording.distance_of(match)
    return list(filter(None, [match.pet.breed or "", wording.status_of(match.pet), f"{away} away" if away else ""]))


def _similarity(match: Match, cut: Cut | None) -> str:
    said = markup.line(f"similarity {match.similarity:.3f}", "font-size:14px;margin-top:4px")
    return said + markup.scale(match.similarity, match.verdict, cut)


def _source(match: Match) -> str:
    pet, day = match.pet, wording.day(match.photo.taken_at)
    named = wording.name_of(pet) != wording.clean(pet.pet_id)
    said = [wording.which_photo(match), f"taken {day}" if day else "", f"id {pet.pet_id}" if named else ""]
    return ", ".join(filter(None, said))


def _alt(match: Match) -> str:
    return ", ".join(filter(None, [wording.name_of(match.pet), match.pet.breed, wording.which_photo(match)]))
