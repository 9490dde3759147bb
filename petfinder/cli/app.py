"""The verbs of the command line: their names and where each lives, so that a verb loads only what it needs itself."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from petfinder.cli.exit_codes import EXIT_CODES
from petfinder.cli.output import stopped

HOMES = {
    "demo": "demo",
    "register": "register",
    "find": "find",
    "similar": "find",
    "owner": "pets",
    "list": "pets",
    "info": "pets",
    "status": "pets",
    "update": "pets",
    "remove": "pets",
    "duplicates": "find",
    "export": "files",
    "import": "register",
    "copy": "files",
    "index": "indexes",
    "evaluate": "evaluate",
    "train": "train",
    "serve": "serve",
    "passphrase": "serve",
}
"""The module of `petfinder.cli` that each verb is defined in, in the order of the help."""


class Verbs(TyperGroup):
    """The group of all verbs: knows their names, and loads the module of the one that is called for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the order of the help."""
        return [*HOMES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of this name; None where there is none, and then all are loaded, so that a like one is proposed."""
        homes = {HOMES[cmd_name]} if cmd_name in HOMES else {*HOMES.values()}
        if self.commands.keys().isdisjoint({cmd_name}):
            for home in homes:
                import_module(f"petfinder.cli.{home}")
            self.commands.update(get_group(app).commands)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; Ctrl-C before it began ends like Ctrl-C later."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise stopped("nothing was done") from error


app = typer.Typer(
    cls=Verbs,
    epilog=f"Begin with: petfinder demo\n\n{EXIT_CODES}",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from petfinder import __version__

        typer.echo(f"petfinder {__version__}")
        raise typer.Exit


@app.callback()
def petfinder(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the registered pet that a stranger's photo shows, and say who to call."""
