"""`petfinder serve`: the page of a registry until Ctrl-C; what cannot work is said before it is up."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import typer
from PIL import Image

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line
from petfinder.page.access import Access
from petfinder.registry.connect import connect
from petfinder.registry.settings import load_settings, revealed

if TYPE_CHECKING:
    from petfinder.page.safety import Guard

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
PORT = 8866
IDLE_SECONDS = 20  # for a line on which nothing is asked
MOST_LINES = 200  # of one address at once
_HERE = ("127.0.0.1/32", "::1/128")
_OPEN_TO_ALL = (
    "{} lets other machines in, and no passphrase is set: contacts and changes would be open to all."
    " Put the line that `petfinder passphrase` prints into petfinder.toml here, or say --without-passphrase"
)


def serve(
    registry: str | None,
    *,
    encoder: str | None = None,
    name: str | None = None,
    ip: str = "127.0.0.1",
    port: int = PORT,
    host: str | None = None,
    open_browser: bool = True,
    tiles: bool = False,
    greeting: str = "",
    without_passphrase: bool = False,
) -> None:
    """Show a registry as a page until Ctrl-C: search, look, register; contacts and changes behind the passphrase.

    The registry is made if it is not there. `ip` other than this machine's own (127.0.0.1) wants a passphrase in the
    settings, or `without_passphrase`. Port 0: any that is free. `tiles` lets the map load its background from
    OpenStreetMap; all else comes from this server. `greeting` says whose page it is and how to reach them, for
    everybody to read.

    `host` (pets.example.org) is the name under which a web server with https shows the page to others; it wants a
    passphrase too. That web server passes on the headers Host, X-Forwarded-For and X-Forwarded-Proto, which are
    believed where it is on this machine or named in the setting `trusted_proxies`.
    Raises ConfigError, StoreError, EncoderError, IndexMismatch before anything is served.
    """
    settings = load_settings(registry=registry, name=name)
    ip = "127.0.0.1" if ip == "localhost" else ip
    local, host, trusted = _is_local(ip), _name_of_host(host), _networks([*_HERE, *settings.trusted_proxies])
    passphrase_hash, make_app = revealed(settings.passphrase_hash), _page_installed()
    Access(passphrase_hash)  # raises for what is no hash of a passphrase
    if passphrase_hash is None and (host or not local) and not without_passphrase:
        raise ConfigError(_OPEN_TO_ALL.format(host or ip))
    with connect(settings.registry, encoder=encoder, name=settings.name) as opened:
        if not any(index.stats.pets for index in opened.indexes()):
            typer.echo(f"{opened!r} is empty: the page can register the first pet", err=True)
        opened.encoder.encode_images([Image.new("RGB", (8, 8))])  # loaded before the first visitor comes
        hosts = {"localhost", socket.gethostname().lower(), host or "localhost"}
        app = make_app(opened, passphrase_hash=passphrase_hash, hosts=hosts, greeting=greeting, tiles=tiles)
        bound = _bound(ip, port)
        _say(bound, host=host, local=local, open_browser=open_browser)
        _run(app, bound, trusted)


def _run(app: Guard, bound: socket.socket, trusted: Sequence[Network]) -> None:
    """Serve until Ctrl-C or SIGTERM; `trusted`: the proxies that say for whom they ask."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from petfinder.page.safety import network_of

    class PatientProtocol(H11Protocol):
        """Ends a line on which nothing whole is asked for a while, and those of which one address has too many."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            peer = self.client[0] if self.client else ""
            self.peer = "" if any(ipaddress.ip_address(peer) in one for one in trusted) else network_of(peer)
            if self.peer and sum(getattr(one, "peer", "") == self.peer for one in self.connections) > MOST_LINES:
                transport.abort()
            self.loop.call_later(IDLE_SECONDS, self._look, None)

        def _look(self, seen: object) -> None:
            if (self.cycle is None or self.cycle.response_complete) and self.cycle is seen:  # since the last look
                self.transport.abort()  # what is left of an answer nobody reads
            elif self in self.connections:
                self.loop.call_later(IDLE_SECONDS, self._look, self.cycle)

    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_level="critical",  # what strangers send fills no log
        access_log=False,  # what people look for stands in addresses
        server_header=False,
        forwarded_allow_ips=[str(one) for one in trusted],
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=3,
    )
    with suppress(ImportError, OSError, ValueError):  # each visitor's browser holds some lines
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([bound])


def _say(bound: socket.socket, *, host: str | None, local: bool, open_browser: bool) -> None:
    """Print where the page is."""
    ip, port = bound.getsockname()[:2]
    name = f"[{ip}]" if ":" in ip else ip
    address = f"http://{socket.gethostname() if ipaddress.ip_address(ip).is_unspecified else name}:{port}/"
    typer.echo(f"petfinder is at {address} (Ctrl-C ends it)")
    if host is not None:
        typer.echo(f"https://{host}/ shows it when its web server passes on Host, X-Forwarded-For, X-Forwarded-Proto.")
    if not local:
        typer.echo("What visitors send is not encrypted here: for more than a trusted network, put https before it.")
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _networks(named: Sequence[str]) -> list[Network]:
    """The networks of these addresses; raises ConfigError for what is none."""
    try:
        return [ipaddress.ip_network(one, strict=False) for one in named]
    except ValueError as error:
        raise ConfigError(f"trusted_proxies names addresses and networks (10.0.0.2, 10.1.0.0/16): {error}") from error


def _is_local(ip: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError as error:
        raise ConfigError(f"{ip!r} is no IP address; 127.0.0.1 is this machine, 0.0.0.0 lets others in") from error


def _bound(ip: str, port: int) -> socket.socket:
    """A socket that listens there; raises ConfigError for a port that is taken or not allowed."""
    bound = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:  # only of a socket whose protocol is named does asyncio send small packets at once, and not 40 ms later
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        bound.bind((ip, port))
        bound.listen(2048)
        return bound
    except (OSError, OverflowError) as error:
        raise ConfigError(f"port {port} of {ip} cannot be had ({error}); name another, or 0 for any") from error


def _name_of_host(name: str | None) -> str | None:
    """A host's name as browsers send it; raises ConfigError for what is none."""
    if name is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name):
        raise ConfigError(f"{name!r} is no name of a host; say it without https:// and port, as in pets.example.org")
    return name and name.lower()


def _page_installed() -> Callable[..., Guard]:
    """What makes the page; raises ConfigError where the packages that it needs are missing."""
    try:
        import uvicorn  # noqa: F401

        from petfinder.page.app import make_app
    except ImportError as error:
        raise ConfigError(f"the page needs FastAPI and uvicorn: {install_line('serve')}") from error
    return make_app
