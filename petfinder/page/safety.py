"""What stands between the page and whoever asks: whose pages may send forms, how much, how often; headers.

After OWASP ASVS 5.0: V3.4 (headers), V3.5 (origin of forms), V2.4 and V6.3 (limits), V5 (files).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Collection
from traceback import format_tb
from typing import TypeAlias
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TILES = "https://tile.openstreetmap.org"
FORM_BYTES = 2**20  # what the fields of a form may have beside its files
BODY_SECONDS = 300.0
TOO_MUCH = "That is more than this page takes at a time. Please send fewer photos, or smaller ones."
Page: TypeAlias = Callable[[Request, Exception], Response]
log = logging.getLogger(__name__)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob:{}; style-src 'self'; script-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


class Refused(Exception):
    """A request that is not answered as asked: the status and the sentence that say why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """The ASGI application behind its checks.

    `hosts`: the names by which it may be asked for beside IP addresses (none: any), so that no other site's name can
    be made to lead here. `most_bytes`: of a request's body. `tiles`: pictures of the map may come from OpenStreetMap.
    `refuse` makes the page for what is refused.
    """

    def __init__(
        self, app: ASGIApp, refuse: Page, *, hosts: Collection[str], most_bytes: int, tiles: bool = False
    ) -> None:
        self._app, self._refuse, self._hosts, self._most_bytes = app, refuse, hosts, most_bytes
        self._headers = {name: value.format(f" {TILES}" if tiles else "") for name, value in _HEADERS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it; what fails unforeseen is logged, without what was asked."""
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    sent.setdefault(name, value)
                if scope["scheme"] == "https":
                    sent["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        try:
            self._check(scope["method"], Headers(scope=scope))
            await self._app(scope, _Body(receive, self._most_bytes), answer)
        except Refused as error:
            await self._refuse(Request({**scope, "app": self._app}), error)(scope, receive, answer)
        except ClientDisconnect:
            pass
        except Exception as error:  # it was answered already; messages may repeat what was asked
            log.error("a page failed: %s\n%s", type(error).__name__, "".join(format_tb(error.__traceback__)))

    def _check(self, method: str, headers: Headers) -> None:
        host, site, origin = headers.get("host", ""), headers.get("sec-fetch-site"), headers.get("origin")
        if self._hosts and not _leads_here(host, self._hosts):
            raise Refused(421, "This page is not known by that name.")
        if method not in ("GET", "POST"):
            raise Refused(405, "That cannot be done here.")
        if method == "GET":
            return
        if not (site in ("same-origin", "none") if site else origin is None or origin.partition("://")[2] == host):
            raise Refused(403, "Forms are taken from this page's own windows only.")
        if int(headers.get("content-length", "0")) > self._most_bytes:
            raise Refused(413, TOO_MUCH)


def _leads_here(host: str, names: Collection[str]) -> bool:
    """Whether a Host header has one of these names or an address, which no other site's name can be made to be."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in names or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


class _Body:
    """A request's body as it comes, bounded in bytes and in time."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive, self._left = receive, most_bytes
        self._until: float | None = asyncio.get_running_loop().time() + BODY_SECONDS

    async def __call__(self) -> Message:
        """The next part; raises Refused for what is more, or slower, than is taken."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            raise Refused(408, "That came too slowly. Please try again.") from error
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise Refused(413, TOO_MUCH)
        if not message.get("more_body", False):
            self._until = None  # what is waited for next is the end of the line
        return message


class Limits:
    """How often an address may ask for something: per minute, forgotten after a minute."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def allows(self, what: str, address: str, a_minute: int, *, only_look: bool = False) -> bool:
        """Whether this address may do this once more now; it is counted if so, unless this is but to look."""
        ask = self._limiter.test if only_look else self._limiter.hit
        return ask(RateLimitItemPerMinute(a_minute), what, network_of(address))


def network_of(address: str) -> str:
    """The address that is counted: of IPv6 the /64 that one household has; empty for what is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(getattr(found, "ipv4_mapped", None) or found)
