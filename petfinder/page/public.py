"""What everybody may do: look for a pet by photo, look through the reports, open one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from petfinder.domain.errors import InvalidPet, InvalidQuery, PetNotFound, PhotoError
from petfinder.domain.filters import PetFilter, place_of
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import REPORTED, TAKEN_IN, Photo, Place
from petfinder.domain.values import now
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS
from petfinder.page import pictures
from petfinder.page.desk import PAGE, check_some, place_in
from petfinder.page.places import View, tapped, view_of
from petfinder.page.searches import Search
from petfinder.page.visit import Sent, Visit, Visiting

router = APIRouter()
Way = Literal["found", "lost"]
NEWEST = 24  # reports on the first page
ROBOTS = "User-agent: *\nDisallow: /found/\nDisallow: /lost/\nDisallow: /volunteers\nDisallow: /photos/\n"
_PICTURE = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Disposition": 'inline; filename="pet.jpg"',
}


class Asked(BaseModel):
    """What the reports are asked for."""

    words: str = Field("", max_length=200)
    species: str = Field("", max_length=20)
    status: str = Field("", max_length=20)
    days: int = Field(0, ge=0, le=9999)
    near: str = Field("", max_length=60)
    km: int = Field(5, ge=1, le=20_000)
    page: int = Field(1, ge=1)

    def address(self, **other: Any) -> str:
        """The address of the same reports, or of what is asked for beside that."""
        return "/pets?" + urlencode(self.model_copy(update=other).model_dump(exclude_defaults=True))


@router.get("/")
def home(visit: Visiting) -> Response:
    """The two ways in, and who was reported lately."""
    return visit.page("home.html", pets=visit.site.board.pets()[:NEWEST])


@router.get("/how-sure")
def how_sure(visit: Visiting) -> Response:
    """What a chance in words means."""
    return visit.page("how_sure.html", match=MATCH_ALARMS, possible=POSSIBLE_ALARMS)


@router.get("/health")
def health(visit: Visiting) -> dict[str, int]:
    """Whether the registry answers, and how many searches wait."""
    visit.site.registry.specs()
    return {"waiting": visit.site.line.waiting}


@router.get("/robots.txt")
def robots() -> PlainTextResponse:
    """Reports may be found by search engines, searches and what volunteers do may not."""
    return PlainTextResponse(ROBOTS)


@router.get("/map.svg")
def drawn_map(visit: Visiting, pin: str = "") -> Response:
    """A map of where reports are, to be tapped on."""
    pets, place = visit.site.board.pets()[:PAGE], place_in(pin)
    view = view_of(visit.request.query_params, place, pets)
    drawn = visit.page("map.svg", view=view, dots=view.dots(pets), pin=place and view.at(place))
    return Response(drawn.body, media_type="image/svg+xml")


@router.get("/photos/{sealed}.jpg")
def photo(visit: Visiting, sealed: str) -> Response:
    """The thumbnail of a pet's photo, without EXIF."""
    return _jpeg(_thumbnail(visit, sealed))


@router.get("/photos/small/{sealed}.jpg")
def small_photo(visit: Visiting, sealed: str) -> Response:
    """The same of a tile's size."""
    return _jpeg(pictures.small(_thumbnail(visit, sealed)))


@router.get("/cards/{sealed}.jpg")
def card(visit: Visiting, sealed: str) -> Response:
    """The picture that a messenger shows of a report."""
    thumbnails = [photo.thumbnail for photo in visit.pet(sealed).photos if photo.thumbnail]
    return _jpeg(pictures.card(thumbnails[0] if thumbnails else None))


def _thumbnail(visit: Visit, sealed: str) -> bytes:
    species, pet_id, photo_id = visit.site.links.opened(sealed, "photo")
    thumbnail = visit.desk.of(species).thumbnail(pet_id, photo_id)
    if thumbnail is None:
        raise PetNotFound("this picture is not here, or not any more")
    return thumbnail


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers=_PICTURE)


@router.get("/pets")
def reports(visit: Visiting, asked: Annotated[Asked, Query()]) -> Response:
    """The reports, the newest first: those with these words, of so many days, so near."""
    query = visit.request.query_params
    if place := tapped(query):
        return visit.go(asked.address(near=f"{place.lat},{place.lon}"))
    near = place_in(asked.near)
    found = visit.desk.reports(
        words=asked.words.strip(),
        species=asked.species,
        status=asked.status,
        near=near,
        km=asked.km,
        since=now() - timedelta(days=asked.days) if asked.days else None,
        page=asked.page,
    )
    moved = "moved" in query  # the form always sends the view that it shows
    view = view_of(query if moved else {}, near, found.pets)
    return visit.page("pets.html", found=found, asked=asked, near=near, view=view, moved=moved)


@router.get("/pets/{sealed}")
def one_pet(visit: Visiting, sealed: str, undo: str = "", said: str = "") -> Response:
    """A report, for volunteers any pet; `undo` is what a volunteer may take back, `said` what was just done."""
    pet = visit.pet(sealed)
    place = place_of(pet) if visit.volunteer else pet.status_place  # else that of its home
    return visit.page("pet.html", pet=pet, undo=undo, said=said, place=place, view=place and View(place))


@router.get("/{way}")
def ask(way: Way, visit: Visiting) -> Response:
    """The form for photos of one animal."""
    return visit.page("look.html", lost=way == "lost", wrong="", typed={}, waiting=visit.site.line.waiting)


@router.post("/{way}")
async def look(way: Way, visit: Visiting, sent: Sent) -> Response:
    """Look for the animal in the photos; what was found has an address."""
    visit.count("search")

    def photos() -> list[Photo]:
        uploads = sent.uploads()
        check_some(uploads)
        visit.desk.check_uploads(uploads)
        return [upload.photo() for upload in uploads]

    try:
        search = await _searched(visit, way, photos, sent.place, sent.moment, sent["species"])
    except (PhotoError, InvalidPet, InvalidQuery) as error:
        return visit.page("look.html", status=422, lost=way == "lost", wrong=str(error), typed=sent.fields, waiting=0)
    return visit.go(f"/{way}/{visit.site.searches.keep(search)}")


async def _searched(
    visit: Visit,
    way: Way,
    photos: Callable[[], Sequence[Photo]],
    place: Place | None,
    at: datetime | None,
    species: str,
) -> Search:
    where = PetFilter(status=TAKEN_IN) if way == "lost" else None
    look_for = partial(visit.desk.look_for, where=where, place=place, at=at, species=species)

    def find() -> Matches:  # reads the photos when it is its turn: who waits holds no memory
        found = look_for(photos())
        if way == "lost" and any(photo.place or photo.taken_at for photo in found.query):
            nowhere = {"place": None, "taken_at": None}  # where an old photo was taken is not where a pet was lost
            found = look_for([photo.model_copy(update=nowhere) for photo in found.query])
        for photo in found.query:
            photo.thumbnail  # noqa: B018  (made now, so that the whole picture is not kept for a day)
        return found

    matches = await visit.site.line.run(find)
    seen = next((photo.place for photo in matches.query if photo.place), None)
    when = next((photo.taken_at for photo in matches.query if photo.taken_at and _is_likely(photo.taken_at)), None)
    found = tuple(kept_match(match, locked=visit.desk.locked) for match in matches)
    return Search(way == "lost", replace(matches, found=found), place or seen, at or when, species)


def kept_match(match: Match, *, locked: bool) -> Match:
    """A match without pictures, which have addresses; strangers are not told how far it is to a pet's home."""
    bare = match.pictured(match.photo.model_copy(update={"thumbnail": None}))
    if not locked or match.pet.status in REPORTED:
        return bare
    return replace(bare, reasons=tuple(reason for reason in match.reasons if reason.kind != "place"), distance_km=None)


def _is_likely(taken_at: datetime) -> bool:
    """Whether a camera's clock may have been right."""
    return taken_at.year >= 1990 and taken_at.astimezone() < now() + timedelta(days=1)


@router.get("/{way}/{token}")
def answer(way: Way, token: str, visit: Visiting) -> Response:
    """What a search found, and where and when it was."""
    search = _kept(visit, token)
    view = view_of(visit.request.query_params, search.place, visit.site.board.pets()[:PAGE])
    return visit.page("answer.html", here=f"/{way}/{token}", search=search, view=view)


@router.post("/{way}/{token}")
async def answer_again(way: Way, token: str, visit: Visiting, sent: Sent) -> Response:
    """Look again in the light of where (a tap on the map) and when it was."""
    visit.count("search")
    search = _kept(visit, token)
    on_map, at = tapped(sent.fields), sent.moment or search.at
    place = on_map or sent.place or search.place
    again = await _searched(visit, way, lambda: search.matches.query, place, at, search.species)
    search.matches, search.place, search.at = again.matches, again.place, again.at
    return visit.go(f"/{way}/{token}{'#map' if on_map else ''}")


@router.get("/{way}/{token}/{number}.jpg")
def own_photo(way: Way, token: str, number: int, visit: Visiting) -> Response:
    """The visitor's own photo, small and without EXIF."""
    photos = _kept(visit, token).matches.query
    thumbnail = photos[number].thumbnail if 0 <= number < len(photos) else None
    if thumbnail is None:
        raise PetNotFound("this picture is not here, or not any more")
    return _jpeg(thumbnail)


def _kept(visit: Visit, token: str) -> Search:
    search = visit.site.searches.get(token)
    if search is None:
        raise PetNotFound("searches are kept for a day: please choose the photo once more")
    return search
