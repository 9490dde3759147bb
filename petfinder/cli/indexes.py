"""The verbs `petfinder index …`: the indexes of a store, made, listed, encoded anew, renamed, deleted."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument, Option

from petfinder.cli.app import app, verb
from petfinder.cli.options import EncoderOption, PetOptions, RegistryOptions, server_settings
from petfinder.cli.output import ask, stopped
from petfinder.display import wording
from petfinder.display.data import index_as_data, report_as_data
from petfinder.domain.errors import ConfigError
from petfinder.domain.pets import SPECIES
from petfinder.encoders.base import identity_of
from petfinder.encoders.load import load_encoder
from petfinder.registry.encoder_choice import check_name
from petfinder.registry.settings import load_settings

indexes = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(indexes, name="index")

NameArgument = Annotated[str, Argument(metavar="NAME", help="The index, as `petfinder index list` shows it.")]
SettingOption = Annotated[
    list[str] | None, Option("--setting", metavar="NAME=VALUE", help="On a server: shards, replicas ...; repeatable.")
]


@indexes.callback()
def index() -> None:
    """Manage the indexes, one for each species of a registry.

    Example: petfinder index list --registry pets.db
    """


@verb(group=indexes, bare=True, options=PetOptions)
def create(
    name: Annotated[str | None, Argument(metavar="NAME", help="Else the registry's own: pets-dogs.")] = None,
    settings: SettingOption = None,
    encoder: EncoderOption = None,
    *,
    options: PetOptions,
) -> None:
    """Make an empty index for one species. Registering does so by itself.

    Example: petfinder index create --species cat --setting shards=3 --registry https://host:9200
    """
    wanted = server_settings(settings, options.registry)
    if name is not None:
        check_name(name, options.species)
    with options.open(encoder, create=True) as opened:
        whose = name or opened.index_name(options.species)
        made = opened.util.create_index(whose, SPECIES[options.species], encoder=opened.encoder, settings=wanted)
    options.say(index_as_data(made), str(made))


@verb("list", group=indexes, bare=True, options=RegistryOptions)
def list_(options: RegistryOptions) -> None:
    """List all indexes of a store. Other registries' and kept old ones are among them.

    Example: petfinder index list --registry pets.db
    """
    with options.open() as opened:
        found = opened.util.list_indexes()
    options.say([*map(index_as_data, found)], "\n".join(map(str, found)) or "No indexes.")


@verb(group=indexes, options=RegistryOptions)
def info(name: NameArgument, options: RegistryOptions) -> None:
    """Say what one index holds and which encoder filled it.

    Example: petfinder index info pets-dogs --registry pets.db
    """
    with options.open() as opened:
        found = opened.util.info(name)
    data = index_as_data(found)
    measured = data["own_thresholds"]
    own = "" if measured is None else f"\nits own thresholds: {wording.clean(measured) or 'given'}"
    options.say(data, f"{found}{own}")


@verb(group=indexes, options=RegistryOptions)
def rebuild(
    name: NameArgument,
    encoder: Annotated[
        str | None, Option("--encoder", metavar="NAME", help="What encodes all photos; none to change settings only.")
    ] = None,
    settings: SettingOption = None,
    keep_old: Annotated[
        bool, Option("--keep-old/--no-keep-old", help="Keep the old index under another name, or delete it.")
    ] = True,
    *,
    options: RegistryOptions,
) -> None:
    """Make an index anew by another encoder, or with other settings. Others search and write meanwhile.

    Example: petfinder index rebuild pets-dogs --encoder clip-ViT-B-32 --registry pets.db

    Stopped by Ctrl-C, the old index stays in use. Exits with 1 if a photo could not be read.
    """
    wanted, known = server_settings(settings, options.registry), load_settings()
    with options.open() as opened:
        opened.util.info(name)
        chosen = load_encoder(encoder, device=known.device) if encoder else None
        if chosen:
            identity_of(chosen)  # raises before anything is made
        try:
            report = opened.util.rebuild(name, chosen, settings=wanted, keep_old=keep_old, limits=known.photo_limits)
        except KeyboardInterrupt as stop:
            raise stopped(f"{name} is in use as it was; the same again goes on where this stopped") from stop
    old = f"\nthe old index is kept as {report.kept}; petfinder index delete erases it" if report.kept else ""
    options.say({"name": name, **report_as_data(report)}, f"{name}: {report}{old}", nothing=bool(report.failures))


@verb(group=indexes, options=RegistryOptions)
def delete(
    name: NameArgument, yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False, *, options: RegistryOptions
) -> None:
    """Erase an index and every pet in it. Asks for its name to be typed.

    Example: petfinder index delete pets-dogs-000001 --yes --registry pets.db
    """
    with options.open() as opened:
        there = opened.util.info(name)
        if not yes and ask("deleting", f"{wording.clean(str(there))}\nType its name to erase it:") != name:
            raise ConfigError("that is another name; nothing is deleted")
        opened.util.delete_index(name)
    options.say({"deleted": name}, f"deleted: {name}")


@verb(group=indexes, options=RegistryOptions)
def rename(
    name: NameArgument,
    new_name: Annotated[str, Argument(metavar="NEW_NAME", help="Lower-case letters, digits, - and _.")],
    *,
    options: RegistryOptions,
) -> None:
    """Give an index another name.

    Example: petfinder index rename pets-dogs shelter-dogs --registry pets.db
    """
    with options.open() as opened:
        opened.util.rename(name, new_name)
        renamed = opened.util.info(new_name)
    options.say(index_as_data(renamed), str(renamed))
