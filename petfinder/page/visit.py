"""One request of a visitor: who asks, what they may do, and how they are answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile

from petfinder.display import wording
from petfinder.domain.errors import InvalidQuery
from petfinder.domain.pets import Pet, Place
from petfinder.page import searches, words
from petfinder.page.access import Access
from petfinder.page.desk import Board, Desk, PetDesk, Upload, place_in
from petfinder.page.links import Links
from petfinder.page.safety import Limits, Refused
from petfinder.page.searches import Line, Searches
from petfinder.registry.registry import Registry

MOST_FILES, MOST_FIELDS, MOST_TYPED, MOST_READING = 12, 60, 2**18, 60
TRIES_A_MINUTE = {"search": 20, "upload": 40, "passphrase": 5}


def _templates() -> Environment:
    loader = PackageLoader("petfinder.page")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"words": words, "wording": wording}
    return made


@dataclass
class Site:
    """What all visitors share."""

    registry: Registry
    access: Access
    links: Links
    greeting: str = ""
    tiles: bool = False
    upload_limit_bytes: int = 0
    searches: Searches = field(default_factory=Searches)
    line: Line = field(default_factory=lambda: Line(searches.AT_ONCE, searches.MOST_WAITING))
    door: Line = field(default_factory=lambda: Line(1, 20))  # of passphrases, each a tenth of a second and 64 MB
    limits: Limits = field(default_factory=Limits)
    templates: Environment = field(default_factory=_templates)
    reading: int = 0  # forms that are just being received

    def __post_init__(self) -> None:
        self.board = Board(self.registry)


class Visit:
    """One request, and the desk that its visitor stands at."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.site: Site = request.app.state.site
        self.volunteer = self.site.access.lets_in(request.cookies.get(self.site.access.name))
        self.desk = Desk(
            self.site.registry,
            locked=not self.volunteer,
            board=self.site.board,
            upload_limit_bytes=self.site.upload_limit_bytes,
        )

    def page(self, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
        """Draw a page; `typed` is what stands in its form."""
        shown |= {"typed": defaultdict(str, shown["typed"])} if "typed" in shown else {}
        text = self.site.templates.get_template(template).render(
            visit=self, site=self.site, links=self.site.links, volunteer=self.volunteer, **shown
        )
        return HTMLResponse(text, status)

    def go(self, path: str) -> RedirectResponse:
        """Send the visitor on to another page; what a volunteer changed is seen there."""
        if self.request.url.path.startswith(("/volunteers/", "/pets/")):
            self.site.board.look_anew()
        return RedirectResponse(path, 303)

    def count(self, what: str, *, only_look: bool = False) -> None:
        """Count what may be done so often a minute, or only look whether it may be; raises Refused."""
        address = self.request.client.host if self.request.client else ""
        free = self.volunteer and self.site.access.needed
        if not free and not self.site.limits.allows(what, address, TRIES_A_MINUTE[what], only_look=only_look):
            raise Refused(429, "That was often. Please wait half a minute and try again.")

    def named(self, sealed: str) -> tuple[PetDesk, str]:
        """The desk and the id of the pet of an address; raises PetNotFound."""
        species, pet_id = self.site.links.opened(sealed, "pet")
        return self.desk.of(species), pet_id

    def pet(self, sealed: str) -> Pet:
        """The pet of an address as this visitor may see it; raises PetNotFound."""
        desk, pet_id = self.named(sealed)
        return desk.pet(pet_id)

    def full_address(self, path: str) -> str:
        """The address as somebody elsewhere can open it."""
        return str(self.request.base_url).rstrip("/") + path


class Form:
    """A form that was sent in."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def __getitem__(self, name: str) -> str:
        given = self._data.get(name)
        return given.strip() if isinstance(given, str) else ""

    @property
    def fields(self) -> Mapping[str, str]:
        """What was typed, as it was typed."""
        return {name: value for name, value in self._data.items() if isinstance(value, str)}

    def uploads(self, name: str = "photos") -> list[Upload]:
        """The files that were chosen; a field without any sends an empty one."""
        files = [one for one in self._data.getlist(name) if isinstance(one, UploadFile)]
        read = [Upload(wording.clip(one.filename or "the photo", 60), one.file.read()) for one in files]
        return [one for one in read if one.content]

    @property
    def place(self) -> Place | None:
        """The place in "lat, lon"; raises InvalidQuery."""
        return place_in(self["place"])

    @property
    def moment(self) -> datetime | None:
        """The day and time of what was seen; raises InvalidQuery."""
        return moment_in(self["at"])


def moment_in(text: str) -> datetime | None:
    """A day, or day and minute, in this machine's zone; None where nothing stands there; raises InvalidQuery."""
    try:
        moment = datetime.fromisoformat(text).astimezone() if text else None
    except (ValueError, OverflowError) as error:
        raise InvalidQuery("that is no day; write it as 2026-11-28 or 2026-11-28T14:05") from error
    if moment and moment > datetime.now().astimezone() + timedelta(days=1):
        raise InvalidQuery("that day is yet to come: when was it?")
    return moment


Visiting: TypeAlias = Annotated[Visit, Depends(Visit)]


async def _form(visit: Visiting) -> Form:
    visit.count("upload")  # before it is read
    site = visit.site
    if visit.request.url.path in ("/found", "/lost"):
        site.line.check()
    if site.reading >= MOST_READING:
        raise Refused(429, f"{site.reading} forms are just coming in. Please try again in half a minute.")
    site.reading += 1
    try:
        return Form(await visit.request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_TYPED))
    finally:
        site.reading -= 1


Sent: TypeAlias = Annotated[Form, Depends(_form)]
