"""The verb that sends alerts: watch."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from petfinder.cli.app import verb
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import RegistryNameOption, RegistryOption, place_of_registry
from petfinder.cli.output import note
from petfinder.domain.errors import ConfigError, StoreError
from petfinder.registry.connect import open_registry
from petfinder.registry.settings import FILE, load_settings


@verb(bare=True)
def watch(
    registry: RegistryOption = None,
    registry_name: RegistryNameOption = None,
    every: Annotated[float, Option("--every", min=1, metavar="SECONDS", help="How often to look.")] = 60,
    once: Annotated[bool, Option("--once", help="Look once; 1 if somebody could not be told.")] = False,
    state: Annotated[
        Path | None, Option("--state", metavar="FILE", help="Keeps who was told what; else a file in your own folder.")
    ] = None,
) -> None:
    """Tell people of new possible matches by mail, chat or hook; needs the `alerts` extra. Ctrl-C ends it.

    Whom to tell stands in petfinder.toml, below [[alerts]] each: name, url (appriseit.com), and where wanted least
    (the probability) and digest = "daily". A new name is told of all open pairs.

    Example: petfinder watch --registry pets.db --every 300
    """
    from petfinder.alerts.watch import Channel, Watch

    settings = load_settings(name=registry_name)
    if not settings.alerts or len({receiver.name for receiver in settings.alerts}) < len(settings.alerts):
        raise ConfigError(f"write whom to tell into {FILE}: below [[alerts]] each, with a url and a name of its own")
    channels = [*map(Channel, settings.alerts)]
    place = place_of_registry(registry, settings)
    with open_registry(place, settings, create=False) as opened:
        where = opened if place is None or "://" in place else Path(place).resolve()
        mark = sha256(f"{opened.name} {where}".encode()).hexdigest()[:12]
        told = state or Path(typer.get_app_dir("petfinder")) / f"alerts-{mark}.json"
        watching = Watch(opened, channels, told, settings.alerts_an_hour, say=note)
        while True:
            try:
                all_told = watching.round()
            except StoreError as error:
                if once:
                    raise
                note(f"{error}; the next look is in {every:g} seconds")
            if once:
                raise typer.Exit(0 if all_told else NOTHING_FOUND)
            time.sleep(every)
