"""The verbs of the command line: their names and where each lives, so that a verb loads only what it needs itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from inspect import Parameter, signature
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperGroup
from typer.main import get_group

from petfinder.cli.exit_codes import EXIT_CODES
from petfinder.cli.output import errors_reported, stopped

_VERBS_OF = [
    ("demo", "demo"),
    ("register", "register"),
    ("find", "find similar"),
    ("pets", "owner list info status update remove"),
    ("find", "duplicates"),
    ("reports", "report counterparts pairs confirm dismiss undo stale renew"),
    ("files", "export"),
    ("register", "import"),
    ("files", "copy"),
    ("indexes", "index"),
    ("evaluate", "evaluate"),
    ("train", "train"),
    ("watch", "watch"),
    ("serve", "serve passphrase"),
]
HOMES = {verb: home for home, verbs in _VERBS_OF for verb in verbs.split()}
"""The module of `petfinder.cli` that each verb is defined in, in the order of the help."""


class Verbs(TyperGroup):
    """The group of all verbs: knows their names, and loads the module of the one that is called for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the order of the help."""
        return [*HOMES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of this name; None where there is none, and then all are loaded, so that a like one is proposed."""
        if cmd_name not in self.commands:
            for home in {HOMES[cmd_name]} if cmd_name in HOMES else {*HOMES.values()}:
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
        bool, Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the registered pet that a stranger's photo shows, and say who to call."""


def verb(
    name: str | None = None, *, group: typer.Typer = app, bare: bool = False, **makers: Callable[..., Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a verb, its errors one sentence and an exit code.

    `makers` make values of options: a parameter that is named like one of them is replaced by the maker's own
    parameters. A verb shows its help where it is called without arguments, unless it is good for something `bare`.
    """
    return lambda function: group.command(name, no_args_is_help=not bare)(_with_options(function, makers))


def _with_options(function: Callable[..., None], makers: Mapping[str, Callable[..., Any]]) -> Callable[..., None]:
    options = {name: signature(maker, eval_str=True).parameters for name, maker in makers.items()}
    own = signature(function, eval_str=True)

    @wraps(function)
    def made(**chosen: Any) -> None:
        with errors_reported():
            values = {name: makers[name](**{one: chosen.pop(one) for one in options[name]}) for name in makers}
            function(**values, **chosen)

    parameters = [
        option.replace(kind=Parameter.KEYWORD_ONLY)
        for name, kept in own.parameters.items()
        for option in (options[name].values() if name in makers else [kept])
    ]
    made.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    made.__annotations__ = {option.name: option.annotation for option in parameters}
    return made
