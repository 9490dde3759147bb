"""`petfinder serve`: the front end as a page, for volunteers; what cannot work is said before any page is up."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tempfile
import threading
import webbrowser
from pathlib import Path

import typer

from petfinder.domain.errors import ConfigError
from petfinder.domain.text import install_line
from petfinder.encoders.load import is_on_disk
from petfinder.page.access import Access
from petfinder.page.server.handover import PageOptions
from petfinder.registry.connect import IN_MEMORY, connect
from petfinder.registry.settings import Settings, load_settings, revealed

PORT = 8866
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

    Every visitor has a process of their own; the registry is made if it is not there. `ip` other than this machine's
    own (127.0.0.1) wants a passphrase in the settings, or `without_passphrase`. Port 0: any that is free. `tiles` lets
    the map load its background from OpenStreetMap; all else comes from this server. `greeting` says whose page it is
    and how to reach them, for everybody to read.

    `host` (pets.example.org) is the name under which a web server with https shows the page to others; it wants a
    passphrase too. That web server runs on this machine and passes on every path, the headers Host, Upgrade and
    Connection (the page talks over a websocket); it should not close a quiet line before 60 s.
    Raises ConfigError, StoreError, EncoderError, IndexMismatch before anything is served.
    """
    settings = load_settings(registry=registry, name=name)
    place = _place(settings)
    ip = "127.0.0.1" if ip == "localhost" else ip
    local, host = _is_local(ip), _name_of_host(host)
    Access(revealed(settings.passphrase_hash))  # raises for what is no hash of a passphrase
    if settings.passphrase_hash is None and (host or not local) and not without_passphrase:
        raise ConfigError(_OPEN_TO_ALL.format(host or ip))
    _check_installed()
    encoder = str(Path(encoder).resolve()) if encoder is not None and is_on_disk(encoder) else encoder
    with connect(place, encoder=encoder, name=settings.name) as opened:
        if not any(index.stats.pets for index in opened.indexes()):
            typer.echo(f"{opened!r} is empty: the page can register the first pet", err=True)
    bound = _bound(ip, port)
    with tempfile.TemporaryDirectory(prefix="petfinder_") as own:
        PageOptions(
            registry=place,
            encoder=encoder,
            name=settings.name,
            folder=str(Path.cwd()),
            tiles=tiles,
            greeting=greeting,
            attempts=str(Path(own) / "attempts.db"),
        ).to_environment()
        _run(bound, local=local, host=host, tiles=tiles, open_browser=open_browser)


def _run(bound: list[socket.socket], *, local: bool, host: str | None, tiles: bool, open_browser: bool) -> None:
    """Print the address and serve on it; back when it was stopped."""
    from petfinder.page.server.voila import NOTEBOOK, PageServer

    ip, port = bound[0].getsockname()[:2]
    os.environ["VOILA_APP_IP"] = here = host_for_processes(ip)
    address = f"http://{socket.gethostname() if ipaddress.ip_address(ip).is_unspecified else here}:{port}/"
    server = PageServer(bound, local=local, tiles=tiles, host=host)
    server.initialize([str(NOTEBOOK)])
    server.port = port
    typer.echo(f"petfinder is at {address} (Ctrl-C ends it)")
    if host is not None:
        typer.echo(f"https://{host}/ shows it when its web server passes on all paths, Host, Upgrade and Connection.")
    if not local:
        typer.echo("What visitors send is not encrypted here: for more than a trusted network, put https before it.")
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    server.start()


def _place(settings: Settings) -> str | None:
    """Where the registry is, as any folder's process can find it; None for the cloud id. Raises ConfigError."""
    place = settings.registry
    if place is None and settings.cloud_id is not None:
        return None
    if place is None or place == IN_MEMORY:
        raise ConfigError("each visitor has a process of their own: name a file or a server, not memory")
    return place if "://" in place else str(Path(place).resolve())


def _is_local(ip: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError as error:
        raise ConfigError(f"{ip!r} is no IP address; 127.0.0.1 is this machine, 0.0.0.0 lets others in") from error


def _bound(ip: str, port: int) -> list[socket.socket]:
    """Sockets that listen there; raises ConfigError for a port that is taken or not allowed."""
    from tornado.netutil import bind_sockets

    try:
        return bind_sockets(port, ip)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"port {port} of {ip} cannot be had ({error}); name another, or 0 for any") from error


def host_for_processes(ip: str) -> str:
    """How the visitors' processes name the address that the server listens on."""
    found = ipaddress.ip_address(ip)
    if found.version == 6:
        return "[::1]" if found.is_unspecified else f"[{ip}]"
    return "127.0.0.1" if found.is_unspecified else ip


def _name_of_host(name: str | None) -> str | None:
    """A host's name as browsers send it; raises ConfigError for what is none."""
    if name is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name):
        raise ConfigError(f"{name!r} is no name of a host; say it without https:// and port, as in pets.example.org")
    return name and name.lower()


def _check_installed() -> None:
    """Raise ConfigError where Voila or the widgets are missing."""
    try:
        import ipywidgets  # noqa: F401
        import voila.app  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"the page needs Voila and widgets: {install_line('notebook')}") from error
