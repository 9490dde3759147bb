"""The verbs of the page: serve, passphrase."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer import Option

from petfinder.cli.app import verb
from petfinder.cli.options import EncoderOption, RegistryNameOption, RegistryOption, place_of_registry
from petfinder.cli.output import say, somebody_to_ask
from petfinder.domain.errors import ConfigError
from petfinder.registry.settings import load_settings


@verb(bare=True)
def serve(
    registry: RegistryOption = None,
    encoder: EncoderOption = None,
    registry_name: RegistryNameOption = None,
    ip: Annotated[str, Option("--ip", help="Where to listen; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, Option("--port", min=0, max=65535, metavar="NUMBER", help="0 takes any that is free.")] = 8866,
    host: Annotated[
        str | None, Option("--host", metavar="NAME", help="The name under which a web server with https shows it.")
    ] = None,
    open_browser: Annotated[bool, Option("--open/--no-open", help="Open a browser, or only print the URL.")] = True,
    tiles: Annotated[bool, Option("--tiles", help="Let the map load its background from OpenStreetMap.")] = False,
    greeting: Annotated[str, Option("--greeting", metavar="TEXT", help="Whose page it is and how to reach them.")] = "",
    without_passphrase: Annotated[
        bool, Option("--without-passphrase", help="Let other machines see contacts and change pets without one.")
    ] = False,
) -> None:
    """Show a registry as a page in the browser, for everybody. Ctrl-C ends it; needs the `serve` extra.

    Example: petfinder serve --registry pets.db

    Example: petfinder serve --host pets.example.org  (the web server there passes on Host and X-Forwarded-…)

    Example: petfinder serve --ip 0.0.0.0 --port 8000 --no-open --greeting "Shelter Lisbon, +351 555 0100"
    """
    from petfinder.page.serve import serve as serve_page

    serve_page(
        place_of_registry(registry, load_settings()),
        encoder=encoder,
        name=registry_name,
        ip=ip,
        port=port,
        host=host,
        open_browser=open_browser,
        tiles=tiles,
        greeting=greeting,
        without_passphrase=without_passphrase,
    )


@verb(bare=True)
def passphrase() -> None:
    """Make the passphrase line for petfinder.toml. It asks twice; the page then hides contacts and changes.

    Example: petfinder passphrase >> petfinder.toml

    From a pipe it reads one line: echo "several words" | petfinder passphrase
    """
    from petfinder.page.access import hash_passphrase

    if somebody_to_ask():
        text = typer.prompt("Passphrase", hide_input=True, confirmation_prompt="Once more", err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""
    if not text:
        raise ConfigError("no passphrase was given")
    say(f"passphrase_hash = '{hash_passphrase(text)}'")
