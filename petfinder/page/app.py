"""The page as an ASGI application: one process, one registry, one encoder, an address for everything."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from petfinder.domain.errors import EncoderError, PassphraseNeeded, PetfinderError, PetNotFound, StoreError
from petfinder.page import public, volunteers
from petfinder.page.access import Access
from petfinder.page.desk import UPLOAD_LIMIT
from petfinder.page.links import Links, key_of
from petfinder.page.safety import FORM_BYTES, Guard, Refused
from petfinder.page.visit import MOST_FILES, Site, Visit
from petfinder.registry.registry import Registry

log = logging.getLogger(__name__)


def make_app(
    registry: Registry,
    *,
    passphrase_hash: str | None = None,
    hosts: Collection[str] = (),
    greeting: str = "",
    tiles: bool = False,
    upload_limit_bytes: int = UPLOAD_LIMIT,
) -> Guard:
    """Make the page of a registry; raises ConfigError for what is no hash of a passphrase, StoreError.

    `hosts`: the names under which it is asked for beside IP addresses, without ports (none: any). `greeting`: whose
    page it is and how to reach them. `tiles`: the map shows OpenStreetMap, from its servers.
    """
    key = key_of(registry)
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    access = Access(passphrase_hash, key=key)
    app.state.site = Site(registry, access, Links(key), greeting, tiles, upload_limit_bytes)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    app.include_router(volunteers.router)
    app.include_router(public.router)
    for error in (PetfinderError, Refused, HTTPException, ValidationError, RequestValidationError, Exception):
        app.add_exception_handler(error, _refused)
    return Guard(app, _refused, hosts=hosts, most_bytes=upload_limit_bytes + FORM_BYTES, tiles=tiles)


def _refused(request: Request, error: Exception) -> Response:
    """Say in a sentence what went wrong; of what nobody foresaw no more than that it did."""
    visit = Visit(request)
    if isinstance(error, PassphraseNeeded):
        return visit.go(f"/volunteers?to={request.url.path}" if request.method == "GET" else "/volunteers")
    status, sentence = _said_of(error)
    if status == 503:
        log.error("the registry does not answer: %s", error)
    answer = visit.page("error.html", status=status, sentence=sentence)
    if status in (429, 503):
        answer.headers["Retry-After"] = "30"
    return answer


def _said_of(error: Exception) -> tuple[int, str]:
    match error:
        case Refused():
            return error.status, error.sentence
        case PetNotFound():
            return 404, str(error)
        case StoreError() | EncoderError():
            return 503, "The registry does not answer just now. Please try again in half a minute."
        case PetfinderError():
            return 422, str(error)
        case ValidationError():  # a place beyond the poles, say
            return 422, "That could not be understood."
        case HTTPException(status_code=400):
            return 400, f"This form could not be read. Send it again, with at most {MOST_FILES} photos."
        case HTTPException(status_code=405):
            return 405, "That cannot be done here."
        case HTTPException() | RequestValidationError():
            return 404, "There is no such page."
    return 500, "Something went wrong here. Please try again."
